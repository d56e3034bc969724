/* SPDX-License-Identifier: BSD-3-Clause */
/* depot.pml: the depot of a mempool, every interleaving of two threads with a cache and one without.
 *
 *	full:   [tag|1] -> 1 -> 2 -> 0          caches: each has a chain of spare nodes
 *	empty:  [tag|3] -> 3 -> 4 -> ... -> 0   the loose objects: have none
 *
 * What is modelled, and where it stands:
 *	push(), pop()     weir_depot_push(), weir_depot_pop() in lib/mempool/depot_impl.h, for chains. A
 *	                  step for each atomic operation on a head, and on next[] where others may look
 *	take_empty()      lib/mempool/mempool.c; waits rather than spins, so that an empty stack that
 *	                  stays empty is a deadlock, which pan reports
 *	fetch(), bring()  fetch_batches(), bring_batches(); up to MOST, where C has WEIR_BATCHES_MAX
 *	loose             get_loose(), put_loose(): under the pool's lock, so one process stands for
 *	                  all threads without a cache
 *	cached            make_cache(), then as many of the two as it is told, then what it has goes back;
 *	                  it keeps its spares, so that no other thread can live on those
 *
 * What must hold: a node is in one stack or in one hand; a batch is in one node or in one hand; empty
 * nodes come for whoever brings batches; at the end every batch is in the full stack, and every other
 * node in the empty one or a spare.
 *
 * Not modelled: memory order (steps are sequentially consistent), compare-and-swaps that fail
 * without a reason, a tag that comes round (it has more values here than there can be changes).
 *
 * Planted bugs: BUG_TAG: a change of a head does not count the tag up. BUG_SPARE: one empty node
 * too few. BUG_LINK: nodes that were emptied are not linked to the spares that are kept.
 */
#define CACHES  2
#define BATCHES 2
#define MOST    2
#ifdef BUG_SPARE
#define NODES (BATCHES + CACHES * MOST - 1)
#else
#define NODES (BATCHES + CACHES * MOST)
#endif
#ifdef BUG_TAG
#define NEXT_TAG(tag) (tag)
#else
#define NEXT_TAG(tag) ((tag) + 1)
#endif
#define FULL  0
#define EMPTY 1

byte top[2], tag[2];      /* a head is both: compared and set in one step */
byte next[NODES + 1];
byte batch[NODES + 1];    /* the batch a node has, 0 when none */
byte owner[NODES + 1];    /* who has it in hand; 0: in a stack */
byte holder[BATCHES + 1]; /* who has the batch in hand; 0: a node has it */

/* The chain of so many nodes from first on changes hands. */
inline pass_on(first, many, from, to)
{
	node = first;
	left = many;
	do
	:: left -> assert(node && owner[node] == from); owner[node] = to; node = next[node]; left--
	:: else -> node = 0; break
	od
}

inline push(stack, first, last, many)
{
	atomic { head = top[stack]; count = tag[stack] }
	do
	:: next[last] = head;
	   atomic {
		if
		:: top[stack] == head && tag[stack] == count ->
			pass_on(first, many, _pid, 0);
			top[stack] = first;
			tag[stack] = NEXT_TAG(count);
			head = 0; count = 0;
			break
		:: else -> head = top[stack]; count = tag[stack]
		fi
	   }
	od
}

/* head is the first of got nodes, 0 when the stack has none */
inline pop(stack, most)
{
	atomic { head = top[stack]; count = tag[stack] }
	do
	:: atomic { got = 0; after = head }
	   do
	   :: after && got < most -> after = next[after]; got++
	   :: else -> break
	   od;
	   if
	   :: got == 0 -> count = 0; break
	   :: else
	   fi;
	   atomic {
		if
		:: top[stack] == head && tag[stack] == count ->
			pass_on(head, got, 0, _pid);
			top[stack] = after;
			tag[stack] = NEXT_TAG(count);
			after = 0; count = 0;
			break
		:: else -> head = top[stack]; count = tag[stack]
		fi
	   }
	od
}

/* chain is the first of many empty nodes, last the last of them */
inline take_empty(many)
{
	have = 0;
	chain = 0;
	do
	:: have < many ->
		pop(EMPTY, many - have);
		if
		:: head == 0 -> top[EMPTY] != 0
		:: else ->
			atomic {
				node = (got > 1 -> next[head] : head); /* its end: MOST is 2 */
				last = (chain -> last : node)
			}
			if
			:: chain -> next[node] = chain
			:: else
			fi;
			atomic { chain = head; have = have + got; node = 0; head = 0; got = 0 }
		fi
	:: else -> have = 0; break
	od
}

/* Copy the batch out of a node of ours, or one of our batches into it. */
inline copy_out(where)
{
	assert(owner[where] == _pid && batch[where] && holder[batch[where]] == 0);
	holder[batch[where]] = _pid;
	batch[where] = 0;
	batches++
}

inline copy_in(where)
{
	assert(owner[where] == _pid && batch[where] == 0 && batches);
	batch[where] = (holder[1] == _pid -> 1 : 2);
	assert(holder[batch[where]] == _pid);
	holder[batch[where]] = 0;
	batches--
}

/* What only looks at nodes of ours, which nobody else writes, is one step. */
inline fetch(most)
{
	pop(FULL, most);
	if
	:: head == 0
	:: else ->
		atomic {
			last = spare;
			copy_out(head);
			node = head;
			if
			:: got == 2 ->
				last = next[spare];
				node = next[head];
				copy_out(node)
			:: else
			fi;
			chain = head;
			have = got;
			head = 0;
			got = 0
		}
#ifndef BUG_LINK
		next[node] = next[last];
#endif
		push(EMPTY, spare, last, have);
		atomic { spare = chain; chain = 0; last = 0; have = 0 }
	fi
}

inline bring(many)
{
	atomic {
		moved = many; /* which may be batches */
		last = spare;
		copy_in(last);
		if
		:: moved == 2 -> last = next[spare]; copy_in(last)
		:: else
		fi;
		rest = next[last]
	}
	push(FULL, spare, last, moved);
	take_empty(moved);
	next[last] = rest;
	atomic { spare = chain; chain = 0; last = 0; rest = 0; moved = 0 }
}

proctype cached(byte operations; byte spare)
{
	byte head, count, after, got, node, left, last, chain, have, rest, moved, batches;

	if
	:: spare == 0 -> take_empty(MOST); atomic { spare = chain; chain = 0; last = 0 }
	:: else
	fi;
	do
	:: operations && batches < BATCHES -> operations--; fetch(BATCHES - batches)
	:: operations && batches == 0 -> operations--; fetch(1)
	:: operations && batches -> operations--; bring(1)
	:: operations == 0 && batches -> bring(batches)
	:: operations == 0 && batches == 0 -> break
	od
}

proctype loose()
{
	byte head, count, after, got, node, left, last, chain, have, batches;

	pop(FULL, 1);
	if
	:: head == 0
	:: else ->
		atomic { copy_out(head); chain = head; head = 0; got = 0 }
		push(EMPTY, chain, chain, 1);
		take_empty(1);
		atomic { copy_in(chain) }
		push(FULL, chain, chain, 1)
	fi
}

init
{
	byte i, found;

	atomic {
		i = 1;
		do
		:: i < NODES -> next[i] = (i == BATCHES -> 0 : i + 1); batch[i] = (i <= BATCHES -> i : 0); i++
		:: else -> break
		od;
		top[FULL] = 1;
		/* the first has its cache already */
		owner[BATCHES + 1] = 1;
		owner[BATCHES + 2] = 1;
		top[EMPTY] = BATCHES + 3;
		run cached(2, BATCHES + 1);
		run cached(1, 0);
		run loose()
	}
	_nr_pr == 1;
	atomic {
		i = top[FULL];
		do
		:: i -> assert(batch[i] && owner[i] == 0); found++; i = next[i]
		:: else -> break
		od;
		assert(found == BATCHES);
		i = top[EMPTY];
		do
		:: i -> assert(batch[i] == 0 && owner[i] == 0); found++; i = next[i]
		:: else -> break
		od;
		assert(found + CACHES * MOST == NODES)
	}
}
