/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/stages.h: the stage types that ship (docs/stages.md): what they take, where they lead.
 *
 *	type      arguments                            edges
 *	rx        PORT                                 out       receives
 *	tx        PORT full=drop|wait                  -         sends
 *	ring      size=1024 full=wait|drop             out       to other workers, by flow
 *	parse     -                                    out       weir_parse()
 *	match     FILTER                               yes no    as tcpdump's
 *	count     -                                    out       packets and bytes
 *	rewrite   src_mac= dst_mac= src_ip= dst_ip=    out       with checksums
 *	          src_port= dst_port=
 *	callback  a struct weir_stage_callback         out       a function of the program's
 *	drop      -                                    -         frees
 *
 * rx and ring also take lcores= or workers=.
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
