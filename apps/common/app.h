/* SPDX-License-Identifier: BSD-3-Clause */
/* app.h: what every program of weir does in the same way: options, ^C, progress, the report.
 *
 *	app_parse(app, &argp, argc, argv);      exits on --help and on bad use
 *	app_start(app);                         cores, signals, pool
 *	in = app_open(app, spec, app->pool);    for each port
 *	app_begin(app);                         the clock starts
 *	while (app_running(app)) ...
 *	return app_finish(app);                 closes, reports, returns the exit status
 *
 * A step that fails has said so on stderr when it returns; then only app_finish() is left to call.
 * One thread.
 */
#ifndef APP_APP_H
#define APP_APP_H

#include <weir/weir.h>

#include <argp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#define APP_PORT_MAX 64
/* Packets a program moves at a time: enough to spread the cost of a call, few enough to stay in
 * the first cache. */
#define APP_BURST 32

/* Exit statuses besides 0. */
#define APP_FAILED 1
#define APP_MISUSE 2

enum app_end {
	APP_END_INPUT, /* there was no more */
	APP_END_SIGNAL,
	APP_END_LIMIT,
	APP_END_DURATION,
	APP_END_ERROR,
};

/* A figure of the program's own for the report. */
struct app_count {
	const char *name;
	uint64_t count;
};

struct app_options {
	struct weir_mbuf_pool_conf pool;
	uint64_t limit;       /* packets; UINT64_MAX: all */
	uint64_t duration_ns; /* UINT64_MAX: no end */
	cpu_set_t lcores;
	bool pin; /* lcores is set */
	bool json;
	bool quiet;
	bool verbose;
};

struct app {
	struct app_options options;
	struct weir_mempool *pool;
	struct weir_port *ports[APP_PORT_MAX];
	uint32_t port_count;
	struct app_port_figures *taken; /* by app_take_figures() */
	uint32_t taken_count;
	uint64_t received; /* packets, counted by app_received() */
	uint64_t tx_waits; /* times the program waited for a port to take more */
	struct app_count
		*drops; /* reasons of its own to drop packets, next to those of the ports */
	uint32_t drop_count;
	struct app_count *counts; /* whatever else it counts */
	uint32_t count_count;
	/* Its own part of the report, freed by app_finish(): text that ends a line, and a JSON
	 * object whose keys go beside the others. */
	char *more_text, *more_json;
	enum app_end end;
	int status;              /* exit status so far */
	bool packets_to_stdout;  /* so the report goes to stderr; by app_note_spec() */
	bool progress;           /* draw it */
	uint64_t position, size; /* how far what no port knows of is, and of how much; 0: unknown */
	uint32_t turns;          /* of the loop, to look at the clock only now and then */
	uint64_t begun_ns;
	uint64_t ended_ns;
	uint64_t drawn_ns; /* when the progress bar was */
};

/* Parse the command line. argp is the program's own: its children must be app_children; the
 * program's options, if any, go by argp to state->input, which is input. Exits with 0 after --help
 * and --version and with APP_MISUSE on bad use. */
void app_parse(struct app *app, const struct argp *argp, int argc, char **argv, void *input);

/* For struct argp: the options that all programs have. In ARGP_KEY_INIT a program says where they
 * go: state->child_inputs[0] = app. */
extern const struct argp_child app_children[];

/* Instead of them in a program that moves no packets: only those on the report. */
extern const struct argp_child app_report_children[];

/* End with APP_MISUSE and one line: the option, its value, what is allowed. */
void app_refuse(const struct argp_state *state, const char *option, const char *value,
	const char *allowed) __attribute__((noreturn));

/* Parse a number of an option, or refuse it. */
uint64_t app_number(const struct argp_state *state, const char *option, const char *value,
	uint64_t min, uint64_t max);

/* Pin, catch signals, make the pool. */
bool app_start(struct app *app);

/* Open a port, closed by app_finish(); pool NULL for one that only sends. NULL on failure. */
struct weir_port *app_open(struct app *app, const char *spec, struct weir_mempool *pool);

/* The same with a queue for each of so many workers, if the spec does not say how many, and the
 * driver and its device can have them: see weir_port_queues(). */
struct weir_port *app_open_queues(
	struct app *app, const char *spec, struct weir_mempool *pool, uint32_t workers);

/* Packets go where this spec says: if that is standard output, the report must not. */
void app_note_spec(struct app *app, const char *spec);

/* Put the figures of a port into the report that somebody else is about to close. */
void app_take_figures(struct app *app, const struct weir_port *port);

/* The same of one that is gone already; error "" without one. */
void app_add_figures(
	struct app *app, const char *name, const struct weir_port_stats *stats, const char *error);

/* Is the spec a bare path to a capture file? */
bool app_is_path(const char *spec);

/* The file that a spec names: itself when it is a bare path, else the value of key, "rx" or "tx".
 * NULL without one; the caller frees it. */
char *app_path(const char *spec, const char *key);

void app_begin(struct app *app);

/* Nanoseconds since some fixed moment. */
uint64_t app_now_ns(void);

/* May the loop go on: no ^C, no end of --duration or --limit. Also draws the progress. */
static inline bool app_running(struct app *app);

/* A port had nothing, or took too little: let others run. The same answer, but for --limit. */
bool app_pause(struct app *app);

/* So many packets came. */
static inline void app_received(struct app *app, uint32_t count)
{
	app->received += count;
}

/* One line on stderr; the exit status becomes status if it was 0. */
void app_fail(struct app *app, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* What the library said last: a bad spec or value is the user's, everything else the machine's. */
void app_fail_last(struct app *app);

/* Say so when the port has failed. */
void app_check_port(struct app *app, const struct weir_port *port);

/* Close all, check that every mbuf came back, print the report if app_begin() was reached. Returns
 * the exit status. */
int app_finish(struct app *app);

/* Turns of the loop between two looks at the clock: a few microseconds when it is busy. */
#define APP_TURNS 16

bool app_look(struct app *app);

static inline bool app_running(struct app *app)
{
	if (app->received >= app->options.limit)
		return false;
	return ++app->turns % APP_TURNS != 0 || app_look(app);
}

#endif
