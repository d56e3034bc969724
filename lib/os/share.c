/* SPDX-License-Identifier: BSD-3-Clause */
/* share.c: memory files, and sending them to another process. */
#include "os_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

int weir__os_send(int socket, void *bytes, size_t size, int file)
{
	union {
		struct cmsghdr header; /* for its alignment */
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {.iov_base = bytes, .iov_len = size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t sent;

	if (file >= 0) {
		struct cmsghdr *header;

		memset(&control, 0, sizeof(control));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(file));
		memcpy(CMSG_DATA(header), &file, sizeof(file));
	}
	do
		sent = sendmsg(socket, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	return (size_t)sent == size ? 0 : -EMSGSIZE;
}

/* The descriptor in a message, -1 without one. Further ones would leak: there is room for one, and
 * the kernel closes what does not fit. */
static int file_in(struct msghdr *message)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	int file = -1;

	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
		header->cmsg_len == CMSG_LEN(sizeof(file)))
		memcpy(&file, CMSG_DATA(header), sizeof(file));
	return file;
}

int weir__os_receive(int socket, void *bytes, size_t size, int *file)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {.iov_base = bytes, .iov_len = size};
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got;

	*file = -1;
	do
		got = recvmsg(socket, &message, MSG_WAITALL | MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	*file = file_in(&message);
	if ((size_t)got == size && !(message.msg_flags & MSG_TRUNC))
		return 0;
	if (*file >= 0)
		close(*file);
	*file = -1;
	return -EPROTO;
}

int64_t weir__os_file_size(int file)
{
	struct stat status;

	return fstat(file, &status) ? -errno : status.st_size;
}
