/* SPDX-License-Identifier: BSD-3-Clause */
/* host.h: sockets of the host in a test of a driver: streams and datagrams that go through weir
 * from one address of the host to another, byte by byte the same. */
#ifndef HOST_H
#define HOST_H

#include <CUnit/CUnit.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define STREAM (4 << 20) /* bytes */

static inline struct sockaddr_storage address_of(const char *text, socklen_t *size)
{
	struct sockaddr_storage storage = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&storage;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&storage;

	storage.ss_family = strchr(text, ':') ? AF_INET6 : AF_INET;
	*size = storage.ss_family == AF_INET ? sizeof(*v4) : sizeof(*v6);
	v4->sin_port = htons(7000); /* at the same place in both */
	inet_pton(storage.ss_family, text,
		storage.ss_family == AF_INET ? (void *)&v4->sin_addr : (void *)&v6->sin6_addr);
	return storage;
}

/* A socket of the host, bound to own or connected to far. */
static inline int host_socket(int type, const char *own, const char *far)
{
	const struct timeval patience = {.tv_sec = 20};
	socklen_t size;
	struct sockaddr_storage address = address_of(own ? own : far, &size);
	int fd = socket(address.ss_family, type | SOCK_CLOEXEC, 0), error;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &(int){4 << 20}, sizeof(int));
	error = own ? bind(fd, (struct sockaddr *)&address, size)
		    : connect(fd, (struct sockaddr *)&address, size);
	if (error)
		printf("\n%s: %s\n", own ? own : far, strerror(errno));
	CU_ASSERT_EQUAL(error, 0);
	return fd;
}

static inline uint8_t stream_byte(uint32_t at)
{
	return (uint8_t)(at * 13 + (at >> 8) + (at >> 16) * 7);
}

static inline void *write_stream(void *context)
{
	int fd = *(int *)context;
	static uint8_t bytes[STREAM];
	ssize_t wrote;

	for (uint32_t i = 0; i < STREAM; i++)
		bytes[i] = stream_byte(i);
	for (uint32_t done = 0; done < STREAM; done += (uint32_t)wrote) {
		wrote = write(fd, bytes + done, STREAM - done);
		if (wrote <= 0)
			break;
	}
	shutdown(fd, SHUT_WR);
	return NULL;
}

/* Through weir from a socket of the host to another. */
static inline void pass_stream(const char *own, const char *far)
{
	int listener = host_socket(SOCK_STREAM, own, NULL), writer, reader;
	static uint8_t bytes[65536];
	uint32_t done = 0, wrong = 0;
	pthread_t thread;
	ssize_t got;

	CU_ASSERT_EQUAL(listen(listener, 1), 0);
	writer = host_socket(SOCK_STREAM, NULL, far);
	reader = accept(listener, NULL, NULL);
	CU_ASSERT_TRUE(reader >= 0);
	CU_ASSERT_EQUAL(pthread_create(&thread, NULL, write_stream, &writer), 0);
	while ((got = read(reader, bytes, sizeof(bytes))) > 0) {
		for (ssize_t i = 0; i < got; i++)
			wrong += bytes[i] != stream_byte(done + (uint32_t)i);
		done += (uint32_t)got;
	}
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(done, STREAM);
	CU_ASSERT_EQUAL(wrong, 0);
	close(reader);
	close(writer);
	close(listener);
}

/* 20 datagrams, handed to the kernel as one when size is not 0. */
static inline void pass_datagrams(const char *own, const char *far, int size)
{
	int reader = host_socket(SOCK_DGRAM, own, NULL),
	    writer = host_socket(SOCK_DGRAM, NULL, far);
	uint8_t bytes[20 * 1000], got[2000];
	uint32_t length = size ? sizeof(bytes) : 1000;

	for (uint32_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = stream_byte(i);
	if (size)
		CU_ASSERT_EQUAL(
			setsockopt(writer, SOL_UDP, 103 /* UDP_SEGMENT */, &size, sizeof(size)), 0);
	for (uint32_t at = 0; at < sizeof(bytes); at += length)
		CU_ASSERT_EQUAL(send(writer, bytes + at, length, 0), length);
	for (uint32_t i = 0; i < 20; i++) {
		if (recv(reader, got, sizeof(got), 0) != 1000 ||
			memcmp(got, bytes + i * 1000, 1000) != 0) {
			printf("\ndatagram %u of %d bytes to %s did not come: %s\n", i, size, far,
				strerror(errno));
			CU_FAIL("a datagram is missing");
			break;
		}
	}
	close(reader);
	close(writer);
}

#endif
