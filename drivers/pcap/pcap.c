/* SPDX-License-Identifier: BSD-3-Clause */
/* pcap.c: a capture file as a port: packets are received from one and sent to another.
 *
 *	pcap:rx=in.pcapng,loop=10,tx=out.pcap
 *
 *	rx      file to receive from, "-" is standard input; pcap or pcapng, plain or compressed
 *	loop    times to read it (1); 0 is endless
 *	preload no: packets come from the file; copy: from memory, into which it is read once, each
 *		with bytes of its own; attach: from memory, on the bytes there, read-only. Without
 *		it copy when it is read more than once and fits half of the free memory, else no
 *	mmap    1: packets stay in the file, which is mapped, and are read-only, or with
 *		preload=copy copied; a compressed one is read into memory
 *	reader  thread: a thread reads ahead, on another core; self: none does (self)
 *	tx      file to send to, "-" is standard output
 *	format  of tx: pcap (nanoseconds), pcap-us or pcapng; without it pcapng when the name ends
 *		so, else pcap
 *
 * Packets that are sent as they were received, one after the other, go from file to file in one
 * piece (capture/keep_impl.h), whatever is changed in them.
 *
 * A name of tx that ends in .gz, .zst or .lz4 is that of a compressed file.
 */
#include "pcap_impl.h"

#include "capture/keep_impl.h"
#include "mbuf/part_impl.h"
#include "weir/capture_write.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int choose_format(const char *format, enum weir_capture_format *chosen)
{
	if (!format)
		return 0;
	if (strcmp(format, "pcap") == 0)
		*chosen = WEIR_CAPTURE_PCAP_NS;
	else if (strcmp(format, "pcap-us") == 0)
		*chosen = WEIR_CAPTURE_PCAP_US;
	else if (strcmp(format, "pcapng") == 0)
		*chosen = WEIR_CAPTURE_PCAPNG;
	else
		return weir__fail(
			EINVAL, "pcap: format=%s: there are pcap, pcap-us and pcapng", format);
	return 0;
}

static int open_tx(struct pcap_port *pcap, const char *path, const char *format)
{
	struct weir_capture_file file = {.path = path, .in_place = true};

	pcap->port->sends = path != NULL;
	if (!path)
		return format ? weir__fail(EINVAL, "pcap: format=%s is for tx=", format) : 0;
	weir_capture_by_name(path, &file.format, &file.codec);
	if (choose_format(format, &file.format))
		return -EINVAL;
	pcap->writer = weir_capture_create_file(&file);
	if (!pcap->writer)
		return -errno;
	weir_capture_set_writer_nonblocking(pcap->writer, true);
	return 0;
}

static int pcap_open(struct weir_port *port, void *priv, struct weir__spec *spec)
{
	struct pcap_port *pcap = priv;
	const char *rx = weir__spec_get(spec, "rx"), *tx = weir__spec_get(spec, "tx");
	const char *format = weir__spec_get(spec, "format");
	int error;

	pcap->port = port;
	if (spec->argument || (!rx && !tx) || (rx && !*rx) || (tx && !*tx))
		return weir__fail(EINVAL,
			"pcap: needs rx=FILE or tx=FILE, as in pcap:rx=in.pcap,tx=out.pcap");
	error = weir__pcap_open_rx(pcap, spec);
	if (!error)
		error = weir__spec_finish(spec, "rx, loop, preload, mmap, reader, tx, format");
	if (!error)
		error = open_tx(pcap, tx, format);
	if (error)
		weir__pcap_close_rx(pcap);
	return error;
}

static int pcap_close(struct weir_port *port, void *priv)
{
	struct pcap_port *pcap = priv;
	int error;

	(void)port;
	weir__pcap_close_rx(pcap);
	error = weir_capture_finish(pcap->writer);
	if (!error && pcap->unfit)
		error = weir__fail(ENOTSUP, "%s; %llu packets are not in it", pcap->why_unfit,
			(unsigned long long)pcap->unfit);
	return error;
}

/* The chain as pieces; 0 when it has more than we hold. */
static uint32_t gather(struct pcap_port *pcap, const struct weir_mbuf *mbuf)
{
	uint32_t count = 0;

	for (; mbuf; mbuf = mbuf->next) {
		if (count == SEGMENTS_MAX)
			return 0;
		pcap->segments[count].iov_base = weir_mbuf_data(mbuf);
		pcap->segments[count++].iov_len = mbuf->data_length;
	}
	return count;
}

static inline struct weir_capture_packet describe(const struct weir_mbuf *mbuf)
{
	return (struct weir_capture_packet){
		.timestamp_ns = mbuf->timestamp_ns,
		.length = mbuf->length,
		.wire_length = weir_mbuf_wire_length(mbuf),
		.link_type = weir_mbuf_link_type(mbuf),
		.direction = weir__mbuf_direction(mbuf),
	};
}

/* May it be written from where it lies: a part of a block, its holder's alone, with a time? */
static inline bool can_keep(const struct weir_mbuf *mbuf)
{
	return weir__mbuf_is_part(mbuf) && mbuf->flags & WEIR_MBUF_TIMESTAMP &&
	       mbuf->offset >= WEIR__KEEP_HEADROOM;
}

static __attribute__((noinline)) int write_mbuf(
	struct pcap_port *pcap, const struct weir_mbuf *mbuf)
{
	struct weir_capture_packet packet = describe(mbuf);
	uint32_t pieces;

	if (can_keep(mbuf) && weir__capture_keep(pcap->writer, &packet, weir__mbuf_block(mbuf),
				      weir_mbuf_data(mbuf)))
		return 0;
	if (!(mbuf->flags & WEIR_MBUF_TIMESTAMP))
		packet.timestamp_ns = weir__realtime_ns();
	pieces = gather(pcap, mbuf);
	if (!pieces)
		return weir__fail(
			EMSGSIZE, "pcap: a packet has more than %d segments", SEGMENTS_MAX);
	return weir_capture_write(pcap->writer, &packet, pcap->segments, pieces);
}

/* Put packets into the writer's run, from the first on, that go on with it: how many. It is worked
 * on as a copy, in registers. */
static uint32_t keep_mbufs(struct weir__run *of, struct weir_mbuf **mbufs, uint32_t count)
{
	struct weir__run run = *of;
	uint32_t kept = 0;

	for (; kept < count; kept++) {
		struct weir_capture_packet packet = describe(mbufs[kept]);

		if (!can_keep(mbufs[kept]) ||
			!weir__run_goes_on(&run, &packet, weir_mbuf_data(mbufs[kept])))
			break;
	}
	of->end = run.end;
	of->packets = run.packets;
	return kept;
}

/* The file goes on without the packet: it is of a second link type, for example. What the first was
 * is said when the port is closed, with how many there were. */
static void drop_unfit(struct pcap_port *pcap, uint32_t queue)
{
	if (pcap->unfit++ == 0)
		snprintf(pcap->why_unfit, sizeof(pcap->why_unfit), "%s", weir_last_error());
	weir__count(&pcap->port->tx[queue].dropped[WEIR_DROP_TX_UNFIT], 1);
}

static uint32_t pcap_tx(void *priv, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count)
{
	struct pcap_port *pcap = priv;
	uint64_t bytes = 0, unfit = 0;
	uint32_t sent = 0;
	int error = 0;

	if (!pcap->writer)
		error = weir__fail(EOPNOTSUPP, "%s has no tx=FILE to send to", pcap->port->name);
	while (!error && sent < count) {
		sent += keep_mbufs(weir__capture_run(pcap->writer), mbufs + sent, count - sent);
		if (sent == count)
			break;
		error = write_mbuf(pcap, mbufs[sent]);
		if (error == -EINVAL || error == -EMSGSIZE) {
			drop_unfit(pcap, queue);
			bytes -= mbufs[sent]->length; /* of all that are taken */
			unfit++;
			error = 0;
		}
		sent += !error;
	}
	for (uint32_t i = 0; i < sent; i++)
		bytes += mbufs[i]->length;
	if (error && error != -EAGAIN)
		weir__port_fail(pcap->port, error);
	weir_mbuf_free_bulk(mbufs, sent);
	weir__count_packets(&pcap->port->tx[queue], sent - unfit, bytes);
	return sent;
}

const struct weir__driver weir__driver_pcap = {
	.name = "pcap",
	.private_size = sizeof(struct pcap_port),
	.offloads = WEIR_PORT_CHAINS,
	.open = pcap_open,
	.close = pcap_close,
	.rx = weir__pcap_rx,
	.tx = pcap_tx,
	.progress = weir__pcap_progress,
	.rewind = weir__pcap_rewind,
};
