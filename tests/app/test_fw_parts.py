#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir-fw and packets in fragments under rules that ask for states: in files and on a bridge."""
import os
import random
import socket
import struct
import time

import captures
import fw_net
import fw_parts
import fw_sessions
from fw_frames import chain, ip, table, udp
from fw_live import HERE, INSIDE, OUTSIDE, THERE, Fifo, LiveTest, mac
from program import TIMEOUT, main

S = 10**9
NEW = table(chain("ct state new udp dport 53 accept\nct state established accept", policy="drop"))


def parts(frame, *sizes):
    return [frame[:14] + part for part in fw_parts.cut(frame[14:], sizes)]


def datagram(way, ports, size=40, number=1):
    frame = ip(*way, 17, udp(*ports, bytes(range(size))))
    head = frame[14:18] + struct.pack("!H", number) + frame[20:24] + bytes(2) + frame[26:34]
    return frame[:14] + head[:10] + struct.pack("!H", fw_net.checksum(head)) + head[12:] + frame[34:]


ASKS = parts(datagram(HERE, (1000, 53)), 8, 16)
OTHER = parts(datagram(HERE, (1000, 54), number=2), 8, 16)
ANSWER = parts(datagram(THERE, (53, 1000)), 24)


class Files(LiveTest):
    def judge(self, text, packets, *options):
        """The numbers of those that are accepted and dropped, in the order of the files; None: changed."""
        self.rules(text)
        captures.write_pcap(self.folder / "in.pcap", packets)
        self.out = self.run_ok("--rules", "rules.nft", "in.pcap", "--accepted", "a.pcap", "--dropped", "d.pcapng",
                               *options)
        numbers = {packet: i for i, packet in enumerate(captures.read(self.folder / "in.pcap"))}
        return [[numbers.get(p) for p in captures.read(self.folder / name)] for name in ("a.pcap", "d.pcapng")]

    @staticmethod
    def timed(frames, step=10**6):
        return [captures.packet(f, S + i * step) for i, f in enumerate(frames)]

    def test_all_or_none_in_order(self):
        """Each waits for the last of its packet, and what is behind it waits, too."""
        frames = [ASKS[0], OTHER[0], datagram(HERE, (1, 53), number=3), OTHER[2], ASKS[2],
                  datagram(HERE, (1, 54), number=4), ANSWER[1], ASKS[1], OTHER[1], ANSWER[0]]
        self.assertEqual(self.judge(NEW, self.timed(frames)), [[0, 2, 4, 6, 7, 9], [1, 3, 5, 8]])
        self.assertIn("by the policy of inet t c", (self.folder / "d.pcapng").read_bytes().decode("latin1"))
        # without states each is judged as it is
        self.assertEqual(self.judge(table(chain("udp dport 53 accept", policy="drop")), self.timed(frames))[0],
                         [0, 2])

    def test_counted_once(self):
        self.judge(table(chain("ct state new udp dport 53 counter accept")), self.timed(ASKS), "--list")
        self.assertIn("counter packets 1 bytes 68 accept", self.out)

    def test_never_whole(self):
        """One is missing: so long, or until the end."""
        late = [captures.packet(f, S + t * S) for f, t in
                ((ASKS[0], 0), (ASKS[1], 29), (datagram(HERE, (1, 53), number=3), 30), (ASKS[2], 31))]
        self.assertEqual(self.judge(NEW, late), [[2], [0, 1, 3]])
        self.assertIn(b"never became whole", (self.folder / "d.pcapng").read_bytes())
        late[2] = captures.packet(datagram(HERE, (1, 53), number=3), S + 29 * S)
        late[3] = captures.packet(ASKS[2], S + 30 * S - 1)
        self.assertEqual(self.judge(NEW, late), [[0, 1, 2, 3], []])
        self.assertEqual(self.judge(NEW, late, "--limit", 3), [[2], [0, 1]])

    def test_twice_and_overlapping(self):
        self.assertEqual(self.judge(NEW, self.timed([ASKS[0], ASKS[1], ASKS[1], ASKS[2]])), [[0, 1, 3], [2]])
        self.assertEqual(self.judge(NEW, self.timed([*ASKS[:2], parts(datagram(HERE, (1000, 53)), 16)[1],
                                                     ASKS[2]])), [[], [0, 1, 2, 3]])

    def test_ipv6_behind_headers(self):
        """Options of the first alone may make all of it too long; one that is cut within them is judged alone."""
        ends = socket.inet_pton(socket.AF_INET6, "fd00::1") + socket.inet_pton(socket.AF_INET6, "fd00::2")

        def six(first, body, at, more, options=b""):
            part = options + struct.pack("!BBHI", first, 0, at | more, 7) + body
            return bytes(12) + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(part), 0 if options else 44, 64) + \
                ends + part
        hop = bytes([44, 7]) + bytes(62)
        body = udp(1000, 53) + bytes(65535 - 64 - 8)
        for more, accepted in (b"", 55), (b"x", 0):
            whole = body + more
            frames = [six(17, whole[at:at + 1208], at, at + 1208 < len(whole), b"" if at else hop)
                      for at in range(0, len(whole), 1208)]
            self.assertEqual(len(self.judge(NEW, self.timed(frames))[0]), accepted)
        inside = bytes([17, 1]) + bytes(14) + udp(1000, 53)
        frames = [six(60, inside[at:at + 8], at, at + 8 < len(inside)) for at in range(0, len(inside), 8)]
        self.assertEqual(self.judge(NEW, self.timed(frames))[0], [])
        self.assertEqual(self.judge(NEW, self.timed([six(60, inside[:16], 0, True), *frames[2:]]))[0], [])
        self.assertEqual(self.judge(NEW, self.timed([six(60, inside, 0, True), six(60, bytes(8), 24, False)]))[0],
                         [0, 1])

    def test_recorded_by_two(self):
        """The last comes from an interface with another link: all are read as the first is."""
        self.rules(NEW)
        for whole, accepted in (OTHER, 0), (ASKS, 3):
            packets = self.timed([*whole[:2], bytes(14) + whole[2][12:]])
            packets[2] = packets[2]._replace(link=113)  # Linux cooked
            captures.write_pcapng(self.folder / "in.pcapng", packets, [None] * 3)
            self.run_ok("--rules", "rules.nft", "in.pcapng", "--accepted", "a.pcapng")
            self.assertEqual(len(list(captures.read(self.folder / "a.pcapng"))), accepted)

    def test_explained(self):
        packets = self.timed([ASKS[0], OTHER[0], ASKS[1], ASKS[2]])
        self.judge(NEW, packets, "--explain", 3)
        self.assertRegex(self.out, r"(?s)\Apacket 3: [^\n]* fragment, 36 bytes\npacket 3: [^\n]*udp 1000 > 53, 68"
                                   r" bytes\n.*\npacket 3: accepted by inet t c rule 1 ")
        self.judge(NEW, packets, "--explain", 2)
        self.assertRegex(self.out, r"\Apacket 2: [^\n]*\npacket 2: dropped: a fragment of a packet that never")

    def test_too_many(self):
        """The oldest goes for want of room: of fragments that wait, and of packets."""
        frames = [f for n in range(300) for f in parts(datagram(HERE, (1000, 53), number=n), 8)[:1]]
        last = parts(datagram(HERE, (1000, 53), number=299), 8)[1]
        accepted, dropped = self.judge(NEW, self.timed([*frames, last]))
        self.assertEqual((accepted, dropped), ([299, 300], [*range(299)]))

    def test_translated(self):
        """All fragments have the other address, the first the port, and the checksum of all is right."""
        body = bytes(range(100))
        pseudo = socket.inet_aton(HERE[0]) + socket.inet_aton(HERE[1]) + struct.pack("!HH", 17, 8 + len(body))
        whole = udp(1000, 53, body)
        whole = whole[:6] + struct.pack("!H", fw_net.checksum(pseudo + whole)) + whole[8:]
        frames = parts(ip(*HERE, 17, whole), 8, 40, 8)
        rules = "table ip t {\nchain n {\ntype nat hook prerouting priority -100;\nudp dport 53 dnat to 10.0.0.77:5353\n}\n}\n"
        accepted, _ = self.judge(rules, self.timed([frames[i] for i in (2, 0, 3, 1)]))
        self.assertEqual(accepted, [None] * 4)
        out = [p.data[14:] for p in captures.read(self.folder / "a.pcap")]
        self.assertEqual([fw_net.checksum(p[:20]) for p in out], [0] * 4)
        self.assertEqual({p[12:20] for p in out}, {socket.inet_aton(HERE[0]) + socket.inet_aton("10.0.0.77")})
        joined = fw_parts.join(out)
        self.assertEqual((joined[2:4], joined[8:]), (struct.pack("!H", 5353), body))
        self.assertEqual(fw_net.checksum(pseudo[:4] + socket.inet_aton("10.0.0.77") + pseudo[8:] + joined), 0)


class Bridge(LiveTest):
    def test_all_or_none(self):
        self.rules(NEW)
        frames = [mac(f, OUTSIDE, INSIDE) for f in (ASKS[0], OTHER[0], OTHER[2], ASKS[2], ASKS[1], OTHER[1],
                                                    parts(datagram(HERE, (1, 53), number=9), 8)[0])]
        (_, out), report = self.pass_on(frames, [])
        self.assertEqual(out, [frames[0], frames[4], frames[3]])
        self.assertEqual((report["dropped"]["rules"], report["dropped"]["fragments"]), (3, 1))

    def test_vlans(self):
        """The same addresses and number in two of them are two packets."""
        def tagged(frame, vlan):
            return frame[:12] + struct.pack("!HH", 0x8100, vlan) + frame[12:]
        self.rules(NEW)
        frames = [mac(tagged(f, vlan), OUTSIDE, INSIDE) for f, vlan in (
            (ASKS[0], 1), (ASKS[1], 2), (ASKS[1], 1), (ASKS[2], 2), (ASKS[2], 1))]
        (_, out), report = self.pass_on(frames, [])
        self.assertEqual(out, [frames[0], frames[2], frames[4]])
        self.assertEqual(report["dropped"]["fragments"], 2)

    def test_bounded(self):
        self.rules(NEW)
        frames = [mac(f, OUTSIDE, INSIDE) for n in range(100)
                  for f in parts(datagram(HERE, (1, 53), number=n), 8, 8, 8)[:3]]
        whole = [mac(f, OUTSIDE, INSIDE) for f in ASKS]
        (_, out), report = self.pass_on([*frames, *whole], [], options=("--pool", "count=256"))
        self.assertEqual(out, whole)
        self.assertEqual(report["dropped"]["fragments"], 300)

    def test_as_in_files(self):
        """Sessions in fragments: each frame that a file lets pass comes out of a bridge, and no other."""
        text = table(chain("ct state invalid drop\nct state established accept\ntcp dport 80 accept\n"
                           "meta length > 300 accept", policy="drop"))
        frames = [mac(f, OUTSIDE, INSIDE) for f in fw_parts.Cutter(random.Random(5)).frames(
            fw_sessions.Sessions(5).frames(600))]
        self.rules(text)
        captures.write_pcap(self.folder / "in.pcap", [
            captures.packet(f, 10**18 + i * 10**6) for i, f in enumerate(frames)])
        self.run_ok("--rules", "rules.nft", "in.pcap", "--accepted", "a.pcap")
        accepted = [p.data for p in captures.read(self.folder / "a.pcap")]
        (_, out), _ = self.pass_on(frames, [])
        self.assertEqual(sorted(out), sorted(accepted))
        self.assertTrue(len(frames) * 0.2 < len(out) < len(frames) * 0.9)


class Idle(Fifo):
    """What waits for something that never comes is given up in time, though nothing else comes either: for other
    fragments, for a neighbour that does not answer."""

    def await_so(self, is_so):
        begun = time.monotonic()
        while not is_so():
            self.assertLess(time.monotonic() - begun, TIMEOUT)
            time.sleep(0.01)

    def counted(self, reason):
        """How many came, and of these how many were given up."""
        stages = {s["name"]: s for s in self.ask("pipeline")["ok"][0]["stages"]}
        return stages["in0"]["packets"], sum(s["counters"].get(reason, 0) for s in stages.values())

    def give_up(self, frames, *options, reason="fragments"):
        now = self.folder / "now"
        process = self.run_fifo(NEW, *options, outside="null:count=1", env={
            **os.environ, "LD_PRELOAD": os.environ["WEIR_TEST_CLOCK"], "WEIR_TEST_NOW": str(now),
            "ASAN_OPTIONS": "verify_asan_link_order=0"})
        self.write(frames)
        self.await_so(lambda: self.counted(reason)[0] == len(frames))
        self.assertEqual(self.counted(reason)[1], 0)
        now.touch()  # it is half a minute later
        self.await_so(lambda: self.counted(reason)[1] == len(frames))
        self.await_so(lambda: self.ask("pools")["ok"][0]["in_use"] == 0)
        self.fifo.close()
        report = self.checked(self.end(process)[0])
        self.assertEqual(report["dropped"][reason.replace(" ", "_")], len(frames))

    def of_bridge(self, workers):
        self.give_up([mac(f, OUTSIDE, INSIDE) for f in (*ASKS[:2], OTHER[0])], "--workers", workers)

    def of_router(self, workers):
        self.give_up([mac(f, "02:77:65:69:72:01", INSIDE) for f in (*ASKS[:2], OTHER[0])], "--workers", workers,
                     "--address", "inside=10.0.0.9/24")

    def for_neighbour(self, workers):
        self.give_up([mac(datagram(("10.0.0.2", "192.0.2.7"), (1000, 53)), "02:77:65:69:72:01", INSIDE)] * 3,
                     "--workers", workers, "--address", "inside=10.0.0.9/24", "--address", "outside=192.0.2.1/24",
                     reason="no neighbour")

    def test_bridge(self):
        self.of_bridge(1)

    def test_bridge_of_several_threads(self):
        self.of_bridge(3)

    def test_router(self):
        self.of_router(1)

    def test_router_of_several_threads(self):
        self.of_router(3)

    def test_no_neighbour(self):
        self.for_neighbour(1)

    def test_no_neighbour_of_several_threads(self):
        self.for_neighbour(3)


main()
