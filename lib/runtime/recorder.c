/* SPDX-License-Identifier: BSD-3-Clause */
/* recorder.c: the life of a recorder, and copying packets into its lanes. */
#include "runtime/recorder_impl.h"

#include "weir/chain.h"

#include "base/base_impl.h"
#include "base/count_impl.h"
#include "mbuf/part_impl.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define LANES_MAX      64
#define LANE_DEFAULT   (4u << 20)
#define LANE_MIN       (1u << 20) /* more than two of the longest packets */
#define LANE_MAX       (1u << 30)
#define RECALL_DEFAULT (UINT64_C(1) << 30)
#define SOURCES_MAX    65535
#define COMMENTS_MAX   65535

/* ---- life ---- */

static int check(const struct weir_recorder_conf *conf)
{
	if (conf->lanes > LANES_MAX)
		return weir__fail(EINVAL, "a recorder has at most %d lanes", LANES_MAX);
	if (conf->lane_bytes > LANE_MAX)
		return weir__fail(EINVAL, "a lane of a recorder has at most 1 GiB");
	if ((conf->last_ns || conf->last_bytes) && strcmp(conf->series.file.path, "-") == 0)
		return weir__fail(
			EINVAL, "the last packets are written to files, not to standard output");
	return 0;
}

static int make_lanes(struct weir_recorder *recorder)
{
	size_t want = recorder->conf.lane_bytes, size = LANE_MIN;

	while (size < want)
		size *= 2;
	recorder->lanes = calloc(recorder->conf.lanes, sizeof(*recorder->lanes));
	if (!recorder->lanes)
		return weir__fail(ENOMEM, "no memory for the lanes of a recorder");
	for (uint32_t i = 0; i < recorder->conf.lanes; i++) {
		recorder->lanes[i].lane.bytes = aligned_alloc(WEIR_CACHE_LINE, size);
		recorder->lanes[i].lane.mask = size - 1;
		if (!recorder->lanes[i].lane.bytes)
			return weir__fail(ENOMEM, "no memory for a lane of %zu bytes", size);
	}
	return 0;
}

/* One more place in each table by source. */
static int grow_sources(struct weir_recorder *recorder)
{
	uint32_t count = recorder->source_count + 1;
	struct weir__recorder_source *sources =
		reallocarray(recorder->sources, count, sizeof(*sources));

	if (!sources)
		return weir__fail(ENOMEM, "no memory for a source");
	recorder->sources = sources;
	memset(&sources[count - 1], 0, sizeof(*sources));
	atomic_init(&sources[count - 1].received, UINT64_MAX);
	atomic_init(&sources[count - 1].kernel_dropped, UINT64_MAX);
	for (uint32_t i = 0; i < recorder->conf.lanes; i++) {
		struct weir__recorder_tally *tallies =
			reallocarray(recorder->lanes[i].tallies, count, sizeof(*tallies));

		if (!tallies)
			return weir__fail(ENOMEM, "no memory for a source");
		recorder->lanes[i].tallies = tallies;
		memset(&tallies[count - 1], 0, sizeof(*tallies));
	}
	recorder->source_count = count;
	return 0;
}

static void destroy(struct weir_recorder *recorder)
{
	for (uint32_t i = 0; recorder->lanes && i < recorder->conf.lanes; i++) {
		free(recorder->lanes[i].lane.bytes);
		free(recorder->lanes[i].tallies);
	}
	for (uint32_t i = 1; i < recorder->comment_count; i++)
		free(recorder->comments[i]);
	weir__recall_free(&recorder->recall);
	free(recorder->comments);
	free(recorder->lanes);
	free(recorder->sources);
	free(recorder);
}

static void take_conf(struct weir_recorder *recorder, const struct weir_recorder_conf *conf)
{
	recorder->conf = *conf;
	if (!conf->lanes)
		recorder->conf.lanes = 1;
	if (!conf->lane_bytes)
		recorder->conf.lane_bytes = LANE_DEFAULT;
	recorder->snaplen = conf->series.file.snaplen ? conf->series.file.snaplen : UINT32_MAX;
	recorder->recalls = conf->last_ns || conf->last_bytes;
	if (recorder->recalls && !conf->last_bytes)
		recorder->conf.last_bytes = RECALL_DEFAULT;
	recorder->conf.series.numbered |= recorder->recalls;
	recorder->comment_count = 1;
}

struct weir_recorder *weir_recorder_create(const struct weir_recorder_conf *conf)
{
	struct weir_recorder *recorder;
	int error;

	if (check(conf))
		return NULL;
	recorder = calloc(1, sizeof(*recorder));
	if (!recorder)
		return weir__fail_null(ENOMEM, "no memory for a recorder");
	take_conf(recorder, conf);
	error = make_lanes(recorder);
	if (!error)
		error = grow_sources(recorder);
	if (!error) {
		recorder->series = weir_series_create(&recorder->conf.series);
		error = recorder->series ? 0 : -errno;
	}
	if (!error)
		return recorder;
	destroy(recorder);
	errno = -error;
	return NULL;
}

int weir_recorder_source(struct weir_recorder *recorder, const struct weir_capture_source *source)
{
	int number, error;

	if (recorder->source_count > SOURCES_MAX)
		return weir__fail(ENOSPC, "a recorder has at most %d sources", SOURCES_MAX);
	error = grow_sources(recorder);
	if (error)
		return error;
	number = weir_series_source(recorder->series, source);
	if (number < 0)
		recorder->source_count--;
	return number;
}

int weir_recorder_comment(struct weir_recorder *recorder, const char *text)
{
	uint32_t count = recorder->comment_count + 1;
	char **comments = reallocarray(recorder->comments, count, sizeof(*comments));

	if (comments)
		recorder->comments = comments;
	if (!comments || count > COMMENTS_MAX || !(comments[count - 1] = strdup(text)))
		return weir__fail(ENOMEM, "no memory for a comment");
	recorder->comment_count = count;
	return (int)count - 1;
}

int weir_recorder_start(struct weir_recorder *recorder)
{
	sigset_t all, before;
	int error;

	recorder->begun_ns = recorder->flushed_ns = weir__monotonic_ns();
	recorder->begun_realtime_ns = weir__realtime_ns();
	/* signals are for the application's threads */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&recorder->thread, NULL, weir__recorder_run, recorder);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error)
		return weir__fail(error, "no thread for a recorder: %s", strerror(error));
	recorder->started = true;
	return 0;
}

void weir_recorder_stop(struct weir_recorder *recorder)
{
	/* release: what was taken before is to be written; pairs with the thread's acquire */
	atomic_store_explicit(&recorder->stop, true, memory_order_release);
	if (recorder->started)
		pthread_join(recorder->thread, NULL);
	recorder->started = false;
}

int weir_recorder_finish(struct weir_recorder *recorder)
{
	int error;

	if (!recorder)
		return 0;
	weir_recorder_stop(recorder);
	error = weir_series_finish(recorder->series); /* of one that was never started */
	if (weir_recorder_state(recorder) < 0)
		error = weir__fail(-weir_recorder_state(recorder), "%s", recorder->error);
	destroy(recorder);
	return error;
}

/* ---- packets ---- */

static void fill(struct weir__record *record, const struct weir_recorder_mark *mark,
	const struct weir_mbuf *mbuf, uint32_t length, uint64_t now_ns)
{
	*record = (struct weir__record){
		.timestamp_ns = mbuf->flags & WEIR_MBUF_TIMESTAMP ? mbuf->timestamp_ns : now_ns,
		.length = length,
		.wire_length = weir_mbuf_wire_length(mbuf),
		.source = mark->source,
		.comment = mark->comment,
		.queue = mark->queue,
		.link_type = weir_mbuf_link_type(mbuf),
		.direction =
			mark->direction ? (uint8_t)mark->direction : weir__mbuf_direction(mbuf),
		.has_queue = mark->has_queue,
	};
	if (weir_likely(length <= mbuf->data_length))
		memcpy(record + 1, weir_mbuf_data(mbuf), length);
	else
		weir_mbuf_read(mbuf, 0, record + 1, length);
}

/* false: there is no room. */
static bool take_one(struct weir_recorder *recorder, struct weir__recorder_lane *lane,
	const struct weir_recorder_mark *mark, const struct weir_mbuf *mbuf, uint64_t now_ns)
{
	struct weir__recorder_tally *tally = &lane->tallies[mark->source];
	uint32_t length = mbuf->length < recorder->snaplen ? mbuf->length : recorder->snaplen;
	struct weir__record *record = NULL;

	if (weir_likely(length < lane->lane.mask / 2))
		record = weir__lane_put(&lane->lane, 1, (uint32_t)sizeof(*record) + length);
	if (weir_unlikely(!record))
		return false;
	fill(record, mark, mbuf, length, now_ns);
	record->lost = tally->unsaid;
	tally->unsaid = 0;
	return true;
}

uint32_t weir_recorder_offer(struct weir_recorder *recorder, uint32_t number,
	const struct weir_recorder_mark *mark, struct weir_mbuf *const *mbufs, uint32_t count)
{
	struct weir__recorder_lane *lane = &recorder->lanes[number];
	uint64_t now_ns = 0;
	uint32_t taken = 0;

	/* relaxed: one that has ended takes nothing more, be it seen a little later */
	if (weir_unlikely(atomic_load_explicit(&recorder->state, memory_order_relaxed) != 0))
		return 0;
	for (; taken < count; taken++) {
		if (!now_ns && !(mbufs[taken]->flags & WEIR_MBUF_TIMESTAMP))
			now_ns = weir__realtime_ns();
		if (weir_unlikely(!take_one(recorder, lane, mark, mbufs[taken], now_ns)))
			break;
	}
	weir__lane_publish(&lane->lane);
	weir__count(&lane->tallies[mark->source].taken, taken);
	return taken;
}

uint32_t weir_recorder_take(struct weir_recorder *recorder, uint32_t lane,
	const struct weir_recorder_mark *mark, struct weir_mbuf *const *mbufs, uint32_t count)
{
	struct weir__recorder_tally *tally = &recorder->lanes[lane].tallies[mark->source];
	uint32_t taken = weir_recorder_offer(recorder, lane, mark, mbufs, count);

	if (weir_unlikely(taken < count) && weir_recorder_state(recorder) <= 0) {
		tally->unsaid += count - taken;
		weir__count(&tally->lost, count - taken);
	}
	return taken;
}

/* ---- figures ---- */

void weir_recorder_figures(
	struct weir_recorder *recorder, uint32_t source, uint64_t received, uint64_t kernel_dropped)
{
	/* relaxed: figures, and nothing follows from them */
	atomic_store_explicit(&recorder->sources[source].received, received, memory_order_relaxed);
	atomic_store_explicit(
		&recorder->sources[source].kernel_dropped, kernel_dropped, memory_order_relaxed);
}

void weir_recorder_save(struct weir_recorder *recorder)
{
	/* relaxed: the thread looks now and then */
	atomic_store_explicit(&recorder->save, true, memory_order_relaxed);
}

void weir_recorder_stats(const struct weir_recorder *recorder, struct weir_recorder_stats *stats)
{
	uint64_t missing = weir__counted(&recorder->missing);
	uint64_t missing_bytes = weir__counted(&recorder->missing_bytes);

	*stats = (struct weir_recorder_stats){
		.files = weir__counted(&recorder->files), .saves = weir__counted(&recorder->saves)};
	for (uint32_t i = 0; i < recorder->source_count; i++) {
		stats->written += weir__counted(&recorder->sources[i].written);
		stats->bytes_written += weir__counted(&recorder->sources[i].bytes);
		for (uint32_t j = 0; j < recorder->conf.lanes; j++) {
			stats->taken += weir__counted(&recorder->lanes[j].tallies[i].taken);
			stats->lost += weir__counted(&recorder->lanes[j].tallies[i].lost);
		}
	}
	stats->written -= missing;
	stats->bytes_written -= missing_bytes;
}

int weir_recorder_state(const struct weir_recorder *recorder)
{
	/* acquire: the sentence is there */
	return atomic_load_explicit(&recorder->state, memory_order_acquire);
}

const char *weir_recorder_error(const struct weir_recorder *recorder)
{
	return weir_recorder_state(recorder) < 0 ? recorder->error : "";
}
