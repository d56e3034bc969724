/* SPDX-License-Identifier: BSD-3-Clause */
/* depot.pml: the depot of a mempool, every interleaving of two threads with a cache and one without.
 *
 *	full:   [tag|1] -> 1 -> 2 -> 0        cache 1, cache 2: each has a spare node
 *	empty:  [tag|3] -> 3 -> 4 -> 0        the loose objects: have none
 *
 * What is modelled, and where it stands:
 *	push(), pop()     weir_depot_push(), weir_depot_pop() in lib/mempool/depot_impl.h. A step for
 *	                  each atomic operation; next[] is read and written apart from the heads.
 *	take_empty()      lib/mempool/mempool.c; waits rather than spins, so that an empty stack that
 *	                  stays empty is a deadlock, which pan reports
 *	fetch(), bring()  fetch_batch(), bring_batch()
 *	loose             get_loose(), put_loose(): under the pool's lock, so one process stands for
 *	                  all threads without a cache
 *	cached            make_cache(), then any OPERATIONS of the two, then what it has goes back; it
 *	                  keeps its spare, so that no other thread can live on that
 *
 * What must hold: a node is in one stack or in one hand; a batch is in one node or in one hand; an
 * empty node comes for whoever brings a batch; at the end every batch is in the full stack, and every
 * other node in the empty one or a spare.
 *
 * Not modelled: memory order (steps are sequentially consistent), compare-and-swaps that fail
 * without a reason, a tag that comes round (it has more values here than there can be changes).
 *
 * Planted bugs: BUG_TAG: a change of a head does not count the tag up. BUG_SPARE: one empty node
 * too few. BUG_EARLY: a fetch gives up the node it has got, not its spare, before it is copied from.
 */
#ifndef OPERATIONS
#define OPERATIONS 2
#endif
#define CACHES  2
#define BATCHES 2
#ifdef BUG_SPARE
#define NODES (BATCHES + CACHES - 1)
#else
#define NODES (BATCHES + CACHES)
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
byte spares;              /* that ended threads kept */
byte batch[NODES + 1];    /* the batch a node has, 0 when none */
byte owner[NODES + 1];    /* who has it in hand; 0: in a stack */
byte holder[BATCHES + 1]; /* who has the batch in hand; 0: a node has it */

inline push(stack, node)
{
	atomic { head = top[stack]; count = tag[stack] }
	do
	:: next[node] = head;
	   atomic {
		if
		:: top[stack] == head && tag[stack] == count ->
			assert(owner[node] == _pid);
			owner[node] = 0;
			top[stack] = node;
			tag[stack] = NEXT_TAG(count);
			head = 0; count = 0;
			break
		:: else -> head = top[stack]; count = tag[stack]
		fi
	   }
	od
}

/* head is the node, 0 when the stack has none */
inline pop(stack)
{
	atomic { head = top[stack]; count = tag[stack] }
	do
	:: head == 0 -> count = 0; break
	:: else ->
		after = next[head];
		atomic {
			if
			:: top[stack] == head && tag[stack] == count ->
				assert(owner[head] == 0);
				owner[head] = _pid;
				top[stack] = after;
				tag[stack] = NEXT_TAG(count);
				after = 0; count = 0;
				break
			:: else -> head = top[stack]; count = tag[stack]
			fi
		}
	od
}

inline take_empty(node)
{
	do
	:: pop(EMPTY);
	   if
	   :: head -> break
	   :: else -> top[EMPTY] != 0
	   fi
	od;
	atomic { node = head; head = 0; assert(batch[node] == 0) }
}

/* Copy the batch out of a node, or into one. */
inline copy_out(node, objects)
{
	atomic {
		objects = batch[node];
		assert(owner[node] == _pid && objects != 0 && holder[objects] == 0);
		holder[objects] = _pid;
		batch[node] = 0
	}
}

inline copy_in(node, objects)
{
	atomic {
		assert(owner[node] == _pid && batch[node] == 0 && holder[objects] == _pid);
		batch[node] = objects;
		holder[objects] = 0;
		objects = 0
	}
}

inline fetch(objects)
{
	pop(FULL);
	if
	:: head == 0
	:: else ->
		node = head;
		head = 0;
#ifdef BUG_EARLY
		push(EMPTY, node);
#else
		push(EMPTY, spare);
		spare = node;
#endif
		copy_out(node, objects);
		node = 0
	fi
}

inline bring(objects)
{
	copy_in(spare, objects);
	push(FULL, spare);
	take_empty(spare)
}

proctype cached()
{
	byte head, count, after, node, spare, first, second, done;

	take_empty(spare);
	do
	:: done < OPERATIONS && !first -> done++; fetch(first)
	:: done < OPERATIONS && first && !second -> done++; fetch(second)
	:: done < OPERATIONS && first && !second -> done++; bring(first)
	:: done == OPERATIONS -> break
	od;
	if
	:: first -> bring(first)
	:: else
	fi;
	if
	:: second -> bring(second)
	:: else
	fi;
	spares++
}

proctype loose()
{
	byte head, count, after, node, objects;

	pop(FULL);
	if
	:: head == 0
	:: else ->
		node = head;
		head = 0;
		copy_out(node, objects);
		push(EMPTY, node);
		take_empty(node);
		copy_in(node, objects);
		push(FULL, node)
	fi
}

init
{
	byte i, found;

	atomic {
		i = 1;
		do
		:: i < BATCHES -> next[i] = i + 1; batch[i] = i; i++
		:: i == BATCHES -> batch[i] = i; i++
		:: i > BATCHES && i < NODES -> next[i] = i + 1; i++
		:: i == NODES -> break
		od;
		top[FULL] = 1;
		top[EMPTY] = BATCHES + 1;
		run cached();
		run cached();
		run loose()
	}
	_nr_pr == 1;
	atomic {
		i = top[FULL];
		do
		:: i -> assert(batch[i] != 0 && owner[i] == 0); found++; i = next[i]
		:: else -> break
		od;
		assert(found == BATCHES);
		i = top[EMPTY];
		do
		:: i -> assert(batch[i] == 0 && owner[i] == 0); found++; i = next[i]
		:: else -> break
		od;
		assert(spares == CACHES && found + spares == NODES)
	}
}
