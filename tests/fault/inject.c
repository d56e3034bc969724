/* SPDX-License-Identifier: BSD-3-Clause */
/* inject.c: the functions that the linker puts in front of the real ones. */
#include "inject.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define REFUSED_MAX 4096

static struct {
	const char *name;
	int errors[10];
} calls[INJECT_CALLS] = {
	[INJECT_MMAP] = {"mmap", {ENOMEM, EPERM, EINVAL, ENOSYS, EAGAIN}},
	[INJECT_MUNMAP] = {"munmap", {ENOMEM, EPERM, EINVAL, ENOSYS}},
	[INJECT_MADVISE] = {"madvise", {ENOMEM, EPERM, EINVAL, ENOSYS, EFAULT, EAGAIN}},
	[INJECT_MLOCK] = {"mlock", {ENOMEM, EPERM, EINVAL, ENOSYS, EAGAIN}},
	[INJECT_MINCORE] = {"mincore", {ENOMEM, EPERM, EINVAL, ENOSYS, EAGAIN, EFAULT}},
	[INJECT_MBIND] = {"mbind", {ENOMEM, EPERM, EINVAL, ENOSYS, EFAULT, EIO}},
	[INJECT_GET_MEMPOLICY] = {"get_mempolicy", {ENOMEM, EPERM, EINVAL, ENOSYS, EFAULT}},
	[INJECT_MOVE_PAGES] = {"move_pages", {ENOMEM, EPERM, EINVAL, ENOSYS, EACCES, ENODEV}},
	[INJECT_MEMFD_CREATE] = {"memfd_create", {ENOMEM, EPERM, EINVAL, ENOSYS, EMFILE, ENFILE}},
	[INJECT_FTRUNCATE] = {"ftruncate", {ENOMEM, EPERM, EINVAL, ENOSYS, EFBIG}},
	[INJECT_FCNTL] = {"fcntl", {ENOMEM, EPERM, EINVAL, ENOSYS, EBUSY}},
	[INJECT_FALLOCATE] = {"fallocate", {ENOMEM, EPERM, EINVAL, ENOSYS, EOPNOTSUPP}},
	[INJECT_FSTAT] = {"fstat", {ENOMEM, EPERM, EINVAL, ENOSYS, EOVERFLOW}},
	[INJECT_FSTATFS] = {"fstatfs", {ENOMEM, EPERM, EINVAL, ENOSYS, EOVERFLOW}},
	[INJECT_CLOSE] = {"close", {ENOMEM, EPERM, EINVAL, ENOSYS, EINTR, EIO}},
	[INJECT_SENDMSG] = {"sendmsg", {ENOMEM, EPERM, EINVAL, ENOSYS, EPIPE, EAGAIN, EINTR}},
	[INJECT_RECVMSG] = {"recvmsg", {ENOMEM, EPERM, EINVAL, ENOSYS, ECONNRESET, EAGAIN, EINTR}},
	[INJECT_GETSOCKOPT] = {"getsockopt", {ENOMEM, EPERM, EINVAL, ENOSYS}},
	[INJECT_GETRANDOM] = {"getrandom", {ENOSYS, EPERM, EAGAIN}},
	[INJECT_ACCESS] = {"access", {ENOMEM, EACCES, ENOENT, EIO}},
	[INJECT_FOPEN] = {"fopen", {ENOMEM, EMFILE, EACCES, ENOENT}},
	[INJECT_FGETS] = {"fgets", {EIO}},
	[INJECT_FCLOSE] = {"fclose", {EIO}},
	[INJECT_OPENDIR] = {"opendir", {ENOMEM, EMFILE, EACCES, ENOENT}},
	[INJECT_READDIR] = {"readdir", {ENOENT}},
	[INJECT_CLOSEDIR] = {"closedir", {EBADF}},
	[INJECT_SCHED_GETAFFINITY] = {"sched_getaffinity", {ENOMEM, EPERM, EINVAL, ENOSYS}},
	[INJECT_MALLOC] = {"malloc", {ENOMEM}},
	[INJECT_CALLOC] = {"calloc", {ENOMEM}},
	[INJECT_ALIGNED_ALLOC] = {"aligned_alloc", {ENOMEM}},
	[INJECT_OPEN_MEMSTREAM] = {"open_memstream", {ENOMEM}},
	[INJECT_PTHREAD_CREATE] = {"pthread_create", {EAGAIN, EPERM, EINVAL, ENOMEM}},
};

static struct {
	_Atomic(bool) on;
	enum inject_call call;
	unsigned int n;
	int error;
	bool stay;
	_Atomic(unsigned int) seen;
} armed;

static _Atomic(size_t) mapped;

static struct {
	uint8_t *address;
	size_t size;
} refused[REFUSED_MAX];
static size_t refused_count;
static pthread_mutex_t refused_lock = PTHREAD_MUTEX_INITIALIZER;

const char *inject_name(enum inject_call call)
{
	return calls[call].name;
}

const int *inject_errors(enum inject_call call)
{
	return calls[call].errors;
}

void inject_arm(enum inject_call call, unsigned int n, int error, bool stay)
{
	armed.call = call;
	armed.n = n;
	armed.error = error;
	armed.stay = stay;
	atomic_store(&armed.seen, 0);
	atomic_store(&armed.on, true);
}

bool inject_disarm(void)
{
	bool came = atomic_load(&armed.seen) >= armed.n;

	atomic_store(&armed.on, false);
	armed.n = 0;
	return came;
}

void inject_pause(void)
{
	atomic_store(&armed.on, false);
}

void inject_resume(void)
{
	atomic_store(&armed.on, armed.n > 0);
}

size_t inject_mapped(void)
{
	return mapped;
}

/* Is it this call's turn to fail? Sets errno. */
static bool fails(enum inject_call call)
{
	unsigned int n;

	if (!atomic_load(&armed.on) || armed.call != call)
		return false;
	n = atomic_fetch_add(&armed.seen, 1) + 1;
	if (n < armed.n || (n > armed.n && !armed.stay))
		return false;
	errno = armed.error;
	return true;
}

/* ---- map.c ---- */

void *__real_mmap64(void *address, size_t size, int protection, int flags, int file, off_t offset);
void *__wrap_mmap64(void *address, size_t size, int protection, int flags, int file, off_t offset);

void *__wrap_mmap64(void *address, size_t size, int protection, int flags, int file, off_t offset)
{
	void *got;

	if (fails(INJECT_MMAP))
		return MAP_FAILED;
	got = __real_mmap64(address, size, protection, flags, file, offset);
	if (got != MAP_FAILED && !(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)))
		mapped += size;
	return got;
}

int __real_munmap(void *address, size_t size);
int __wrap_munmap(void *address, size_t size);

/* What was refused before and is unmapped now, or refused as part of more, is not to be unmapped
 * once more: it may be in use again by then. Then keep this one, if it is to be kept. */
static void note_refused(uint8_t *address, size_t size, bool keep)
{
	pthread_mutex_lock(&refused_lock);
	for (size_t i = 0; i < refused_count;)
		if (refused[i].address >= address && refused[i].address < address + size)
			refused[i] = refused[--refused_count];
		else
			i++;
	if (keep && refused_count < REFUSED_MAX) {
		refused[refused_count].address = address;
		refused[refused_count++].size = size;
	}
	pthread_mutex_unlock(&refused_lock);
}

int __wrap_munmap(void *address, size_t size)
{
	if (fails(INJECT_MUNMAP)) {
		note_refused(address, size, true);
		return -1;
	}
	/* first: a moment later the addresses may be another thread's, and refused again */
	note_refused(address, size, false);
	if (__real_munmap(address, size))
		return -1;
	mapped -= size;
	return 0;
}

/* Pages of the range that are in memory, by the kernel's word. */
static size_t resident_pages(uint8_t *address, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), count = 0;
	unsigned char *bits = malloc(size / page);

	if (bits && mincore(address, size, bits) == 0)
		for (size_t i = 0; i < size / page; i++)
			count += bits[i] & 1;
	free(bits);
	return count;
}

bool inject_unmap_refused(void)
{
	bool empty = true;

	while (refused_count) {
		uint8_t *address = refused[refused_count - 1].address;
		size_t size = refused[--refused_count].size;

		empty = empty && resident_pages(address, size) == 0;
		__real_munmap(address, size);
		mapped -= size;
	}
	return empty;
}

int __real_madvise(void *address, size_t size, int advice);
int __wrap_madvise(void *address, size_t size, int advice);

int __wrap_madvise(void *address, size_t size, int advice)
{
	return fails(INJECT_MADVISE) ? -1 : __real_madvise(address, size, advice);
}

int __real_mincore(void *address, size_t size, unsigned char *present);
int __wrap_mincore(void *address, size_t size, unsigned char *present);

int __wrap_mincore(void *address, size_t size, unsigned char *present)
{
	return fails(INJECT_MINCORE) ? -1 : __real_mincore(address, size, present);
}

int __real_mlock(const void *address, size_t size);
int __wrap_mlock(const void *address, size_t size);

int __wrap_mlock(const void *address, size_t size)
{
	return fails(INJECT_MLOCK) ? -1 : __real_mlock(address, size);
}

int __real_sched_getaffinity(pid_t thread, size_t size, cpu_set_t *processors);
int __wrap_sched_getaffinity(pid_t thread, size_t size, cpu_set_t *processors);

int __wrap_sched_getaffinity(pid_t thread, size_t size, cpu_set_t *processors)
{
	return fails(INJECT_SCHED_GETAFFINITY) ? -1
					       : __real_sched_getaffinity(thread, size, processors);
}

/* ---- node.c ---- */

long __real_mbind(void *start, unsigned long size, int mode, const unsigned long *nodes,
	unsigned long max, unsigned int flags);
long __wrap_mbind(void *start, unsigned long size, int mode, const unsigned long *nodes,
	unsigned long max, unsigned int flags);

long __wrap_mbind(void *start, unsigned long size, int mode, const unsigned long *nodes,
	unsigned long max, unsigned int flags)
{
	return fails(INJECT_MBIND) ? -1 : __real_mbind(start, size, mode, nodes, max, flags);
}

long __real_get_mempolicy(
	int *mode, unsigned long *nodes, unsigned long max, void *address, unsigned int flags);
long __wrap_get_mempolicy(
	int *mode, unsigned long *nodes, unsigned long max, void *address, unsigned int flags);

long __wrap_get_mempolicy(
	int *mode, unsigned long *nodes, unsigned long max, void *address, unsigned int flags)
{
	return fails(INJECT_GET_MEMPOLICY) ? -1
					   : __real_get_mempolicy(mode, nodes, max, address, flags);
}

long __real_move_pages(
	int process, unsigned long count, void **pages, const int *to, int *status, int flags);
long __wrap_move_pages(
	int process, unsigned long count, void **pages, const int *to, int *status, int flags);

long __wrap_move_pages(
	int process, unsigned long count, void **pages, const int *to, int *status, int flags)
{
	return fails(INJECT_MOVE_PAGES)
		       ? -1
		       : __real_move_pages(process, count, pages, to, status, flags);
}

/* ---- share.c ---- */

int __real_memfd_create(const char *name, unsigned int flags);
int __wrap_memfd_create(const char *name, unsigned int flags);

int __wrap_memfd_create(const char *name, unsigned int flags)
{
	return fails(INJECT_MEMFD_CREATE) ? -1 : __real_memfd_create(name, flags);
}

int __real_ftruncate64(int file, off_t size);
int __wrap_ftruncate64(int file, off_t size);

int __wrap_ftruncate64(int file, off_t size)
{
	return fails(INJECT_FTRUNCATE) ? -1 : __real_ftruncate64(file, size);
}

int __real_fcntl64(int file, int command, ...);
int __wrap_fcntl64(int file, int command, ...);

/* All commands here take a number, or nothing and ignore one. */
int __wrap_fcntl64(int file, int command, ...)
{
	va_list args;
	long argument;

	va_start(args, command);
	argument = va_arg(args, long);
	va_end(args);
	return fails(INJECT_FCNTL) ? -1 : __real_fcntl64(file, command, argument);
}

int __real_fallocate64(int file, int mode, off_t offset, off_t size);
int __wrap_fallocate64(int file, int mode, off_t offset, off_t size);

int __wrap_fallocate64(int file, int mode, off_t offset, off_t size)
{
	return fails(INJECT_FALLOCATE) ? -1 : __real_fallocate64(file, mode, offset, size);
}

int __real_fstat64(int file, struct stat *status);
int __wrap_fstat64(int file, struct stat *status);

int __wrap_fstat64(int file, struct stat *status)
{
	return fails(INJECT_FSTAT) ? -1 : __real_fstat64(file, status);
}

int __real_fstatfs64(int file, struct statfs *system);
int __wrap_fstatfs64(int file, struct statfs *system);

int __wrap_fstatfs64(int file, struct statfs *system)
{
	return fails(INJECT_FSTATFS) ? -1 : __real_fstatfs64(file, system);
}

int __real_close(int file);
int __wrap_close(int file);

/* Linux closes it whatever it returns. */
int __wrap_close(int file)
{
	int result = __real_close(file);

	return fails(INJECT_CLOSE) ? -1 : result;
}

ssize_t __real_sendmsg(int socket, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int socket, const struct msghdr *message, int flags);

ssize_t __wrap_sendmsg(int socket, const struct msghdr *message, int flags)
{
	return fails(INJECT_SENDMSG) ? -1 : __real_sendmsg(socket, message, flags);
}

ssize_t __real_recvmsg(int socket, struct msghdr *message, int flags);
ssize_t __wrap_recvmsg(int socket, struct msghdr *message, int flags);

ssize_t __wrap_recvmsg(int socket, struct msghdr *message, int flags)
{
	return fails(INJECT_RECVMSG) ? -1 : __real_recvmsg(socket, message, flags);
}

int __real_getsockopt(int socket, int level, int option, void *value, socklen_t *size);
int __wrap_getsockopt(int socket, int level, int option, void *value, socklen_t *size);

int __wrap_getsockopt(int socket, int level, int option, void *value, socklen_t *size)
{
	return fails(INJECT_GETSOCKOPT) ? -1
					: __real_getsockopt(socket, level, option, value, size);
}

/* ---- random.c ---- */

ssize_t __real_getrandom(void *bytes, size_t size, unsigned int flags);
ssize_t __wrap_getrandom(void *bytes, size_t size, unsigned int flags);

ssize_t __wrap_getrandom(void *bytes, size_t size, unsigned int flags)
{
	return fails(INJECT_GETRANDOM) ? -1 : __real_getrandom(bytes, size, flags);
}

/* ---- pages.c, and files of /sys in node.c ---- */

int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);

int __wrap_access(const char *path, int mode)
{
	return fails(INJECT_ACCESS) ? -1 : __real_access(path, mode);
}

FILE *__real_fopen64(const char *path, const char *mode);
FILE *__wrap_fopen64(const char *path, const char *mode);

FILE *__wrap_fopen64(const char *path, const char *mode)
{
	return fails(INJECT_FOPEN) ? NULL : __real_fopen64(path, mode);
}

char *__real_fgets(char *line, int size, FILE *file);
char *__wrap_fgets(char *line, int size, FILE *file);

char *__wrap_fgets(char *line, int size, FILE *file)
{
	return fails(INJECT_FGETS) ? NULL : __real_fgets(line, size, file);
}

int __real_fclose(FILE *file);
int __wrap_fclose(FILE *file);

int __wrap_fclose(FILE *file)
{
	int result = __real_fclose(file);

	return fails(INJECT_FCLOSE) ? EOF : result;
}

DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);

DIR *__wrap_opendir(const char *path)
{
	return fails(INJECT_OPENDIR) ? NULL : __real_opendir(path);
}

struct dirent *__real_readdir64(DIR *folder);
struct dirent *__wrap_readdir64(DIR *folder);

struct dirent *__wrap_readdir64(DIR *folder)
{
	return fails(INJECT_READDIR) ? NULL : __real_readdir64(folder);
}

int __real_closedir(DIR *folder);
int __wrap_closedir(DIR *folder);

int __wrap_closedir(DIR *folder)
{
	int result = __real_closedir(folder);

	return fails(INJECT_CLOSEDIR) ? -1 : result;
}

/* ---- memory of the heap, and threads ---- */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
	return fails(INJECT_MALLOC) ? NULL : __real_malloc(size);
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
	return fails(INJECT_CALLOC) ? NULL : __real_calloc(count, size);
}

void *__real_aligned_alloc(size_t align, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	return fails(INJECT_ALIGNED_ALLOC) ? NULL : __real_aligned_alloc(align, size);
}

FILE *__real_open_memstream(char **text, size_t *size);
FILE *__wrap_open_memstream(char **text, size_t *size);

FILE *__wrap_open_memstream(char **text, size_t *size)
{
	return fails(INJECT_OPEN_MEMSTREAM) ? NULL : __real_open_memstream(text, size);
}

int __real_pthread_create(
	pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *), void *argument);
int __wrap_pthread_create(
	pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *), void *argument);

int __wrap_pthread_create(
	pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *), void *argument)
{
	return fails(INJECT_PTHREAD_CREATE) ? errno
					    : __real_pthread_create(thread, how, run, argument);
}

int inject_thread(pthread_t *thread, void *(*run)(void *), void *argument)
{
	return __real_pthread_create(thread, NULL, run, argument);
}
