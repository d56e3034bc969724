/* SPDX-License-Identifier: BSD-3-Clause */
/* chain.c: put a header in front of a payload that is too long for one segment, change its middle,
 * and send it without putting it in one piece.
 */
#include <weir/weir.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Frame a payload: a line in front, a line behind, and a word in the middle. 0 or -errno, and then
 * the packet may be framed in part. */
static int frame(struct weir_mbuf **packet)
{
	uint8_t *bytes = weir_mbuf_extend_head(packet, 6);

	if (!bytes)
		return -errno;
	memcpy(bytes, "begin\n", 6);
	if (weir_mbuf_append_bytes(*packet, "\nend\n", 5) != 0)
		return -ENOBUFS;
	bytes = weir_mbuf_insert(packet, 16, 10);
	if (!bytes)
		return -errno;
	memcpy(bytes, "very, very", 10);
	return 0;
}

/* All bytes of a packet to a file, in one call. */
static int send_to(int file, const struct weir_mbuf *mbuf)
{
	struct iovec pieces[16];
	uint32_t count = weir_mbuf_iovec(mbuf, 0, mbuf->length, pieces, 16);

	if (count > 16)
		return -EMSGSIZE;
	return writev(file, pieces, (int)count) == (ssize_t)mbuf->length ? 0 : -EIO;
}

static int show(struct weir_mempool *pool)
{
	static const char text[] = "this is a  long payload for segments of sixteen bytes";
	struct weir_mbuf *mbuf = weir_mbuf_from_bytes(pool, text, sizeof(text) - 1);
	int error = mbuf ? frame(&mbuf) : -ENOBUFS;

	if (!error)
		error = send_to(STDOUT_FILENO, mbuf);
	if (!error)
		error = weir_mbuf_pull_up(&mbuf, 26); /* a parser wants its line in one piece */
	if (!error)
		printf("%u bytes in %u segments, %u in the first: %.*s\n", mbuf->length,
			weir_mbuf_segments(mbuf), mbuf->data_length, 20,
			(const char *)weir_mbuf_data_at(mbuf, 6));
	weir_mbuf_free(mbuf);
	return error;
}

int main(void)
{
	struct weir_mbuf_pool_conf conf = {
		.name = "lines", .count = 32, .size = 16, .headroom = 16};
	struct weir_mempool *pool = weir_mbuf_pool_create(&conf);
	int error = pool ? show(pool) : 0;

	if (error)
		fprintf(stderr, "chain: %s\n", strerror(-error));
	if (weir_mempool_destroy(pool) != 0 || !pool)
		fprintf(stderr, "chain: %s\n", weir_last_error());
	return error || !pool;
}
