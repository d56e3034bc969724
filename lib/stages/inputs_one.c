/* SPDX-License-Identifier: BSD-3-Clause */
/* inputs_one.c: an input of play: opened from its file, from memory or from a cache; closed. */
#include "stages/inputs_one_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct weir_port *open_plain(
	const struct weir__input *input, const struct weir__input_way *way)
{
	/* a pipe goes by its size, too: it cannot be kept */
	return weir_port_open_cached(input->spec, way->pool, input->size ? way->cache : NULL);
}

/* From memory, if it is a file that fits. NULL with errno. */
static struct weir_port *open_port(
	const struct weir__input *input, const struct weir__input_way *way)
{
	const char *quote = strchr(input->spec, '"') ? "" : "\"";
	struct weir_port *port = NULL;
	char *spec;

	if (input->size == 0 || !way->preload)
		return open_plain(input, way);
	if (asprintf(&spec, "pcap:rx=%s%s%s,preload=%s", quote, input->spec, quote, way->preload) >=
		0) {
		port = weir_port_open_cached(spec, way->pool, way->cache);
		free(spec);
	}
	if (!port && errno == EFBIG && !way->must_preload)
		return open_plain(input, way);
	return port;
}

int weir__input_open(struct weir__input *input, const struct weir__input_way *way)
{
	input->at = input->have = 0;
	input->time = 0;
	if (input->port)
		return weir_port_rewind(input->port);
	input->port = open_port(input, way);
	return input->port ? 0 : -errno;
}

void weir__input_add(struct weir_port_stats *sum, const struct weir_port_stats *stats)
{
	sum->rx_packets += stats->rx_packets;
	sum->rx_bytes += stats->rx_bytes;
	sum->rx_no_mbuf += stats->rx_no_mbuf;
}

void weir__input_close(struct weir__input *input)
{
	struct weir_port_stats stats;

	if (!input->port)
		return;
	weir_port_stats(input->port, &stats);
	weir__input_add(&input->before, &stats);
	weir_mbuf_free_bulk(input->held + input->at, input->have - input->at);
	input->at = input->have = 0;
	weir_port_close(input->port);
	input->port = NULL;
}
