# SPDX-License-Identifier: BSD-3-Clause
"""Frames and rules made by hand."""
import struct

import captures
from fw_net import checksum

HOOK = "type filter hook {} priority {}; policy {};"


def tcp(sport, dport, flags=2):
    return struct.pack("!HHIIBBHHH", sport, dport, 0, 0, 0x50, flags, 0, 0, 0)


def udp(sport, dport, body=b""):
    return struct.pack("!HHHH", sport, dport, 8 + len(body), 0) + body


def ip(source, to, protocol, body, ttl=64, fragment=0):
    def address(text):
        return bytes(map(int, text.split(".")))
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, fragment, ttl, protocol, 0) + \
        address(source) + address(to)
    return captures.frame("02:00:00:00:00:01", "02:00:00:00:00:02",
                          head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body, 0x0800)


def tagged(frame, tag):
    return frame[:12] + struct.pack("!HH", 0x8100, tag) + frame[12:]


def chain(rules, hook="forward", priority="filter", policy="accept", name="c"):
    head = HOOK.format(hook, priority, policy) + "\n" if hook else ""
    return f"chain {name} {{\n{head}{rules}\n}}\n"


def table(*parts):
    return "table inet t {\n" + "".join(parts) + "}\n"
