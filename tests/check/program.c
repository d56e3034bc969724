/* SPDX-License-Identifier: BSD-3-Clause */
/* program.c: what a user of the installed library builds: a packet made, read back and freed. */
#include <weir/weir.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
	struct weir_mbuf_pool_conf conf = {.name = "program", .count = 64};
	struct weir_mempool *pool = weir_mbuf_pool_create(&conf);
	struct weir_mbuf *mbuf = pool ? weir_mbuf_from_bytes(pool, "packet", 6) : NULL;
	char bytes[6] = "";

	if (!mbuf || weir_mbuf_read(mbuf, 0, bytes, 6) != 0 || memcmp(bytes, "packet", 6) != 0) {
		fprintf(stderr, "program: %s\n", weir_last_error());
		return 1;
	}
	weir_mbuf_free(mbuf);
	printf("weir %s: %u mbufs in use\n", weir_version(), weir_mempool_in_use(pool));
	return weir_mempool_destroy(pool) == 0 ? 0 : 1;
}
