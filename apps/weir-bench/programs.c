/* SPDX-License-Identifier: BSD-3-Clause */
/* programs.c: find the peers, run them, take their rows. */
#include "programs.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

const struct program programs_peers[] = {
	{"dpdk", "peer-dpdk",
		"mempool,heap,mbuf,create,packets,parse,ring,handoff,replay,readahead,loop,"
		"loopcopy,convert,convertahead,checksum,pipeline,flow,acl"},
	{"glibc", "peer-glibc", "mbuf,handoff,heap"},
	{"jemalloc", "peer-jemalloc", "mbuf,handoff,heap"},
	{"mimalloc", "peer-mimalloc", "mbuf,handoff,heap"},
	{"ck", "peer-ck", "ring"},
	{"urcu", "peer-urcu", "ring"},
	{"urcu-lfq", "peer-urcu-lfq", "ring"},
	{"pcap", "peer-pcap", "replay,readahead,convert,convertahead"},
	{"tcpreplay", "peer-tcpreplay", "replay"},
	{0},
};

/* Beside this program in a folder peers, as built; else where they are installed. */
static bool find_program(const struct program *program, char *path, size_t size)
{
	char self[4096];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (length <= 0)
		return false;
	self[length] = '\0';
	if (!program) {
		snprintf(path, size, "%s", self);
		return true;
	}
	slash = strrchr(self, '/');
	*slash = '\0';
	snprintf(path, size, "%s/peers/%s", self, program->file);
	if (access(path, X_OK) == 0)
		return true;
	snprintf(path, size, PEERS_DIR "/%s", program->file);
	return access(path, X_OK) == 0;
}

bool programs_exists(const struct program *program)
{
	char path[8192];

	return find_program(program, path, sizeof(path));
}

/* Start it with its standard output in a pipe: the end to read, or -errno. */
static int start(char *path, const char *bench, const struct options *options, pid_t *child)
{
	const char *arguments[OPTIONS_FORWARD_MAX + 8] = {
		path, bench, "--json=-", "--quiet", "--repeats=1"};
	posix_spawn_file_actions_t actions;
	int ends[2], error;

	for (uint32_t i = 0; i < options->forward_count; i++)
		arguments[5 + i] = options->forward[i];
	if (pipe(ends) != 0)
		return -errno;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, ends[0]);
	posix_spawn_file_actions_addclose(&actions, ends[1]);
	error = posix_spawn(
		child, path, &actions, NULL, (char *const *)(uintptr_t)arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	if (error != 0)
		close(ends[0]);
	return error != 0 ? -error : ends[0];
}

int programs_run(struct bench_run *run, const struct program *program, const char *bench)
{
	const char *name = program ? program->name : "weir";
	char path[8192];
	json_t *rows;
	pid_t child;
	int output, status = 0;

	if (!find_program(program, path, sizeof(path)))
		return bench_fail(run, bench, name, "is not here");
	output = start(path, bench, &run->options, &child);
	if (output < 0)
		return bench_fail(run, bench, name, strerror(-output));
	rows = json_loadfd(output, 0, NULL);
	close(output);
	if (waitpid(child, &status, 0) != child)
		status = -1;
	if (status == 0 && rows)
		json_array_extend(run->rows, rows);
	json_decref(rows);
	if (WIFEXITED(status) && WEXITSTATUS(status) == BENCH_NOT_HERE)
		return 0;
	return status == 0 && rows ? 0 : bench_fail(run, bench, name, "failed");
}
