/* SPDX-License-Identifier: BSD-3-Clause */
/* placement.c: does memory come from the node that was asked for, and may one ask? */
#include "checks.h"

#include "apps/common/units.h"

#include <errno.h>
#include <numaif.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A node with less may be so full that the first page from it kills a process. */
#define ENOUGH (UINT64_C(64) << 20)

struct answers {
	int bind;  /* 0, or the error of mbind */
	int moved; /* of move_pages */
	cpu_set_t right;
	cpu_set_t wrong; /* nodes whose page lay elsewhere */
};

static void try_node(const struct node *node, struct answers *answers)
{
	unsigned long mask[NODE_MAX / (8 * sizeof(long)) + 1] = {0};
	size_t size = (size_t)sysconf(_SC_PAGESIZE), bits = 8 * sizeof(long);
	uint8_t *page =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *pages[] = {page};
	int on = -1;

	if (page == MAP_FAILED)
		return;
	mask[(size_t)node->number / bits] = 1ul << (size_t)node->number % bits;
	if (mbind(page, size, MPOL_BIND, mask, NODE_MAX + 1, 0))
		answers->bind = errno;
	*page = 1;
	if (move_pages(0, 1, pages, NULL, &on, 0))
		answers->moved = errno;
	else
		CPU_SET(node->number, on == node->number ? &answers->right : &answers->wrong);
	munmap(page, size);
}

static void say_refused(
	struct line *line, const struct machine *machine, const char *call, int error)
{
	line_say(line, error == ENOSYS ? STATUS_ABSENT : STATUS_WARN, "%s: %s", call,
		strerror(error));
	if (error == ENOSYS) {
		line_why(line, "the kernel is built without NUMA: memory has one place only");
		return;
	}
	line_why(line, "%s; memory lies where the kernel likes, and weir cannot tell where",
		machine->seccomp ? "a seccomp filter forbids it" : "the kernel refuses it");
	cure_at_start(line, machine, "--cap-add=SYS_NICE");
}

void check_placement(const struct machine *machine, struct lines *lines)
{
	struct answers answers = {0};
	char right[LIST_SIZE], wrong[LIST_SIZE];
	struct line *line;

	if (!machine->live) {
		line_not_tried(lines, "placement");
		return;
	}
	for (uint32_t i = 0; i < machine->node_count; i++)
		if (machine->nodes[i].allowed && machine->nodes[i].available >= ENOUGH)
			try_node(&machine->nodes[i], &answers);
	line = line_begin(lines, "placement");
	if (answers.bind || answers.moved) {
		say_refused(line, machine, answers.bind ? "mbind" : "move_pages",
			answers.bind ? answers.bind : answers.moved);
		return;
	}
	machine_print_list(&answers.right, right);
	machine_print_list(&answers.wrong, wrong);
	line_say(line, CPU_COUNT(&answers.wrong) ? STATUS_WARN : STATUS_OK,
		"pages asked of a node lie there: %s; elsewhere: %s", right, wrong);
}
