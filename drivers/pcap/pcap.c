/* SPDX-License-Identifier: BSD-3-Clause */
/* pcap.c: a capture file as a port: packets are received from one and sent to another.
 *
 *	pcap:rx=in.pcapng,loop=10,tx=out.pcap
 *
 *	rx      file to receive from, "-" is standard input; pcap or pcapng, plain or compressed
 *	loop    times to read it (1); 0 is endless
 *	tx      file to send to, "-" is standard output
 *	format  of tx: pcap (nanoseconds), pcap-us or pcapng; without it pcapng when the name ends
 *		so, else pcap
 *
 * A name of tx that ends in .gz, .zst or .lz4 is that of a compressed file.
 *
 * A packet stays in the reader until there are mbufs for it, so a dry pool delays and never loses.
 */
#include "drivers/driver_impl.h"

#include "weir/capture_write.h"
#include "weir/chain.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

/* The longest packet a capture can hold in segments of 64 bytes, and one for the rest. */
#define SEGMENTS_MAX (262144 / 64 + 1)

struct pcap_port {
	struct weir_port *port;
	struct weir_capture_reader *reader;
	struct weir_capture_writer *writer;
	uint64_t passes;    /* done */
	uint64_t loop;      /* wanted; 0: endless */
	bool pass_is_empty; /* no packet yet in this one */
	struct iovec segments[SEGMENTS_MAX];
};

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

static int open_rx(struct pcap_port *pcap, const char *path)
{
	if (!path) {
		weir__port_end(pcap->port);
		return 0;
	}
	if (!pcap->port->pool)
		return weir__fail(EINVAL, "pcap: rx=%s needs a mempool to receive into", path);
	pcap->reader = weir_capture_open(path);
	if (!pcap->reader)
		return -errno;
	weir_capture_set_nonblocking(pcap->reader, true);
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
	pcap->loop = 1;
	pcap->pass_is_empty = true;
	if (spec->argument || (!rx && !tx) || (rx && !*rx) || (tx && !*tx))
		return weir__fail(EINVAL,
			"pcap: needs rx=FILE or tx=FILE, as in pcap:rx=in.pcap,tx=out.pcap");
	if (weir__spec_get(spec, "loop") && !rx)
		return weir__fail(EINVAL, "pcap: loop= is for rx=");
	if (weir__spec_number(spec, "loop", 0, UINT64_MAX, &pcap->loop) ||
		weir__spec_finish(spec, "rx, loop, tx, format"))
		return -EINVAL;
	error = open_rx(pcap, rx);
	if (!error)
		error = open_tx(pcap, tx, format);
	if (error)
		weir_capture_close(pcap->reader);
	return error;
}

static int pcap_close(struct weir_port *port, void *priv)
{
	struct pcap_port *pcap = priv;

	(void)port;
	weir_capture_close(pcap->reader);
	return weir_capture_finish(pcap->writer);
}

/* At the end of the file: start the next pass, or say that this was the last. */
static bool start_next_pass(struct pcap_port *pcap)
{
	int error;

	pcap->passes++;
	if (pcap->pass_is_empty || pcap->passes == pcap->loop) {
		weir__port_end(pcap->port);
		return false;
	}
	pcap->pass_is_empty = true;
	error = weir_capture_rewind(pcap->reader);
	if (error)
		weir__port_fail(pcap->port, error);
	return !error;
}

/* Would the packet not even fit into all of the pool? Then waiting for mbufs has no end. */
static bool never_fits(struct pcap_port *pcap, const struct weir_capture_packet *packet)
{
	struct weir_mempool *pool = pcap->port->pool;
	uint64_t bytes = (uint64_t)weir_mempool_count(pool) * weir_mbuf_pool_size(pool);

	if (packet->length <= bytes)
		return false;
	weir__fail(ENOBUFS,
		"a packet of %u bytes is larger than all of pool '%s', %llu bytes; give it "
		"more or larger mbufs",
		packet->length, weir_mempool_name(pool), (unsigned long long)bytes);
	weir__port_fail(pcap->port, ENOBUFS);
	return true;
}

static struct weir_mbuf *make_mbuf(
	struct pcap_port *pcap, const struct weir_capture_packet *packet, const uint8_t *data)
{
	struct weir_mbuf *mbuf = weir_mbuf_from_bytes(pcap->port->pool, data, packet->length);

	if (!mbuf) {
		if (!never_fits(pcap, packet))
			weir__count(&pcap->port->rx[0].no_mbuf, 1);
		return NULL;
	}
	mbuf->port = (uint16_t)packet->interface;
	mbuf->timestamp_ns = packet->timestamp_ns;
	mbuf->flags = WEIR_MBUF_TIMESTAMP;
	if (packet->wire_length != packet->length) {
		mbuf->wire_length = packet->wire_length;
		mbuf->flags |= WEIR_MBUF_WIRE_LENGTH;
	}
	if (packet->link_type != WEIR_LINK_ETHERNET)
		weir_mbuf_set_link_type(mbuf, packet->link_type);
	return mbuf;
}

static uint32_t pcap_rx(void *priv, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count)
{
	struct pcap_port *pcap = priv;
	struct weir_capture_packet packet;
	uint64_t bytes = 0;
	uint32_t got = 0;
	uint8_t *data;

	/* an ended or failed port stays so; the reader would only say it again */
	while (got < count && atomic_load_explicit(&pcap->port->state, memory_order_relaxed) == 0) {
		int result = weir_capture_peek(pcap->reader, &packet, &data);

		if (result < 0 && result != -EAGAIN)
			weir__port_fail(pcap->port, result);
		if (result < 0 || (result == 0 && !start_next_pass(pcap)))
			break;
		if (result == 0)
			continue;
		mbufs[got] = make_mbuf(pcap, &packet, data);
		if (!mbufs[got])
			break;
		weir_capture_advance(pcap->reader);
		pcap->pass_is_empty = false;
		bytes += packet.length;
		got++;
	}
	weir__count_packets(&pcap->port->rx[queue], got, bytes);
	return got;
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

static int write_mbuf(struct pcap_port *pcap, const struct weir_mbuf *mbuf)
{
	struct weir_capture_packet packet = {
		.timestamp_ns = mbuf->flags & WEIR_MBUF_TIMESTAMP ? mbuf->timestamp_ns
								  : weir__realtime_ns(),
		.length = mbuf->length,
		.wire_length = weir_mbuf_wire_length(mbuf),
		.link_type = weir_mbuf_link_type(mbuf),
	};
	uint32_t pieces = gather(pcap, mbuf);

	if (!pieces)
		return weir__fail(
			EMSGSIZE, "pcap: a packet has more than %d segments", SEGMENTS_MAX);
	return weir_capture_write(pcap->writer, &packet, pcap->segments, pieces);
}

static uint32_t pcap_tx(void *priv, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count)
{
	struct pcap_port *pcap = priv;
	uint64_t bytes = 0;
	uint32_t sent = 0;
	int error = 0;

	if (!pcap->writer)
		error = weir__fail(EOPNOTSUPP, "%s has no tx=FILE to send to", pcap->port->name);
	while (!error && sent < count) {
		error = write_mbuf(pcap, mbufs[sent]);
		if (!error)
			bytes += mbufs[sent++]->length;
	}
	if (error && error != -EAGAIN)
		weir__port_fail(pcap->port, error);
	weir_mbuf_free_bulk(mbufs, sent);
	weir__count_packets(&pcap->port->tx[queue], sent, bytes);
	return sent;
}

/* Of all passes, in bytes of the file. */
static void pcap_progress(const void *priv, uint64_t *position, uint64_t *size)
{
	const struct pcap_port *pcap = priv;
	uint64_t at, bytes;

	if (!pcap->reader)
		return;
	weir_capture_progress(pcap->reader, &at, &bytes);
	*position = pcap->passes < pcap->loop || !pcap->loop ? pcap->passes * bytes + at
							     : pcap->loop * bytes;
	*size = pcap->loop * bytes;
}

static int pcap_rewind(void *priv)
{
	struct pcap_port *pcap = priv;

	if (!pcap->reader)
		return weir__fail(ENOTSUP, "%s has no rx=FILE to read again", pcap->port->name);
	pcap->passes = 0;
	pcap->pass_is_empty = true;
	return weir_capture_rewind(pcap->reader);
}

const struct weir__driver weir__driver_pcap = {
	.name = "pcap",
	.private_size = sizeof(struct pcap_port),
	.offloads = WEIR_PORT_CHAINS,
	.open = pcap_open,
	.close = pcap_close,
	.rx = pcap_rx,
	.tx = pcap_tx,
	.progress = pcap_progress,
	.rewind = pcap_rewind,
};
