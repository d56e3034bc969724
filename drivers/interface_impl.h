/* SPDX-License-Identifier: BSD-3-Clause */
/* interface_impl.h: how a network interface is, for every driver that has one. */
#ifndef WEIR_INTERFACE_IMPL_H
#define WEIR_INTERFACE_IMPL_H

#include <stdint.h>

struct weir_port_link;

/* Look at the interface with this number, in the network namespace of the thread. 0 also when it is
 * gone, which *link says then; or -errno with a sentence. */
int weir__interface_link(uint32_t ifindex, struct weir_port_link *link);

#endif
