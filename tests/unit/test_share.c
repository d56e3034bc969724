/* SPDX-License-Identifier: BSD-3-Clause */
/* test_share.c: regions that come through a socket: every kind arrives as it was sent, and what a
 * hostile peer sends is refused with a sentence and leaves nothing behind. */
#include "unit.h"

#include "os/os_impl.h"
#include "weir/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define FILES_MAX 8
#define SEALS     (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* What goes over the socket (lib/mem/share.c), as a peer in another language would write it. */
struct message {
	uint64_t magic, max_size, chunk, reserved;
	uint32_t pages;
	char name[32];
	uint8_t unused[4];
};

/* What a peer is about to send. A good one, until a test spoils it. */
struct parcel {
	struct message message;
	size_t size; /* of the first message */
	uint8_t chunks[8];
	size_t chunk_count;
	int files[FILES_MAX];
	size_t file_count;
	bool late_file; /* one with the second message */
	int kind;       /* of the socket */
};

static int memory_file(size_t size, int seals)
{
	int file = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	CU_ASSERT_TRUE_FATAL(file >= 0);
	CU_ASSERT_EQUAL_FATAL(ftruncate(file, (off_t)size), 0);
	if (seals) {
		CU_ASSERT_EQUAL_FATAL(fcntl(file, F_ADD_SEALS, seals), 0);
	}
	return file;
}

/* Four chunks of 2 MiB, of which 0 and 2 have pages. */
static struct parcel good(void)
{
	struct parcel parcel = {
		.message = {.magic = 0x016d656d72696577,
			.max_size = 8 << 20,
			.chunk = 2 << 20,
			.reserved = 8 << 20,
			.pages = WEIR_PAGES_4K,
			.name = "peer"},
		.size = sizeof(parcel.message),
		.chunks = {WEIR_PAGES_4K, 0, WEIR_PAGES_4K, 0},
		.chunk_count = 4,
		.file_count = 1,
		.kind = SOCK_STREAM,
	};

	parcel.files[0] = memory_file(8 << 20, SEALS);
	return parcel;
}

static size_t open_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	size_t count = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

static void send_bytes(int socket, void *bytes, size_t size, const int *files, size_t count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(FILES_MAX * sizeof(int))] = {0};
	struct iovec part = {.iov_base = bytes, .iov_len = size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (count) {
		struct cmsghdr *header = (struct cmsghdr *)control;

		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(header), files, count * sizeof(int));
	}
	CU_ASSERT_EQUAL(sendmsg(socket, &message, 0), (ssize_t)size);
}

/* Send it, close the sending end, receive. The parcel's files are closed. */
static struct weir_region *deliver(struct parcel *parcel)
{
	struct weir_region *region;
	int ends[2];

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, parcel->kind, 0, ends), 0);
	if (parcel->size)
		send_bytes(
			ends[0], &parcel->message, parcel->size, parcel->files, parcel->file_count);
	if (parcel->chunk_count)
		send_bytes(ends[0], parcel->chunks, parcel->chunk_count, parcel->files,
			parcel->late_file);
	close(ends[0]);
	for (size_t i = 0; i < parcel->file_count; i++)
		close(parcel->files[i]);
	region = weir_region_receive(ends[1]);
	close(ends[1]);
	return region;
}

/* It is refused with this errno and these words, and nothing is left. good() has opened a file when
 * `before` was counted. */
static void refused(struct parcel *parcel, int error, const char *words)
{
	size_t before = open_files() - parcel->file_count;
	char *report;

	CU_ASSERT_PTR_NULL(deliver(parcel));
	CU_ASSERT_EQUAL(errno, error);
	if (!strstr(weir_last_error(), words))
		fprintf(stderr, "expected '%s' in: %s\n", words, weir_last_error());
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), words));
	CU_ASSERT_EQUAL(open_files(), before);
	report = weir_mem_report(true);
	CU_ASSERT_STRING_EQUAL(report, "[\n]\n");
	free(report);
}

static void test_by_hand(void)
{
	static const int kinds[] = {SOCK_STREAM, SOCK_SEQPACKET};

	for (size_t i = 0; i < 2; i++) {
		struct parcel parcel = good();
		struct weir_region *region;

		parcel.kind = kinds[i];
		region = deliver(&parcel);
		CU_ASSERT_PTR_NOT_NULL_FATAL(region);
		CU_ASSERT_EQUAL(weir_region_size(region), 4 << 20);
		CU_ASSERT_EQUAL(weir_region_pages_at(region, 0), WEIR_PAGES_4K);
		CU_ASSERT_EQUAL(weir_region_pages_at(region, 2 << 20), WEIR_PAGES_ANY);
		memset((uint8_t *)weir_region_base(region) + (4 << 20), 1, 2 << 20);
		weir_region_destroy(region);
	}
}

static void test_no_message(void)
{
	struct parcel parcel = good();

	parcel.message.magic++;
	refused(&parcel, EPROTO, "another kind of message");
	parcel = good();
	memset(parcel.message.name, 'x', sizeof(parcel.message.name));
	refused(&parcel, EPROTO, "another kind of message");
	parcel = good();
	parcel.size /= 2;
	parcel.chunk_count = 0;
	refused(&parcel, EPROTO, "another length");
	parcel = good();
	parcel.size--;
	parcel.kind = SOCK_SEQPACKET;
	refused(&parcel, EPROTO, "another length");
	parcel = good();
	close(parcel.files[0]);
	parcel.file_count = parcel.size = parcel.chunk_count = 0;
	refused(&parcel, EPROTO, "another length");
}

static void test_wrong_numbers(void)
{
	static const struct message wrong[] = {
		{.max_size = 12 << 20, .chunk = 2 << 20, .reserved = 8 << 20, .pages = 2},
		{.max_size = 8 << 20, .chunk = 0, .reserved = 8 << 20, .pages = 2},
		{.max_size = 8 << 20, .chunk = 16 << 20, .reserved = 8 << 20, .pages = 2},
		{.max_size = 8 << 20, .chunk = 4097, .reserved = 8 << 20, .pages = 2},
		{.max_size = 8 << 20, .chunk = 3 << 20, .reserved = 8 << 20, .pages = 21},
		{.max_size = (8 << 20) - 1, .chunk = 2 << 20, .reserved = 8 << 20, .pages = 2},
		{.max_size = 8 << 20, .chunk = 2 << 20, .reserved = (8 << 20) + 1, .pages = 2},
		{.max_size = UINT64_MAX, .chunk = 2 << 20, .reserved = UINT64_MAX, .pages = 2},
		{.max_size = 0, .chunk = 0, .reserved = 0, .pages = 2},
	};
	static const uint32_t kinds[] = {WEIR_PAGES_ANY, 9, 64, 1u << 31};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct parcel parcel = good();
		uint64_t magic = parcel.message.magic;

		parcel.message = wrong[i];
		parcel.message.magic = magic;
		refused(&parcel, EPROTO, "sizes that do not fit each other");
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct parcel parcel = good();

		parcel.message.pages = kinds[i];
		refused(&parcel, EPROTO, "unknown pages");
	}
}

/* More addresses than there are: a sparse file of that size is no trouble for the peer. */
static void test_huge_numbers(void)
{
	struct parcel parcel = good();

	close(parcel.files[0]);
	parcel.files[0] = memory_file((size_t)1 << 60, SEALS);
	parcel.message.max_size = parcel.message.reserved = (size_t)1 << 60;
	parcel.message.chunk = (size_t)1 << 40;
	refused(&parcel, ENOMEM, "memory addresses are left");
}

static void test_files(void)
{
	struct parcel parcel = good();

	close(parcel.files[0]);
	parcel.file_count = 0;
	refused(&parcel, EPROTO, "no file came with it");
	parcel = good();
	close(parcel.files[0]);
	parcel.files[0] = memory_file(8 << 20, 0);
	refused(&parcel, EPROTO, "can still be shortened");
	parcel = good();
	close(parcel.files[0]);
	parcel.files[0] = memory_file(8 << 20, F_SEAL_GROW | F_SEAL_SEAL);
	refused(&parcel, EPROTO, "can still be shortened");
	parcel = good();
	close(parcel.files[0]);
	parcel.files[0] = memory_file((8 << 20) - 4096, SEALS);
	refused(&parcel, EPROTO, "another size");
	parcel = good();
	close(parcel.files[0]);
	parcel.files[0] = open("/dev/zero", O_RDWR | O_CLOEXEC);
	refused(&parcel, EPROTO, "can still be shortened");
	parcel = good();
	parcel.message.pages = WEIR_PAGES_2M;
	refused(&parcel, EPROTO, "made of other pages");
	/* what may not be written cannot be mapped */
	parcel = good();
	close(parcel.files[0]);
	parcel.files[0] = memory_file(8 << 20, SEALS | F_SEAL_WRITE);
	refused(&parcel, EPERM, "received but not mapped");
}

static void test_too_many_files(void)
{
	for (size_t count = 2; count <= FILES_MAX; count++) {
		struct parcel parcel = good();

		for (size_t i = 1; i < count; i++)
			parcel.files[i] = memory_file(8 << 20, SEALS);
		parcel.file_count = count;
		refused(&parcel, EPROTO, "with several files");
	}
}

static void test_file_with_chunks(void)
{
	struct parcel parcel = good();

	parcel.late_file = true;
	refused(&parcel, EPROTO, "a second file");
}

static void test_chunks(void)
{
	static const uint8_t kinds[] = {WEIR_PAGES_THP, WEIR_PAGES_2M, 9, 255};
	struct parcel parcel;

	for (size_t i = 0; i < sizeof(kinds); i++) {
		parcel = good();
		parcel.chunks[3] = kinds[i];
		refused(&parcel, EPROTO, "a chunk of unknown pages");
	}
	parcel = good();
	parcel.chunk_count = 3;
	refused(&parcel, EPROTO, "list of chunks has another length");
	parcel = good();
	parcel.chunk_count = 0;
	refused(&parcel, EPROTO, "list of chunks has another length");
	parcel = good();
	parcel.kind = SOCK_SEQPACKET;
	parcel.chunk_count = 5;
	refused(&parcel, EPROTO, "list of chunks has another length");
}

/* A process that has all the files it may have hears so, and not that the peer is wrong. */
static void test_no_descriptor_left(void)
{
	struct parcel parcel = good();
	struct rlimit old, now;
	int ends[2];

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	send_bytes(ends[0], &parcel.message, parcel.size, parcel.files, 1);
	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &old), 0);
	now = old;
	now.rlim_cur = (rlim_t)ends[1] + 1;
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &now), 0);
	CU_ASSERT_PTR_NULL(weir_region_receive(ends[1]));
	CU_ASSERT_EQUAL(errno, EMFILE);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), strerror(EMFILE)));
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &old), 0);
	close(parcel.files[0]);
	close(ends[0]);
	close(ends[1]);
}

/* The socket tells who the peer is, with every message and before the file. */
static void test_credentials(void)
{
	struct weir_region_conf conf = {.size = 1 << 20, .shared = true, .pages = WEIR_PAGES_4K};
	struct weir_region *mine = weir_region_create(&conf), *theirs;
	int ends[2], yes = 1;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mine);
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	CU_ASSERT_EQUAL(setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)), 0);
	CU_ASSERT_EQUAL(weir_region_send(mine, ends[0]), 0);
	theirs = weir_region_receive(ends[1]);
	CU_ASSERT_PTR_NOT_NULL(theirs);
	weir_region_destroy(theirs);
	weir_region_destroy(mine);
	close(ends[0]);
	close(ends[1]);
}

/* Whatever was asked for and whatever was got, the peer has the same. */
static void passes(const struct weir_region_conf *conf)
{
	struct weir_region *mine = weir_region_create(conf), *theirs;
	int ends[2];

	CU_ASSERT_PTR_NOT_NULL_FATAL(mine);
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	CU_ASSERT_EQUAL(weir_region_send(mine, ends[0]), 0);
	theirs = weir_region_receive(ends[1]);
	if (!theirs)
		fprintf(stderr, "%zu bytes: %s\n", conf->size, weir_last_error());
	CU_ASSERT_PTR_NOT_NULL_FATAL(theirs);
	CU_ASSERT_EQUAL(weir_region_size(theirs), weir_region_size(mine));
	CU_ASSERT_EQUAL(weir_region_max_size(theirs), weir_region_max_size(mine));
	CU_ASSERT_EQUAL(weir_region_chunk(theirs), weir_region_chunk(mine));
	CU_ASSERT_EQUAL(weir_region_pages(theirs), weir_region_pages(mine));
	strcpy(weir_region_base(mine), "hello");
	CU_ASSERT_STRING_EQUAL(weir_region_base(theirs), "hello");
	weir_region_destroy(theirs);
	weir_region_destroy(mine);
	close(ends[0]);
	close(ends[1]);
}

static void test_every_kind(void)
{
	static const size_t sizes[] = {1, 1900 << 10, 2 << 20, 5 << 20};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct weir_region_conf conf = {.size = sizes[i], .shared = true};

		passes(&conf);
		conf.pages = WEIR_PAGES_4K;
		passes(&conf);
		conf.max_size = 64 << 20;
		conf.chunk = 3 << 20;
		passes(&conf);
		conf.pages = WEIR_PAGES_ANY;
		passes(&conf);
	}
	/* aligned for 1 GiB pages by the sender; touched by nobody */
	passes(&(struct weir_region_conf){.size = 1900u << 20, .shared = true, .lazy = true});
}

/* Nothing was created there, so nothing is taken away from the one who did. */
static void test_release_by_receiver(void)
{
	struct weir_region_conf conf = {.size = 4 << 20,
		.max_size = 8 << 20,
		.chunk = 2 << 20,
		.shared = true,
		.pages = WEIR_PAGES_4K};
	struct weir_region *mine = weir_region_create(&conf), *theirs;
	int ends[2];

	CU_ASSERT_PTR_NOT_NULL_FATAL(mine);
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	CU_ASSERT_EQUAL(weir_region_send(mine, ends[0]), 0);
	theirs = weir_region_receive(ends[1]);
	CU_ASSERT_PTR_NOT_NULL_FATAL(theirs);
	strcpy(weir_region_base(mine), "mine");
	CU_ASSERT_EQUAL(weir_region_release(theirs, 0, 2 << 20), 0);
	CU_ASSERT_STRING_EQUAL(weir_region_base(mine), "mine");
	CU_ASSERT_EQUAL(weir_region_commit(theirs, 0, 1), 0);
	CU_ASSERT_STRING_EQUAL(weir_region_base(theirs), "mine");
	weir_region_destroy(theirs);
	CU_ASSERT_STRING_EQUAL(weir_region_base(mine), "mine");
	CU_ASSERT_EQUAL(weir_region_release(mine, 0, 2 << 20), 0);
	CU_ASSERT_EQUAL(weir_region_commit(mine, 0, 1), 0);
	CU_ASSERT_STRING_EQUAL(weir_region_base(mine), "");
	weir_region_destroy(mine);
	close(ends[0]);
	close(ends[1]);
}

/* A commit that fails while nothing has pages must not make a region that is no longer shared. */
static void test_failed_commit_stays_shared(void)
{
	struct weir_region_conf conf = {.name = "kept",
		.size = 2 << 20,
		.max_size = 4 << 20,
		.chunk = 2 << 20,
		.pages = WEIR_PAGES_4K,
		.shared = true};
	struct weir_region *mine = weir_region_create(&conf), *theirs;
	struct rlimit before, none;
	int ends[2], error;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mine);
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	CU_ASSERT_EQUAL(weir_region_send(mine, ends[0]), 0);
	theirs = weir_region_receive(ends[1]);
	CU_ASSERT_PTR_NOT_NULL_FATAL(theirs);
	CU_ASSERT_EQUAL(weir_region_release(mine, 0, 4 << 20), 0);
	getrlimit(RLIMIT_AS, &before);
	none = before;
#ifndef __SANITIZE_ADDRESS__     /* which ends the process when its own memory cannot grow */
	none.rlim_cur = 1 << 20; /* far below what is mapped already */
#endif
	setrlimit(RLIMIT_AS, &none);
	error = weir_region_commit(mine, 0, 1);
	setrlimit(RLIMIT_AS, &before);
	if (error) {
		CU_ASSERT_EQUAL(error, -ENOMEM);
		CU_ASSERT_EQUAL(weir_region_commit(mine, 0, 1), 0);
	} else {
		fprintf(stderr, "not checked, no limit of addresses here: a commit that fails\n");
	}
	strcpy(weir_region_base(mine), "new");
	CU_ASSERT_STRING_EQUAL(weir_region_base(theirs), "new");
	weir_region_destroy(theirs);
	weir_region_destroy(mine);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"a message by hand", test_by_hand},
		{"no message of a region", test_no_message},
		{"numbers that no region has", test_wrong_numbers},
		{"more addresses than there are", test_huge_numbers},
		{"files that are not right", test_files},
		{"several files", test_too_many_files},
		{"a file too late", test_file_with_chunks},
		{"chunks that are not right", test_chunks},
		{"no descriptor left", test_no_descriptor_left},
		{"credentials in front of the file", test_credentials},
		{"every kind arrives", test_every_kind},
		{"a receiver releases for itself", test_release_by_receiver},
		{"shared after a commit that failed", test_failed_commit_stays_shared},
		CU_TEST_INFO_NULL,
	};

	return unit_run("share", tests);
}
