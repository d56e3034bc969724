/* SPDX-License-Identifier: BSD-3-Clause */
/* field.c: fields of mbufs by name.
 *
 * The table of a pool only grows: a field is written, then counted. So those who read it, such as a
 * clone to another pool, take no lock; those who register do.
 */
#include "mbuf_impl.h"

#include "weir/field.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdlib.h>

struct weir__mbuf_fields {
	uint32_t start, size; /* the room: offset from the mbuf, bytes */
	uint32_t used;        /* of it; under lock */
	WEIR_ATOMIC(uint32_t) count;
	pthread_mutex_t lock;
	struct weir_field fields[WEIR_FIELDS_MAX];
};

int weir__mbuf_fields_init(struct weir_mempool *pool, uint32_t start, uint32_t size)
{
	struct weir__mbuf_fields *table = calloc(1, sizeof(*table));

	if (!table)
		return weir__fail(ENOMEM, "no memory for the fields of pool '%s'", pool->name);
	table->start = start;
	table->size = size;
	pthread_mutex_init(&table->lock, NULL);
	pool->mbuf_fields = table;
	return 0;
}

void weir__mbuf_fields_clear(struct weir_mbuf *mbuf)
{
	const struct weir__mbuf_fields *table = weir_mbuf_pool(mbuf)->mbuf_fields;

	mbuf->flags |= WEIR_MBUF_FIELDS;
	memset(weir_mbuf_field_at(mbuf, (int)table->start), 0, table->size);
}

/* The field of this name, or NULL. */
static const struct weir_field *find(const struct weir__mbuf_fields *table, const char *name)
{
	/* acquire: pairs with add() */
	uint32_t count = table ? atomic_load_explicit(&table->count, memory_order_acquire) : 0;

	for (uint32_t i = 0; i < count; i++)
		if (strcmp(table->fields[i].name, name) == 0)
			return &table->fields[i];
	return NULL;
}

static int check(const char *name, size_t size, size_t align)
{
	if (!name || !*name || strlen(name) >= WEIR_FIELD_NAME_MAX)
		return weir__fail(EINVAL, "a field's name has 1 to %u bytes, not '%s'",
			WEIR_FIELD_NAME_MAX - 1, name ? name : "");
	/* 64: an mbuf's own alignment */
	if (size == 0 || size > UINT32_MAX / 4 || align == 0 || align > WEIR_CACHE_LINE ||
		(align & (align - 1)))
		return weir__fail(EINVAL,
			"field '%s': size %zu, alignment %zu: say a size above 0 and a power of "
			"two up "
			"to %d",
			name, size, align, WEIR_CACHE_LINE);
	return 0;
}

/* Under the table's lock. The offset or -errno. */
static int add(const struct weir_mempool *pool, const char *name, size_t size, size_t align)
{
	struct weir__mbuf_fields *table = pool->mbuf_fields;
	/* relaxed: only changed under the lock */
	uint32_t count = atomic_load_explicit(&table->count, memory_order_relaxed);
	size_t offset = weir__round_up(table->start + table->used, align);
	size_t needed = offset + size - table->start;
	struct weir_field *field = &table->fields[count];

	if (count == WEIR_FIELDS_MAX)
		return weir__fail(ENOSPC, "pool '%s' has %u fields already: no room for '%s'",
			pool->name, count, name);
	if (needed > table->size)
		return weir__fail(ENOSPC,
			"pool '%s': field '%s' of %zu bytes does not fit: %u of %u bytes are used; "
			"a "
			"fields_size of %zu in the conf of the pool would do",
			pool->name, name, size, table->used, table->size, needed);
	memcpy(field->name, name, strlen(name) + 1);
	field->offset = (uint32_t)offset;
	field->size = (uint32_t)size;
	table->used = (uint32_t)needed;
	/* release: whoever sees the count sees the field */
	atomic_store_explicit(&table->count, count + 1, memory_order_release);
	return (int)offset;
}

static int find_or_add(const struct weir_mempool *pool, const char *name, size_t size, size_t align)
{
	const struct weir_field *field = find(pool->mbuf_fields, name);

	if (!field)
		return add(pool, name, size, align);
	if (field->size != size || field->offset % align)
		return weir__fail(EEXIST,
			"pool '%s' has a field '%s' of %u bytes at offset %u: asked for %zu bytes "
			"aligned to %zu",
			pool->name, name, field->size, field->offset, size, align);
	return (int)field->offset;
}

int weir_mbuf_field(struct weir_mempool *pool, const char *name, size_t size, size_t align)
{
	struct weir__mbuf_fields *table = pool->mbuf_fields;
	int result = check(name, size, align);

	if (result)
		return result;
	if (!table)
		return weir__fail(ENOSPC,
			"pool '%s' has no room for fields such as '%s' of %zu bytes: a fields_size "
			"of "
			"%zu in its conf would do",
			pool->name, name, size, size);
	pthread_mutex_lock(&table->lock);
	result = find_or_add(pool, name, size, align);
	pthread_mutex_unlock(&table->lock);
	return result;
}

int weir_mbuf_field_find(const struct weir_mempool *pool, const char *name)
{
	const struct weir_field *field = find(pool->mbuf_fields, name);

	return field ? (int)field->offset : -ENOENT;
}

uint32_t weir_mbuf_fields(const struct weir_mempool *pool, struct weir_field *fields, uint32_t max)
{
	const struct weir__mbuf_fields *table = pool->mbuf_fields;
	/* acquire: pairs with add() */
	uint32_t count = table ? atomic_load_explicit(&table->count, memory_order_acquire) : 0;

	if (count && max)
		memcpy(fields, table->fields, (count < max ? count : max) * sizeof(*fields));
	return count;
}

/* To a pool where the fields lie elsewhere. */
static void copy_by_name(struct weir_mbuf *to, const struct weir__mbuf_fields *theirs,
	const struct weir_mbuf *from, const struct weir__mbuf_fields *ours)
{
	/* acquire: pairs with add() */
	uint32_t count = atomic_load_explicit(&theirs->count, memory_order_acquire);

	for (uint32_t i = 0; i < count; i++) {
		const struct weir_field *field = &theirs->fields[i];
		const struct weir_field *source = find(ours, field->name);

		if (source && source->size == field->size)
			memcpy((uint8_t *)to + field->offset,
				(const uint8_t *)from + source->offset, field->size);
	}
}

void weir__mbuf_copy_fields(struct weir_mbuf *to, const struct weir_mbuf *from)
{
	const struct weir__mbuf_fields *ours = weir_mbuf_pool(from)->mbuf_fields;
	const struct weir__mbuf_fields *theirs = weir_mbuf_pool(to)->mbuf_fields;

	if (!theirs) {
		to->flags &= ~WEIR_MBUF_FIELDS;
	} else if (ours == theirs) {
		memcpy(weir_mbuf_field_at(to, (int)ours->start),
			(const uint8_t *)from + ours->start, ours->size);
	} else {
		weir__mbuf_fields_clear(to);
		copy_by_name(to, theirs, from, ours);
	}
}
