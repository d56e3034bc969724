/* SPDX-License-Identifier: BSD-3-Clause */
/* test_forbidden.c: nodes that are not there, have no memory or are not for this process, and
 * kernels and containers that place nothing. In a virtual machine. */
#include "vm.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned int first, last; /* nodes with memory */

/* A region on a node: 0, or the error that it fails with; with a sentence that has these words. */
static int create(unsigned int node, enum weir_placement placement, const char *words)
{
	struct weir_region_conf conf = {
		.size = 4 * MIB, .node = WEIR_NODE((int)node), .placement = placement};
	struct weir_region *region = weir_region_create(&conf);
	int error = region ? 0 : errno;
	const char *text = region ? weir_region_describe(region) : weir_last_error();

	if (!vm_says(text, words))
		error = -1;
	if (region)
		memset(weir_region_base(region), 1, weir_region_size(region));
	weir_region_destroy(region);
	return error;
}

static int create_anywhere(void)
{
	struct weir_region_conf conf = {.size = 4 * MIB};
	struct weir_region *region = weir_region_create(&conf);
	int error = region ? 0 : errno;

	if (region)
		memset(weir_region_base(region), 1, weir_region_size(region));
	weir_region_destroy(region);
	return error;
}

static void test_no_memory(void)
{
	char words[96];

	for (unsigned int i = 0; i < vm_node_count; i++) {
		if (vm_nodes[i].mib)
			continue;
		snprintf(words, sizeof(words), "node %u has no memory; nodes with memory: ", i);
		CU_ASSERT_EQUAL(create(i, WEIR_PLACE_BIND, words), ENODEV);
		CU_ASSERT_EQUAL(create(i, WEIR_PLACE_PREFERRED, words), ENODEV);
		CU_ASSERT_EQUAL(create(i, WEIR_PLACE_INTERLEAVE, words), ENODEV);
	}
	snprintf(words, sizeof(words), "node %u is not there; nodes with memory: ", vm_node_count);
	CU_ASSERT_EQUAL(create(vm_node_count, WEIR_PLACE_BIND, words), ENODEV);
	CU_ASSERT_EQUAL(create(1000, WEIR_PLACE_BIND, "node 1000 is not there"), ENODEV);
}

/* ---- a cpuset that allows the first node only ---- */

static int in_cpuset(const void *unused)
{
	struct weir_region_conf conf = {
		.size = 4 * MIB, .nodes = "all", .placement = WEIR_PLACE_INTERLEAVE};
	struct weir_region *region;
	char number[16], words[160];

	(void)unused;
	mkdir("/cgroup/first", 0755);
	snprintf(number, sizeof(number), "%u", first);
	if (!vm_write("/cgroup/cgroup.subtree_control", "+cpuset") ||
		!vm_write("/cgroup/first/cpuset.mems", number) ||
		!vm_write("/cgroup/first/cgroup.procs", "0"))
		return 10;
	snprintf(words, sizeof(words),
		"this process may use memory of node %u only (Mems_allowed_list in "
		"/proc/self/status); node %u needs another cpuset",
		first, last);
	if (create(last, WEIR_PLACE_BIND, words) != EPERM)
		return 1;
	if (create(last, WEIR_PLACE_PREFERRED, words) != EPERM)
		return 2;
	if (create(first, WEIR_PLACE_BIND, "4 MiB on ") != 0 || create_anywhere() != 0)
		return 3;
	/* all are all that may be used */
	region = weir_region_create(&conf);
	if (!region || !vm_all_on(weir_region_base(region), weir_region_size(region), first))
		return 4;
	return 0;
}

static void test_cpuset(void)
{
	if (vm_memory_count() > 1)
		CU_ASSERT_EQUAL(vm_child(in_cpuset, NULL), 0);
}

/* ---- calls that a container forbids ---- */

/* From here on these calls fail with this error, as with docker's filter. */
static bool forbid(const int *calls, unsigned int count, int error)
{
	struct sock_filter filter[16];
	struct sock_fprog program = {.filter = filter};
	unsigned int at = 0;

	filter[at++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (unsigned int i = 0; i < count; i++) {
		filter[at++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)calls[i], 0, 1);
		filter[at++] = (struct sock_filter)BPF_STMT(
			BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned int)error);
	}
	filter[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = (unsigned short)at;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static const int all_calls[] = {SYS_mbind, SYS_get_mempolicy, SYS_set_mempolicy, SYS_move_pages};

struct forbidden {
	unsigned int count; /* of all_calls */
	int error;
	const char *reason;
};

/* Nothing can be placed: fine where there is but one place, or the node was but a wish. */
static int without_placing(const void *argument)
{
	const struct forbidden *forbidden = argument;
	char words[160];

	if (!forbid(all_calls, forbidden->count, forbidden->error))
		return 10;
	snprintf(words, sizeof(words), "not placed on node %u: %s", last, forbidden->reason);
	if (vm_memory_count() == 1)
		return create(last, WEIR_PLACE_BIND, "4 MiB on ");
	if (create(last, WEIR_PLACE_BIND, words) != forbidden->error)
		return 1;
	if (create(last, WEIR_PLACE_INTERLEAVE, words) != forbidden->error)
		return 2;
	if (create(last, WEIR_PLACE_PREFERRED, words) != 0)
		return 3;
	return create_anywhere() ? 4 : 0;
}

static void test_forbidden_calls(void)
{
	static const char no_mbind[] =
		"mbind is forbidden here, as in containers (docker run --cap-add SYS_NICE)";
	static const struct forbidden cases[] = {
		{1, EPERM, no_mbind},
		{4, EPERM, no_mbind},
		{1, ENOSYS, "this kernel has no NUMA"},
		{4, ENOSYS, "this kernel has no NUMA"},
	};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CU_ASSERT_EQUAL(vm_child(without_placing, &cases[i]), 0);
}

/* Placed, but where the pages lie is not to be learned: said, not guessed. */
static int without_asking(const void *unused)
{
	static const int calls[] = {SYS_move_pages};
	struct weir_region_conf conf = {.size = 4 * MIB, .node = WEIR_NODE((int)last)};
	struct weir_region *region;

	(void)unused;
	if (!forbid(calls, 1, EPERM))
		return 10;
	region = weir_region_create(&conf);
	if (!region || weir_region_node_of(region, weir_region_base(region)) != -EPERM)
		return 1;
	if (!vm_says(weir_region_describe(region),
		    "not verified where it lies: move_pages: Operation"))
		return 2;
	return vm_says(weir_mem_report(true), "\"nodes\": {}") ? 0 : 3;
}

static void test_no_move_pages(void)
{
	CU_ASSERT_EQUAL(vm_child(without_asking, NULL), 0);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"a node without memory, or not there", test_no_memory},
		{"a cpuset", test_cpuset},
		{"placing is forbidden", test_forbidden_calls},
		{"asking is forbidden", test_no_move_pages},
		CU_TEST_INFO_NULL,
	};

	if (!vm_init())
		return 77;
	for (unsigned int i = vm_node_count; i-- > 0;)
		first = vm_nodes[i].mib ? i : first;
	for (unsigned int i = 0; i < vm_node_count; i++)
		last = vm_nodes[i].mib ? i : last;
	return unit_run("forbidden", tests);
}
