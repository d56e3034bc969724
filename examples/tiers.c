/* SPDX-License-Identifier: BSD-3-Clause */
/* tiers.c: make packets of the lengths given as arguments, keep them, and say where they lie.
 *
 *	tiers LENGTH...
 */
#include <weir/weir.h>

#include <stdio.h>
#include <stdlib.h>

#define KEPT_MAX   64
#define LENGTH_MAX 100000

/* Two buffers of each size, so that it is easy to make one dry. */
static struct weir_tiers *create_tiers(void)
{
	struct weir_tiers_conf conf = {
		.name = "kept",
		.tiers = {{128, 2}, {2048, 2}, {9216, 2}},
	};

	return weir_tiers_create(&conf);
}

/* One packet of zeros; its segments are listed by the size of their buffers. */
static struct weir_mbuf *keep(struct weir_tiers *tiers, uint32_t length)
{
	static const uint8_t bytes[LENGTH_MAX];
	struct weir_mbuf *mbuf = weir_tiers_from_bytes(tiers, bytes, length);

	printf("%5u bytes in", length);
	for (struct weir_mbuf *segment = mbuf; segment; segment = segment->next)
		printf(" %u", weir_mbuf_pool_size(weir_mbuf_pool(segment)));
	printf("%s\n", mbuf ? "" : " nothing: dry");
	return mbuf;
}

static void show(struct weir_tiers *tiers)
{
	char *report = weir_tiers_report(tiers, false);

	if (report)
		printf("%s", report);
	free(report);
}

int main(int argc, char **argv)
{
	struct weir_tiers *tiers = create_tiers();
	struct weir_mbuf *kept[KEPT_MAX];
	uint32_t count = 0;

	for (int i = 1; tiers && i < argc && count < KEPT_MAX; i++) {
		uint32_t length = (uint32_t)strtoul(argv[i], NULL, 10);

		kept[count] = keep(tiers, length < LENGTH_MAX ? length : LENGTH_MAX);
		if (kept[count])
			count++;
	}
	if (tiers)
		show(tiers);
	weir_mbuf_free_bulk(kept, count); /* each to its own tier */
	if (!tiers || weir_tiers_destroy(tiers) != 0) {
		fprintf(stderr, "tiers: %s\n", weir_last_error());
		return 1;
	}
	return 0;
}
