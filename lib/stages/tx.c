/* SPDX-License-Identifier: BSD-3-Clause */
/* tx.c: send on a port; each worker on a queue of its own. What the port does not take is dropped,
 * or waited for: then everything in front waits, too. */
#include "stages/stages_impl.h"

#include "base/base_impl.h"
#include "runtime/stage_impl.h"

#include <errno.h>

/* Told to stop, a worker drains, and waits for a full port so long in all, however many bursts are
 * to come out of rings: perhaps nobody reads at its other side, or too slowly. */
#define PATIENCE_NS UINT64_C(1000000000)

enum { SENT, FULL, FAILED, WAITS };

struct tx_conf {
	struct weir_stage_port *port;
	bool wait;
};

struct tx_state {
	struct weir_port *port;
	uint32_t queue;
	bool wait;
	uint64_t told_ns; /* since when it was told to stop and the port was full */
};

static int open_tx(struct weir_stage_args *args, void *conf)
{
	static const char *const full[] = {"drop", "wait", NULL};
	struct tx_conf *tx = conf;
	int what = weir_stage_arg_word(args, "full", full);

	if (what < 0)
		return what;
	tx->wait = what == 1;
	tx->port = weir_stage_arg_port(args, NULL);
	if (!tx->port)
		return -errno;
	if (!weir_port_sends(tx->port->port))
		return weir_stage_fail(EINVAL, "port '%s' only receives; pcap:tx=FILE sends",
			weir_port_name(tx->port->port));
	return 0;
}

static int setup(struct weir_stage *stage)
{
	const struct tx_conf *tx = stage->conf;
	struct tx_state *state = stage->state;

	state->port = tx->port->port;
	state->wait = tx->wait;
	if (tx->port->tx_queues == weir_port_queues(state->port))
		return weir_stage_fail(EINVAL,
			"port '%s' has %u queues, and each worker sends on one of its own: "
			"put a ring with one worker behind it in front",
			weir_port_name(state->port), weir_port_queues(state->port));
	state->queue = tx->port->tx_queues++;
	stage->port = state->port;
	stage->queue = state->queue;
	return 0;
}

/* Is it worth to wait for the port? */
static bool may_wait(struct weir_stage *stage)
{
	struct tx_state *state = stage->state;

	if (weir_port_state(state->port) < 0)
		return false;
	if (!weir__stage_is_told(stage))
		return true;
	if (state->told_ns == 0)
		state->told_ns = weir__monotonic_ns();
	return weir__monotonic_ns() - state->told_ns < PATIENCE_NS;
}

/* The port was full: try again until all have gone. Returns how many have. */
static uint32_t wait_for(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct tx_state *state = stage->state;
	uint32_t sent = 0, waits = 0;

	while (sent < count && may_wait(stage)) {
		uint32_t more;

		weir__back_off(waits++);
		weir_stage_count(stage, WAITS, 1);
		more = weir_port_tx(state->port, state->queue, mbufs + sent, count - sent);
		sent += more;
		if (more > 0)
			waits = 0;
	}
	return sent;
}

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct tx_state *state = stage->state;
	uint32_t sent = weir_port_tx(state->port, state->queue, mbufs, count);

	if (weir_unlikely(sent < count)) {
		uint32_t last;

		if (state->wait)
			sent += wait_for(stage, mbufs + sent, count - sent);
		/* the port counts them, too */
		last = sent;
		if (last < count)
			weir_stage_dropping(stage, weir_port_state(state->port) < 0 ? FAILED : FULL,
				mbufs + last, count - last);
		sent += weir_port_tx_or_drop(state->port, state->queue, mbufs + last, count - last);
		weir_stage_count(
			stage, weir_port_state(state->port) < 0 ? FAILED : FULL, count - sent);
	}
	weir_stage_count(stage, SENT, sent);
	weir_stage_took(stage, count);
}

static const char *const counters[] = {"sent", "port full", "port failed", "waits", NULL};

const struct weir_stage_type weir__stage_tx = {
	.name = "tx",
	.help = "send on a port",
	.counters = counters,
	.conf_size = sizeof(struct tx_conf),
	.state_size = sizeof(struct tx_state),
	.open = open_tx,
	.setup = setup,
	.run = run,
};
