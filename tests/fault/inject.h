/* SPDX-License-Identifier: BSD-3-Clause */
/* inject.h: calls of libc and libnuma that fail when they are told to.
 *
 * The linker puts the functions of inject.c in front of the real ones (--wrap, see meson.build),
 * for the library as for the test. They pass everything on until one is armed: then its n-th call
 * from there on fails, or all from the n-th on.  */
#ifndef INJECT_H
#define INJECT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum inject_call {
	INJECT_MMAP,
	INJECT_MUNMAP,
	INJECT_MADVISE,
	INJECT_MLOCK,
	INJECT_MINCORE,
	INJECT_MBIND,
	INJECT_GET_MEMPOLICY,
	INJECT_MOVE_PAGES,
	INJECT_MEMFD_CREATE,
	INJECT_FTRUNCATE,
	INJECT_FCNTL,
	INJECT_FALLOCATE,
	INJECT_FSTAT,
	INJECT_FSTATFS,
	INJECT_CLOSE,
	INJECT_SENDMSG,
	INJECT_RECVMSG,
	INJECT_GETSOCKOPT,
	INJECT_GETRANDOM,
	INJECT_ACCESS,
	INJECT_FOPEN,
	INJECT_FGETS,
	INJECT_FCLOSE,
	INJECT_OPENDIR,
	INJECT_READDIR,
	INJECT_CLOSEDIR,
	INJECT_SCHED_GETAFFINITY,
	INJECT_MALLOC,
	INJECT_CALLOC,
	INJECT_ALIGNED_ALLOC,
	INJECT_OPEN_MEMSTREAM,
	INJECT_PTHREAD_CREATE,
	INJECT_CALLS,
};

/* The name of the call, and the errors worth trying with it, ended by 0. */
const char *inject_name(enum inject_call call);
const int *inject_errors(enum inject_call call);

/* Let the n-th call fail, n from 1 on, and with stay all those behind it. */
void inject_arm(enum inject_call call, unsigned int n, int error, bool stay);

/* Pass everything on again. Did it come to the n-th call? */
bool inject_disarm(void);

/* Between the two nothing fails and nothing is counted: the test itself is looking. */
void inject_pause(void);
void inject_resume(void);

/* Bytes of addresses that the library has from mmap and has not given back. */
size_t inject_mapped(void);

/* Give back what munmap was made to refuse. False when memory was left there. */
bool inject_unmap_refused(void);

/* A thread of the test's own, which no failure is for. */
int inject_thread(pthread_t *thread, void *(*run)(void *), void *argument);

#endif
