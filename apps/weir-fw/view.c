/* SPDX-License-Identifier: BSD-3-Clause */
/* view.c: what a worker looks at, and by which rules and connections it judges. */
#include "apps/weir-fw/live_impl.h"

#include <string.h>
#include <time.h>

static void on_log(void *context, const struct fw_rule *rule, const struct fw_statement *statement,
	const struct fw_packet *packet)
{
	struct fw_view *view = context;

	view->totals.logged++;
	fw_logs_write(view->live->logs, rule, statement, packet);
}

void fw_view_set(
	struct fw_view *view, const uint8_t *data, uint32_t length, const struct weir_mbuf *mbuf)
{
	struct fw_packet *packet = &view->packet;

	fw_packet_read(packet, data, length, WEIR_LINK_ETHERNET);
	packet->time_ns = view->live->times_of_packets ? mbuf->timestamp_ns : view->now_ns;
	packet->mark = 0;
	packet->routed = false; /* a bridge takes nothing off the TTL, a router does so itself */
	memcpy(packet->in, view->live->names[mbuf->port], FW_IFNAMSIZ);
	memset(packet->out, 0, FW_IFNAMSIZ);
}

bool fw_view_read(struct fw_view *view, const struct weir_mbuf *mbuf)
{
	const uint8_t *data = weir_mbuf_data(mbuf);
	uint32_t length = mbuf->length;
	bool pieces = mbuf->data_length < length;

	if (pieces) {
		length = length < FW_FLAT ? length : FW_FLAT;
		weir_mbuf_read(mbuf, 0, view->flat, length);
		data = view->flat;
	}
	fw_view_set(view, data, length, mbuf);
	return pieces;
}

uint64_t fw_since_1970(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void fw_view_open(struct fw_view *view, struct fw_live *live, uint32_t worker)
{
	view->live = live;
	view->judge = (struct fw_judge){
		.worker = worker, .state = fw_tracker_state, .log = on_log, .context = view};
	live->views[worker] = view;
}

void fw_view_begin(struct fw_view *view)
{
	const struct fw_generation *generation = weir_rcu_read(&view->live->reload.slot);

	view->judge.rules = generation->rules;
	view->judge.tracker = fw_generation_tracker(generation, view->judge.worker);
	view->generation = generation->number;
	view->now_ns = fw_since_1970();
}

void fw_view_end(struct fw_view *view)
{
	if (view->judge.tracker)
		fw_tracker_expire(
			view->judge.tracker, view->live->times_of_packets ? 0 : view->now_ns);
}
