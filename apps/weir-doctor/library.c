/* SPDX-License-Identifier: BSD-3-Clause */
/* library.c: does weir work here at all? A small pool is made and used. */
#include "checks.h"

#include <weir/weir.h>

#include <string.h>
#include <sys/utsname.h>

/* Just below 2 MiB: one hugepage, where one is free. */
#define MBUFS 936

static void use_pool(struct line *line, struct weir_mempool *pool)
{
	struct weir_region *region = weir_mempool_region(pool);
	struct weir_mbuf *mbuf = weir_mbuf_alloc(pool);

	if (!mbuf || !weir_mbuf_append(mbuf, 1))
		line_say(line, STATUS_PROBLEM, "a pool gives no buffer");
	else
		line_say(line, STATUS_OK, "works; a pool got %s", weir_region_describe(region));
	weir_mbuf_free(mbuf);
	if (weir_mempool_destroy(pool))
		line_say(line, STATUS_PROBLEM, "%s", weir_last_error());
}

/* Linux 5.14 says beforehand that a hugepage is missing on a node; one before kills the process
 * that touches it. */
static void check_kernel(struct lines *lines)
{
	struct line *line = line_begin(lines, "kernel");
	struct utsname name;
	int major = 0, minor = 0;
	bool old;

	uname(&name);
	sscanf(name.release, "%d.%d", &major, &minor);
	old = major < 5 || (major == 5 && minor < 14);
	line_say(line, old ? STATUS_WARN : STATUS_OK, "%s %s, %s", name.sysname, name.release,
		name.machine);
	if (old)
		line_why(
			line, "before 5.14 a hugepage that is missing on a node kills the process");
}

void check_library(const struct machine *machine, struct lines *lines)
{
	struct weir_mbuf_pool_conf conf = {.name = "try", .count = MBUFS};
	struct weir_mempool *pool;
	struct line *line;

	if (!machine->live) {
		line_not_tried(lines, CHECK_LIBRARY);
		return;
	}
	check_kernel(lines);
	pool = weir_mbuf_pool_create(&conf);
	line = line_begin(lines, CHECK_LIBRARY);
	if (pool)
		use_pool(line, pool);
	else
		line_say(line, STATUS_PROBLEM, "%s", weir_last_error());
}
