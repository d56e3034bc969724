/* SPDX-License-Identifier: BSD-3-Clause */
/* corpus_replay.c: weir-replay with every capture of a folder, and what it wrote compared.
 *
 *	corpus_replay PROGRAM DIRECTORY
 *
 * Each file is replayed into a pcap, and where that is refused for a second link type into a
 * pcapng. The output must hold the packets of the input: bytes, lengths, time, link type, order.
 * The output is read by libpcap where libpcap can, else by our reader; that our reader gives of the
 * input what libpcap gives is the matter of corpus_capture. A damaged file must end in status 1 and
 * one line on stderr, with all packets before the damage in the output. Exit status 1 on a
 * mismatch, 77 without a corpus. */
#include "weir/capture.h"

#include <fcntl.h>
#include <ftw.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SKIPPED 77

static const char *program;
static char folder[] = "/tmp/weir-corpus-XXXXXX";
static char out_path[64], error_path[64];
static unsigned files, failed, as_pcapng, damaged;
static unsigned long packets;

static void complain(const char *path, const char *what, unsigned long packet)
{
	printf("%s: packet %lu: %s\n", path, packet, what);
	failed++;
}

/* Run it; its exit status, or -1 when it died. stderr goes to error_path. */
static int run_replay(const char *path, const char *format)
{
	char to[128];
	int status;
	pid_t child;

	snprintf(to, sizeof(to), "pcap:tx=%s,format=%s", out_path, format);
	child = fork();
	if (child == 0) {
		int error = open(error_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

		dup2(error, STDERR_FILENO);
		dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
		execl(program, program, path, "--to", to, (char *)NULL);
		_exit(127);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* How many lines it said on stderr, and whether words are among them. */
static unsigned said(const char *words, bool *has)
{
	FILE *file = fopen(error_path, "r");
	char line[8192];
	unsigned lines = 0;

	*has = false;
	while (file && fgets(line, sizeof(line), file)) {
		lines++;
		*has = *has || strstr(line, words);
	}
	if (file)
		fclose(file);
	return lines;
}

/* The next packet of the output by libpcap, in our terms. 1, 0 at the end, -1. */
static int next_of_libpcap(pcap_t *pcap, struct weir_capture_packet *packet, uint8_t **data)
{
	struct pcap_pkthdr *header;
	const uint8_t *bytes;
	int got = pcap_next_ex(pcap, &header, &bytes);

	if (got != 1)
		return got == PCAP_ERROR_BREAK ? 0 : -1;
	*data = (uint8_t *)(uintptr_t)bytes;
	packet->length = header->caplen;
	packet->wire_length = header->len;
	packet->timestamp_ns =
		(uint64_t)header->ts.tv_sec * 1000000000u + (uint64_t)header->ts.tv_usec;
	return 1;
}

static bool is_same(const struct weir_capture_packet *a, const uint8_t *a_data,
	const struct weir_capture_packet *b, const uint8_t *b_data)
{
	return a->length == b->length && a->wire_length == b->wire_length &&
	       a->timestamp_ns == b->timestamp_ns && memcmp(a_data, b_data, a->length) == 0;
}

/* The packets of both files side by side; by_libpcap says who reads the output. Returns what the
 * input ended with. */
static int compare(const char *path, struct weir_capture_reader *in,
	struct weir_capture_reader *out, pcap_t *by_libpcap)
{
	struct weir_capture_packet a, b;
	uint8_t *a_data, *b_data;
	unsigned long count = 0;
	int got, other;

	for (;; count++) {
		got = weir_capture_next(in, &a, &a_data);
		other = by_libpcap ? next_of_libpcap(by_libpcap, &b, &b_data)
				   : weir_capture_next(out, &b, &b_data);
		if (got != 1 || other != 1)
			break;
		if (!is_same(&a, a_data, &b, b_data) ||
			(!by_libpcap && a.link_type != b.link_type)) {
			complain(path, "differs", count);
			break;
		}
	}
	if (got != 1 && other != 0)
		complain(path, "the output does not end where the input does", count);
	else if (got == 1 && other != 1)
		complain(path, "is missing in the output", count);
	packets += count;
	return got;
}

static void check_output(const char *path, int status, const char *format)
{
	struct weir_capture_reader *in = weir_capture_open(path), *out;
	char sentence[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = NULL;
	bool has;
	int end;

	if (strcmp(format, "pcap") == 0)
		pcap = pcap_open_offline_with_tstamp_precision(
			out_path, PCAP_TSTAMP_PRECISION_NANO, sentence);
	out = weir_capture_open(out_path);
	if (!in || !out || (!pcap && strcmp(format, "pcap") == 0)) {
		complain(path, "the output cannot be read", 0);
	} else {
		end = compare(path, in, out, pcap);
		if ((end < 0) != (status == 1))
			complain(path, "wrong exit status", 0);
		if (said(path, &has) != (end < 0) || has != (end < 0))
			complain(path, "not one line about the damage, with the file's name", 0);
		damaged += end < 0;
	}
	if (pcap)
		pcap_close(pcap);
	weir_capture_close(out);
	weir_capture_close(in);
}

static void check_file(const char *path)
{
	struct weir_capture_reader *reader = weir_capture_open(path);
	const char *format = "pcap";
	int status = run_replay(path, format);
	bool mixed;

	files++;
	if (!reader) { /* not a capture at all */
		if (status != 1 || said("", &mixed) != 1)
			complain(path, "not refused with status 1 and one line", 0);
		damaged++;
		return;
	}
	weir_capture_close(reader);
	said("link type", &mixed);
	if (status == 1 && mixed) {
		format = "pcapng";
		as_pcapng++;
		status = run_replay(path, format);
	}
	check_output(path, status, format);
}

static int visit(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	const char *end = strrchr(path, '.');

	(void)status;
	(void)walk;
	/* beside the captures lie descriptions of them */
	if (type == FTW_F && end && strcmp(end, ".tsv") != 0 && strcmp(end, ".txt") != 0)
		check_file(path);
	return 0;
}

int main(int argc, char **argv)
{
	const char *corpus = getenv("WEIR_CORPUS");
	char directory[2048];

	if (argc < 3 || !mkdtemp(folder))
		return 2;
	program = argv[1];
	snprintf(directory, sizeof(directory), "%s/pcap", corpus ? corpus : argv[2]);
	snprintf(out_path, sizeof(out_path), "%s/out", folder);
	snprintf(error_path, sizeof(error_path), "%s/error", folder);
	nftw(directory, visit, 16, FTW_PHYS);
	unlink(out_path);
	unlink(error_path);
	rmdir(folder);
	if (!files) {
		printf("skipped: no corpus; WEIR_CORPUS names its directory\n");
		return SKIPPED;
	}
	printf("%u files, %lu packets, %u as pcapng, %u damaged; %u failed\n", files, packets,
		as_pcapng, damaged, failed);
	return failed > 0;
}
