/* SPDX-License-Identifier: BSD-3-Clause */
/* bus.c: zeros instead of a SIGBUS in mapped files.
 *
 * Picture: a table of mappings, with places that are taken and given back by any thread, and read
 * by the handler in whatever thread was hit.
 *
 * Invariant: a place whose start is set describes addresses that are mapped by us. So it is set
 * behind mmap() and cleared in front of munmap().
 *
 * Who pairs with whom: the place is taken by a compare-and-swap of its size from 0; the store of
 * start is release and its load in the handler acquire, so that the handler sees the size.
 */
#include "bus_impl.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

/* Files mapped at the same time: a quarter of the mappings that the kernel allows a process. Those
 * above are read into memory instead, of which the smallest takes a page of 2 MiB. */
#define PLACES 16384

static struct weir__mapping places[PLACES];
static struct sigaction before;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The mapping that has this address, or NULL. */
static struct weir__mapping *find(uintptr_t address)
{
	for (uint32_t i = 0; i < PLACES; i++) {
		uintptr_t start = atomic_load_explicit(&places[i].start, memory_order_acquire);
		size_t size = atomic_load_explicit(&places[i].size, memory_order_relaxed);

		if (start && address >= start && address - start < size)
			return &places[i];
	}
	return NULL;
}

/* Put zeros there, and behind: a file that ends in front of the address has nothing behind it. mmap
 * is a bare system call, which a handler may make. */
static bool mend(struct weir__mapping *mapping, uintptr_t address)
{
	uintptr_t start = atomic_load_explicit(&mapping->start, memory_order_relaxed);
	size_t size = atomic_load_explicit(&mapping->size, memory_order_relaxed);
	uintptr_t page = address & ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);

	/* relaxed: whoever looks has touched the bytes himself, or looks later */
	atomic_store_explicit(&mapping->broken, true, memory_order_relaxed);
	return mmap((void *)page, start + size - page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
}

/* Not ours: as if we were not here. With the default action the access is made once more, and is
 * the end. */
static void pass_on(int number, siginfo_t *info, void *context)
{
	if (before.sa_flags & SA_SIGINFO)
		before.sa_sigaction(number, info, context);
	else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN)
		before.sa_handler(number);
	else
		signal(SIGBUS, SIG_DFL);
}

static void on_bus(int number, siginfo_t *info, void *context)
{
	int error = errno;
	struct weir__mapping *mapping = find((uintptr_t)info->si_addr);

	if (!mapping || !mend(mapping, (uintptr_t)info->si_addr))
		pass_on(number, info, context);
	errno = error;
}

static void set_handler(void)
{
	struct sigaction action = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO | SA_NODEFER};

	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, &before);
}

static struct weir__mapping *take_place(size_t size)
{
	for (uint32_t i = 0; i < PLACES; i++) {
		size_t none = 0;

		/* acquire: pairs with the release of who gave it back */
		if (atomic_load_explicit(&places[i].size, memory_order_relaxed) == 0 &&
			atomic_compare_exchange_strong_explicit(&places[i].size, &none, size,
				memory_order_acquire, memory_order_relaxed))
			return &places[i];
	}
	errno = ENFILE;
	return NULL;
}

static void give_place(struct weir__mapping *mapping)
{
	atomic_store_explicit(&mapping->start, 0, memory_order_relaxed);
	atomic_store_explicit(&mapping->broken, false, memory_order_relaxed);
	atomic_store_explicit(&mapping->size, 0, memory_order_release);
}

struct weir__mapping *weir__map_guarded(int fd, size_t size)
{
	struct weir__mapping *mapping = take_place(size);
	void *start;

	if (!mapping)
		return NULL;
	pthread_once(&once, set_handler);
	/* a few link types have words to be turned around, in pages of our own then */
	start = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (start == MAP_FAILED) {
		give_place(mapping);
		return NULL;
	}
	atomic_store_explicit(&mapping->start, (uintptr_t)start, memory_order_release);
	return mapping;
}

void weir__unmap_guarded(struct weir__mapping *mapping)
{
	uintptr_t start = atomic_load_explicit(&mapping->start, memory_order_relaxed);
	size_t size = atomic_load_explicit(&mapping->size, memory_order_relaxed);

	munmap((void *)start, size);
	give_place(mapping);
}
