/* SPDX-License-Identifier: BSD-3-Clause */
/* options.h: what can be chosen on the command line of weir-bench and of the peers. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#define OPTIONS_LIST_MAX    32
#define OPTIONS_FORWARD_MAX 32

struct options_list {
	uint32_t values[OPTIONS_LIST_MAX];
	uint32_t count;
};

struct options {
	struct options_list bursts;  /* empty: each bench has its own */
	struct options_list threads; /* empty: 1 and 2 */
	struct options_list lcores;  /* where the threads run, in turn; empty: the first allowed */
	uint32_t count;              /* buffers of the pool */
	uint32_t size;               /* bytes of data of each */
	uint32_t cache;              /* buffers that each thread keeps */
	int node;                    /* -1: any */
	const char *pages;           /* "any", "2M", "thp" or "4K" */
	uint64_t time_ns;
	uint32_t repeats;
	const char *variants; /* a list, or NULL for all */
	const char *input;    /* a capture, or NULL for made ones */
	const char *json;     /* path, "-" for standard output, or NULL */
	const char *html;
	const char *only;  /* compare: benches */
	const char *peers; /* compare: programs */
	bool quiet;
	/* what was given of how to measure, as words for another program of this kind */
	const char *forward[OPTIONS_FORWARD_MAX];
	uint32_t forward_count;
};

/* What both sides use, unless told otherwise. */
#define OPTIONS_COUNT    16384
#define OPTIONS_SIZE     2048
#define OPTIONS_HEADROOM 128
#define OPTIONS_CACHE    512

void options_defaults(struct options *options);

/* The options as a child parser: its input is a struct options. */
extern const struct argp options_argp;

/* Is word one of the words in the list "a,b,c"? A NULL list has all. */
bool options_has(const char *list, const char *word);

/* Fill in what was left open: bursts as given here (ended by 0), threads and lcores as the machine
 * has them. 0, or -EINVAL with *why set when there are fewer lcores than threads. */
void options_default_bursts(struct options_list *bursts, const uint32_t *defaults);
int options_settle(struct options *options, const char **why);

#endif
