/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_capture.c: libFuzzer on the capture reader and writer.
 *
 * The input is a file. Every byte of every packet is read; the packets are written as pcapng and
 * read back, and must be the same ones; and a second reading of the input, after a rewind, must
 * find what the first one found. */
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
	weir_capture_close(reader);
	return 0;
}
