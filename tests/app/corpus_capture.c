/* SPDX-License-Identifier: BSD-3-Clause */
/* corpus_capture.c: read every capture of the corpus and compare with libpcap and the manifests.
 *
 *	corpus_capture DIRECTORY
 *
 * DIRECTORY holds sets: NAME.manifest.tsv, and NAME/ with the files. Where libpcap reads a file,
 * every packet must be the same: bytes, lengths, time, link type, and how the file ends. Where
 * libpcap stops because it cannot (several link types or byte orders), the number of packets must
 * be the manifest's. libpcap gets compressed files from the gzip program. One line for each
 * mismatch, a tally at the end; exit status 1 on a mismatch and 77 (skipped, to meson) when there
 * is no corpus. */
#include "weir/base.h"
#include "weir/capture.h"

#include <errno.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SKIPPED 77

#define NS_PER_SECOND 1000000000u

static struct {
	unsigned files, mismatches, same_as_libpcap, same_damage, beyond_libpcap;
	uint64_t packets;
} tally;

/* What libpcap says when it is at its own limits and the file is good. */
static const char *const limits_of_libpcap[] = {
	"different from the type of the first interface",
	"different from the snapshot length of the first interface",
	"sections with different byte orders",
	"no Interface Description Blocks",
};

/* Files whose manifest is wrong, and what libpcap and we find in them. */
static const struct {
	const char *name;
	uint64_t packets;
} wrong_in_manifest[] = {
	/* A fuzzer's file of pcap version 2.0, where the lengths have the other order. */
	{"tests/cfgs/default/pcap/fuzz-2021-10-13.pcap", 1},
};

static bool is_limit(const char *sentence)
{
	for (size_t i = 0; i < sizeof(limits_of_libpcap) / sizeof(limits_of_libpcap[0]); i++)
		if (strstr(sentence, limits_of_libpcap[i]) != NULL)
			return true;
	return false;
}

static void mismatch(
	const char *path, uint64_t packet, const char *what, uint64_t ours, uint64_t theirs)
{
	printf("%s: packet %" PRIu64 ": %s is %" PRIu64 ", expected %" PRIu64 "\n", path, packet,
		what, ours, theirs);
	tally.mismatches++;
}

/* The LINKTYPE_ of an open file. libpcap tells only its DLT_, but writes the other to a file. */
static uint16_t link_type_of(pcap_t *pcap)
{
	uint32_t header[6] = {0};
	FILE *file = tmpfile();
	pcap_dumper_t *dumper = pcap_dump_fopen(pcap, file);

	if (dumper == NULL) /* a DLT_ it cannot write has the same number */
		return (uint16_t)pcap_datalink(pcap);
	pcap_dump_flush(dumper);
	if (pread(fileno(file), header, sizeof(header), 0) != sizeof(header))
		header[5] = UINT32_MAX;
	pcap_dump_close(dumper);
	return (uint16_t)header[5];
}

/* libpcap takes both words of a pcap time as signed when the file has this machine's byte order,
 * and as unsigned when not; unsigned is what the draft says. ndpi has a file with such a fraction,
 * made by a fuzzer, in microseconds, which libpcap has turned into nanoseconds already. */
static uint64_t time_of(const struct pcap_pkthdr *header)
{
	uint64_t seconds = (uint64_t)header->ts.tv_sec;
	int64_t fraction = header->ts.tv_usec;

	if (header->ts.tv_sec < 0)
		seconds = (uint32_t)header->ts.tv_sec;
	if (fraction < 0)
		fraction += ((int64_t)1 << 32) * (fraction % 1000 == 0 ? 1000 : 1);
	return seconds * NS_PER_SECOND + (uint64_t)fraction;
}

static bool same_packet(const char *path, uint64_t number, const struct weir_capture_packet *packet,
	const uint8_t *data, const struct pcap_pkthdr *header, const uint8_t *bytes)
{
	unsigned before = tally.mismatches;

	if (packet->length != header->caplen)
		mismatch(path, number, "length", packet->length, header->caplen);
	else if (memcmp(data, bytes, packet->length) != 0)
		mismatch(path, number, "same bytes", 0, 1);
	if (packet->wire_length != header->len)
		mismatch(path, number, "wire length", packet->wire_length, header->len);
	if (packet->timestamp_ns != time_of(header))
		mismatch(path, number, "time", packet->timestamp_ns, time_of(header));
	return tally.mismatches == before;
}

/* Count the rest of the packets. */
static void read_rest(struct weir_capture_reader *reader, uint64_t *count)
{
	struct weir_capture_packet packet;
	uint8_t *data;

	while (weir_capture_next(reader, &packet, &data) == 1)
		(*count)++;
}

/* libpcap has the file open: the packets side by side. Returns how many are the same; *end and
 * *limit tell how both ended. */
static uint64_t compare(const char *path, struct weir_capture_reader *reader, pcap_t *pcap)
{
	struct weir_capture_packet packet;
	uint16_t link_type = link_type_of(pcap);
	struct pcap_pkthdr *header;
	const uint8_t *bytes;
	uint64_t count = 0;
	uint8_t *data;
	int ours, theirs;

	for (;; count++) {
		theirs = pcap_next_ex(pcap, &header, &bytes);
		if (theirs == PCAP_ERROR && is_limit(pcap_geterr(pcap))) {
			tally.beyond_libpcap++;
			read_rest(reader, &count);
			return count;
		}
		ours = weir_capture_next(reader, &packet, &data);
		if (ours != 1 || theirs != 1)
			break;
		if (packet.link_type != link_type)
			mismatch(path, count, "link type", packet.link_type, link_type);
		if (!same_packet(path, count, &packet, data, header, bytes))
			return count;
	}
	if (theirs == PCAP_ERROR_BREAK && ours == 0) {
		tally.same_as_libpcap++;
	} else if (theirs == PCAP_ERROR && ours == -EBADMSG) {
		tally.same_damage++;
	} else {
		printf("%s: packet %" PRIu64 ": ends with %d (%s), libpcap %d (%s)\n", path, count,
			ours, ours < 0 ? weir_last_error() : "", theirs, pcap_geterr(pcap));
		tally.mismatches++;
	}
	return count;
}

/* What gzip makes of the file, to be closed by pcap_close(). libpcap reads no compressed files. */
static FILE *open_packed(const char *path)
{
	char command[5000];
	uint8_t bytes[4096];
	FILE *from, *plain = tmpfile();
	size_t size;

	snprintf(command, sizeof(command), "gzip -dc '%s'", path);
	from = popen(command, "r");
	while ((size = fread(bytes, 1, sizeof(bytes), from)) > 0)
		fwrite(bytes, 1, size, plain);
	if (pclose(from) != 0)
		mismatch(path, 0, "the status of gzip", 0, 1);
	rewind(plain);
	return plain;
}

static pcap_t *open_libpcap(const char *path, char sentence[static PCAP_ERRBUF_SIZE])
{
	const char *end = strrchr(path, '.');

	if (end != NULL && strcmp(end, ".gz") == 0)
		return pcap_fopen_offline_with_tstamp_precision(
			open_packed(path), PCAP_TSTAMP_PRECISION_NANO, sentence);
	return pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, sentence);
}

/* Read the file both ways. Returns the number of packets. */
static uint64_t check_file(const char *path)
{
	char sentence[PCAP_ERRBUF_SIZE] = "";
	struct weir_capture_reader *reader = weir_capture_open(path);
	pcap_t *pcap = open_libpcap(path, sentence);
	uint64_t count = 0;

	if (reader != NULL && pcap != NULL) {
		count = compare(path, reader, pcap);
	} else if (reader != NULL && is_limit(sentence)) {
		tally.beyond_libpcap++;
		read_rest(reader, &count);
	} else if (reader != NULL || pcap != NULL) {
		printf("%s: ours: %s; libpcap: %s\n", path,
			reader != NULL ? "opens" : weir_last_error(),
			pcap != NULL ? "opens" : sentence);
		tally.mismatches++;
	} else {
		tally.same_damage++;
	}
	weir_capture_close(reader);
	if (pcap != NULL)
		pcap_close(pcap);
	return count;
}

/* The n-th field, from 0, of a line with tabs between; "" when there are fewer. */
static const char *field(const char *line, unsigned n)
{
	while (n-- > 0) {
		line = strchr(line, '\t');
		if (line == NULL)
			return "";
		line++;
	}
	return line;
}

/* One line of a manifest: the file's name is field 0, the number of packets field 8. */
static void check_line(const char *directory, const char *set, const char *line)
{
	char path[4096];
	uint64_t expected = strtoull(field(line, 8), NULL, 10);
	size_t name = strcspn(line, "\t");
	uint64_t count;

	for (size_t i = 0; i < sizeof(wrong_in_manifest) / sizeof(wrong_in_manifest[0]); i++)
		if (strlen(wrong_in_manifest[i].name) == name &&
			memcmp(wrong_in_manifest[i].name, line, name) == 0)
			expected = wrong_in_manifest[i].packets;
	snprintf(path, sizeof(path), "%s/%s/%.*s", directory, set, (int)name, line);
	count = check_file(path);
	if (count != expected)
		mismatch(path, count, "number of packets", count, expected);
	tally.packets += count;
	tally.files++;
}

static bool check_set(const char *directory, const char *set)
{
	char path[4096], line[4096];
	FILE *manifest;

	snprintf(path, sizeof(path), "%s/%s.manifest.tsv", directory, set);
	manifest = fopen(path, "re");
	if (manifest == NULL || fgets(line, sizeof(line), manifest) == NULL) {
		printf("%s: cannot be read\n", path);
		return false;
	}
	while (fgets(line, sizeof(line), manifest) != NULL)
		check_line(directory, set, line);
	fclose(manifest);
	return true;
}

int main(int argc, char **argv)
{
	static const char *const sets[] = {"ndpi", "pcapng-gen", "scapy"};
	const char *corpus = getenv("WEIR_CORPUS");
	char directory[2048];

	snprintf(directory, sizeof(directory), "%s/pcap",
		corpus != NULL ? corpus : (argc > 1 ? argv[1] : "."));
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		if (!check_set(directory, sets[i])) {
			printf("skipped: no corpus; WEIR_CORPUS names its directory\n");
			return SKIPPED;
		}
	}
	printf("%u files, %" PRIu64 " packets: %u the same as libpcap, %u damaged the same, "
	       "%u beyond libpcap; %u mismatches\n",
		tally.files, tally.packets, tally.same_as_libpcap, tally.same_damage,
		tally.beyond_libpcap, tally.mismatches);
	return tally.mismatches > 0 || tally.files == 0;
}
