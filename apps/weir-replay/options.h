/* SPDX-License-Identifier: BSD-3-Clause */
/* options.h: what weir-replay was asked for: inputs, a schedule, and stages on the way. */
#ifndef REPLAY_OPTIONS_H
#define REPLAY_OPTIONS_H

#include "apps/common/pipeline.h"

/* The stages that options can put on the way, in the order packets pass them. */
enum replay_stage {
	REPLAY_ETHERNET,
	REPLAY_MATCH,
	REPLAY_VLAN,
	REPLAY_REWRITE,
	REPLAY_TRUNCATE,
	REPLAY_CHECKSUM,
	REPLAY_IMPAIR,
	REPLAY_POLICE,
	REPLAY_DELAY,
	REPLAY_STAGES,
};

/* Their types. */
extern const char *const replay_types[REPLAY_STAGES];

struct replay_options {
	struct app_pipeline *run;
	const char **inputs; /* NULL at the end */
	uint32_t input_count;
	const char *to, *to2;        /* to2 NULL: one output */
	char *split;                 /* arguments of the stage that chooses between them */
	const char *workers;         /* behind the stage that plays; NULL: it does all */
	char *play;                  /* arguments of the stage that plays */
	char *stages[REPLAY_STAGES]; /* arguments of these; NULL: not wanted */
	const char *seed;
	uint32_t pool_count; /* of other programs, without --pool count */
	uint64_t given;      /* options of the table (options.c), a bit for each */
	bool paced;          /* not at top speed */
};

/* Parse the command line; ends the program on bad use. */
void replay_parse(struct replay_options *options, int argc, char **argv);
void replay_free(struct replay_options *options);

/* Is this option of the table there? name may be NULL. */
bool replay_is_given(const struct replay_options *options, const char *name);

/* The option that gave the stage what this sentence of it begins with, as "rate=0pps is ..."; NULL
 * when it begins otherwise. */
const char *replay_option_of(
	const struct replay_options *options, const char *stage, const char *sentence);

/* Put "key=value" behind arguments, which may be NULL, and return them. */
char *replay_append(char *arguments, const char *key, const char *value);

#endif
