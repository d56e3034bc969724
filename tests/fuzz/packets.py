#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Packets of every protocol that the parser knows, alone and in each other: the seeds of fuzz_parse.

    packets.py DIRECTORY

A seed is the link type in two bytes, the size of its segments in one, and the packet. corpus_parse.py
shows the same packets to tshark.
"""
import pathlib
import struct
import sys
from typing import NamedTuple

NULL, ETHERNET, PPP, RAW, C_HDLC, LOOP, SLL, IPV4, IPV6, SLL2 = 0, 1, 9, 101, 104, 108, 113, 228, 229, 276
MORE, SEGMENT = 0x2000, 7  # more fragments; bytes


class Packet(NamedTuple):
    name: str
    link: int
    data: bytes


def words(*values):
    return struct.pack(f"!{len(values)}H", *values)


def ethernet(kind, payload):
    return bytes.fromhex("020000000001020000000002") + words(kind) + payload


def vlan(kind, payload):
    return words(100, kind) + payload


def mpls(payload, *labels):
    stack = b"".join(struct.pack("!I", label << 12 | (i == len(labels) - 1) << 8 | 64)
                     for i, label in enumerate(labels))
    return stack + payload


def pppoe(payload, code=0):
    return struct.pack("!BBHH", 0x11, code, 1, len(payload)) + payload


def ipv4(number, payload, options=b"", fragment=0, total=None):
    words_of_header = 5 + len(options) // 4
    total = words_of_header * 4 + len(payload) if total is None else total
    return struct.pack("!BBHHHBBH4s4s", 0x40 | words_of_header, 0, total, 1, fragment, 64, number, 0,
                       bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])) + options + payload


def ipv6(number, payload, length=None):
    addresses = bytes.fromhex("20010db8000000000000000000000001" "20010db8000000000000000000000002")
    length = len(payload) if length is None else length
    return struct.pack("!IHBB", 6 << 28, length, number, 64) + addresses + payload


def extension(number, payload, length=0):
    return bytes([number, length, 1, 4 + 8 * length]) + bytes(4 + 8 * length) + payload


def routing(number, payload):
    return bytes([number, 2, 0, 0]) + bytes(20) + payload


def fragment(number, offset, more, payload):
    return struct.pack("!BBHI", number, 0, offset | more, 1) + payload


def ah(number, payload):
    return struct.pack("!BBHII", number, 4, 0, 1, 1) + bytes(12) + payload


def tcp(options=b"", payload=b"data"):
    return struct.pack("!HHIIBBHHH", 40000, 9, 1, 1, (5 + len(options) // 4) << 4, 0x18, 1000, 0,
                       0) + options + payload


def udp(payload=b"data", port=9, length=None):
    return words(40000, port, 8 + len(payload) if length is None else length, 0) + payload


def gre(kind, payload, flags=0):
    extra = 4 * bin(flags & 0xb080).count("1")
    return words(flags, kind) + bytes(extra) + payload


def vxlan(payload, flags=8):
    return udp(bytes([flags]) + bytes(3) + b"\0\0\1\0" + payload, 4789)


def geneve(kind, payload, options=b""):
    return udp(bytes([len(options) // 4, 0]) + words(kind) + b"\0\0\1\0" + options + payload, 6081)


SCTP = words(40000, 9) + bytes(8) + bytes([3, 0, 0, 16]) + bytes(12)  # a selective acknowledgement
ICMP = bytes([8, 0, 0, 0, 0, 1, 0, 1]) + b"data"
ICMPV6 = bytes([128, 0, 0, 0, 0, 1, 0, 1]) + b"data"
IGMP = bytes([0x16, 0, 0, 0, 224, 0, 0, 251])
ESP = struct.pack("!II", 1, 1) + bytes(32)
ARP = words(1, 0x0800) + bytes([6, 4]) + words(1) + bytes(20)
TIMESTAMP = bytes.fromhex("0101080a0000000100000001")
ROUTER_ALERT = bytes.fromhex("94040000")
NEIGHBOUR = 0x86dd


def plain():
    for name, number, payload in (("tcp", 6, tcp()), ("tcp-options", 6, tcp(TIMESTAMP)), ("udp", 17, udp()),
                                  ("sctp", 132, SCTP), ("icmp", 1, ICMP), ("igmp", 2, IGMP),
                                  ("esp", 50, ESP), ("ah", 51, ah(6, tcp())), ("other", 253, b"data")):
        yield f"ipv4-{name}", ethernet(0x0800, ipv4(number, payload))
        yield f"ipv6-{name}", ethernet(0x86dd, ipv6(number, payload))
    yield "ipv4-options", ethernet(0x0800, ipv4(2, IGMP, ROUTER_ALERT))
    yield "ipv4-padding", ethernet(0x0800, ipv4(6, b"") + tcp())
    yield "ipv4-total-0", ethernet(0x0800, ipv4(6, tcp(), total=0))
    yield "ipv6-icmpv6", ethernet(0x86dd, ipv6(58, ICMPV6))
    yield "ipv6-nothing", ethernet(0x86dd, ipv6(59, b""))
    yield "ipv6-jumbo", ethernet(0x86dd, ipv6(0, bytes.fromhex("0600c20400000020") + tcp(), 0))
    yield "arp", ethernet(0x0806, ARP)
    yield "llc", ethernet(38, b"\x42\x42\x03" + bytes(35))


def extensions():
    yield "hop-by-hop", ipv6(0, extension(58, ICMPV6))
    yield "destination", ipv6(60, extension(6, tcp(), 2))
    yield "routing", ipv6(43, routing(17, udp()))
    yield "mobility", ipv6(135, extension(59, b""))
    yield "all-extensions", ipv6(0, extension(60, extension(43, routing(44, fragment(
        51, 0, 0, ah(60, extension(6, tcp())))))))
    yield "fragment-first", ipv6(44, fragment(17, 0, 1, udp()))
    yield "fragment-next", ipv6(44, fragment(17, 1480, 1, b"data data data"))
    yield "fragment-whole", ipv6(44, fragment(17, 0, 0, udp()))


def links():
    inside = ipv4(6, tcp())
    six = ipv6(17, udp())
    yield "vlan", ethernet(0x8100, vlan(0x0800, inside))
    yield "qinq", ethernet(0x88a8, vlan(0x8100, vlan(0x86dd, six)))
    yield "qinq-9100", ethernet(0x9100, vlan(0x8100, vlan(0x0806, ARP)))
    yield "mpls", ethernet(0x8847, mpls(inside, 16))
    yield "mpls-3", ethernet(0x8847, mpls(six, 16, 17, 18))
    yield "mpls-bare", ethernet(0x8847, mpls(b"", 16))
    yield "vlan-mpls", ethernet(0x8100, vlan(0x8847, mpls(inside, 16, 17)))
    yield "pppoe", ethernet(0x8864, pppoe(words(0x0021) + inside))
    yield "pppoe-ipv6", ethernet(0x8864, pppoe(words(0x0057) + six))
    yield "pppoe-short", ethernet(0x8864, pppoe(b"\x21" + inside))
    yield "pppoe-lcp", ethernet(0x8864, pppoe(words(0xc021) + bytes([9, 1, 0, 8, 0, 0, 0, 0])))
    yield "pppoe-discovery", ethernet(0x8863, pppoe(words(0x0101, 0), 9))
    yield "pppoe-mpls", ethernet(0x8864, pppoe(words(0x0281) + mpls(inside, 16)))
    yield "vlan-24", ethernet(0x8100, b"".join(vlan(0x8100, b"") for _ in range(30)) + vlan(0x0800, inside))


def tunnels():
    four, six = ipv4(6, tcp()), ipv6(17, udp())
    frame = ethernet(0x0800, four)
    yield "4in4", ipv4(4, four)
    yield "6in4", ipv4(41, six)
    yield "gre", ipv4(47, gre(0x0800, four))
    yield "gre-key", ipv4(47, gre(0x86dd, six, 0xb000))
    yield "gre-ethernet", ipv4(47, gre(0x6558, frame, 0x2000))
    yield "gre-mpls", ipv4(47, gre(0x8847, mpls(four, 16)))
    yield "gre-pptp", ipv4(47, gre(0x880b, b"\xff\x03\x00\x21" + four, 0x3081))
    yield "gre-acknowledgement", ipv4(47, gre(0x880b, b"", 0x2081))
    yield "gre-routing", ipv4(47, gre(0x0800, bytes(8) + four, 0x4000))
    yield "vxlan", ipv4(17, vxlan(frame))
    yield "vxlan-vlan", ipv4(17, vxlan(ethernet(0x8100, vlan(0x86dd, six))))
    yield "vxlan-no-identifier", ipv4(17, vxlan(frame, 0))
    yield "geneve", ipv4(17, geneve(0x6558, frame))
    yield "geneve-options", ipv4(17, geneve(0x0800, four, words(1, 1, 2, 3)))
    yield "vxlan-in-vxlan", ipv4(17, vxlan(ethernet(0x0800, ipv4(17, vxlan(frame)))))
    yield "fragment-first-4", ipv4(17, udp(), fragment=MORE)
    yield "fragment-next-4", ipv4(17, b"data data data", fragment=185)
    yield "vxlan-fragment", ipv4(17, vxlan(frame), fragment=MORE)
    yield "vxlan-of-fragment", ipv4(17, vxlan(ethernet(0x0800, ipv4(17, udp(), fragment=MORE))))


def broken():
    """Headers that contradict themselves or what is around them."""
    yield "version-5", ethernet(0x0800, b"\x55" + ipv4(6, tcp())[1:])
    yield "ihl-4", ethernet(0x0800, b"\x44" + ipv4(6, tcp())[1:])
    yield "total-10", ethernet(0x0800, ipv4(6, tcp(), total=10))
    yield "total-30", ethernet(0x0800, ipv4(6, tcp(), total=30))
    yield "offset-4", ethernet(0x0800, ipv4(6, tcp()[:12] + b"\x40" + tcp()[13:]))
    yield "udp-length-4", ethernet(0x0800, ipv4(17, udp(length=4)))
    yield "udp-length-short", ethernet(0x0800, ipv4(17, udp(bytes(50), 4789, 12)))
    yield "ah-0", ethernet(0x0800, ipv4(51, b"\x06\0" + bytes(30)))
    yield "hop-by-hop-in-4", ethernet(0x0800, ipv4(0, extension(6, tcp())))
    yield "pppoe-version", ethernet(0x8864, b"\x21" + pppoe(words(0x21) + ipv4(6, tcp()))[1:])


def other_links():
    four, six = ipv4(6, tcp()), ipv6(17, udp())
    sll = words(0, 1, 6) + bytes(8)
    yield Packet("null-le", NULL, b"\2\0\0\0" + four)
    yield Packet("null-be", NULL, b"\0\0\0\2" + four)
    yield Packet("null-ipv6", NULL, b"\x1e\0\0\0" + six)
    yield Packet("null-other", NULL, b"\x07\0\0\0" + six)
    yield Packet("loop", LOOP, b"\0\0\0\x18" + six)
    yield Packet("raw-ipv4", RAW, four)
    yield Packet("raw-ipv6", RAW, six)
    yield Packet("raw-other", RAW, b"\x50" + bytes(20))
    yield Packet("ipv4", IPV4, four)
    yield Packet("ipv6", IPV6, six)
    yield Packet("ppp", PPP, words(0x0021) + four)
    yield Packet("ppp-framed", PPP, b"\xff\x03\x00\x57" + six)
    yield Packet("chdlc", C_HDLC, words(0x0f00, 0x0800) + four)
    yield Packet("chdlc-as-ppp", PPP, words(0x8f00, 0x8847) + mpls(four, 16))
    yield Packet("sll", SLL, sll + words(0x0800) + four)
    yield Packet("sll-vlan", SLL, sll + words(0x8100) + vlan(0x86dd, six))
    yield Packet("sll-netlink", SLL, words(0, 824, 0) + bytes(8) + words(0) + bytes(16))
    yield Packet("sll2", SLL2, words(0x86dd, 0) + bytes([0, 0, 0, 2]) + words(1) + bytes([0, 6]) + bytes(8) + six)
    yield Packet("bluetooth", 201, four)
    yield Packet("empty", ETHERNET, b"")


def packets():
    for group in plain, links, broken:
        yield from (Packet(name, ETHERNET, data) for name, data in group())
    yield from (Packet(name, ETHERNET, ethernet(NEIGHBOUR, data)) for name, data in extensions())
    for name, data in tunnels():
        yield Packet(name, ETHERNET, ethernet(0x0800, data))
        number, inside = data[9], data[20:]
        if not name.startswith("fragment") and not name.endswith("fragment"):
            yield Packet(name + "-6", ETHERNET, ethernet(NEIGHBOUR, ipv6(number, inside)))
    yield from other_links()


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for packet in packets():
        seed = struct.pack("!HB", packet.link, SEGMENT) + packet.data
        (folder / packet.name).write_bytes(seed)


if __name__ == "__main__":
    main()
