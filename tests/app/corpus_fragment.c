/* SPDX-License-Identifier: BSD-3-Clause */
/* corpus_fragment.c: what the fragments of the corpus are put together to; corpus_fragment.py
 * compares that with tshark.
 *
 *	corpus_fragment DIRECTORY
 *
 * Prints for each capture that has fragments "= path", for each packet that became whole "number
 * payload", with the number of the frame, from 1 on, that it was complete with and the payload
 * behind IP's headers in hexadecimal, and in the end "# name=count ...". Every packet is cut once
 * more to a third of its size, too, and must come together to the same. Exit status 1 if not. */
#include "corpus_walk.h"

#include <weir/weir.h>

#include <stdio.h>
#include <string.h>

static struct weir_mempool *pool;
static struct weir_reassembly *reassembly, *again;
static const char *current;
static char path_now[4096];
static uint32_t frame, wrong;
static uint64_t now_ns;

static void begin(const char *path)
{
	snprintf(path_now, sizeof(path_now), "%s", path);
	current = path_now;
	reassembly = weir_reassembly_create(&(struct weir_reassembly_conf){
		.packets = 1024, .fragments = 512, .held = 65536, .timeout_ns = UINT64_MAX});
	frame = 0;
	now_ns = 0;
}

static void end(void)
{
	struct weir_reassembly_stats is;

	if (!current)
		return;
	weir_reassembly_stats(reassembly, &is);
	if (is.fragments)
		printf("# fragments=%llu packets=%llu duplicates=%llu overlaps=%llu malformed=%llu "
		       "waiting=%u\n",
			(unsigned long long)is.fragments, (unsigned long long)is.packets,
			(unsigned long long)is.duplicates, (unsigned long long)is.overlaps,
			(unsigned long long)is.malformed, is.waiting);
	weir_reassembly_destroy(reassembly);
}

static void print_payload(const struct weir_mbuf *mbuf)
{
	static uint8_t bytes[1 << 17];
	uint32_t start = mbuf->l2_length + mbuf->l3_length, length = mbuf->length - start;

	weir_mbuf_read(mbuf, start, bytes, length);
	printf("%u ", frame);
	for (uint32_t i = 0; i < length; i++)
		printf("%02x", bytes[i]);
	printf("\n");
}

/* Cut it, and put it together again from the last fragment on. */
static void there_and_back(struct weir_mbuf *mbuf)
{
	static struct weir_mbuf *fragments[8192];
	struct weir_mbuf *copy = weir_mbuf_copy(mbuf, pool), *whole = NULL;
	uint32_t mtu = (mbuf->length - mbuf->l2_length) / 3;
	int count = weir_fragment(copy, mtu > 100 ? mtu : 100, 1, fragments, 8192);

	if (count < 0) {
		weir_mbuf_free(copy);
	} else {
		for (int i = count; i-- > 0;)
			whole = weir_reassembly_add(again, fragments[i], 1);
		/* padding is gone, and IPv4's don't-fragment bit may have been set */
		if (!whole || weir_mbuf_check(whole) || whole->length > mbuf->length) {
			fprintf(stderr, "%s: frame %u does not come together again\n", current,
				frame);
			wrong++;
		}
		weir_mbuf_free(whole);
	}
}

static void visit(const char *path, struct weir_capture_packet *packet, uint8_t *bytes)
{
	struct weir_mbuf *mbuf;
	bool fragment;

	if (!current || strcmp(current, path) != 0) {
		end();
		begin(path);
		printf("= %s\n", path);
	}
	frame++;
	now_ns = packet->timestamp_ns > now_ns ? packet->timestamp_ns : now_ns;
	mbuf = weir_mbuf_from_bytes(pool, bytes, packet->length);
	weir_mbuf_set_link_type(mbuf, packet->link_type);
	fragment = (weir_parse(mbuf) & WEIR_TYPE_L4) == WEIR_L4_FRAGMENT;
	if (!fragment)
		there_and_back(mbuf);
	mbuf = weir_reassembly_add(reassembly, mbuf, now_ns);
	if (mbuf && fragment)
		print_payload(mbuf);
	weir_mbuf_free(mbuf);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	pool = weir_mbuf_pool_create(&(struct weir_mbuf_pool_conf){
		.name = "corpus", .count = 65536, .max_count = 1 << 20});
	again = weir_reassembly_create(&(struct weir_reassembly_conf){.packets = 1, .held = 64});
	corpus_walk(argv[1], visit);
	end();
	weir_reassembly_destroy(again);
	if (weir_mempool_destroy(pool)) {
		fprintf(stderr, "%s\n", weir_last_error());
		return 1;
	}
	return wrong != 0;
}
