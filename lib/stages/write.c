/* SPDX-License-Identifier: BSD-3-Clause */
/* write.c: write packets to a capture file, and let them go on. What the file does not take, as a
 * pipe may, is counted and not waited for. */
#include "stages/stages_impl.h"

#include <errno.h>
#include <stdio.h>

enum { WRITTEN, BUSY, FAILED };

struct write_conf {
	struct weir_port *port; /* of the driver that writes files */
};

static int open_write(struct weir_stage_args *args, void *conf)
{
	const char *path = weir_stage_arg(args, NULL), *format = weir_stage_arg(args, "format");
	struct write_conf *writer = conf;
	char spec[4096 + 64]; /* PATH_MAX */

	if (!path)
		return weir_stage_fail(EINVAL, "needs a file, as in out.pcapng");
	if (snprintf(spec, sizeof(spec), "pcap:tx=%s%s%s", path, format ? ",format=" : "",
		    format ? format : "") >= (int)sizeof(spec))
		return weir_stage_fail(ENAMETOOLONG, "the name of the file is too long");
	writer->port = weir_port_open(spec, weir_stage_pool(args));
	return writer->port ? 0 : -errno;
}

static void close_write(void *conf)
{
	struct write_conf *writer = conf;

	weir_port_close(writer->port);
}

static int setup(struct weir_stage *stage)
{
	if (stage->workers == 1)
		return 0;
	return weir_stage_fail(EINVAL,
		"%u workers would write to one file: put a ring with one worker behind it in "
		"front",
		stage->workers);
}

/* Here, where what did not reach the file can still be counted. */
static void teardown(struct weir_stage *stage)
{
	struct write_conf *writer = stage->conf;

	if (weir_port_close(writer->port))
		weir_stage_count(stage, FAILED, 1);
	writer->port = NULL;
}

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct write_conf *writer = stage->conf;
	uint32_t sent;

	/* the port frees what it has written: let that be a reference of its own */
	for (uint32_t i = 0; i < count; i++)
		weir_mbuf_ref(mbufs[i], 1);
	sent = weir_port_tx(writer->port, 0, mbufs, count);
	weir_stage_count(stage, WRITTEN, sent);
	if (weir_unlikely(sent < count)) {
		weir_mbuf_free_bulk(mbufs + sent, count - sent);
		weir_stage_count(
			stage, weir_port_state(writer->port) < 0 ? FAILED : BUSY, count - sent);
	}
	weir_stage_pass(stage, 0, mbufs, count);
}

static const char *const counters[] = {"written", "file busy", "file failed", NULL};

const struct weir_stage_type weir__stage_write = {
	.name = "write",
	.help = "write packets to a capture file and let them go on",
	.edges = weir__stage_out,
	.counters = counters,
	.conf_size = sizeof(struct write_conf),
	.open = open_write,
	.close = close_write,
	.setup = setup,
	.teardown = teardown,
	.run = run,
};
