/* SPDX-License-Identifier: BSD-3-Clause */
/* receive.c: what the ports receive is offered to the recorder. A file as a port is waited for;
 * whatever comes from elsewhere is not, and what the writer cannot take is lost and counted.
 */
#include "apps/weir-dump/dump.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How late ^C may be noticed. */
#define WAIT_MS 20

/* The name of an interface stands for its af_packet port; the filter is a key of the port. */
static char *make_spec(const struct dump *dump, const char *given)
{
	bool path = app_is_path(given);
	bool interface = !path && !strchr(given, ':') && if_nametoindex(given);
	const char *driver = interface ? "af_packet:" : path && dump->filter ? "pcap:rx=" : "";
	bool bare = *given && given[strlen(given) - 1] == ':';
	char *spec;

	if (!dump->filter)
		return asprintf(&spec, "%s%s", driver, given) < 0 ? NULL : spec;
	if (asprintf(&spec, "%s%s%sfilter=%s", driver, given, bare ? "" : ",", dump->filter) < 0)
		return NULL;
	return spec;
}

static bool open_input(struct dump *dump, const char *given)
{
	struct input *input = &dump->inputs[dump->input_count];
	char *spec = make_spec(dump, given), *path = app_path(given, "rx");

	input->port = spec ? app_open(&dump->app, spec, dump->app.pool) : NULL;
	input->waits = path;
	free(spec);
	free(path);
	dump->input_count += input->port != NULL;
	return input->port;
}

bool dump_open_inputs(struct dump *dump)
{
	for (uint32_t i = 0; i < dump->spec_count; i++)
		if (!open_input(dump, dump->specs[i]))
			return false;
	return true;
}

/* Each input is a source. */
static bool describe_input(struct dump *dump, uint32_t index)
{
	struct weir_capture_source source = {.name = dump->specs[index], .filter = dump->filter};
	/* a file says itself which way packets went; libpcap sees both, and does not tell */
	bool unknown = dump->inputs[index].waits || strncmp(source.name, "live:", 5) == 0;
	int number = weir_recorder_source(dump->recorder, &source);

	if (number < 0)
		return false;
	dump->inputs[index].mark = (struct weir_recorder_mark){.source = (uint32_t)number,
		.direction = unknown ? WEIR_CAPTURE_UNKNOWN : WEIR_CAPTURE_INBOUND};
	return true;
}

bool dump_describe_inputs(struct dump *dump)
{
	for (uint32_t i = 0; i < dump->input_count; i++)
		if (!describe_input(dump, i))
			return false;
	return true;
}

void dump_figures(struct dump *dump)
{
	struct weir_port_stats stats;
	uint64_t kernel;

	for (uint32_t i = 0; i < dump->input_count; i++) {
		const struct input *input = &dump->inputs[i];

		weir_port_stats(input->port, &stats);
		kernel = stats.dropped[WEIR_DROP_RX_KERNEL];
		weir_recorder_figures(dump->recorder, input->mark.source,
			stats.rx_packets + stats.dropped[WEIR_DROP_RX_FILTERED] + kernel, kernel);
	}
}

/* A file waits until the writer has room; nothing else does. */
static void record(struct dump *dump, struct input *input, struct weir_mbuf **burst, uint32_t count)
{
	uint32_t taken = 0;

	while (input->waits && taken < count && weir_recorder_state(dump->recorder) == 0) {
		taken += weir_recorder_offer(
			dump->recorder, 0, &input->mark, burst + taken, count - taken);
		if (taken < count && !app_pause(&dump->app))
			break;
	}
	if (taken < count)
		weir_recorder_take(dump->recorder, 0, &input->mark, burst + taken, count - taken);
	weir_mbuf_free_bulk(burst, count);
}

static uint32_t poll_input(struct dump *dump, struct input *input)
{
	struct weir_mbuf *burst[APP_BURST];
	uint32_t sum = 0, count;

	for (uint32_t queue = 0; queue < weir_port_queues(input->port); queue++) {
		input->mark.has_queue = weir_port_queues(input->port) > 1;
		input->mark.queue = queue;
		count = weir_port_rx(input->port, queue, burst, APP_BURST);
		if (count)
			record(dump, input, burst, count);
		sum += count;
	}
	if (!sum)
		input->ended = weir_port_state(input->port) != WEIR_PORT_UP;
	return sum;
}

uint32_t dump_poll(struct dump *dump, bool *ended)
{
	uint32_t sum = 0;

	*ended = true;
	for (uint32_t i = 0; i < dump->input_count; i++) {
		struct input *input = &dump->inputs[i];

		if (!input->ended)
			sum += poll_input(dump, input);
		*ended &= input->ended;
	}
	return sum;
}

void dump_wait(struct dump *dump)
{
	struct weir_port *ports[APP_PORT_MAX];
	uint32_t count = 0;

	for (uint32_t i = 0; i < dump->input_count; i++)
		if (!dump->inputs[i].ended)
			ports[count++] = dump->inputs[i].port;
	weir_port_wait(ports, count, WAIT_MS);
	app_pause(&dump->app);
}
