/* SPDX-License-Identifier: BSD-3-Clause */
/* socket.c: packet sockets, and the rings that receive.
 *
 * A socket is bound for good: when the interface goes, a new one takes its place, and its number.
 */
#include "af_packet_impl.h"

#include "mbuf/filter_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of some 100 packets that are still to be cut: TCP sends no more at a time. */
#define LONG_BYTES (8 << 20)

static int explain(const struct afp *afp, const char *what)
{
	int error = errno;
	char program[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);

	if (error != EPERM && error != EACCES)
		return weir__fail(error, "%s: %s: %s", afp->port->name, what, strerror(error));
	program[length > 0 ? length : 0] = '\0';
	return weir__fail(error,
		"%s: %s needs the capability CAP_NET_RAW: run as root, or once `setcap "
		"cap_net_raw+ep %s`",
		afp->port->name, what, program);
}

static int set(int fd, int option, const void *value, socklen_t size)
{
	return setsockopt(fd, SOL_PACKET, option, value, size);
}

static int set_number(int fd, int option, int value)
{
	return set(fd, option, &value, sizeof(value));
}

/* Put a new socket in the place of one, which may be none. */
static void replace(int *place, int fd)
{
	if (*place < 0) {
		*place = fd;
		return;
	}
	dup3(fd, *place, O_CLOEXEC);
	close(fd);
}

/* A socket that is bound to nothing, and receives nothing. */
static int open_socket(const struct afp *afp)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	return fd < 0 ? explain(afp, "a packet socket") : fd;
}

/* An interface that goes down leaves its sockets an error, and they wake whoever waits until it is
 * taken. What has happened is the watch's to find out. */
static void take_error(int fd)
{
	int error;
	socklen_t size = sizeof(error);

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
}

static int bind_socket(const struct afp *afp, int fd, uint16_t protocol)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htobe16(protocol),
		.sll_ifindex = afp_ifindex(afp),
	};

	/* without an index it would be bound to all interfaces */
	if (address.sll_ifindex == 0)
		return weir__fail(ENODEV, "%s: the interface is gone", afp->port->name);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)))
		return explain(afp, "binding to the interface");
	take_error(fd); /* of an interface that is down; it need not stay so */
	return 0;
}

/* ---- the ring ---- */

/* Bytes of a frame of version 2: headers, and what the kernel leaves in front of the IP header, are
 * below 128; a packet as long as the MTU allows, with its tag. An odd number of lines, so that the
 * headers lie in all sets of the cache. */
static uint32_t frame_for(const struct afp *afp)
{
	uint32_t size = 128 + ETH_HLEN + 4 + afp_mtu(afp), line = WEIR_CACHE_LINE;

	if (afp->conf.frame)
		return afp->conf.frame;
	return ((size + line - 1) / line | 1) * line;
}

static void lay_out(const struct afp *afp, struct afp_rx *rx)
{
	const struct afp_conf *conf = &afp->conf;
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);

	rx->frame_size = conf->version == 2 ? frame_for(afp) : page;
	rx->block_size = conf->block;
	while (rx->block_size < rx->frame_size)
		rx->block_size *= 2;
	rx->frames_per_block = rx->block_size / rx->frame_size;
	rx->block_count = conf->ring / rx->block_size;
	if (rx->block_count < 2)
		rx->block_count = 2;
}

static int make_ring(struct afp *afp, struct afp_rx *rx, int fd)
{
	struct tpacket_req3 request;
	socklen_t size = sizeof(struct tpacket_req);

	lay_out(afp, rx);
	request = (struct tpacket_req3){
		.tp_block_size = rx->block_size,
		.tp_block_nr = rx->block_count,
		.tp_frame_size = rx->frame_size,
		.tp_frame_nr = rx->block_count * rx->frames_per_block,
		.tp_retire_blk_tov = afp->conf.timeout,
	};
	if (afp->conf.version == 3)
		size = sizeof(request);
	if (set_number(fd, PACKET_VERSION, afp->conf.version == 3 ? TPACKET_V3 : TPACKET_V2) ||
		(afp->conf.offload && set_number(fd, PACKET_VNET_HDR, 1)) ||
		set(fd, PACKET_RX_RING, &request, size))
		return explain(afp, "a ring to receive by");
	return 0;
}

/* Let packets of so many bytes wait, in the direction of the options. What is beyond
 * net.core.rmem_max and wmem_max takes CAP_NET_ADMIN. */
static void make_room(int fd, int force, int option, int size)
{
	if (setsockopt(fd, SOL_SOCKET, force, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, option, &size, sizeof(size));
}

/* Packets that are longer than a frame are queued whole. */
static int queue_long(struct afp *afp, struct afp_rx *rx, int fd)
{
	if (!afp->conf.offload || afp->conf.version == 3)
		return 0;
	if (!rx->longest)
		rx->longest = malloc(AFP_LONGEST);
	if (!rx->longest)
		return weir__fail(ENOMEM, "%s: no memory", afp->port->name);
	rx->fetched = 0;
	make_room(fd, SO_RCVBUFFORCE, SO_RCVBUF, LONG_BYTES);
	return set_number(fd, PACKET_COPY_THRESH, 1) ? explain(afp, "queueing long packets") : 0;
}

static int map_ring(const struct afp *afp, struct afp_rx *rx, int fd)
{
	size_t size = (size_t)rx->block_size * rx->block_count;
	void *ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);

	if (ring == MAP_FAILED)
		return explain(afp, "mapping the ring to receive by");
	rx->ring = rx->next = ring;
	rx->ring_size = size;
	rx->block = 0;
	rx->left = afp->conf.version == 2 ? rx->frames_per_block : 0;
	return 0;
}

static void unmap_ring(struct afp_rx *rx)
{
	if (rx->ring)
		munmap(rx->ring, rx->ring_size);
	rx->ring = NULL;
}

/* ---- a group of sockets that share what comes ---- */

/* The first to come makes the group, if it is the port's own. */
static int join_group(struct afp *afp, int fd)
{
	int own = PACKET_FANOUT_FLAG_UNIQUEID << 16, word = afp->conf.mode << 16, got = 0;
	socklen_t size = sizeof(got);

	if (afp->conf.group)
		return set_number(fd, PACKET_FANOUT, word | afp->conf.group);
	if (afp->group && afp->group_generation == afp_generation(afp))
		return set_number(fd, PACKET_FANOUT, word | afp->group);
	if (set_number(fd, PACKET_FANOUT, word | own) ||
		getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &got, &size))
		return -1;
	afp->group = (uint16_t)got;
	afp->group_generation = afp_generation(afp);
	return 0;
}

static int share(struct afp *afp, int fd)
{
	int failed;

	if (!afp->conf.fanout)
		return 0;
	pthread_mutex_lock(&afp->lock);
	failed = join_group(afp, fd);
	pthread_mutex_unlock(&afp->lock);
	return failed ? explain(afp, "joining the fanout group (of an interface that is up)") : 0;
}

/* ---- filter= ---- */

/* The kernel runs the filter before a tag that it took out is put back, so it would see another
 * packet than was compiled for. Tagged ones pass here, and rx.c looks at them. */
static const struct sock_filter pass_tagged[] = {
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
};
#define PREFIX (sizeof(pass_tagged) / sizeof(*pass_tagged))

/* Where the kernel does not take it, the library filters. */
static int attach_filter(const struct afp *afp, int fd)
{
	struct sock_filter *program;
	struct sock_fprog whole;
	const void *own;
	uint32_t count;
	int failed;

	if (!afp->port->filter)
		return 0;
	own = weir__filter_program(afp->port->filter, &count);
	if (count + PREFIX > BPF_MAXINSNS)
		return 0;
	program = malloc((PREFIX + count) * sizeof(*program));
	if (!program)
		return weir__fail(ENOMEM, "%s: no memory for the filter", afp->port->name);
	memcpy(program, pass_tagged, sizeof(pass_tagged));
	memcpy(program + PREFIX, own, count * sizeof(*program));
	whole.len = (unsigned short)(PREFIX + count);
	whole.filter = program;
	failed = setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &whole, sizeof(whole));
	free(program);
	afp->port->filters = !failed;
	return 0;
}

/* ---- open and close ---- */

static int set_up_rx(struct afp *afp, struct afp_rx *rx, int fd)
{
	struct packet_mreq promiscuous = {
		.mr_ifindex = afp_ifindex(afp), .mr_type = PACKET_MR_PROMISC};
	int error = make_ring(afp, rx, fd);

	if (error)
		return error;
	if (set_number(fd, PACKET_IGNORE_OUTGOING, 1))
		return explain(afp, "not receiving what is sent (Linux 4.20)");
	error = attach_filter(afp, fd);
	if (!error)
		error = queue_long(afp, rx, fd);
	if (!error)
		error = map_ring(afp, rx, fd);
	if (!error)
		error = bind_socket(afp, fd, ETH_P_ALL);
	if (!error)
		error = share(afp, fd);
	if (!error && afp->conf.promiscuous &&
		set(fd, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous)))
		error = explain(afp, "receiving all that is on the wire (promisc=1)");
	return error;
}

int weir__afp_open_rx(struct afp *afp, uint32_t queue)
{
	struct afp_rx *rx = &afp->rx[queue];
	int fd = open_socket(afp), error;

	if (fd < 0)
		return fd;
	weir__afp_kernel_drops(afp, queue, NULL);
	rx->ready = false;
	rx->generation = afp_generation(afp);
	unmap_ring(rx);
	replace(&rx->fd, fd);
	error = set_up_rx(afp, rx, rx->fd);
	rx->ready = !error;
	if (rx->waiter >= 0)
		close(rx->waiter);
	rx->waiter = -1;
	return error;
}

/* undone: with headers */
static int open_sender(const struct afp *afp, int *place, bool undone)
{
	int fd = open_socket(afp);

	if (fd < 0)
		return fd;
	replace(place, fd);
	if (afp->conf.bypass && set_number(*place, PACKET_QDISC_BYPASS, 1))
		return explain(afp, "bypass=1");
	if (undone && set_number(*place, PACKET_VNET_HDR, 1))
		return explain(afp, "offload=1");
	if (undone)
		make_room(*place, SO_SNDBUFFORCE, SO_SNDBUF, LONG_BYTES);
	/* bound to no protocol it receives nothing */
	return bind_socket(afp, *place, 0);
}

int weir__afp_open_tx(struct afp *afp, uint32_t queue)
{
	struct afp_tx *tx = &afp->tx[queue];
	int error;

	tx->generation = afp_generation(afp);
	error = open_sender(afp, &tx->fd, false);
	if (!error && afp->conf.offload)
		error = open_sender(afp, &tx->undone_fd, true);
	tx->ready = !error;
	return error;
}

void weir__afp_close_tx(struct afp_tx *tx)
{
	if (tx->fd >= 0)
		close(tx->fd);
	if (tx->undone_fd >= 0)
		close(tx->undone_fd);
}

void weir__afp_close_rx(struct afp_rx *rx)
{
	unmap_ring(rx);
	free(rx->longest);
	if (rx->waiter >= 0)
		close(rx->waiter);
	if (rx->fd >= 0)
		close(rx->fd);
}

/* ---- what other threads ask of a socket ---- */

/* The kernel forgets what it has told. */
void weir__afp_kernel_drops(const void *priv, uint32_t queue, uint64_t *dropped)
{
	const struct afp *afp = priv;
	struct tpacket_stats_v3 told = {0}; /* version 2 fills the beginning of it */
	socklen_t size = sizeof(told);
	struct afp_rx *rx;

	if (!afp->rx)
		return;
	rx = &afp->rx[queue];
	if (rx->fd >= 0 && getsockopt(rx->fd, SOL_PACKET, PACKET_STATISTICS, &told, &size) == 0)
		/* relaxed: a figure */
		atomic_fetch_add_explicit(&rx->drops, told.tp_drops, memory_order_relaxed);
	if (dropped)
		dropped[WEIR_DROP_RX_KERNEL] += weir__counted(&rx->drops);
}

static int open_waiter(const struct afp *afp, const struct afp_rx *rx)
{
	struct epoll_event event = {.events = EPOLLIN};
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0 || (epoll_ctl(fd, EPOLL_CTL_ADD, rx->fd, &event) == 0 &&
			      epoll_ctl(fd, EPOLL_CTL_ADD, afp->netlink, &event) == 0))
		return fd;
	close(fd);
	return -1;
}

int weir__afp_wait(void *priv, uint32_t queue)
{
	struct afp *afp = priv;
	struct afp_rx *rx = &afp->rx[queue];

	weir__afp_look(afp);
	if (rx->generation != afp_generation(afp))
		return WEIR__WAIT_NOW; /* rx opens it again */
	take_error(rx->fd);
	if (rx->waiter < 0)
		rx->waiter = open_waiter(afp, rx);
	return rx->waiter < 0 ? WEIR__WAIT_NOW : rx->waiter;
}
