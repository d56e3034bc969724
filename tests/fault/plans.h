/* SPDX-License-Identifier: BSD-3-Clause */
/* plans.h: what is done while a call fails, and what must hold whatever fails.
 *
 *	plans.c		the plans: regions of every kind through their life, pools with threads
 *	bystanders.c	what existed before, and must not notice
 *	fault.c		every plan with every failure
 */
#ifndef PLANS_H
#define PLANS_H

#include "weir/mem.h"

#include <stdbool.h>

struct plan {
	const char *name;
	struct weir_region_conf conf;
	bool grow;         /* commit the rest, release, commit again */
	bool warm;         /* warm up with threads */
	bool send;         /* to ourselves */
	bool report;       /* of all regions */
	void (*run)(void); /* instead of a region's life */
};

extern const struct plan plans[];
extern const unsigned int plan_count;

/* Go through a plan. Returns how many calls said that they failed. */
unsigned int plan_run(const struct plan *plan);

/* Can it be done here at all? Says what is missing. */
bool plan_possible(const struct plan *plan);

/* fault.c: something is wrong; printed with what was made to fail. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* fault.c: a call has failed: its result, or errno; its sentence must give the reason. */
void failed(const char *what, int error);

/* fault.c: the sentence must give the reason of the armed failure. */
void must_name_reason(const char *what, const char *sentence);

/* Learn again what the plan gets when nothing fails. */
void plan_learn(const struct plan *plan);

/* Objects that exist all the time. False with a word on stderr when they cannot be made. */
bool bystanders_make(void);
void bystanders_check(void);
void bystanders_destroy(void);

#endif
