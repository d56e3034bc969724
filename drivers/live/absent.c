/* SPDX-License-Identifier: BSD-3-Clause */
/* absent.c: the driver live when the library is built without libpcap: it says so. */
#include "drivers/driver_impl.h"

#include <errno.h>

static int live_open(struct weir_port *port, void *priv, struct weir__spec *spec)
{
	(void)priv;
	(void)spec;
	return weir__fail(ENOTSUP,
		"%s: weir was built without libpcap, which live captures come from; "
		"af_packet:IFACE "
		"needs none",
		port->name);
}

const struct weir__driver weir__driver_live = {.name = "live", .open = live_open};
