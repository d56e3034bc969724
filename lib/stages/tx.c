/* SPDX-License-Identifier: BSD-3-Clause */
/* tx.c: send on a port; each worker on a queue of its own. What the port does not take is dropped,
 * or waited for: then everything in front waits, too. */
#include "stages/stages_impl.h"

#include "base/base_impl.h"

#include <errno.h>

enum { SENT, FULL, FAILED };

struct tx_conf {
	struct weir_stage_port *port;
	bool wait;
};

struct tx_state {
	struct weir_port *port;
	uint32_t queue;
	bool wait;
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
	return 0;
}

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct tx_state *state = stage->state;
	uint32_t sent = weir_port_tx(state->port, state->queue, mbufs, count), waits = 0;

	while (weir_unlikely(sent < count) && state->wait && weir_port_state(state->port) >= 0) {
		weir__back_off(waits++);
		sent += weir_port_tx(state->port, state->queue, mbufs + sent, count - sent);
	}
	if (weir_unlikely(sent < count)) {
		/* the port counts them, too */
		uint32_t last = sent;

		sent += weir_port_tx_or_drop(state->port, state->queue, mbufs + last, count - last);
		weir_stage_count(
			stage, weir_port_state(state->port) < 0 ? FAILED : FULL, count - sent);
	}
	weir_stage_count(stage, SENT, sent);
	weir_stage_took(stage, count);
}

static const char *const counters[] = {"sent", "port full", "port failed", NULL};

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
