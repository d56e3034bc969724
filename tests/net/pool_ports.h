/* SPDX-License-Identifier: BSD-3-Clause */
/* pool_ports.h: ports of one pool, for tests of drivers. */
#ifndef POOL_PORTS_H
#define POOL_PORTS_H

#include "unit/unit.h"
#include "weir/weir.h"

#include <stdio.h>

static struct weir_mempool *pool;

static inline struct weir_port *open_port(const char *spec)
{
	struct weir_port *port = weir_port_open(spec, pool);

	if (!port)
		printf("\n%s: %s\n", spec, weir_last_error());
	CU_ASSERT_PTR_NOT_NULL_FATAL(port);
	return port;
}

/* Close it, and nothing of the pool is missing. */
static inline void close_port(struct weir_port *port)
{
	CU_ASSERT_EQUAL(weir_port_close(port), 0);
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 0);
}

#endif
