/* SPDX-License-Identifier: BSD-3-Clause */
/* test_capture_series.c: what capture_write.h adds to a file: comments, sources, figures, frames,
 * names that come in the end, and series of files. That others read it too is test_dump.py's. */
#include "capture_files.h"
#include "unit.h"

#include "weir/capture_write.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>

static char folder[] = "/tmp/weir-test-series-XXXXXX";
static uint8_t bytes[2000];

/* The last few stay valid. */
static const char *in_folder(const char *name)
{
	static char paths[8][512];
	static uint32_t turn;
	char *path = paths[turn++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static bool is_there(const char *name)
{
	return access(in_folder(name), F_OK) == 0;
}

static int write_one(struct weir_capture_writer *writer, uint32_t source, uint32_t length,
	const struct weir_capture_note *note)
{
	struct weir_capture_packet packet = {.timestamp_ns = 1700000000123456789,
		.length = length,
		.wire_length = length,
		.interface = source,
		.link_type = 1};
	struct iovec piece = {bytes, length};

	return weir_capture_write_noted(writer, &packet, &piece, 1, note);
}

/* ---- blocks and options, found by a walk of our own ---- */

struct content {
	size_t size;
	uint8_t bytes[1 << 20];
};

static struct content content;

static void load(const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t got = read(fd, content.bytes, sizeof(content.bytes));

	close(fd);
	content.size = got > 0 ? (size_t)got : 0;
}

static uint32_t word_at(size_t at)
{
	uint32_t word = 0;

	if (at + 4 <= content.size)
		memcpy(&word, content.bytes + at, 4);
	return word;
}

/* Where the number-th block of a type begins, or the size. */
static size_t find_block(uint32_t type, uint32_t number)
{
	size_t at = 0;

	while (at + 12 <= content.size) {
		uint32_t length = word_at(at + 4);

		CU_ASSERT_FATAL(length >= 12 && length % 4 == 0 && at + length <= content.size);
		CU_ASSERT_EQUAL(word_at(at + length - 4), length);
		if (word_at(at) == type && number-- == 0)
			return at;
		at += length;
	}
	return content.size;
}

/* Is this the value of an option of the block, whose options begin behind fixed bytes? */
static bool has_option(size_t block, size_t fixed, uint16_t code, const void *value, size_t size)
{
	size_t at = block + fixed, end = block + word_at(block + 4) - 4;

	while (at + 4 <= end) {
		uint16_t head[2];

		memcpy(head, content.bytes + at, 4);
		if (head[0] == code && head[1] == size)
			return memcmp(content.bytes + at + 4, value, size) == 0;
		if (head[0] == 0)
			return false;
		at += 4u + ((head[1] + 3u) & ~3u);
	}
	return false;
}

static void write_notes(const char *path)
{
	struct weir_capture_file file = {.path = path,
		.format = WEIR_CAPTURE_PCAPNG,
		.snaplen = 100,
		.comment = "of the file",
		.application = "test"};
	struct weir_capture_writer *writer = weir_capture_create_file(&file);
	struct weir_capture_source source = {"eth0", "first", "udp port 53"},
				   other = {.name = "eth1"};
	struct weir_capture_note note = {.comment = "why",
		.direction = WEIR_CAPTURE_OUTBOUND,
		.has_queue = true,
		.queue = 3,
		.lost = 7};
	struct weir_capture_stats stats = {1, UINT64_C(2) << 32 | 5, 30, 4, 5, 20, 11, "slow"};

	CU_ASSERT_PTR_NOT_NULL_FATAL(writer);
	CU_ASSERT_EQUAL(weir_capture_source(writer, &source), 1);
	CU_ASSERT_EQUAL(weir_capture_source(writer, &other), 2);
	CU_ASSERT_EQUAL(write_one(writer, 1, 61, &note), 0);
	CU_ASSERT_EQUAL(write_one(writer, 2, 200, NULL), 0);
	CU_ASSERT_EQUAL(write_one(writer, 3, 60, NULL), -EINVAL);
	CU_ASSERT_EQUAL(weir_capture_source_stats(writer, 1, &stats), 0);
	CU_ASSERT_EQUAL(weir_capture_finish(writer), 0);
}

static void test_notes(void)
{
	uint64_t lost = 7, received = 30, delivered = 11;
	uint32_t outbound = 2, queue = 3;
	size_t at;

	write_notes(in_folder("notes.pcapng"));
	load(in_folder("notes.pcapng"));
	CU_ASSERT_TRUE(has_option(0, 24, 1, "of the file", 11));
	CU_ASSERT_TRUE(has_option(0, 24, 4, "test", 4));
	at = find_block(1, 0);
	CU_ASSERT_TRUE(has_option(at, 16, 2, "eth0", 4));
	CU_ASSERT_TRUE(has_option(at, 16, 3, "first", 5));
	CU_ASSERT_TRUE(has_option(at, 16, 9, "\x09", 1));
	CU_ASSERT_TRUE(has_option(at, 16, 11, "\0udp port 53", 12));
	CU_ASSERT_EQUAL(word_at(at + 12), 100);
	at = find_block(6, 0);
	CU_ASSERT_EQUAL(word_at(at + 8), 0);
	CU_ASSERT_TRUE(has_option(at, 28 + 64, 1, "why", 3));
	CU_ASSERT_TRUE(has_option(at, 28 + 64, 2, &outbound, 4));
	CU_ASSERT_TRUE(has_option(at, 28 + 64, 4, &lost, 8));
	CU_ASSERT_TRUE(has_option(at, 28 + 64, 6, &queue, 4));
	at = find_block(6, 1);
	CU_ASSERT_EQUAL(word_at(at + 8), 1);
	CU_ASSERT_EQUAL(word_at(at + 20), 100); /* cut */
	CU_ASSERT_EQUAL(word_at(at + 24), 200);
	at = find_block(5, 0);
	CU_ASSERT_EQUAL(word_at(at + 12), 2); /* the time, its upper half first */
	CU_ASSERT_EQUAL(word_at(at + 16), 5);
	CU_ASSERT_TRUE(has_option(at, 20, 1, "slow", 4));
	CU_ASSERT_TRUE(has_option(at, 20, 4, &received, 8));
	CU_ASSERT_TRUE(has_option(at, 20, 8, &delivered, 8));
}

/* A comment longer than an option, beside a filter as long. */
static void test_long_texts(void)
{
	static char text[70000];
	struct weir_capture_file file = {.path = in_folder("long.pcapng"),
		.format = WEIR_CAPTURE_PCAPNG,
		.comment = text,
		.application = text};
	struct weir_capture_source source = {text, text, text};
	struct weir_capture_note note = {.comment = text};
	struct weir_capture_writer *writer;
	int end;

	memset(text, 'x', sizeof(text) - 1);
	writer = weir_capture_create_file(&file);
	CU_ASSERT_EQUAL(weir_capture_source(writer, &source), 1);
	CU_ASSERT_EQUAL(write_one(writer, 1, 60, &note), 0);
	CU_ASSERT_EQUAL(weir_capture_finish(writer), 0);
	load(in_folder("long.pcapng"));
	CU_ASSERT_TRUE(has_option(find_block(6, 0), 28 + 60, 1, text, 65535));
	CU_ASSERT_EQUAL(count_packets(content.bytes, content.size, &end), 1);
}

/* ---- files ---- */

static int count_file(const char *path, int *end)
{
	struct weir_capture_reader *reader = weir_capture_open(path);
	struct weir_capture_packet packet;
	uint8_t *data;
	int count = 0;

	*end = -errno;
	while (reader && (*end = weir_capture_next(reader, &packet, &data)) == 1)
		count++;
	weir_capture_close(reader);
	return count;
}

static void check_codec(const char *name, enum weir_capture_codec codec)
{
	enum weir_capture_format format = WEIR_CAPTURE_PCAP_US;
	struct weir_capture_file file = {.path = in_folder(name)};
	struct weir_capture_writer *writer;
	struct stat status;
	int end;

	weir_capture_by_name(name, &format, &file.codec);
	CU_ASSERT_EQUAL(file.codec, codec);
	CU_ASSERT_EQUAL(format, WEIR_CAPTURE_PCAPNG);
	file.format = format;
	writer = weir_capture_create_file(&file);
	CU_ASSERT_PTR_NOT_NULL_FATAL(writer);
	for (uint32_t i = 0; i < 2000; i++) /* 3 frames */
		CU_ASSERT_EQUAL(write_one(writer, 0, 1500, NULL), 0);
	CU_ASSERT_EQUAL(weir_capture_finish(writer), 0);
	CU_ASSERT_EQUAL(stat(in_folder(name), &status), 0);
	CU_ASSERT_TRUE(status.st_size < 2000 * 1500 / 2);
	CU_ASSERT_EQUAL(count_file(in_folder(name), &end), 2000);
	CU_ASSERT_EQUAL(end, 0);
}

static void test_codecs(void)
{
	check_codec("a.pcapng.gz", WEIR_CAPTURE_GZIP);
	check_codec("a.pcapng.zst", WEIR_CAPTURE_ZSTD);
	check_codec("a.pcapng.lz4", WEIR_CAPTURE_LZ4);
}

/* No byte more than the limit: what is there is valid, and the sentence says how many are not. */
static void check_no_room(const char *name)
{
	struct weir_capture_file file = {.path = in_folder(name)};
	struct rlimit before, limit;
	unsigned long long lost = 0;
	int result = 0, given, end, there;
	const char *words;

	getrlimit(RLIMIT_FSIZE, &before);
	limit = (struct rlimit){1500000, before.rlim_max};
	weir_capture_by_name(name, &file.format, &file.codec);
	setrlimit(RLIMIT_FSIZE, &limit);
	struct weir_capture_writer *writer = weir_capture_create_file(&file);

	CU_ASSERT_PTR_NOT_NULL_FATAL(writer);
	for (given = 0; result == 0 && given < 20000; given++) {
		for (uint32_t i = 0; i < sizeof(bytes); i++) /* nothing that compresses */
			bytes[i] = (uint8_t)(random() >> 7);
		result = write_one(writer, 0, 1500, NULL);
	}
	setrlimit(RLIMIT_FSIZE, &before);
	CU_ASSERT_EQUAL(result, -EFBIG);
	words = strstr(weir_last_error(), "; ");
	CU_ASSERT_EQUAL(words ? sscanf(words, "; %llu packets are not in it", &lost) : 0, 1);
	CU_ASSERT_EQUAL(weir_capture_finish(writer), -EFBIG);
	there = count_file(in_folder(name), &end);
	CU_ASSERT_EQUAL(end, 0);
	CU_ASSERT_TRUE(there > 0);
	/* the last one given was refused and is not counted as lost */
	CU_ASSERT_EQUAL(there + (int)lost, given - 1);
}

static void test_no_room(void)
{
	signal(SIGXFSZ, SIG_IGN);
	check_no_room("full.pcap");
	check_no_room("full.pcapng");
	check_no_room("full.pcapng.zst");
	check_no_room("full.pcap.gz");
}

static void test_name_in_the_end(void)
{
	struct weir_capture_file file = {.path = in_folder("new.pcap")},
				 pipe = {.path = "/dev/null"};
	struct weir_capture_writer *writer = weir_capture_create_file(&file);

	CU_ASSERT_PTR_NOT_NULL_FATAL(writer);
	CU_ASSERT_FALSE(is_there("new.pcap"));
	CU_ASSERT_TRUE(is_there("new.pcap.part"));
	CU_ASSERT_PTR_NULL(weir_capture_create_file(&file)); /* somebody is at it */
	CU_ASSERT_EQUAL(errno, EBUSY);
	CU_ASSERT_TRUE(is_there("new.pcap.part"));
	CU_ASSERT_EQUAL(weir_capture_finish(writer), 0);
	CU_ASSERT_TRUE(is_there("new.pcap"));
	CU_ASSERT_FALSE(is_there("new.pcap.part"));
	writer = weir_capture_create_file(&pipe);
	CU_ASSERT_EQUAL(weir_capture_finish(writer), 0);
	CU_ASSERT_NOT_EQUAL(access("/dev/null.part", F_OK), 0);
}

/* ---- series ---- */

static int write_series(struct weir_series *series, uint32_t length)
{
	struct weir_capture_packet packet = {
		.timestamp_ns = 1, .length = length, .wire_length = length, .link_type = 1};
	struct iovec piece = {bytes, length};

	packet.interface = 1;
	return weir_series_write(series, &packet, &piece, 1, NULL);
}

/* Files of a name, and packets in them. */
static uint32_t count_files(const char *begin, const char *end, int *packets)
{
	DIR *directory = opendir(folder);
	struct dirent *entry;
	uint32_t count = 0;
	int last;

	*packets = 0;
	while ((entry = readdir(directory))) {
		size_t length = strlen(entry->d_name), tail = strlen(end);

		if (strncmp(entry->d_name, begin, strlen(begin)) != 0 || length < tail ||
			strcmp(entry->d_name + length - tail, end) != 0)
			continue;
		*packets += count_file(in_folder(entry->d_name), &last);
		CU_ASSERT_EQUAL(last, 0);
		count++;
	}
	closedir(directory);
	return count;
}

static struct weir_series *create_series(struct weir_series_conf conf, const char *name)
{
	static const struct weir_capture_source source = {.name = "eth0"};
	static char path[512];
	struct weir_series *series;

	snprintf(path, sizeof(path), "%s", in_folder(name));
	conf.file.path = path;
	conf.file.format = WEIR_CAPTURE_PCAPNG;
	series = weir_series_create(&conf);
	CU_ASSERT_PTR_NOT_NULL_FATAL(series);
	CU_ASSERT_EQUAL(weir_series_source(series, &source), 1);
	return series;
}

static void test_series(void)
{
	struct weir_capture_stats stats = {.received = 95, .from_ns = 1, .to_ns = 2};
	struct weir_series *series =
		create_series((struct weir_series_conf){.packets = 10}, "p.pcapng.zst");
	uint64_t received = 95;
	int packets;

	CU_ASSERT_EQUAL(weir_series_source_stats(series, 1, &stats), 0);
	CU_ASSERT_EQUAL(weir_series_source_stats(series, 2, &stats), -EINVAL);
	for (int i = 0; i < 95; i++)
		CU_ASSERT_EQUAL(write_series(series, 60), 0);
	CU_ASSERT_EQUAL(weir_series_files(series), 10);
	CU_ASSERT_EQUAL(weir_series_finish(series), 0);
	CU_ASSERT_EQUAL(count_files("p_000", ".pcapng.zst", &packets), 10);
	CU_ASSERT_EQUAL(packets, 95);

	series = create_series((struct weir_series_conf){.packets = 10, .files = 3}, "k.pcapng");
	CU_ASSERT_EQUAL(weir_series_source_stats(series, 1, &stats), 0);
	for (int i = 0; i < 95; i++)
		CU_ASSERT_EQUAL(write_series(series, 60), 0);
	snprintf((char *)content.bytes, 256, "%s", weir_series_path(series));
	CU_ASSERT_EQUAL(weir_series_finish(series), 0);
	CU_ASSERT_EQUAL(count_files("k_000", ".pcapng", &packets), 3);
	CU_ASSERT_EQUAL(packets, 25);
	load((char *)content.bytes);
	CU_ASSERT_TRUE(has_option(find_block(1, 0), 16, 2, "eth0", 4));
	CU_ASSERT_TRUE(has_option(find_block(5, 0), 20, 4, &received, 8));

	series = create_series((struct weir_series_conf){.bytes = 100000}, "b.pcapng");
	for (int i = 0; i < 1000; i++)
		CU_ASSERT_EQUAL(write_series(series, 1000), 0);
	CU_ASSERT_EQUAL(weir_series_finish(series), 0);
	CU_ASSERT_EQUAL(count_files("b_000", ".pcapng", &packets), 11); /* 97 of 1,032 bytes each */
	CU_ASSERT_EQUAL(packets, 1000);
}

static void test_series_in_time(void)
{
	struct weir_series *series = create_series(
		(struct weir_series_conf){.duration_ns = 30000000, .files = 2}, "t.pcapng");
	int packets;

	for (int i = 0; i < 20; i++) {
		CU_ASSERT_EQUAL(write_series(series, 60), 0);
		usleep(10000);
		CU_ASSERT_EQUAL(weir_series_flush(series), 0);
	}
	CU_ASSERT_TRUE(weir_series_files(series) >= 4);
	CU_ASSERT_EQUAL(weir_series_finish(series), 0);
	CU_ASSERT_EQUAL(count_files("t_000", ".pcapng", &packets), 2);
}

static void test_series_refused(void)
{
	struct weir_series_conf conf = {.file.path = "-", .packets = 1};

	CU_ASSERT_PTR_NULL(weir_series_create(&conf));
	CU_ASSERT_EQUAL(errno, EINVAL);
	conf = (struct weir_series_conf){.file.path = "/nowhere/at/all", .files = 0};
	CU_ASSERT_PTR_NULL(weir_series_create(&conf));
	CU_ASSERT_EQUAL(errno, ENOENT);
	conf.files = 2;
	CU_ASSERT_PTR_NULL(weir_series_create(&conf));
	CU_ASSERT_EQUAL(errno, EINVAL);
}

int main(void)
{
	static CU_TestInfo tests[] = {{"notes", test_notes}, {"long texts", test_long_texts},
		{"codecs", test_codecs}, {"no room", test_no_room},
		{"the name in the end", test_name_in_the_end}, {"series", test_series},
		{"series in time", test_series_in_time}, {"series refused", test_series_refused},
		CU_TEST_INFO_NULL};
	char command[64];
	int status;

	if (!mkdtemp(folder))
		return 1;
	status = unit_run("capture series", tests);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command) ? 1 : status;
}
