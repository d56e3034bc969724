/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/stages.h: the stage types that ship (docs/stages.md): what they take, where they lead.
 *
 *	type      arguments                            edges
 *	rx        PORT port=                           out       receives; sets mbuf->port
 *	play      "FILES, FOLDERS OR PORTS"            out       their packets, by a schedule
 *	          order=sequence|merge loop=1|forever
 *	          loop_gap= limit= duration=
 *	          speed=top|1x, rate=, or gap=
 *	          max_gap= preload=no|copy|attach
 *	          cache= unique=no|yes
 *	tx        PORT full=drop|wait                  -         sends
 *	ring      size=1024 full=wait|drop             out       to other workers, by flow
 *	parse     -                                    out       weir_parse()
 *	match     FILTER                               yes no    as tcpdump's
 *	count     -                                    out       packets and bytes
 *	ethernet  src_mac= dst_mac=                    out       instead of RAW, NULL, SLL
 *	vlan      push=, set= or strip=outer|all       out       a tag
 *	          priority= type=802.1q|802.1ad
 *	rewrite   src_mac= dst_mac= src_ip= dst_ip=    out       with checksums
 *	          ip= src_port= dst_port= port= ttl=
 *	truncate  mtu= or snap=                        out       cuts what is longer
 *	checksum  lengths=keep|fix                     out       sets them
 *	split     interface=, direction=in|out, mac=,  a b       sides of a wire
 *	          prefix=, or client=first flows=65536
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
 *	write     FILE format= snaplen= comment=       out       to a capture file, too
 *	          note=
 *	callback  a struct weir_stage_callback         out       a function of the program's
 *	drop      -                                    -         frees
 *
 * rx, ring and delay also take lcores= or workers=. clock=worker, the default, is time as it goes
 * by; clock=packet is what the timestamps of packets say.
 */
#ifndef WEIR_STAGES_H
#define WEIR_STAGES_H

#include "weir/atomic.h"
#include "weir/base.h"
#include "weir/pace.h"
#include "weir/port.h"
#include "weir/stage.h"
#include "weir/trace.h"

#include <stdbool.h>
#include <stdint.h>

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

/* What has become of an input of play. */
struct weir_play_input {
	const char *spec;
	struct weir_port_stats stats; /* of what was received */
	char error[512];              /* why it failed; "" when it did not */
};

/* The data of a stage of type play, which need not be given. */
struct weir_stage_play {
	const char *const *inputs; /* NULL at the end; instead of the argument without a key */

	/* The inputs, from add to destroy; the rest, with their figures, is set when the workers
	 * have ended. */
	const struct weir_play_input *played;
	uint32_t played_count;
	struct weir_pace_figures figures;
	struct weir_trace_cache_stats cache; /* zeros without cache= */
	bool out_of_time;                    /* duration= has ended it */

	/* How far it is, in bytes of files; size is 0 when that is not known. */
	WEIR_ATOMIC(uint64_t) position, size;
};

#ifdef __cplusplus
}
#endif

#endif
