/* SPDX-License-Identifier: BSD-3-Clause */
/* reader.c: open a capture file of either format and walk its packets. */
#include "capture_impl.h"

#include "base/base_impl.h"
#include "weir/base.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

const char *weir__byte_order(bool swapped)
{
	bool little = (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) != swapped;

	return little ? "little" : "big";
}

static int refuse(const struct weir_capture_reader *reader, const uint8_t *at)
{
	return weir__fail(EBADMSG,
		"%s: is neither pcap nor pcapng%s%s: it starts with %02x %02x %02x %02x",
		reader->source.path, reader->source.codec != NULL ? " inside " : "",
		reader->source.codec != NULL ? reader->source.codec->name : "", at[0], at[1], at[2],
		at[3]);
}

/* Find out the format by its magic, and let it read the file's header. */
static int start_format(struct weir_capture_reader *reader)
{
	uint32_t magic;
	int got;

	got = weir__source_need(&reader->source, sizeof(magic), "the file header");
	if (got < 0)
		return got;
	if (got == 0)
		return weir__fail(EBADMSG, "%s: is empty, not even a capture's header is there",
			reader->source.path);
	for (int swapped = 0; swapped < 2; swapped++) {
		magic = weir__load32(reader->source.at, swapped);
		reader->swapped = swapped;
		switch (magic) {
		case WEIR__PCAP_MAGIC_US:
		case WEIR__PCAP_MAGIC_NS:
		case WEIR__PCAP_MAGIC_MODIFIED:
			return weir__pcap_start(reader, magic);
		case WEIR__PCAPNG_SECTION:
			return weir__pcapng_start(reader);
		default:
			break;
		}
	}
	return refuse(reader, reader->source.at);
}

/* Leave the source at the first packet or block. */
static int start(struct weir_capture_reader *reader)
{
	int result = start_format(reader);
	size_t length = strlen(reader->description);

	if (result == 0 && reader->source.codec != NULL)
		snprintf(reader->description + length, sizeof(reader->description) - length, ", %s",
			reader->source.codec->name);
	return result;
}

/* What an opened reader is besides its file. */
struct wishes {
	bool keep;
	void (*hear)(void *context, const struct weir_capture_remark *remark);
	void *context;
};

static struct weir_capture_reader *open_reader(const char *path, const struct wishes *wishes)
{
	struct weir_capture_reader *reader = calloc(1, sizeof(*reader));
	int result;

	if (reader == NULL)
		return weir__fail_null(ENOMEM, "%s: no memory to read it", path);
	reader->hear = wishes->hear;
	reader->hear_context = wishes->context;
	result = weir__source_open(&reader->source, path, wishes->keep);
	if (result < 0) {
		free(reader);
		errno = -result;
		return NULL;
	}
	result = start(reader);
	if (result < 0) {
		weir_capture_close(reader);
		errno = -result;
		return NULL;
	}
	return reader;
}

struct weir_capture_reader *weir_capture_open(const char *path)
{
	return open_reader(path, &(struct wishes){.keep = false});
}

struct weir_capture_reader *weir_capture_open_hearing(const char *path,
	void (*hear)(void *context, const struct weir_capture_remark *remark), void *context)
{
	return open_reader(path, &(struct wishes){.hear = hear, .context = context});
}

struct weir_capture_reader *weir__capture_open_blocks(const char *path)
{
	return open_reader(path, &(struct wishes){.keep = true});
}

struct weir_capture_reader *weir__capture_open_memory(const char *path, uint8_t *bytes, size_t size)
{
	struct weir_capture_reader *reader = calloc(1, sizeof(*reader));
	int result;

	if (reader == NULL)
		return weir__fail_null(ENOMEM, "%s: no memory to read it", path);
	result = weir__source_open_memory(&reader->source, path, bytes, size);
	if (result == 0)
		result = start(reader);
	if (result < 0) {
		weir_capture_close(reader);
		errno = -result;
		return NULL;
	}
	return reader;
}

struct weir__block *weir__capture_block(const struct weir_capture_reader *reader)
{
	return reader->source.shared ? reader->source.block : NULL;
}

void weir__capture_return(struct weir_capture_reader *reader, const struct weir__record *record)
{
	reader->source.at = record->data - weir__kind_headroom(record->kind);
}

struct weir__block *weir__capture_any_block(const struct weir_capture_reader *reader, bool *copied)
{
	*copied = !reader->source.shared;
	return reader->source.block;
}

uint32_t weir__capture_headroom(const struct weir_capture_reader *reader, const uint8_t *data)
{
	return (uint32_t)(data - reader->source.at);
}

/* A packet's bytes may have to be turned around, or were already by a peek. */
static bool can_take(const struct weir_capture_reader *reader)
{
	return weir_likely(!reader->ended && !reader->swapped && !reader->peeked);
}

uint32_t weir__capture_take(
	struct weir_capture_reader *reader, struct weir__record *records, uint32_t count)
{
	return can_take(reader) ? reader->take(reader, records, count) : 0;
}

bool weir__capture_walk(const struct weir_capture_reader *reader, struct weir__walk *walk)
{
	return reader->walk && can_take(reader) && reader->walk(reader, walk);
}

void weir__capture_walked(struct weir_capture_reader *reader, uint8_t *at)
{
	reader->source.at = at;
}

/* Keep the answer for every further call. */
static int end_with(struct weir_capture_reader *reader, int result)
{
	reader->ended = true;
	reader->result = result;
	if (result < 0)
		reader->sentence = strdup(weir_last_error());
	return result;
}

static int repeat_end(const struct weir_capture_reader *reader)
{
	if (reader->result < 0)
		weir__fail(-reader->result, "%s",
			reader->sentence != NULL ? reader->sentence : reader->source.path);
	return reader->result;
}

void weir_capture_set_nonblocking(struct weir_capture_reader *reader, bool nonblocking)
{
	reader->source.nonblocking = nonblocking;
}

/* A second peek parses the record once more, which is cheaper than to remember it. */
int weir_capture_peek(
	struct weir_capture_reader *reader, struct weir_capture_packet *packet, uint8_t **data)
{
	int got;

	if (weir_unlikely(reader->ended))
		return repeat_end(reader);
	got = reader->find(reader, packet, data);
	if (weir_unlikely(got <= 0))
		return got == -EAGAIN ? got : end_with(reader, got);
	if (weir_unlikely(reader->swapped && !reader->peeked))
		weir__pseudo_header_to_host(packet, *data);
	reader->peeked = true;
	return got;
}

void weir_capture_advance(struct weir_capture_reader *reader)
{
	if (weir_unlikely(!reader->peeked))
		return;
	reader->source.at += reader->record_size;
	reader->peeked = false;
}

int weir_capture_next(
	struct weir_capture_reader *reader, struct weir_capture_packet *packet, uint8_t **data)
{
	int got = weir_capture_peek(reader, packet, data);

	weir_capture_advance(reader);
	return got;
}

int weir_capture_rewind(struct weir_capture_reader *reader)
{
	int result = weir__source_rewind(&reader->source);

	if (result == -ESPIPE)
		return result;
	reader->peeked = false;
	reader->ended = false;
	reader->result = 0;
	free(reader->sentence);
	reader->sentence = NULL;
	if (result == 0)
		result = start(reader);
	return result < 0 ? end_with(reader, result) : 0;
}

void weir_capture_progress(
	const struct weir_capture_reader *reader, uint64_t *position, uint64_t *size)
{
	*position = reader->source.raw_offset;
	*size = reader->source.size;
}

const char *weir_capture_describe(const struct weir_capture_reader *reader)
{
	return reader->description;
}

void weir_capture_close(struct weir_capture_reader *reader)
{
	if (reader == NULL)
		return;
	weir__source_close(&reader->source);
	free(reader->interfaces);
	free(reader->sentence);
	free(reader);
}
