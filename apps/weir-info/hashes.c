/* SPDX-License-Identifier: BSD-3-Clause */
/* hashes.c: the hashes of a file that capinfos -H prints, in one reading; by nettle. */
#include "apps/weir-info/hashes.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#ifdef WEIR_HAVE_NETTLE
#include <nettle/base16.h>
#include <nettle/ripemd160.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>

/* Read at a time: what stays in the second cache while three hashes go over it. */
#define PIECE 65536

struct hashing {
	struct sha256_ctx sha256;
	struct ripemd160_ctx ripemd160;
	struct sha1_ctx sha1;
};

/* 0 or -errno. */
static int hash_all(struct hashing *hashing, int fd)
{
	uint8_t bytes[PIECE];
	ssize_t got;

	while ((got = read(fd, bytes, sizeof(bytes))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		sha256_update(&hashing->sha256, (size_t)got, bytes);
		ripemd160_update(&hashing->ripemd160, (size_t)got, bytes);
		sha1_update(&hashing->sha1, (size_t)got, bytes);
	}
	return 0;
}

static void write_hex(char *text, const uint8_t *digest, size_t size)
{
	base16_encode_update(text, size, digest);
	text[BASE16_ENCODE_LENGTH(size)] = '\0';
}

static void finish(struct hashing *hashing, struct hashes *hashes)
{
	uint8_t digest[SHA256_DIGEST_SIZE];

	sha256_digest(&hashing->sha256, SHA256_DIGEST_SIZE, digest);
	write_hex(hashes->sha256, digest, SHA256_DIGEST_SIZE);
	ripemd160_digest(&hashing->ripemd160, RIPEMD160_DIGEST_SIZE, digest);
	write_hex(hashes->ripemd160, digest, RIPEMD160_DIGEST_SIZE);
	sha1_digest(&hashing->sha1, SHA1_DIGEST_SIZE, digest);
	write_hex(hashes->sha1, digest, SHA1_DIGEST_SIZE);
}

bool hashes_are_there(void)
{
	return true;
}

int hashes_read(struct hashes *hashes, const char *path)
{
	struct hashing hashing;
	int fd = open(path, O_RDONLY | O_CLOEXEC), error;

	if (fd < 0)
		return -errno;
	sha256_init(&hashing.sha256);
	ripemd160_init(&hashing.ripemd160);
	sha1_init(&hashing.sha1);
	error = hash_all(&hashing, fd);
	close(fd);
	if (!error)
		finish(&hashing, hashes);
	return error;
}

#else

bool hashes_are_there(void)
{
	return false;
}

int hashes_read(struct hashes *hashes, const char *path)
{
	(void)hashes;
	(void)path;
	return -ENOTSUP;
}

#endif
