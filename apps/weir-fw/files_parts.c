/* SPDX-License-Identifier: BSD-3-Clause */
/* files_parts.c: packets in fragments in a file. A fragment lies in the queue of those that are to
 * be written (order.h) and waits there for the others of its packet; an mbuf on its bytes stands
 * for it where fragments are gathered. */
#include "apps/weir-fw/files_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdlib.h>

/* Fragments that wait: 6 MB of full ones, about what Linux allows (net.ipv4.ipfrag_high_thresh). */
#define HELD 4096
/* Bytes that wait, for a fragment or behind one. Beyond that the oldest fragment is given up. */
#define WAITING (64 << 20)

#define NEVER_WHOLE "dropped: a fragment of a packet that never became whole"

/* What becomes of a fragment is known. */
static void settle(struct fw_run *run, struct weir_mbuf *mbuf, const char *reason)
{
	struct fw_record *record = fw_record_of(weir_mbuf_data(mbuf));

	weir_mbuf_free(mbuf);
	if (fw_order_settle(record, reason))
		run->fragments->out_of_memory = true;
}

static uint64_t number_of(const struct weir_mbuf *mbuf)
{
	return fw_record_of(weir_mbuf_data(mbuf))->number;
}

static void dropped(void *context, struct weir_mbuf *mbuf)
{
	struct fw_run *run = context;
	const struct fw_packet packet = {.kind = FW_KIND_IP};
	const struct fw_decision decision = {.verdict = FW_DROP};
	uint64_t number = number_of(mbuf);

	fw_totals_add(&run->files->totals, &packet, &decision, mbuf->length);
	if (number == run->files->explain)
		fprintf(run->files->out, "packet %llu: " NEVER_WHOLE "\n",
			(unsigned long long)number);
	settle(run, mbuf, NEVER_WHOLE);
}

static int open_parts(struct fw_run *run)
{
	const struct weir_mbuf_pool_conf conf = {.name = "fragments",
		.count = 2 * HELD, /* some may be in the cache of a thread */
		.size = 64,        /* none of it is used */
		.pages = WEIR_PAGES_4K};

	if (run->fragments)
		return 0;
	run->fragments = calloc(1, sizeof(*run->fragments));
	if (!run->fragments)
		return weir__fail(ENOMEM, "no memory for fragments");
	run->fragments->pool = weir_mbuf_pool_create(&conf);
	if (!run->fragments->pool)
		return -errno;
	return fw_parts_open(&run->fragments->parts, HELD, dropped, run);
}

/* All in front of the first that waits. */
static int write_settled(struct fw_run *run)
{
	struct fw_record *record;
	int error = 0;

	if (run->fragments && run->fragments->out_of_memory)
		return weir__fail(ENOMEM, "no memory for why a packet is dropped");
	while (!error && (record = fw_order_next(&run->order))) {
		error = fw_run_write(run, &record->meta, record->data, record->reason);
		fw_record_free(record);
	}
	return error;
}

/* And if there is too much behind it, without waiting. */
static int write_some(struct fw_run *run)
{
	int error = write_settled(run);

	while (!error && run->order.bytes > WAITING) {
		weir_reassembly_expire(run->fragments->parts.reassembly,
			run->order.first->since_ns + FW_PARTS_TIMEOUT_NS);
		error = write_settled(run);
	}
	return error;
}

int fw_run_wait(struct fw_run *run, const struct weir_capture_packet *meta, const uint8_t *data,
	const char *reason)
{
	struct fw_record *record = fw_order_add(&run->order, meta, data);
	int error = record ? fw_order_settle(record, reason) : -ENOMEM;

	if (error)
		return error;
	fw_parts_pass(&run->fragments->parts, meta->timestamp_ns);
	return write_some(run);
}

/* At the time of the last fragment; the bytes begin as those of the first, which may have been
 * recorded by another interface. */
static void look_at_whole(struct fw_run *run, const struct weir_capture_packet *last)
{
	struct fw_parts *parts = &run->fragments->parts;
	uint8_t *flat = run->fragments->flat;
	uint32_t length = fw_parts_flatten(parts, flat);
	struct weir_capture_packet whole = *last;

	whole.link_type = weir_mbuf_link_type(parts->mbufs[0]);
	fw_run_look(run, &whole, flat, length, length);
	if (run->packet.kind == FW_KIND_OTHER) {
		run->packet.kind = FW_KIND_MALFORMED;
		run->packet.malformed = "longer than any packet, behind many tags";
	}
}

static void judge_whole(struct fw_run *run, const struct weir_capture_packet *meta)
{
	struct fw_parts *parts = &run->fragments->parts;
	bool accepted;

	look_at_whole(run, meta);
	run->judge.trace = NULL;
	for (uint32_t i = 0; i < parts->count; i++)
		if (number_of(parts->mbufs[i]) == run->files->explain)
			fw_run_explain(run, run->files->explain);
	accepted = fw_run_judge(run);
	if (accepted && run->judge.rules->nat)
		fw_parts_put_back(parts, &run->packet);
	for (uint32_t i = 0; i < parts->count; i++) {
		struct weir_mbuf *mbuf = parts->mbufs[i];

		fw_totals_add(&run->files->totals, &run->packet, &run->decision, mbuf->length);
		settle(run, mbuf, accepted ? NULL : run->reason);
	}
}

/* One that cannot be put together, for its link is none that fragments are found behind. */
static void judge_alone(struct fw_run *run, struct weir_mbuf *mbuf)
{
	bool accepted = fw_run_judge(run);

	fw_totals_add(&run->files->totals, &run->packet, &run->decision, mbuf->length);
	settle(run, mbuf, accepted ? NULL : run->reason);
}

/* A copy in the queue, and an mbuf on it. NULL with errno and weir_last_error(). */
static struct weir_mbuf *enqueue(
	struct fw_run *run, const struct weir_capture_packet *meta, const uint8_t *data)
{
	struct fw_record *record = fw_order_add(&run->order, meta, data);
	struct weir_mbuf *mbuf;

	if (!record)
		return NULL;
	record->number = run->read;
	mbuf = weir_mbuf_alloc(run->fragments->pool);
	if (!mbuf)
		return NULL;
	weir_external_init(&record->external, record->data, meta->length, NULL, NULL);
	weir_mbuf_attach(mbuf, &record->external, 0, meta->length);
	weir_mbuf_set_link_type(mbuf, meta->link_type);
	return mbuf;
}

int fw_run_part(struct fw_run *run, const struct weir_capture_packet *meta, const uint8_t *data)
{
	struct fw_record *record;
	struct weir_mbuf *mbuf;
	int count = open_parts(run);

	if (count)
		return count;
	mbuf = enqueue(run, meta, data);
	if (!mbuf)
		return -errno;
	record = fw_record_of(weir_mbuf_data(mbuf));
	count = fw_parts_add(&run->fragments->parts, &run->packet, mbuf);
	record->since_ns = run->fragments->parts.now_ns;
	if (count > 0)
		judge_whole(run, meta);
	else if (count < 0)
		judge_alone(run, mbuf);
	return write_some(run);
}

int fw_run_parts_end(struct fw_run *run, int error)
{
	if (!run->fragments)
		return error;
	fw_parts_close(&run->fragments->parts);
	if (!error)
		error = write_settled(run);
	fw_order_clear(&run->order);
	weir_mempool_destroy(run->fragments->pool);
	free(run->fragments);
	return error;
}
