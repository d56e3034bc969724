/* SPDX-License-Identifier: BSD-3-Clause */
/* share.c: memory files, and sending them to another process. */
#include "os_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef MFD_HUGE_SHIFT
#define MFD_HUGE_SHIFT 26 /* linux/memfd.h */
#endif

/* So that a peer cannot shorten it, which would be our SIGBUS. */
static int fix_size(int file, size_t size)
{
	if (ftruncate(file, (off_t)size))
		return -errno;
	return fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) ? -errno : 0;
}

int weir__os_file(const char *name, size_t size, unsigned int huge_log2)
{
	unsigned int huge = huge_log2 ? MFD_HUGETLB | huge_log2 << MFD_HUGE_SHIFT : 0;
	int error, file = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | huge);

	if (file < 0)
		return -errno;
	error = fix_size(file, size);
	if (!error)
		return file;
	close(file);
	return error;
}

int weir__os_file_release(int file, size_t offset, size_t size)
{
	int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

	return fallocate(file, mode, (off_t)offset, (off_t)size) ? -errno : 0;
}

void weir__os_close(int file)
{
	close(file);
}

static ssize_t send_part(int socket, uint8_t *bytes, size_t size, int file)
{
	union {
		struct cmsghdr header; /* for its alignment */
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.room = {0}};
	struct iovec part = {.iov_base = bytes, .iov_len = size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t sent;

	if (file >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(file));
		memcpy(CMSG_DATA(&control.header), &file, sizeof(file));
	}
	do
		sent = sendmsg(socket, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}

int weir__os_send(int socket, void *bytes, size_t size, int file)
{
	size_t done = 0;

	/* a signal may cut a long one; the descriptor went with its start */
	while (done < size) {
		ssize_t sent =
			send_part(socket, (uint8_t *)bytes + done, size - done, done ? -1 : file);

		if (sent < 0)
			return (int)sent;
		done += (size_t)sent;
	}
	return 0;
}

/* Keep the first descriptor in a part of a message, in *file, and close the others. Returns how
 * many there were. */
static size_t take_files(struct cmsghdr *header, int *file)
{
	size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
		return 0;
	for (size_t i = 0; i < count; i++) {
		int next;

		memcpy(&next, CMSG_DATA(header) + i * sizeof(next), sizeof(next));
		if (*file < 0)
			*file = next;
		else
			close(next);
	}
	return count;
}

/* The one descriptor that may come with a message into *file, -1 without one. Of more than one none
 * stays open: those that do not fit are closed by the kernel. */
static int file_in(struct msghdr *message, int *file)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	size_t count = 0;

	for (; header; header = CMSG_NXTHDR(message, header))
		count += take_files(header, file);
	/* cut without a single one: this process cannot have any more */
	if (message->msg_flags & MSG_CTRUNC && count == 0)
		return -EMFILE;
	return message->msg_flags & MSG_CTRUNC || count > 1 ? -EPROTO : 0;
}

/* One recvmsg: returns bytes, 0 at the end, or -errno; a descriptor goes into *file. */
static ssize_t receive_part(int socket, uint8_t *bytes, size_t size, int *file)
{
	union {
		struct cmsghdr header;
		/* the socket may be set to tell credentials, which come first */
		char room[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {.iov_base = bytes, .iov_len = size};
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got;
	int error;

	do
		got = recvmsg(socket, &message, MSG_WAITALL | MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	error = file_in(&message, file);
	if (!error && message.msg_flags & MSG_TRUNC)
		error = -EPROTO;
	return error ? error : got;
}

/* What was cut by a signal goes on, unless the socket keeps messages apart. */
static bool is_stream(int socket)
{
	int type = 0;
	socklen_t size = sizeof(type);

	return getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

int weir__os_receive(int socket, void *bytes, size_t size, int *file)
{
	size_t have = 0;
	ssize_t got;

	*file = -1;
	do {
		got = receive_part(socket, (uint8_t *)bytes + have, size - have, file);
		have += got > 0 ? (size_t)got : 0;
	} while (got > 0 && have < size && is_stream(socket));
	if (have == size)
		return 0;
	if (*file >= 0)
		close(*file);
	*file = -1;
	return got < 0 ? (int)got : -EPROTO;
}

int weir__os_file_facts(int file, struct weir__os_file_facts *facts)
{
	int seals = fcntl(file, F_GET_SEALS);
	struct stat status;
	struct statfs system;

	/* EINVAL: only files in memory have them */
	if ((seals < 0 && errno != EINVAL) || fstat(file, &status) || fstatfs(file, &system))
		return -errno;
	facts->fixed = seals > 0 && seals & F_SEAL_SHRINK;
	facts->size = (uint64_t)status.st_size;
	facts->huge = system.f_type == HUGETLBFS_MAGIC ? (size_t)system.f_bsize : 0;
	return 0;
}
