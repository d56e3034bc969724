/* SPDX-License-Identifier: BSD-3-Clause */
/* pace.c: a schedule for packets, waiting for it, and how well it was kept. */
#include "weir/pace.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define SECOND_NS 1000000000u

/* What is nearer than this is spun for. The kernel wakes a sleeper up to 50 us late by its timer
 * slack, and as much again when the core had gone to sleep; and what is sent soon after a sleep
 * is late by more than that. Of packets 1 us to 100 ms apart half were off by 14 us or more when
 * 0.2 ms were spun for, by 12.5 with 1 ms, 7 with 3 ms, no less with 30 (a virtual machine). */
#define SPIN_NS 3000000
/* What is farther than this is not waited for to its end: a worker sleeps up to 1 ms by itself. */
#define FAR_NS   4000000
#define SLEEP_NS 100000000

/* A packet that was recorded behind a later one leaves the others where they are. By more than this
 * it is the clock that was set back: what follows goes by the new time. */
#define DISORDER_NS SECOND_NS

/* With conf.ahead: waits are told apart by the power of four of their nanoseconds, from 1 us on,
 * since what went cold meanwhile makes the next send slower (2 us, or 12 after milliseconds of
 * spinning). How early to stop is moved by a step with each packet, up or down by whether that was
 * late, which finds the median; by larger ones at first. */
#define LEADS       6
#define LEAD_MAX_NS 50000
#define LEAD_FIRST  32 /* packets */

/* Steps of a histogram: 32 in each power of two, so that one is 3 % wide. */
#define SUB_BITS 5
#define SUBS     (1u << SUB_BITS)
#define STEPS    ((64 - SUB_BITS + 1) * SUBS)

__extension__ typedef unsigned __int128 wide;

struct histogram {
	uint64_t counts[STEPS];
	uint64_t count, sum, max;
};

struct lead {
	uint32_t ns, packets;
};

struct weir_pace {
	struct weir_pace_conf conf;
	struct lead leads[LEADS];
	struct lead *lead;  /* of the last wait; NULL: it was none */
	uint64_t start_ns;  /* 0: not yet */
	uint64_t place;     /* of the last packet, in what conf.by counts */
	uint64_t extra_ns;  /* gaps between what was recorded apart */
	uint64_t last_time; /* timestamp of the last packet */
	bool fresh;         /* there is none to compare with */
	uint64_t next;      /* what the last packet adds to the place of the next */
	uint64_t backwards, cut;
	uint64_t first_sent, last_sent, first_due, last_due;
	int64_t last_offset; /* behind the schedule; less than 0: in front of it */
	struct histogram late, jitter;
};

static uint64_t monotonic_now(void *context)
{
	(void)context;
	return weir__monotonic_ns();
}

static void monotonic_sleep(void *context, uint64_t until_ns)
{
	const struct timespec until = {
		.tv_sec = (time_t)(until_ns / SECOND_NS), .tv_nsec = (long)(until_ns % SECOND_NS)};

	(void)context;
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static const struct weir_pace_clock monotonic = {.now = monotonic_now, .sleep = monotonic_sleep};

struct weir_pace *weir_pace_create(const struct weir_pace_conf *conf)
{
	struct weir_pace *pace;

	if (conf->by != WEIR_PACE_TOP && (conf->num == 0 || conf->den == 0))
		return weir__fail_null(EINVAL, "a pace of %llu/%llu is none",
			(unsigned long long)conf->num, (unsigned long long)conf->den);
	pace = calloc(1, sizeof(*pace));
	if (!pace)
		return weir__fail_null(ENOMEM, "no memory for a schedule");
	pace->conf = *conf;
	if (!conf->clock)
		pace->conf.clock = &monotonic;
	pace->fresh = true;
	return pace;
}

void weir_pace_destroy(struct weir_pace *pace)
{
	free(pace);
}

uint64_t weir_pace_now(const struct weir_pace *pace)
{
	return pace->conf.clock->now(pace->conf.clock->context);
}

uint64_t weir_pace_start(const struct weir_pace *pace)
{
	return pace->start_ns;
}

/* ---- the schedule ---- */

/* Nanoseconds that were recorded between the last packet and this one. */
static uint64_t recorded_gap(struct weir_pace *pace, const struct weir_mbuf *mbuf)
{
	uint64_t gap;

	if (!(mbuf->flags & WEIR_MBUF_TIMESTAMP))
		return 0;
	if (pace->fresh) {
		pace->fresh = false;
		pace->last_time = mbuf->timestamp_ns;
		return 0;
	}
	if (mbuf->timestamp_ns < pace->last_time) {
		pace->backwards++;
		if (pace->last_time - mbuf->timestamp_ns > DISORDER_NS)
			pace->last_time = mbuf->timestamp_ns;
		return 0;
	}
	gap = mbuf->timestamp_ns - pace->last_time;
	pace->last_time = mbuf->timestamp_ns;
	if (pace->conf.max_gap_ns == 0 || gap <= pace->conf.max_gap_ns)
		return gap;
	pace->cut++;
	return pace->conf.max_gap_ns;
}

static void step(struct weir_pace *pace, const struct weir_mbuf *mbuf)
{
	if (pace->conf.by == WEIR_PACE_RECORDED) {
		pace->place += recorded_gap(pace, mbuf);
		return;
	}
	pace->place += pace->next;
	pace->next =
		pace->conf.by == WEIR_PACE_BITS ? UINT64_C(8) * weir_mbuf_wire_length(mbuf) : 1;
}

/* A place as nanoseconds behind the start. */
static uint64_t scale(const struct weir_pace_conf *conf, uint64_t place)
{
	switch (conf->by) {
	case WEIR_PACE_RECORDED:
		return (uint64_t)((wide)place * conf->den / conf->num);
	case WEIR_PACE_PACKETS:
	case WEIR_PACE_BITS:
		return (uint64_t)((wide)place * SECOND_NS * conf->den / conf->num);
	case WEIR_PACE_GAP:
		return (uint64_t)((wide)place * conf->num / conf->den);
	case WEIR_PACE_TOP:
		break;
	}
	return 0;
}

uint64_t weir_pace_due(struct weir_pace *pace, const struct weir_mbuf *mbuf)
{
	if (weir_unlikely(pace->start_ns == 0))
		pace->start_ns = weir_pace_now(pace);
	step(pace, mbuf);
	return pace->start_ns + pace->extra_ns + scale(&pace->conf, pace->place);
}

void weir_pace_restart(struct weir_pace *pace, uint64_t gap_ns)
{
	pace->fresh = true;
	pace->extra_ns += gap_ns;
}

/* ---- waiting ---- */

static void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ __volatile__("yield");
#endif
}

static struct lead *find_lead(struct weir_pace *pace, uint64_t left_ns)
{
	uint32_t power = left_ns >= 1024 ? (53 - (uint32_t)__builtin_clzll(left_ns)) / 2 : 0;

	if (!pace->conf.ahead || left_ns < 1024)
		return NULL;
	return &pace->leads[power]; /* up to FAR_NS */
}

/* The first packet of those that were waited for has gone. */
static void learn(struct lead *lead, int64_t offset_ns)
{
	uint32_t step = lead->packets < LEAD_FIRST ? 1000 : 200;

	lead->packets++;
	if (offset_ns > 0)
		lead->ns = lead->ns + step < LEAD_MAX_NS ? lead->ns + step : LEAD_MAX_NS;
	else
		lead->ns = lead->ns > step ? lead->ns - step : 0;
}

uint64_t weir_pace_wait(struct weir_pace *pace, uint64_t due_ns)
{
	const struct weir_pace_clock *clock = pace->conf.clock;
	uint64_t now = weir_pace_now(pace), left = due_ns > now ? due_ns - now : 0;

	if (left > FAR_NS) {
		uint64_t some = left / 2 < SLEEP_NS ? left / 2 : SLEEP_NS;

		clock->sleep(clock->context, now + some);
		now = weir_pace_now(pace);
		return due_ns > now ? due_ns - now : 0;
	}
	pace->lead = find_lead(pace, left);
	if (pace->lead)
		due_ns -= pace->lead->ns < left ? pace->lead->ns : left;
	if (left > SPIN_NS)
		clock->sleep(clock->context, due_ns - SPIN_NS);
	while (weir_pace_now(pace) < due_ns)
		relax();
	return 0;
}

/* ---- figures ---- */

static uint32_t find_step(uint64_t value)
{
	uint32_t log2;

	if (value < SUBS)
		return (uint32_t)value;
	log2 = 63 - (uint32_t)__builtin_clzll(value);
	return (log2 - SUB_BITS + 1) * SUBS + (uint32_t)(value >> (log2 - SUB_BITS)) % SUBS;
}

/* The middle of a step. */
static uint64_t value_of(uint32_t index)
{
	uint32_t shift = index / SUBS - 1;

	if (index < SUBS)
		return index;
	return ((uint64_t)(SUBS + index % SUBS) << shift) + (UINT64_C(1) << shift) / 2;
}

static void add(struct histogram *histogram, uint64_t value)
{
	histogram->counts[find_step(value)]++;
	histogram->count++;
	histogram->sum += value;
	if (value > histogram->max)
		histogram->max = value;
}

void weir_pace_sent(struct weir_pace *pace, const uint64_t *dues_ns, uint32_t count)
{
	uint64_t now = weir_pace_now(pace);

	if (pace->lead && count > 0)
		learn(pace->lead, (int64_t)(now - dues_ns[0]));
	pace->lead = NULL;
	for (uint32_t i = 0; i < count; i++) {
		int64_t offset = (int64_t)(now - dues_ns[i]);

		if (pace->first_sent == 0) {
			pace->first_sent = now;
			pace->first_due = dues_ns[i];
		} else {
			add(&pace->jitter, (uint64_t)llabs(offset - pace->last_offset));
		}
		add(&pace->late, offset > 0 ? (uint64_t)offset : 0);
		pace->last_offset = offset;
		pace->last_due = dues_ns[i];
	}
	pace->last_sent = now;
}

/* The least value that so many in 1,000 do not exceed. */
static uint64_t quantile(const struct histogram *histogram, uint64_t per_mille)
{
	uint64_t wanted = (histogram->count * per_mille + 999) / 1000, seen = 0;

	for (uint32_t i = 0; i < STEPS; i++) {
		seen += histogram->counts[i];
		if (seen >= wanted)
			return value_of(i) < histogram->max ? value_of(i) : histogram->max;
	}
	return histogram->max;
}

static struct weir_pace_times summary(const struct histogram *histogram)
{
	if (histogram->count == 0)
		return (struct weir_pace_times){0};
	return (struct weir_pace_times){
		.mean = histogram->sum / histogram->count,
		.p50 = quantile(histogram, 500),
		.p90 = quantile(histogram, 900),
		.p99 = quantile(histogram, 990),
		.p999 = quantile(histogram, 999),
		.max = histogram->max,
	};
}

void weir_pace_figures(const struct weir_pace *pace, struct weir_pace_figures *figures)
{
	*figures = (struct weir_pace_figures){
		.packets = pace->late.count,
		.span_ns = pace->last_sent - pace->first_sent,
		.scheduled_ns = pace->last_due - pace->first_due,
		.backwards = pace->backwards,
		.cut = pace->cut,
		.late = summary(&pace->late),
		.jitter = summary(&pace->jitter),
	};
}
