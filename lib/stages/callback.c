/* SPDX-License-Identifier: BSD-3-Clause */
/* callback.c: a function of the program's sees each burst. */
#include "stages/stages_impl.h"

#include <errno.h>

static int open_callback(struct weir_stage_args *args, void *conf)
{
	const struct weir_stage_callback *given = weir_stage_data(args);

	if (!given || !given->call)
		return weir_stage_fail(EINVAL, "needs a function: the data of weir_pipeline_add(), "
					       "which a text cannot give");
	*(struct weir_stage_callback *)conf = *given;
	return 0;
}

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct weir_stage_callback *callback = stage->conf;

	callback->call(callback->context, mbufs, count);
	weir_stage_pass(stage, 0, mbufs, count);
}

const struct weir_stage_type weir__stage_callback = {
	.name = "callback",
	.help = "call a function of the program's",
	.edges = weir__stage_out,
	.conf_size = sizeof(struct weir_stage_callback),
	.open = open_callback,
	.run = run,
};
