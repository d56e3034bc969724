/* SPDX-License-Identifier: BSD-3-Clause */
/* test_capture_write.c: what the writer writes the reader reads; and how files, pipes and standard
 * input and output behave when they fail. */
#include "capture_files.h"
#include "capture_pack.h"
#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define PATH_SIZE 64

static int write_pattern(
	struct weir_capture_writer *writer, struct weir_capture_packet packet, uint32_t n)
{
	struct file bytes = {0};
	struct iovec pieces[3];
	uint32_t third = packet.length / 3;
	int result;

	put_pattern(&bytes, n, packet.length);
	put(&bytes, 0, 1); /* so that there are bytes */
	pieces[0] = (struct iovec){bytes.bytes, third};
	pieces[1] = (struct iovec){bytes.bytes + third, 0};
	pieces[2] = (struct iovec){bytes.bytes + third, packet.length - third};
	result = weir_capture_write(writer, &packet, pieces, 3);
	free(bytes.bytes);
	return result;
}

static struct weir_capture_packet packet_of(uint32_t n, uint16_t link)
{
	return (struct weir_capture_packet){
		.timestamp_ns = 1700000000000000000 + n * 1000001ull,
		.length = n % 100 == 0 ? 262144 : n * 7 % 1600,
		.wire_length = n,
		.interface = 99, /* of where it came from: not used */
		.link_type = link,
	};
}

static bool reads_back(struct weir_capture_reader *reader, uint32_t n, uint64_t unit, uint16_t link,
	uint32_t interface)
{
	struct weir_capture_packet packet, expected = packet_of(n, link);
	uint8_t *data;

	return weir_capture_next(reader, &packet, &data) == 1 &&
	       packet.timestamp_ns == expected.timestamp_ns / unit * unit &&
	       packet.length == expected.length && packet.wire_length == n &&
	       packet.interface == interface && packet.link_type == link &&
	       is_pattern(data, n, packet.length);
}

/* A path to an anonymous file; *fd is to be closed. */
static void new_file(char path[static PATH_SIZE], int *fd)
{
	*fd = memfd_create("written", 0);
	snprintf(path, PATH_SIZE, "/proc/self/fd/%d", *fd);
}

static void test_round_trip(void)
{
	static const struct {
		enum weir_capture_format format;
		uint64_t unit;
		uint16_t links;
		const char *description;
	} kinds[] = {
		{WEIR_CAPTURE_PCAP_NS, 1, 1, "pcap, nanoseconds"},
		{WEIR_CAPTURE_PCAP_US, 1000, 1, "pcap, microseconds"},
		{WEIR_CAPTURE_PCAPNG, 1, 1, "pcapng"},
		{WEIR_CAPTURE_PCAPNG, 1, 3, "pcapng"}, /* link types 300, 301, 302, in turn */
	};

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		struct weir_capture_writer *writer;
		struct weir_capture_reader *reader;
		struct weir_capture_packet packet;
		const uint32_t count = 1000;
		char path[PATH_SIZE];
		uint8_t *data;
		int fd;

		new_file(path, &fd);
		writer = weir_capture_create(path, kinds[k].format, 0);
		CU_ASSERT_PTR_NOT_NULL_FATAL(writer);
		for (uint32_t i = 0; i < count; i++) {
			uint16_t link = (uint16_t)(300 + i % kinds[k].links);

			CU_ASSERT_EQUAL(write_pattern(writer, packet_of(i, link), i), 0);
		}
		CU_ASSERT_EQUAL(weir_capture_finish(writer), 0);
		reader = weir_capture_open(path);
		CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
		CU_ASSERT_PTR_NOT_NULL(strstr(weir_capture_describe(reader), kinds[k].description));
		for (uint32_t i = 0; i < count; i++)
			CU_ASSERT(reads_back(reader, i, kinds[k].unit,
				(uint16_t)(300 + i % kinds[k].links), i % kinds[k].links));
		CU_ASSERT_EQUAL(weir_capture_next(reader, &packet, &data), 0);
		weir_capture_close(reader);
		close(fd);
	}
}

static void test_empty(void)
{
	for (int format = WEIR_CAPTURE_PCAP_NS; format <= WEIR_CAPTURE_PCAPNG; format++) {
		struct weir_capture_reader *reader;
		struct weir_capture_packet packet;
		char path[PATH_SIZE];
		uint8_t *data;
		int fd;

		new_file(path, &fd);
		CU_ASSERT_EQUAL(weir_capture_finish(weir_capture_create(
					path, (enum weir_capture_format)format, 1234)),
			0);
		reader = weir_capture_open(path);
		CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
		CU_ASSERT_EQUAL(weir_capture_next(reader, &packet, &data), 0);
		weir_capture_close(reader);
		close(fd);
	}
	CU_ASSERT_EQUAL(weir_capture_finish(NULL), 0);
	weir_capture_close(NULL);
}

/* A packet that is refused is not in the file, and the next one is. */
static void test_refused(void)
{
	for (int format = WEIR_CAPTURE_PCAP_NS; format <= WEIR_CAPTURE_PCAPNG; format++) {
		struct weir_capture_writer *writer;
		struct weir_capture_packet packet = packet_of(1, 1);
		bool pcapng = format == WEIR_CAPTURE_PCAPNG;
		struct iovec piece = {&packet, packet.length - 1};
		char path[PATH_SIZE];
		struct stat status;
		uint8_t *data;
		int fd, end, count;

		new_file(path, &fd);
		writer = weir_capture_create(path, (enum weir_capture_format)format, 0);
		CU_ASSERT_PTR_NOT_NULL_FATAL(writer);
		CU_ASSERT_EQUAL(write_pattern(writer, packet, 1), 0);
		CU_ASSERT_EQUAL(weir_capture_write(writer, &packet, &piece, 1), -EINVAL);
		packet.link_type = 2;
		CU_ASSERT_EQUAL(write_pattern(writer, packet, 1), pcapng ? 0 : -EINVAL);
		packet.link_type = 1;
		packet.timestamp_ns = 4294967296000000000u; /* 2^32 s */
		CU_ASSERT_EQUAL(write_pattern(writer, packet, 1), pcapng ? 0 : -EINVAL);
		packet.timestamp_ns--;
		CU_ASSERT_EQUAL(write_pattern(writer, packet, 1), 0);
		CU_ASSERT_EQUAL(weir_capture_finish(writer), 0);

		fstat(fd, &status);
		data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
		count = count_packets(data, (size_t)status.st_size, &end);
		CU_ASSERT_EQUAL(count, pcapng ? 4 : 2);
		CU_ASSERT_EQUAL(end, 0);
		munmap(data, (size_t)status.st_size);
		close(fd);
	}
}

/* /dev/full takes nothing. The error comes when the buffer is full or flushed, and comes again. */
static void test_full_disk(void)
{
	struct weir_capture_writer *writer;
	int result = 0, tries = 0;

	writer = weir_capture_create("/dev/full", WEIR_CAPTURE_PCAPNG, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(writer);
	CU_ASSERT_EQUAL(write_pattern(writer, packet_of(1, 1), 1), 0);
	CU_ASSERT_EQUAL(weir_capture_flush(writer), -ENOSPC);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "/dev/full"));
	CU_ASSERT_EQUAL(weir_capture_flush(writer), -ENOSPC);
	CU_ASSERT_EQUAL(write_pattern(writer, packet_of(1, 1), 1), -ENOSPC);
	CU_ASSERT_EQUAL(weir_capture_finish(writer), -ENOSPC);

	writer = weir_capture_create("/dev/full", WEIR_CAPTURE_PCAP_NS, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(writer);
	while (result == 0 && ++tries < 100)
		result = write_pattern(writer, packet_of(100, 1), 1); /* 256 KiB each */
	CU_ASSERT_EQUAL(result, -ENOSPC);
	CU_ASSERT(tries > 1);
	CU_ASSERT_EQUAL(weir_capture_finish(writer), -ENOSPC);

	/* Nothing but the header, which only the end writes. */
	writer = weir_capture_create("/dev/full", WEIR_CAPTURE_PCAP_NS, 0);
	CU_ASSERT_EQUAL(weir_capture_finish(writer), -ENOSPC);
}

static void check_open_fails(const char *path, int error, const char *words)
{
	errno = 0;
	CU_ASSERT_PTR_NULL(weir_capture_open(path));
	CU_ASSERT_EQUAL(errno, error);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), path));
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), words));
}

static void test_open_fails(void)
{
	char path[] = "/tmp/weir-test-capture-XXXXXX";
	int fd = mkstemp(path);

	check_open_fails("/nowhere/at/all", ENOENT, "No such file");
	check_open_fails("/tmp", EISDIR, "directory");
	check_open_fails("/dev/null", EBADMSG, "empty");
	check_open_fails(path, EBADMSG, "empty");
	CU_ASSERT_EQUAL(write(fd, "abc", 3), 3);
	check_open_fails(path, EBADMSG, "3 are left");
	CU_ASSERT_EQUAL(write(fd, "defgh", 5), 5);
	check_open_fails(path, EBADMSG, "neither pcap nor pcapng: it starts with 61 62 63 64");
	if (geteuid() == 0 && fchmod(fd, 0) == 0 && seteuid(65534) == 0) {
		check_open_fails(path, EACCES, "Permission denied");
		CU_ASSERT_PTR_NULL(weir_capture_create(path, WEIR_CAPTURE_PCAP_NS, 0));
		CU_ASSERT_EQUAL(errno, EACCES);
		CU_ASSERT_EQUAL(seteuid(0), 0);
	}
	CU_ASSERT_PTR_NULL(weir_capture_create("/nowhere/at/all", WEIR_CAPTURE_PCAP_NS, 0));
	CU_ASSERT_EQUAL(errno, ENOENT);
	CU_ASSERT_PTR_NULL(weir_capture_create("/tmp", WEIR_CAPTURE_PCAP_NS, 0));
	CU_ASSERT_EQUAL(errno, EISDIR);
	unlink(path);
	close(fd);
}

static void test_not_inside(void)
{
	for (size_t p = 0; p < PACKER_COUNT; p++) {
		struct file file = {0};

		packers[p].pack(&file, "hello, world", 12);
		CU_ASSERT_PTR_NULL(open_file(&file));
		CU_ASSERT_EQUAL(errno, EBADMSG);
		CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), packers[p].name));
		file.size = 0;
		packers[p].pack(&file, "", 0);
		CU_ASSERT_PTR_NULL(open_file(&file));
		CU_ASSERT_EQUAL(errno, EBADMSG);
		CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "empty"));
		free(file.bytes);
	}
}

struct feed {
	int fd;
	size_t piece;
	const struct file *file;
};

/* Put a file into a pipe in pieces. */
static void *feed_pipe(void *argument)
{
	const struct feed *feed = argument;
	size_t piece;

	for (size_t at = 0; at < feed->file->size; at += piece) {
		piece = feed->file->size - at;
		if (piece > feed->piece)
			piece = feed->piece;
		if (write(feed->fd, feed->file->bytes + at, piece) != (ssize_t)piece)
			abort();
	}
	close(feed->fd);
	return NULL;
}

/* Through a pipe that is standard input, in pieces of any size, plain and compressed. */
static void check_pipe(const struct file *file, size_t piece, uint32_t count)
{
	struct weir_capture_reader *reader;
	struct weir_capture_packet packet;
	uint64_t position, size;
	uint8_t *data;
	int ends[2], input = dup(STDIN_FILENO);
	struct feed feed = {.piece = piece, .file = file};
	pthread_t thread;

	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	feed.fd = ends[1];
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK); /* as a shell may leave it */
	pthread_create(&thread, NULL, feed_pipe, &feed);
	reader = weir_capture_open("-");
	CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
	for (uint32_t i = 0; i < count; i++) {
		CU_ASSERT_EQUAL(weir_capture_next(reader, &packet, &data), 1);
		CU_ASSERT(is_pattern(data, i, packet.length));
	}
	CU_ASSERT_EQUAL(weir_capture_next(reader, &packet, &data), 0);
	weir_capture_progress(reader, &position, &size);
	CU_ASSERT_EQUAL(position, file->size);
	CU_ASSERT_EQUAL(size, 0);
	CU_ASSERT_EQUAL(weir_capture_rewind(reader), -ESPIPE);
	CU_ASSERT_EQUAL(weir_capture_next(reader, &packet, &data), 0);
	pthread_join(thread, NULL);
	weir_capture_close(reader);
	CU_ASSERT(fcntl(STDIN_FILENO, F_GETFD) >= 0); /* not closed */
	dup2(input, STDIN_FILENO);
	close(input);
}

static void test_pipe(void)
{
	struct file plain = pcap_file(false, PCAP_NS, 700);

	check_pipe(&plain, 1000000, 700);
	check_pipe(&plain, 4096, 700);
	check_pipe(&plain, 7, 700);
	for (size_t p = 0; p < PACKER_COUNT; p++) {
		struct file packed = {0};

		packers[p].pack(&packed, plain.bytes, plain.size / 2);
		packers[p].pack(&packed, plain.bytes + plain.size / 2, plain.size - plain.size / 2);
		check_pipe(&packed, 1, 700);
		check_pipe(&packed, 5000, 700);
		free(packed.bytes);
	}
	free(plain.bytes);
}

/* Standard input that is a file, of which something has been read already. */
static void test_stdin_file(void)
{
	struct file plain = pcap_file(true, PCAP_NS, 10);
	struct weir_capture_reader *reader;
	struct weir_capture_packet packet;
	struct file file = {0};
	int fd, count, input = dup(STDIN_FILENO);
	uint8_t *data;

	put_bytes(&file, "header", 6);
	put_bytes(&file, plain.bytes, plain.size);
	fd = bytes_fd(file.bytes, file.size);
	lseek(fd, 6, SEEK_SET);
	dup2(fd, STDIN_FILENO);
	reader = weir_capture_open("-");
	CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
	for (int round = 0; round < 2; round++) {
		for (count = 0; weir_capture_next(reader, &packet, &data) == 1; count++)
			CU_ASSERT(is_pattern(data, (uint32_t)count, packet.length));
		CU_ASSERT_EQUAL(count, 10);
		CU_ASSERT_EQUAL(weir_capture_rewind(reader), 0);
	}
	weir_capture_close(reader);
	dup2(input, STDIN_FILENO);
	close(input);
	close(fd);
	free(plain.bytes);
	free(file.bytes);
}

struct drain {
	int fd;
	struct file got;
};

static void *drain_pipe(void *argument)
{
	struct drain *drain = argument;
	uint8_t bytes[1000];
	ssize_t size;

	while ((size = read(drain->fd, bytes, sizeof(bytes))) > 0)
		put_bytes(&drain->got, bytes, (size_t)size);
	close(drain->fd);
	return NULL;
}

/* Standard output that is a pipe which takes little at a time and never blocks. */
static void test_stdout(void)
{
	struct drain drain = {0};
	struct weir_capture_writer *writer;
	int ends[2], end, output = dup(STDOUT_FILENO);
	pthread_t thread;

	fflush(stdout);
	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	drain.fd = ends[0];
	dup2(ends[1], STDOUT_FILENO);
	close(ends[1]);
	fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK);
	pthread_create(&thread, NULL, drain_pipe, &drain);
	writer = weir_capture_create("-", WEIR_CAPTURE_PCAPNG, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(writer);
	for (uint32_t i = 0; i < 2000; i++)
		CU_ASSERT_EQUAL(write_pattern(writer, packet_of(i, 1), i), 0);
	CU_ASSERT_EQUAL(weir_capture_finish(writer), 0);
	CU_ASSERT(fcntl(STDOUT_FILENO, F_GETFD) >= 0); /* not closed */
	dup2(output, STDOUT_FILENO);
	close(output);
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(count_packets(drain.got.bytes, drain.got.size, &end), 2000);
	CU_ASSERT_EQUAL(end, 0);
	free(drain.got.bytes);
}

/* More than the writer's buffer and the reader's usual limits in one packet. */
static void test_large(void)
{
	struct weir_capture_packet packet = {.length = 5 << 20, .link_type = 231};
	struct weir_capture_writer *writer;
	struct weir_capture_reader *reader;
	char path[PATH_SIZE];
	uint8_t *data;
	int fd;

	new_file(path, &fd);
	writer = weir_capture_create(path, WEIR_CAPTURE_PCAPNG, 128 << 20);
	CU_ASSERT_PTR_NOT_NULL_FATAL(writer);
	for (uint32_t i = 0; i < 3; i++, packet.length += 20 << 20)
		CU_ASSERT_EQUAL(write_pattern(writer, packet, i), 0);
	CU_ASSERT_EQUAL(weir_capture_finish(writer), 0);
	reader = weir_capture_open(path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
	for (uint32_t i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(weir_capture_next(reader, &packet, &data), 1);
		CU_ASSERT_EQUAL(packet.length, (5 << 20) + i * (20 << 20));
		CU_ASSERT(is_pattern(data, i, packet.length));
	}
	CU_ASSERT_EQUAL(weir_capture_next(reader, &packet, &data), 0);
	weir_capture_close(reader);
	close(fd);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"write and read back", test_round_trip},
		{"files without packets", test_empty},
		{"packets that are refused", test_refused},
		{"a full disk", test_full_disk},
		{"files that cannot be opened", test_open_fails},
		{"something else inside the compression", test_not_inside},
		{"a pipe as standard input", test_pipe},
		{"a file as standard input", test_stdin_file},
		{"a pipe as standard output", test_stdout},
		{"packets of 5 to 45 MiB", test_large},
		CU_TEST_INFO_NULL,
	};

	return unit_run("capture_write", tests);
}
