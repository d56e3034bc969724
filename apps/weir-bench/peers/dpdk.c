/* SPDX-License-Identifier: BSD-3-Clause */
/* dpdk.c: DPDK, measured like weir.
 *
 * The EAL runs without devices and leaves no files; on hugepages when enough are free and --pages
 * allows them, else with --no-huge. It gets one lcore, the main thread; those that measure are
 * registered with it (rte_thread_register), which gives them a cache like any lcore's.
 */
#include "dpdk_calls.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>

/* What pools of the default size take, twice, in MiB; and as hugepages. */
#define EAL_MEGABYTES 256
#define EAL_PAGES     (EAL_MEGABYTES / 2)

static bool has_hugepages;

static const char *why(void)
{
	return rte_strerror(rte_errno);
}

int dpdk_enter(void)
{
	return rte_thread_register() == 0 ? 0 : -rte_errno;
}

void dpdk_leave(void)
{
	rte_thread_unregister();
}

const char *dpdk_pages(void *pool)
{
	(void)pool;
	return has_hugepages ? "2M" : "4K";
}

int dpdk_socket(const struct options *options)
{
	return options->node < 0 ? SOCKET_ID_ANY : options->node;
}

static unsigned free_hugepages(void)
{
	FILE *file = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "re");
	unsigned count = 0;

	if (file) {
		if (fscanf(file, "%u", &count) != 1)
			count = 0;
		fclose(file);
	}
	return count;
}

/* What it takes at the start. More hugepages come when a pool needs them; without, that is all. */
static unsigned megabytes(const struct options *options)
{
	uint64_t pool = (uint64_t)options->count * (options->size + 1024) >> 20;

	return has_hugepages || pool < EAL_MEGABYTES / 2 ? EAL_MEGABYTES
							 : (unsigned)pool + EAL_MEGABYTES;
}

static int start(const struct options *options)
{
	/* the EAL may write to its arguments */
	static char text[][20] = {"peer-dpdk", "", "--no-pci", "--no-telemetry",
		"--log-level=error", "-m", "", "--lcores", "", "--no-huge"};
	char *arguments[sizeof(text) / sizeof(*text)];
	int count = sizeof(text) / sizeof(*text);

	has_hugepages = options_has("any,2M", options->pages) && free_hugepages() >= EAL_PAGES;
	if (!has_hugepages && strcmp(options->pages, "2M") == 0) {
		fprintf(stderr, "peer-dpdk: fewer than %u hugepages are free\n", EAL_PAGES);
		return BENCH_NOT_HERE;
	}
	/* --no-huge does not go with --in-memory; both leave no files behind */
	strcpy(text[1], has_hugepages ? "--in-memory" : "--no-shconf");
	snprintf(text[6], sizeof(text[6]), "%u", megabytes(options));
	snprintf(text[8], sizeof(text[8]), "0@%u", options->lcores.values[0]);
	for (int i = 0; i < count; i++)
		arguments[i] = text[i];
	if (rte_eal_init(has_hugepages ? count - 1 : count, arguments) < 0) {
		fprintf(stderr, "peer-dpdk: EAL: %s\n", why());
		return 1;
	}
	return 0;
}

static const struct bench *const benches[] = {&dpdk_bench_mempool, &dpdk_bench_heap,
	&dpdk_bench_mbuf, &dpdk_bench_create, &dpdk_bench_packets, &dpdk_bench_parse,
	&dpdk_bench_ring, &dpdk_bench_handoff, &dpdk_bench_replay, &dpdk_bench_readahead,
	&dpdk_bench_loop, &dpdk_bench_loopcopy, &dpdk_bench_convert, &dpdk_bench_convertahead,
	&dpdk_bench_checksum, &dpdk_bench_pipeline, &dpdk_bench_flow, &dpdk_bench_acl, NULL};

static const struct bench_program program = {
	.impl = "dpdk",
	.doc = "Measure DPDK's buffers as weir-bench measures weir's.\vWhat can be measured:",
	.benches = benches,
	.start = start,
	.why = why,
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, &program);
}
