/* SPDX-License-Identifier: BSD-3-Clause */
/* test_fw_places.c: connections of several trackers are translated: no two get one tuple, answers
 * and errors about what was sent come to the tracker that has the connection, and what is gone
 * leaves nothing behind. By their hash alone most answers would come to another. */
#include "apps/weir-fw/eval.h"
#include "apps/weir-fw/places.h"
#include "apps/weir-fw/steer.h"
#include "apps/weir-fw/trackers.h"
#include "unit.h"

#include <weir/rcu.h>
#include <weir/spread.h>

#include <errno.h>
#include <stdlib.h>

enum { ICMP = 1, UDP = 17, IPV4 = 20, FLOWS = 300, DENSE = 2000 };
#define TRACKERS 5
#define SET      7
#define SEED     UINT64_C(0x0123456789abcdef)
#define S        UINT64_C(1000000000)

static const char text[] = "table ip t {\nchain a {\ntype nat hook postrouting priority srcnat\n"
			   "ip saddr 10.0.0.0/8 snat to 192.0.2.1\n}\n}\n";

static struct fw_ruleset *rules;
static struct fw_trackers *trackers;
static struct weir_flow_shared *places;

static void open_all(void)
{
	rules = fw_load_text("rules", text, sizeof(text) - 1, NULL);
	CU_ASSERT_PTR_NULL_FATAL(rules->error);
	fw_tallies_share(rules, TRACKERS);
	places = fw_places_create(TRACKERS * FLOWS, TRACKERS);
	/* a quarter of them may be without an answer */
	trackers = fw_trackers_create(SET, TRACKERS, TRACKERS * DENSE * 4);
	CU_ASSERT_PTR_NOT_NULL_FATAL(places);
	CU_ASSERT_PTR_NOT_NULL_FATAL(trackers);
	CU_ASSERT_EQUAL_FATAL(fw_trackers_translate(trackers, NULL, places), 0);
	CU_ASSERT_EQUAL_FATAL(weir_rcu_join(), 0);
}

static void close_all(void)
{
	weir_rcu_leave();
	fw_trackers_destroy(trackers);
	weir_flow_shared_destroy(places);
	fw_free(rules);
}

/* A datagram in a frame; its length. */
static uint32_t put(uint8_t *frame, const uint8_t from[4], const uint8_t to[4], uint16_t source,
	uint16_t target)
{
	const uint8_t head[] = {0x08, 0, 0x45, 0, 0, IPV4 + 8, 0, 0, 0, 0, 64, UDP, 0, 0};
	const uint8_t body[] = {(uint8_t)(source >> 8), (uint8_t)source, (uint8_t)(target >> 8),
		(uint8_t)target, 0, 8, 0, 0};

	memset(frame, 2, 12);
	memcpy(frame + 12, head, sizeof(head));
	memcpy(frame + 26, from, 4);
	memcpy(frame + 30, to, 4);
	memcpy(frame + 34, body, sizeof(body));
	return 42;
}

/* An error about a frame, to who sent that. */
static uint32_t put_error(uint8_t *frame, const uint8_t *about)
{
	static const uint8_t router[4] = {203, 0, 113, 1};

	put(frame, router, about + 26, 0x0303, 0);
	memset(frame + 38, 0, 4);
	frame[23] = ICMP;
	frame[17] = IPV4 + 8 + IPV4 + 8;
	memcpy(frame + 42, about + 14, IPV4 + 8);
	return 42 + IPV4 + 8;
}

/* As live_steer.c does. */
static uint32_t worker_of(const struct fw_packet *packet, bool *by_hash)
{
	uint32_t named = weir_spread_pick(fw_steer_packet(packet, SEED), TRACKERS), place;
	fw_key of;

	CU_ASSERT_TRUE_FATAL(fw_steer_key(packet, &of));
	place = fw_places_find(places, &of, SET);
	*by_hash = place == UINT32_MAX || place == named;
	return place == UINT32_MAX ? named : place;
}

/* Judge a frame where it is steered to, which changes it; its state. */
static uint32_t judge(uint8_t *frame, uint32_t length, uint64_t now_ns, bool *by_hash)
{
	static const enum fw_hook way[] = {FW_PREROUTING, FW_FORWARD, FW_POSTROUTING};
	struct fw_packet packet = {.time_ns = now_ns};
	struct fw_decision decision;
	struct fw_judge judge = {.rules = rules,
		.state = fw_tracker_state,
		.bind = fw_nat_bind,
		.translate = fw_nat_apply};

	fw_packet_read(&packet, frame, length, WEIR_LINK_ETHERNET);
	CU_ASSERT_EQUAL_FATAL(packet.kind, FW_KIND_IP);
	judge.worker = worker_of(&packet, by_hash);
	judge.tracker = trackers->of[judge.worker];
	fw_judge_way(&judge, way, 3, &packet, &decision);
	CU_ASSERT_EQUAL(decision.verdict, FW_ACCEPT);
	fw_tracker_decided(judge.tracker, true);
	return packet.ct_state;
}

static void test_translated(void)
{
	static const uint8_t server[4] = {198, 51, 100, 1}, outside[4] = {192, 0, 2, 1};
	static bool used[65536];
	uint32_t away = 0;

	open_all();
	for (uint32_t i = 0; i < FLOWS; i++) {
		/* the same few ports of many hosts */
		const uint8_t client[4] = {10, 0, (uint8_t)(i / 50), (uint8_t)(i % 50)};
		uint8_t frame[128], answer[128], error[128];
		uint32_t length = put(frame, client, server, (uint16_t)(4000 + i % 3), 53);
		uint16_t port;
		bool by_hash;

		CU_ASSERT_EQUAL(judge(frame, length, S, &by_hash), FW_CT_NEW);
		CU_ASSERT_TRUE(by_hash);
		CU_ASSERT_EQUAL(memcmp(frame + 26, outside, 4), 0);
		port = (uint16_t)(frame[34] << 8 | frame[35]);
		CU_ASSERT_FALSE(used[port]);
		used[port] = true;
		length = put(answer, server, outside, 53, port);
		CU_ASSERT_EQUAL(judge(answer, length, S, &by_hash), FW_CT_ESTABLISHED);
		CU_ASSERT_EQUAL(memcmp(answer + 30, client, 4), 0);
		away += !by_hash;
		length = put_error(error, frame);
		CU_ASSERT_EQUAL(judge(error, length, S, &by_hash), FW_CT_RELATED);
		CU_ASSERT_EQUAL(memcmp(error + 30, client, 4), 0);
	}
	CU_ASSERT_TRUE(away > FLOWS / 2);
	close_all();
}

static uint32_t places_left(void)
{
	struct weir_flow_shared_stats stats;

	weir_flow_shared_stats(places, &stats);
	return stats.flows;
}

static void test_gone(void)
{
	static const uint8_t client[4] = {10, 0, 0, 1}, server[4] = {198, 51, 100, 1};
	struct fw_trackers *next;
	uint8_t frame[128];
	bool by_hash;

	open_all();
	for (uint32_t i = 0; i < FLOWS; i++)
		judge(frame, put(frame, client, server, (uint16_t)(1024 + i), 53), S, &by_hash);
	CU_ASSERT_EQUAL(places_left(), 2 * FLOWS);
	for (uint32_t i = 0; i < TRACKERS; i++)
		while (fw_tracker_expire(trackers->of[i], 1000 * S) > 0)
			;
	CU_ASSERT_EQUAL(places_left(), 0);
	/* those of trackers that nobody judges by any more may be had, and are not taken along */
	judge(frame, put(frame, client, server, 1024, 53), 1000 * S, &by_hash);
	next = fw_trackers_create(SET + 1, TRACKERS, FLOWS);
	CU_ASSERT_EQUAL_FATAL(fw_trackers_translate(next, NULL, places), 0);
	for (uint32_t i = 0; i < TRACKERS; i++) {
		const fw_key *of = NULL;
		uint32_t index = weir_flow_next(trackers->of[i]->table, 0);

		if (index == WEIR_FLOW_NONE)
			continue;
		of = weir_flow_key(trackers->of[i]->table, index);
		CU_ASSERT_EQUAL(fw_places_take(trackers->of[(i + 1) % TRACKERS], of), -EEXIST);
		CU_ASSERT_EQUAL(fw_places_take(next->of[i], of), 0);
		CU_ASSERT_EQUAL(fw_places_find(places, of, SET), UINT32_MAX);
		CU_ASSERT_EQUAL(fw_places_find(places, of, SET + 1), i);
	}
	CU_ASSERT_EQUAL(places_left(), 2);
	weir_rcu_leave();
	fw_trackers_destroy(trackers);
	trackers = next;
	CU_ASSERT_EQUAL(weir_rcu_join(), 0);
	CU_ASSERT_EQUAL(places_left(), 1);
	close_all();
}

/* Clients with the same run of ports: one keeps them, and another one's all get others, wherever
 * the search for one begins. */
static void test_dense(void)
{
	static const uint8_t server[4] = {198, 51, 100, 1};
	static bool used[65536];
	uint8_t frame[128];
	bool by_hash;

	open_all();
	for (uint32_t i = 0; i < TRACKERS; i++)
		trackers->of[i]->random = i; /* always the same ports */
	for (uint32_t i = 0; i < 2 * DENSE; i++) {
		const uint8_t client[4] = {10, 0, 0, (uint8_t)(i / DENSE)};
		uint16_t port = (uint16_t)(20000 + i % DENSE);

		judge(frame, put(frame, client, server, port, 53), S, &by_hash);
		port = (uint16_t)(frame[34] << 8 | frame[35]);
		CU_ASSERT_FALSE(used[port]);
		used[port] = true;
		CU_ASSERT(i >= DENSE || port == 20000 + i);
	}
	close_all();
}

static fw_key numbered(uint32_t number)
{
	fw_key of = {.protocol = UDP, .zero = {FW_IP}};

	memcpy(of.address[1], &number, sizeof(number));
	return of;
}

static uint64_t refused(void)
{
	struct weir_flow_shared_stats stats;

	weir_flow_shared_stats(places, &stats);
	return stats.full;
}

/* No grace period ends, as this thread is never quiescent: as many places as come and go in 30 ms
 * are there nevertheless. Then a port is looked for once, as no other would be had either. */
static void test_turnover(void)
{
	fw_key of;
	uint32_t i;

	open_all();
	for (i = 0; i < 30000; i++) {
		of = numbered(i);
		CU_ASSERT_EQUAL_FATAL(fw_places_take(trackers->of[0], &of), 0);
		fw_places_leave(trackers->of[0], &of);
	}
	CU_ASSERT_EQUAL(refused(), 0);
	do
		of = numbered(i++);
	while (!fw_places_take(trackers->of[0], &of));
	CU_ASSERT_EQUAL(refused(), 1);
	CU_ASSERT_FALSE(fw_nat_port(trackers->of[0], NULL, &of));
	CU_ASSERT_EQUAL(refused(), 2);
	close_all();
}

int main(void)
{
	static CU_TestInfo tests[] = {{"translated", test_translated}, {"gone", test_gone},
		{"dense", test_dense}, {"turnover", test_turnover}, CU_TEST_INFO_NULL};

	return unit_run("fw places", tests);
}
