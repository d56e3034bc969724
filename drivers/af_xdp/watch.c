/* SPDX-License-Identifier: BSD-3-Clause */
/* watch.c: an interface that goes down, goes away, and comes back while the port is open.
 *
 * A socket tells by its error: ENETDOWN while the interface is down, after which it goes on as
 * before; ENXIO when the interface was deleted or moved to another namespace, which is for ever.
 * Whoever sees that sets lost. Then every call leaves at once, and one of them closes all sockets,
 * takes the mbufs back, and from then on looks for an interface of that name and opens them anew.
 *
 * That one must be alone. Each side of a queue says when it is busy, and then looks at lost; who
 * tears down has set lost, and then looks at each of those. Both in the one order of seq_cst: so at
 * least one of the two sees the other.
 */
#include "af_xdp_impl.h"

#include "base/base_impl.h"
#include "base/cycles_impl.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* How often an interface that is gone is looked for, and one that is there is looked at by a thread
 * that receives nothing: a look takes 3 µs. ns, and per second. */
#define SEARCH_NS        100000000
#define LOOKS_PER_SECOND 100

/* How often a thread that sleeps wakes to look, ms. */
#define WAKE_UP_MS   1000
#define WAKE_LOST_MS 100

static void set_down(struct xdp_port *own, bool down)
{
	char name[IF_NAMESIZE];

	/* relaxed: says why tx_or_drop drops, and keeps the log short */
	if (atomic_exchange_explicit(&own->port->down, down, memory_order_relaxed) == down)
		return;
	if (!if_indextoname(atomic_load_explicit(&own->ifindex, memory_order_relaxed), name))
		strcpy(name, own->interface);
	if (down)
		weir__log(WEIR_LOG_WARNING,
			"%s: interface %s is down; `ip link set %s up` brings packets back",
			own->port->name, name, name);
	else
		weir__log(WEIR_LOG_WARNING, "%s: interface %s is up", own->port->name,
			own->interface);
}

/* A thread that sleeps looks again after so long. */
static void set_timer(struct xdp_port *own, uint32_t ms)
{
	const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
	const struct itimerspec period = {time, time};

	timerfd_settime(own->timer, 0, &period, NULL);
}

void weir__xdp_heed(struct xdp_port *own, int error)
{
	/* relaxed: only whether there is something to change */
	if (error == ENETDOWN) {
		set_down(own, true);
	} else if (error == ENXIO || error == ENODEV) {
		atomic_store_explicit(&own->lost, true, memory_order_seq_cst);
	} else if (atomic_load_explicit(&own->port->down, memory_order_relaxed)) {
		set_down(own, false);
	}
}

void weir__xdp_look(struct xdp_queue *queue)
{
	ssize_t got = recvfrom(queue->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);

	weir__xdp_heed(queue->port, got < 0 ? errno : 0);
}

/* The socket does not mind a new name, but people do. */
static void look_at_name(struct xdp_port *own)
{
	char name[IF_NAMESIZE];

	if (pthread_mutex_trylock(&own->lock))
		return; /* another one is looking */
	/* relaxed: changed under the lock */
	if (if_indextoname(atomic_load_explicit(&own->ifindex, memory_order_relaxed), name) &&
		strcmp(name, own->name) != 0) {
		weir__log(WEIR_LOG_WARNING, "%s: interface %s is named %s now", own->port->name,
			own->name, name);
		strcpy(own->name, name);
	}
	pthread_mutex_unlock(&own->lock);
}

void weir__xdp_look_sometimes(struct xdp_queue *queue)
{
	uint64_t now = weir__cycles();

	if (weir_likely(now < queue->rx.look_at))
		return;
	queue->rx.look_at = now + weir__cycles_per_second() / LOOKS_PER_SECOND;
	weir__xdp_look(queue);
	if (queue->port->timed)
		weir__xdp_look_at_clock(&queue->rx);
	look_at_name(queue->port);
	weir__xdp_go_on(queue);
}

/* ---- under the lock, with lost set ---- */

static bool is_busy(const struct xdp_queue *queue)
{
	/* seq_cst: pairs with weir__xdp_enter() */
	return atomic_load_explicit(&queue->rx.busy, memory_order_seq_cst) ||
	       atomic_load_explicit(&queue->tx.busy, memory_order_seq_cst);
}

static void wait_for_others(struct xdp_port *own)
{
	for (uint32_t i = 0; i < own->port->queues; i++)
		for (uint32_t times = 0; is_busy(&own->queues[i]); times++)
			weir__back_off(times);
}

static void tear_down(struct xdp_port *own)
{
	wait_for_others(own);
	for (uint32_t i = 0; i < own->port->queues; i++) {
		struct xdp_tx *tx = &own->queues[i].tx;

		weir__count(&own->port->tx[i].dropped[WEIR_DROP_TX_DOWN], weir__xdp_unsent(tx));
	}
	weir__xdp_detach(own);
	atomic_store_explicit(&own->port->down, true, memory_order_relaxed);
	weir__log(WEIR_LOG_WARNING,
		"%s: interface %s is gone, deleted or moved to another namespace; waiting for one "
		"of that name",
		own->port->name, own->interface);
	set_timer(own, WAKE_LOST_MS);
}

static void search(struct xdp_port *own)
{
	uint32_t ifindex = if_nametoindex(own->interface);

	if (!ifindex)
		return;
	/* relaxed: others only report it */
	atomic_store_explicit(&own->ifindex, ifindex, memory_order_relaxed);
	if (weir__xdp_attach(own))
		return;
	strcpy(own->name, own->interface);
	set_timer(own, WAKE_UP_MS);
	atomic_store_explicit(&own->port->down, false, memory_order_relaxed);
	weir__log(WEIR_LOG_WARNING, "%s: interface %s is back", own->port->name, own->interface);
	/* seq_cst: who enters from now on finds the sockets */
	atomic_store_explicit(&own->lost, false, memory_order_seq_cst);
}

void weir__xdp_search(struct xdp_port *own)
{
	uint64_t now = weir__monotonic_ns();

	if (pthread_mutex_trylock(&own->lock))
		return; /* another one is at it */
	if (atomic_load_explicit(&own->lost, memory_order_seq_cst) && now >= own->search_at) {
		if (own->xsk_umem)
			tear_down(own);
		search(own);
		own->search_at = weir__monotonic_ns() + SEARCH_NS;
	}
	pthread_mutex_unlock(&own->lock);
}

/* ---- waiting ---- */

static int add(int epoll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

/* A socket that somebody waits on is woken by the kernel for every packet that comes and every one
 * that was sent, some 200 cycles each: so nobody does while packets flow. */
static void arm(struct xdp_queue *queue)
{
	if (!queue->rx.armed)
		queue->rx.armed = add(queue->epoll, queue->fd) == 0;
}

void weir__xdp_disarm(struct xdp_queue *queue)
{
	epoll_ctl(queue->epoll, EPOLL_CTL_DEL, queue->fd, NULL);
	queue->rx.armed = false;
}

int weir__xdp_wait(void *priv, uint32_t number)
{
	struct xdp_port *own = priv;
	struct xdp_queue *queue = &own->queues[number];
	struct xdp_rx *rx = &queue->rx;
	uint64_t expirations;

	/* the timer has fired: packets, if there are any, keep the file readable */
	if (read(own->timer, &expirations, sizeof(expirations)) > 0)
		rx->look_at = 0;
	/* seq_cst: see weir__xdp_enter() */
	atomic_store_explicit(&rx->busy, true, memory_order_seq_cst);
	if (weir__xdp_enter(own, &rx->busy)) {
		arm(queue);
		weir__xdp_leave(&rx->busy);
		return rx->armed ? queue->epoll : WEIR__WAIT_NOW;
	}
	return queue->epoll;
}

int weir__xdp_watch_begin(struct xdp_port *own)
{
	pthread_mutex_init(&own->lock, NULL);
	strcpy(own->name, own->interface);
	own->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	for (uint32_t i = 0; i < own->port->queues; i++) {
		struct xdp_queue *queue = &own->queues[i];

		queue->epoll = epoll_create1(EPOLL_CLOEXEC);
		if (own->timer < 0 || queue->epoll < 0 || add(queue->epoll, own->timer))
			return weir__fail(errno, "af_xdp: no file to wait on: %s", strerror(errno));
	}
	set_timer(own, WAKE_UP_MS);
	return 0;
}

void weir__xdp_watch_end(struct xdp_port *own)
{
	for (uint32_t i = 0; own->queues && i < own->port->queues; i++)
		if (own->queues[i].epoll >= 0)
			close(own->queues[i].epoll);
	if (own->timer >= 0)
		close(own->timer);
	pthread_mutex_destroy(&own->lock);
}
