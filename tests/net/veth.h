/* SPDX-License-Identifier: BSD-3-Clause */
/* veth.h: a network namespace of the test's own with a pair of interfaces, va and vb. */
#ifndef VETH_H
#define VETH_H

#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Run a command of the shell: its exit status. */
__attribute__((format(printf, 1, 2))) static inline int run(const char *format, ...)
{
	char command[512];
	va_list args;
	int status;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A command for the shell: run another again and again, until it succeeds, for half a minute. */
#define UNTIL(command) "for i in $(seq 1500); do " command " && exit; sleep 0.02; done; exit 1"

/* The pair, with this many queues each, set up and silent. 0 or not. */
static inline int veth_make(int queues)
{
	/* a worker of the kernel lets the first one send, a little later */
	return run("ip link add va numrxqueues %d numtxqueues %d mtu 1500 type veth peer name vb "
		   "numrxqueues %d numtxqueues %d mtu 1500 && "
		   "ip link set va up && ip link set vb up",
		       queues, queues, queues, queues) ||
	       run(UNTIL("ip link show va | grep -q 'state UP'"));
}

/* Enter a new namespace in which nobody sends by himself. Exit with 77, skipped, where that is not
 * allowed. */
static inline void veth_enter(void)
{
	if (unshare(CLONE_NEWNET)) {
		printf("SKIPPED: a network namespace takes root\n");
		exit(77);
	}
	if (run("ip link set lo up; cd /proc/sys/net/ipv6/conf && echo 1 > all/disable_ipv6 && "
		"echo 1 > default/disable_ipv6"))
		printf("IPv6 stays: packets that nobody sent may come\n");
}

/* In a process of its own, as a user without privilege: what check returns. */
static inline bool as_nobody(bool (*check)(void))
{
	int status = 0;
	pid_t child = fork();

	if (child == 0)
		_exit(setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534) || !check());
	waitpid(child, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

#endif
