#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir-fw on ports and files: connections whose verdict is known, and what the rules count meanwhile.

    FW_SEED     of the packets at random (3)
"""
import json
import struct

import captures
import fw_sessions
from fw_frames import chain, ip, table, udp
from fw_live import HERE, INSIDE, OUTSIDE, SEED, THERE, LiveTest, mac
from fw_net import checksum
from program import main


def last_hop(frame):
    if frame[12:14] == b"\x86\xdd":
        return frame[:21] + b"\1" + frame[22:]
    head = frame[14:22] + b"\1" + frame[23:24] + bytes(2) + frame[26:34]
    return frame[:14] + head[:10] + checksum(head).to_bytes(2, "big") + head[12:] + frame[34:]


class Known(LiveTest):
    RULES = table("set known { type ipv4_addr; flags interval; counter; elements = { 10.0.0.0/10 }; }\n",
                  chain("ct state invalid drop\ncounter\nip saddr @known counter\nicmp type 5 drop\n"
                        "tcp dport 443 tcp window < 1000 counter\n"
                        "ct state established,related accept\ntcp dport 22 drop\n"))

    def both_ways(self, run):
        """Of connections whose verdict is known no rule is looked at; what comes out, the counters and the
        connections are the same where a first rule has every packet looked at."""
        known = 0
        for seed in range(SEED, SEED + 2):
            text = self.RULES if seed != SEED else self.RULES.replace("tcp window < 1000", "")
            frames = list(fw_sessions.Sessions(seed).frames(1500))
            self.rules(text)
            outs, report = run(frames)
            self.rules(text.replace("ct state invalid", "meta length 0 drop\nct state invalid"))
            judged_outs, judged = run(frames)
            self.assertEqual(outs, judged_outs)
            del judged["chains"][0]["rules"][0]
            self.assertEqual([r["hits"] for r in report["chains"][0]["rules"]],
                             [r["hits"] for r in judged["chains"][0]["rules"]])
            self.assertEqual(report["connections"], judged["connections"])
            self.assertEqual(judged["known"], 0)
            known += report["known"]
        self.assertGreater(known, 200)

    def on_bridge(self, frames):
        outs, report = self.pass_on(frames, [], names=("in0", "out0"))
        return outs, report["firewall"]

    def on_file(self, frames):
        captures.write_pcap(self.folder / "in.pcap", [
            captures.packet(f, 10**18 + i * 10**6) for i, f in enumerate(frames)])
        report = json.loads(self.run_ok("--json", "--rules", "rules.nft", "in.pcap", "--accepted", "good.pcap",
                                        "--iif", "in0", "--oif", "out0"))
        return [[], [p.data for p in captures.read(self.folder / "good.pcap")]], report

    def test_bridge(self):
        self.both_ways(self.on_bridge)

    def test_file(self):
        self.both_ways(self.on_file)

    def test_bridge_as_on_files(self):
        self.rules(self.RULES)
        frames = list(fw_sessions.Sessions(SEED).frames(1500))
        outs, report = self.on_bridge(frames)
        outs_of_file, of_file = self.on_file(frames)
        self.assertEqual(outs, outs_of_file)
        self.assertEqual(report["chains"], of_file["chains"])
        self.assertEqual(report["connections"], of_file["connections"])

    def test_router(self):
        """All come by one port, and go by the other, but for those with no hops left and those to all. Of the
        former there are fewer than a router tells senders of at once."""
        net = ("--address", "in0=192.0.2.1/24", "--address", "in0=2001:db8:ffff::1/64", "--address",
               "out0=198.51.100.1/24", "--address", "out0=2001:db8:fffe::1/64", "--route",
               "default=198.51.100.2", "--route", "::/0=2001:db8:fffe::2", "--neighbour",
               "198.51.100.2=" + OUTSIDE, "--neighbour", "2001:db8:fffe::2=" + OUTSIDE)

        def routed(frames):
            frames = [last_hop(f) if i % 50 == 49 else f for i, f in enumerate(frames)]
            frames = [mac(f, "ff:ff:ff:ff:ff:ff" if i % 16 == 7 else "02:77:65:69:72:01", INSIDE)
                      for i, f in enumerate(frames)]
            outs, report = self.pass_on(frames, [], names=("in0", "out0"), options=net)
            self.assertEqual({f[:6].hex(":") for f in outs[1]}, {OUTSIDE})
            return outs, report["firewall"]
        self.both_ways(routed)

    def test_a_frame_to_several_ports_makes_nothing_known(self):
        """Rules that were asked for one of them count no later packet that does not go there."""
        there, back = ip(*HERE, 17, udp(5, 53)), ip(*THERE, 17, udp(53, 5))
        frames = [mac(there, OUTSIDE, INSIDE), mac(back, "02:00:00:00:00:77", "02:00:00:00:00:99")]
        frames += frames[:1] * 500
        hello = [mac(ip("10.9.9.9", "10.9.9.8", 17, udp(1, 2)), INSIDE, OUTSIDE)]
        counted, known = [], []
        for first in "", "meta length 0 drop\n":
            self.rules(table(chain(first + 'oifname "other" counter drop\nct state established counter accept\n'
                                   "ct state new counter accept")))
            _, report = self.pass_on(frames, hello, [])
            counted.append([r["hits"] for r in report["firewall"]["chains"][0]["rules"][-3:]])
            known.append(report["firewall"]["known"])
        self.assertEqual(counted[0], counted[1])
        self.assertGreater(known[0], 400)
        self.assertEqual(known[1], 0)

    def test_others_expire_meanwhile(self):
        """Though all that comes is known, and nobody is asked."""
        def both(port):
            return [ip(*HERE, 17, udp(port, 53)), ip(*THERE, 17, udp(53, port))]
        times = [0, 0, 0, 1, 1, 2, 2] + [29] * 300 + [58] * 300
        frames = both(6)[:1] + both(5) * 303
        captures.write_pcap(self.folder / "in.pcap", [
            captures.packet(f, 10**18 + t * 10**9) for f, t in zip(frames, times)])
        self.rules(table(chain("ct state established,new accept")))
        report = self.checked(self.end(self.start("--json", "--rules", "rules.nft", "--aging", "0",
                                                  "pcap:rx=in.pcap", "pcap:tx=out.pcap"))[0])
        self.assertGreater(report["firewall"]["known"], 300)  # a burst has 256 at most
        connections = report["firewall"]["connections"]
        self.assertEqual([connections[key] for key in ("made", "expired", "now")], [2, 1, 1])

    def test_tcp_lives_as_long_as_its_last_segments_say(self):
        """300 s while something is not acknowledged, five days else; whatever that was in between."""
        def segment(side, sequence, ack, flags=0x10, data=b""):
            ports = (1024, 22) if side == 0 else (22, 1024)
            head = struct.pack("!HHIIBBHHH", *ports, sequence, ack, 0x50, flags, 60000, 0, 0)
            return ip(*(HERE, THERE)[side], 6, head + data)
        other = ip(*HERE, 17, udp(5, 53))
        begin = [segment(0, 0, 0, 2), segment(1, 0, 1, 0x12), segment(0, 1, 1)]
        talk = [f for n in range(1, 100) for f in (segment(0, n, 1, data=b"x"), segment(1, 1, n + 1))]
        unheard = segment(0, 100, 1, data=b"x")
        timed = [
            ([(0, begin + talk), (400, [other])], (2, 0, 2)),
            ([(0, begin + talk + [unheard]), (299, [other])], (2, 0, 2)),
            ([(0, begin + talk + [unheard]), (301, [other])], (2, 1, 1)),
            ([(0, begin + talk), (400, [other]), (401, [unheard]), (702, [other])], (3, 2, 1)),
            ([(0, begin + talk), (432001, [other])], (2, 1, 1))]
        for times, expected in timed:
            captures.write_pcap(self.folder / "in.pcap", [
                captures.packet(f, 10**18 + t * 10**9 + i * 1000) for t, fs in times for i, f in enumerate(fs)])
            self.rules(table(chain("ct state established,new accept")))
            report = json.loads(self.run_ok("--json", "--rules", "rules.nft", "in.pcap"))
            connections = report["connections"]
            self.assertGreater(report["known"], 190)
            self.assertEqual(tuple(connections[key] for key in ("made", "expired", "now")), expected, times[1:])

    def test_a_connection_that_comes_again_is_known_again(self):
        def both(port):
            return [ip(*HERE, 17, udp(port, 53)), ip(*THERE, 17, udp(53, port))]
        frames = (both(5) + both(6)) * 3 + both(5) * 300
        captures.write_pcap(self.folder / "in.pcap", [
            captures.packet(f, 10**18 + i * 10**6 + (i >= 12) * 500 * 10**9) for i, f in enumerate(frames)])
        self.rules(table(chain("ct state established,new accept")))
        report = self.checked(self.end(self.start("--json", "--rules", "rules.nft", "--aging", "0",
                                                  "pcap:rx=in.pcap", "pcap:tx=out.pcap"))[0])
        self.assertGreater(report["firewall"]["known"], 500)

    def test_one_that_comes_again_leaves_others_alone(self):
        """It has gone, begins anew in its old place, and is known before the burst, of 256 at most, ends."""
        def both(port):
            return [ip(*HERE, 17, udp(port, 53)), ip(*THERE, 17, udp(53, port))]
        others = both(6) + both(7)
        bursts = [(both(6) + both(5) + both(7) * 126, [0] * 256),
                  (both(5) + others * 3 + both(7) * 121, [1] * 2 + [25] * 4 + [50] * 4 + [75] * 4 + [100] * 242),
                  (both(5) * 128, [104] * 256), (both(7) * 64, [150] * 128)]
        frames = [f for part, _ in bursts for f in part]
        times = [t for _, part in bursts for t in part]
        captures.write_pcap(self.folder / "in.pcap", [
            captures.packet(f, 10**18 + t * 10**9) for f, t in zip(frames, times)])
        firewalls = []
        for first in "", "meta length 0 drop\n":
            self.rules(table(chain(first + "ct state established,new accept")))
            report = self.checked(self.end(self.start("--json", "--rules", "rules.nft", "--aging", "0",
                                                      "pcap:rx=in.pcap", "pcap:tx=out.pcap"))[0])
            firewalls.append(report["firewall"])
        self.assertGreater(firewalls[0]["known"], 100)
        self.assertEqual(firewalls[0]["connections"], firewalls[1]["connections"])


main()
