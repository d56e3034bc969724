/* SPDX-License-Identifier: BSD-3-Clause */
/* write.c: write packets to a capture file, and let them go on. What the file does not take, as a
 * pipe may, is counted and not waited for. */
#include "stages/stages_impl.h"

#include "weir/capture_write.h"
#include "weir/chain.h"

#include "base/base_impl.h"
#include "mbuf/part_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WRITTEN, BUSY, FAILED };

#define SNAPLEN_MAX 262144
/* The longest packet of a capture in segments of 64 bytes, and one for the rest. */
#define SEGMENTS_MAX (SNAPLEN_MAX / 64 + 1)

struct write_conf {
	struct weir_capture_writer *writer;
	char *note;                        /* of each packet; NULL: none */
	struct iovec pieces[SEGMENTS_MAX]; /* of a packet: there is one worker */
};

static int take_format(struct weir_stage_args *args, enum weir_capture_format *format)
{
	static const char *const words[] = {"by-name", "pcap", "pcap-us", "pcapng", NULL};
	static const enum weir_capture_format formats[] = {WEIR_CAPTURE_PCAP_NS,
		WEIR_CAPTURE_PCAP_NS, WEIR_CAPTURE_PCAP_US, WEIR_CAPTURE_PCAPNG};
	int word = weir_stage_arg_word(args, "format", words);

	if (word > 0)
		*format = formats[word];
	return word < 0 ? word : 0;
}

static int open_write(struct weir_stage_args *args, void *conf)
{
	const char *note = weir_stage_arg(args, "note");
	struct weir_capture_file file = {.path = weir_stage_arg(args, NULL),
		.in_place = true,
		.comment = weir_stage_arg(args, "comment")};
	struct write_conf *write = conf;
	uint64_t snaplen = 0;

	if (!file.path)
		return weir_stage_fail(EINVAL, "needs a file, as in out.pcapng");
	weir_capture_by_name(file.path, &file.format, &file.codec);
	if (take_format(args, &file.format) ||
		weir_stage_arg_number(args, "snaplen", 0, SNAPLEN_MAX, &snaplen))
		return -EINVAL;
	file.snaplen = (uint32_t)snaplen;
	write->note = note ? strdup(note) : NULL;
	if (note && !write->note)
		return weir_stage_fail(ENOMEM, "no memory for a note");
	write->writer = weir_capture_create_file(&file);
	if (write->writer) {
		weir_capture_set_writer_nonblocking(write->writer, true);
		return 0;
	}
	free(write->note);
	return -errno;
}

static void close_write(void *conf)
{
	struct write_conf *write = conf;

	weir_capture_finish(write->writer);
	free(write->note);
}

static int setup(struct weir_stage *stage)
{
	if (stage->workers == 1)
		return 0;
	return weir_stage_fail(EINVAL,
		"%u workers would write to one file: put a ring with one worker behind it in "
		"front",
		stage->workers);
}

/* Here, where what did not reach the file can still be counted. */
static void teardown(struct weir_stage *stage)
{
	struct write_conf *write = stage->conf;

	if (weir_capture_finish(write->writer))
		weir_stage_count(stage, FAILED, 1);
	write->writer = NULL;
}

/* 0, or -errno. */
static int write_one(struct write_conf *write, const struct weir_mbuf *mbuf)
{
	struct weir_capture_packet packet = {
		.timestamp_ns = mbuf->flags & WEIR_MBUF_TIMESTAMP ? mbuf->timestamp_ns
								  : weir__realtime_ns(),
		.length = mbuf->length,
		.wire_length = weir_mbuf_wire_length(mbuf),
		.link_type = weir_mbuf_link_type(mbuf),
		.direction = weir__mbuf_direction(mbuf),
	};
	struct weir_capture_note note = {.comment = write->note};
	uint32_t count = weir_mbuf_iovec(mbuf, 0, mbuf->length, write->pieces, SEGMENTS_MAX);

	if (weir_unlikely(count > SEGMENTS_MAX))
		return -EMSGSIZE;
	return weir_capture_write_noted(write->writer, &packet, write->pieces, count, &note);
}

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	uint64_t counts[3] = {0};

	for (uint32_t i = 0; i < count; i++) {
		int error = write_one(stage->conf, mbufs[i]);

		counts[!error ? WRITTEN : error == -EAGAIN ? BUSY : FAILED]++;
	}
	for (uint32_t i = 0; i < 3; i++)
		if (counts[i])
			weir_stage_count(stage, i, counts[i]);
	weir_stage_pass(stage, 0, mbufs, count);
}

static const char *const counters[] = {"written", "file busy", "file failed", NULL};

const struct weir_stage_type weir__stage_write = {
	.name = "write",
	.help = "write packets to a capture file and let them go on",
	.edges = weir__stage_out,
	.counters = counters,
	.conf_size = sizeof(struct write_conf),
	.open = open_write,
	.close = close_write,
	.setup = setup,
	.teardown = teardown,
	.run = run,
};
