/* SPDX-License-Identifier: BSD-3-Clause */
/* list_elements.c: the elements of sets and maps as nft prints them, in its order. */
#include "apps/weir-fw/list_impl.h"
#include "apps/weir-fw/value.h"

#include <stdlib.h>

static void data_print(FILE *out, const struct fw_set *set, const struct fw_element *element)
{
	fputs(" : ", out);
	if (set->data->id == FW_TYPE_VERDICT) {
		fw_list_verdict(out, &element->verdict);
	} else if (!element->value) {
		fprintf(out, "0x%08x", element->data);
	} else {
		fw_value_print(out, set->data, set->data->size, element->value);
		if (set->data_port)
			fprintf(out, " . %llu",
				(unsigned long long)fw_bytes_number(element->value + FW_VALUE, 2));
	}
}

static void element_print(FILE *out, const struct fw_set *set, const struct fw_element *element)
{
	uint32_t at = 0;

	if (element->any)
		fputc('*', out);
	for (uint32_t i = 0; !element->any && i < set->parts; at += set->sizes[i++]) {
		fputs(i ? " . " : "", out);
		fw_range_print(out, set->types[i], set->sizes[i], element->low + at,
			element->high + at, true);
	}
	if (set->counted) {
		fputc(' ', out);
		fw_list_counter(out, &element->counter);
	}
	if (element->comment)
		fprintf(out, " comment \"%s\"", element->comment);
	if (set->data)
		data_print(out, set, element);
}

/* How many stand in a line of a set with a name, as nft has it. */
static uint32_t per_line(const struct fw_set *set)
{
	if (set->parts > 1 || set->counted)
		return 1;
	switch (set->types[0]->id) {
	case FW_TYPE_SERVICE:
	case FW_TYPE_PROTO:
	case FW_TYPE_MARK:
		return 5;
	case FW_TYPE_IPV4:
	case FW_TYPE_ETHER:
		return 2;
	default:
		return 1;
	}
}

/* nft sorts names and keys of several parts by their last byte first. */
static int compare(const void *a, const void *b, void *context)
{
	const uint8_t *first = (*(const struct fw_element *const *)a)->low;
	const uint8_t *second = (*(const struct fw_element *const *)b)->low;

	for (uint32_t i = *(uint32_t *)context; i-- > 0;)
		if (first[i] != second[i])
			return first[i] < second[i] ? -1 : 1;
	return 0;
}

static const struct fw_element **in_order(const struct fw_set *set)
{
	const struct fw_element **order = calloc(set->count + 1, sizeof(*order));
	uint32_t size = set->key_size;

	if (!order)
		abort();
	for (uint32_t i = 0; i < set->count; i++)
		order[i] = &set->elements[i];
	if (set->parts > 1 || set->types[0]->id == FW_TYPE_IFNAME)
		qsort_r(order, set->count, sizeof(*order), compare, &size);
	order[set->count] = set->any;
	return order;
}

void fw_list_elements(FILE *out, const struct fw_set *set)
{
	uint32_t line = per_line(set), count = set->count + (set->any != NULL);
	const struct fw_element **order = in_order(set);

	fputs("{ ", out);
	for (uint32_t i = 0; i < count; i++) {
		if (i)
			fputs(set->name && i % line == 0 ? ",\n\t\t\t     " : ", ", out);
		element_print(out, set, order[i]);
	}
	free(order);
	fputs(" }", out);
}
