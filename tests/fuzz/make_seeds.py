#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Make the seeds: of fuzz_capture one small file for each thing the reader knows, of fuzz_share one
message for each choice of socket and files, of fuzz_fragment packets whole and in fragments.

    make_seeds.py CORPUS

Needs the programs zstd and lz4. Same files every time.
"""
import gzip
import pathlib
import struct
import subprocess
import sys


def pcap(order="<", magic=0xA1B2C3D4, version=(2, 4), snaplen=65535, link=1, lengths=(60, 61, 14)):
    out = struct.pack(order + "IHHIIII", magic, *version, 0, 0, snaplen, link)
    for n, length in enumerate(lengths):
        first, second = (length, length + n) if version >= (2, 3) else (length + n, length)
        out += struct.pack(order + "IIII", 1000 + n, n, first, second)
        out += bytes(8 if magic == 0xA1B2CD34 else 0)
        out += bytes((n * 37 + i) & 255 for i in range(length))
    return out


def padded(data):
    return data + bytes(-len(data) % 4)


def block(order, kind, body):
    body = padded(body)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def option(order, code, value):
    return struct.pack(order + "HH", code, len(value)) + padded(value)


def section(order):
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(order, link, snaplen=0, resolution=None, offset=None):
    options = option(order, 2, b"eth0")
    if resolution is not None:
        options += option(order, 9, bytes([resolution]))
    if offset is not None:
        options += option(order, 14, struct.pack(order + "q", offset))
    return block(order, 1, struct.pack(order + "HHI", link, 0, snaplen) + options + bytes(4))


def enhanced(order, number, length=20, wire=40):
    head = struct.pack(order + "IIIII", number, 1, 2, length, wire)
    return block(order, 6, head + padded(bytes(range(length))) + option(order, 1, b"note"))


def obsolete(order, number, length=21):
    return block(order, 2, struct.pack(order + "HHIIII", number, 0, 1, 2, length, length) +
                 bytes(range(length)))


def pcapng(order):
    out = section(order) + interface(order, 1, 0, 9) + interface(order, 101, 128)
    out += interface(order, 228, 0, 0x80 | 30, -1) + interface(order, 113, 64, 20, 1 << 40)
    for number in range(4):
        out += enhanced(order, number)
    out += block(order, 3, struct.pack(order + "I", 10) + bytes(10))
    out += block(order, 5, bytes(40)) + block(order, 0xBAD, b"custom!") + obsolete(order, 2)
    return out


def through(program, *pieces):
    return b"".join(subprocess.run([program, "-c", "-q"], input=piece, capture_output=True,
                                   check=True).stdout for piece in pieces)


def shared(choice, reserved=8 << 20, chunk=2 << 20, pages=2, chunks=(2, 0, 2, 0)):
    """One byte for the target, a message of lib/mem/share.c, the list of chunks."""
    message = struct.pack("<QQQQI32s4x", 0x016D656D72696577, reserved, chunk, reserved, pages, b"fuzz")
    return bytes([choice]) + message + bytes(chunks)


def shared_seeds():
    for bit in range(-1, 6):
        yield f"choice-{bit + 1}", shared(1 << bit if bit >= 0 else 0)
    yield "one-chunk", shared(1, 1 << 20, 1 << 20, 1, (1,))
    yield "hugepages", shared(0, pages=21, chunks=(21, 21, 0, 21))
    yield "no-chunks", shared(0, chunks=())
    yield "half", shared(0)[:40]
    yield "sparse", shared(0, 5 << 40, 1 << 40, chunks=(2,) * 5)  # its report must not walk it


def capture_seeds():
    for name, magic in ("us", 0xA1B2C3D4), ("ns", 0xA1B23C4D), ("modified", 0xA1B2CD34):
        yield f"pcap-{name}-le", pcap("<", magic)
        yield f"pcap-{name}-be", pcap(">", magic)
    for minor in 2, 3:
        yield f"pcap-2.{minor}", pcap(version=(2, minor))
    yield "pcap-cut-to-snaplen", pcap(snaplen=20)
    for link in 113, 189, 220, 239:
        yield f"pcap-pseudo-{link}", pcap(">", link=link, lengths=(96, 48))
    little, big = pcapng("<"), pcapng(">")
    yield "pcapng-le", little
    yield "pcapng-be", big
    yield "pcapng-sections", little + big + section("<") + little
    plain = pcap()
    yield "gzip-2-members", gzip.compress(plain[:50], mtime=0) + gzip.compress(plain[50:], mtime=0)
    yield "zstd-2-frames", through("zstd", little[:99], little[99:])
    yield "lz4-2-frames", through("lz4", little[:99], little[99:])


def ipv4(place, length, more, options=b"", number=1):
    head = 20 + len(options)
    flags = (0x2000 if more else 0) | place // 8
    return struct.pack("!BBHHHBBH8s", 0x40 | head // 4, 0, head + length, number, flags, 64, 17, 0,
                       bytes(range(8))) + options + bytes(i & 255 for i in range(place, place + length))


def ipv6(place, length, more, before=b"", number=1):
    fragment = struct.pack("!BBHI", 17, 0, place | more, number)
    body = before + fragment + bytes(i & 255 for i in range(place, place + length))
    return struct.pack("!IHBB", 6 << 28, len(body), 0 if before else 44, 64) + bytes(32) + body


def in_units(*packets):
    """Each padded to units of 8 bytes, behind their number."""
    return b"".join(bytes([(len(p) + 7) // 8]) + p + bytes(-len(p) % 8) for p in packets)


def fragment_seeds():
    options = bytes([0x94, 4, 0, 0, 7, 4, 4, 0])
    hop_by_hop = bytes([44, 0, 1, 4, 0, 0, 0, 0])
    yield "ipv4", in_units(ipv4(0, 64, True), ipv4(64, 30, False))
    yield "ipv4-backwards", in_units(ipv4(64, 30, False), ipv4(0, 64, True))
    yield "ipv4-options", in_units(ipv4(0, 64, True, options), ipv4(64, 64, True), ipv4(128, 9, False))
    yield "ipv4-whole", in_units(ipv4(0, 600, False, options))
    yield "ipv4-overlap", in_units(ipv4(0, 64, True), ipv4(56, 64, True), ipv4(0, 64, True))
    yield "ipv4-twice", in_units(*[ipv4(0, 64, True)] * 2, ipv4(64, 8, False))
    yield "many", in_units(*(ipv4(0, 16, True, number=n) for n in range(9)))
    yield "pieces", in_units(*(ipv4(8 * n, 8, n < 7) for n in range(8)))
    yield "ipv6", in_units(ipv6(0, 64, True), ipv6(64, 30, False))
    yield "ipv6-options", in_units(ipv6(0, 64, True, hop_by_hop), ipv6(64, 9, False, hop_by_hop))


def main():
    for target, seeds in (("capture", capture_seeds()), ("share", shared_seeds()),
                          ("fragment", fragment_seeds())):
        folder = pathlib.Path(sys.argv[1]) / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in seeds:
            (folder / name).write_bytes(data)


main()
