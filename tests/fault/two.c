/* SPDX-License-Identifier: BSD-3-Clause */
/* two.c: two processes with one region, in which lie buffers and two rings of their indices:
 *
 *  *      A, the owner   home -> fill -> [to_peer] -> B answers in place -> [from_peer] -> check ->
 * home
 *
 * B is killed at a random moment, many times: every buffer comes home, and the next B gets the same
 * memory. Then A is killed, and B keeps it. B lies at another address than A, always.
 *
 *	two [SEED]
 *	two peer SOCKET BASE SIZE	B, started by A
 */
#include "weir/mem.h"
#include "weir/ring.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BUFFERS     256
#define BUFFER_SIZE 2048
#define WORDS       (BUFFER_SIZE / sizeof(uint64_t))
#define BURST       16
#define ROUNDS      40
#define NO_BUFFER   UINT32_MAX

/* At the start of the region; offsets from there. */
struct layout {
	uint64_t to_peer, from_peer, buffers;
};

struct owner {
	struct weir_region *region;
	struct weir_ring *to_peer, *from_peer;
	uint64_t (*buffers)[WORDS];
	bool out[BUFFERS]; /* what A knows by itself, whatever B writes */
	uint64_t number;   /* of the next packet */
	uint64_t sent, answered, lost;
};

static void fail(const char *what)
{
	fprintf(stderr, "two: %s: %s, %s\n", what, strerror(errno), weir_last_error());
	exit(1);
}

static void check(bool condition, const char *what)
{
	if (!condition)
		fail(what);
}

/* ---- B ---- */

static void *at(struct weir_region *region, uint64_t offset)
{
	return (uint8_t *)weir_region_base(region) + offset;
}

static void serve(struct weir_region *region)
{
	struct layout *layout = weir_region_base(region);
	struct weir_ring *in = at(region, layout->to_peer), *out = at(region, layout->from_peer);
	uint64_t(*buffers)[WORDS] = at(region, layout->buffers);
	uint32_t indices[BURST], count;

	for (;;) {
		count = weir_ring_dequeue_burst_spsc(in, indices, sizeof(*indices), BURST);
		for (uint32_t i = 0; i < count; i++) {
			if (indices[i] == NO_BUFFER)
				return;
			for (size_t word = 0; word < WORDS; word++)
				buffers[indices[i]][word] = ~buffers[indices[i]][word];
		}
		if (count)
			check(weir_ring_enqueue_bulk_spsc(out, indices, sizeof(*indices), count) ==
					0,
				"no room for answers");
		else
			sched_yield();
	}
}

static int peer(char **argv)
{
	uintptr_t base = strtoull(argv[3], NULL, 16);
	size_t size = strtoull(argv[4], NULL, 16);
	struct weir_region *region;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* taken by this or, EEXIST, by something else already */
	mmap((void *)base, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		0);
	region = weir_region_receive(atoi(argv[2]));
	check(region, "receive");
	check((uintptr_t)weir_region_base(region) != base, "the same address");
	serve(region);
	weir_region_destroy(region);
	return 0;
}

/* ---- A ---- */

static size_t round_up(size_t size)
{
	return (size + WEIR_CACHE_LINE - 1) / WEIR_CACHE_LINE * WEIR_CACHE_LINE;
}

static void init_rings(struct owner *owner)
{
	struct layout *layout = weir_region_base(owner->region);
	size_t ring = round_up(weir_ring_memory_size(BUFFERS + 1, sizeof(uint32_t)));

	layout->to_peer = round_up(sizeof(*layout));
	layout->from_peer = layout->to_peer + ring;
	layout->buffers = layout->from_peer + ring;
	owner->to_peer = weir_ring_init(
		at(owner->region, layout->to_peer), BUFFERS + 1, sizeof(uint32_t), WEIR_RING_SPSC);
	owner->from_peer = weir_ring_init(at(owner->region, layout->from_peer), BUFFERS + 1,
		sizeof(uint32_t), WEIR_RING_SPSC);
	owner->buffers = at(owner->region, layout->buffers);
	check(owner->to_peer && owner->from_peer, "rings");
}

static pid_t start_peer(struct owner *owner)
{
	char socket[16], base[32], size[32];
	int ends[2];
	pid_t child;

	check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
	snprintf(socket, sizeof(socket), "%d", ends[1]);
	snprintf(base, sizeof(base), "%p", weir_region_base(owner->region));
	snprintf(size, sizeof(size), "%zx", weir_region_size(owner->region));
	child = fork();
	check(child >= 0, "fork");
	if (child == 0) {
		close(ends[0]);
		execl("/proc/self/exe", "two", "peer", socket, base, size, NULL);
		_exit(127);
	}
	close(ends[1]);
	check(weir_region_send(owner->region, ends[0]) == 0, "send");
	close(ends[0]);
	return child;
}

/* Send what is at home, at most a burst. */
static void send_some(struct owner *owner)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < BUFFERS && count < BURST; i++) {
		if (owner->out[i])
			continue;
		for (size_t word = 0; word < WORDS; word++)
			owner->buffers[i][word] = owner->number + word;
		owner->number++;
		owner->out[i] = true;
		check(weir_ring_enqueue_bulk_spsc(owner->to_peer, &i, sizeof(i), 1) == 0,
			"no room for a packet");
		count++;
	}
	owner->sent += count;
}

/* Take home what was answered, all of it right. Returns how many. */
static uint32_t take_answers(struct owner *owner)
{
	uint32_t indices[BURST], count;

	count = weir_ring_dequeue_burst_spsc(owner->from_peer, indices, sizeof(*indices), BURST);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t *words = owner->buffers[indices[i]], first = ~words[0];

		check(indices[i] < BUFFERS && owner->out[indices[i]], "an answer of no packet");
		for (size_t word = 0; word < WORDS; word++)
			check(~words[word] == first + word, "half an answer");
		owner->out[indices[i]] = false;
	}
	owner->answered += count;
	return count;
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* After the death of B: its answers count, the rest comes home unanswered, and all can be used. */
static void bring_home(struct owner *owner)
{
	uint32_t lost = 0;

	while (take_answers(owner))
		;
	for (uint32_t i = 0; i < BUFFERS; i++) {
		lost += owner->out[i];
		owner->out[i] = false;
		memset(owner->buffers[i], 0xee, BUFFER_SIZE);
	}
	owner->lost += lost;
	check(owner->sent == owner->answered + owner->lost, "the account does not balance");
	init_rings(owner);
}

static void round_of_death(struct owner *owner)
{
	double end = now_ms() + (double)(rand() % 30000) / 1e3;
	pid_t child = start_peer(owner);
	int status;

	while (now_ms() < end) {
		send_some(owner);
		if (!take_answers(owner))
			sched_yield();
	}
	kill(child, SIGKILL);
	check(waitpid(child, &status, 0) == child, "waitpid");
	check(WIFSIGNALED(status), "the peer ended by itself");
	bring_home(owner);
}

/* The last B lives: all is answered. */
static void round_of_life(struct owner *owner)
{
	pid_t child = start_peer(owner);
	uint64_t before = owner->lost, until = owner->sent + 1000;
	uint32_t end = NO_BUFFER;
	int status;

	while (owner->sent < until || owner->sent > owner->answered + owner->lost) {
		if (owner->sent < until)
			send_some(owner);
		if (!take_answers(owner))
			sched_yield();
	}
	check(weir_ring_enqueue_bulk_spsc(owner->to_peer, &end, sizeof(end), 1) == 0, "no end");
	check(waitpid(child, &status, 0) == child && status == 0, "the peer failed");
	bring_home(owner);
	check(owner->lost == before, "a packet was lost in peace");
}

static bool owner_lives(enum weir_pages pages)
{
	struct weir_region_conf conf = {
		.name = "two", .size = 1 << 20, .pages = pages, .shared = true};
	struct owner owner = {.region = weir_region_create(&conf)};

	if (!owner.region) {
		fprintf(stderr, "not done: %s\n", weir_last_error());
		return false;
	}
	init_rings(&owner);
	for (unsigned int i = 0; i < ROUNDS; i++)
		round_of_death(&owner);
	round_of_life(&owner);
	check(owner.answered > 1000, "too few answers to say anything");
	printf("%s: %d peers killed, %lu packets sent, %lu answered, %lu unanswered\n",
		weir_pages_name(pages), ROUNDS, owner.sent, owner.answered, owner.lost);
	weir_region_destroy(owner.region);
	return true;
}

/* ---- A dies ---- */

static void create_and_die(const struct weir_region_conf *conf, int socket)
{
	struct weir_region *region = weir_region_create(conf);

	check(region, "create");
	memset(weir_region_base(region), 0x5a, weir_region_size(region));
	check(weir_region_send(region, socket) == 0, "send");
	raise(SIGKILL);
}

static void owner_dies(enum weir_pages pages)
{
	struct weir_region_conf conf = {.size = 1 << 20, .pages = pages, .shared = true};
	struct weir_region *region;
	uint8_t *bytes;
	int ends[2];
	pid_t child;

	check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
	child = fork();
	check(child >= 0, "fork");
	if (child == 0)
		create_and_die(&conf, ends[0]);
	close(ends[0]);
	check(waitpid(child, NULL, 0) == child, "waitpid");
	region = weir_region_receive(ends[1]);
	check(region, "receive from the dead");
	bytes = weir_region_base(region);
	for (size_t i = 0; i < weir_region_size(region); i++)
		check(bytes[i] == 0x5a, "the memory of the dead is gone");
	memset(bytes, 1, weir_region_size(region));
	check(!weir_region_receive(ends[1]) && errno == EPROTO, "more than was sent");
	weir_region_destroy(region);
	close(ends[1]);
}

int main(int argc, char **argv)
{
	unsigned int seed = argc == 2 ? (unsigned int)atoi(argv[1]) : (unsigned int)time(NULL);

	if (argc == 5)
		return peer(argv);
	printf("seed %u\n", seed);
	fflush(stdout);
	srand(seed);
	if (!owner_lives(WEIR_PAGES_4K))
		return 1;
	owner_dies(WEIR_PAGES_4K);
	if (owner_lives(WEIR_PAGES_2M))
		owner_dies(WEIR_PAGES_2M);
	return 0;
}
