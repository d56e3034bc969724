/* SPDX-License-Identifier: BSD-3-Clause */
/* play.c: the packets of files and ports, each when it is due.
 *
 * A paced player holds a few packets with the times they are due. A poll waits for the first, as
 * far as that is near, and hands out all that are due by then. That they have gone, and when, is
 * known at the next poll: the round in between took them to their end, or to a ring.
 */
#include "stages/bucket_impl.h"
#include "stages/headers_impl.h"
#include "stages/inputs_impl.h"
#include "stages/stages_impl.h"
#include "stages/values_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Packets that are held for their time; and polls between two looks at how far the files are. */
#define HELD  32
#define LOOKS 64

enum { LOOPS, BACKWARDS, CUT, NO_MBUF };

/* Times as many as there are, in millionths. */
static const struct weir__quantity speeds = {
	.like = "top, 1x or 2.5x",
	.min = 1,
	.max = UINT64_C(1000000000000),
	.units = {{"x", 1000000}},
};

/* Thousandths a second: a packet in two seconds is a rate, too. With the units of weir__rate. */
static const struct weir__quantity rates = {
	.like = "100mbit, 5kpps or 0.5pps",
	.min = 1,
	.max = 1000 * WEIR__BUCKET_RATE_MAX,
	.units = {{"bit", 1000}, {"kbit", 1000000}, {"mbit", UINT64_C(1000000000)},
		{"gbit", UINT64_C(1000000000000)}, {"pps", 1000}, {"kpps", 1000000},
		{"mpps", UINT64_C(1000000000)}},
};

struct play_conf {
	struct weir__inputs *inputs;
	struct weir_pace_conf pace;
	uint64_t loop; /* UINT64_MAX: for ever */
	bool unique;   /* addresses in each pass */
	uint64_t loop_gap_ns, limit, duration_ns;
	struct weir_stage_play *told; /* NULL: nobody wants to know */
};

struct play_state {
	struct weir_pace *pace;
	struct weir_mbuf *held[HELD];
	uint64_t due[HELD];
	uint32_t at, have;
	uint64_t gone[WEIR_STAGE_BURST]; /* when the last ones were due */
	uint32_t gone_count;
	uint64_t begun_ns, left, passes, in_pass;
	uint32_t polls;
	bool over, out_of_time;
};

/* ---- arguments ---- */

static int set_pace(struct weir_pace_conf *pace, enum weir_pace_by by, uint64_t num, uint64_t den)
{
	if (pace->by != WEIR_PACE_TOP)
		return weir_stage_fail(EINVAL, "speed=, rate= and gap= exclude each other");
	pace->by = by;
	pace->num = num;
	pace->den = den;
	return 0;
}

static int take_pace(struct weir_stage_args *args, struct weir_pace_conf *pace)
{
	const char *speed = weir_stage_arg(args, "speed");
	uint64_t number = 0;
	int unit, error = 0;

	if (speed && strcmp(speed, "top") != 0) {
		if (weir__arg_quantity(args, "speed", &speeds, &number) < 0)
			return -EINVAL;
		error = set_pace(pace, WEIR_PACE_RECORDED, number, speeds.units[0].factor);
	}
	unit = weir__arg_quantity(args, "rate", &rates, &number);
	if (!error && unit >= 0 && weir_stage_arg(args, "rate"))
		error = set_pace(pace, unit >= WEIR__RATE_PPS ? WEIR_PACE_PACKETS : WEIR_PACE_BITS,
			number, 1000);
	if (unit < 0 || weir__arg_quantity(args, "gap", &weir__duration, &number) < 0 ||
		weir__arg_quantity(args, "max_gap", &weir__duration, &pace->max_gap_ns) < 0)
		return -EINVAL;
	if (!error && weir_stage_arg(args, "gap"))
		error = number == 0 ? weir_stage_fail(EINVAL, "gap=0 is speed=top")
				    : set_pace(pace, WEIR_PACE_GAP, number, 1);
	if (!error && pace->max_gap_ns && pace->by != WEIR_PACE_RECORDED)
		return weir_stage_fail(EINVAL, "max_gap= is for speed=1x and the like");
	return error;
}

static int take_amount(struct weir_stage_args *args, struct play_conf *play)
{
	static const char *const words[] = {"no", "yes", NULL};
	const char *loop = weir_stage_arg(args, "loop");
	int unique = weir_stage_arg_word(args, "unique", words);

	if (unique < 0)
		return unique;
	play->unique = unique == 1;
	play->loop = 1;
	play->limit = play->duration_ns = UINT64_MAX;
	if (loop && strcmp(loop, "forever") == 0)
		play->loop = UINT64_MAX;
	else if (weir_stage_arg_number(args, "loop", 1, UINT64_MAX, &play->loop))
		return -EINVAL;
	if (weir_stage_arg_number(args, "limit", 1, UINT64_MAX, &play->limit) ||
		weir__arg_quantity(args, "loop_gap", &weir__duration, &play->loop_gap_ns) < 0 ||
		weir__arg_quantity(args, "duration", &weir__long_duration, &play->duration_ns) < 0)
		return -EINVAL;
	return 0;
}

/* The argument without a key: words, changed into specs. */
static int open_words(
	struct weir__inputs_conf *conf, const char *text, struct weir__inputs **inputs)
{
	char *copy = strdup(text), *save = NULL;
	const char **specs = calloc(strlen(text) / 2 + 2, sizeof(*specs));
	uint32_t count = 0;

	if (!copy || !specs) {
		free(copy);
		free(specs);
		return weir_stage_fail(ENOMEM, "no memory for inputs");
	}
	for (char *word = strtok_r(copy, " \t", &save); word; word = strtok_r(NULL, " \t", &save))
		specs[count++] = word;
	conf->specs = specs;
	*inputs = weir__inputs_create(conf);
	free(specs);
	free(copy);
	return *inputs ? 0 : -errno;
}

static int open_play(struct weir_stage_args *args, void *conf)
{
	static const char *const orders[] = {"sequence", "merge", NULL};
	static const char *const preloads[] = {"no", "copy", "attach", NULL};
	struct play_conf *play = conf;
	struct weir__inputs_conf inputs = {.pool = weir_stage_pool(args)};
	const char *words = weir_stage_arg(args, NULL);
	int order = weir_stage_arg_word(args, "order", orders), preload;

	play->told = weir_stage_data(args);
	preload = weir_stage_arg_word(args, "preload", preloads);
	if (preload < 0 || order < 0 || take_pace(args, &play->pace) || take_amount(args, play))
		return -EINVAL;
	inputs.merge = order == 1;
	inputs.must_preload = weir_stage_arg(args, "preload") != NULL;
	inputs.preload = inputs.must_preload ? preloads[preload] : play->loop > 1 ? "copy" : NULL;
	if (!play->told || !play->told->inputs)
		return open_words(&inputs, words ? words : "", &play->inputs);
	inputs.specs = play->told->inputs;
	play->inputs = weir__inputs_create(&inputs);
	if (!play->inputs)
		return -errno;
	play->told->played = weir__inputs_played(play->inputs, &play->told->played_count);
	return 0;
}

static void close_play(void *conf)
{
	struct play_conf *play = conf;

	weir__inputs_destroy(play->inputs);
}

static int setup(struct weir_stage *stage)
{
	const struct play_conf *play = stage->conf;
	struct play_state *state = stage->state;

	if (stage->workers > 1)
		return weir_stage_fail(EINVAL, "one worker plays: put a ring behind it for more");
	state->left = play->limit;
	state->pace = weir_pace_create(&play->pace);
	return state->pace ? 0 : -errno;
}

/* ---- packets ---- */

/* The inputs are at their end: start the next pass, unless there is none. */
static bool start_next_pass(struct weir_stage *stage)
{
	const struct play_conf *play = stage->conf;
	struct play_state *state = stage->state;

	if (state->in_pass == 0 || (play->loop != UINT64_MAX && state->passes + 1 >= play->loop))
		return false;
	state->passes++;
	state->in_pass = 0;
	weir_stage_count(stage, LOOPS, 1);
	if (weir__inputs_rewind(play->inputs))
		return false;
	weir_pace_restart(state->pace, play->loop_gap_ns);
	return true;
}

/* Let addresses be others in each pass; what there is no mbuf to write it into is dropped. */
static uint32_t make_unique(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct play_state *state = stage->state;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (weir__shift_addresses(&mbufs[i], state->passes)) {
			weir_mbuf_free(mbufs[i]);
			weir_stage_count(stage, NO_MBUF, 1);
		} else {
			mbufs[kept++] = mbufs[i];
		}
	}
	return kept;
}

/* Up to count packets, now, within the limit. */
static uint32_t fetch(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct play_conf *play = stage->conf;
	struct play_state *state = stage->state;
	bool begins = false;
	uint32_t got;

	if (count > state->left)
		count = (uint32_t)state->left;
	do {
		got = count ? weir__inputs_next(play->inputs, mbufs, count, &begins) : 0;
	} while (got == 0 && count > 0 && weir__inputs_ended(play->inputs) &&
		 start_next_pass(stage));
	state->left -= got;
	if (begins && state->in_pass > 0) /* of another recording */
		weir_pace_restart(state->pace, 0);
	state->in_pass += got;
	state->over = state->left == 0 || (got == 0 && weir__inputs_ended(play->inputs));
	return play->unique && state->passes > 0 ? make_unique(stage, mbufs, got) : got;
}

static void hold_more(struct weir_stage *stage)
{
	struct play_state *state = stage->state;

	state->at = 0;
	state->have = fetch(stage, state->held, HELD);
	for (uint32_t i = 0; i < state->have; i++)
		state->due[i] = weir_pace_due(state->pace, state->held[i]);
}

/* What was handed out has gone. */
static void note_gone(struct play_state *state)
{
	if (state->gone_count > 0)
		weir_pace_sent(state->pace, state->gone, state->gone_count);
	state->gone_count = 0;
}

/* Is the first that is held due? Waits for it, as far as it is near, and not beyond the end. */
static bool is_due(struct play_state *state, uint64_t end_ns)
{
	uint64_t due = state->due[state->at];

	if (weir_pace_wait(state->pace, due < end_ns ? due : end_ns) > 0)
		return false;
	state->out_of_time = due >= end_ns;
	return !state->out_of_time;
}

static uint32_t take_due(struct play_state *state, struct weir_mbuf **mbufs, uint32_t count)
{
	uint64_t now = weir_pace_now(state->pace);
	uint32_t got = 0;

	/* the first was waited for */
	do {
		state->gone[got] = state->due[state->at];
		mbufs[got++] = state->held[state->at++];
	} while (got < count && state->at < state->have && state->due[state->at] <= now);
	state->gone_count = got;
	return got;
}

static uint32_t poll_paced(
	struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count, uint64_t end_ns)
{
	struct play_state *state = stage->state;

	note_gone(state);
	if (state->at == state->have && !state->over)
		hold_more(stage);
	if (state->at == state->have || !is_due(state, end_ns))
		return 0;
	return take_due(state, mbufs, count);
}

static uint32_t poll_at_once(
	struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count, uint64_t end_ns)
{
	struct play_state *state = stage->state;
	uint32_t got;

	if (end_ns != UINT64_MAX && weir_pace_now(state->pace) >= end_ns) {
		state->out_of_time = true;
		return 0;
	}
	got = state->over ? 0 : fetch(stage, mbufs, count);
	return got;
}

static void tell_progress(const struct play_conf *play, const struct play_state *state)
{
	uint64_t position, size;

	weir__inputs_progress(play->inputs, &position, &size);
	if (play->loop == UINT64_MAX)
		size = 0;
	atomic_store_explicit(
		&play->told->position, state->passes * size + position, memory_order_relaxed);
	atomic_store_explicit(&play->told->size, play->loop * size, memory_order_relaxed);
}

static uint32_t poll(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct play_conf *play = stage->conf;
	struct play_state *state = stage->state;
	uint64_t end_ns = UINT64_MAX;

	if (state->out_of_time)
		return 0;
	if (play->duration_ns != UINT64_MAX) {
		if (state->begun_ns == 0)
			state->begun_ns = weir_pace_now(state->pace);
		end_ns = state->begun_ns + play->duration_ns;
	}
	if (play->told && state->polls++ % LOOKS == 0)
		tell_progress(play, state);
	return play->pace.by == WEIR_PACE_TOP ? poll_at_once(stage, mbufs, count, end_ns)
					      : poll_paced(stage, mbufs, count, end_ns);
}

static bool ended(const struct weir_stage *stage)
{
	const struct play_state *state = stage->state;

	return state->out_of_time || (state->over && state->at == state->have);
}

static void teardown(struct weir_stage *stage)
{
	const struct play_conf *play = stage->conf;
	struct play_state *state = stage->state;
	struct weir_pace_figures figures;

	note_gone(state);
	weir_mbuf_free_bulk(state->held + state->at, state->have - state->at);
	state->at = state->have;
	weir_pace_figures(state->pace, &figures);
	weir_stage_count(stage, BACKWARDS, figures.backwards);
	weir_stage_count(stage, CUT, figures.cut);
	weir_pace_destroy(state->pace);
	if (!play->told)
		return;
	play->told->figures = figures;
	play->told->out_of_time = state->out_of_time;
	play->told->played = weir__inputs_played(play->inputs, &play->told->played_count);
}

static const char *const counters[] = {"loops", "backwards", "gaps cut", "no mbuf", NULL};

const struct weir_stage_type weir__stage_play = {
	.name = "play",
	.help = "the packets of files and ports, by a schedule",
	.edges = weir__stage_out,
	.counters = counters,
	.conf_size = sizeof(struct play_conf),
	.state_size = sizeof(struct play_state),
	.open = open_play,
	.close = close_play,
	.setup = setup,
	.poll = poll,
	.ended = ended,
	.teardown = teardown,
};
