/* SPDX-License-Identifier: BSD-3-Clause */
/* reload.h: the rules that packets are judged by now, and others in their place while they pass.
 *
 * Whoever judges reads the slot once a burst, so that a packet is judged by the old rules or by the
 * new ones. The old ones are freed when nobody reads them any more (weir/rcu.h). New rules begin
 * with counters of zero. Connections stay while the old and the new rules ask for states; when
 * rules ask for none, nothing is tracked and all are forgotten.
 *
 * Threads: reload by any that is no reader of RCU; look, begin and end by one.
 */
#ifndef FW_RELOAD_H
#define FW_RELOAD_H

#include "apps/weir-fw/events.h"
#include "apps/weir-fw/fw.h"
#include "apps/weir-fw/trackers.h"

#include <weir/rcu.h>

#include <pthread.h>
#include <sys/stat.h>

struct fw_generation {
	struct fw_ruleset *rules;
	uint32_t number;              /* from 1 on */
	struct fw_trackers *trackers; /* NULL: no rule asks for states */
	/* of what is translated, for several threads; NULL: nothing was */
	struct weir_flow_shared *places;
	bool passed_on; /* the trackers are the next one's; judges do not look */
};

/* Of a thread that judges, or NULL. */
static inline struct fw_tracker *fw_generation_tracker(
	const struct fw_generation *generation, uint32_t worker)
{
	return generation->trackers ? generation->trackers->of[worker] : NULL;
}

struct fw_reload {
	const char *path;
	const char *const *folders;
	uint32_t connections;
	uint32_t workers;           /* that judge */
	bool bridge;                /* there are no addresses: nothing can be translated */
	const struct fw_host *host; /* addresses of interfaces; NULL: none are known */
	struct fw_events *events;   /* of connections; NULL: nobody is told */
	bool watch;                 /* look whether the file has changed */
	struct weir_rcu_slot slot;  /* struct fw_generation */
	pthread_mutex_t lock;       /* of what follows */
	struct stat loaded, seen;   /* the file as it was loaded, and when it was looked at last */
	uint64_t looked_ns;
	uint64_t reloads, refused;
	uint32_t sets;                   /* of trackers, so far */
	struct weir_flow_shared *places; /* since rules translate */
};

/* Begin with rules that are loaded, which are freed by end; and listen to SIGHUP. 0, or -errno with
 * weir_last_error(). */
int fw_reload_begin(struct fw_reload *reload, struct fw_ruleset *rules);
void fw_reload_end(struct fw_reload *reload);

/* Log what the first rules ask for in vain; others do so when they are loaded. */
void fw_reload_warn(const struct fw_reload *reload);

/* Load the file again. 0; or -EINVAL, the old rules stay, and a line of the log says why. *answer,
 * unless answer is NULL, becomes the number of rules in JSON, or that sentence; malloc'd. */
int fw_reload_now(struct fw_reload *reload, char **answer);

/* The rules of now, which stay until release. Not for a reader of RCU, which needs none of it. */
const struct fw_generation *fw_reload_hold(struct fw_reload *reload);
void fw_reload_release(struct fw_reload *reload);

/* Do so when SIGHUP came or the watched file changed. To be called ten times a second or so. */
void fw_reload_look(struct fw_reload *reload, uint64_t now_ns);

#endif
