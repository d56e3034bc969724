/* SPDX-License-Identifier: BSD-3-Clause */
/* thread_exit.pml: threads end while another destroys a pool, every interleaving.
 *
 *	            slot 1      slot 2       number of the pool
 *	pool P     [cache 1]   [cache 2]     1    destroyed when the workers are done with it
 *	pool Q     [cache 3]       -         2    stays
 *	pool R         -           -         1    made when P is gone, and so gets its number
 *
 * What is modelled, and where it stands:
 *	join()         weir__thread_join() in lib/mempool/slots.c
 *	own_cache()    own_cache(), make_cache() in lib/mempool/mempool.c
 *	release()      weir_mbuf_free_bulk() in include/weir/mbuf.h: straight into the cache of the pool
 *	               that the thread remembers; else weir__thread_remember() and the cache of the mbuf's
 *	leave()        weir__mempool_leave(), flush_all()
 *	end_thread()   thread_ends() in slots.c
 *	ask_others()   the function of that name in mempool.c
 *	destroy()      weir_mempool_destroy() in create.c, weir__mempool_unregister(), forget()
 *	worker         a thread that may take and free an mbuf of P, up to two of Q, and one of R that another
 *	               gave it, and ends. There are two, which start when they like: the second may get
 *	               the slot of the first.
 *	owner          makes and destroys the pools, itself without a cache
 * The depot of a pool is a number of objects here: depot.pml looks into it.
 *
 * What must hold: a slot is of one thread at a time and clean when it gets another; no cache, no pool
 * and no thread's memory is used after its end; a pool is destroyed only when all its objects are
 * there, and then it is; at the end all objects are in their pools and all slots free.
 *
 * Planted bugs: BUG_LOCK: an ending thread does not take the registry's lock. BUG_JOIN: nor does one
 * that gets a slot. BUG_FORGET: destroying a pool does not clear what threads remember of it.
 * BUG_CHECK: destroying looks for objects that are out before it has the registry's lock.
 */
#define P 1
#define Q 2
#define R 3
#define POOLS   3
#define NUMBERS 2
#define SLOTS   2
#define WORKERS 2 /* processes 1 and 2 */
#define OBJECTS 4 /* of each pool */

#define number_of(pool)        ((pool) == Q -> 2 : 1)
#define cell(pool, slot)       ((pool) * (SLOTS + 1) + (slot))
#define cache_of(pool, worker) (((pool) - 1) * WORKERS + (worker))
#define pool_of(cache)         (((cache) - 1) / WORKERS + 1)
#define owner_of(cache)        (((cache) - 1) % WORKERS + 1)

bool registry;                /* the locks: taken or not */
bool locked[POOLS + 1];
bool slot_taken[SLOTS + 1];
byte table[NUMBERS + 1];      /* weir__mempools */
bool pool_lives[POOLS + 1];
byte loose[POOLS + 1];        /* objects that are in no cache and not out */
byte caches[(POOLS + 1) * (SLOTS + 1)];
bool cache_lives[POOLS * WORKERS + 1];
byte count[POOLS * WORKERS + 1];
byte plain[WORKERS + 1];      /* of weir__thread: the number it remembers, and the cache */
byte remembered[WORKERS + 1];
bool thread_lives[WORKERS + 1];
byte done_with_p, handed, ended;

inline lock(which)
{
	atomic { !which -> which = true }
}

inline unlock(which)
{
	which = false
}

inline join()
{
#ifndef BUG_JOIN
	lock(registry);
#endif
	slot = (slot_taken[1] -> 2 : 1);
	atomic { assert(!slot_taken[slot]); slot_taken[slot] = true }
#ifndef BUG_JOIN
	unlock(registry)
#endif
}

inline own_cache(pool)
{
	assert(pool_lives[pool]);
	cache = caches[cell(pool, slot)];
	if
	:: cache -> assert(owner_of(cache) == _pid)
	:: else ->
		cache = cache_of(pool, _pid);
		cache_lives[cache] = true;
		lock(locked[pool]);
		caches[cell(pool, slot)] = cache;
		unlock(locked[pool])
	fi
}

/* count[] is a load and a store: only the cache's thread writes it. */
inline put(cache)
{
	assert(cache_lives[cache]);
	have = count[cache];
	count[cache] = have + 1;
	have = 0
}

inline release(pool)
{
	if
	:: plain[_pid] == number_of(pool) ->
		assert(pool_of(remembered[_pid]) == pool);
		put(remembered[_pid])
	:: else ->
		own_cache(pool);
		remembered[_pid] = cache;
		plain[_pid] = number_of(pool);
		put(cache);
		cache = 0
	fi
}

inline take_and_free(pool)
{
	own_cache(pool);
	cache = 0;
	atomic { assert(loose[pool]); loose[pool]-- }
	release(pool)
}

inline leave(pool)
{
	assert(pool_lives[pool]);
	cache = caches[cell(pool, slot)];
	if
	:: cache ->
		assert(cache_lives[cache] && owner_of(cache) == _pid);
		lock(locked[pool]);
		loose[pool] = loose[pool] + count[cache];
		unlock(locked[pool]);
		assert(cache_lives[cache]);
		count[cache] = 0;
		lock(locked[pool]);
		assert(pool_lives[pool]);
		caches[cell(pool, slot)] = 0;
		unlock(locked[pool]);
		atomic { assert(cache_lives[cache]); cache_lives[cache] = false }
	:: else
	fi;
	cache = 0
}

inline end_thread()
{
#ifndef BUG_LOCK
	lock(registry);
#endif
	plain[_pid] = 0;
	i = 1;
	do
	:: i <= NUMBERS ->
		pool = table[i];
		if
		:: pool -> leave(pool)
		:: else
		fi;
		i++
	:: else -> i = 0; pool = 0; break
	od;
	slot_taken[slot] = false;
#ifndef BUG_LOCK
	unlock(registry);
#endif
	atomic { remembered[_pid] = 0; thread_lives[_pid] = false; slot = 0 }
}

proctype worker()
{
	byte slot, cache, have, pool, i, times;

	thread_lives[_pid] = true;
	join();
	if
	:: take_and_free(P)
	:: true
	fi;
	done_with_p++;
	do
	:: times < 2 -> times++; take_and_free(Q)
	:: break
	od;
	times = 0;
	if
	:: atomic { handed -> handed = 0 } release(R)
	:: true
	fi;
	end_thread();
	ended++
}

inline ask_others(pool)
{
	lock(locked[pool]);
	i = 1;
	do
	:: i <= SLOTS ->
		cache = caches[cell(pool, i)];
		assert(!cache || cache_lives[cache]); /* its limit is set */
		i++
	:: else -> i = 0; cache = 0; break
	od;
	unlock(locked[pool])
}

/* what is left are the objects that are there */
inline in_use(pool)
{
	lock(locked[pool]);
	left = loose[pool];
	i = 1;
	do
	:: i <= SLOTS ->
		cache = caches[cell(pool, i)];
		if
		:: cache -> assert(cache_lives[cache]); left = left + count[cache]
		:: else
		fi;
		i++
	:: else -> i = 0; cache = 0; break
	od;
	unlock(locked[pool]);
	atomic { busy = left < OBJECTS; left = 0 }
}

inline forget(cache)
{
	assert(thread_lives[owner_of(cache)]);
	left = plain[owner_of(cache)];
	if
	:: left == number_of(P) ->
		atomic {
			assert(thread_lives[owner_of(cache)]);
			if
			:: plain[owner_of(cache)] == left -> plain[owner_of(cache)] = 0
			:: else
			fi
		}
	:: else
	fi;
	left = 0
}

inline unregister(pool)
{
	table[number_of(pool)] = 0;
	i = 1;
	do
	:: i <= SLOTS ->
		cache = caches[cell(pool, i)];
#ifndef BUG_FORGET
		if
		:: cache -> assert(cache_lives[cache]); forget(cache)
		:: else
		fi;
#endif
		i++
	:: else -> i = 0; cache = 0; break
	od
}

inline free_all(pool)
{
	i = 1;
	do
	:: i <= SLOTS ->
		cache = caches[cell(pool, i)];
		if
		:: cache -> atomic { assert(cache_lives[cache]); cache_lives[cache] = false }
		:: else
		fi;
		i++
	:: else -> i = 0; cache = 0; break
	od;
	pool_lives[pool] = false
}

/* busy is true when it was refused */
inline destroy(pool)
{
#ifdef BUG_CHECK
	in_use(pool);
	lock(registry);
#else
	lock(registry);
	in_use(pool);
#endif
	if
	:: !busy -> unregister(pool)
	:: else
	fi;
	unlock(registry);
	assert(busy == out);
	if
	:: !busy -> free_all(pool)
	:: else
	fi
}

proctype owner()
{
	byte cache, i, left;
	bool busy, out;

	if
	:: true ->
		atomic { loose[P]--; out = true }
		ask_others(P);
		done_with_p == WORKERS;
		destroy(P);
		atomic { loose[P]++; out = false; busy = false }
	:: true -> done_with_p == WORKERS
	fi;
	destroy(P);
	atomic { pool_lives[R] = true; loose[R] = OBJECTS - 1 }
	lock(registry);
	table[number_of(R)] = R;
	unlock(registry);
	handed = 1;
	ask_others(Q);
	ended == WORKERS;
	loose[R] = loose[R] + handed
}

init
{
	atomic {
		pool_lives[P] = true;
		pool_lives[Q] = true;
		table[number_of(P)] = P;
		table[number_of(Q)] = Q;
		loose[P] = OBJECTS;
		loose[Q] = OBJECTS;
		run worker();
		run worker();
		run owner()
	}
	_nr_pr == 1;
	assert(loose[Q] == OBJECTS && loose[R] == OBJECTS);
	assert(!slot_taken[1] && !slot_taken[2])
}
