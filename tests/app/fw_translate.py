#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Filter sets of ClassBench (D. Taylor and J. Turner, 2005) as rules of nft, and their traces as
packets.

    fw_translate.py SET > rules.nft
    fw_translate.py TRACE COUNT trace.pcap

A line is @SOURCE/LENGTH DESTINATION/LENGTH LOW : HIGH LOW : HIGH PROTOCOL/MASK FLAGS/MASK. The
flags are left out: the traces have none. The first filter that fits counts, so rules in their order
do the same; odd ones drop, so that it matters which it was.
"""
import gzip
import re
import struct
import sys

LINE = re.compile(r"@(\S+)\s+(\S+)\s+(\d+) : (\d+)\s+(\d+) : (\d+)\s+0x(\w+)/0x(\w+)")
NAMES = {6: "tcp", 17: "udp"}


def ports(name, low, high):
    if (low, high) == (0, 65535):
        return ""
    return f" th {name} {low}" if low == high else f" th {name} {low}-{high}"


def rule(line, number):
    source, destination, *numbers = LINE.match(line).groups()
    low, high, low2, high2 = map(int, numbers[:4])
    protocol, mask = (int(n, 16) for n in numbers[4:])
    words = f"ip saddr {source} ip daddr {destination}"
    both = ports("sport", low, high) + ports("dport", low2, high2)
    if mask:
        words += f" meta l4proto {protocol}"
    elif both:
        words += " meta l4proto { tcp, udp }"
    return f"{words}{both} {'drop' if number % 2 else 'accept'}"


def rules(path):
    with open(path, encoding="ascii") as file:
        body = "".join(f"\t\t{rule(line, i)}\n" for i, line in enumerate(file))
    return "table ip classbench {\n\tchain forward {\n" \
        f"\t\ttype filter hook forward priority filter; policy accept;\n{body}\t}}\n}}\n"


def packets(path, count, head):
    """The first headers of a trace, as frames with a payload that tells them apart."""
    from fw_net import checksum
    with gzip.open(path, "rt", encoding="ascii") as file:
        for serial, line in zip(range(count), file):
            source, destination, sport, dport, protocol = map(int, line.split()[:5])
            body = struct.pack("!HHHHI", sport, dport, 12, 0, serial)
            if protocol == 6:
                body = struct.pack("!HHIIBBHHH", sport, dport, serial, 0, 0x50, 2, 0, 0, 0)
            ip = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(body), serial & 0xffff, 0, 64, protocol,
                             0, source, destination)
            yield head + b"\x08\x00" + ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + body


def main():
    import itertools

    import captures
    if len(sys.argv) == 2:
        sys.stdout.write(rules(sys.argv[1]))
        return
    # again from its start when COUNT is more than it has
    frames = itertools.cycle(list(packets(sys.argv[1], 1 << 20, bytes(12))))
    captures.write_pcap(sys.argv[3], [captures.packet(frame, 10**18) for frame in
                                      itertools.islice(frames, int(sys.argv[2]))])


if __name__ == "__main__":
    main()
