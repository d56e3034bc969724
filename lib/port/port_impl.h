/* SPDX-License-Identifier: BSD-3-Clause */
/* port_impl.h: what the files of this room do for each other. */
#ifndef PORT_PORT_IMPL_H
#define PORT_PORT_IMPL_H

struct weir_port;

/* complete.c: after open: let tx complete what the port does not do itself. */
void weir__port_complete(struct weir_port *port);

#endif
