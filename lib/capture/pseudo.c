/* SPDX-License-Identifier: BSD-3-Clause */
/* pseudo.c: packets whose first bytes are in the byte order of the machine that captured them.
 *
 * Four link types have numbers in that order, which the file's header alone tells. A reader on a
 * machine of the other order turns them, as libpcap and Wireshark do, so that what is seen, and
 * what is written to a new file, is always this machine's order. Every field is turned only when
 * the packet has all of its bytes. */
#include "capture_impl.h"

#include "base/big_impl.h"

#define LINK_COOKED      113 /* Linux "any" device: SocketCAN identifiers */
#define LINK_USB         189 /* usbmon with 48 bytes of header */
#define LINK_USB_MMAPPED 220 /* and with 64 bytes and the isochronous descriptors */
#define LINK_NFLOG       239

static bool has(const struct weir_capture_packet *packet, uint32_t size)
{
	return packet->length >= size && packet->wire_length >= size;
}

/* Turn the size bytes of one number around, when the packet has them. */
static void turn(const struct weir_capture_packet *packet, uint8_t *data, size_t at, size_t size)
{
	uint8_t byte;

	if (at + size > packet->length)
		return;
	for (size_t low = at, high = at + size - 1; low < high; low++, high--) {
		byte = data[low];
		data[low] = data[high];
		data[high] = byte;
	}
}

/* 16 bytes of cooked header, the last two of them the protocol in network order; CAN frames begin
 * with an identifier of 4 bytes. */
static void turn_cooked(const struct weir_capture_packet *packet, uint8_t *data)
{
	const unsigned can = 0x000c, can_fd = 0x000d; /* linux/if_ether.h */
	unsigned protocol;

	if (!has(packet, 16 + 4))
		return;
	protocol = weir__big16(data + 14);
	if (protocol == can || protocol == can_fd)
		turn(packet, data, 16, 4);
}

/* Linux, Documentation/usb/usbmon.rst, "Raw binary format": struct usbmon_packet. */
static void turn_usb(const struct weir_capture_packet *packet, uint8_t *data)
{
	static const struct {
		uint8_t at, size;
	} fields[] = {
		{0, 8},  /* id */
		{12, 2}, /* busnum */
		{16, 8}, /* ts_sec */
		{24, 4}, /* ts_usec */
		{28, 4}, /* status */
		{32, 4}, /* length */
		{36, 4}, /* len_cap */
		{40, 4}, /* error_count, only isochronous */
		{44, 4}, /* numdesc, only isochronous */
		{48, 4}, /* interval, from here on only with 64 bytes */
		{52, 4}, /* start_frame */
		{56, 4}, /* xfer_flags */
		{60, 4}, /* ndesc */
	};
	bool isochronous = packet->length > 9 && data[9] == 0;
	bool longer = packet->link_type == LINK_USB_MMAPPED;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if ((fields[i].at == 40 || fields[i].at == 44) && !isochronous)
			continue; /* the setup packet, which is bytes */
		if (fields[i].at >= 48 && !longer)
			break;
		turn(packet, data, fields[i].at, fields[i].size);
	}
}

/* Behind the header of 64 bytes ndesc descriptors of 16: status, offset, length, padding. */
static void turn_isochronous(const struct weir_capture_packet *packet, uint8_t *data)
{
	uint32_t count;

	if (packet->length < 64 || data[9] != 0)
		return;
	count = weir__load32(data + 60, false); /* turned by now */
	for (size_t at = 64; count > 0 && at < packet->length; count--, at += 16) {
		turn(packet, data, at, 4);
		turn(packet, data, at + 4, 4);
		turn(packet, data, at + 8, 4);
	}
}

/* 4 bytes of header, then attributes: length (this header included) and type of 2 bytes each, and
 * a value padded to 4. Only version 0 is known. */
static void turn_nflog(const struct weir_capture_packet *packet, uint8_t *data)
{
	size_t at = 4, length;

	if (!has(packet, 4) || data[1] != 0)
		return;
	while (at + 4 <= packet->length) {
		turn(packet, data, at, 2);
		turn(packet, data, at + 2, 2);
		length = weir__load16(data + at, false);
		if (length < 4)
			return;
		at += (length + 3) & ~(size_t)3;
	}
}

void weir__pseudo_header_to_host(const struct weir_capture_packet *packet, uint8_t *data)
{
	switch (packet->link_type) {
	case LINK_COOKED:
		turn_cooked(packet, data);
		break;
	case LINK_USB:
		turn_usb(packet, data);
		break;
	case LINK_USB_MMAPPED:
		turn_usb(packet, data);
		turn_isochronous(packet, data);
		break;
	case LINK_NFLOG:
		turn_nflog(packet, data);
		break;
	default:
		break;
	}
}
