/* SPDX-License-Identifier: BSD-3-Clause */
/* run.c: while the loop runs: ^C, the clock, the progress bar. */
#include "apps/common/app_impl.h"
#include "apps/common/units.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#define DRAW_NS 100000000 /* ten times a second */

/* Set by a signal. A lock-free atomic is what C11 allows a handler to write. */
static atomic_bool interrupted;

static void on_signal(int number)
{
	(void)number;
	/* relaxed: nothing else is told by it */
	atomic_store_explicit(&interrupted, true, memory_order_relaxed);
}

void app_catch_signals(void)
{
	/* a second one kills: the handler is gone after the first */
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND}, before;

	sigemptyset(&action.sa_mask);
	/* the terminal has gone, unless nohup(1) has it ignored or the program a use for it */
	sigaction(SIGHUP, NULL, &before);
	if (before.sa_handler == SIG_DFL)
		sigaction(SIGHUP, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* a pipe whose reader has gone is an error of its port; the other files are to be completed
	 * */
	signal(SIGPIPE, SIG_IGN);
}

uint64_t app_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static double share(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : 0;
}

/* How much is done, 0 to 1, by what will end the run first; 0 when nothing will. */
static double done(const struct app *app, uint64_t elapsed_ns)
{
	double most = share(elapsed_ns, app->options.duration_ns);
	uint64_t position = app->position, size = app->size, part, whole;

	for (uint32_t i = 0; i < app->port_count; i++) {
		weir_port_progress(app->ports[i], &part, &whole);
		position += part;
		size += whole;
	}
	if (share(position, size) > most)
		most = share(position, size);
	if (share(app->received, app->options.limit) > most)
		most = share(app->received, app->options.limit);
	return most < 1 ? most : 1;
}

static void draw(const struct app *app, uint64_t elapsed_ns)
{
	char packets[APP_HUMAN_SIZE], rate[APP_HUMAN_SIZE], bar[] = "                    ";
	double part = done(app, elapsed_ns), seconds = (double)elapsed_ns / 1e9;

	for (uint32_t i = 0; i < (uint32_t)(part * (sizeof(bar) - 1)); i++)
		bar[i] = '=';
	fprintf(stderr, "\r[%s] %3.0f%%  %.0f s  %spackets  %spackets/s\033[K", bar, part * 100,
		seconds, app_human((double)app->received, packets),
		app_human((double)app->received / seconds, rate));
}

void app_clear_progress(struct app *app)
{
	if (app->drawn_ns)
		fputs("\r\033[K", stderr);
	app->drawn_ns = 0;
}

bool app_look(struct app *app)
{
	uint64_t now = app_now_ns();

	if (atomic_load_explicit(&interrupted, memory_order_relaxed))
		app->end = APP_END_SIGNAL;
	else if (now - app->begun_ns >= app->options.duration_ns)
		app->end = APP_END_DURATION;
	if (app->progress && now - app->begun_ns >= DRAW_NS && now - app->drawn_ns >= DRAW_NS) {
		draw(app, now - app->begun_ns);
		app->drawn_ns = now;
	}
	return app->end == APP_END_INPUT;
}

bool app_pause(struct app *app)
{
	sched_yield();
	return app_look(app);
}
