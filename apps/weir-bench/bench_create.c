/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_create.c: make a pool of mbufs. */
#include "benches.h"

const struct bench bench_create = {
	"create", "make a pool of mbufs and destroy it", bench_create_pools, &mbuf_subject};
