/* SPDX-License-Identifier: BSD-3-Clause */
/* port_impl.h: what the files of this room do for each other. */
#ifndef PORT_PORT_IMPL_H
#define PORT_PORT_IMPL_H

#include "drivers/driver_impl.h"

/* complete.c: after open: let tx complete what the port does not do itself. */
void weir__port_complete(struct weir_port *port);

/* filtered.c: after open: if the driver does not see to filter=, receive through it from now on.
 * 0, or -ENOMEM with a sentence. */
int weir__port_filter(struct weir_port *port);

#endif
