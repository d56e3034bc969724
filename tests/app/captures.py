# SPDX-License-Identifier: BSD-3-Clause
"""Capture files for the tests: written and read by code of our own, not by what is tested."""
import os
import pathlib
import shutil
import struct
import sys
from typing import NamedTuple

ETHERNET = 1
PCAP_NS, PCAP_US = 0xA1B23C4D, 0xA1B2C3D4


SKIPPED = 77  # as meson has it


def corpus(default):
    """The captures to compare with tshark: their folder, or None and a word why not."""
    folder = pathlib.Path(os.environ.get("WEIR_CORPUS") or default, "pcap")
    if not folder.is_dir():
        print("skipped: no corpus; WEIR_CORPUS names its directory", file=sys.stderr)
        return None
    if not shutil.which("tshark"):
        print("skipped: no tshark; it is in Debian's package tshark", file=sys.stderr)
        return None
    return folder


class Packet(NamedTuple):
    """One packet: its time since 1970 in nanoseconds, bytes, length on the wire, link type."""
    time: int
    data: bytes
    wire_length: int
    link: int = ETHERNET


def packet(data, time=1_700_000_000_000_000_000):
    return Packet(time, bytes(data), len(data))


def frame(to, source, payload=b"", ethertype=0x88B5):  # the ethertype for experiments
    """An Ethernet frame; addresses as text."""
    addresses = bytes.fromhex((to + source).replace(":", ""))
    return addresses + struct.pack("!H", ethertype) + payload


def flows(count, each):
    """UDP packets of so many flows, in turn; those of a flow are numbered."""
    made = []
    for i in range(count * each):
        udp = struct.pack("!HHHHI", 1000 + i % count, 53, 12, 0, i // count)
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes((192, 0, 2, 1)),
                         bytes((192, 0, 2, 2)))
        made.append(packet(bytes(12) + b"\x08\x00" + ip + udp, 10**18 + i))
    return made


def by_flow(packets):
    """The bytes of the packets of each flow, in their order."""
    found = {}
    for p in packets:
        found.setdefault(p.data[34:38], []).append(p.data)
    return found


def write_pcap(path, packets, link=ETHERNET):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", PCAP_NS, 2, 4, 0, 0, 262144, link))
        for p in packets:
            seconds, ns = divmod(p.time, 10**9)
            file.write(struct.pack("<IIII", seconds, ns, len(p.data), p.wire_length) + p.data)


def read_pcap(data):
    magic, _, _, _, _, _, link = struct.unpack_from("<IHHiIII", data)
    unit = {PCAP_NS: 1, PCAP_US: 1000}[magic]
    at = 24
    while at < len(data):
        seconds, fraction, length, wire = struct.unpack_from("<IIII", data, at)
        body = data[at + 16:at + 16 + length]
        assert len(body) == length, f"the file ends inside the packet at {at}"
        yield Packet(seconds * 10**9 + fraction * unit, body, wire, link)
        at += 16 + length


def write_pcapng(path, packets, directions, order="<"):
    """An interface for each link of the packets; a direction of None leaves the option out."""
    links = list(dict.fromkeys(p.link for p in packets))

    def block(kind, body):
        size = struct.pack(order + "I", len(body) + 12)
        return struct.pack(order + "I", kind) + size + body + size

    def option(code, value):
        return struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)

    with open(path, "wb") as file:
        file.write(block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)))
        for link in links:
            file.write(block(1, struct.pack(order + "HHI", link, 0, 0) + option(9, b"\x09") + b"\0" * 4))
        for p, direction in zip(packets, directions):
            body = struct.pack(order + "IIIII", links.index(p.link), p.time >> 32, p.time & 0xFFFFFFFF,
                               len(p.data), p.wire_length) + p.data + b"\0" * (-len(p.data) % 4)
            if direction is not None:
                flags = struct.pack(order + "I", 0x1234 << 16 | direction)  # and link errors
                body += option(1, b"odd") + option(2, flags) + b"\0" * 4
            file.write(block(6, body))


def directions(path):
    """Of each packet, as epb_flags has it; None without."""
    data, at, found = path.read_bytes(), 0, []
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        if kind == 6:
            length, = struct.unpack_from("<I", data, at + 20)
            flags = dict(options(data[at + 28 + (length + 3) // 4 * 4:at + size - 4])).get(2)
            found.append(flags and struct.unpack("<I", flags)[0] & 3)
        at += size
    return found


def options(data):
    """Code and value of each option of a pcapng block."""
    at = 0
    while at + 4 <= len(data):
        code, length = struct.unpack_from("<HH", data, at)
        if code == 0:
            return
        yield code, data[at + 4:at + 4 + length]
        at += 4 + (length + 3) // 4 * 4


def read_pcapng(data):
    at, interfaces = 0, []
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        assert struct.unpack_from("<I", data, at + size - 4)[0] == size, f"block at {at}"
        body = data[at + 8:at + size - 4]
        if kind == 0x0A0D0D0A:
            assert struct.unpack_from("<I", body)[0] == 0x1A2B3C4D
            interfaces = []
        elif kind == 1:
            resolution = dict(options(body[8:])).get(9, b"\x06")[0]
            assert resolution < 10, "a power of ten, not finer than ns"
            interfaces.append((struct.unpack_from("<H", body)[0], 10 ** (9 - resolution)))
        elif kind == 6:
            interface, high, low, length, wire = struct.unpack_from("<IIIII", body)
            link, unit = interfaces[interface]
            yield Packet((high << 32 | low) * unit, body[20:20 + length], wire, link)
        at += size


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    reader = read_pcapng if data[:4] == b"\x0a\x0d\x0d\x0a" else read_pcap
    return list(reader(data))
