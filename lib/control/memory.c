/* SPDX-License-Identifier: BSD-3-Clause */
/* memory.c: pools, heaps and regions, and who has what of them. */
#include "control/control_impl.h"

#include "weir/mem.h"
#include "weir/track.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdlib.h>

static json_t *pool_figures(struct weir_mempool *pool)
{
	struct weir_mempool_stats stats;

	weir_mempool_stats(pool, &stats);
	return json_pack("{so so so so so so so so so so so ss}", "name",
		weir__control_text(weir_mempool_name(pool)), "count",
		weir__control_number(stats.count), "max_count",
		weir__control_number(stats.max_count), "in_use", weir__control_number(stats.in_use),
		"cached", weir__control_number(stats.cached), "threads",
		weir__control_number(stats.threads), "refills", weir__control_number(stats.refills),
		"flushes", weir__control_number(stats.flushes), "failures",
		weir__control_number(stats.failures), "growths",
		weir__control_number(stats.growths), "shrinks", weir__control_number(stats.shrinks),
		"pages", weir_pages_name(weir_region_pages(weir_mempool_region(pool))));
}

json_t *weir__control_pools(
	struct weir_control *control, const struct weir_control_request *request)
{
	json_t *array = json_array();

	(void)request;
	for (uint32_t i = 0; i < control->pool_count; i++)
		json_array_append_new(array, pool_figures(control->pools[i]));
	return array;
}

json_t *weir__control_heaps(
	struct weir_control *control, const struct weir_control_request *request)
{
	json_t *array = json_array(), *figures;

	(void)request;
	for (uint32_t i = 0; i < control->heap_count; i++) {
		figures = weir__control_report(weir_heap_report(control->heaps[i], true));
		if (!figures) {
			json_decref(array);
			return NULL;
		}
		json_array_append_new(array, figures);
	}
	return array;
}

json_t *weir__control_regions(
	struct weir_control *control, const struct weir_control_request *request)
{
	(void)control;
	(void)request;
	return weir__control_report(weir_mem_report(true));
}

static json_t *leaks_of(struct weir_mempool *pool, uint64_t older_than_ns)
{
	char *report = weir_mempool_report(pool, true, older_than_ns);

	if (report)
		return weir__control_report(report);
	/* not tracked: how many are out is known all the same */
	return json_pack("{so so sb}", "pool", weir__control_text(weir_mempool_name(pool)), "out",
		weir__control_number(weir_mempool_in_use(pool)), "tracked", 0);
}

static json_t *heap_leaks(struct weir_heap *heap, uint64_t older_than_ns)
{
	char *report = weir_heap_leaks(heap, true, older_than_ns);
	struct weir_heap_stats stats;

	if (report)
		return weir__control_report(report);
	weir_heap_stats(heap, &stats);
	return json_pack("{so so sb}", "heap", weir__control_text(weir_heap_name(heap)), "out",
		weir__control_number(stats.blocks), "tracked", 0);
}

json_t *weir__control_leaks(
	struct weir_control *control, const struct weir_control_request *request)
{
	const char *seconds = weir_control_arg(request, "seconds");
	char *end = NULL;
	double older = seconds ? strtod(seconds, &end) : 0;
	json_t *array;

	if (seconds && (end == seconds || *end || !(older >= 0 && older <= 1e9)))
		return weir__fail_null(
			EINVAL, "seconds=%.32s: must be a number from 0 to 1e9", seconds);
	array = json_array();
	for (uint32_t i = 0; i < control->pool_count; i++)
		json_array_append_new(array, leaks_of(control->pools[i], (uint64_t)(older * 1e9)));
	for (uint32_t i = 0; i < control->heap_count; i++)
		json_array_append_new(
			array, heap_leaks(control->heaps[i], (uint64_t)(older * 1e9)));
	return array;
}
