/* SPDX-License-Identifier: BSD-3-Clause */
/* server.c: the thread of a control socket. No client is trusted:
 *
 * - Nothing waits for a client. While it does not take its answer, nothing is read from it, so it
 *   has one answer of bounded size here, and one line.
 * - Who neither sends a whole line nor takes an answer within the timeout is closed. When all
 *   places are taken, who has been silent the longest makes room, so nobody can keep others out by
 *   staying.
 * - A round answers one line of each client.
 * - The thread has a budget of time: it fills at a hundredth of the clock, up to BUDGET_NS. When it
 *   is spent the thread sleeps, and whoever floods it waits. So the packets' way loses no more than
 *   that, even on the same core.
 */
#include "control/control_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A hundredth: clients shall not cost the packets' way more than that. */
#define BUDGET_SHARE 100
/* What may be taken at once: some reports, of which one with lines of code takes tens of ms. */
#define BUDGET_NS 100000000
/* Accepted in a round: fewer than there are places, so that who has just come is read before it can
 * be the one that makes room. */
#define ACCEPTS 4
/* How long nobody is accepted when the process has no descriptor left. */
#define DEAF_NS 100000000

/* ---- time ---- */

static uint64_t thread_ns(void)
{
	struct timespec spent;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
	return (uint64_t)spent.tv_sec * 1000000000 + (uint64_t)spent.tv_nsec;
}

static bool is_told_to_end(const struct weir_control *control, int timeout_ms)
{
	struct pollfd wake = {.fd = control->wake, .events = POLLIN};

	return poll(&wake, 1, timeout_ms) > 0;
}

/* Sleep while the budget is spent. true: end. */
static bool keep_to_budget(struct weir_control *control)
{
	uint64_t now = weir__monotonic_ns(), spent = thread_ns();

	control->budget_ns += (int64_t)((now - control->budget_at_ns) / BUDGET_SHARE);
	if (control->budget_ns > BUDGET_NS)
		control->budget_ns = BUDGET_NS;
	control->budget_ns -= (int64_t)(spent - control->budget_spent);
	control->budget_at_ns = now;
	control->budget_spent = spent;
	if (control->budget_ns >= 0)
		return is_told_to_end(control, 0);
	return is_told_to_end(control, (int)(-control->budget_ns * BUDGET_SHARE / 1000000) + 1);
}

/* ---- clients ---- */

static void drop_client(struct weir_control *control, uint32_t index)
{
	struct weir__client *client = control->clients[index];

	close(client->fd);
	free(client->out);
	free(client);
	control->clients[index] = control->clients[--control->client_count];
}

static void make_place(struct weir_control *control)
{
	uint32_t oldest = 0;

	if (control->client_count < control->client_max)
		return;
	for (uint32_t i = 1; i < control->client_count; i++)
		if (control->clients[i]->since_ns < control->clients[oldest]->since_ns)
			oldest = i;
	drop_client(control, oldest);
	control->displaced++;
}

static void accept_some(struct weir_control *control)
{
	for (uint32_t i = 0; i < ACCEPTS && i < control->client_max; i++) {
		int fd = accept4(control->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct weir__client *client = fd >= 0 ? calloc(1, sizeof(*client)) : NULL;

		if (!client) {
			/* a listener that cannot be served stays readable */
			if (fd >= 0 || (errno != EAGAIN && errno != ECONNABORTED))
				control->deaf_until_ns = weir__monotonic_ns() + DEAF_NS;
			if (fd >= 0)
				close(fd);
			return;
		}
		make_place(control);
		client->fd = fd;
		client->since_ns = weir__monotonic_ns();
		control->clients[control->client_count++] = client;
		control->accepted++;
	}
}

static char *find_newline(struct weir__client *client)
{
	return memchr(client->in, '\n', client->in_count);
}

/* Send what can be sent. false: it is gone, or was to go. */
static bool send_some(struct weir__client *client)
{
	while (client->out && client->out_sent < client->out_size) {
		ssize_t sent = send(client->fd, client->out + client->out_sent,
			client->out_size - client->out_sent, MSG_NOSIGNAL);

		if (sent < 0)
			return errno == EAGAIN || errno == EINTR;
		client->out_sent += (size_t)sent;
	}
	if (client->out)
		client->since_ns = weir__monotonic_ns();
	free(client->out);
	client->out = NULL;
	return !client->closing;
}

/* Answer the first line there is. */
static bool answer_line(struct weir_control *control, struct weir__client *client)
{
	char *newline = find_newline(client);
	size_t size = newline ? (size_t)(newline - client->in) : client->in_count;

	if (newline) {
		client->out = weir__control_answer(control, client->in, size, &client->out_size);
		client->in_count -= (uint32_t)size + 1;
		memmove(client->in, newline + 1, client->in_count);
	} else {
		static const char too_long[] = "{\"error\":\"a request has at most 4096 bytes\"}\n";

		static_assert(WEIR_CONTROL_REQUEST_MAX == 4096, "as the sentence says");
		client->out = strdup(too_long);
		client->out_size = sizeof(too_long) - 1;
		client->closing = true;
		control->errors++;
	}
	client->out_sent = 0;
	return client->out && send_some(client);
}

/* false: the client has gone. */
static bool receive(struct weir__client *client)
{
	ssize_t count = recv(client->fd, client->in + client->in_count,
		sizeof(client->in) - client->in_count, 0);

	if (count < 0)
		return errno == EAGAIN || errno == EINTR;
	client->in_count += (uint32_t)count;
	return count > 0;
}

static bool has_request(struct weir__client *client)
{
	return find_newline(client) || client->in_count == sizeof(client->in);
}

/* What this client has for us, and we for it. false: close it. */
static bool serve_client(
	struct weir_control *control, struct weir__client *client, const struct pollfd *ready)
{
	if (client->out)
		return ready->revents ? send_some(client) : true;
	if (ready->revents && !has_request(client) && !receive(client))
		return false;
	return has_request(client) ? answer_line(control, client) : true;
}

static bool is_late(const struct weir_control *control, const struct weir__client *client)
{
	uint64_t silent = weir__monotonic_ns() - client->since_ns;

	return silent / 1000000 >= control->timeout_ms;
}

/* ---- rounds ---- */

/* What to wait for; returns for how long, in ms. */
static int prepare(struct weir_control *control, struct pollfd *fds)
{
	uint64_t now = weir__monotonic_ns(), oldest = now;
	bool deaf = now < control->deaf_until_ns, lines = false;

	fds[0] = (struct pollfd){.fd = control->wake, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = deaf ? -1 : control->listener, .events = POLLIN};
	for (uint32_t i = 0; i < control->client_count; i++) {
		struct weir__client *client = control->clients[i];

		fds[2 + i] =
			(struct pollfd){.fd = client->fd, .events = client->out ? POLLOUT : POLLIN};
		lines |= !client->out && has_request(client);
		if (client->since_ns < oldest)
			oldest = client->since_ns;
	}
	if (lines)
		return 0;
	if (deaf)
		return DEAF_NS / 1000000;
	if (control->client_count == 0)
		return -1;
	now = (now - oldest) / 1000000;
	return now < control->timeout_ms ? (int)(control->timeout_ms - now) : 0;
}

static void serve_round(struct weir_control *control, struct pollfd *fds)
{
	int timeout_ms = prepare(control, fds);
	uint32_t count = control->client_count;

	if (poll(fds, 2 + count, timeout_ms) < 0)
		return;
	/* backwards: who is dropped is replaced by the last, which had its turn */
	for (uint32_t i = count; i-- > 0;) {
		bool stays = serve_client(control, control->clients[i], &fds[2 + i]);

		if (stays && is_late(control, control->clients[i])) {
			control->timed_out++;
			stays = false;
		}
		if (!stays)
			drop_client(control, i);
	}
	if (fds[1].revents)
		accept_some(control);
}

void *weir__control_serve(void *context)
{
	struct weir_control *control = context;
	struct pollfd *fds = calloc(2 + control->client_max, sizeof(*fds));

	/* of this thread only, as Linux has it; without the right to it, it is as nice as others */
	setpriority(PRIO_PROCESS, 0, 19);
	control->budget_ns = BUDGET_NS;
	control->budget_at_ns = weir__monotonic_ns();
	control->budget_spent = thread_ns();
	while (fds && !keep_to_budget(control))
		serve_round(control, fds);
	while (control->client_count > 0)
		drop_client(control, 0);
	free(fds);
	return NULL;
}

int weir_control_start(struct weir_control *control)
{
	sigset_t all, before;
	int error;

	if (control->started)
		return weir__fail(EALREADY, "the control socket was started before");
	/* signals are for the application's threads */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&control->thread, NULL, weir__control_serve, control);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error)
		return weir__fail(error, "no thread for the control socket: %s", strerror(error));
	control->started = true;
	return 0;
}
