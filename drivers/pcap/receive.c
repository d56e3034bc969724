/* SPDX-License-Identifier: BSD-3-Clause */
/* receive.c: packets of a capture file, in one of two ways.
 *
 * Read once, they stay in the block that they were read into, and an mbuf is put on each. Read
 * again and again, or preloaded, they come from a trace in memory: copied, or attached and
 * read-only.
 *
 * A packet stays where it is until there are mbufs for it, so a dry pool delays and never loses.
 */
#include "pcap_impl.h"

#include "capture/take_impl.h"
#include "mbuf/part_impl.h"
#include "trace/trace_impl.h"
#include "weir/chain.h"

#include <errno.h>
#include <string.h>

/* Packets taken from the reader at a time. */
#define AT_ONCE 32

/* How the file is received: what the keys say. */
struct way {
	uint64_t map;
	bool load;
};

static int choose_way(
	struct pcap_port *pcap, const char *path, struct weir__spec *spec, struct way *way)
{
	const char *preload = weir__spec_get(spec, "preload");

	if (weir__spec_number(spec, "mmap", 0, 1, &way->map))
		return -EINVAL;
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

	pcap->trace = weir_trace_open(path, &conf);
	if (pcap->trace)
		return 0;
	return errno == EFBIG && !must ? 0 : -errno;
}

static int open_reader(struct pcap_port *pcap, const char *path)
{
	pcap->reader = weir__capture_open_blocks(path);
	if (!pcap->reader)
		return -errno;
	weir_capture_set_nonblocking(pcap->reader, true);
	return 0;
}

/* Nothing to receive from, and so nothing to say how. */
static int open_none(struct pcap_port *pcap, struct weir__spec *spec)
{
	static const char *const keys[] = {"loop", "preload", "mmap"};

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
		choose_way(pcap, path, spec, &way))
		return -EINVAL;
	if (!pcap->port->pool)
		return weir__fail(EINVAL, "pcap: rx=%s needs a mempool to receive into", path);
	pcap->pass_is_empty = true;
	if (way.load)
		error = open_trace(pcap, path, &way, preload || way.map);
	return error || pcap->trace ? error : open_reader(pcap, path);
}

void weir__pcap_close_rx(struct pcap_port *pcap)
{
	weir_capture_close(pcap->reader);
	weir_trace_close(pcap->trace);
}

/* At the end of the file: start the next pass, or say that this was the last. */
static bool start_next_pass(struct pcap_port *pcap)
{
	int error = pcap->trace ? weir_trace_error(pcap->trace) : 0;

	pcap->passes++;
	if (!error && (pcap->pass_is_empty || pcap->passes == pcap->loop)) {
		weir__port_end(pcap->port);
		return false;
	}
	pcap->pass_is_empty = true;
	pcap->next = 0;
	if (pcap->reader)
		error = weir_capture_rewind(pcap->reader);
	if (error)
		weir__port_fail(pcap->port, error);
	return !error;
}

/* Would a packet not even fit into all of the pool? Then waiting for mbufs has no end. */
static bool never_fits(struct pcap_port *pcap, uint32_t length)
{
	struct weir_mempool *pool = pcap->port->pool;
	uint64_t bytes = (uint64_t)weir_mempool_count(pool) * weir_mbuf_pool_size(pool);

	if (length <= bytes)
		return false;
	weir__fail(ENOBUFS,
		"a packet of %u bytes is larger than all of pool '%s', %llu bytes; give it "
		"more or larger mbufs",
		length, weir_mempool_name(pool), (unsigned long long)bytes);
	weir__port_fail(pcap->port, ENOBUFS);
	return true;
}

static void note_dry(struct pcap_port *pcap, uint32_t length)
{
	if (!never_fits(pcap, length))
		weir__count(&pcap->port->rx[0].no_mbuf, 1);
}

/* The fast way: packets that lie in the present block. */
static uint32_t take_parts(struct pcap_port *pcap, struct weir_mbuf **mbufs, uint32_t count)
{
	struct weir__block *block = weir__capture_block(pcap->reader);
	struct weir_mempool *pool = pcap->port->pool;
	struct weir__record records[AT_ONCE];
	const struct weir__parts parts = weir__parts_of(pool, block, false);
	uint32_t taken, given;

	if (weir_unlikely(!block))
		return 0;
	taken = weir__capture_take(pcap->reader, records, count < AT_ONCE ? count : AT_ONCE);
	given = weir__parts_take(pool, mbufs, taken);
	if (weir_unlikely(given < taken))
		weir__capture_return(pcap->reader, &records[given]);
	for (uint32_t i = 0; i < given; i++) {
		const struct weir__record *record = &records[i];

		weir__mbuf_on_part(
			&parts, mbufs[i], record->data, record->headroom, record->length);
		weir__mbuf_captured(mbufs[i], record->timestamp_ns, record->wire_length,
			record->link_type, record->interface);
	}
	if (given)
		weir__block_take(block, given);
	return given;
}

/* The packet that the reader has just shown, in its block or, if it must be, copied. */
static struct weir_mbuf *make_one(
	struct pcap_port *pcap, const struct weir_capture_packet *packet, uint8_t *data)
{
	struct weir__block *block = weir__capture_block(pcap->reader);
	struct weir_mempool *pool = pcap->port->pool;
	struct weir__parts parts;
	struct weir_mbuf *mbuf;

	mbuf = block ? weir_mbuf_alloc(pool) : weir_mbuf_from_bytes(pool, data, packet->length);
	if (!mbuf)
		return NULL;
	if (block) {
		parts = weir__parts_of(pool, block, false);
		weir__mbuf_on_part(&parts, mbuf, data, weir__capture_headroom(pcap->reader, data),
			packet->length);
		weir__block_take(block, 1);
	}
	weir__mbuf_captured(mbuf, packet->timestamp_ns, packet->wire_length, packet->link_type,
		packet->interface);
	return mbuf;
}

/* The careful way, for one packet: over the end of a block, and of the file. */
static bool take_one(struct pcap_port *pcap, struct weir_mbuf **mbuf)
{
	struct weir_capture_packet packet;
	uint8_t *data;
	int result;

	do {
		result = weir_capture_peek(pcap->reader, &packet, &data);
	} while (result == 0 && start_next_pass(pcap));
	if (result < 0 && result != -EAGAIN)
		weir__port_fail(pcap->port, result);
	if (result <= 0)
		return false;
	*mbuf = make_one(pcap, &packet, data);
	if (!*mbuf) {
		note_dry(pcap, packet.length);
		return false;
	}
	weir_capture_advance(pcap->reader);
	return true;
}

static uint32_t rx_file(struct pcap_port *pcap, struct weir_mbuf **mbufs, uint32_t count)
{
	uint32_t got = 0, some;

	while (got < count) {
		some = take_parts(pcap, mbufs + got, count - got);
		got += some;
		if (!some && !take_one(pcap, &mbufs[got++]))
			return got - 1;
		pcap->pass_is_empty = false;
	}
	return got;
}

/* A packet did not come: for want of mbufs, or because a mapped file does not have it any more. */
static void note_none(struct pcap_port *pcap)
{
	int error = pcap->trace->mapping ? weir__trace_shortened(pcap->trace) : 0;

	if (error)
		weir__port_fail(pcap->port, error);
	else
		note_dry(pcap, weir_trace_packets(pcap->trace)[pcap->next].length);
}

static uint32_t rx_trace(struct pcap_port *pcap, struct weir_mbuf **mbufs, uint32_t count)
{
	uint64_t packets = weir_trace_count(pcap->trace);
	uint32_t got = 0, some;

	while (got < count) {
		if (pcap->next == packets && !start_next_pass(pcap))
			break;
		some = pcap->make(
			pcap->trace, pcap->next, mbufs + got, count - got, pcap->port->pool);
		if (!some) {
			note_none(pcap);
			break;
		}
		pcap->pass_is_empty = false;
		pcap->next += some;
		got += some;
	}
	return got;
}

uint32_t weir__pcap_rx(void *priv, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count)
{
	struct pcap_port *pcap = priv;
	uint64_t bytes = 0;
	uint32_t got;

	/* an ended or failed port stays so; relaxed: this thread ends it */
	if (atomic_load_explicit(&pcap->port->state, memory_order_relaxed) != 0)
		return 0;
	got = pcap->trace ? rx_trace(pcap, mbufs, count) : rx_file(pcap, mbufs, count);
	for (uint32_t i = 0; i < got; i++)
		bytes += mbufs[i]->length;
	weir__count_packets(&pcap->port->rx[queue], got, bytes);
	return got;
}

/* Of all passes, in bytes of the file. */
void weir__pcap_progress(const void *priv, uint64_t *position, uint64_t *size)
{
	const struct pcap_port *pcap = priv;
	uint64_t at = 0, bytes = 0, count;

	if (pcap->reader)
		weir_capture_progress(pcap->reader, &at, &bytes);
	if (pcap->trace) {
		bytes = weir_trace_file_bytes(pcap->trace);
		count = weir_trace_count(pcap->trace);
		at = count ? (uint64_t)((double)pcap->next / (double)count * (double)bytes) : 0;
	}
	*position = pcap->passes < pcap->loop || !pcap->loop ? pcap->passes * bytes + at
							     : pcap->loop * bytes;
	*size = pcap->loop * bytes;
}

int weir__pcap_rewind(void *priv)
{
	struct pcap_port *pcap = priv;

	if (!pcap->reader && !pcap->trace)
		return weir__fail(ENOTSUP, "%s has no rx=FILE to read again", pcap->port->name);
	pcap->passes = 0;
	pcap->pass_is_empty = true;
	pcap->next = 0;
	return pcap->reader ? weir_capture_rewind(pcap->reader) : 0;
}
