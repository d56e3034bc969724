/* SPDX-License-Identifier: BSD-3-Clause */
/* cursor.c: write a message of names into a packet of small segments, and read it back.
 *
 *	cursor NAME...
 */
#include <weir/weir.h>

#include <stdio.h>
#include <string.h>

/* Append a message to the packet: its type, the length of what follows, names. */
static int put_message(struct weir_mbuf **packet, uint16_t type, char *const *names, uint32_t count)
{
	struct weir_cursor cursor;
	uint32_t length;

	weir_cursor_start(&cursor, packet, WEIR_CURSOR_COPY);
	weir_cursor_seek(&cursor, (*packet)->length);
	weir_cursor_put_u16(&cursor, type);
	length = weir_cursor_reserve(&cursor, 2);
	for (uint32_t i = 0; i < count; i++) {
		uint8_t size = (uint8_t)strlen(names[i]);

		weir_cursor_put_u8(&cursor, size);
		weir_cursor_write(&cursor, names[i], size);
	}
	weir_cursor_patch_u16(&cursor, length, (uint16_t)(weir_cursor_tell(&cursor) - length - 2));
	return weir_cursor_error(&cursor);
}

/* Print the names of a message. 0, or -ENODATA when the packet is shorter than it says. */
static int print_message(const struct weir_mbuf *mbuf)
{
	struct weir_cursor cursor;
	uint32_t end;
	char name[256];

	weir_cursor_read_start(&cursor, mbuf);
	printf("type %u, ", weir_cursor_get_u16(&cursor));
	end = weir_cursor_get_u16(&cursor) + 4u;
	printf("%u bytes in %u segments:", end, weir_mbuf_segments(mbuf));
	while (weir_cursor_tell(&cursor) < end && !weir_cursor_error(&cursor)) {
		uint8_t size = weir_cursor_get_u8(&cursor);

		weir_cursor_read(&cursor, name, size);
		if (!weir_cursor_error(&cursor))
			printf(" %.*s", size, name);
	}
	printf("\n");
	return weir_cursor_error(&cursor);
}

static int show(struct weir_mempool *pool, char *const *names, uint32_t count)
{
	struct weir_mbuf *mbuf = weir_mbuf_alloc(pool);
	int error = mbuf ? put_message(&mbuf, 7, names, count) : -ENOBUFS;

	if (!error)
		error = print_message(mbuf);
	if (!error) {
		weir_mbuf_trim(mbuf, 1);
		if (print_message(mbuf) != -ENODATA)
			printf("a message cut short was not noticed\n");
	}
	weir_mbuf_free(mbuf);
	return error;
}

int main(int argc, char **argv)
{
	struct weir_mbuf_pool_conf conf = {.name = "messages", .count = 16, .size = 20};
	struct weir_mempool *pool = weir_mbuf_pool_create(&conf);
	int error = pool ? show(pool, argv + 1, (uint32_t)argc - 1) : 0;

	if (error)
		fprintf(stderr, "cursor: %s\n", strerror(-error));
	if (weir_mempool_destroy(pool) != 0 || !pool)
		fprintf(stderr, "cursor: %s\n", weir_last_error());
	return error || !pool;
}
