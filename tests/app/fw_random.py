# SPDX-License-Identifier: BSD-3-Clause
"""Rules and packets at random from the same few values, so that each meets the other often."""
import random
import socket
import struct

from fw_net import HERE, checksum

V4 = ["10.0.0.1", "10.0.0.2", "10.0.1.7", "10.1.0.1", "172.16.0.9", "192.168.1.5", "198.51.100.3"]
V4_NETS = ["10.0.0.0/8", "10.0.0.0/24", "172.16.0.0/12", "192.168.0.0/16", "0.0.0.0/0",
           "10.0.0.0-10.0.1.255", "172.16.0.5-172.16.0.20"]
V6 = ["2001:db8::1", "2001:db8::2", "2001:db8:1::7", "fd00::5", "2001:db8:ff::9"]
V6_NETS = ["2001:db8::/32", "2001:db8::/64", "fd00::/8", "::/0", "2001:db8::1-2001:db8::ff"]
PORTS = [1, 22, 53, 80, 443, 1024, 5000, 8080, 65535]
PORT_RANGES = ["1-1023", "80-443", "1024-65535", "22-53"]
SOURCE = "02:00:00:00:00:77"
FLAGS = ["fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"]
PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58, "sctp": 132, "udplite": 136, "esp": 50,
             "ah": 51, "gre": 47, "dccp": 33}
ICMP = {"echo-request": 8, "echo-reply": 0, "destination-unreachable": 3, "time-exceeded": 11,
        "redirect": 5, "timestamp-request": 13}
ICMPV6 = {"echo-request": 128, "echo-reply": 129, "destination-unreachable": 1,
          "packet-too-big": 2, "time-exceeded": 3}
DSCPS = {"cs0": 0, "cs1": 8, "ef": 46, "af11": 10, "af41": 34}


class Rules:
    """A table of rules as text."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.pick = self.random.choice
        self.sets = {}
        self.table = self.accepts = None

    def some(self, values, most=4):
        return self.random.sample(values, self.random.randint(1, min(most, len(values))))

    def chance(self, share):
        return self.random.random() < share

    def braces(self, values):
        return "{ " + ", ".join(map(str, values)) + " }"

    def right(self, values, ranges=(), order=False):
        """What a field of these values is compared with."""
        kind = self.random.random()
        if kind < 0.4:
            return self.pick(["", "", "!= "]) + str(self.pick(values))
        if kind < 0.6 and ranges:
            return self.pick(["", "", "!= "]) + str(self.pick(ranges))
        if kind < 0.7 and order:
            return self.pick(["< ", "> ", "<= ", ">= "]) + str(self.pick(values))
        return self.pick(["", "", "!= "]) + self.braces(self.some(list(values)))

    def address(self, family):
        values, nets, kind = (V4, V4_NETS, "ipv4_addr") if family == "ip" else \
            (V6, V6_NETS, "ipv6_addr")
        side = self.pick(["saddr", "daddr"])
        if self.chance(0.2):
            return f"{family} {side} {self.pick(['', '!= '])}@{self.named(kind, values, nets)}"
        if self.chance(0.1) and family == "ip":
            return f"ip {side} & 255.0.0.255 {self.pick(['==', '!='])} 10.0.0.1"
        return f"{family} {side} " + self.right(values, nets, order=True)

    def named(self, kind, values, nets):
        """A set with a name; one for each type and way."""
        interval = self.chance(0.5)
        name = f"{kind}_{'i' if interval else 'e'}"
        if name not in self.sets:
            # nets that do not overlap, nor have one of the addresses
            elements = [self.pick(nets[:1] + nets[2:4])] if interval else self.some(values)
            self.sets[name] = f"type {kind};" + (" flags interval;" if interval else "") + \
                f" elements = {self.braces(elements)}"
        return name

    def ports(self, protocol):
        side = self.pick(["sport", "dport"])
        if self.chance(0.15):
            return f"{protocol} {side} @" + self.named("inet_service", PORTS, PORT_RANGES)
        return f"{protocol} {side} " + self.right(PORTS, PORT_RANGES, order=True)

    def flags(self):
        one, two = self.some(FLAGS, 3), self.some(FLAGS, 4)
        return "tcp flags " + self.pick([
            ",".join(one), "!= " + one[0], "== " + one[0], "! " + ",".join(one),
            f"& ({'|'.join(two)}) == {self.pick(two)}", f"& ({'|'.join(two)}) != 0",
            f"& ({'|'.join(two)}) == 0", f"{one[0]} / {','.join(sorted({one[0], 'fin', 'syn', *two}))}",
            f"{{ {one[0]}, {'|'.join(two)} }}", "0x12"])

    def concatenation(self):
        family, values = self.pick([("ip", V4), ("ip6", V6)])
        protocol = self.pick(["tcp", "udp"])
        if self.chance(0.4):
            elements = [f"{self.pick(values)} . {self.pick(PORT_RANGES)}" for _ in range(3)]
        else:
            elements = [f"{self.pick(values)} . {p}" for p in self.some(PORTS)]
        return f"{family} {self.pick(['saddr', 'daddr'])} . {protocol} dport " \
            f"{self.pick(['', '!= '])}" + self.braces(dict.fromkeys(elements))

    def other(self):
        number = [0, 1, 5, 63, 64, 100, 200]
        return self.pick([
            lambda: "meta l4proto " + self.right(list(PROTOCOLS)),
            lambda: "ip protocol " + self.right(list(PROTOCOLS)),
            lambda: "ip6 nexthdr " + self.right(list(PROTOCOLS)),
            lambda: "icmp type " + self.right(list(ICMP)),
            lambda: "icmpv6 type " + self.right(list(ICMPV6)),
            lambda: "icmp code " + self.right([0, 1, 3, 4], ["0-2"]),
            lambda: "icmpv6 code " + self.right([0, 1, 3, 4]),
            lambda: "icmp id " + self.right([0, 7]),
            lambda: "meta length " + self.right([60, 100, 200], ["60-100"], order=True),
            lambda: "ip length " + self.right([60, 100, 200], ["60-100"], order=True),
            lambda: "ip ttl " + self.right(number[2:], ["5-63"], order=True),
            lambda: "ip6 hoplimit " + self.right(number[2:], ["5-63"], order=True),
            lambda: "ip dscp " + self.right(list(DSCPS)),
            lambda: "ip6 dscp " + self.right(list(DSCPS)),
            lambda: "ip ecn " + self.right(["not-ect", "ect0", "ect1", "ce"]),
            lambda: "ip frag-off & 0x1fff " + self.pick(["!= 0", "== 0"]),
            lambda: "ip frag-off & 0x2000 != 0",
            lambda: "ip hdrlength " + self.right([5, 6]),
            lambda: "exthdr " + self.pick(["frag", "hbh", "dst", "rt"]) + self.pick(
                [" exists", " missing"]),
            lambda: "frag more-fragments " + self.pick("01"),
            lambda: "frag frag-off " + self.right([0, 10], order=True),
            lambda: "ip6 flowlabel " + self.right([0, 77]),
            lambda: "th dport " + self.right(PORTS, PORT_RANGES, order=True),
            lambda: "meta nfproto " + self.pick(["ipv4", "ipv6", "!= ipv4"]),
            lambda: "meta protocol " + self.pick(["ip", "ip6", "{ ip, ip6 }"]),
            lambda: "ether saddr " + self.pick([SOURCE, "!= " + SOURCE, "02:00:00:00:00:78"]),
            lambda: "iifname " + self.right(['"in0"', '"out0"', '"x"']),
            lambda: "iifname " + self.pick(['"in*"', '!= "in*"', '"o*"']),
            lambda: "oifname " + self.right(['"in0"', '"out0"', '""'][:2]),
            lambda: "meta mark " + self.right([0, 1, 2, 7], ["1-3"]),
            lambda: "meta mark & 3 == " + self.pick("012"),
            lambda: "sctp dport " + self.right(PORTS),
            lambda: "esp spi " + self.right([0, 1, 100], order=True),
            lambda: "tcp window " + self.right([0, 100, 65535], order=True),
            lambda: "tcp sequence " + self.right([0, 1000], ["1-99999"], order=True),
            lambda: "tcp doff " + self.right([5, 6, 8]),
            lambda: "udp length " + self.right([8, 20, 100], order=True),
            lambda: "udp checksum 0",
        ])()

    def match(self):
        return self.pick([
            lambda: self.address("ip"), lambda: self.address("ip6"), lambda: self.ports("tcp"),
            lambda: self.ports("udp"), self.flags, self.concatenation, self.other, self.other,
            self.other])()

    def verdict(self, later):
        choices = ["accept"] * 5 + ["drop"] * 5 + ["return", "continue", "reject",
                                                   "reject with icmpx admin-prohibited"]
        if later:
            choices += ["jump " + c for c in later] * 2 + ["goto " + self.pick(later)]
        return self.pick(choices)

    def vmap(self, later):
        def entries(keys):
            return self.braces(f"{k} : {self.verdict([*later]) if self.chance(.5) else 'drop'}"
                               for k in keys).replace("reject with icmpx admin-prohibited", "drop") \
                .replace("reject", "drop")
        return self.pick([
            lambda: "tcp dport vmap " + entries(self.some(PORTS)),
            lambda: "ip saddr vmap " + entries(self.some(V4)),
            lambda: "meta l4proto vmap " + entries(self.some(list(PROTOCOLS))),
            lambda: "udp dport vmap " + entries(["1-60", "80-500", *self.some([5000, 8080])]),
            lambda: "ip6 daddr vmap " + entries([*self.some(V6), "*"])])()

    def rule(self, later):
        words = [self.match() for _ in range(self.random.randint(0, 3))]
        if self.chance(0.2):
            words.append("counter")
        if self.chance(0.08):
            words.append("meta mark set " + self.pick(
                ["1", "2", "7", "tcp dport map { 22 : 1, 80 : 2, 443 : 7 }"]))
        elif self.chance(0.05):
            words.append(f"limit rate {self.pick(['', 'over '])}1/day burst {self.pick('159')} packets")
        if self.chance(0.15):
            words.append(self.vmap(later))
        elif words and self.chance(0.85):
            words.append(self.verdict(later))
        return " ".join(words or ["counter"])

    def frame(self, body):
        """A whole file around chains."""
        sets = "".join(f"\tset {name} {{ {parts}; }}\n" for name, parts in self.sets.items())
        return f"table {self.table} weir {{\n{sets}{body}}}\n"

    def chain(self, name, later, head=""):
        """Of rules that are accepted one by one: some fields exclude each other, or the table."""
        empty = "".join(f"\tchain {other} {{\n\t}}\n" for other in later)
        kept = []
        for _ in range(self.random.randint(2, 9)):
            rule = self.rule(later)
            if self.accepts(self.frame(f"{empty}\tchain {name} {{\n{head}\t\t{rule}\n\t}}\n")):
                kept.append(f"\t\t{rule}\n")
        return f"\tchain {name} {{\n{head}{''.join(kept)}\t}}\n"

    def text(self, accepts):
        """A file of rules; accepts says whether a file with one rule of them is good."""
        self.accepts = accepts
        self.table = self.pick(["inet"] * 6 + ["ip", "ip6"])
        names = ["one", "two", "three"]
        parts = [self.chain(name, names[:i]) for i, name in enumerate(names)]
        for hook, priority in (("prerouting", "raw"), ("forward", "filter"),
                               ("forward", "security"), ("postrouting", "10")):
            if hook == "forward" or self.chance(0.3):
                head = f"\t\ttype filter hook {hook} priority {priority}; policy " \
                    f"{self.pick(['accept', 'accept', 'drop'])};\n"
                parts.append(self.chain(f"{hook}_{priority}", names, head))
        text = self.frame("".join(parts))
        # postrouting cannot reject, not in what it jumps to either
        return text if accepts(text) else self.frame(
            "".join(part for part in parts if "hook postrouting" not in part))


class Packets:
    """Frames with IP packets that a router sends on when nobody stops it."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.pick = self.random.choice

    def port(self):
        return self.pick(PORTS)

    def transport(self, protocol, serial):
        body = struct.pack("!I", serial) + bytes(self.pick([0, 0, 10, 60, 150]))
        if protocol == 6:
            flags = 0
            for name in self.random.sample(range(8), self.pick([0, 1, 1, 2, 3])):
                flags |= 1 << name
            words = self.pick([5, 5, 5, 6, 8])
            return struct.pack("!HHIIBBHHH", self.port(), self.port(), self.pick([0, 1000, 5000]),
                               serial, words << 4, flags, self.pick([0, 100, 65535]), 0, 0) + \
                bytes(words * 4 - 20) + body
        if protocol in (17, 136):
            return struct.pack("!HHHH", self.port(), self.port(), 8 + len(body),
                               self.pick([0, 1])) + body
        if protocol == 1:
            return struct.pack("!BBHHH", self.pick(list(ICMP.values())), self.pick([0, 1, 3, 4]), 0,
                               self.pick([0, 7]), 1) + body
        if protocol == 58:
            return struct.pack("!BBHHH", self.pick(list(ICMPV6.values())), self.pick([0, 1, 3, 4]),
                               0, self.pick([0, 7]), 1) + body
        if protocol == 50:
            return struct.pack("!II", self.pick([0, 1, 100]), serial) + body
        return struct.pack("!HHII", self.port(), self.port(), 0, 0) + bytes(8) + body

    def ipv4(self, serial):
        protocol = self.pick([6, 6, 6, 17, 17, 1, 132, 136, 50, 51, 47, 33])
        body = self.transport(protocol, serial)
        fragment = self.pick([0] * 12 + [0x4000, 0x2000, 0x2005, 0x0010])
        options = self.pick([b""] * 9 + [bytes([1, 1, 1, 0])])
        body = self.cut(body, serial) if self.random.random() < 0.05 else body
        words = 5 + len(options) // 4
        head = struct.pack("!BBHHHBBH", 0x40 | words,
                           self.pick([0, 0, *[d << 2 for d in DSCPS.values()]]) | self.pick(range(4)),
                           words * 4 + len(body), serial & 0xffff, fragment,
                           self.pick([5, 6, 63, 64, 65, 100, 200]), protocol, 0)
        head += self.v4() + self.v4() + options
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body

    @staticmethod
    def cut(body, serial):
        """Too short for its header, yet unlike the others."""
        return struct.pack("!I", serial)[:max(1, len(body) % 5)] + body[4:8]

    def v4(self):
        return bytes(map(int, self.pick(V4).split(".")))

    def v6(self):
        return socket.inet_pton(socket.AF_INET6, self.pick(V6))

    def extensions(self, protocol, body, serial):
        """Headers between IPv6 and the transport: the first number, and all bytes."""
        kind = self.random.random()
        if kind < 0.75:
            return protocol, body
        if kind < 0.9:
            return 44, struct.pack("!BBHI", protocol, 0, self.pick([0, 1, 80, 81]), serial) + body
        header = self.pick([60, 43, 0])
        return header, bytes([protocol, 0, 4 if header == 43 else 1,
                              0 if header == 43 else 4, 0, 0, 0, 0]) + body

    def ipv6(self, serial):
        protocol = self.pick([6, 6, 6, 17, 17, 58, 132, 50, 47])
        number, body = self.extensions(protocol, self.transport(protocol, serial), serial)
        first = 6 << 28 | self.pick([0, *[d << 2 for d in DSCPS.values()]]) << 20 | \
            self.pick([0, 0, 77])
        return struct.pack("!IHBB", first, len(body), number,
                           self.pick([5, 6, 63, 64, 65, 100, 200])) + self.v6() + self.v6() + body

    def frames(self, count):
        head = bytes.fromhex((HERE + SOURCE).replace(":", ""))
        for serial in range(1, count + 1):
            if self.random.random() < 0.6:
                yield head + b"\x08\x00" + self.ipv4(serial)
            else:
                yield head + b"\x86\xdd" + self.ipv6(serial)
