/* SPDX-License-Identifier: BSD-3-Clause */
/* capture_files.h: build capture files byte by byte, for the tests of the reader.
 *
 * A file grows in memory in the byte order it was given; open_file() lets the reader read it. The
 * builders write what they are told, sense or not.
 */
#ifndef CAPTURE_FILES_H
#define CAPTURE_FILES_H

#include "weir/base.h"
#include "weir/capture.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PCAP_US       0xa1b2c3d4u
#define PCAP_NS       0xa1b23c4du
#define PCAP_MODIFIED 0xa1b2cd34u

struct file {
	bool big; /* byte order of what is put next */
	size_t size;
	size_t room;
	uint8_t *bytes;
};

static inline void put_bytes(struct file *file, const void *bytes, size_t size)
{
	if (file->size + size > file->room) {
		file->room = 2 * (file->size + size);
		file->bytes = realloc(file->bytes, file->room);
		if (file->bytes == NULL)
			abort();
	}
	if (size > 0)
		memcpy(file->bytes + file->size, bytes, size);
	file->size += size;
}

/* The low bytes of value. */
static inline void put(struct file *file, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++) {
		uint8_t byte = (uint8_t)(value >> 8 * (file->big ? bytes - 1 - i : i));

		put_bytes(file, &byte, 1);
	}
}

/* Packet number n has these bytes; any two packets differ. */
static inline uint8_t pattern(uint32_t n, uint32_t at)
{
	return (uint8_t)(n * 37 + at * 11 + (at >> 8));
}

static inline void put_pattern(struct file *file, uint32_t n, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++)
		put(file, pattern(n, i), 1);
}

static inline bool is_pattern(const uint8_t *data, uint32_t n, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++)
		if (data[i] != pattern(n, i))
			return false;
	return true;
}

static inline void pcap_header(struct file *file, uint32_t magic, unsigned major, unsigned minor,
	uint32_t snaplen, uint32_t link)
{
	put(file, magic, 4);
	put(file, major, 2);
	put(file, minor, 2);
	put(file, 0, 8);
	put(file, snaplen, 4);
	put(file, link, 4);
}

/* A record with the words as they stand in the file; the bytes are put after it. */
static inline void pcap_record(
	struct file *file, uint32_t seconds, uint32_t fraction, uint32_t first, uint32_t second)
{
	put(file, seconds, 4);
	put(file, fraction, 4);
	put(file, first, 4);
	put(file, second, 4);
}

/* A plain file of count packets of 60, 61, ... bytes, a second apart from 1000 on. */
static inline struct file pcap_file(bool big, uint32_t magic, uint32_t count)
{
	struct file file = {.big = big};

	pcap_header(&file, magic, 2, 4, 65535, 1);
	for (uint32_t i = 0; i < count; i++) {
		pcap_record(&file, 1000 + i, i, 60 + i, 100 + i);
		if (magic == PCAP_MODIFIED)
			put(&file, 0x0102030405060708u, 8);
		put_pattern(&file, i, 60 + i);
	}
	return file;
}

/* A block of this type around the body, padded. */
static inline void ng_block(struct file *file, uint32_t type, const struct file *body)
{
	uint32_t length = 12 + (((uint32_t)body->size + 3) & ~3u);

	put(file, type, 4);
	put(file, length, 4);
	put_bytes(file, body->bytes, body->size);
	put(file, 0, (4 - (body->size & 3)) & 3);
	put(file, length, 4);
}

/* The same, and the body is freed. */
static inline void ng_block_of(struct file *file, uint32_t type, struct file *body)
{
	ng_block(file, type, body);
	free(body->bytes);
}

static inline void ng_section(struct file *file, bool big)
{
	struct file body = {.big = big};

	file->big = big;
	put(&body, 0x1a2b3c4d, 4);
	put(&body, 1, 2);
	put(&body, 0, 2);
	put(&body, UINT64_MAX, 8);
	ng_block_of(file, 0x0a0d0d0a, &body);
}

static inline void put_option(
	struct file *file, unsigned code, unsigned length, const void *value, size_t size)
{
	put(file, code, 2);
	put(file, length, 2);
	put_bytes(file, value, size);
	put(file, 0, (4 - (size & 3)) & 3);
}

/* An interface with if_tsresol, unless it is 6, the default, and if_tsoffset, unless 0. */
static inline void ng_interface(
	struct file *file, uint16_t link, uint32_t snaplen, uint8_t tsresol, int64_t offset)
{
	struct file body = {.big = file->big};

	put(&body, link, 2);
	put(&body, 0, 2);
	put(&body, snaplen, 4);
	put_option(
		&body, 2, 5, "eth0", 5); /* a name, to be passed; its length is no multiple of 4 */
	if (tsresol != 6)
		put_option(&body, 9, 1, &tsresol, 1);
	if (offset != 0) {
		put(&body, 14, 2);
		put(&body, 8, 2);
		put(&body, (uint64_t)offset, 8);
	}
	put(&body, 0, 4);
	ng_block_of(file, 1, &body);
}

static inline void ng_enhanced(struct file *file, uint32_t interface, uint64_t time, uint32_t n,
	uint32_t length, uint32_t wire)
{
	struct file body = {.big = file->big};

	put(&body, interface, 4);
	put(&body, time >> 32, 4);
	put(&body, time, 4);
	put(&body, length, 4);
	put(&body, wire, 4);
	put_pattern(&body, n, length);
	ng_block_of(file, 6, &body);
}

static inline void ng_obsolete(
	struct file *file, uint16_t interface, uint64_t time, uint32_t n, uint32_t length)
{
	struct file body = {.big = file->big};

	put(&body, interface, 2);
	put(&body, 7, 2); /* drops */
	put(&body, time >> 32, 4);
	put(&body, time, 4);
	put(&body, length, 4);
	put(&body, length, 4);
	put_pattern(&body, n, length);
	ng_block_of(file, 2, &body);
}

static inline void ng_simple(struct file *file, uint32_t n, uint32_t length, uint32_t wire)
{
	struct file body = {.big = file->big};

	put(&body, wire, 4);
	put_pattern(&body, n, length);
	ng_block_of(file, 3, &body);
}

/* A block that carries no packet. */
static inline void ng_other(struct file *file, uint32_t type, size_t size)
{
	struct file body = {.big = file->big};

	while (body.size < size)
		put(&body, body.size, 1);
	ng_block_of(file, type, &body);
}

/* A descriptor of an anonymous file with these bytes, at its start. */
static inline int bytes_fd(const void *bytes, size_t size)
{
	int fd = memfd_create("capture", 0);

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	return fd;
}

static inline struct weir_capture_reader *open_bytes(const void *bytes, size_t size)
{
	struct weir_capture_reader *reader;
	int fd = bytes_fd(bytes, size);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	reader = weir_capture_open(path);
	close(fd);
	return reader;
}

static inline struct weir_capture_reader *open_file(const struct file *file)
{
	return open_bytes(file->bytes, file->size);
}

/* How many packets there are; *end gets the last answer. -1 when it does not even open. */
static inline int count_packets(const void *bytes, size_t size, int *end)
{
	struct weir_capture_reader *reader = open_bytes(bytes, size);
	struct weir_capture_packet packet;
	uint8_t *data;
	int count = 0;

	*end = -errno;
	if (reader == NULL)
		return -1;
	while ((*end = weir_capture_next(reader, &packet, &data)) == 1)
		count++;
	weir_capture_close(reader);
	return count;
}

#endif
