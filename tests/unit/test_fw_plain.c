/* SPDX-License-Identifier: BSD-3-Clause */
/* test_fw_plain.c: a segment in the middle of an established connection is taken as the state
 * machine of TCP takes it, or left to it: random connections, and random segments near the bounds
 * of their windows, by both.
 *
 * FW_PLAIN_SEGMENTS sets how many, 200,000 by default, and FW_SEED what they are made from.
 */
#include "apps/weir-fw/track_plain_impl.h"
#include "random.h"
#include "unit.h"

#include <stdlib.h>

/* Mostly no further away than by one or two. */
static uint32_t near(uint32_t value)
{
	return value + (below(8) ? below(5) - 2 : below(200000) - 100000);
}

static void put32(uint8_t *bytes, uint32_t value)
{
	value = htonl(value);
	memcpy(bytes, &value, sizeof(value));
}

static struct fw_tcp_side some_side(void)
{
	struct fw_tcp_side side = {.end = below(3) ? below(UINT32_MAX) : below(1000) - 500,
		.max_window = below(20) ? 1 + below(200000) : 0,
		.scale = (uint8_t)below(5),
		.has_ack = below(20) != 0,
		.unacknowledged = (uint8_t)below(2),
		.sack = below(2),
		.liberal = below(4) == 0};

	side.max_end = side.end + below(70000);
	return side;
}

static struct fw_connection some_connection(void)
{
	struct fw_connection connection = {.answered = true, .assured = below(20) != 0};
	struct fw_tcp *tcp = &connection.tcp;

	tcp->state = (uint8_t)(below(20) ? FW_TCP_ESTABLISHED : 1 + below(FW_TCP_STATES - 1));
	tcp->side[0] = some_side();
	tcp->side[1] = some_side();
	tcp->side[0].max_ack = near(tcp->side[1].end);
	tcp->side[1].max_ack = near(tcp->side[0].end);
	return connection;
}

/* What goes with a side's numbers; its length. */
static uint32_t some_segment(uint8_t *bytes, const struct fw_tcp *tcp, uint32_t side)
{
	static const uint8_t options[][4] = {{1, 1, 8, 10}, {1, 1, 5, 10}, {1, 1, 1, 0}};
	const struct fw_tcp_side *sender = &tcp->side[side], *receiver = &tcp->side[!side];
	const uint32_t starts[] = {sender->end, sender->end - receiver->max_window, sender->max_end,
		sender->end - below(3000)};
	uint32_t header = below(2) ? 20 : 32, payload = below(3) ? 0 : below(1460);

	memset(bytes, 0, 20);
	put32(bytes + 4, near(starts[below(4)]) - (below(2) ? payload : 0));
	put32(bytes + 8, near(receiver->end - (below(4) ? 0 : below(70000))));
	bytes[12] = (uint8_t)(below(50) ? header * 4 : below(256));
	bytes[13] = (uint8_t)(below(20) ? ACK | below(2) * PUSH : below(256));
	bytes[14] = (uint8_t)(below(10) ? below(256) : 0);
	bytes[15] = (uint8_t)(below(10) ? below(256) : 0);
	memcpy(bytes + 20, options[below(8) ? 0 : below(3)], 4);
	put32(bytes + 24, near(receiver->end));
	put32(bytes + 28, near(receiver->end));
	return below(50) ? header + payload : below(header);
}

static uint64_t taken, left;

static void judge(
	struct fw_connection *connection, const uint8_t *bytes, uint32_t length, uint32_t side)
{
	const struct fw_packet packet = {.transport = bytes, .transport_length = length};
	struct fw_connection before = *connection, by_state = *connection;
	uint64_t timeout_ns = 1, state_timeout_ns = 2;
	enum fw_tracked tracked = fw_tcp_packet(&by_state, &packet, side, &state_timeout_ns);

	CU_ASSERT_EQUAL_FATAL(by_state.known[below(2)], fw_tcp_calm(&by_state) ? FW_KNOWN_CALM : 0);
	if (fw_tcp_calm(connection) &&
		fw_tcp_plain(&connection->tcp, bytes, length, side, &timeout_ns)) {
		taken++;
		CU_ASSERT_EQUAL_FATAL(tracked, FW_TRACKED);
		CU_ASSERT_EQUAL_FATAL(timeout_ns, state_timeout_ns);
		fw_tcp_note_calm(connection);
		CU_ASSERT_EQUAL_FATAL(memcmp(connection, &by_state, sizeof(by_state)), 0);
	} else {
		left++;
		CU_ASSERT_EQUAL_FATAL(memcmp(connection, &before, sizeof(before)), 0);
		*connection = by_state;
	}
}

static void test_random(void)
{
	const char *segments = getenv("FW_PLAIN_SEGMENTS");
	uint64_t count = segments ? strtoull(segments, NULL, 10) : 200000;
	struct fw_connection connection = {0};
	uint8_t bytes[32 + 1460];
	uint32_t length = 0, side = 0;

	random_begin(getenv("FW_SEED"));
	for (uint64_t i = 0; i < count; i++) {
		bool again = i && below(4) == 0;

		if (i % 16 == 0)
			connection = some_connection();
		/* the very same comes again, too */
		if (!again) {
			side = below(2);
			length = some_segment(bytes, &connection.tcp, side);
		}
		judge(&connection, bytes, length, side);
	}
	CU_ASSERT(taken > count / 20);
	CU_ASSERT(left > count / 20);
}

int main(void)
{
	static CU_TestInfo tests[] = {{"random", test_random}, CU_TEST_INFO_NULL};

	return unit_run("fw plain", tests);
}
