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

#include "ahead_impl.h"
#include "capture/take_impl.h"
#include "mbuf/part_impl.h"
#include "trace/trace_impl.h"
#include "weir/chain.h"

#include <errno.h>
#include <string.h>

/* Packets taken from the reader at a time. */
#define AT_ONCE 32

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

static inline void put_on_record(
	const struct weir__parts *parts, struct weir_mbuf *mbuf, const struct weir__record *record)
{
	weir__mbuf_on_part(parts, mbuf, record->data, record->length, record->wire_length,
		record->timestamp_ns);
}

static inline void use_kind(struct weir__parts *parts, uint64_t kind)
{
	weir__parts_are(parts, weir__kind_headroom(kind), weir__kind_link_type(kind),
		weir__kind_interface(kind), weir__kind_direction(kind));
}

/* Put mbufs on records. What most of them share is worked out when it changes. */
static inline void put_on_records(struct pcap_port *pcap, struct weir__parts parts,
	struct weir_mbuf **mbufs, const struct weir__record *records, uint32_t count)
{
	uint64_t kind = 0, bytes = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (weir_unlikely(records[i].kind != kind)) {
			kind = records[i].kind;
			use_kind(&parts, kind);
		}
		bytes += records[i].length;
		put_on_record(&parts, mbufs[i], &records[i]);
	}
	pcap->bytes += bytes;
}

/* Packets that lie in the present block, by way of their records. */
static uint32_t take_records(
	struct pcap_port *pcap, struct weir__parts parts, struct weir_mbuf **mbufs, uint32_t count)
{
	struct weir__record records[AT_ONCE];
	uint32_t taken, given;

	taken = weir__capture_take(pcap->reader, records, count < AT_ONCE ? count : AT_ONCE);
	given = weir__parts_take(pcap->port->pool, mbufs, taken);
	if (weir_unlikely(given < taken))
		weir__capture_return(pcap->reader, &records[given]);
	put_on_records(pcap, parts, mbufs, records, given);
	return given;
}

/* The same of a pcap file, in one loop: half the instructions of two. Not inline, and with copies
 * of its own: the loop needs the registers. */
static __attribute__((noinline)) uint32_t take_walk(struct pcap_port *pcap,
	const struct weir__walk *from, const struct weir__parts *like, struct weir_mbuf **mbufs,
	uint32_t count)
{
	struct weir_mempool *pool = pcap->port->pool;
	uint32_t given = weir__parts_take(pool, mbufs, count), done = 0;
	struct weir__parts parts = *like;
	struct weir__walk walk = *from;
	struct weir__record record;
	uint64_t bytes = 0;

	use_kind(&parts, walk.kind);
	for (; done < given && weir__walk_on(&walk, &record); done++) {
		put_on_record(&parts, mbufs[done], &record);
		bytes += record.length;
	}
	weir__capture_walked(pcap->reader, walk.at);
	if (done < given) /* they are as they were */
		weir_mempool_put_bulk(pool, (void *const *)(void *)(mbufs + done), given - done);
	pcap->bytes += bytes;
	return done;
}

/* The fast way: packets that lie in the present block. */
static uint32_t take_parts(struct pcap_port *pcap, struct weir_mbuf **mbufs, uint32_t count)
{
	struct weir__block *block = weir__capture_block(pcap->reader);
	struct weir__parts parts;
	struct weir__walk walk;
	uint32_t given;

	if (weir_unlikely(!block))
		return 0;
	parts = weir__parts_of(pcap->port->pool, block, false);
	given = weir__capture_walk(pcap->reader, &walk)
			? take_walk(pcap, &walk, &parts, mbufs, count)
			: take_records(pcap, parts, mbufs, count);
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
	pcap->bytes += packet->length;
	if (!block) {
		weir__mbuf_captured(mbuf, packet->timestamp_ns, packet->wire_length,
			packet->link_type, packet->interface, packet->direction);
		return mbuf;
	}
	parts = weir__parts_of(pool, block, false);
	weir__parts_are(&parts, weir__capture_headroom(pcap->reader, data), packet->link_type,
		(uint16_t)packet->interface, packet->direction);
	weir__mbuf_on_part(
		&parts, mbuf, data, packet->length, packet->wire_length, packet->timestamp_ns);
	weir__block_take(block, 1);
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

/* Packets of a batch, in its block. */
static uint32_t attach_batch(struct pcap_port *pcap, const struct weir__batch *batch,
	struct weir_mbuf **mbufs, uint32_t count)
{
	const struct weir__parts parts = weir__parts_of(pcap->port->pool, batch->block, false);
	uint32_t given = weir__parts_take(pcap->port->pool, mbufs, count);

	put_on_records(pcap, parts, mbufs, &batch->records[pcap->taken], given);
	if (given)
		weir__block_take(batch->block, given);
	return given;
}

static uint32_t copy_batch(struct pcap_port *pcap, const struct weir__batch *batch,
	struct weir_mbuf **mbufs, uint32_t count)
{
	const struct weir__record *record = &batch->records[pcap->taken];
	uint32_t given = 0;

	for (; given < count; given++, record++) {
		struct weir_mbuf *mbuf =
			weir_mbuf_from_bytes(pcap->port->pool, record->data, record->length);

		if (!mbuf)
			break;
		weir__mbuf_captured(mbuf, record->timestamp_ns, record->wire_length,
			weir__kind_link_type(record->kind), weir__kind_interface(record->kind),
			weir__kind_direction(record->kind));
		pcap->bytes += record->length;
		mbufs[given] = mbuf;
	}
	return given;
}

static void end_ahead(struct pcap_port *pcap, const struct weir__batch *batch)
{
	if (batch->result == 0) {
		weir__port_end(pcap->port);
		return;
	}
	weir__fail(-batch->result, "%s", weir__ahead_sentence(pcap->ahead));
	weir__port_fail(pcap->port, batch->result);
}

/* What the thread has found. */
static uint32_t rx_ahead(struct pcap_port *pcap, struct weir_mbuf **mbufs, uint32_t count)
{
	struct weir__batch *batch;
	uint32_t got = 0, left, some;

	while (got < count && (batch = weir__ahead_look(pcap->ahead)) != NULL) {
		if (!batch->block) {
			end_ahead(pcap, batch);
			break;
		}
		left = batch->count - pcap->taken;
		left = left < count - got ? left : count - got;
		some = (batch->copied ? copy_batch : attach_batch)(pcap, batch, mbufs + got, left);
		pcap->taken += some;
		got += some;
		if (some < left) {
			note_dry(pcap, batch->records[pcap->taken].length);
			break;
		}
		if (pcap->taken < batch->count)
			break;
		/* relaxed: for a progress bar */
		atomic_store_explicit(&pcap->position, batch->position, memory_order_relaxed);
		weir__block_drop(batch->block, 1);
		pcap->taken = 0;
		weir__ahead_pass(pcap->ahead);
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
		for (uint32_t end = got + some; got < end; got++)
			pcap->bytes += mbufs[got]->length;
	}
	return got;
}

uint32_t weir__pcap_rx(void *priv, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count)
{
	struct pcap_port *pcap = priv;
	uint32_t got;

	/* an ended or failed port stays so; relaxed: this thread ends it */
	if (atomic_load_explicit(&pcap->port->state, memory_order_relaxed) != 0)
		return 0;
	pcap->bytes = 0;
	if (pcap->trace)
		got = rx_trace(pcap, mbufs, count);
	else
		got = (pcap->ahead ? rx_ahead : rx_file)(pcap, mbufs, count);
	weir__count_packets(&pcap->port->rx[queue], got, pcap->bytes);
	return got;
}

/* Of all passes, in bytes of the file. */
void weir__pcap_progress(const void *priv, uint64_t *position, uint64_t *size)
{
	const struct pcap_port *pcap = priv;
	uint64_t at = 0, bytes = 0, count;

	if (pcap->ahead) {
		at = atomic_load_explicit(&pcap->position, memory_order_relaxed);
		bytes = pcap->file_bytes;
	} else if (pcap->reader) {
		weir_capture_progress(pcap->reader, &at, &bytes);
	}
	if (pcap->trace) {
		bytes = weir_trace_file_bytes(pcap->trace);
		count = weir_trace_count(pcap->trace);
		at = count ? (uint64_t)((double)pcap->next / (double)count * (double)bytes) : 0;
	}
	*position = pcap->passes < pcap->loop || !pcap->loop ? pcap->passes * bytes + at
							     : pcap->loop * bytes;
	*size = pcap->loop * bytes;
}

static int rewind_reader(struct pcap_port *pcap)
{
	bool ahead = pcap->ahead != NULL;
	int error;

	pcap->taken = 0;
	weir__ahead_stop(pcap->ahead);
	pcap->ahead = NULL;
	error = weir_capture_rewind(pcap->reader);
	if (error || !ahead)
		return error;
	pcap->ahead = weir__ahead_start(pcap->reader);
	return pcap->ahead ? 0 : -errno;
}

int weir__pcap_rewind(void *priv)
{
	struct pcap_port *pcap = priv;

	if (!pcap->reader && !pcap->trace)
		return weir__fail(ENOTSUP, "%s has no rx=FILE to read again", pcap->port->name);
	pcap->passes = 0;
	pcap->pass_is_empty = true;
	pcap->next = 0;
	return pcap->reader ? rewind_reader(pcap) : 0;
}
