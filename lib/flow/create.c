/* SPDX-License-Identifier: BSD-3-Clause */
/* create.c: making and destroying a flow table, and its figures. */
#include "flow_impl.h"

#include "base/base_impl.h"
#include "os/os_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* 8 slots for 5 flows: when the table is full, one flow in 38 is away from home (docs/flow.md). A
 * few buckets more, so that a tiny table does not depend on luck. */
#define BUCKETS(count) ((count) / 5 + 4)

/* Where the parts of the region are. */
struct layout {
	size_t buckets, records, wheel, free, size;
	uint32_t stride;
};

int weir__flow_check(const struct weir_flow_conf *conf)
{
	const char *name = conf->name ? conf->name : "flows";

	if (conf->count == 0 || conf->count > WEIR_FLOW_MAX)
		return weir__fail(EINVAL, "flow table '%s': count %u is not in 1 to %u", name,
			conf->count, WEIR_FLOW_MAX);
	if (conf->key_size == 0 || conf->key_size > WEIR_FLOW_KEY_MAX || conf->key_size % 8)
		return weir__fail(EINVAL,
			"flow table '%s': keys of %u bytes: a multiple of 8 up to %d; put zeros "
			"behind yours",
			name, conf->key_size, WEIR_FLOW_KEY_MAX);
	if (conf->value_size > UINT16_MAX)
		return weir__fail(EINVAL, "flow table '%s': values of %u bytes: at most %u", name,
			conf->value_size, UINT16_MAX);
	if (conf->timeout > UINT64_MAX / 2)
		return weir__fail(EINVAL,
			"flow table '%s': a timeout of more than 2^63 units: 0 is for ever", name);
	return 0;
}

/* A record does not lie in more lines than it must. */
static uint32_t choose_stride(const struct weir_flow_conf *conf)
{
	size_t size = sizeof(struct weir__flow_record) + conf->key_size +
		      weir__round_up(conf->value_size, 8);
	uint32_t stride = 16;

	while (stride < size && stride < WEIR_CACHE_LINE)
		stride *= 2;
	return stride >= size ? stride : (uint32_t)weir__round_up(size, WEIR_CACHE_LINE);
}

static struct layout lay_out(const struct weir_flow_conf *conf)
{
	struct layout layout = {.stride = choose_stride(conf)};
	size_t count = conf->count;

	layout.records = BUCKETS(count) * sizeof(struct weir__flow_bucket);
	layout.wheel = layout.records + weir__round_up(count * layout.stride, WEIR_CACHE_LINE);
	layout.free = layout.wheel + weir_wheel_memory_size(conf->count);
	layout.size = layout.free + weir__round_up(count * sizeof(uint32_t), WEIR_CACHE_LINE);
	return layout;
}

size_t weir_flow_memory(const struct weir_flow_conf *conf)
{
	return weir__flow_check(conf) ? 0 : lay_out(conf).size;
}

static int get_memory(struct weir_flow_table *table, const struct weir_flow_conf *conf)
{
	struct layout layout = lay_out(conf);
	struct weir_region_conf region = {
		.name = table->name,
		.size = layout.size,
		.pages = conf->pages,
		.node = conf->node,
		.nodes = conf->nodes,
		.placement = conf->placement,
		.locked = conf->locked,
	};
	uint8_t *base;

	table->region = weir_region_create(&region);
	if (!table->region)
		return -errno;
	base = weir_region_base(table->region);
	table->buckets = (struct weir__flow_bucket *)(void *)base;
	table->head.records = base + layout.records;
	table->wheel = weir_wheel_init(base + layout.wheel, conf->count, conf->tick);
	table->free = (uint32_t *)(void *)(base + layout.free);
	return 0;
}

int weir__flow_choose_secret(const char *name, struct weir__flow_secret *secret)
{
	int error = weir__os_random(secret, sizeof(*secret));

	if (error)
		return weir__fail(-error,
			"flow table '%s': no random bytes from the kernel (getrandom: %s)", name,
			strerror(-error));
	secret->last |= 1;
	return 0;
}

static void set_figures(struct weir_flow_table *table, const struct weir_flow_conf *conf)
{
	table->bucket_count = BUCKETS(conf->count);
	table->key_size = conf->key_size;
	table->value_size = (uint32_t)weir__round_up(conf->value_size, 8);
	table->tick = conf->tick;
	table->head.stride = choose_stride(conf);
	table->head.value_offset = (uint32_t)sizeof(struct weir__flow_record) + conf->key_size;
	table->head.timeout = conf->timeout ? conf->timeout : UINT64_MAX / 2;
	table->stats.count = conf->count;
	snprintf(table->name, sizeof(table->name), "%s", conf->name ? conf->name : "flows");
}

struct weir_flow_table *weir_flow_create(const struct weir_flow_conf *conf)
{
	struct weir_flow_table *table;
	int error = weir__flow_check(conf);

	if (error) {
		errno = -error;
		return NULL;
	}
	table = aligned_alloc(WEIR_CACHE_LINE, weir__round_up(sizeof(*table), WEIR_CACHE_LINE));
	if (!table)
		return weir__fail_null(ENOMEM, "no memory for a flow table");
	memset(table, 0, sizeof(*table));
	set_figures(table, conf);
	error = weir__flow_choose_secret(table->name, &table->secret);
	if (!error)
		error = get_memory(table, conf);
	if (error) {
		free(table);
		errno = -error;
		return NULL;
	}
	return table;
}

void weir_flow_destroy(struct weir_flow_table *table)
{
	if (!table)
		return;
	weir_region_destroy(table->region);
	free(table);
}

void weir_flow_clear(struct weir_flow_table *table)
{
	memset(table->head.records, 0, (size_t)table->fresh * table->head.stride);
	memset(table->buckets, 0, table->bucket_count * sizeof(*table->buckets));
	weir_wheel_init(table->wheel, table->stats.count, table->tick);
	table->fresh = table->free_count = 0;
	table->stats.flows = table->stats.away = 0;
}

uint32_t weir_flow_next(const struct weir_flow_table *table, uint32_t index)
{
	for (; index < table->fresh; index++)
		if (weir__flow_record(table, index)->expires)
			return index;
	return WEIR_FLOW_NONE;
}

uint32_t weir_flow_bound(const struct weir_flow_table *table)
{
	return table->fresh;
}

void weir_flow_stats(const struct weir_flow_table *table, struct weir_flow_stats *stats)
{
	*stats = table->stats;
}

struct weir_region *weir_flow_region(const struct weir_flow_table *table)
{
	return table->region;
}
