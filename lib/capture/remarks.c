/* SPDX-License-Identifier: BSD-3-Clause */
/* remarks.c: what a capture says besides its packets, for who wants to hear it.
 *
 * Options that are cut short are passed over here: interfaces with such are refused elsewhere, and
 * a section is no worse for them. */
#include "capture_impl.h"

#include "base/base_impl.h"

#include <limits.h>

#define OPTION_HEADER 4

/* The draft, 3.5, 4.1 and 4.2: what an option is called in a section, and in an interface. */
static const struct name {
	uint16_t code;
	bool of_section;
	enum weir_capture_remark_kind kind;
} names[] = {
	{1, true, WEIR_CAPTURE_COMMENT},
	{2, true, WEIR_CAPTURE_HARDWARE},
	{3, true, WEIR_CAPTURE_SYSTEM},
	{4, true, WEIR_CAPTURE_APPLICATION},
	{1, false, WEIR_CAPTURE_COMMENT},
	{2, false, WEIR_CAPTURE_NAME},
	{3, false, WEIR_CAPTURE_DESCRIPTION},
	{12, false, WEIR_CAPTURE_SYSTEM},
	{15, false, WEIR_CAPTURE_HARDWARE},
};

static const struct name *find_name(uint16_t code, bool of_section)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].code == code && names[i].of_section == of_section)
			return &names[i];
	return NULL;
}

void weir__remark_interface(const struct weir_capture_reader *reader, uint32_t number,
	uint16_t link_type, uint32_t declared)
{
	const struct weir_capture_remark remark = {.kind = WEIR_CAPTURE_INTERFACE,
		.interface = number,
		.text = "",
		.snaplen = declared <= INT_MAX ? declared : 0,
		.link_type = link_type};

	if (reader->hear != NULL)
		reader->hear(reader->hear_context, &remark);
}

void weir__remark_options(const struct weir_capture_reader *reader, uint32_t number,
	const uint8_t *options, size_t size)
{
	while (reader->hear != NULL && size >= OPTION_HEADER) {
		uint16_t code = weir__load16(options, reader->swapped);
		uint16_t length = weir__load16(options + 2, reader->swapped);
		size_t padded = OPTION_HEADER + weir__round_up(length, 4);
		const struct name *name = find_name(code, number == WEIR_CAPTURE_SECTION);
		const struct weir_capture_remark remark = {
			.kind = name != NULL ? name->kind : WEIR_CAPTURE_COMMENT,
			.interface = number,
			.text = (const char *)options + OPTION_HEADER,
			.length = length};

		if (code == 0 || padded > size)
			return;
		if (name != NULL)
			reader->hear(reader->hear_context, &remark);
		options += padded;
		size -= padded;
	}
}
