/* SPDX-License-Identifier: BSD-3-Clause */
/* test_capture.c: the reader on good files of every kind, made by hand. */
#include "capture_files.h"
#include "unit.h"

#include <fcntl.h>

static bool next_is(struct weir_capture_reader *reader, uint32_t n, uint64_t time, uint32_t length,
	uint32_t wire, uint32_t interface, unsigned link)
{
	struct weir_capture_packet packet;
	uint8_t *data;

	if (weir_capture_next(reader, &packet, &data) != 1) {
		fprintf(stderr, "packet %u: %s\n", n, weir_last_error());
		return false;
	}
	return packet.timestamp_ns == time && packet.length == length &&
	       packet.wire_length == wire && packet.interface == interface &&
	       packet.link_type == link && is_pattern(data, n, length);
}

static bool at_end(struct weir_capture_reader *reader)
{
	struct weir_capture_packet packet;
	uint8_t *data;

	return weir_capture_next(reader, &packet, &data) == 0 &&
	       weir_capture_peek(reader, &packet, &data) == 0;
}

static void close_both(struct weir_capture_reader *reader, struct file *file)
{
	weir_capture_close(reader);
	free(file->bytes);
}

static void test_pcap_kinds(void)
{
	static const struct {
		uint32_t magic, unit;
		bool big;
		const char *description;
	} kinds[] = {
		{PCAP_US, 1000, false, "pcap, microseconds, little endian"},
		{PCAP_US, 1000, true, "pcap, microseconds, big endian"},
		{PCAP_NS, 1, false, "pcap, nanoseconds, little endian"},
		{PCAP_NS, 1, true, "pcap, nanoseconds, big endian"},
		{PCAP_MODIFIED, 1000, false, "pcap (modified), microseconds, little endian"},
		{PCAP_MODIFIED, 1000, true, "pcap (modified), microseconds, big endian"},
	};

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		struct file file = pcap_file(kinds[k].big, kinds[k].magic, 5);
		struct weir_capture_reader *reader = open_file(&file);

		CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
		CU_ASSERT_STRING_EQUAL(weir_capture_describe(reader), kinds[k].description);
		for (uint32_t i = 0; i < 5; i++)
			CU_ASSERT(next_is(reader, i, (1000 + i) * 1000000000ull + i * kinds[k].unit,
				60 + i, 100 + i, 0, 1));
		CU_ASSERT(at_end(reader));
		close_both(reader, &file);
	}
}

/* The two lengths of a record in the file, and what they must be read as. */
static void check_version(unsigned major, unsigned minor, uint32_t first, uint32_t second,
	uint32_t length, uint32_t wire)
{
	struct file file = {0};
	struct weir_capture_reader *reader;

	pcap_header(&file, PCAP_US, major, minor, 0, 1);
	pcap_record(&file, 1, 2, first, second);
	put_pattern(&file, 0, length);
	reader = open_file(&file);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
	CU_ASSERT(next_is(reader, 0, 1000002000, length, wire, 0, 1));
	CU_ASSERT(at_end(reader));
	close_both(reader, &file);
}

static void test_pcap_versions(void)
{
	static const unsigned refused[][2] = {{0, 0}, {1, 0}, {2, 5}, {3, 0}, {543, 1}};

	check_version(2, 4, 40, 100, 40, 100);
	check_version(2, 4, 100, 40, 100, 40);
	check_version(2, 3, 40, 100, 40, 100);
	check_version(2, 3, 100, 40, 40, 100);
	check_version(2, 2, 100, 40, 40, 100);
	check_version(2, 2, 40, 100, 100, 40);
	check_version(2, 0, 100, 40, 40, 100);
	check_version(543, 0, 100, 40, 40, 100);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct file file = {0};

		pcap_header(&file, PCAP_US, refused[i][0], refused[i][1], 0, 1);
		CU_ASSERT_PTR_NULL(open_file(&file));
		CU_ASSERT_EQUAL(errno, EBADMSG);
		CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "version"));
		free(file.bytes);
	}
}

/* A packet of this length in a file of this snaplen; got is what comes, 0 for an error. */
static void check_snaplen(
	uint32_t magic, uint32_t link, uint32_t snaplen, uint32_t length, uint32_t got)
{
	struct file file = {0};
	struct weir_capture_reader *reader;
	struct weir_capture_packet packet;
	uint8_t *data;

	pcap_header(&file, magic, 2, 4, snaplen, link);
	for (uint32_t i = 0; i < 2; i++) {
		pcap_record(&file, 1, 2, length, length);
		put(&file, 0, magic == PCAP_MODIFIED ? 8 : 0);
		put_pattern(&file, i, length);
	}
	reader = open_file(&file);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
	for (uint32_t i = 0; i < 2 && got > 0; i++)
		CU_ASSERT(next_is(reader, i, 1000002000, got, length, 0, link));
	CU_ASSERT_EQUAL(weir_capture_next(reader, &packet, &data), got > 0 ? 0 : -EBADMSG);
	close_both(reader, &file);
}

static void test_pcap_snaplen(void)
{
	check_snaplen(PCAP_US, 1, 100, 100, 100);
	check_snaplen(PCAP_US, 1, 100, 101, 100);
	check_snaplen(PCAP_US, 1, 1, 9000, 1);
	check_snaplen(PCAP_US, 1, 0, 262144, 262144);
	check_snaplen(PCAP_US, 1, 0x80000000, 262144, 262144);
	check_snaplen(PCAP_US, 1, 0x7fffffff, 262144, 262144);
	check_snaplen(PCAP_US, 1, 0x7fffffff, 262145, 0);
	check_snaplen(PCAP_US, 1, 10, 262145, 0);
	check_snaplen(PCAP_US, 231, 0, 262145, 262145);
	check_snaplen(PCAP_US, 249, 0, (1 << 20) + 1, 0);
	check_snaplen(PCAP_MODIFIED, 1, 100, 200, 114);
	check_snaplen(PCAP_MODIFIED, 113, 100, 200, 100);
}

static void test_pcap_words(void)
{
	struct file file = {0};
	struct weir_capture_reader *reader;

	/* Above the link type: 4 bits of FCS length, a bit that says so, reserved bits. */
	pcap_header(&file, PCAP_US, 2, 4, 65535, 0xffff0000u | 228);
	pcap_record(&file, UINT32_MAX, 999999, 4, 4);
	put_pattern(&file, 0, 4);
	pcap_record(&file, 0, UINT32_MAX, 0, 0);
	reader = open_file(&file);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
	CU_ASSERT(next_is(reader, 0, 4294967295999999000u, 4, 4, 0, 228));
	CU_ASSERT(next_is(reader, 1, 4294967295000u, 0, 0, 0, 228));
	CU_ASSERT(at_end(reader));
	close_both(reader, &file);
}

/* One section with every kind of block. Its packets are 0, 1, ... from first on. */
static void put_section(struct file *file, bool big, uint32_t first)
{
	ng_section(file, big);
	ng_other(file, 4, 40); /* names */
	ng_interface(file, 1, 0, 9, 0);
	ng_interface(file, 101, 128, 6, 0);
	ng_enhanced(file, 0, 5000000000123, first, 61, 61);
	ng_other(file, 0x0bad, 7); /* custom */
	ng_enhanced(file, 1, 7, first + 1, 128, 1500);
	ng_other(file, 0x80000bad, 0);
	ng_simple(file, first + 2, 33, 33);
	ng_obsolete(file, 1, 8000000, first + 3, 64);
	ng_other(file, 5, 100); /* statistics */
	ng_interface(file, 228, 0xffffffff, 9, 0);
	ng_enhanced(file, 2, 1, first + 4, 10, 5); /* longer than it was on the wire */
}

static void check_section(struct weir_capture_reader *reader, uint32_t first, uint32_t interface)
{
	CU_ASSERT(next_is(reader, first, 5000000000123, 61, 61, interface, 1));
	CU_ASSERT(next_is(reader, first + 1, 7000, 128, 1500, interface + 1, 101));
	CU_ASSERT(next_is(reader, first + 2, 0, 33, 33, interface, 1));
	CU_ASSERT(next_is(reader, first + 3, 8000000000, 64, 64, interface + 1, 101));
	CU_ASSERT(next_is(reader, first + 4, 1, 10, 5, interface + 2, 228));
}

static void test_pcapng_sections(void)
{
	struct file file = {0};
	struct weir_capture_reader *reader;

	put_section(&file, false, 0);
	put_section(&file, true, 5);
	ng_section(&file, true); /* empty */
	put_section(&file, false, 10);
	reader = open_file(&file);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
	CU_ASSERT_STRING_EQUAL(weir_capture_describe(reader), "pcapng, little endian");
	for (int round = 0; round < 2; round++) {
		check_section(reader, 0, 0);
		check_section(reader, 5, 3);
		check_section(reader, 10, 6);
		CU_ASSERT(at_end(reader));
		CU_ASSERT_EQUAL(weir_capture_rewind(reader), 0);
	}
	close_both(reader, &file);
}

/* Simple packets are cut to the snapshot length of the first interface. */
static void test_pcapng_simple(void)
{
	struct file file = {0};
	struct weir_capture_reader *reader;

	ng_section(&file, true);
	ng_interface(&file, 1, 50, 6, 100);
	ng_simple(&file, 0, 50, 1500);
	ng_simple(&file, 1, 49, 49);
	reader = open_file(&file);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
	CU_ASSERT(next_is(reader, 0, 0, 50, 1500, 0, 1));
	CU_ASSERT(next_is(reader, 1, 0, 49, 49, 0, 1));
	CU_ASSERT(at_end(reader));
	close_both(reader, &file);
}

#define BINARY 0x80

static const struct {
	uint8_t tsresol;
	int64_t offset;
	uint64_t time, ns;
} times[] = {
	{0, 0, 1700000000, 1700000000000000000},
	{3, 0, 1700000000123, 1700000000123000000},
	{6, 0, 1700000000123456, 1700000000123456000},
	{6, 0, UINT64_MAX, UINT64_MAX}, /* in the year 586524: the largest there is */
	{6, 0, 18446744073709551, 18446744073709551000u},
	{6, 0, 18446744073709552, UINT64_MAX},
	{9, 0, UINT64_MAX, UINT64_MAX},
	{10, 0, 19, 1},
	{12, 0, UINT64_MAX, 18446744073709551},
	{19, 0, UINT64_MAX, 1844674407},
	{28, 0, UINT64_MAX, 1},
	{29, 0, UINT64_MAX, 0},
	{127, 0, UINT64_MAX, 0},
	{BINARY, 0, 3, 3000000000},
	{BINARY | 10, 0, 1025, 1000976562},
	{BINARY | 20, 0, 1700000000ull << 20 | 0xfffff, 1700000000999999046},
	{BINARY | 30, 0, 1700000000ull << 30 | 0x3fffffff, 1700000000999999999},
	{BINARY | 32, 0, 1700000000ull << 32 | 1u << 31, 1700000000500000000},
	{BINARY | 63, 0, 1ull << 63 | 1ull << 62, 1500000000},
	{BINARY | 93, 0, UINT64_MAX, 1},
	{BINARY | 94, 0, UINT64_MAX, 0},
	{BINARY | 127, 0, UINT64_MAX, 0},
	{6, 1700000000, 123456, 1700000000123456000},
	{9, -1, 3000000001, 2000000001},
	{9, -4, 3000000001, 0}, /* before 1970 */
	{9, INT64_MIN, UINT64_MAX, 0},
	{9, INT64_MAX, UINT64_MAX, UINT64_MAX},
	{BINARY | 1, 5, 1, 5500000000},
	{6, -1000000, UINT64_MAX / 1000 + 1, 18445744073709552000u},
};

static void test_pcapng_times(void)
{
	for (int big = 0; big < 2; big++) {
		struct file file = {0};
		struct weir_capture_reader *reader;
		uint32_t count = sizeof(times) / sizeof(times[0]);

		ng_section(&file, big);
		for (uint32_t i = 0; i < count; i++)
			ng_interface(&file, 1, 0, times[i].tsresol, times[i].offset);
		for (uint32_t i = 0; i < count; i++)
			ng_enhanced(&file, i, times[i].time, i, 20, 20);
		reader = open_file(&file);
		CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
		for (uint32_t i = 0; i < count; i++)
			CU_ASSERT(next_is(reader, i, times[i].ns, 20, 20, i, 1));
		CU_ASSERT(at_end(reader));
		close_both(reader, &file);
	}
}

static void test_peek(void)
{
	struct file file = pcap_file(false, PCAP_NS, 3);
	struct weir_capture_reader *reader = open_file(&file);
	struct weir_capture_packet first, again;
	uint8_t *data, *data_again;
	uint64_t position, size;

	CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
	weir_capture_advance(reader); /* nothing peeked: no effect */
	CU_ASSERT_EQUAL(weir_capture_peek(reader, &first, &data), 1);
	data[0] ^= 0xff; /* the window is the caller's to write */
	CU_ASSERT_EQUAL(weir_capture_peek(reader, &again, &data_again), 1);
	CU_ASSERT_PTR_EQUAL(data, data_again);
	CU_ASSERT_EQUAL(first.length, again.length);
	CU_ASSERT_EQUAL(first.timestamp_ns, again.timestamp_ns);
	CU_ASSERT_EQUAL(data_again[0], pattern(0, 0) ^ 0xff);
	weir_capture_advance(reader);
	weir_capture_advance(reader);
	CU_ASSERT(next_is(reader, 1, 1001000000001, 61, 101, 0, 1));
	weir_capture_progress(reader, &position, &size);
	CU_ASSERT_EQUAL(position, file.size);
	CU_ASSERT_EQUAL(size, file.size);
	CU_ASSERT_EQUAL(weir_capture_rewind(reader), 0);
	CU_ASSERT(next_is(reader, 0, 1000000000000, 60, 100, 0, 1));
	close_both(reader, &file);
}

static uint32_t length_of(uint32_t n)
{
	return n % 50 == 49 ? 262144 - n : n * 7919 % 3000; /* mixed, with a very large one */
}

/* Packets of all sizes, over many blocks of the reader's window, and blocks larger than it. */
static void test_window(void)
{
	struct file file = {0};
	struct weir_capture_reader *reader;
	const uint32_t count = 1000;

	ng_section(&file, false);
	ng_interface(&file, 1, 0, 9, 0);
	for (uint32_t i = 0; i < count; i++) {
		ng_enhanced(&file, 0, i, i, length_of(i), length_of(i));
		if (i % 300 == 299)
			ng_other(&file, 0x7777, 3 << 20);
	}
	reader = open_file(&file);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
	for (uint32_t i = 0; i < count; i++)
		CU_ASSERT(next_is(reader, i, i, length_of(i), length_of(i), 0, 1));
	CU_ASSERT(at_end(reader));
	close_both(reader, &file);
}

/* Options may make a packet's block far larger than the packet. */
static void test_long_options(void)
{
	struct file file = {0}, body = {0};
	struct weir_capture_reader *reader;

	ng_section(&file, false);
	ng_interface(&file, 1, 0, 9, 0);
	put(&body, 0, 8);
	put(&body, 5, 4);
	put(&body, 100, 4);
	put(&body, 100, 4);
	put_pattern(&body, 3, 100);
	while (body.size < 3 << 20)
		put_pattern(&body, 0, 1000); /* nobody looks at them */
	ng_block_of(&file, 6, &body);
	ng_enhanced(&file, 0, 6, 4, 80, 80);
	reader = open_file(&file);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
	CU_ASSERT(next_is(reader, 3, 5, 100, 100, 0, 1));
	CU_ASSERT(next_is(reader, 4, 6, 80, 80, 0, 1));
	CU_ASSERT(at_end(reader));
	close_both(reader, &file);
}

/* One packet of 5 bytes with an option in front of epb_flags, which claims so many bytes. */
static uint8_t direction_of(
	bool big, unsigned type, unsigned before, unsigned length, uint32_t flags)
{
	struct file file = {0}, body = {.big = big};
	struct weir_capture_reader *reader;
	struct weir_capture_packet packet;
	uint8_t *data;

	ng_section(&file, big);
	ng_interface(&file, 1, 0, 9, 0);
	put(&body, 0, 4);
	put(&body, 0, 8);
	put(&body, 5, 4);
	put(&body, 5, 4);
	put(&body, 0, 8); /* with the padding */
	put_option(&body, before, 3, "abc", 3);
	put(&body, 2, 2);
	put(&body, length, 2);
	put(&body, flags, 4);
	ng_block_of(&file, type, &body);
	reader = open_file(&file);
	CU_ASSERT_EQUAL(weir_capture_next(reader, &packet, &data), 1);
	close_both(reader, &file);
	return packet.direction;
}

static void test_directions(void)
{
	for (unsigned type = 2; type <= 6; type += 4) /* obsolete, and enhanced */
		for (unsigned big = 0; big < 2; big++) {
			CU_ASSERT_EQUAL(direction_of(big, type, 1, 4, 0xfffffffd), 1);
			CU_ASSERT_EQUAL(direction_of(big, type, 1, 4, 2), WEIR_CAPTURE_OUTBOUND);
			CU_ASSERT_EQUAL(direction_of(big, type, 1, 4, 3), WEIR_CAPTURE_UNKNOWN);
			CU_ASSERT_EQUAL(direction_of(big, type, 1, 4, 4), WEIR_CAPTURE_UNKNOWN);
			/* behind the end, and of a wrong length, the second one beyond the block */
			CU_ASSERT_EQUAL(direction_of(big, type, 0, 4, 1), WEIR_CAPTURE_UNKNOWN);
			CU_ASSERT_EQUAL(direction_of(big, type, 1, 3, 1), WEIR_CAPTURE_UNKNOWN);
			CU_ASSERT_EQUAL(direction_of(big, type, 1, 400, 1), WEIR_CAPTURE_UNKNOWN);
		}
}

/* Numbers in the byte order of the capturing machine are turned, once, and no others. */
static void check_turned(unsigned link, const char *in, const char *out, uint32_t size)
{
	struct file file = {.big = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__};
	struct weir_capture_reader *reader;
	struct weir_capture_packet packet;
	uint8_t *data;

	pcap_header(&file, PCAP_US, 2, 4, 65535, link);
	pcap_record(&file, 1, 2, size, size);
	put_bytes(&file, in, size);
	reader = open_file(&file);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(weir_capture_peek(reader, &packet, &data), 1);
		CU_ASSERT(memcmp(data, out, size) == 0);
	}
	close_both(reader, &file);
}

/* Packets cut at any length: what follows them is not touched. */
static void check_turned_cut(unsigned link)
{
	struct weir_capture_reader *reader;
	struct weir_capture_packet packet;
	const uint32_t longest = 100;
	struct file file = {.big = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__};
	uint8_t *data;

	pcap_header(&file, PCAP_US, 2, 4, 65535, link);
	for (uint32_t length = 0; length < longest; length++) {
		pcap_record(&file, length, 0, length, 200);
		for (uint32_t i = 0; i < length; i++)
			put(&file, i >= 60 ? 2 : 0, 1); /* usbmon: isochronous, 0x02020202 parts */
	}
	reader = open_file(&file);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
	for (uint32_t length = 0; length < longest; length++) {
		CU_ASSERT_EQUAL(weir_capture_next(reader, &packet, &data), 1);
		CU_ASSERT_EQUAL(packet.length, length);
		CU_ASSERT_EQUAL(packet.timestamp_ns, length * 1000000000ull);
	}
	CU_ASSERT_EQUAL(weir_capture_next(reader, &packet, &data), 0);
	close_both(reader, &file);
}

static void test_pseudo_headers(void)
{
	check_turned_cut(113);
	check_turned_cut(189);
	check_turned_cut(220);
	check_turned_cut(239);
	check_turned(1, "abcdefghijklmnopqrstuvwx", "abcdefghijklmnopqrstuvwx", 24);
	check_turned(113,
		"abcdefghijklmn\x00\x0c"
		"1234xy",
		"abcdefghijklmn\x00\x0c"
		"4321xy",
		22);
	check_turned(113,
		"abcdefghijklmn\x08\x00"
		"1234xy",
		"abcdefghijklmn\x08\x00"
		"1234xy",
		22);
	check_turned(113,
		"abcdefghijklmn\x00\x0d"
		"123",
		"abcdefghijklmn\x00\x0d"
		"123",
		19);
	check_turned(239,
		"\x02\0\0\0\0\x06\0\x01"
		"ab..\0\x05\0\x02x...",
		"\x02\0\0\0\x06\0\x01\0"
		"ab..\x05\0\x02\0x...",
		20);
	check_turned(239,
		"\x02\0\0\0\0\x03\0\x01"
		"ab..",
		"\x02\0\0\0\x03\0\x01\0"
		"ab..",
		12);
	check_turned(189, "12345678SIed12fd12345678123412341234abcdsetup678",
		"87654321SIed21fd87654321432143214321dcbasetup678", 48);
	check_turned(189, "12345678S\0ed12fd12345678123412341234abcd12341234",
		"87654321S\0ed21fd87654321432143214321dcba43214321", 48);
	check_turned(220,
		"12345678S\0ed12fd12345678123412341234abcd12341234123412341234\0\0\0\1"
		"123412341234pad.123",
		"87654321S\0ed21fd87654321432143214321dcba43214321432143214321\1\0\0\0"
		"432143214321pad.123",
		83);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"pcap: magics and byte orders", test_pcap_kinds},
		{"pcap: versions", test_pcap_versions},
		{"pcap: snapshot length and largest packet", test_pcap_snaplen},
		{"pcap: upper bits of link type and times", test_pcap_words},
		{"pcapng: every block, several sections", test_pcapng_sections},
		{"pcapng: simple packets", test_pcapng_simple},
		{"pcapng: time resolutions and offsets", test_pcapng_times},
		{"peek, advance, rewind, progress", test_peek},
		{"records over the window's blocks", test_window},
		{"a packet with 3 MiB of options", test_long_options},
		{"directions", test_directions},
		{"pseudo headers in the other byte order", test_pseudo_headers},
		CU_TEST_INFO_NULL,
	};

	return unit_run("capture", tests);
}
