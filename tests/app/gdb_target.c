/* SPDX-License-Identifier: BSD-3-Clause */
/* gdb_target.c: what test_gdb.py looks at: two pools, a chain, a clone, external memory. */
#include <weir/weir.h>

#include <stdio.h>
#include <string.h>

static char words[] = "words for ever";
static struct weir_external external;

/* Where the debugger stops. */
__attribute__((noinline)) static void look(const struct weir_mbuf *mbuf)
{
	printf("%u bytes\n", mbuf->length);
}

int main(void)
{
	struct weir_mbuf_pool_conf conf = {.name = "frames", .count = 64, .size = 100};
	struct weir_mbuf_pool_conf more = {.name = "clones", .count = 32, .size = 64, .cache = 16};
	struct weir_mempool *frames = weir_mbuf_pool_create(&conf);
	struct weir_mempool *clones = weir_mbuf_pool_create(&more);
	struct weir_mbuf *mbuf, *tail, *clone;

	if (!frames || !clones)
		return 1;
	mbuf = weir_mbuf_from_bytes(frames, "0123456789abcdefghijklmnop", 26);
	tail = weir_mbuf_alloc(frames);
	clone = weir_mbuf_clone(mbuf, clones);
	weir_external_init(&external, words, sizeof(words) - 1, NULL, NULL);
	if (!clone || weir_mbuf_attach(tail, &external, 6, 8))
		return 1;
	weir_mbuf_concat(clone, tail);
	clone->hash = 0xabcdef;
	clone->flags |= WEIR_MBUF_HASH;
	look(clone);
	weir_mbuf_free(clone);
	weir_mbuf_free(mbuf);
	return weir_mempool_destroy(clones) || weir_mempool_destroy(frames);
}
