# SPDX-License-Identifier: BSD-3-Clause
"""IP packets in fragments: cut, lost, doubled, out of order, and put together again."""
import struct

from fw_net import checksum


def piece(packet, start, end, more, identification):
    """Bytes from start to end of its payload, as a fragment."""
    if packet[0] >> 4 == 6:
        body = struct.pack("!BBHI", packet[6], 0, start | more, identification) + packet[40 + start:40 + end]
        return packet[:4] + struct.pack("!HB", len(body), 44) + packet[7:40] + body
    head = packet[:2] + struct.pack("!H", 20 + end - start) + packet[4:6] + \
        struct.pack("!H", more << 13 | start // 8) + packet[8:10] + bytes(2) + packet[12:20]
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + packet[20:][start:end]


def marked(packet, ecn):
    """With this in the last two bits of the traffic class."""
    if packet[0] >> 4 == 6:
        return packet[:1] + bytes([packet[1] & 0xcf | ecn << 4]) + packet[2:]
    head = packet[:1] + bytes([packet[1] & 0xfc | ecn]) + packet[2:10] + bytes(2) + packet[12:20]
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + packet[20:]


def cut(packet, sizes, identification=1):
    """Fragments with so many bytes of payload, and one with the rest; of IPv4 without options."""
    payload, at, parts = len(packet) - (40 if packet[0] >> 4 == 6 else 20), 0, []
    for size in sizes:
        if at + size < payload:
            parts.append(piece(packet, at, at + size, 1, identification))
            at += size
    return [*parts, piece(packet, at, payload, 0, identification)]


def place(packet):
    """Of a packet, or a fragment of one: where its part of the payload begins, that part, and whether more
    is to come."""
    if packet[0] >> 4 == 4:
        length, word = struct.unpack_from("!H2xH", packet, 2)
        return (word & 0x1fff) * 8, packet[20:length], bool(word & 0x2000)
    body = packet[40:40 + struct.unpack_from("!H", packet, 4)[0]]
    if packet[6] != 44:
        return 0, body, False
    word = struct.unpack_from("!H", body, 2)[0]
    return word & 0xfff8, body[8:], bool(word & 1)


def join(packets):
    """The payload that fragments have together; None when they are not exactly a packet."""
    payload, more = b"", True
    for start, part, more in sorted(map(place, packets)):
        if start != len(payload):
            return None
        payload += part
    return None if more else payload


class Cutter:
    """Frames of sessions, some of them in fragments of which not all arrive."""

    def __init__(self, random):
        self.random = random
        self.serial = 0

    def parts(self, frame):
        packet = frame[14:]
        self.serial += 1
        sizes = [8 * self.random.choice([1, 1, 2, 3, 5, 10, 60]) for _ in range(self.random.randint(1, 6))]
        parts = cut(packet, sizes, self.serial)
        fate = self.random.random()
        if fate < 0.1 and len(parts) > 1:
            parts.remove(self.random.choice(parts))
        elif fate < 0.2:
            parts.insert(self.random.randrange(len(parts)), self.random.choice(parts))
        elif fate < 0.3 and place(parts[-1])[0] > 8:
            # one that begins 8 bytes too early; not at 0, where Linux and RFC 6946 say otherwise
            start, part, more = place(parts[-1])
            parts.insert(self.random.randrange(1, len(parts)), piece(
                packet, start - 8, start + len(part) - 8 * more, more, self.serial))
        elif fate < 0.4 and len(parts) > 1:
            marks = self.random.choice([(0, 3), (1, 3), (2, 3), (1, 2), (0, 1), (0, 2), (1, 2, 3)])
            parts = [marked(part, self.random.choice(marks)) for part in parts]
        elif fate < 0.45 and len(parts) > 1:
            # one without payload
            at = 8 * self.random.randrange(5)
            parts.insert(self.random.randrange(len(parts)), piece(packet, at, at, 1, self.serial))
        if self.random.random() < 0.5:
            self.random.shuffle(parts)
        return [frame[:14] + part for part in parts]

    def frames(self, frames):
        """Those of up to 4 packets at a time, mixed."""
        waiting = []
        for frame in frames:
            waiting.append(self.parts(frame) if len(frame) > 14 + 48 and self.random.random() < 0.3 else [frame])
            while len(waiting) > 3 or (waiting and self.random.random() < 0.5):
                first = self.random.choice(waiting)
                yield first.pop(0)
                if not first:
                    waiting.remove(first)
        for rest in waiting:
            yield from rest
