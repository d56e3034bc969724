/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_capture.c: libFuzzer on the capture reader and writer.
 *
 * The input is a file. Every byte of every packet is read; the packets are written as pcapng and
 * read back, and must be the same ones; and a second reading of the input, after a rewind, must
 * find what the first one found. So must a reading into blocks, in which some packets are kept to
 * the end and all others are written over, with their headroom, once they were looked at. */
#include "capture/take_impl.h"
#include "weir/base.h"
#include "weir/capture.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

/* A small compressed file may unpack to gigabytes; the fuzzer has no time for that. */
#define PACKETS_MAX 2000
#define BYTES_MAX   (8u << 20)

/* What a walk over a file found. */
struct walk {
	uint64_t hash; /* of everything the reader said about every packet */
	uint64_t bytes;
	uint32_t packets;
	int end;
};

static void check(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "%s: %s\n", what, weir_last_error());
	abort();
}

/* FNV-1a. */
static void add(struct walk *walk, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < size; i++)
		walk->hash = (walk->hash ^ bytes[i]) * 0x100000001b3u;
}

/* The interface is not written as it was read: leave it out, but not from the checks. */
static void add_packet(struct walk *walk, const struct weir_capture_packet *packet, uint8_t *data)
{
	add(walk, &packet->timestamp_ns, sizeof(packet->timestamp_ns));
	add(walk, &packet->length, sizeof(packet->length));
	add(walk, &packet->wire_length, sizeof(packet->wire_length));
	add(walk, &packet->link_type, sizeof(packet->link_type));
	add(walk, data, packet->length);
	walk->bytes += packet->length;
	walk->packets++;
}

static void write_packet(
	struct weir_capture_writer *writer, const struct weir_capture_packet *packet, uint8_t *data)
{
	uint32_t half = packet->length / 2;
	struct iovec pieces[] = {
		{.iov_base = data, .iov_len = half},
		{.iov_base = data + half, .iov_len = packet->length - half},
	};

	check(weir_capture_write(writer, packet, pieces, 2) == 0, "a packet cannot be written");
}

/* Walk to the end, and hand the packets to the writer when there is one. */
static struct walk walk(struct weir_capture_reader *reader, struct weir_capture_writer *writer)
{
	struct walk found = {.hash = 0xcbf29ce484222325u};
	struct weir_capture_packet packet, again;
	uint8_t *data, *same;

	while (found.packets < PACKETS_MAX && found.bytes < BYTES_MAX) {
		found.end = weir_capture_peek(reader, &packet, &data);
		if (found.end != 1)
			break;
		check(weir_capture_peek(reader, &again, &same) == 1 && same == data &&
				again.length == packet.length,
			"a second peek differs");
		add_packet(&found, &packet, data);
		if (writer != NULL)
			write_packet(writer, &packet, data);
		weir_capture_advance(reader);
	}
	if (found.end != 1)
		check(weir_capture_next(reader, &packet, &data) == found.end,
			"a second end differs");
	return found;
}

/* Packets that are kept where they were read. */
#define KEPT_MAX 64
#define AT_ONCE  8

struct kept {
	struct weir__block *block;
	struct weir__record record;
	struct walk walk; /* of this one */
};

struct blocks {
	struct weir_capture_reader *reader;
	struct walk found;
	struct kept kept[KEPT_MAX];
	uint32_t kept_count;
};

static void add_record(struct walk *walk, const struct weir__record *record)
{
	const struct weir_capture_packet packet = {.timestamp_ns = record->timestamp_ns,
		.length = record->length,
		.wire_length = record->wire_length,
		.link_type = weir__kind_link_type(record->kind)};

	add_packet(walk, &packet, record->data);
}

/* Every seventh packet is kept as long as there is room; where blocks are short all are copied. */
static void look_at(struct blocks *blocks, const struct weir__record *record)
{
	struct weir__block *block = weir__capture_block(blocks->reader);
	struct kept *kept = &blocks->kept[blocks->kept_count];

	add_record(&blocks->found, record);
	if (!block || blocks->found.packets % 7 != 1 || blocks->kept_count == KEPT_MAX) {
		memset(record->data - weir__kind_headroom(record->kind), 0xee,
			weir__kind_headroom(record->kind) + record->length);
		return;
	}
	weir__block_take(block, 1);
	*kept = (struct kept){.block = block, .record = *record};
	add_record(&kept->walk, record);
	blocks->kept_count++;
}

static bool go_on(const struct walk *found)
{
	return found->packets < PACKETS_MAX && found->bytes < BYTES_MAX;
}

/* One packet by the careful way. */
static void look_at_next(struct blocks *blocks)
{
	struct weir_capture_packet packet;
	struct weir__record record;
	uint8_t *data;

	blocks->found.end = weir_capture_peek(blocks->reader, &packet, &data);
	if (blocks->found.end != 1)
		return;
	record = (struct weir__record){packet.timestamp_ns, data, packet.length, packet.wire_length,
		weir__record_kind(&packet, (uint16_t)weir__capture_headroom(blocks->reader, data))};
	weir_capture_advance(blocks->reader);
	look_at(blocks, &record);
}

static struct walk walk_blocks(const char *path)
{
	struct weir__record records[AT_ONCE];
	struct blocks blocks = {.reader = weir__capture_open_blocks(path),
		.found = {.hash = 0xcbf29ce484222325u, .end = 1}};
	uint32_t count;

	check(blocks.reader != NULL, "the file does not open into blocks");
	while (blocks.found.end == 1 && go_on(&blocks.found)) {
		count = weir__capture_take(blocks.reader, records, AT_ONCE);
		for (uint32_t i = 0; i < count && go_on(&blocks.found); i++)
			look_at(&blocks, &records[i]);
		if (count == 0)
			look_at_next(&blocks);
	}
	weir_capture_close(blocks.reader);
	for (uint32_t i = 0; i < blocks.kept_count; i++) {
		struct walk again = {0};

		add_record(&again, &blocks.kept[i].record);
		check(again.hash == blocks.kept[i].walk.hash, "a packet that was kept has changed");
		weir__block_drop(blocks.kept[i].block, 1);
	}
	return blocks.found;
}

static void fd_path(char path[static 32], int fd)
{
	snprintf(path, 32, "/proc/self/fd/%d", fd);
}

/* A descriptor of an empty file in memory, emptied again for each input. */
static int memory_file(const char *name)
{
	int fd = memfd_create(name, 0);

	check(fd >= 0, "memfd_create");
	return fd;
}

/* What was written reads as what was found. */
static void check_copy(const char *path, const struct walk *found)
{
	struct weir_capture_reader *reader = weir_capture_open(path);
	struct walk copy;

	check(reader != NULL, "the copy does not open");
	copy = walk(reader, NULL);
	weir_capture_close(reader);
	check(copy.packets == found->packets && copy.hash == found->hash, "the copy differs");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int input_fd = -1, copy_fd = -1;
	char input[32], copy[32];
	struct weir_capture_reader *reader;
	struct weir_capture_writer *writer;
	struct walk found, again;

	if (input_fd < 0) {
		input_fd = memory_file("input");
		copy_fd = memory_file("copy");
	}
	fd_path(input, input_fd);
	fd_path(copy, copy_fd);
	check(ftruncate(input_fd, 0) == 0, "ftruncate");
	check(pwrite(input_fd, data, size, 0) == (ssize_t)size, "pwrite");

	reader = weir_capture_open(input);
	if (reader == NULL)
		return 0;
	/* The largest snapshot length, so that no packet of an odd file is above it. */
	writer = weir_capture_create(copy, WEIR_CAPTURE_PCAPNG, INT32_MAX);
	check(writer != NULL, "no writer");
	found = walk(reader, writer);
	check(weir_capture_finish(writer) == 0, "the copy cannot be finished");
	check_copy(copy, &found);
	check(weir_capture_rewind(reader) == 0, "the file cannot be rewound");
	again = walk(reader, NULL);
	check(again.hash == found.hash && again.end == found.end, "a second reading differs");
	again = walk_blocks(input);
	check(again.hash == found.hash && again.end == found.end, "reading into blocks differs");
	weir_capture_close(reader);
	return 0;
}
