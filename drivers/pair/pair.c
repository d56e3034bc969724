/* SPDX-License-Identifier: BSD-3-Clause */
/* pair.c: two ports of one process joined by rings: what one sends the other receives.
 *
 *	pair:name,ring=1024,queues=1
 *
 *	name    the first open of a name makes one end, the second the other
 *	ring    packets under way in one direction and queue (1024, rounded up to a power of two)
 *	queues  1 to 64 (1); queue i of one end leads to queue i of the other
 *
 * The mbufs themselves change hands; nothing is copied. When one end closes, the other receives
 * what is under way and has then ended. Both ends closed, the name is free again.
 */
#include "drivers/driver_impl.h"

#include "weir/ring.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Wakes who waits for packets. The sender looks at armed after it has put packets in the ring, the
 * receiver looks at the ring after it has armed it. Both change armed by an exchange: so either the
 * sender's comes second and sees it armed, or the receiver's does and sees the packets. */
struct bell {
	WEIR_ATOMIC(bool) armed;
	int fd; /* of an eventfd, 0 until somebody waits; the receiver's */
};

/* What both ends share. The list and the ends are under the lock; the rings are not. */
struct pair {
	struct pair *next;
	char *name;
	uint32_t queues;
	uint32_t ring_size;   /* as the first end asked for it */
	uint32_t ends_opened; /* since it was made: 1 or 2 */
	uint32_t ends_open;
	WEIR_ATOMIC(bool) closed[2];
	struct weir_ring *rings[2][WEIR__QUEUE_MAX]; /* [end that sends][queue] */
	struct bell bells[2][WEIR__QUEUE_MAX];       /* the same; who receives waits for it */
};

struct pair_port {
	struct weir_port *port;
	struct pair *pair;
	uint32_t end; /* 0 or 1 */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pair *pairs;

static void free_ring(struct weir_ring *ring)
{
	struct weir_mbuf *mbuf;

	if (!ring)
		return;
	while (weir_ring_dequeue_burst_spsc(ring, &mbuf, sizeof(mbuf), 1))
		weir_mbuf_free(mbuf);
	weir_ring_destroy(ring);
}

static void free_pair(struct pair *pair)
{
	for (uint32_t i = 0; i < 2 * pair->queues; i++) {
		struct bell *bell = &pair->bells[i % 2][i / 2];

		free_ring(pair->rings[i % 2][i / 2]);
		if (bell->fd > 0)
			close(bell->fd);
	}
	free(pair->name);
	free(pair);
}

static struct pair *make_pair(const char *name, uint32_t ring_size, uint32_t queues)
{
	struct pair *pair = calloc(1, sizeof(*pair));

	if (!pair)
		return weir__fail_null(ENOMEM, "pair: no memory");
	pair->name = strdup(name);
	pair->queues = queues;
	pair->ring_size = ring_size;
	for (uint32_t i = 0; i < 2 * queues; i++) {
		struct weir_ring *ring =
			weir_ring_create(ring_size, sizeof(void *), WEIR_RING_SPSC);

		pair->rings[i % 2][i / 2] = ring;
		if (!ring || !pair->name) {
			free_pair(pair);
			return weir__fail_null(
				ENOMEM, "pair: no memory for rings of %u", ring_size);
		}
	}
	pair->next = pairs;
	pairs = pair;
	return pair;
}

static struct pair *find_pair(const char *name)
{
	struct pair *pair = pairs;

	while (pair && strcmp(pair->name, name) != 0)
		pair = pair->next;
	return pair;
}

/* Under the lock: become an end of the pair of this name. ring_size and queues are 0 when the spec
 * has none. */
static int join(struct pair_port *own, const char *name, uint32_t ring_size, uint32_t queues)
{
	struct pair *pair = find_pair(name);

	if (!pair)
		pair = make_pair(name, ring_size ? ring_size : 1024, queues ? queues : 1);
	if (!pair)
		return -ENOMEM;
	if (pair->ends_opened == 2)
		return weir__fail(EBUSY,
			"pair '%s' has had both its ends; use another name, or close "
			"both first",
			name);
	if (ring_size && ring_size != pair->ring_size)
		return weir__fail(EINVAL, "pair '%s': ring=%u, but the other end has %u", name,
			ring_size, pair->ring_size);
	if (queues && queues != pair->queues)
		return weir__fail(EINVAL, "pair '%s': queues=%u, but the other end has %u", name,
			queues, pair->queues);
	own->pair = pair;
	own->end = pair->ends_opened++;
	pair->ends_open++;
	return 0;
}

static int pair_open(struct weir_port *port, void *priv, struct weir__spec *spec)
{
	struct pair_port *own = priv;
	uint64_t ring_size = 0, queues = 0;
	int error;

	if (!spec->argument)
		return weir__fail(EINVAL, "pair: needs a name, as in pair:left");
	if (weir__spec_number(spec, "ring", 1, 1 << 20, &ring_size) ||
		weir__spec_number(spec, "queues", 1, WEIR__QUEUE_MAX, &queues) ||
		weir__spec_finish(spec, "ring, queues"))
		return -EINVAL;
	pthread_mutex_lock(&lock);
	error = join(own, spec->argument, (uint32_t)ring_size, (uint32_t)queues);
	pthread_mutex_unlock(&lock);
	if (error)
		return error;
	own->port = port;
	port->queues = own->pair->queues;
	return 0;
}

static void ring_bell(struct bell *bell)
{
	/* acq_rel: pairs with pair_wait() */
	if (weir_unlikely(atomic_exchange_explicit(&bell->armed, false, memory_order_acq_rel)))
		eventfd_write(bell->fd, 1);
}

static int pair_close(struct weir_port *port, void *priv)
{
	struct pair_port *own = priv;
	struct pair *pair = own->pair, **at;

	(void)port;
	pthread_mutex_lock(&lock);
	/* release: the peer that sees it finds all that was sent; pairs with peer_has_closed() */
	atomic_store_explicit(&pair->closed[own->end], true, memory_order_release);
	for (uint32_t i = 0; i < pair->queues; i++)
		ring_bell(&pair->bells[own->end][i]);
	if (--pair->ends_open == 0) {
		for (at = &pairs; *at != pair; at = &(*at)->next)
			;
		*at = pair->next;
		free_pair(pair);
	}
	pthread_mutex_unlock(&lock);
	return 0;
}

static uint64_t sum_bytes(struct weir_mbuf **mbufs, uint32_t count)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < count; i++)
		bytes += mbufs[i]->length;
	return bytes;
}

static bool peer_has_closed(const struct pair_port *own)
{
	/* acquire: pairs with pair_close() */
	return atomic_load_explicit(&own->pair->closed[1 - own->end], memory_order_acquire);
}

/* Nothing was there: has the peer gone, and left nothing in any queue? */
static bool is_over(struct pair_port *own)
{
	uint32_t peer = 1 - own->end;

	if (!peer_has_closed(own))
		return false;
	for (uint32_t i = 0; i < own->pair->queues; i++)
		if (weir_ring_count(own->pair->rings[peer][i]))
			return false;
	return true;
}

static uint32_t pair_rx(void *priv, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count)
{
	struct pair_port *own = priv;
	struct weir_ring *ring = own->pair->rings[1 - own->end][queue];

	count = weir_ring_dequeue_burst_spsc(ring, mbufs, sizeof(*mbufs), count);
	if (count)
		weir__count_packets(&own->port->rx[queue], count, sum_bytes(mbufs, count));
	else if (is_over(own))
		weir__port_end(own->port);
	return count;
}

static uint32_t pair_tx(void *priv, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count)
{
	struct pair_port *own = priv;
	struct weir_ring *ring = own->pair->rings[own->end][queue];
	uint32_t index, room = weir_spsc_room(&ring->index.spsc, count, &index);

	if (weir_unlikely(peer_has_closed(own)))
		return 0; /* nobody will fetch them */
	/* counted first: once in the ring they are the peer's */
	if (count > room)
		count = room;
	weir__count_packets(&own->port->tx[queue], count, sum_bytes(mbufs, count));
	count = weir_ring_enqueue_burst_spsc(ring, mbufs, sizeof(*mbufs), count);
	if (count)
		ring_bell(&own->pair->bells[own->end][queue]);
	return count;
}

static int pair_wait(void *priv, uint32_t queue)
{
	struct pair_port *own = priv;
	uint32_t peer = 1 - own->end;
	struct bell *bell = &own->pair->bells[peer][queue];
	eventfd_t rings;

	if (!bell->fd)
		bell->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (bell->fd <= 0) { /* no more files, or it took the place of standard input */
		bell->fd = 0;
		return WEIR__WAIT_NOW;
	}
	eventfd_read(bell->fd, &rings); /* of last time */
	/* acq_rel: pairs with ring_bell() */
	atomic_exchange_explicit(&bell->armed, true, memory_order_acq_rel);
	if (weir_ring_count(own->pair->rings[peer][queue]) || peer_has_closed(own))
		return WEIR__WAIT_NOW;
	return bell->fd;
}

/* Up while the other end is there, or may yet come. */
static int pair_link(const void *priv, struct weir_port_link *link)
{
	link->up = !peer_has_closed(priv);
	return 0;
}

const struct weir__driver weir__driver_pair = {
	.name = "pair",
	.private_size = sizeof(struct pair_port),
	.offloads = WEIR__OFFLOADS_ALL,
	.open = pair_open,
	.close = pair_close,
	.rx = pair_rx,
	.tx = pair_tx,
	.wait = pair_wait,
	.link = pair_link,
};
