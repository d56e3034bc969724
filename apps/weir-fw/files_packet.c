/* SPDX-License-Identifier: BSD-3-Clause */
/* files_packet.c: the packets of a file, one after the other: looked at, judged, and written. */
#include "apps/weir-fw/files_impl.h"

#include <sys/uio.h>

/* All packets of a file take the same way. */
#define WAY 0

void fw_run_look(struct fw_run *run, const struct weir_capture_packet *meta, const uint8_t *data,
	uint32_t length, uint32_t wire_length)
{
	fw_packet_read(&run->packet, data, length, meta->link_type);
	run->packet.frame_wire_length = wire_length;
	run->packet.time_ns = meta->timestamp_ns;
	run->packet.mark = 0;
}

static void on_step(void *context, const struct fw_step *step)
{
	fw_explain_step(&((struct fw_run *)context)->explanation, step);
}

void fw_run_explain(struct fw_run *run, uint64_t number)
{
	run->judge.trace = number == run->files->explain ? on_step : NULL;
	if (!run->judge.trace)
		return;
	fprintf(run->files->out, "packet %llu: ", (unsigned long long)number);
	fw_explain_packet(run->files->out, &run->packet);
	fputc('\n', run->files->out);
}

bool fw_run_judge(struct fw_run *run)
{
	struct fw_packet *packet = &run->packet;
	struct fw_decision *decision = &run->decision;

	*decision = (struct fw_decision){
		.verdict = packet->kind == FW_KIND_MALFORMED ? FW_DROP : FW_ACCEPT};
	if (packet->kind == FW_KIND_IP)
		fw_judge_way(
			&run->judge, run->files->hooks, run->files->hook_count, packet, decision);
	if (run->tracker && packet->kind == FW_KIND_IP)
		fw_tracker_decided(run->tracker, decision->verdict == FW_ACCEPT);
	run->reason[0] = 0;
	if (run->judge.trace || (decision->verdict != FW_ACCEPT && run->dropped))
		fw_explain_decision(decision, packet, run->reason, FW_REASON);
	if (run->judge.trace)
		fprintf(run->files->out, "packet %llu: %s\n",
			(unsigned long long)run->files->explain, run->reason);
	return decision->verdict == FW_ACCEPT;
}

int fw_run_write(struct fw_run *run, const struct weir_capture_packet *meta, uint8_t *data,
	const char *reason)
{
	struct iovec bytes = {data, meta->length};
	struct weir_capture_packet packet = *meta;
	const struct weir_capture_note note = {.comment = reason};

	packet.interface = 0;
	if (!reason)
		return run->accepted ? weir_capture_write(run->accepted, &packet, &bytes, 1) : 0;
	if (!run->dropped)
		return 0;
	/* it goes with the packet where the format has room for it */
	return weir_capture_write_noted(run->dropped, &packet, &bytes, 1, &note);
}

/* Is the packet in view accepted, as is known already? */
static bool is_known(struct fw_run *run)
{
	if (!run->tracker || run->packet.kind != FW_KIND_IP || run->judge.trace ||
		!fw_fast_one(&run->fast, &run->judge, &run->packet, WAY))
		return false;
	run->decision = (struct fw_decision){.verdict = FW_ACCEPT};
	run->files->totals.known++;
	/* as the tracker does that is asked */
	fw_tracker_expire(run->tracker, 0);
	return true;
}

static bool judge(struct fw_run *run)
{
	bool accepted;

	if (is_known(run))
		return true;
	accepted = fw_run_judge(run);
	if (accepted && run->tracker && run->packet.kind == FW_KIND_IP && !run->judge.trace)
		fw_fast_learn(&run->fast, &run->packet, WAY);
	return accepted;
}

static int one(struct fw_run *run, const struct weir_capture_packet *meta, uint8_t *data)
{
	bool accepted;

	fw_run_look(run, meta, data, meta->length, meta->wire_length);
	fw_run_explain(run, ++run->read);
	if (fw_parts_wants(run->judge.rules, &run->packet))
		return fw_run_part(run, meta, data);
	accepted = judge(run);
	fw_totals_add(&run->files->totals, &run->packet, &run->decision, meta->length);
	if (run->order.first)
		return fw_run_wait(run, meta, data, accepted ? NULL : run->reason);
	return fw_run_write(run, meta, data, accepted ? NULL : run->reason);
}

int fw_run_all(struct fw_run *run)
{
	struct weir_capture_packet meta;
	uint8_t *data;
	int error = 0;

	while (!error && run->read < run->files->limit) {
		int there = weir_capture_next(run->in, &meta, &data);

		if (there <= 0)
			return there;
		error = one(run, &meta, data);
	}
	return error;
}
