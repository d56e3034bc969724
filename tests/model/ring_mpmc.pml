/* SPDX-License-Identifier: BSD-3-Clause */
/* ring_mpmc.pml: the ring of many producers and many consumers, every interleaving of two of each
 * that move four elements over a ring of two: one producer and one consumer one at a time, one producer
 * two or none, and one consumer up to two.
 *
 *	            reserved  seen  done        slot 0  [1]
 *	producers      1       255    1         slot 1  [ ]
 *	consumers     255       1    255
 *
 * What is modelled, and where it stands:
 *	there()   weir_mpmc_there() in include/weir/ring_mpmc.h
 *	claim()   weir_mpmc_claim(), bursts and bulks
 *	finish()  weir__ring_wait_turn() in include/weir/ring.h, weir_mpmc_finish()
 *	producer, consumer
 *	          weir__ring_enqueue_mpmc(), weir__ring_dequeue_mpmc() in include/weir/ring.h
 * A step for each atomic operation, and one for each slot that is filled or read. Indices are bytes
 * that start just before they wrap, as those of 32 bits do after 2^32 elements.
 *
 * What must hold: a slot is filled only when empty and read only when full, so never more than the
 * size are there; every element comes out once; no call waits for a turn that never comes.
 *
 * Who finds nothing, or no room, tries again only when done of the other side has changed: before that
 * it would find the same. So an element that is lost ends in a deadlock, which pan reports.
 *
 * Not modelled: memory order (steps are sequentially consistent), compare-and-swaps that fail
 * without a reason.
 *
 * Planted bugs: BUG_TURN: done is set out of turn. BUG_SIGN: room below zero is taken for much.
 * BUG_CLAIM: a claim is a load and a store, not one step.
 */
#define SIZE  2
#define TOTAL 4
#define START 255 /* of all indices */

#define PRODUCERS 0
#define CONSUMERS 1

byte reserved[2] = START;
byte seen[2] = START;
byte done[2] = START;
byte slots[SIZE];
bool taken[TOTAL + 1];
byte out; /* elements that came out */

#ifdef BUG_SIGN
#define ENOUGH (room >= want)
#else
#define ENOUGH (room < 128 && room >= want) /* as a signed byte: 0 or more, and at least want */
#endif

/* room is how many slots are there for a claim that starts at index */
inline there(side, slack)
{
	old = seen[side];
	room = slack + old - index;
	if
	:: ENOUGH
	:: else ->
		now = done[1 - side];
		room = slack + now - index;
		if
		:: now != old -> seen[side] = now
		:: else
		fi
	fi;
	old = 0
}

/* count is what was claimed, from index on; when 0, now is what done of the other side was */
inline claim(side, slack, all)
{
	index = reserved[side];
	do
	:: there(side, slack);
	   if
	   :: room >= want -> count = want
	   :: room < want && all -> count = 0
	   :: room < want && !all -> count = room
	   fi;
	   room = 0;
	   if
	   :: count == 0 -> break
	   :: else
	   fi;
	   now = 0;
#ifdef BUG_CLAIM
	   index == reserved[side];
	   reserved[side] = index + count;
	   break
#else
	   atomic {
		if
		:: reserved[side] == index -> reserved[side] = index + count; break
		:: else -> index = reserved[side]
		fi
	   }
#endif
	od
}

inline finish(side)
{
#ifndef BUG_TURN
	done[side] == index;
#endif
	done[side] = index + count
}

proctype producer(byte element; byte last; byte most; bool bulk)
{
	byte index, old, now, room, count, want, i;

	do
	:: element > last -> break
	:: else ->
		want = (most < last + 1 - element -> most : last + 1 - element);
		claim(PRODUCERS, SIZE, bulk);
		want = 0;
		if
		:: count == 0 -> done[CONSUMERS] != now; now = 0
		:: else ->
			do
			:: i < count ->
				atomic {
					assert(slots[(index + i) % SIZE] == 0);
					slots[(index + i) % SIZE] = element;
					element++;
					i++
				}
			:: else -> i = 0; break
			od;
			finish(PRODUCERS);
			count = 0
		fi
	od
}

proctype consumer(byte want)
{
	byte index, old, now, room, count, i, element;

	do
	:: out == TOTAL -> break
	:: else ->
		claim(CONSUMERS, 0, false);
		if
		:: count == 0 -> (done[PRODUCERS] != now || out == TOTAL)
		:: else
		fi;
		do
		:: i < count ->
			atomic {
				element = slots[(index + i) % SIZE];
				assert(element != 0 && !taken[element]);
				taken[element] = true;
				slots[(index + i) % SIZE] = 0;
				out++;
				element = 0;
				i++
			}
		:: else -> i = 0; now = 0; break
		od;
		if
		:: count -> finish(CONSUMERS); count = 0
		:: else
		fi
	od
}

init
{
	atomic {
		run producer(1, TOTAL / 2, 1, false);
		run producer(TOTAL / 2 + 1, TOTAL, 2, true);
		run consumer(1);
		run consumer(2)
	}
	_nr_pr == 1;
	assert(reserved[PRODUCERS] == done[PRODUCERS] && reserved[CONSUMERS] == done[CONSUMERS]);
	assert(out == TOTAL && done[PRODUCERS] == done[CONSUMERS])
}
