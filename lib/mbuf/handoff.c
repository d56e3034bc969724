/* SPDX-License-Identifier: BSD-3-Clause */
/* handoff.c: making channels between cores; the rest of them is inline. */
#include "weir/handoff.h"

#include "base/base_impl.h"

#include <stdlib.h>

struct weir_handoff *weir_handoff_create(uint32_t count)
{
	struct weir_handoff *handoff = aligned_alloc(WEIR_CACHE_LINE, sizeof(*handoff));
	uint32_t quarter;

	if (!handoff)
		return weir__fail_null(ENOMEM, "no memory for a handoff of %u mbufs", count);
	memset(handoff, 0, sizeof(*handoff));
	handoff->ring = weir_ring_create(count, sizeof(struct weir_handed), WEIR_RING_SPSC);
	if (!handoff->ring) {
		free(handoff);
		return NULL;
	}
	quarter = weir_ring_size(handoff->ring) / 4;
	handoff->run = quarter < WEIR_HANDOFF_RUN ? quarter : WEIR_HANDOFF_RUN;
	if (handoff->run == 0)
		handoff->run = 1;
	return handoff;
}

void weir_handoff_destroy(struct weir_handoff *handoff)
{
	struct weir_handed handed;

	if (!handoff)
		return;
	while (weir_handoff_receive_burst(handoff, &handed, 1))
		weir_handed_free_bulk(&handed, 1);
	weir_ring_destroy(handoff->ring);
	free(handoff);
}
