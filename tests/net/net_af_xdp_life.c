/* SPDX-License-Identifier: BSD-3-Clause */
/* net_af_xdp_life.c: what may happen to an af_xdp port: it is closed under load, its process is
 * killed, its interface goes down or away and comes back, nothing comes, it may not be opened. */
#include "xdp_ports.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <signal.h>

/* Mbufs in every ring come back, also what the kernel has taken out of the fill ring. */
static void test_close_under_load(void)
{
	for (uint32_t round = 0; round < 20; round++) {
		struct weir_port *a = open_port("af_xdp:va"), *b = open_port("af_xdp:vb");
		struct weir_mbuf *mbufs[BURST];

		for (uint32_t i = 0; i < 40; i++) {
			uint32_t sent;

			CU_ASSERT_EQUAL_FATAL(weir_mbuf_alloc_bulk(pools[0], mbufs, BURST), 0);
			for (uint32_t j = 0; j < BURST; j++)
				mbufs[j]->data_length = mbufs[j]->length = 64;
			sent = weir_port_tx(a, 0, mbufs, BURST);
			weir_mbuf_free_bulk(mbufs + sent, BURST - sent);
			if (i % 3 == 0)
				weir_mbuf_free_bulk(mbufs, weir_port_rx(b, 0, mbufs, BURST));
		}
		close_ports(b, a);
	}
}

/* ---- other processes ---- */

static pid_t start_child(const char *spec)
{
	pid_t child = fork();
	struct weir_port *port;
	struct weir_mbuf *mbufs[BURST];

	if (child) {
		if (child < 0)
			printf("\nfork: %s\n", strerror(errno));
		CU_ASSERT_FATAL(child > 0); /* kill() takes -1 as everybody */
		return child;
	}
	port = weir_port_open(spec, pools[0]);
	while (port) {
		uint32_t count = weir_port_rx(port, 0, mbufs, BURST);

		weir_mbuf_free_bulk(mbufs + weir_port_tx(port, 0, mbufs, count), 0);
	}
	_exit(1);
}

static void kill_child(pid_t child)
{
	int status;

	CU_ASSERT_FATAL(child > 1);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	CU_ASSERT_TRUE(WIFSIGNALED(status));
}

/* Is there a program of XDP at vb? The kernel may take it away a little later than its port. */
static bool has_program(bool expected)
{
	const char *command = expected ? UNTIL("ip link show vb | grep -q xdp")
				       : UNTIL("! ip link show vb | grep -q xdp");

	return (run("%s", command) == 0) == expected;
}

/* Forget what came, and send until one comes back, for up to half a minute. */
static bool answers(struct weir_port *port, uint32_t queue)
{
	struct weir_mbuf *packet = NULL;
	double end = seconds() + 30;

	while (weir_port_rx(port, queue, &packet, 1))
		weir_mbuf_free(packet);
	packet = NULL;
	for (uint32_t i = 0; seconds() < end && !packet; i++) {
		send_one(port, queue, make_packet(pools[0], i, 64));
		for (uint32_t j = 0; j < 1000 && !packet; j++)
			weir_port_rx(port, queue, &packet, 1);
	}
	weir_mbuf_free(packet);
	return packet;
}

static void test_killed(void)
{
	struct weir_port *a = open_port("af_xdp:va,queues=2"), *b;

	for (uint32_t i = 0; i < 5; i++) {
		pid_t child = start_child("af_xdp:vb");

		CU_ASSERT_TRUE(answers(a, 0));
		CU_ASSERT_TRUE(has_program(true));
		kill_child(child);
		CU_ASSERT_FALSE(has_program(false));
	}
	/* at once again; and a child's program outlives it while this process has a port there */
	{
		pid_t child = start_child("af_xdp:vb");

		CU_ASSERT_TRUE(answers(a, 0));
		b = open_port("af_xdp:vb,queue=1");
		kill_child(child);
		CU_ASSERT_EQUAL(run("ip link show vb | grep -q xdp"), 0);
		send_one(a, 1, make_packet(pools[0], 3, 80));
		expect(b, 0, 3, 80);
	}
	CU_ASSERT_EQUAL(weir_port_close(b), 0);
	CU_ASSERT_FALSE(has_program(false));
	b = open_port("af_xdp:vb");
	close_ports(a, b);
}

/* ---- the interface ---- */

static char log_lines[4096];

static void keep_line(void *context, enum weir_log_level level, const char *line)
{
	(void)context;
	(void)level;
	strncat(log_lines, line, sizeof(log_lines) - strlen(log_lines) - 1);
}

/* Send both ways for so many seconds, and take what comes. How many came. */
static uint64_t load(struct weir_port *a, struct weir_port *b, double duration)
{
	double end = seconds() + duration;
	struct weir_mbuf *mbufs[BURST];
	uint64_t came = 0;

	while (seconds() < end) {
		struct weir_port *both[] = {a, b};

		for (uint32_t i = 0; i < 2; i++) {
			uint32_t got;

			if (weir_mbuf_alloc_bulk(pools[0], mbufs, BURST) == 0) {
				for (uint32_t j = 0; j < BURST; j++)
					mbufs[j]->data_length = mbufs[j]->length = 64;
				weir_port_tx_or_drop(both[i], 0, mbufs, BURST);
			}
			got = weir_port_rx(both[1 - i], 0, mbufs, BURST);
			weir_mbuf_free_bulk(mbufs, got);
			came += got;
		}
	}
	return came;
}

/* Go on until the log has these words, for half a minute. */
static void load_until(struct weir_port *a, struct weir_port *b, const char *words)
{
	for (uint32_t i = 0; i < 300 && !strstr(log_lines, words); i++)
		load(a, b, 0.1);
	CU_ASSERT_PTR_NOT_NULL(strstr(log_lines, words));
}

/* Until packets come, for half a minute. */
static bool comes(struct weir_port *a, struct weir_port *b)
{
	uint64_t came = 0;

	for (uint32_t i = 0; i < 300 && !came; i++)
		came = load(a, b, 0.1);
	return came > 0;
}

static void test_down(void)
{
	struct weir_port *a = open_port("af_xdp:va"), *b = open_port("af_xdp:vb");
	struct weir_port_link link;
	struct weir_port_stats stats;

	log_lines[0] = '\0';
	CU_ASSERT_TRUE(comes(a, b));
	CU_ASSERT_EQUAL(run("ip link set vb name vc"), 0);
	load_until(a, b, "interface vb is named vc now");
	CU_ASSERT_TRUE(comes(a, b));
	CU_ASSERT_EQUAL(run("ip link set vc name vb"), 0);
	CU_ASSERT_EQUAL(run("ip link set vb down"), 0);
	load_until(a, b, "interface vb is down");
	load(a, b, 0.1); /* what came before */
	CU_ASSERT_EQUAL(load(a, b, 0.1), 0);
	CU_ASSERT_EQUAL(weir_port_link(b, &link), 0);
	CU_ASSERT_TRUE(!link.up && !link.gone);
	weir_port_stats(b, &stats);
	CU_ASSERT_TRUE(stats.dropped[WEIR_DROP_TX_DOWN] > 0);
	CU_ASSERT_EQUAL(run("ip link set vb up"), 0);
	load_until(a, b, "interface vb is up");
	CU_ASSERT_TRUE(comes(a, b));
	CU_ASSERT_EQUAL(weir_port_link(b, &link), 0);
	CU_ASSERT_TRUE(link.up && link.mtu == 1500 && strcmp(link.name, "vb") == 0);
	close_ports(a, b);
}

static void test_gone(void)
{
	struct weir_port *a = open_port("af_xdp:va"), *b = open_port("af_xdp:vb");
	struct weir_port_link link;

	for (uint32_t round = 0; round < 3; round++) {
		log_lines[0] = '\0';
		CU_ASSERT_TRUE(comes(a, b));
		CU_ASSERT_EQUAL(run("(sleep 0.05; ip link del va) &"), 0);
		load_until(a, b, "interface va is gone");
		load_until(a, b, "interface vb is gone");
		CU_ASSERT_EQUAL(load(a, b, 0.05), 0);
		CU_ASSERT_EQUAL(weir_port_link(a, &link), 0);
		CU_ASSERT_TRUE(link.gone);
		CU_ASSERT_EQUAL(weir_port_state(a), WEIR_PORT_UP);
		/* all of the pool is there meanwhile, but the one that nothing is received into */
		CU_ASSERT_TRUE(weir_mempool_in_use(pools[0]) <= 2);
		if (round == 2)
			break;
		CU_ASSERT_EQUAL(veth_make(4), 0);
		load_until(a, b, "interface va is back");
		load_until(a, b, "interface vb is back");
		CU_ASSERT_TRUE(comes(a, b));
	}
	close_ports(a, b); /* while it is gone */
	CU_ASSERT_EQUAL(veth_make(4), 0);
}

static double cpu_seconds(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (double)used.tv_sec + 1e-9 * (double)used.tv_nsec;
}

/* A thread that waits takes no time, and wakes for a packet, and once the interface is back. */
static void test_wait(void)
{
	struct weir_port *a = weir_port_open("af_xdp:va", NULL), *b = open_port("af_xdp:vb");
	struct weir_mbuf *packet;
	double before = cpu_seconds(), began = seconds();

	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_EQUAL(weir_port_rx(b, 0, &packet, 1), 0);
	CU_ASSERT_EQUAL(weir_port_wait(&b, 1, 200), 0);
	CU_ASSERT_TRUE(cpu_seconds() - before < 0.05);
	CU_ASSERT_TRUE(seconds() - began > 0.19);
	send_one(a, 0, make_packet(pools[0], 1, 64));
	CU_ASSERT_EQUAL(weir_port_wait(&b, 1, 10000), 1);
	expect(b, 0, 1, 64);
	CU_ASSERT_EQUAL(weir_port_wait(&b, 1, 20), 0);
	close_ports(a, b);
}

/* A program that is not weir's stays, and is named. */
static void test_other_program(void)
{
	const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int program = bpf_prog_load(BPF_PROG_TYPE_XDP, "others", "BSD", pass, 2, NULL), link;

	CU_ASSERT_TRUE_FATAL(program >= 0);
	link = bpf_link_create(program, (int)if_nametoindex("va"), BPF_XDP, NULL);
	CU_ASSERT_TRUE(link >= 0);
	CU_ASSERT_PTR_NULL(weir_port_open("af_xdp:va", pools[0]));
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "va has an XDP program of others"));
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "'others'"));
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "ip link set dev va xdp off"));
	CU_ASSERT_EQUAL(run("ip link show va | grep -q 'name others'"), 0);
	close(link);
	close(program);
	CU_ASSERT_EQUAL(weir_port_close(open_port("af_xdp:va")), 0);
}

/* What is missing is named, and how to get it. */
static void test_no_privilege(void)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		bool right = setresuid(65534, 65534, 65534) == 0 &&
			     !weir_port_open("af_xdp:va", pools[0]) &&
			     strstr(weir_last_error(), "CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF") &&
			     strstr(weir_last_error(), "setcap");

		if (!right)
			printf("\n%s\n", weir_last_error());
		_exit(right ? 0 : 1);
	}
	waitpid(child, &status, 0);
	CU_ASSERT_EQUAL(status, 0);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"closing under load", test_close_under_load},
		{"killed", test_killed},
		{"down and up", test_down},
		{"gone and back", test_gone},
		{"waiting", test_wait},
		{"a program of others", test_other_program},
		{"without privilege", test_no_privilege},
		CU_TEST_INFO_NULL,
	};

	weir_log_set_handler(keep_line, NULL);
	return run_with_veth("net_af_xdp_life", tests);
}
