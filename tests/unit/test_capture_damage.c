/* SPDX-License-Identifier: BSD-3-Clause */
/* test_capture_damage.c: the reader on damaged and hostile files.
 *
 * Whatever the damage, the packets in front of it come, then one error that names the offset and
 * that every further call repeats. */
#include "capture_files.h"
#include "capture_pack.h"
#include "unit.h"

/* How many packets lie whole in the first size bytes of this file, whose packets end at ends. */
static int whole(const size_t *ends, int count, size_t size)
{
	int n = 0;

	while (n < count && ends[n] <= size)
		n++;
	return n;
}

/* Read to the end: the number of packets. The end must be expected, and come again. */
static int walk(struct weir_capture_reader *reader, int expected)
{
	struct weir_capture_packet packet;
	char sentence[512];
	uint8_t *data;
	int count = 0, end;

	while ((end = weir_capture_next(reader, &packet, &data)) == 1)
		CU_ASSERT(is_pattern(data, (uint32_t)count++, packet.length));
	CU_ASSERT_EQUAL(end, expected);
	if (end < 0) {
		snprintf(sentence, sizeof(sentence), "%s", weir_last_error());
		CU_ASSERT_PTR_NOT_NULL(strstr(sentence, "/proc/self/fd/"));
		CU_ASSERT_PTR_NOT_NULL(strstr(sentence, ": offset "));
		weir_capture_close(weir_capture_open("/nowhere")); /* another sentence */
		CU_ASSERT_EQUAL(weir_capture_peek(reader, &packet, &data), end);
		CU_ASSERT_STRING_EQUAL(weir_last_error(), sentence);
	}
	return count;
}

/* A file with these packet ends, cut at every byte. */
static void cut_everywhere(const struct file *file, const size_t *ends, int count, size_t header)
{
	for (size_t size = 0; size < file->size; size++) {
		struct weir_capture_reader *reader = open_bytes(file->bytes, size);
		bool clean = size == header;

		for (int i = 0; i < count; i++)
			clean |= size == ends[i];
		CU_ASSERT_EQUAL(reader != NULL, size >= header);
		if (reader != NULL) {
			CU_ASSERT_EQUAL(
				walk(reader, clean ? 0 : -EBADMSG), whole(ends, count, size));
		} else {
			CU_ASSERT_EQUAL(errno, EBADMSG);
		}
		weir_capture_close(reader);
	}
}

static void test_cut_pcap(void)
{
	static const uint32_t magics[] = {PCAP_US, PCAP_NS, PCAP_MODIFIED};

	for (size_t m = 0; m < 3; m++) {
		struct file file = pcap_file(m & 1, magics[m], 4);
		size_t ends[4], at = 24;

		for (uint32_t i = 0; i < 4; i++)
			ends[i] = at += (magics[m] == PCAP_MODIFIED ? 24 : 16) + 60 + i;
		CU_ASSERT_EQUAL(at, file.size);
		cut_everywhere(&file, ends, 4, 24);
		free(file.bytes);
	}
}

/* Cut at the end of any block is a clean end, packet or not. */
static void test_cut_pcapng(void)
{
	for (int big = 0; big < 2; big++) {
		struct file file = {0};
		size_t ends[12], first;
		int count = 0;

		ng_section(&file, big);
		ng_interface(&file, 1, 0, 9, 77);
		first = file.size;
		for (uint32_t i = 0; i < 12; i += 3) {
			ng_enhanced(&file, 0, i, i, 30 + i, 30 + i);
			ends[count++] = file.size;
			ng_obsolete(&file, 0, i, i + 1, 40 + i);
			ends[count++] = file.size;
			ng_simple(&file, i + 2, 50 + i, 50 + i);
			ends[count++] = file.size;
		}
		/* Cuts inside the interface's block: the section alone opens. */
		for (size_t size = 28; size < first; size++) {
			int end, packets = count_packets(file.bytes, size, &end);

			CU_ASSERT_EQUAL(packets, 0);
			CU_ASSERT_EQUAL(end, size == 28 ? 0 : -EBADMSG);
		}
		for (size_t size = first; size < file.size; size++) {
			int end, packets = count_packets(file.bytes, size, &end);
			bool clean = size == first;

			for (int i = 0; i < count; i++)
				clean |= size == ends[i];
			CU_ASSERT_EQUAL(packets, whole(ends, count, size));
			CU_ASSERT_EQUAL(end, clean ? 0 : -EBADMSG);
		}
		free(file.bytes);
	}
}

/* Two good packets, then bytes of the test's choice: two packets and an error that has the words.
 */
static void check_block(const struct file *block, const char *words)
{
	struct file file = {.big = block->big};
	struct weir_capture_reader *reader;

	ng_section(&file, block->big);
	ng_interface(&file, 1, 100, 6, 0);
	ng_enhanced(&file, 0, 1, 0, 60, 60);
	ng_enhanced(&file, 0, 2, 1, 100, 100);
	put_bytes(&file, block->bytes, block->size);
	reader = open_file(&file);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
	CU_ASSERT_EQUAL(walk(reader, -EBADMSG), 2);
	if (strstr(weir_last_error(), words) == NULL) {
		fprintf(stderr, "not \"%s\": %s\n", words, weir_last_error());
		CU_ASSERT(false);
	}
	weir_capture_close(reader);
	free(file.bytes);
}

/* A block whose two lengths and contents are as told. */
static void check_lengths(
	uint32_t type, uint32_t first, uint32_t second, size_t size, const char *words)
{
	for (int big = 0; big < 2; big++) {
		struct file block = {.big = big};

		put(&block, type, 4);
		put(&block, first, 4);
		for (size_t i = 0; i < size; i++)
			put(&block, 0, 1);
		put(&block, second, 4);
		check_block(&block, words);
		free(block.bytes);
	}
}

static void test_block_lengths(void)
{
	static const uint32_t types[] = {1, 2, 3, 6, 4, 0xbad};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		check_lengths(types[i], 0, 0, 40, "multiple of 4");
		check_lengths(types[i], 8, 8, 40, "multiple of 4");
		check_lengths(types[i], 11, 11, 40, "multiple of 4");
		check_lengths(types[i], 53, 53, 41, "multiple of 4");
		check_lengths(types[i], 54, 54, 42, "multiple of 4");
		check_lengths(types[i], UINT32_MAX, UINT32_MAX, 40, "multiple of 4");
		check_lengths(types[i], 52, 56, 40, "at its end");
		check_lengths(types[i], 56, 56, 40, "the file ends inside a block");
	}
	for (size_t i = 0; i < 4; i++) {
		check_lengths(types[i], 12, 12, 0, "multiple of 4");
		check_lengths(types[i], UINT32_MAX - 3, 0, 40, "more than the");
		check_lengths(types[i], (16 << 20) + 4, 0, 40, "more than the");
		check_lengths(types[i], 16 << 20, 0, 40, "the file ends inside a block");
	}
	check_lengths(4, UINT32_MAX - 3, 0, 40, "the file ends inside a block");
	check_lengths(0x0a0d0d0a, 28, 28, 16, "byte-order magic");
}

/* An interface with these bytes for options. */
static void check_options(const struct file *options, const char *words)
{
	struct file block = {.big = options->big}, body = {.big = options->big};

	put(&body, 1, 4);
	put(&body, 100, 4);
	put_bytes(&body, options->bytes, options->size);
	ng_block_of(&block, 1, &body);
	check_block(&block, words);
	free(block.bytes);
}

static void check_option(
	unsigned code, unsigned length, size_t size, unsigned times, const char *words)
{
	static const uint8_t value[64] = {6};

	for (int big = 0; big < 2; big++) {
		struct file options = {.big = big};

		for (unsigned i = 0; i < times; i++)
			put_option(&options, code, length, value, size);
		check_options(&options, words);
		free(options.bytes);
	}
}

static void test_options(void)
{
	check_option(1, 9, 8, 1, "longer than its block");
	check_option(1, 0xfffd, 8, 1, "longer than its block"); /* rounds up to 2^16 */
	check_option(1, 0xffff, 0, 1, "longer than its block");
	check_option(2, 0xfffc, 64, 1, "longer than its block");
	check_option(0, 4, 4, 1, "end of options");
	check_option(9, 2, 2, 1, "wrong length");
	check_option(9, 0, 0, 1, "wrong length");
	check_option(14, 4, 4, 1, "wrong length");
	check_option(14, 9, 9, 1, "wrong length");
	check_option(9, 1, 1, 2, "two of the same");
	check_option(14, 8, 8, 2, "two of the same");
}

static void test_packet_blocks(void)
{
	static const struct {
		uint32_t interface, length;
		const char *words;
	} bad[] = {
		{1, 20, "packet of interface 1"},
		{0xffffffff, 20, "packet of interface 4294967295"},
		{0, 21, "more than its room of 20"},
		{0, 0x7fffffff, "more than its room"},
		{0, 0xffffffff, "more than its room"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct file block = {0}, body = {0};

		put(&body, bad[i].interface, 4);
		put(&body, 0, 8);
		put(&body, bad[i].length, 4);
		put(&body, 20, 4);
		put_pattern(&body, 2, 20);
		ng_block_of(&block, 6, &body);
		check_block(&block, bad[i].words);
		free(block.bytes);
	}
	for (int simple = 0; simple < 2; simple++) {
		struct file block = {0};

		if (simple)
			ng_simple(&block, 2, 20, 21);
		else
			ng_enhanced(&block, 0, 0, 2, 101, 101);
		check_block(&block, simple ? "its room of 20" : "snapshot length of 100");
		free(block.bytes);
	}
}

/* A packet in front of the first interface, in each kind of block. */
static void test_no_interface(void)
{
	for (int kind = 0; kind < 3; kind++) {
		struct file file = {0};
		int end;

		ng_section(&file, false);
		if (kind == 0)
			ng_enhanced(&file, 0, 0, 0, 4, 4);
		else if (kind == 1)
			ng_simple(&file, 0, 4, 4);
		else
			ng_obsolete(&file, 0, 0, 0, 4);
		CU_ASSERT_EQUAL(count_packets(file.bytes, file.size, &end), 0);
		CU_ASSERT_EQUAL(end, -EBADMSG);
		free(file.bytes);
	}
}

/* A new section forgets the interfaces of the old one; and the versions that are known. */
static void test_sections(void)
{
	struct file file = {0};
	int end;

	ng_section(&file, false);
	ng_interface(&file, 1, 0, 6, 0);
	ng_enhanced(&file, 0, 0, 0, 4, 4);
	ng_section(&file, true);
	ng_enhanced(&file, 0, 0, 0, 4, 4);
	CU_ASSERT_EQUAL(count_packets(file.bytes, file.size, &end), 1);
	CU_ASSERT_EQUAL(end, -EBADMSG);
	file.bytes[14] = 1; /* version 1.1 */
	CU_ASSERT_EQUAL(count_packets(file.bytes, file.size, &end), -1);
	file.bytes[14] = 2; /* version 1.2 */
	CU_ASSERT_EQUAL(count_packets(file.bytes, file.size, &end), 1);
	file.bytes[12] = 2; /* version 2.2 */
	CU_ASSERT_EQUAL(count_packets(file.bytes, file.size, &end), -1);
	CU_ASSERT_EQUAL(end, -EBADMSG);
	free(file.bytes);
}

/* Every bit of every byte turned over: never a crash, and a proper end. */
static void test_flip(void)
{
	struct file file = {0};

	ng_section(&file, false);
	ng_interface(&file, 1, 0, 9, 5);
	ng_enhanced(&file, 0, 1, 0, 33, 33);
	ng_simple(&file, 1, 10, 10);
	ng_other(&file, 4, 9);
	ng_obsolete(&file, 0, 1, 2, 5);
	for (size_t bit = 0; bit < 8 * file.size; bit++) {
		int end;

		file.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		count_packets(file.bytes, file.size, &end);
		CU_ASSERT(end == 0 || end == -EBADMSG);
		file.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	free(file.bytes);
}

static void test_packed(void)
{
	struct file plain = pcap_file(false, PCAP_NS, 1000);

	for (size_t p = 0; p < PACKER_COUNT; p++) {
		struct file file = {0};
		struct weir_capture_reader *reader;
		uint64_t position, size;

		/* Frames that end anywhere, an empty one among them. */
		packers[p].pack(&file, plain.bytes, 3);
		packers[p].pack(&file, plain.bytes, 0);
		packers[p].pack(&file, plain.bytes + 3, 5000);
		packers[p].pack(&file, plain.bytes + 5003, plain.size - 5003);
		reader = open_file(&file);
		CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
		CU_ASSERT_PTR_NOT_NULL(strstr(weir_capture_describe(reader), packers[p].name));
		CU_ASSERT_EQUAL(walk(reader, 0), 1000);
		weir_capture_progress(reader, &position, &size);
		CU_ASSERT_EQUAL(position, file.size);
		CU_ASSERT_EQUAL(size, file.size);
		CU_ASSERT_EQUAL(weir_capture_rewind(reader), 0);
		CU_ASSERT_EQUAL(walk(reader, 0), 1000);
		weir_capture_close(reader);
		free(file.bytes);
	}
	free(plain.bytes);
}

/* Compressed and cut at every byte: an error, after no more and no fewer packets than before. */
static void test_packed_cut(void)
{
	struct file plain = pcap_file(false, PCAP_NS, 40);

	for (size_t p = 0; p < PACKER_COUNT; p++) {
		struct file file = {0};
		int last = -1, end, packets;

		packers[p].pack(&file, plain.bytes, plain.size);
		for (size_t size = 4; size < file.size; size++) {
			packets = count_packets(file.bytes, size, &end);
			CU_ASSERT_EQUAL(end, -EBADMSG);
			CU_ASSERT(packets >= last);
			last = packets;
		}
		CU_ASSERT_EQUAL(last, 40); /* only the checksum was missing */
		put_bytes(&file, "garbage", 7);
		CU_ASSERT_EQUAL(count_packets(file.bytes, file.size, &end), 40);
		CU_ASSERT_EQUAL(end, -EBADMSG);
		CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "of the decompressed data"));
		free(file.bytes);
	}
	free(plain.bytes);
}

static void test_packed_flip(void)
{
	struct file plain = pcap_file(true, PCAP_US, 10);

	for (size_t p = 0; p < PACKER_COUNT; p++) {
		struct file file = {0};

		packers[p].pack(&file, plain.bytes, plain.size);
		for (size_t at = 0; at < file.size; at++) {
			int end;

			file.bytes[at] ^= 0x55;
			count_packets(file.bytes, file.size, &end);
			CU_ASSERT(end == 0 || end == -EBADMSG);
			file.bytes[at] ^= 0x55;
		}
		free(file.bytes);
	}
	free(plain.bytes);
}

/* A file of packets of 84 random bytes, 100 with their header. */
static struct file random_packets(uint32_t count)
{
	struct file file = {0};
	uint32_t random = 1;

	pcap_header(&file, PCAP_US, 2, 4, 0, 1);
	for (uint32_t i = 0; i < count; i++) {
		pcap_record(&file, 1, 1, 84, 84);
		for (int word = 0; word < 21; word++) {
			random = random * 1664525 + 1013904223;
			put(&file, random >> 8, 4);
		}
	}
	return file;
}

/* Damage anywhere in a large compressed file: everything in front of it is delivered but for the
 * block it is in, of at most 128 KiB. A first frame of odd size keeps those blocks from ending
 * where the window's do. Data are random, so a share of the bytes is that share of the packets. */
static void test_packed_late_damage(void)
{
	const int count = 20000;
	struct file plain = random_packets((uint32_t)count);

	for (size_t p = 0; p < PACKER_COUNT; p++) {
		struct file file = {0};
		int end, packets;

		packers[p].pack(&file, plain.bytes, 1000);
		packers[p].pack(&file, plain.bytes + 1000, plain.size - 1000);
		CU_ASSERT_EQUAL(count_packets(file.bytes, file.size, &end), count);
		for (size_t at = file.size - 9; at > 10000; at -= 9001) {
			size_t lost = (128 << 10) + at / 500;
			size_t before = plain.size / 1000 * at / (file.size / 1000);

			file.bytes[at] ^= 0xff;
			packets = count_packets(file.bytes, file.size, &end);
			CU_ASSERT_EQUAL(end, -EBADMSG);
			CU_ASSERT(packets >= (before > lost ? (int)((before - lost) / 100) : 0));
			file.bytes[at] ^= 0xff;
		}
		free(file.bytes);
	}
	free(plain.bytes);
}

/* RFC 8878, 3.1.1: the size of a frame's header, and what a block's header says of its size. */
static size_t zstd_header(const uint8_t *frame)
{
	bool single = frame[4] & 0x20;
	unsigned content = frame[4] >> 6;

	return 5 + !single + (content == 0 ? single : 1u << content);
}

static size_t zstd_block(const uint8_t *header)
{
	return 3 + (header[0] >> 3 | header[1] << 5 | header[2] << 13);
}

/* Without a content size; each block of data has a checksum behind it. */
static size_t lz4_header(const uint8_t *frame)
{
	(void)frame;
	return 7;
}

static size_t lz4_block(const uint8_t *header)
{
	return 8 + (header[0] | header[1] << 8 | header[2] << 16);
}

/* The header of each block in turn made senseless: exactly the blocks in front of it are read. */
static void test_packed_bad_block(void)
{
	static const struct {
		size_t packer, block, bad_byte, bad_bits;
		size_t (*frame_header)(const uint8_t *frame);
		size_t (*block_size)(const uint8_t *header);
	} kinds[] = {
		{1, 128 << 10, 0, 0x06, zstd_header, zstd_block}, /* reserved type */
		{2, 64 << 10, 3, 0x40, lz4_header, lz4_block},    /* size of 1 GiB */
	};
	struct file plain = random_packets(10000);

	for (size_t k = 0; k < 2; k++) {
		const struct packer *packer = &packers[kinds[k].packer];
		struct file file = {0};
		size_t at, before = 1000;
		int end;

		packer->pack(&file, plain.bytes, before);
		at = file.size;
		packer->pack(&file, plain.bytes + before, plain.size - before);
		at += kinds[k].frame_header(file.bytes + at);
		for (; before < plain.size; before += kinds[k].block) {
			size_t block = kinds[k].block_size(file.bytes + at);
			uint8_t *bad = &file.bytes[at + kinds[k].bad_byte];
			uint8_t good = *bad;

			*bad |= (uint8_t)kinds[k].bad_bits;
			CU_ASSERT_EQUAL(count_packets(file.bytes, file.size, &end),
				(int)((before - 24) / 100));
			CU_ASSERT_EQUAL(end, -EBADMSG);
			*bad = good;
			at += block;
		}
		CU_ASSERT(at < file.size && at + 8 >= file.size); /* end mark and checksum */
		free(file.bytes);
	}
	free(plain.bytes);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"pcap cut at every byte", test_cut_pcap},
		{"pcapng cut at every byte", test_cut_pcapng},
		{"block lengths", test_block_lengths},
		{"options", test_options},
		{"packet blocks", test_packet_blocks},
		{"packets without an interface", test_no_interface},
		{"section headers", test_sections},
		{"every bit turned over", test_flip},
		{"compressed, in several frames", test_packed},
		{"compressed and cut at every byte", test_packed_cut},
		{"compressed, every byte changed", test_packed_flip},
		{"compressed, damaged in the middle", test_packed_late_damage},
		{"compressed, a bad block header", test_packed_bad_block},
		CU_TEST_INFO_NULL,
	};

	return unit_run("capture_damage", tests);
}
