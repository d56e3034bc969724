/* SPDX-License-Identifier: BSD-3-Clause */
/* tcpreplay.c: tcpreplay sending a capture file, preloaded, into one end of a veth pair.
 *
 * In a network namespace of its own, which ends with it; that needs root. The other end is up and
 * has no address: the kernel drops what arrives. Unlike the other peers this is a program: its own
 * report is what is read, and starting it does not count.
 */
#include "../harness/bench.h"
#include "../harness/statistics.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* What it sends in a second, at the least; for how many packets --time asks. */
#define PACKETS_PER_SECOND 300000
#define PACKETS_MIN        10000

static int start(const struct options *options)
{
	static const char *const commands[] = {
		"command -v tcpreplay >/dev/null",
		"ip link add weir0 mtu 2000 type veth peer name weir1 mtu 2000",
		"ip link set weir0 up",
		"ip link set weir1 up",
	};

	(void)options;
	if (unshare(CLONE_NEWNET) != 0) {
		fprintf(stderr, "peer-tcpreplay: a network namespace: %s\n", strerror(errno));
		return BENCH_NOT_HERE;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (system(commands[i]) != 0) {
			fprintf(stderr, "peer-tcpreplay: failed: %s\n", commands[i]);
			return BENCH_NOT_HERE;
		}
	}
	return 0;
}

/* "Rated: 12345.6 Bps, 0.09 Mbps, 192.90 pps" */
static double take_rate(FILE *report)
{
	double rate = 0;
	char line[512];

	while (fgets(line, sizeof(line), report)) {
		const char *pps = strstr(line, "pps");

		if (!strstr(line, "Rated:") || !pps)
			continue;
		while (pps > line && *pps != ',')
			pps--;
		rate = strtod(pps + 1, NULL);
	}
	return rate;
}

/* Packets in a second of one run; 0 when it failed. */
static double send_file(const char *path, uint64_t packets)
{
	char *command;
	FILE *report;
	double rate;

	/* the path is ours or the user's own; quoted for blanks */
	if (asprintf(&command,
		    "tcpreplay -i weir0 --topspeed --preload-pcap --limit=%llu '%s' 2>&1",
		    (unsigned long long)packets, path) < 0)
		return 0;
	report = popen(command, "r");
	free(command);
	if (!report)
		return 0;
	rate = take_rate(report);
	return pclose(report) == 0 ? rate : 0;
}

static int measure_file(
	struct bench_run *run, const struct bench *bench, const char *variant, const char *path)
{
	const struct bench_case measured = {.bench = bench->name,
		.variant = variant,
		.burst = BENCH_REPLAY_BURST,
		.workers = 1};
	uint64_t packets = run->options.time_ns * PACKETS_PER_SECOND / 1000000000;
	uint32_t repeats = run->options.repeats;
	struct measure_result result = {.slices = repeats, .counted = 1};
	double *costs = calloc(repeats, sizeof(*costs));

	if (packets < PACKETS_MIN)
		packets = PACKETS_MIN;
	for (uint32_t i = 0; costs && i < repeats; i++) {
		double rate = send_file(path, packets);

		if (rate <= 0) {
			free(costs);
			return bench_fail(run, bench->name, "tcpreplay", "sent nothing");
		}
		costs[i] = 1e9 / rate;
	}
	if (!costs)
		return bench_fail(run, bench->name, "tcpreplay", strerror(ENOMEM));
	statistics_sort(costs, repeats);
	result.min = costs[0];
	result.p10 = statistics_quantile(costs, repeats, 0.1);
	result.median = result.figure = result.worker[0] = statistics_median(costs, repeats);
	result.max = costs[repeats - 1];
	free(costs);
	return bench_add_row(run, &measured, &result);
}

static int measure_files(struct bench_run *run, const struct bench *bench)
{
	return bench_replay_files(run, bench, measure_file);
}

static const struct bench bench_replay = {
	"replay", "send a capture file into a veth pair", measure_files, NULL};

static const struct bench *const benches[] = {&bench_replay, NULL};

static const struct bench_program program = {
	.impl = "tcpreplay",
	.doc = "Measure tcpreplay.\vWhat can be measured:",
	.benches = benches,
	.start = start,
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, &program);
}
