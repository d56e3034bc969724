/* SPDX-License-Identifier: BSD-3-Clause */
/* test_misuse.c: mistakes with mbufs and objects, planted one by one: each is caught once and
 * named, by a sentence that says what, which object, and in a tracked pool who took it; and
 * everything is home afterwards. What is done is in misuse_deeds.h; docs/guards.md has the table
 * for people.
 */
#include "misuse_deeds.h"
#include "unit.h"

#include "weir/guard.h"
#include "weir/track.h"

#include <stdio.h>
#include <stdlib.h>

static char said[4096];

static void hear(const char *sentence, void *context)
{
	snprintf(context, sizeof(said), "%s", sentence);
}

enum needs { ALWAYS, TRACKED, GUARDED }; /* what the pool must be */
enum how { MISUSE, ERROR };              /* as misuse, or as an error of the call that finds it */

static const struct {
	const char *name;
	void (*do_it)(void);
	enum needs needs;
	enum how how;
	const char *says;
} misuses[] = {
	{"free twice", free_twice, TRACKED, MISUSE, "mbuf 3 is given back, though it is free, at"},
	{"free twice in one bulk", free_twice_at_once, TRACKED, MISUSE, "though it is free"},
	{"free in two threads", free_in_two_threads, TRACKED, MISUSE, "though it is free"},
	{"free a segment before its chain", free_a_segment_before_its_chain, TRACKED, MISUSE,
		"though it is free"},
	{"free a segment after its chain", free_a_segment_after_its_chain, TRACKED, MISUSE,
		"though it is free"},
	{"free a clone twice", free_a_clone_twice, TRACKED, MISUSE, "though it is free"},
	{"free once more than referenced", free_once_more_than_referenced, TRACKED, MISUSE,
		"though it is free"},
	{"free an original twice before its clone", free_an_original_twice_before_its_clone,
		TRACKED, MISUSE, "though it is free"},
	{"free a copy of the metadata", free_a_copy_of_the_metadata, TRACKED, MISUSE,
		"in no pool, is given back to pool 'test' at"},
	{"put to another pool", put_to_another_pool, TRACKED, MISUSE,
		"pool 'test': mbuf 3 is given back to pool 'other' at"},
	{"put the middle", put_the_middle, TRACKED, MISUSE,
		"what lies 192 bytes into mbuf 3 is given back to pool 'test' at"},
	{"put what is on the stack", put_what_is_on_the_stack, TRACKED, MISUSE,
		"in no pool, is given back to pool 'other' at"},
	{"put an object twice", put_an_object_twice, TRACKED, MISUSE,
		"pool 'other': object 3 is given back, though it is free, at"},
	{"write after free", write_after_free, GUARDED, MISUSE,
		"mbuf 3 was written after it was given back (byte 128 of its buffer is 0x41)"},
	{"write metadata after free", write_metadata_after_free, GUARDED, MISUSE,
		"mbuf 3 was written after it was given back (among its first 64 bytes)"},
	{"chain what is free", chain_what_is_free, GUARDED, MISUSE,
		"mbuf 3 was written after it was given back (among its first 64 bytes)"},
	{"write an object after put", write_an_object_after_put, GUARDED, MISUSE,
		"object 3 was written after it was given back (among its first 64 bytes)"},
	{"write past the end", write_past_the_end, GUARDED, MISUSE,
		"mbuf 3 was written past its end (byte 0 behind it is 0x41)"},
	{"write past the end of an object", write_past_the_end_of_an_object, GUARDED, MISUSE,
		"object 3 was written past its end (byte 15 behind it is 0x41)"},
	{"write what a clone has", write_what_a_clone_has, GUARDED, MISUSE,
		"mbuf 3 was written while its bytes were shared or frozen"},
	{"write by a clone", write_by_a_clone, GUARDED, MISUSE,
		"mbuf 3 was written while its bytes were shared or frozen"},
	{"write what a slice has", write_what_a_slice_has, GUARDED, MISUSE,
		"mbuf 3 was written while its bytes were shared or frozen"},
	{"write what is referenced", write_what_is_referenced, GUARDED, MISUSE,
		"mbuf 3 was written while its bytes were shared or frozen"},
	{"write what is frozen", write_what_is_frozen, GUARDED, MISUSE,
		"mbuf 3 was written while its bytes were shared or frozen"},
	{"free what nobody holds", free_what_nobody_holds, ALWAYS, MISUSE,
		"pool 'test': mbuf 3 is freed, but nobody holds it"},
	{"free an overwritten one", free_an_overwritten_one, ALWAYS, MISUSE,
		"pool 'test': mbuf 3 is freed, but of no pool (its state is 0xffffffff)"},
	{"free what is no mbuf", free_what_is_no_mbuf, ALWAYS, MISUSE,
		"which is in no pool, is freed, but of no pool"},
	{"free a chain that leads to none", free_a_chain_into_nothing, ALWAYS, MISUSE,
		"which is in no pool, is freed, but nobody holds it"},
	{"take too many references", take_too_many_references, ALWAYS, MISUSE,
		"mbuf 3 has 1 references and is to have 32767 more, which is more than 32767"},
	{"take too many of a later segment", take_too_many_of_a_later_segment, ALWAYS, MISUSE,
		"mbuf 2 has 32767 references and is to have 1 more, which is more than 32767"},
	{"destroy too early", destroy_too_early, ALWAYS, ERROR,
		"pool 'test': 1 of 64 objects are out"},
	{"next set by hand", check_next_set_by_hand, ALWAYS, ERROR,
		"mbuf 3 has a next that its state does not know of"},
	{"data outside its buffer", check_data_outside, ALWAYS, ERROR,
		"mbuf 3 has data outside its buffer"},
	{"lengths disagree", check_lengths, ALWAYS, ERROR,
		"mbuf 3 has length 99, and segments of 100 bytes"},
	{"a moved buffer", check_a_moved_buffer, ALWAYS, ERROR,
		"mbuf 3 has its buffer elsewhere than it should be"},
	{"check a free one", check_a_free_one, TRACKED, ERROR, "mbuf 3 is free"},
	{"check a written fence", check_a_written_fence, GUARDED, ERROR,
		"mbuf 3 was written past its end (byte 0 behind it)"},
	{"check written shared bytes", check_written_shared_bytes, GUARDED, ERROR,
		"mbuf 3 was written while its bytes were shared or frozen"},
};

/* Who took it, where that can be known: the line, or with no debugging information the program. */
static bool names_who(size_t which, enum needs pools_are)
{
	if (pools_are == ALWAYS || strstr(misuses[which].says, "in no pool"))
		return true;
	if (misuses[which].do_it == destroy_too_early)
		return strstr(said, "taken at ") && strstr(said, ", owner tester");
	return strstr(said, "; taken at ") && strstr(strstr(said, "; taken at "), "misuse") &&
	       strstr(said, ", owner tester");
}

static void make_pools(uint32_t track)
{
	struct weir_mbuf_pool_conf mbufs = {
		.name = "test", .count = 64, .size = 100, .track = track, .pages = WEIR_PAGES_4K};
	struct weir_mempool_conf objects = {
		.name = "other", .count = 64, .size = 64, .track = track, .pages = WEIR_PAGES_4K};

	pool = weir_mbuf_pool_create(&mbufs);
	other = weir_mempool_create(&objects);
	CU_ASSERT_FATAL(pool && other);
}

static void try(size_t which, enum needs pools_are, uint32_t track)
{
	uint64_t before = weir_guard_count(), caught = misuses[which].how == MISUSE;

	make_pools(track);
	said[0] = '\0';
	misuses[which].do_it();
	if (misuses[which].how == ERROR)
		snprintf(said, sizeof(said), "%s", weir_last_error());
	if (strcmp(said, weir_last_error()) != 0 || !names_who(which, pools_are))
		CU_FAIL("not named");
	if (weir_guard_count() != before + caught || !strstr(said, misuses[which].says)) {
		printf("\n%s: %s\n", misuses[which].name, said);
		CU_FAIL("not caught once, or not named");
	}
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 0);
	CU_ASSERT_EQUAL(weir_mempool_in_use(other), 0);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
	CU_ASSERT_EQUAL(weir_mempool_destroy(other), 0);
	CU_ASSERT_EQUAL(weir_guard_count(), before + caught);
}

static void try_all(enum needs pools_are, uint32_t track)
{
	weir_guard_handler(hear, said);
	weir_track_owner("tester");
	for (size_t i = 0; i < sizeof(misuses) / sizeof(*misuses); i++)
		if (misuses[i].needs <= pools_are)
			try(i, pools_are, track);
	weir_guard_handler(NULL, NULL);
}

static void test_always(void)
{
	try_all(ALWAYS, 0);
}

static void test_tracked(void)
{
	try_all(TRACKED, WEIR_TRACK_SITES);
}

static void test_guarded(void)
{
	try_all(GUARDED, WEIR_TRACK_GUARDS);
}

/* What nobody takes again is looked at when the pool goes. */
static void test_written_and_not_taken_again(void)
{
	struct weir_mbuf *mbuf;
	uint64_t before = weir_guard_count();

	weir_guard_handler(hear, said);
	make_pools(WEIR_TRACK_GUARDS);
	mbuf = take();
	weir_mbuf_free(mbuf);
	poke(weir_mbuf_data(mbuf) + 5, 'A');
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
	CU_ASSERT_EQUAL(weir_guard_count(), before + 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "byte 133 of its buffer is 0x41"));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "when the pool is destroyed; taken at"));
	CU_ASSERT_EQUAL(weir_mempool_destroy(other), 0);
	weir_guard_handler(NULL, NULL);
}

static void test_history(void)
{
	struct weir_mbuf *mbuf, *clone;
	const char *at;
	char *text;

	make_pools(WEIR_TRACK_GUARDS);
	mbuf = take();
	clone = weir_mbuf_clone(mbuf, pool);
	weir_mbuf_free(clone);
	weir_mbuf_freeze(mbuf);
	weir_mbuf_free(mbuf);
	at = text = weir_guard_history(pool, mbuf);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	for (const char **deed = (const char *[]){"given back at ", " by thread ", ", frozen at ",
		     ", a reference dropped at ", ", lent at ", ", taken at ", NULL};
		*deed; deed++) {
		at = at ? strstr(at, *deed) : NULL;
		CU_ASSERT_PTR_NOT_NULL(at);
	}
	free(text);
	for (int i = 0; i < 20; i++)
		weir_mbuf_free(take()); /* the same one: the latest 13 are known */
	text = weir_guard_history(pool, mbuf);
	CU_ASSERT_PTR_NULL(strstr(text, "frozen"));
	free(text);
	CU_ASSERT_PTR_NULL(weir_guard_history(pool, weir_mbuf_data(mbuf)));
	CU_ASSERT_EQUAL(errno, EINVAL);
	weir_mempool_destroy(pool);
	weir_mempool_destroy(other);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"always", test_always},
		{"in tracked pools", test_tracked},
		{"in guarded pools", test_guarded},
		{"written and not taken again", test_written_and_not_taken_again},
		{"history", test_history},
		CU_TEST_INFO_NULL,
	};

	return unit_run("misuse", tests);
}
