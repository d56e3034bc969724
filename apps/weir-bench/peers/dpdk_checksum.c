/* SPDX-License-Identifier: BSD-3-Clause */
/* dpdk_checksum.c: DPDK's checksums of bytes in a row. */
#include "dpdk_calls.h"

#include <rte_hash_crc.h>
#include <rte_ip.h>

static inline uint32_t sum(const uint8_t *bytes, uint32_t length)
{
	return (uint16_t)~rte_raw_cksum(bytes, length);
}

static inline uint32_t ipv4(const uint8_t *bytes, uint32_t length)
{
	(void)length;
	return rte_ipv4_cksum((const struct rte_ipv4_hdr *)(const void *)bytes);
}

static inline uint32_t crc32c(const uint8_t *bytes, uint32_t length)
{
	return ~rte_hash_crc(bytes, length, UINT32_MAX);
}

static uint64_t run_sum(void *work, uint64_t rounds)
{
	return work_bytes_run(sum, work, rounds);
}

static uint64_t run_ipv4(void *work, uint64_t rounds)
{
	return work_bytes_run(ipv4, work, rounds);
}

static uint64_t run_crc32c(void *work, uint64_t rounds)
{
	return work_bytes_run(crc32c, work, rounds);
}

static const struct checksum_subject subjects[] = {{"sum", run_sum, UINT32_MAX},
	{"ipv4", run_ipv4, 20}, {"crc32c", run_crc32c, UINT32_MAX}, {0}};

const struct bench dpdk_bench_checksum = {
	"checksum", "add up the bytes of packets", bench_checksums, subjects};
