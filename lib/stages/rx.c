/* SPDX-License-Identifier: BSD-3-Clause */
/* rx.c: receive from a port; each worker from a queue of its own. With port=N that is what the
 * packets get as mbuf->port. */
#include "stages/stages_impl.h"

#include <errno.h>

struct rx_conf {
	struct weir_stage_port *port;
	bool numbered;
	uint64_t number; /* for mbuf->port */
};

struct rx_state {
	struct weir_port *port;
	uint32_t queue;
	bool numbered;
	uint16_t number;
};

static int open_rx(struct weir_stage_args *args, void *conf)
{
	struct rx_conf *rx = conf;

	rx->port = weir_stage_arg_port(args, NULL);
	if (!rx->port)
		return -errno;
	rx->numbered = weir_stage_arg(args, "port");
	return weir_stage_arg_number(args, "port", 0, UINT16_MAX, &rx->number);
}

static int setup(struct weir_stage *stage)
{
	const struct rx_conf *rx = stage->conf;
	struct rx_state *state = stage->state;

	state->port = rx->port->port;
	state->numbered = rx->numbered;
	state->number = (uint16_t)rx->number;
	if (rx->port->rx_queues == weir_port_queues(state->port))
		return weir_stage_fail(EINVAL,
			"port '%s' has %u queues, and each worker receives from one of its own: "
			"fewer workers here, and a ring behind",
			weir_port_name(state->port), weir_port_queues(state->port));
	state->queue = rx->port->rx_queues++;
	stage->port = state->port;
	stage->queue = state->queue;
	return 0;
}

static uint32_t poll(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct rx_state *state = stage->state;

	uint32_t got = weir_port_rx(state->port, state->queue, mbufs, count);

	for (uint32_t i = 0; state->numbered && i < got; i++)
		mbufs[i]->port = state->number;
	return got;
}

static bool ended(const struct weir_stage *stage)
{
	const struct rx_state *state = stage->state;

	return weir_port_state(state->port) != WEIR_PORT_UP;
}

static struct weir_port *source(const struct weir_stage *stage, uint32_t *queue)
{
	const struct rx_state *state = stage->state;

	*queue = state->queue;
	return state->port;
}

const struct weir_stage_type weir__stage_rx = {
	.name = "rx",
	.help = "receive from a port",
	.edges = weir__stage_out,
	.conf_size = sizeof(struct rx_conf),
	.state_size = sizeof(struct rx_state),
	.open = open_rx,
	.setup = setup,
	.poll = poll,
	.ended = ended,
	.source = source,
};
