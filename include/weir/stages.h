/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/stages.h: the stage types that ship (docs/stages.md): what they take, where they lead.
 *
 *	type      arguments                            edges
 *	rx        PORT port=                           out       receives; sets mbuf->port
 *	tx        PORT full=drop|wait                  -         sends
 *	ring      size=1024 full=wait|drop             out       to other workers, by flow
 *	parse     -                                    out       weir_parse()
 *	match     FILTER                               yes no    as tcpdump's
 *	count     -                                    out       packets and bytes
 *	rewrite   src_mac= dst_mac= src_ip= dst_ip=    out       with checksums
 *	          src_port= dst_port=
 *	police    rate=100mbit|5kpps burst= clock=     conform   within a rate
 *	                                               exceed
 *	mirror    -                                    out copy  clones
 *	sample    every=N, or chance=1% seed=1         yes no    some of the packets
 *	impair    loss= corrupt= duplicate= (in %)     out       as bad networks do
 *	          seed=1
 *	delay     time= jitter= reorder= size=16384    out       later; to other workers
 *	          clock= seed=1
 *	fragment  mtu=1500 seed=1                      out       weir_fragment()
 *	reassemble  packets= fragments= held=          out       weir_reassembly_add()
 *	          timeout= clock=
 *	write     FILE format=                         out       to a capture file, too
 *	callback  a struct weir_stage_callback         out       a function of the program's
 *	drop      -                                    -         frees
 *
 * rx, ring and delay also take lcores= or workers=. clock=worker, the default, is time as it goes
 * by; clock=packet is what the timestamps of packets say.
 */
#ifndef WEIR_STAGES_H
#define WEIR_STAGES_H

#include "weir/base.h"
#include "weir/stage.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All of them, NULL at the end. */
extern WEIR_API const struct weir_stage_type *const weir_stages[];

/* The data of a stage of type callback: called with each burst on each worker that runs it, before
 * the packets go on. It may change packets, but neither keeps nor frees them. */
struct weir_stage_callback {
	void (*call)(void *context, struct weir_mbuf **mbufs, uint32_t count);
	void *context;
};

#ifdef __cplusplus
}
#endif

#endif
