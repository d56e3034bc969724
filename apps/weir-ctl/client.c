/* SPDX-License-Identifier: BSD-3-Clause */
/* client.c: a line to the socket, a line from it, within a time. */
#include "apps/weir-ctl/client.h"

#include "apps/common/app.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct client {
	int fd;
	uint64_t until_ns;
	char *line; /* the answer so far */
	size_t count, room;
};

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, error;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* Wait for one of events. false, with errno ETIMEDOUT, when the time is over. */
static bool await(const struct client *client, short events)
{
	struct pollfd fd = {.fd = client->fd, .events = events};
	uint64_t now;

	while ((now = app_now_ns()) < client->until_ns) {
		uint64_t left_ms = (client->until_ns - now) / 1000000 + 1;
		/* an int of ms is less than the time may be */
		int ready = poll(&fd, 1, left_ms < 1000 ? (int)left_ms : 1000);

		if (ready > 0)
			return true;
		if (ready < 0 && errno != EINTR)
			return false;
	}
	errno = ETIMEDOUT;
	return false;
}

static bool send_all(const struct client *client, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t sent;

		if (!await(client, POLLOUT))
			return false;
		sent = send(client->fd, text, size, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno != EAGAIN)
			return false;
		if (sent > 0) {
			text += sent;
			size -= (size_t)sent;
		}
	}
	return true;
}

static bool make_room(struct client *client)
{
	size_t room = client->room ? 2 * client->room : 4096;
	char *line = client->count < client->room ? client->line : realloc(client->line, room);

	if (!line)
		return false;
	client->line = line;
	if (client->count == client->room)
		client->room = room;
	return true;
}

/* Until the newline; no answer is longer than WEIR_CONTROL_ANSWER_MAX. */
static bool receive_line(struct client *client)
{
	while (client->count <= WEIR_CONTROL_ANSWER_MAX) {
		ssize_t count;

		if (!await(client, POLLIN) || !make_room(client))
			return false;
		count = recv(
			client->fd, client->line + client->count, client->room - client->count, 0);
		if (count < 0)
			return false;
		client->count += (size_t)count;
		if (client->count > 0 && client->line[client->count - 1] == '\n')
			return true;
		if (count == 0) {
			errno = ECONNRESET;
			return false;
		}
	}
	errno = EMSGSIZE;
	return false;
}

static json_t *exchange(struct client *client, const json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	json_t *answer = NULL;

	if (text && send_all(client, text, strlen(text)) && send_all(client, "\n", 1) &&
		receive_line(client)) {
		answer = json_loadb(client->line, client->count, 0, NULL);
		errno = EPROTO;
	}
	free(text);
	free(client->line);
	return answer;
}

json_t *client_ask(const char *path, const json_t *request, uint64_t timeout_ns, const char **why)
{
	static char sentence[256];
	struct client client = {
		.fd = connect_to(path), .until_ns = app_now_ns() + timeout_ns, .line = NULL};
	json_t *answer = client.fd >= 0 ? exchange(&client, request) : NULL;

	*why = sentence;
	if (!answer)
		snprintf(sentence, sizeof(sentence), "%s: %s%s", path, strerror(errno),
			errno == ECONNREFUSED || errno == ENOENT ? ": no program listens there"
								 : "");
	if (client.fd >= 0)
		close(client.fd);
	return answer;
}
