/* SPDX-License-Identifier: BSD-3-Clause */
/* control.c: what weir-dump answers on its control socket. */
#include "apps/weir-dump/dump.h"

#include <errno.h>
#include <stdio.h>

static int stop(const struct weir_control_request *request, char **answer, void *context)
{
	struct dump *dump = context;

	(void)request;
	(void)answer;
	/* relaxed: nothing else is told by it */
	atomic_store_explicit(&dump->stop, true, memory_order_relaxed);
	return 0;
}

static int save(const struct weir_control_request *request, char **answer, void *context)
{
	(void)request;
	(void)answer;
	weir_recorder_save(context);
	return 0;
}

static int written(const struct weir_control_request *request, char **answer, void *context)
{
	struct weir_recorder_stats stats;
	int size;

	(void)request;
	weir_recorder_stats(context, &stats);
	size = asprintf(answer,
		"{\"taken\": %llu, \"lost\": %llu, \"written\": %llu, \"bytes\": %llu, "
		"\"files\": %llu, \"saves\": %llu}",
		(unsigned long long)stats.taken, (unsigned long long)stats.lost,
		(unsigned long long)stats.written, (unsigned long long)stats.bytes_written,
		(unsigned long long)stats.files, (unsigned long long)stats.saves);
	return size < 0 ? -ENOMEM : 0;
}

bool dump_control(struct dump *dump, struct weir_recorder *recorder)
{
	static struct weir_control_command commands[] = {
		{.name = "stop", .help = "end in order", .call = stop},
		{.name = "save", .help = "write the last packets, of --last", .call = save},
		{.name = "written", .help = "packets taken, lost and written", .call = written},
		{.name = NULL}};
	struct weir_control_conf conf = {.path = dump->control_path, .commands = commands};
	bool made;

	if (!dump->control_path)
		return true;
	commands[0].context = dump;
	commands[1].context = commands[2].context = recorder;
	dump->control = weir_control_create(&conf);
	made = dump->control && !weir_control_pool(dump->control, dump->app.pool);
	for (uint32_t i = 0; made && i < dump->app.port_count; i++)
		made = !weir_control_port(dump->control, dump->app.ports[i]);
	if (made && !weir_control_start(dump->control))
		return true;
	app_fail(&dump->app, APP_FAILED, "--control: %s", weir_last_error());
	return false;
}
