/* SPDX-License-Identifier: BSD-3-Clause */
/* captures.c: the capture files that a bench is measured on: the one of --input, or made here.
 *
 * Those are a million packets of 64 bytes, and a million of the simple IMIX, 7 of 64, 4 of 570 and
 * 1 of 1,518 bytes. No disk is measured: a file that is only read is in the page cache of one, as a
 * capture of today is, and one that is written on tmpfs where there is one.
 */
#include "bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define PACKETS       1000000
#define PACKET_HEADER 16
#define WRITE_BYTES   (1 << 20) /* so that the cache has large pages, as of a file from a disk */

static const struct input {
	const char *name;
	uint32_t sizes[12];
	uint32_t count;
} inputs[] = {
	{"64", {64}, 1},
	{"imix", {64, 570, 64, 570, 64, 64, 1518, 64, 570, 64, 570, 64}, 12},
};

/* The file's header, and one of each packet; see draft-ietf-opsawg-pcap. */
static bool write_header(FILE *file)
{
	const uint32_t header[] = {0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1};

	return fwrite(header, sizeof(header), 1, file) == 1;
}

static bool write_packet(FILE *file, uint32_t number, uint32_t size)
{
	static const uint8_t ethernet_ip[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45};
	uint8_t packet[1518] = {0};
	const uint32_t header[] = {number / 1000000, number % 1000000, size, size};

	memcpy(packet, ethernet_ip, sizeof(ethernet_ip));
	memcpy(packet + 26, &number, sizeof(number));
	return fwrite(header, sizeof(header), 1, file) == 1 && fwrite(packet, size, 1, file) == 1;
}

/* Make the file at path, whose name is a template of mkstemp, and wait until nobody writes it to a
 * disk any more. 0 or -errno. */
static int make_input(const struct input *input, char *path)
{
	static char buffer[WRITE_BYTES];
	int fd = mkstemp(path);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	bool written;

	if (!file)
		return -errno;
	setvbuf(file, buffer, _IOFBF, sizeof(buffer));
	written = write_header(file);
	for (uint32_t i = 0; written && i < PACKETS; i++)
		written = write_packet(file, i, input->sizes[i % input->count]);
	written = written && fflush(file) == 0 && fsync(fd) == 0;
	if (fclose(file) != 0 || !written) {
		unlink(path);
		return errno ? -errno : -EIO;
	}
	return 0;
}

static uint64_t bytes_of(const struct input *input)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < input->count; i++)
		bytes += input->sizes[i] + PACKET_HEADER;
	return bytes * PACKETS / input->count;
}

/* What is written, too, is in memory when that has room for both. */
static const char *choose_folder(const struct bench *bench, const struct input *input)
{
	struct statvfs memory;

	if (strncmp(bench->name, "convert", 7) == 0 && statvfs("/dev/shm", &memory) == 0 &&
		access("/dev/shm", W_OK) == 0 &&
		memory.f_bavail * memory.f_frsize > 2 * bytes_of(input))
		return "/dev/shm";
	return "/var/tmp";
}

/* Captures that were made, for all benches of this run. */
static struct made {
	const struct input *input;
	const char *folder;
	char path[64];
} made[4];
static size_t made_count;

static void remove_made(void)
{
	for (size_t i = 0; i < made_count; i++)
		unlink(made[i].path);
}

/* The capture of this input in this folder; NULL with errno. */
static const char *find_made(const struct input *input, const char *folder)
{
	struct made *one = &made[made_count];
	int error;

	for (size_t i = 0; i < made_count; i++)
		if (made[i].input == input && strcmp(made[i].folder, folder) == 0)
			return made[i].path;
	if (made_count == 0)
		atexit(remove_made);
	*one = (struct made){.input = input, .folder = folder};
	snprintf(one->path, sizeof(one->path), "%s/weir-bench-XXXXXX", folder);
	error = make_input(input, one->path);
	if (error) {
		errno = -error;
		return NULL;
	}
	made_count++;
	return one->path;
}

static int measure_made(struct bench_run *run, const struct bench *bench, const struct input *input,
	bench_measure_file *measure_one)
{
	const char *folder = choose_folder(bench, input);
	const char *path = find_made(input, folder);
	char written[sizeof(made[0].path) + 4];
	int result;

	if (!path)
		return bench_fail(run, bench->name, folder, strerror(errno));
	result = measure_one(run, bench, input->name, path);
	snprintf(written, sizeof(written), "%s.out", path); /* where something was */
	unlink(written);
	return result;
}

int bench_replay_files(
	struct bench_run *run, const struct bench *bench, bench_measure_file *measure_one)
{
	int result = 0;

	if (run->options.input)
		return measure_one(run, bench, "input", run->options.input);
	for (size_t i = 0; result == 0 && i < sizeof(inputs) / sizeof(*inputs); i++)
		if (options_has(run->options.variants, inputs[i].name))
			result = measure_made(run, bench, &inputs[i], measure_one);
	return result;
}
