/* SPDX-License-Identifier: BSD-3-Clause */
/* wait.c: sleep until a port may bring something. */
#include "port/wait_impl.h"

#include "base/base_impl.h"
#include "drivers/driver_impl.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

/* The files of all queues that may still bring something, armed. Returns how many, or -1 when one
 * does so now. */
static int arm(
	const struct weir__queue *queues, uint32_t count, struct pollfd *files, bool *can_wait)
{
	int used = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct weir_port *port = queues[i].port;
		int fd = WEIR__WAIT_NOW;

		if (weir_port_state(port) != WEIR_PORT_UP)
			continue;
		if (port->driver->wait)
			fd = port->driver->wait(port->priv, queues[i].queue);
		*can_wait &= port->driver->wait != NULL;
		if (fd == WEIR__WAIT_NOW)
			return -1;
		files[used++] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
	return used;
}

static int sleep_on(struct pollfd *files, uint32_t count, uint64_t timeout_ns)
{
	struct timespec time = {
		.tv_sec = (time_t)(timeout_ns / 1000000000),
		.tv_nsec = (long)(timeout_ns % 1000000000),
	};
	int ready = ppoll(files, count, timeout_ns == UINT64_MAX ? NULL : &time, NULL);

	if (ready < 0 && errno != EINTR)
		return weir__fail(errno, "cannot wait for ports: %s", strerror(errno));
	return ready != 0; /* after a signal the caller has a look, too */
}

int weir__port_wait(const struct weir__queue *queues, uint32_t count, int bell, uint64_t timeout_ns,
	bool *can_wait)
{
	struct pollfd files[WEIR_PORT_WAIT_MAX + 1];
	int used;

	*can_wait = true;
	if (count > WEIR_PORT_WAIT_MAX)
		return weir__fail(
			E2BIG, "%u queues to wait for, more than %d", count, WEIR_PORT_WAIT_MAX);
	used = arm(queues, count, files, can_wait);
	if (used < 0 || (used == 0 && bell < 0))
		return 1;
	if (bell >= 0)
		files[used++] = (struct pollfd){.fd = bell, .events = POLLIN};
	return sleep_on(files, (uint32_t)used, timeout_ns);
}

int weir_port_wait(struct weir_port *const *ports, uint32_t count, int timeout_ms)
{
	struct weir__queue queues[WEIR_PORT_WAIT_MAX];
	uint32_t used = 0;
	bool can_wait;

	for (uint32_t i = 0; i < count; i++) {
		if (ports[i]->queues > WEIR_PORT_WAIT_MAX - used)
			return weir__fail(E2BIG, "the ports to wait for have more than %d queues",
				WEIR_PORT_WAIT_MAX);
		for (uint32_t queue = 0; queue < ports[i]->queues; queue++)
			queues[used++] = (struct weir__queue){ports[i], queue};
	}
	return weir__port_wait(queues, used, -1,
		timeout_ms < 0 ? UINT64_MAX : (uint64_t)timeout_ms * 1000000, &can_wait);
}
