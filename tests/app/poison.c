/* SPDX-License-Identifier: BSD-3-Clause */
/* poison.c: touch bytes of a guarded pool that nobody may, for test_poison.py to see whether
 * AddressSanitizer or valgrind stops it.
 *
 *	poison DEED
 */
#include <weir/weir.h>

#include <stdio.h>
#include <string.h>

static struct weir_mempool *pool;
static uint8_t seen;

/* All that is allowed. */
static void nothing(struct weir_mbuf *mbuf)
{
	struct weir_mbuf *clone = weir_mbuf_clone(mbuf, pool);

	memset(weir_mbuf_data(mbuf), 1, weir_mbuf_tailroom(mbuf));
	weir_mbuf_free(clone);
	memset(weir_mbuf_append(mbuf, 100), 1, 100);
	seen = weir_mbuf_data(mbuf)[99];
	if (weir_mbuf_check(mbuf))
		fprintf(stderr, "poison: %s\n", weir_last_error());
	weir_mbuf_free(mbuf);
}

static void read_free(struct weir_mbuf *mbuf)
{
	memset(weir_mbuf_append(mbuf, 100), 1, 100);
	weir_mbuf_free(mbuf);
	seen = weir_mbuf_data(mbuf)[50];
}

static void write_free(struct weir_mbuf *mbuf)
{
	weir_mbuf_free(mbuf);
	weir_mbuf_data(mbuf)[50] = 1;
}

static void read_past(struct weir_mbuf *mbuf)
{
	seen = weir_mbuf_data(mbuf)[weir_mbuf_tailroom(mbuf)];
	weir_mbuf_free(mbuf);
}

static void write_past(struct weir_mbuf *mbuf)
{
	weir_mbuf_data(mbuf)[weir_mbuf_tailroom(mbuf)] = 1;
	weir_mbuf_free(mbuf);
}

static void read_unwritten(struct weir_mbuf *mbuf)
{
	uint8_t *bytes = weir_mbuf_append(mbuf, 100);

	seen = bytes[50] == 7 ? 1 : 2;
	weir_mbuf_free(mbuf);
}

static const struct {
	const char *name;
	void (*do_it)(struct weir_mbuf *mbuf);
} deeds[] = {
	{"nothing", nothing},
	{"read-free", read_free},
	{"write-free", write_free},
	{"read-past", read_past},
	{"write-past", write_past},
	{"read-unwritten", read_unwritten},
};

int main(int argc, char **argv)
{
	struct weir_mbuf_pool_conf conf = {
		.name = "packets", .count = 64, .track = WEIR_TRACK_GUARDS, .pages = WEIR_PAGES_4K};

	pool = weir_mbuf_pool_create(&conf);
	if (!pool || argc != 2) {
		fprintf(stderr, "poison: %s\n", pool ? "what?" : weir_last_error());
		return 1;
	}
	for (size_t i = 0; i < sizeof(deeds) / sizeof(*deeds); i++)
		if (strcmp(argv[1], deeds[i].name) == 0)
			deeds[i].do_it(weir_mbuf_alloc(pool));
	printf("%u\n", seen);
	return weir_mempool_destroy(pool) == 0 ? 0 : 1;
}
