/* SPDX-License-Identifier: BSD-3-Clause */
/* keys.c: what the keys of a port say of how its file is received. */
#include "pcap_impl.h"

#include "ahead_impl.h"

#include <errno.h>
#include <string.h>

/* How the file is received: what the keys say. */
struct way {
	uint64_t map;
	bool load, ahead, cache;
};

/* A file that is in memory needs nobody who reads it. */
static int choose_reader(const struct pcap_port *pcap, const char *reader, struct way *way)
{
	way->ahead = reader && strcmp(reader, "thread") == 0;
	if (reader && !way->ahead && strcmp(reader, "self") != 0)
		return weir__fail(EINVAL, "pcap: reader=%s: there are self and thread", reader);
	if (way->ahead && (pcap->loop != 1 || way->load))
		return weir__fail(EINVAL, "pcap: reader=thread is for a file that is read once");
	return 0;
}

static int choose_way(
	struct pcap_port *pcap, const char *path, struct weir__spec *spec, struct way *way)
{
	const char *preload = weir__spec_get(spec, "preload");

	if (weir__spec_number(spec, "mmap", 0, 1, &way->map))
		return -EINVAL;
	way->cache = pcap->port->cache && strcmp(path, "-") != 0;
	way->map |= way->cache;
	way->load = way->map || (pcap->loop != 1 && strcmp(path, "-") != 0);
	pcap->make = way->map ? weir_trace_attach : weir_trace_copy;
	if (!preload)
		return 0;
	if (strcmp(preload, "attach") == 0)
		pcap->make = weir_trace_attach;
	else if (strcmp(preload, "copy") == 0)
		pcap->make = weir_trace_copy;
	else if (strcmp(preload, "no") != 0 || way->map)
		return weir__fail(EINVAL, "pcap: preload=%s: there are copy, attach%s", preload,
			way->map ? "" : " and no");
	way->load = strcmp(preload, "no") != 0;
	return 0;
}

/* A trace that does not fit memory is read from the file each time, unless it must not be. */
static int open_trace(struct pcap_port *pcap, const char *path, const struct way *way, bool must)
{
	const struct weir_trace_conf conf = {.map = way->map};

	if (way->cache)
		pcap->cache = pcap->port->cache;
	pcap->trace =
		way->cache ? weir_trace_cache_get(pcap->cache, path) : weir_trace_open(path, &conf);
	if (pcap->trace)
		return 0;
	return errno == EFBIG && !must ? 0 : -errno;
}

static int open_reader(struct pcap_port *pcap, const char *path, const struct way *way)
{
	uint64_t position;

	pcap->reader = weir__capture_open_blocks(path);
	if (!pcap->reader)
		return -errno;
	weir_capture_set_nonblocking(pcap->reader, true);
	if (!way->ahead)
		return 0;
	weir_capture_progress(pcap->reader, &position, &pcap->file_bytes);
	pcap->ahead = weir__ahead_start(pcap->reader);
	return pcap->ahead ? 0 : -errno;
}

/* Nothing to receive from, and so nothing to say how. */
static int open_none(struct pcap_port *pcap, struct weir__spec *spec)
{
	static const char *const keys[] = {"loop", "preload", "mmap", "reader"};

	for (uint32_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (weir__spec_get(spec, keys[i]))
			return weir__fail(EINVAL, "pcap: %s= is for rx=", keys[i]);
	weir__port_end(pcap->port);
	return 0;
}

int weir__pcap_open_rx(struct pcap_port *pcap, struct weir__spec *spec)
{
	const char *path = weir__spec_get(spec, "rx"), *preload = weir__spec_get(spec, "preload");
	struct way way = {0};
	int error = 0;

	if (!path)
		return open_none(pcap, spec);
	pcap->loop = 1;
	if (weir__spec_number(spec, "loop", 0, UINT64_MAX, &pcap->loop) ||
		choose_way(pcap, path, spec, &way) ||
		choose_reader(pcap, weir__spec_get(spec, "reader"), &way))
		return -EINVAL;
	if (!pcap->port->pool)
		return weir__fail(EINVAL, "pcap: rx=%s needs a mempool to receive into", path);
	pcap->pass_is_empty = true;
	if (way.load)
		error = open_trace(pcap, path, &way, preload || (way.map && !way.cache));
	return error || pcap->trace ? error : open_reader(pcap, path, &way);
}

void weir__pcap_close_rx(struct pcap_port *pcap)
{
	weir__ahead_stop(pcap->ahead);
	weir_capture_close(pcap->reader);
	if (pcap->trace && pcap->cache)
		weir_trace_cache_put(pcap->cache, pcap->trace);
	else
		weir_trace_close(pcap->trace);
}
