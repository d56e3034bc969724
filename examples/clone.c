/* SPDX-License-Identifier: BSD-3-Clause */
/* clone.c: one packet to several receivers, each with a header of its own, and a template that is
 * never copied.
 */
#include <weir/weir.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The packet for one receiver: its number in front, the bytes shared. NULL when the pool is dry. */
static struct weir_mbuf *address_to(
	struct weir_mempool *pool, struct weir_mbuf *mbuf, uint8_t receiver)
{
	struct weir_mbuf *clone = weir_mbuf_clone(mbuf, pool);
	uint8_t *header = clone ? weir_mbuf_extend_head(&clone, 1) : NULL;

	if (!header) {
		weir_mbuf_free(clone);
		return NULL;
	}
	*header = receiver;
	return clone;
}

/* Change the first byte of the text behind the header, in this packet only. */
static int mark(struct weir_mbuf **packet)
{
	int error = weir_mbuf_make_writable(packet, 1, 1);

	return error ? error : weir_mbuf_write(*packet, 1, "H", 1);
}

static void print(const struct weir_mbuf *mbuf)
{
	char text[32] = "";

	weir_mbuf_read(mbuf, 1, text, mbuf->length - 1);
	printf("to %c: %s, %s\n", *weir_mbuf_data(mbuf), text,
		weir_mbuf_is_writable(mbuf, 1, 1) ? "its own" : "shared");
}

/* Send to receivers 1 and 2 what lies in static memory. */
static int show(struct weir_mempool *pool)
{
	static char text[] = "hello";
	static struct weir_external memory;
	struct weir_mbuf *mbuf = weir_mbuf_alloc(pool), *copies[2] = {NULL, NULL};
	int error = mbuf ? 0 : -ENOBUFS;

	weir_external_init(&memory, text, sizeof(text) - 1, NULL, NULL);
	if (!error)
		error = weir_mbuf_attach(mbuf, &memory, 0, sizeof(text) - 1);
	for (uint8_t i = 0; i < 2 && !error; i++) {
		copies[i] = address_to(pool, mbuf, (uint8_t)('1' + i));
		error = copies[i] ? 0 : -ENOBUFS;
	}
	weir_mbuf_free(mbuf);
	if (!error)
		error = mark(&copies[1]);
	for (uint32_t i = 0; i < 2 && !error; i++)
		print(copies[i]);
	for (uint32_t i = 0; i < 2; i++)
		weir_mbuf_free(copies[i]);
	return error;
}

int main(void)
{
	struct weir_mbuf_pool_conf conf = {.name = "letters", .count = 16, .size = 64};
	struct weir_mempool *pool = weir_mbuf_pool_create(&conf);
	int error = pool ? show(pool) : 0;

	if (error)
		fprintf(stderr, "clone: %s\n", strerror(-error));
	if (weir_mempool_destroy(pool) != 0 || !pool)
		fprintf(stderr, "clone: %s\n", weir_last_error());
	return error || !pool;
}
