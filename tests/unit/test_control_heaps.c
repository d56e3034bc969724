/* SPDX-License-Identifier: BSD-3-Clause */
/* test_control_heaps.c: a program's heaps, as others see them by its control socket. The rest of
 * the socket is tested with the programs that have one (tests/app/test_control.py). */
#include "unit.h"

#include "weir/control.h"
#include "weir/track.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char folder[] = "/tmp/weir-control-XXXXXX", path[64];
static struct weir_heap *plain, *tracked;
static struct weir_control *control;

static struct weir_heap *make(const char *name, uint32_t track)
{
	struct weir_heap_conf conf = {
		.name = name, .pages = WEIR_PAGES_4K, .lazy = true, .track = track};
	struct weir_heap *heap = weir_heap_create(&conf);

	CU_ASSERT_PTR_NOT_NULL_FATAL(heap);
	return heap;
}

static void start(void)
{
	struct weir_control_conf conf = {.path = path};

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/heaps.sock", folder);
	plain = make("sessions", 0);
	tracked = make("rules", WEIR_TRACK_SITES);
	control = weir_control_create(&conf);
	CU_ASSERT_PTR_NOT_NULL_FATAL(control);
	CU_ASSERT_EQUAL(weir_control_heap(control, plain), 0);
	CU_ASSERT_EQUAL(weir_control_heap(control, tracked), 0);
	CU_ASSERT_EQUAL_FATAL(weir_control_start(control), 0);
}

static void end(void)
{
	weir_control_destroy(control);
	weir_heap_destroy(plain);
	weir_heap_destroy(tracked);
	CU_ASSERT_EQUAL(rmdir(folder), 0);
}

/* The line that is answered. */
static const char *ask(const char *request)
{
	static char answer[65536];
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t have = 0;
	ssize_t more = 1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	CU_ASSERT_EQUAL_FATAL(
		connect(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)), 0);
	CU_ASSERT_EQUAL(write(fd, request, strlen(request)), (ssize_t)strlen(request));
	while (more > 0 && have < sizeof(answer) - 1 && !memchr(answer, '\n', have)) {
		more = read(fd, answer + have, sizeof(answer) - 1 - have);
		have += more > 0 ? (size_t)more : 0;
	}
	answer[have] = '\0';
	close(fd);
	return answer;
}

static void check_says(const char *answer, const char *words)
{
	if (!strstr(answer, words))
		fprintf(stderr, "no '%s' in %s\n", words, answer);
	CU_ASSERT_PTR_NOT_NULL(strstr(answer, words));
}

static void test_heaps_and_their_classes(void)
{
	void *small = weir_heap_alloc(plain, 100), *large = weir_heap_alloc(plain, 100000);
	const char *answer = ask("{\"command\":\"heaps\"}\n");

	check_says(answer, "{\"ok\":[{\"heap\":\"sessions\",\"size\":2097152,");
	check_says(answer, "\"blocks\":2,\"large\":1,");
	check_says(answer, "\"classes\":[{\"size\":");
	check_says(answer, "{\"heap\":\"rules\",");
	weir_heap_free(plain, small);
	weir_heap_free(plain, large);
	check_says(ask("{\"command\":\"heaps\"}\n"), "\"blocks\":0,\"large\":0,");
	check_says(ask("{\"command\":\"heaps\",\"name\":\"rules\"}\n"),
		"\"error\":\"'heaps' does not");
}

static void test_leaks_of_heaps(void)
{
	void *block = weir_heap_alloc(tracked, 1000), *other = weir_heap_alloc(plain, 10);
	const char *answer = ask("{\"command\":\"leaks\"}\n");

	check_says(answer, "{\"heap\":\"rules\",\"out\":1,\"bytes\":1000,");
	check_says(answer, "test_control_heaps");
	if (!getenv("WEIR_TRACK"))
		check_says(answer, "{\"heap\":\"sessions\",\"out\":1,\"tracked\":false}");
	check_says(ask("{\"command\":\"leaks\",\"seconds\":1000}\n"),
		"{\"heap\":\"rules\",\"out\":0,\"bytes\":0,");
	weir_heap_free(tracked, block);
	weir_heap_free(plain, other);
	check_says(ask("{\"command\":\"leaks\"}\n"), "{\"heap\":\"rules\",\"out\":0,");
}

static void test_no_more_than_there_is_room(void)
{
	char other[sizeof(path) + 8];
	struct weir_control_conf conf = {.path = other};
	struct weir_control *full;

	snprintf(other, sizeof(other), "%s.full", path);
	full = weir_control_create(&conf);
	CU_ASSERT_PTR_NOT_NULL_FATAL(full);
	for (int i = 0; i < WEIR_CONTROL_SHOWN; i++)
		CU_ASSERT_EQUAL(weir_control_heap(full, plain), 0);
	CU_ASSERT_EQUAL(weir_control_heap(full, plain), -ENOSPC);
	check_says(weir_last_error(), "at most 64 heaps");
	weir_control_destroy(full);
}

int main(void)
{
	static CU_TestInfo tests[] = {{"start", start},
		{"heaps and their classes", test_heaps_and_their_classes},
		{"leaks of heaps", test_leaks_of_heaps},
		{"no more than there is room", test_no_more_than_there_is_room}, {"end", end},
		CU_TEST_INFO_NULL};

	return unit_run("control heaps", tests);
}
