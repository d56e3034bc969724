/* SPDX-License-Identifier: BSD-3-Clause */
/* succeed.c: one pipeline in the place of another: it uses the same open ports. */
#include "runtime/pipeline_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int weir_pipeline_share_ports(struct weir_pipeline *pipeline, const struct weir_pipeline *with)
{
	for (const struct weir__port *port = with->ports; port; port = port->next) {
		int error = weir_pipeline_port(pipeline, port->name, port->use.port);

		if (error)
			return error;
	}
	return 0;
}

static struct weir__port *find(const struct weir_pipeline *pipeline, const struct weir_port *port)
{
	struct weir__port *found = pipeline->ports;

	while (found && found->use.port != port)
		found = found->next;
	return found;
}

/* Ports that the old one opened: those that the new one uses are its own, the others stay and are
 * closed with it. */
void weir_pipeline_succeed(struct weir_pipeline *pipeline, struct weir_pipeline *old)
{
	struct weir__port **link = &pipeline->ports;

	while (*link) {
		struct weir__port *port = *link, *before = find(old, port->use.port);

		if (before && before->own && !port->used) {
			*link = port->next;
			free(port);
			continue;
		}
		if (before && before->own) {
			before->own = false;
			port->own = true;
		}
		link = &port->next;
	}
	/* relaxed: workers of neither run */
	atomic_store_explicit(&pipeline->left,
		atomic_load_explicit(&old->left, memory_order_relaxed), memory_order_relaxed);
}
