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
#include "stages/inputs_one_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Inputs that stay open between passes: few enough for their buffers and file descriptors. */
#define KEPT_OPEN 64
/* Files that are opened behind the inputs, such as outputs. */
#define FILES_SPARE 16

struct weir__inputs {
	struct weir__found found;
	struct weir__input_way way;
	struct weir_play_input *played;
	struct weir__input *all;
	uint32_t count, current, chunk;
	bool merge, begins, ended, failed;
	bool few;            /* enough to stay open between passes */
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

static int open_one(struct weir__inputs *inputs, uint32_t index)
{
	return weir__input_open(&inputs->all[index], &inputs->way);
}

/* A pass of them is over: close those that do not stay open. With a cache each pass looks whether a
 * file is another one by now. */
static void close_some(struct weir__inputs *inputs, uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++)
		if (!inputs->few || (inputs->way.cache && inputs->all[i].size > 0))
			weir__input_close(&inputs->all[i]);
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
	close_some(inputs, inputs->current, 1);
	inputs->current++;
	inputs->begins = true;
	if (open_one(inputs, inputs->current) == 0)
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
static void look_at_next(struct weir__input *input)
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
		struct weir__input *input = &inputs->all[index];

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
	struct weir__input *input = &inputs->all[index];
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

/* Only so many could be opened. Say how many files it takes: theirs, and those of others. */
static int say_too_many(const struct weir__inputs *inputs, uint32_t opened)
{
	struct rlimit files = {0};

	getrlimit(RLIMIT_NOFILE, &files);
	return weir__fail(EMFILE,
		"to merge %u inputs all of them must be open, and this process may have %llu files "
		"open: allow it more, with `ulimit -n %llu`",
		inputs->count, (unsigned long long)files.rlim_cur,
		(unsigned long long)(files.rlim_cur - opened + inputs->count + FILES_SPARE));
}

static int open_all(struct weir__inputs *inputs)
{
	int error = 0;

	inputs->heap_count = inputs->dry_count = 0;
	for (uint32_t i = 0; i < inputs->count && !error; i++) {
		struct weir__input *input = &inputs->all[i];

		weir_mbuf_free_bulk(input->held + input->at, input->have - input->at);
		error = open_one(inputs, i);
		if (error == -EMFILE)
			error = say_too_many(inputs, i);
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
	return inputs->merge ? open_all(inputs) : open_one(inputs, 0);
}

int weir__inputs_rewind(struct weir__inputs *inputs)
{
	if (inputs->failed)
		return -EIO;
	close_some(inputs, 0, inputs->count);
	if (start(inputs) == 0)
		return 0;
	return fail_input(inputs, inputs->current, weir_last_error());
}

/* Memory for all of them. */
static int prepare(struct weir__inputs *inputs, const struct weir__inputs_conf *conf)
{
	uint32_t each;

	inputs->count = inputs->found.count;
	inputs->way = conf->way;
	inputs->merge = conf->merge && inputs->count > 1;
	inputs->few = inputs->merge || inputs->count <= KEPT_OPEN;
	if (inputs->few && !conf->way.must_cache)
		inputs->way.cache = NULL;
	/* to fill memory for one pass is of no use */
	if (inputs->count > KEPT_OPEN && !(inputs->way.cache && conf->way.must_preload))
		inputs->way.preload = NULL;
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
	each = weir_mempool_count(inputs->way.pool) / 4 / inputs->count;
	inputs->chunk = each < WEIR__INPUT_HELD ? each : WEIR__INPUT_HELD;
	if (inputs->merge && each == 0)
		return weir__fail(EINVAL,
			"a pool of %u mbufs is too small to merge %u inputs: needs %u",
			weir_mempool_count(inputs->way.pool), inputs->count, 4 * inputs->count);
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
		weir__input_close(&inputs->all[i]);
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
		weir__input_add(&inputs->played[i].stats, &stats);
	}
	*count = inputs->count;
	return inputs->played;
}
