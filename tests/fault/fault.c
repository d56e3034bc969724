/* SPDX-License-Identifier: BSD-3-Clause */
/* fault.c: every plan with every failure: each call of lib/os and the allocations of the rooms
 * above, failing at its first, second, ... time, once or from there on, with each error it may
 * have.
 *
 *	fault		all of it
 *	fault PLAN	one, up to the first complaint
 *
 * After each: the library said so with the errno and in a sentence with the true reason, or did
 * without and what it says is so; nothing is left behind; what existed before works as before.
 */
#include "inject.h"
#include "kernel.h"
#include "plans.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define COMPLAINTS_MAX 8    /* printed of a plan */
#define TIMES_MAX      9999 /* far above what any plan does: then it does not end */

/* What is made to fail. */
static struct {
	const char *plan;
	enum inject_call call;
	unsigned int n;
	int error; /* 0: nothing */
	bool stay;
	bool one; /* plan only */
} now;

static struct {
	unsigned int injected, told, complaints, of_plan;
	unsigned int of_call[INJECT_CALLS];
} tally;

/* Complaints of a case that may be somebody else's doing wait here. */
static char shortage[512];

static void print_case(FILE *out)
{
	fprintf(out, "'%s', ", now.plan);
	if (now.error)
		fprintf(out, "%s %s %u: %s", inject_name(now.call), now.stay ? "from" : "at", now.n,
			strerrorname_np(now.error));
	else
		fprintf(out, "nothing fails");
}

void complain(const char *format, ...)
{
	va_list args;

	inject_pause();
	tally.complaints++;
	va_start(args, format);
	if (++tally.of_plan <= COMPLAINTS_MAX) {
		print_case(stderr);
		fprintf(stderr, "\n    ");
		vfprintf(stderr, format, args);
		fprintf(stderr, "\n");
	}
	va_end(args);
	if (now.one)
		exit(1);
	inject_resume();
}

/* By its own words, or by what they come to: ENOMEM is about memory, a missing file about a kernel
 * that has no such thing. */
static bool names_reason(const char *sentence)
{
	if (strstr(sentence, strerror(now.error)))
		return true;
	switch (now.error) {
	case ENOMEM:
	case EFAULT: /* of MADV_POPULATE_WRITE: no page there */
		return strstr(sentence, "no memory") || strstr(sentence, strerror(ENOMEM)) ||
		       strstr(sentence, "memory addresses");
	case EINVAL: /* what says that the file is none in memory, which has seals */
		return now.call == INJECT_FCNTL && strstr(sentence, "can still be shortened");
	case EPERM:
		return strstr(sentence, "is forbidden here");
	case ENOSYS:
		return strstr(sentence, "has no NUMA");
	case ENOENT:
		return strstr(sentence, "this kernel has no");
	default:
		/* a line that cannot be read is a file without the number */
		return now.call == INJECT_FGETS &&
		       (strstr(sentence, strerror(ENODATA)) || strstr(sentence, strerror(EIO)));
	}
}

void must_name_reason(const char *what, const char *sentence)
{
	if (names_reason(sentence))
		return;
	if (strstr(sentence, "nr_hugepages"))
		snprintf(shortage, sizeof(shortage), "%s: %s", what, sentence);
	else
		complain("%s: another reason: %s", what, sentence);
}

void failed(const char *what, int error)
{
	const char *sentence = weir_last_error();
	size_t length = strlen(sentence);

	if (error <= 0 || error > 4095)
		complain("%s: failed with errno %d: %s", what, error, sentence);
	if (length < 10 || strstr(sentence, "Success") || sentence[length - 1] == ' ' ||
		sentence[length - 1] == ':')
		complain("%s: not a sentence with a reason: '%s'", what, sentence);
	if (!now.error)
		complain("%s: failed on its own: %s", what, sentence);
	else
		must_name_reason(what, sentence);
}

static void check_holdings(const struct kernel_holdings *before, size_t mapped)
{
	struct kernel_holdings after;

	if (!inject_unmap_refused())
		complain("memory stays under addresses that cannot be unmapped");
	if (inject_mapped() != mapped)
		complain("%zd bytes of addresses are left", (ssize_t)(inject_mapped() - mapped));
	after = kernel_holdings();
	if (after.files != before->files)
		complain("%zd files are left", (ssize_t)(after.files - before->files));
	if (after.mappings != before->mappings || after.bytes != before->bytes)
		complain("%zd mappings, %zd bytes are left",
			(ssize_t)(after.mappings - before->mappings),
			(ssize_t)(after.bytes - before->bytes));
	if (after.heap != before->heap)
		complain("%zd bytes of the heap are left", (ssize_t)(after.heap - before->heap));
}

/* One failure. Returns whether it came to it. */
static bool inject(const struct plan *plan)
{
	struct kernel_holdings before = kernel_holdings();
	size_t mapped = inject_mapped();
	unsigned int told;
	bool came;

	shortage[0] = 0;
	inject_arm(now.call, now.n, now.error, now.stay);
	told = plan_run(plan);
	came = inject_disarm();
	check_holdings(&before, mapped);
	bystanders_check();
	if (came) {
		tally.injected++;
		tally.told += told > 0;
		tally.of_call[now.call]++;
	} else if (told && !shortage[0]) {
		complain("failed before anything was made to fail");
	}
	return came;
}

/* Other programs use hugepages, too, and change how many there are. Where they took the last ones,
 * learn anew what the plan gets when nothing fails. */
static bool inject_beside_others(const struct plan *plan)
{
	int error = now.error;
	bool came = false;

	for (unsigned int attempt = 0; attempt < 5; attempt++) {
		came = inject(plan);
		if (!shortage[0])
			return came;
		usleep(200000);
		if (!plan_possible(plan))
			return false;
		now.error = 0;
		plan_learn(plan);
		now.error = error;
	}
	complain("another reason, five times: %s", shortage);
	return came;
}

/* To the next n. Lines of /proc/self/smaps come by the thousand. */
static unsigned int step(enum inject_call call, unsigned int n)
{
	return call == INJECT_FGETS && n >= 8 ? n / 4 : 1;
}

static void try_call(const struct plan *plan, enum inject_call call)
{
	now.call = call;
	for (const int *error = inject_errors(call); *error; error++) {
		for (int stay = 0; stay < 2; stay++) {
			if (stay && *error == EINTR)
				continue; /* is tried again until it is over */
			/* ten times slower; and what leaks does not depend on the errno */
			if (SANITIZED && error != inject_errors(call))
				continue;
			now.error = *error;
			now.stay = stay;
			now.n = 1;
			while (inject_beside_others(plan) && now.n < TIMES_MAX)
				now.n += step(call, now.n);
			if (now.n == TIMES_MAX)
				complain("does not end");
		}
	}
	now.error = 0;
}

static void try_plan(const struct plan *plan)
{
	now.plan = plan->name;
	tally.of_plan = 0;
	if (!plan_possible(plan))
		return;
	/* twice, so that what is made once in a process is there */
	plan_learn(plan);
	plan_learn(plan);
	for (int call = 0; call < INJECT_CALLS; call++)
		try_call(plan, (enum inject_call)call);
}

static void crashed(int signal)
{
	print_case(stderr);
	fprintf(stderr, "\n    signal %d\n", signal);
	_exit(1);
}

/* malloc keeps small pieces for later, which look used, and gets large ones by mmap; both would
 * look like leaks. Stacks of ended threads are kept as well, up to 40 MiB of them. */
static void begin_steady(char **argv)
{
	static const char *const tunable = "glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1:"
					   "glibc.malloc.mmap_threshold=1073741824";

	struct rlimit stack;

	if (SANITIZED || getenv("GLIBC_TUNABLES"))
		return;
	getrlimit(RLIMIT_STACK, &stack);
	stack.rlim_cur = 1 << 20;
	setrlimit(RLIMIT_STACK, &stack);
	setenv("GLIBC_TUNABLES", tunable, 1);
	execv("/proc/self/exe", argv);
}

static void *meet(void *barrier)
{
	pthread_barrier_wait(barrier);
	return NULL;
}

/* As many as any plan has at a time. */
static bool make_stacks(void)
{
	pthread_t threads[8];
	pthread_barrier_t barrier;

	pthread_barrier_init(&barrier, NULL, 8);
	for (unsigned int i = 0; i < 8; i++)
		if (inject_thread(&threads[i], meet, &barrier))
			return false;
	for (unsigned int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&barrier);
	return true;
}

static void print_tally(void)
{
	for (int call = 0; call < INJECT_CALLS; call++)
		printf("%-18s %5u\n", inject_name((enum inject_call)call), tally.of_call[call]);
	printf("%u failures injected, %u told, %u complaints\n", tally.injected, tally.told,
		tally.complaints);
}

int main(int argc, char **argv)
{
	bool all = argc < 2;

	now.one = !all;
	begin_steady(argv);
	if (!SANITIZED) {
		signal(SIGSEGV, crashed);
		signal(SIGBUS, crashed);
	}
	if (!bystanders_make() || !make_stacks())
		return 1;
	for (unsigned int i = 0; i < plan_count; i++)
		if (all || strcmp(argv[1], plans[i].name) == 0)
			try_plan(&plans[i]);
	for (int call = 0; all && call < INJECT_CALLS; call++)
		if (tally.of_call[call] == 0)
			complain("%s was never called", inject_name((enum inject_call)call));
	bystanders_destroy();
	print_tally();
	return tally.complaints > 0 || tally.told == 0;
}
