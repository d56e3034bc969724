# SPDX-License-Identifier: BSD-3-Clause
"""Conversations as a router sees them, and what an attacker or a bad network makes of them: lost,
doubled and late segments, wrong numbers and flags, resets from elsewhere, connections that were there
before, old ports used again, errors of ICMP that nobody caused.

Each packet has a number of its own, in the identification of IPv4 or the flow label of IPv6.
"""
import random
import socket
import struct

from fw_net import HERE, checksum
from fw_random import SOURCE

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
HEAD = bytes.fromhex((HERE + SOURCE).replace(":", ""))
WRAP = 1 << 32


class Side:
    def __init__(self, address, port, sequence, window, scale):
        self.address, self.port = address, port
        self.sequence, self.window, self.scale = sequence, window, scale


class Sessions:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.net = seed % 256  # connections of other seeds may still be remembered
        self.pick = self.random.choice
        self.number = 0

    def chance(self, share):
        return self.random.random() < share

    # packets

    def ip(self, source, to, protocol, body):
        self.number += 1
        if ":" in source:
            head = struct.pack("!IHBB", 6 << 28 | self.number & 0xfffff, len(body), protocol, 64)
            return head + socket.inet_pton(socket.AF_INET6, source) + \
                socket.inet_pton(socket.AF_INET6, to) + body
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), self.number & 0xffff, 0, 64,
                           protocol, 0) + socket.inet_aton(source) + socket.inet_aton(to)
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body

    def segment(self, sender, receiver, flags, data=b"", options=b"", sequence=None, ack=None,
                window=None):
        options += b"\1" * (-len(options) % 4)
        sequence = sender.sequence if sequence is None else sequence
        ack = (receiver.sequence if flags & ACK else 0) if ack is None else ack
        return self.ip(sender.address, receiver.address, 6, struct.pack(
            "!HHIIBBHHH", sender.port, receiver.port, sequence % WRAP, ack % WRAP,
            (20 + len(options)) // 4 << 4, flags,
            sender.window if window is None else window, 0, 0) + options + data)

    # conversations, one packet at a time

    def addresses(self):
        n = self.random.randint(1, 60)
        if self.chance(0.3):
            return f"2001:db8:{self.net:x}::{n:x}", f"2001:db8:fff::{self.random.randint(1, 5):x}"
        return f"10.0.{self.net}.{n}", f"10.9.0.{self.random.randint(1, 5)}"

    def sides(self):
        client, server = self.addresses()
        ports = self.random.randint(1024, 1100), self.pick([22, 80, 443, 5000])
        return [Side(a, p, self.pick([self.random.getrandbits(32), WRAP - 5]),
                     self.pick([100, 1000, 29200, 65535]), self.pick([None, 0, 3, 7, 14]))
                for a, p in zip((client, server), ports)]

    def offers(self, side):
        options = b"\2\4\5\xb4"
        if side.scale is not None:
            options += bytes([3, 3, side.scale])
        if self.chance(0.5):
            options += b"\4\2"
        return options

    def handshake(self, client, server):
        yield self.segment(client, server, SYN, options=self.offers(client))
        client.sequence += 1
        yield self.segment(server, client, SYN | ACK, options=self.offers(server))
        server.sequence += 1
        yield self.segment(client, server, ACK)

    def talk(self, sides, count):
        for _ in range(count):
            one, two = self.random.sample(sides, 2)
            data = bytes(self.pick([1, 10, 100, 1000]))
            yield self.segment(one, two, PSH | ACK, data)
            one.sequence += len(data)
            if self.chance(0.7):
                yield self.segment(two, one, ACK)
            if self.chance(0.1):  # a keepalive and its answer
                yield self.segment(one, two, ACK, b"\0", sequence=one.sequence - 1)
                yield self.segment(two, one, ACK)
            if self.chance(0.1):  # a hole, with the block behind it
                block = struct.pack("!BBII", 5, 10, (one.sequence + 50) % WRAP,
                                    (one.sequence + 80) % WRAP)
                yield self.segment(two, one, ACK, options=b"\1\1" + block)

    def close(self, one, two):
        yield self.segment(one, two, FIN | ACK)
        one.sequence += 1
        yield self.segment(two, one, ACK)
        if self.chance(0.3):
            yield from self.talk([two, one], 0)
        yield self.segment(two, one, FIN | ACK)
        two.sequence += 1
        yield self.segment(one, two, ACK)

    def hostile(self, sides):
        """One segment that does not belong, or barely."""
        one, two = self.random.sample(sides, 2)
        far = self.pick([-1, 1, -1000, 1000, -70000, 70000, 1 << 20, -(1 << 20), 1 << 31])
        return self.pick([
            lambda: self.segment(one, two, RST, sequence=one.sequence + far),
            lambda: self.segment(one, two, RST | ACK),
            lambda: self.segment(one, two, RST),
            lambda: self.segment(one, two, RST | ACK, sequence=0),
            lambda: self.segment(one, two, SYN, sequence=one.sequence + far),
            lambda: self.segment(one, two, SYN | ACK),
            lambda: self.segment(one, two, ACK, b"x" * 10, sequence=one.sequence + far),
            lambda: self.segment(one, two, ACK, ack=two.sequence + far),
            lambda: self.segment(one, two, ACK, window=0),
            lambda: self.segment(one, two, FIN | ACK, sequence=one.sequence + far),
            lambda: self.segment(one, two, self.random.getrandbits(6)),
            lambda: self.segment(one, two, 0),
            lambda: self.segment(one, two, FIN | SYN),
            lambda: self.error(one, two),
        ])()

    def error(self, one, two):
        """A router tells one that its packet did not arrive, or somebody says so."""
        quoted = self.segment(one, two, ACK)
        if self.chance(0.2):
            quoted = self.udp(one, two, b"")
        return self.quote(one.address, quoted)

    def quote(self, to, quoted):
        six = ":" in to
        if self.chance(0.2):
            to = self.addresses()[0]
            if (":" in to) != six:
                to = f"2001:db8:{self.net:x}::99" if six else f"10.0.{self.net}.99"
        kind, code = self.pick([(1, 4), (2, 0), (3, 0)] if six else [(3, 3), (3, 4), (11, 0), (5, 1)])
        body = struct.pack("!BBHI", kind, code, 0, 0) + quoted[:self.pick([28, 60, 200])]
        source = "2001:db8:77::1" if six else "10.77.0.1"
        return self.ip(source, to, 58 if six else 1, body)

    def tcp(self):
        sides = client, server = self.sides()
        begun = self.chance(0.8)
        if begun:
            yield from self.mutate(self.handshake(client, server), sides)
        if self.chance(0.85):
            yield from self.mutate(self.talk(sides, self.random.randint(0, 8)), sides)
        ending = self.random.random()
        if ending < 0.5:
            yield from self.mutate(self.close(*self.random.sample(sides, 2)), sides)
        elif ending < 0.7:
            one, two = self.random.sample(sides, 2)
            yield self.segment(one, two, self.pick([RST, RST | ACK]))
        if self.chance(0.3):  # the same ports again
            client.sequence += self.pick([1, 100000])
            server.sequence += 100000
            yield from self.mutate(self.handshake(client, server), sides)
            yield from self.talk(sides, 2)

    def mutate(self, packets, sides):
        late = None
        for packet in packets:
            fate = self.random.random()
            if fate < 0.04:
                continue
            if fate < 0.08 and late is None:
                late = packet
                continue
            yield packet
            if fate > 0.94:
                yield self.again(packet)
            if late and self.chance(0.5):
                yield late
                late = None
            if self.chance(0.12):
                yield self.hostile(sides)

    def again(self, packet):
        """The same with a number of its own."""
        self.number += 1
        if packet[0] >> 4 == 6:
            return struct.pack("!I", 6 << 28 | self.number & 0xfffff) + packet[4:]
        head = packet[:4] + struct.pack("!H", self.number & 0xffff) + packet[6:10] + bytes(2) + \
            packet[12:20]
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + packet[20:]

    def udp(self, one, two, data):
        length = 8 + len(data) + (self.pick([0] * 9 + [100]))
        return self.ip(one.address, two.address, 17,
                       struct.pack("!HHHH", one.port, two.port, length, 0) + data)

    def datagrams(self):
        sides = self.sides()
        for _ in range(self.random.randint(1, 5)):
            one, two = sides if self.chance(0.6) else sides[::-1]
            packet = self.udp(one, two, bytes(self.random.randint(0, 20)))
            yield packet
            if self.chance(0.2):
                yield self.quote(one.address, packet)

    def echo(self):
        client, server = self.addresses()
        six = ":" in client
        request, reply = (128, 129) if six else (8, 0)
        identifier = self.random.randint(1, 20)
        for n in range(self.random.randint(1, 4)):
            body = struct.pack("!HHH", 0, identifier, n)
            if self.chance(0.85):
                yield self.ip(client, server, 58 if six else 1, bytes([request, 0]) + body)
            if self.chance(0.8):
                yield self.ip(server, client, 58 if six else 1, bytes([reply, 0]) + body)
        if self.chance(0.2):
            kind = self.pick([135, 137, 150, 127]) if six else self.pick([9, 13, 17, 30])
            yield self.ip(client, server, 58 if six else 1, bytes([kind, 0]) + bytes(10))

    def other(self):
        client, server = self.addresses()
        for _ in range(self.random.randint(1, 4)):
            one, two = (client, server) if self.chance(0.6) else (server, client)
            yield self.ip(one, two, self.pick([50, 99]), bytes(20))

    def frames(self, count):
        """Several at a time, each in its order."""
        running = []
        while self.number < count:
            while len(running) < 8:
                running.append(self.pick([self.tcp] * 5 + [self.datagrams, self.echo, self.other])())
            session = self.pick(running)
            packet = next(session, None)
            if packet is None:
                running.remove(session)
            else:
                yield HEAD + (b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00") + packet
