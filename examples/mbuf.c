/* SPDX-License-Identifier: BSD-3-Clause */
/* mbuf.c: put a VLAN tag into an Ethernet frame that is shared at first.
 */
#include <weir/weir.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Insert an 802.1Q tag between the addresses and the type. 0, or what keeps us from it. */
static int add_vlan_tag(struct weir_mbuf *mbuf, uint16_t tci)
{
	const uint8_t tag[4] = {0x81, 0x00, (uint8_t)(tci >> 8), (uint8_t)tci};
	uint8_t *start;

	if (weir_mbuf_refs(mbuf) > 1)
		return -EBUSY; /* others are reading it */
	if (mbuf->data_length < 12)
		return -EINVAL; /* the addresses are not in this segment */
	start = weir_mbuf_prepend(mbuf, sizeof(tag));
	if (!start)
		return -ENOBUFS; /* no headroom left */
	memmove(start, start + sizeof(tag), 12);
	memcpy(start + 12, tag, sizeof(tag));
	return 0;
}

static void show(const char *when, const struct weir_mbuf *mbuf)
{
	printf("%-8s headroom %3u, length %u, references %u:", when, weir_mbuf_headroom(mbuf),
		mbuf->length, weir_mbuf_refs(mbuf));
	for (uint32_t i = 0; i < mbuf->data_length; i++)
		printf(" %02x", weir_mbuf_data(mbuf)[i]);
	printf("\n");
}

/* One reference more, a try, one reference less, and again. */
static int tag_shared_frame(struct weir_mempool *pool)
{
	static const uint8_t frame[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00, 0x45};
	struct weir_mbuf *mbuf = weir_mbuf_from_bytes(pool, frame, sizeof(frame));
	int failed;

	if (!mbuf)
		return -ENOBUFS;
	weir_mbuf_ref(mbuf, 1);
	show("shared", mbuf);
	if (add_vlan_tag(mbuf, 42) != -EBUSY)
		printf("a shared frame was written to\n");
	weir_mbuf_free(mbuf); /* the other holder's */
	failed = add_vlan_tag(mbuf, 42);
	show("tagged", mbuf);
	if (weir_mbuf_check(mbuf) != 0)
		failed = -EINVAL;
	weir_mbuf_free(mbuf);
	return failed;
}

int main(void)
{
	struct weir_mbuf_pool_conf conf = {.name = "frames", .count = 64};
	struct weir_mempool *pool = weir_mbuf_pool_create(&conf);
	int failed = pool ? tag_shared_frame(pool) : -1;

	if (weir_mempool_destroy(pool) != 0 || failed) {
		fprintf(stderr, "mbuf: %s\n", weir_last_error());
		return 1;
	}
	return 0;
}
