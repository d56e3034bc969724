/* SPDX-License-Identifier: BSD-3-Clause */
/* inputs.c: packets of many files and ports.
 *
 * In sequence one input is open after the other; few stay open, to be started again. To be merged
 * all are open, and each holds a few packets: those with one are in a heap by the time of the next,
 * and, where it is the same, by their place in the list; those without are dry, and asked for more
 * before a packet goes.
 */
#include "stages/inputs_find_impl.h"
#include "stages/inputs_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Inputs that stay open between passes: few enough for their buffers and file descriptors. */
#define KEPT_OPEN 64
/* Packets that each holds to be merged; fewer when the pool is small. */
#define HELD 32

struct input {
	const char *spec;
	uint64_t size;
	struct weir_port *port;        /* NULL: not open */
	struct weir_port_stats before; /* of when it was open before */
	uint64_t time;                 /* of the packet that is next */
	uint32_t at, have;
	struct weir_mbuf *held[HELD];
};

struct weir__inputs {
	struct weir__found found;
	struct weir_mempool *pool;
	struct weir_play_input *played;
	struct input *all;
	uint32_t count, current, chunk;
	bool merge, begins, ended, failed, must_preload;
	const char *preload; /* NULL: read from the file */
	uint64_t read, size; /* bytes: of inputs that are over; of all, 0: not known */
	uint32_t *heap, *dry;
	uint32_t heap_count, dry_count;
};

/* ---- one input ---- */

static int fail_input(struct weir__inputs *inputs, uint32_t index, const char *sentence)
{
	snprintf(inputs->played[index].error, sizeof(inputs->played[index].error), "%s", sentence);
	inputs->ended = inputs->failed = true;
	return -EIO;
}

/* From memory, if it is a file that fits. NULL with errno. */
static struct weir_port *open_preloaded(struct weir__inputs *inputs, const struct input *input)
{
	struct weir_port *port = NULL;
	char *spec;

	if (input->size == 0 || !inputs->preload)
		return weir_port_open(input->spec, inputs->pool);
	if (asprintf(&spec, "pcap:rx=%s,preload=%s", input->spec, inputs->preload) >= 0) {
		port = weir_port_open(spec, inputs->pool);
		free(spec);
	}
	if (!port && errno == EFBIG && !inputs->must_preload)
		return weir_port_open(input->spec, inputs->pool);
	return port;
}

/* Ready to give its first packet. */
static int open_input(struct weir__inputs *inputs, uint32_t index)
{
	struct input *input = &inputs->all[index];

	input->at = input->have = 0;
	input->time = 0;
	if (input->port)
		return weir_port_rewind(input->port);
	input->port = open_preloaded(inputs, input);
	return input->port ? 0 : -errno;
}

static void add_stats(struct weir_port_stats *sum, const struct weir_port_stats *stats)
{
	sum->rx_packets += stats->rx_packets;
	sum->rx_bytes += stats->rx_bytes;
	sum->rx_no_mbuf += stats->rx_no_mbuf;
}

static void close_input(struct input *input)
{
	struct weir_port_stats stats;

	if (!input->port)
		return;
	weir_port_stats(input->port, &stats);
	add_stats(&input->before, &stats);
	weir_mbuf_free_bulk(input->held + input->at, input->have - input->at);
	input->at = input->have = 0;
	weir_port_close(input->port);
	input->port = NULL;
}

/* ---- in sequence ---- */

/* The current one is over: go on with the next. */
static bool go_on(struct weir__inputs *inputs)
{
	if (inputs->current + 1 == inputs->count) {
		inputs->ended = true;
		return false;
	}
	inputs->read += inputs->all[inputs->current].size;
	if (inputs->count > KEPT_OPEN)
		close_input(&inputs->all[inputs->current]);
	inputs->current++;
	inputs->begins = true;
	if (open_input(inputs, inputs->current) == 0)
		return true;
	fail_input(inputs, inputs->current, weir_last_error());
	return false;
}

static uint32_t next_in_sequence(
	struct weir__inputs *inputs, struct weir_mbuf **mbufs, uint32_t count)
{
	do {
		struct weir_port *port = inputs->all[inputs->current].port;
		uint32_t got = weir_port_rx(port, 0, mbufs, count);

		if (got > 0)
			return got;
		if (weir_port_state(port) == WEIR_PORT_UP)
			return 0;
		if (weir_port_state(port) < 0) {
			fail_input(inputs, inputs->current, weir_port_error(port));
			return 0;
		}
	} while (go_on(inputs));
	return 0;
}

/* ---- merged ---- */

static bool is_before(const struct weir__inputs *inputs, uint32_t a, uint32_t b)
{
	uint64_t time_a = inputs->all[a].time, time_b = inputs->all[b].time;

	return time_a != time_b ? time_a < time_b : a < b;
}

static void push(struct weir__inputs *inputs, uint32_t index)
{
	uint32_t at = inputs->heap_count++, *heap = inputs->heap;

	for (; at > 0 && is_before(inputs, index, heap[(at - 1) / 2]); at = (at - 1) / 2)
		heap[at] = heap[(at - 1) / 2];
	heap[at] = index;
}

/* Put index in the place of the first, and where it belongs. */
static void replace_first(struct weir__inputs *inputs, uint32_t index)
{
	uint32_t at = 0, child, *heap = inputs->heap;

	for (; (child = 2 * at + 1) < inputs->heap_count; at = child) {
		if (child + 1 < inputs->heap_count &&
			is_before(inputs, heap[child + 1], heap[child]))
			child++;
		if (!is_before(inputs, heap[child], index))
			break;
		heap[at] = heap[child];
	}
	heap[at] = index;
}

/* A packet without a time goes right behind the one before. */
static void look_at_next(struct input *input)
{
	const struct weir_mbuf *mbuf = input->held[input->at];

	if (mbuf->flags & WEIR_MBUF_TIMESTAMP)
		input->time = mbuf->timestamp_ns;
}

/* Ask the dry ones for more. Is any still dry, and not over? */
static bool fill(struct weir__inputs *inputs)
{
	uint32_t still = 0;

	for (uint32_t i = 0; i < inputs->dry_count; i++) {
		uint32_t index = inputs->dry[i];
		struct input *input = &inputs->all[index];

		input->at = 0;
		input->have = weir_port_rx(input->port, 0, input->held, inputs->chunk);
		if (input->have > 0) {
			look_at_next(input);
			push(inputs, index);
		} else if (weir_port_state(input->port) == WEIR_PORT_UP) {
			inputs->dry[still++] = index;
		} else if (weir_port_state(input->port) < 0) {
			fail_input(inputs, index, weir_port_error(input->port));
		}
	}
	inputs->dry_count = still;
	return still > 0;
}

static struct weir_mbuf *take_first(struct weir__inputs *inputs)
{
	uint32_t index = inputs->heap[0];
	struct input *input = &inputs->all[index];
	struct weir_mbuf *mbuf = input->held[input->at++];

	if (input->at < input->have) {
		look_at_next(input);
		replace_first(inputs, index);
	} else {
		inputs->dry[inputs->dry_count++] = index;
		if (--inputs->heap_count > 0)
			replace_first(inputs, inputs->heap[inputs->heap_count]);
	}
	return mbuf;
}

static uint32_t next_merged(struct weir__inputs *inputs, struct weir_mbuf **mbufs, uint32_t count)
{
	uint32_t got = 0;

	while (got < count && !inputs->ended) {
		if (inputs->dry_count > 0 && fill(inputs))
			break;
		if (inputs->heap_count > 0)
			mbufs[got++] = take_first(inputs);
		else
			inputs->ended = true;
	}
	return got;
}

static int open_all(struct weir__inputs *inputs)
{
	int error = 0;

	inputs->heap_count = inputs->dry_count = 0;
	for (uint32_t i = 0; i < inputs->count && !error; i++) {
		struct input *input = &inputs->all[i];

		weir_mbuf_free_bulk(input->held + input->at, input->have - input->at);
		error = open_input(inputs, i);
		inputs->dry[inputs->dry_count++] = i;
	}
	return error;
}

/* ---- all ---- */

uint32_t weir__inputs_next(
	struct weir__inputs *inputs, struct weir_mbuf **mbufs, uint32_t count, bool *begins)
{
	uint32_t got;

	if (inputs->ended)
		return 0;
	got = inputs->merge ? next_merged(inputs, mbufs, count)
			    : next_in_sequence(inputs, mbufs, count);
	if (got == 0)
		return 0;
	*begins = inputs->begins;
	inputs->begins = false;
	return got;
}

bool weir__inputs_ended(const struct weir__inputs *inputs)
{
	return inputs->ended;
}

static int start(struct weir__inputs *inputs)
{
	inputs->current = 0;
	inputs->read = 0;
	inputs->begins = true;
	inputs->ended = false;
	return inputs->merge ? open_all(inputs) : open_input(inputs, 0);
}

int weir__inputs_rewind(struct weir__inputs *inputs)
{
	if (inputs->failed)
		return -EIO;
	if (inputs->count > KEPT_OPEN && !inputs->merge)
		close_input(&inputs->all[inputs->current]);
	if (start(inputs) == 0)
		return 0;
	return fail_input(inputs, inputs->current, weir_last_error());
}

/* Memory for all of them. */
static int prepare(struct weir__inputs *inputs, const struct weir__inputs_conf *conf)
{
	uint32_t each;

	inputs->count = inputs->found.count;
	inputs->pool = conf->pool;
	inputs->merge = conf->merge && inputs->count > 1;
	/* no more than stay open: to fill memory for one pass is of no use */
	if (conf->preload && strcmp(conf->preload, "no") != 0 && inputs->count <= KEPT_OPEN)
		inputs->preload = conf->preload;
	inputs->must_preload = conf->must_preload;
	inputs->all = calloc(inputs->count, sizeof(*inputs->all));
	inputs->played = calloc(inputs->count, sizeof(*inputs->played));
	inputs->heap = calloc(inputs->count, sizeof(*inputs->heap));
	inputs->dry = calloc(inputs->count, sizeof(*inputs->dry));
	if (!inputs->all || !inputs->played || !inputs->heap || !inputs->dry)
		return weir__fail(ENOMEM, "no memory for %u inputs", inputs->count);
	for (uint32_t i = 0; i < inputs->count; i++) {
		inputs->all[i].spec = inputs->played[i].spec = inputs->found.inputs[i].spec;
		inputs->all[i].size = inputs->found.inputs[i].size;
		inputs->size += inputs->all[i].size;
	}
	/* a quarter of the pool, so that what is on its way has the rest */
	each = weir_mempool_count(inputs->pool) / 4 / inputs->count;
	inputs->chunk = each < HELD ? each : HELD;
	if (inputs->merge && each == 0)
		return weir__fail(EINVAL,
			"a pool of %u mbufs is too small to merge %u inputs: needs %u",
			weir_mempool_count(inputs->pool), inputs->count, 4 * inputs->count);
	return 0;
}

struct weir__inputs *weir__inputs_create(const struct weir__inputs_conf *conf)
{
	struct weir__inputs *inputs = calloc(1, sizeof(*inputs));
	int error;

	if (!inputs)
		return weir__fail_null(ENOMEM, "no memory for inputs");
	error = weir__find_inputs(&inputs->found, conf->specs);
	if (!error)
		error = prepare(inputs, conf);
	if (!error)
		error = start(inputs);
	if (!error)
		return inputs;
	weir__inputs_destroy(inputs);
	errno = -error;
	return NULL;
}

void weir__inputs_destroy(struct weir__inputs *inputs)
{
	if (!inputs)
		return;
	for (uint32_t i = 0; inputs->all && i < inputs->count; i++)
		close_input(&inputs->all[i]);
	weir__found_free(&inputs->found);
	free(inputs->all);
	free(inputs->played);
	free(inputs->heap);
	free(inputs->dry);
	free(inputs);
}

void weir__inputs_progress(struct weir__inputs *inputs, uint64_t *position, uint64_t *size)
{
	uint32_t first = inputs->merge ? 0 : inputs->current;
	uint32_t end = inputs->merge ? inputs->count : first + 1;

	*size = inputs->size;
	*position = inputs->read;
	for (uint32_t i = first; i < end; i++) {
		uint64_t part = 0, whole;

		if (inputs->all[i].port)
			weir_port_progress(inputs->all[i].port, &part, &whole);
		*position += part;
	}
}

const struct weir_play_input *weir__inputs_played(struct weir__inputs *inputs, uint32_t *count)
{
	for (uint32_t i = 0; i < inputs->count; i++) {
		struct weir_port_stats stats = {0};

		if (inputs->all[i].port)
			weir_port_stats(inputs->all[i].port, &stats);
		inputs->played[i].stats = inputs->all[i].before;
		add_stats(&inputs->played[i].stats, &stats);
	}
	*count = inputs->count;
	return inputs->played;
}
