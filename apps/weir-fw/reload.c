/* SPDX-License-Identifier: BSD-3-Clause */
/* reload.c: rules in a slot, replaced on a command, a signal or a change of their file. */
#include "apps/weir-fw/reload.h"

#include "apps/weir-fw/index.h"
#include "apps/weir-fw/places.h"
#include "base/base_impl.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* A file that has changed is loaded when it looks the same for so long: nobody writes it now. */
#define QUIET_NS UINT64_C(200000000)

/* Set by a signal. A lock-free atomic is what C11 allows a handler to write. */
static atomic_bool told;

static void on_signal(int number)
{
	(void)number;
	/* relaxed: nothing else is told by it */
	atomic_store_explicit(&told, true, memory_order_relaxed);
}

static void free_generation(void *old)
{
	struct fw_generation *generation = old;

	if (!generation)
		return;
	fw_free(generation->rules);
	if (!generation->passed_on)
		fw_trackers_destroy(generation->trackers);
	free(generation);
}

/* What rules ask for that a bridge does not do. */
static void warn(const struct fw_reload *reload, const struct fw_ruleset *rules)
{
	static const enum fw_hook hooks[] = {FW_PREROUTING, FW_FORWARD};

	for (size_t i = 0; reload->bridge && i < sizeof(hooks) / sizeof(*hooks); i++)
		for (uint32_t j = 0; j < rules->hook_counts[hooks[i]]; j++) {
			const struct fw_statement *statement = rules->hooks[hooks[i]][j]->rejects;

			if (!statement)
				continue;
			weir__log(WEIR_LOG_WARNING,
				"%s:%u: reject drops and does not tell the sender: a bridge has no "
				"address to answer from",
				statement->where.source->name, statement->where.line);
			return;
		}
}

static struct fw_trackers *make_trackers(struct fw_reload *reload)
{
	struct fw_trackers *trackers =
		fw_trackers_create(++reload->sets, reload->workers, reload->connections);

	for (uint32_t i = 0; trackers && reload->events && i < trackers->count; i++)
		fw_tracker_tell(trackers->of[i], fw_events_tell, fw_events_lane(reload->events, i));
	return trackers;
}

/* Let a generation track, and translate if its rules do. */
static int give_trackers(struct fw_reload *reload, struct fw_generation *generation,
	const struct fw_generation *before)
{
	const bool nat = generation->rules->nat;

	generation->trackers = before ? before->trackers : NULL;
	if (!generation->trackers)
		generation->trackers = make_trackers(reload);
	if (generation->trackers && nat && reload->workers > 1 && !reload->places) {
		uint32_t share = fw_trackers_share(reload->connections, reload->workers);

		reload->places = fw_places_create(share * reload->workers, reload->workers);
		if (!reload->places)
			return -errno;
	}
	generation->places = reload->places;
	if (!generation->trackers)
		return -errno;
	return nat ? fw_trackers_translate(generation->trackers, reload->host, reload->places) : 0;
}

/* With the trackers of the one before, if both want one. NULL with weir_last_error(). */
static struct fw_generation *make(
	struct fw_reload *reload, struct fw_ruleset *rules, const struct fw_generation *before)
{
	struct fw_generation *generation;

	if (rules->nat && reload->bridge)
		return weir__fail_null(ENOTSUP,
			"a bridge translates no addresses: with --address, weir-fw is a router");
	generation = calloc(1, sizeof(*generation));
	if (!generation)
		return weir__fail_null(ENOMEM, "no memory for other rules");
	/* made in a hundredth of the time of classes, so that a reload is soon there */
	if (fw_index_build(rules, WEIR_ACL_TUPLES)) {
		free(generation);
		return NULL;
	}
	fw_tallies_share(rules, reload->workers);
	generation->rules = rules;
	generation->number = before ? before->number + 1 : 1;
	if (!rules->stateful || give_trackers(reload, generation, before) == 0)
		return generation;
	if (!before || generation->trackers != before->trackers)
		fw_trackers_destroy(generation->trackers);
	free(generation);
	return NULL;
}

/* Zeros when it is not there. */
static void look_at(const struct fw_reload *reload, struct stat *file)
{
	if (stat(reload->path, file))
		memset(file, 0, sizeof(*file));
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

void fw_reload_warn(const struct fw_reload *reload)
{
	warn(reload, ((const struct fw_generation *)weir_rcu_read(&reload->slot))->rules);
}

int fw_reload_begin(struct fw_reload *reload, struct fw_ruleset *rules)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	struct fw_generation *first = make(reload, rules, NULL);

	pthread_mutex_init(&reload->lock, NULL);
	if (!first) {
		fw_free(rules);
		return -errno;
	}
	weir_rcu_publish(&reload->slot, first);
	look_at(reload, &reload->loaded);
	sigemptyset(&action.sa_mask);
	sigaction(SIGHUP, &action, NULL);
	return 0;
}

void fw_reload_end(struct fw_reload *reload)
{
	weir_rcu_barrier();
	free_generation(weir_rcu_publish(&reload->slot, NULL));
	weir_flow_shared_destroy(reload->places);
	pthread_mutex_destroy(&reload->lock);
}

/* Why they did not load: the first line, without the text below it. */
static int refuse(struct fw_reload *reload, const char *why, char **answer)
{
	int length = (int)strcspn(why, "\n");

	reload->refused++;
	weir__log(WEIR_LOG_WARNING, "%.*s; the old rules stay", length, why);
	if (answer && asprintf(answer, "%.*s; the old rules stay", length, why) < 0)
		*answer = NULL;
	return -EINVAL;
}

/* Locked. */
static int replace(struct fw_reload *reload, struct fw_ruleset *rules, char **answer)
{
	struct fw_generation *old = weir_rcu_read(&reload->slot), *next;
	uint32_t count = rules->rules;

	if (rules->error)
		return refuse(reload, rules->error, answer);
	next = make(reload, rules, old);
	if (!next)
		return refuse(reload, weir_last_error(), answer);
	old->passed_on = next->trackers && next->trackers == old->trackers;
	warn(reload, rules);
	if (weir_rcu_replace(&reload->slot, next, free_generation)) {
		old->passed_on = false;
		free(next);
		return refuse(reload, weir_last_error(), answer);
	}
	reload->reloads++;
	weir__log(WEIR_LOG_INFO, "%s: %u rules in the place of the old ones", reload->path, count);
	if (answer && asprintf(answer, "{\"rules\": %u}", count) < 0)
		*answer = NULL;
	return 0;
}

int fw_reload_now(struct fw_reload *reload, char **answer)
{
	struct fw_ruleset *rules;
	int error;

	pthread_mutex_lock(&reload->lock);
	/* before it is read: what changes meanwhile is seen later */
	look_at(reload, &reload->loaded);
	rules = fw_load_file(reload->path, reload->folders);
	error = replace(reload, rules, answer);
	if (error)
		fw_free(rules);
	pthread_mutex_unlock(&reload->lock);
	return error;
}

const struct fw_generation *fw_reload_hold(struct fw_reload *reload)
{
	pthread_mutex_lock(&reload->lock);
	return weir_rcu_read(&reload->slot);
}

void fw_reload_release(struct fw_reload *reload)
{
	pthread_mutex_unlock(&reload->lock);
}

static bool has_changed(struct fw_reload *reload, uint64_t now_ns)
{
	struct stat file;
	bool changed;

	if (!reload->watch || now_ns - reload->looked_ns < QUIET_NS)
		return false;
	reload->looked_ns = now_ns;
	look_at(reload, &file);
	pthread_mutex_lock(&reload->lock);
	changed = file.st_ino && !is_same(&file, &reload->loaded) && is_same(&file, &reload->seen);
	reload->seen = file;
	pthread_mutex_unlock(&reload->lock);
	return changed;
}

void fw_reload_look(struct fw_reload *reload, uint64_t now_ns)
{
	bool changed = has_changed(reload, now_ns);

	/* relaxed: nothing else is told by it */
	if (atomic_exchange_explicit(&told, false, memory_order_relaxed) || changed)
		fw_reload_now(reload, NULL);
}
