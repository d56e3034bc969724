/* SPDX-License-Identifier: BSD-3-Clause */
/* figures.c: read a capture file and count. */
#include "apps/weir-info/figures.h"

#include <weir/base.h>
#include <weir/capture.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The next interface, or NULL without memory. */
static struct interface *add_interface(struct figures *figures)
{
	struct interface *larger =
		reallocarray(figures->interfaces, figures->interface_count + 1, sizeof(*larger));

	if (!larger)
		return NULL;
	figures->interfaces = larger;
	larger += figures->interface_count++;
	memset(larger, 0, sizeof(*larger));
	return larger;
}

/* Where the text of a remark goes; NULL: nowhere. */
static char **place_of(struct figures *figures, const struct weir_capture_remark *remark)
{
	bool of_file = remark->interface == WEIR_CAPTURE_SECTION;
	struct interface *interface;

	if (!of_file && remark->interface >= figures->interface_count)
		return NULL;
	interface = of_file ? NULL : &figures->interfaces[remark->interface];
	switch (remark->kind) {
	case WEIR_CAPTURE_NAME:
		return of_file ? NULL : &interface->name;
	case WEIR_CAPTURE_DESCRIPTION:
		return of_file ? NULL : &interface->description;
	case WEIR_CAPTURE_COMMENT:
		return of_file ? &figures->comment : &interface->comment;
	case WEIR_CAPTURE_HARDWARE:
		return of_file ? &figures->hardware : &interface->hardware;
	case WEIR_CAPTURE_SYSTEM:
		return of_file ? &figures->system : &interface->system;
	case WEIR_CAPTURE_APPLICATION:
		return of_file ? &figures->application : NULL;
	default:
		return NULL;
	}
}

/* A second text of the same kind goes into a line of its own. */
static void add_text(char **place, const char *text, uint32_t length)
{
	char *both;

	if (!*place) {
		*place = strndup(text, length);
	} else if (asprintf(&both, "%s\n%.*s", *place, (int)length, text) >= 0) {
		free(*place);
		*place = both;
	}
}

static void hear(void *context, const struct weir_capture_remark *remark)
{
	struct figures *figures = context;
	struct interface *interface;
	char **place;

	if (remark->kind == WEIR_CAPTURE_INTERFACE) {
		interface = add_interface(figures);
		if (!interface)
			return;
		interface->link_type = remark->link_type;
		interface->snaplen = remark->snaplen;
		return;
	}
	place = place_of(figures, remark);
	if (place)
		add_text(place, remark->text, remark->length);
}

static void count_time(struct figures *figures, uint64_t ns, uint64_t *before)
{
	if (figures->timed++ == 0)
		figures->first_ns = figures->last_ns = *before = ns;
	figures->backwards += ns < *before;
	*before = ns;
	if (ns < figures->first_ns)
		figures->first_ns = ns;
	if (ns > figures->last_ns)
		figures->last_ns = ns;
}

static int count_packets(struct figures *figures, struct weir_capture_reader *reader)
{
	struct weir_capture_packet packet;
	/* a packet without a time, of pcapng's simple blocks, has 0; in pcap 0 is a time */
	bool zero_is_none = strncmp(weir_capture_describe(reader), "pcapng", 6) == 0;
	uint64_t before = 0;
	uint8_t *data;
	int got;

	while ((got = weir_capture_next(reader, &packet, &data)) > 0) {
		figures->packets++;
		figures->bytes += packet.length;
		figures->wire_bytes += packet.wire_length;
		figures->cut += packet.length < packet.wire_length;
		if (packet.interface < figures->interface_count)
			figures->interfaces[packet.interface].packets++;
		if (packet.timestamp_ns != 0 || !zero_is_none)
			count_time(figures, packet.timestamp_ns, &before);
	}
	return got;
}

bool figures_read(struct figures *figures, const char *path)
{
	struct weir_capture_reader *reader;
	uint64_t position;

	memset(figures, 0, sizeof(*figures));
	figures->path = path;
	reader = weir_capture_open_hearing(path, hear, figures);
	if (!reader) {
		figures_free(figures);
		return false;
	}
	if (count_packets(figures, reader) < 0)
		figures->damage = strdup(weir_last_error());
	weir_capture_progress(reader, &position, &figures->file_bytes);
	if (figures->file_bytes == 0)
		figures->file_bytes = position;
	figures->type = strdup(weir_capture_describe(reader));
	weir_capture_close(reader);
	return true;
}

void figures_free(struct figures *figures)
{
	for (uint32_t i = 0; i < figures->interface_count; i++) {
		struct interface *interface = &figures->interfaces[i];

		free(interface->name);
		free(interface->description);
		free(interface->comment);
		free(interface->hardware);
		free(interface->system);
	}
	free(figures->interfaces);
	free(figures->comment);
	free(figures->hardware);
	free(figures->system);
	free(figures->application);
	free(figures->damage);
	free(figures->type);
}

double figures_duration(const struct figures *figures)
{
	return (double)(figures->last_ns - figures->first_ns) / 1e9;
}

int figures_link_type(const struct figures *figures)
{
	int found = -1;

	for (uint32_t i = 0; i < figures->interface_count; i++) {
		int type = figures->interfaces[i].link_type;

		if (found >= 0 && type != found)
			return -1;
		found = type;
	}
	return found;
}
