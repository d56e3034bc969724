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
