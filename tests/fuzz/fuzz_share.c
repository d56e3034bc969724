/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_share.c: libFuzzer on a region that comes through a socket.
 *
 * The input is one byte that chooses the socket and the files, then the message and the list of
 * chunks. What is received can be used to its last byte; what is refused leaves nothing.
 */
#include "weir/base.h"
#include "weir/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of the first byte. */
#define SEQPACKET   1
#define UNSEALED    2
#define NO_FILE     4
#define SECOND_FILE 8
#define LATE_FILE   16
#define OTHER_SIZE  32

#define MESSAGE_SIZE 72          /* lib/mem/share.c */
#define RESERVED_AT  24          /* bytes of addresses in it */
#define TOUCH_MAX    (64u << 20) /* a sparse file may be larger than the memory */

static void check(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "%s: %s\n", what, weir_last_error());
	abort();
}

static size_t open_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	size_t count = 0;

	while (folder && readdir(folder))
		count++;
	if (folder)
		closedir(folder);
	return count;
}

/* A file of the size that the message claims. */
static int claimed_file(const uint8_t *message, size_t size, uint8_t choice)
{
	int file = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint64_t claimed = 0;

	check(file >= 0, "memfd_create");
	if (size >= RESERVED_AT + sizeof(claimed))
		memcpy(&claimed, message + RESERVED_AT, sizeof(claimed));
	if (choice & OTHER_SIZE)
		claimed /= 2;
	if (ftruncate(file, (off_t)claimed) == 0 && !(choice & UNSEALED))
		check(fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK) == 0, "seal");
	return file;
}

static void give(int socket, const uint8_t *bytes, size_t size, const int *files, size_t count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))] = {0};
	struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *header = (struct cmsghdr *)control;

	if (size == 0)
		return;
	if (count) {
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(header), files, count * sizeof(int));
	}
	check(sendmsg(socket, &message, 0) == (ssize_t)size, "sendmsg");
}

static void use(struct weir_region *region)
{
	uint8_t *base = weir_region_base(region);
	size_t size = weir_region_max_size(region), chunk = weir_region_chunk(region);

	check(weir_region_size(region) <= size + chunk, "more pages than addresses");
	for (size_t at = 0; at < size && at < TOUCH_MAX; at += chunk) {
		size_t end = at + chunk < size ? at + chunk : size;

		if (weir_region_pages_at(region, at) == WEIR_PAGES_ANY)
			continue;
		base[at] = 1;
		base[end - 1] = 1;
	}
	free(weir_mem_report(true));
}

static void deliver(const uint8_t *data, size_t size, uint8_t choice)
{
	size_t first = size < MESSAGE_SIZE ? size : MESSAGE_SIZE, count;
	struct weir_region *region;
	int ends[2], files[2];

	check(socketpair(AF_UNIX, choice & SEQPACKET ? SOCK_SEQPACKET : SOCK_STREAM, 0, ends) == 0,
		"socketpair");
	files[0] = claimed_file(data, size, choice);
	files[1] = dup(files[0]);
	count = choice & NO_FILE ? 0 : choice & SECOND_FILE ? 2 : 1;
	give(ends[0], data, first, files, count);
	give(ends[0], data + first, size - first, files, choice & LATE_FILE ? 1 : 0);
	close(ends[0]);
	close(files[0]);
	close(files[1]);
	region = weir_region_receive(ends[1]);
	if (region)
		use(region);
	else
		check(errno > 0 && strlen(weir_last_error()) > 10, "refused without a reason");
	weir_region_destroy(region);
	close(ends[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t before = open_files();

	if (size < 1)
		return 0;
	deliver(data + 1, size - 1, data[0]);
	check(open_files() == before, "files are left");
	return 0;
}
