/* SPDX-License-Identifier: BSD-3-Clause */
/* drivers.c: the drivers there are, and what all of them call. */
#include "driver_impl.h"

#include <stdio.h>

const struct weir__driver *const weir__drivers[] = {
	&weir__driver_af_packet,
#ifdef WEIR_HAVE_XDP
	&weir__driver_af_xdp,
#endif
	&weir__driver_live,
	&weir__driver_null,
	&weir__driver_pair,
	&weir__driver_pcap,
	&weir__driver_tap,
	&weir__driver_tun,
	NULL,
};

void weir__port_end(struct weir_port *port)
{
	int up = WEIR_PORT_UP;

	/* release: what came before the end is counted */
	atomic_compare_exchange_strong_explicit(
		&port->state, &up, WEIR_PORT_ENDED, memory_order_release, memory_order_relaxed);
}

void weir__port_fail(struct weir_port *port, int error)
{
	static const int failing =
		-1000000; /* between the claim and the sentence; no errno is as low */
	int state = atomic_load_explicit(&port->state, memory_order_relaxed);

	do {
		if (state < 0)
			return;
	} while (!atomic_compare_exchange_weak_explicit(
		&port->state, &state, failing, memory_order_relaxed, memory_order_relaxed));
	snprintf(port->error, sizeof(port->error), "%s", weir_last_error());
	/* release: pairs with weir_port_state() */
	atomic_store_explicit(&port->state, error < 0 ? error : -error, memory_order_release);
}
