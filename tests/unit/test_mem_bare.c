/* SPDX-License-Identifier: BSD-3-Clause */
/* test_mem_bare.c: regions of a process without rights, and in a container without anything, not
 * even /sys and /proc: they work and say what was got. */
#include "unit.h"

#include "weir/mem.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB    ((size_t)1 << 20)
#define CANNOT 77
#define NOBODY 65534 /* any without rights */

/* Become somebody without rights outside a user namespace of his own, as unshare -Ur does. */
static bool lose_rights(void)
{
	if (geteuid() == 0 && (setgid(NOBODY) || setuid(NOBODY)))
		return false;
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
}

/* And everything to see: the root is an empty folder. */
static bool lose_files(const char *folder)
{
	return chroot(folder) == 0 && chdir("/") == 0 && access("/proc", F_OK) != 0;
}

static struct weir_region *create(struct weir_region_conf conf)
{
	struct weir_region *region = weir_region_create(&conf);

	if (region)
		memset(weir_region_base(region), 1, weir_region_size(region));
	printf("\n    %s\n", region ? weir_region_describe(region) : weir_last_error());
	return region;
}

/* The best there is, base pages, more hugepages than any machine has, locked memory. 0, or the
 * number of what went wrong. */
static int climb(const char *why_no_hugepages)
{
	struct rlimit none = {0, 0};
	struct weir_region *region = create((struct weir_region_conf){.size = 4 * MIB});

	if (!region || strncmp(weir_region_describe(region), "4 MiB on ", 9) != 0)
		return 1;
	if (weir_region_pages(region) <= WEIR_PAGES_4K &&
		!strstr(weir_region_describe(region), why_no_hugepages))
		return 2;
	if (!create((struct weir_region_conf){.size = 4 * MIB, .pages = WEIR_PAGES_4K}))
		return 3;
	if (create((struct weir_region_conf){.size = 1ul << 45, .pages = WEIR_PAGES_2M}) ||
		errno != ENOMEM || !strstr(weir_last_error(), why_no_hugepages))
		return 4;
	if (setrlimit(RLIMIT_MEMLOCK, &none))
		return 5;
	if (mlock(&none, sizeof(none)) == 0)
		return 0; /* AddressSanitizer takes the call and does nothing */
	if (create((struct weir_region_conf){
		    .size = 4 * MIB, .pages = WEIR_PAGES_4K, .locked = true}))
		return 6;
	return errno == EPERM && strstr(weir_last_error(), "ulimit -l") ? 0 : 7;
}

static int without_rights(const char *folder)
{
	(void)folder;
	return lose_rights() ? climb("2 MiB hugepages: wanted ") : CANNOT;
}

static int without_anything(const char *folder)
{
	return lose_rights() && lose_files(folder) ? climb("/sys is not here") : CANNOT;
}

static void in_child(int (*function)(const char *folder))
{
	char folder[] = "/tmp/weir-bare-XXXXXX";
	int status = 0;
	pid_t child;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	CU_ASSERT_EQUAL(chmod(folder, 0755), 0);
	child = fork();
	if (child == 0) {
		setbuf(stdout, NULL);
		_exit(function(folder));
	}
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT_TRUE(WIFEXITED(status));
	if (WEXITSTATUS(status) == CANNOT)
		fprintf(stderr, "not checked, user namespaces are forbidden here\n");
	else
		CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
	rmdir(folder);
}

static void test_rights(void)
{
	in_child(without_rights);
}

static void test_anything(void)
{
	in_child(without_anything);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"without rights", test_rights},
		{"in an empty container", test_anything},
		CU_TEST_INFO_NULL,
	};

	return unit_run("mem in a bare place", tests);
}
