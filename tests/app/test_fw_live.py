#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir-fw between ports: the same verdicts as on files, and other rules while packets pass.

    FW_RELOADS  how many times rules are replaced under load (20)
    FW_SIZE     how many rules there are then (1000)
    FW_SEED     of the rules and packets at random (3)
"""
import json
import os
import signal
import socket
import struct
import subprocess
import threading
import time

import captures
import fw_net
import fw_random
from fw_frames import chain, ip, table, tcp, udp
from fw_live import HERE, INSIDE, OUTSIDE, SEED, THERE, Fifo, LiveTest, mac
from program import TIMEOUT, main

RELOADS = int(os.environ.get("FW_RELOADS", 20))
SIZE = int(os.environ.get("FW_SIZE", 1000))
FIN, SYN, RST, BOTH, ACK = 1, 2, 4, 0x12, 0x10
ARP = captures.frame("ff:ff:ff:ff:ff:ff", INSIDE, bytes(28), 0x0806)
PIECES = ",preload=copy"  # else packets stay in one piece, where they were read
STATES = chain('ct state established,related accept\nct state new iifname "inside" accept\ndrop')
REJECT = r"weir-fw: warning: rules\.nft:\d+: reject drops and does not tell [^\n]*\n"
ACCEPT, NO_UDP = table(chain("accept")), table(chain("meta l4proto udp drop"))


def segment(way, ports, flags, sequence, acknowledged):
    return ip(*way, 6, struct.pack("!HHIIBBHHH", *ports, sequence, acknowledged, 0x50, flags, 9000, 0, 0))


class Verdicts(LiveTest):
    def test_as_on_files(self):
        def accepts(text):
            # a router takes one off the TTL, a bridge does not
            if " ttl " in text or " hoplimit " in text:
                return False
            self.rules(text)
            return subprocess.run([self.path, "--rules", "rules.nft", "--check"], check=False,
                                  cwd=self.folder, capture_output=True).returncode == 0
        for seed in SEED, SEED + 1:
            text = fw_random.Rules(seed).text(accepts)
            self.rules(text)
            frames = list(fw_random.Packets(seed).frames(1000))
            (_, out), report = self.pass_on(frames, [], names=("in0", "out0"), told=REJECT)
            self.run_ok("--rules", "rules.nft", "in0.pcap", "--accepted", "good.pcap", "--iif",
                        "in0", "--oif", "out0", "--quiet")
            self.assertEqual(out, [p.data for p in captures.read(self.folder / "good.pcap")])
            self.assertEqual(report["dropped"]["rules"], 1000 - len(out))
            self.assertTrue(SEED != 3 or 0 < len(out) < 1000, text)

    def test_interfaces(self):
        self.rules(table(chain('iifname "inside" oifname "outside" accept\n'
                               'iifname "outside" oifname "inside" udp dport 53 accept\ndrop')))
        one, two = ip(*HERE, 17, udp(5, 6)), ip(*THERE, 17, udp(5, 6))
        dns = ip(*THERE, 17, udp(5, 53))
        outs, report = self.pass_on([mac(one, OUTSIDE, INSIDE)],
                                    [mac(f, INSIDE, OUTSIDE) for f in (two, dns)])
        self.assertEqual(outs, [[mac(dns, INSIDE, OUTSIDE)], [mac(one, OUTSIDE, INSIDE)]])
        self.assertEqual(report["dropped"]["rules"], 1)
        rules = report["firewall"]["chains"][0]["rules"]
        self.assertEqual([r["hits"]["packets"] for r in rules], [1, 1, 1])

    def test_a_frame_to_all_is_judged_for_each_port(self):
        self.rules(table(chain('oifname "other" drop\noifname "outside" meta mark set 1\n'
                               'oifname "inside" meta mark 1 drop')))
        frame = mac(ip(*HERE, 17, udp(5, 6)), "ff:ff:ff:ff:ff:ff", INSIDE)
        outs, report = self.pass_on([frame], [], [], [], names=("in", "other", "outside", "inside"))
        self.assertEqual(outs, [[], [], [frame], [frame]])  # the mark of one copy is not the other's
        self.assertEqual(report["dropped"]["rules"], 0)
        self.rules(table(chain('drop')))
        outs, report = self.pass_on([frame, ARP], [], [])
        self.assertEqual(outs, [[], [ARP], [ARP]])
        self.assertEqual((report["dropped"]["rules"], report["firewall"]["not_ip"]["packets"]), (1, 1))

    def test_states(self):
        self.rules(table(STATES))
        ours = [segment(HERE, (1024, 80), SYN, 0, 0), segment(HERE, (1025, 80), SYN, 0, 0)]
        theirs = [segment(THERE, (80, 1024), BOTH, 0, 1), segment(THERE, (80, 1026), BOTH, 0, 1),
                  segment(THERE, (80, 22), SYN, 0, 0), ip(*THERE, 17, udp(53, 53))]
        outs, report = self.pass_on([mac(f, OUTSIDE, INSIDE) for f in ours],
                                    [mac(f, INSIDE, OUTSIDE) for f in theirs])
        self.assertEqual(outs[1], [mac(f, OUTSIDE, INSIDE) for f in ours])
        self.assertEqual(outs[0], [mac(theirs[0], INSIDE, OUTSIDE)])
        self.assertEqual(report["firewall"]["connections"]["made"], 2)

    def test_a_bridge_takes_nothing_off_the_ttl(self):
        self.rules(table(chain("ip ttl != 5 drop")))
        frames = [ip(*HERE, 6, tcp(1, 2), ttl=ttl) for ttl in (4, 5, 6)]
        self.assertEqual(self.pass_on(frames, [])[0][1], frames[1:2])

    def test_malformed_and_in_pieces(self):
        """Frames in several buffers are seen whole; cut ones are dropped."""
        self.rules(table(chain("udp dport 53 drop")))
        long = [ip(*HERE, 17, udp(1, port, bytes(9000))) for port in (53, 54)]
        outs, report = self.pass_on([*long, long[1][:60]], [], options=("--pool", "size=128"), more=PIECES)
        self.assertEqual(outs[1], long[1:])
        self.assertEqual((report["dropped"]["rules"], report["dropped"]["malformed"]), (1, 1))

    def test_log_and_reject(self):
        self.rules(table(chain('log prefix "seen" reject')))
        captures.write_pcap(self.folder / "in.pcap", [captures.packet(ip(*HERE, 17, udp(5, 6)))])
        _, err = self.end(self.start("--rules", "rules.nft", "--log", "log", "in.pcap", "null:count=1"))
        self.assertRegex(err, rf"\A{REJECT}\Z")
        self.assertIn('"in":"port0","out":"port1"', (self.folder / "log").read_text())

    def test_bad_use(self):
        self.rules("")
        for words in (["null", "null", "--check"], ["null", "null", "--accepted", "x"],
                      ["null", "null", "--iif", "x"], ["null", "null", "--hook", "input"],
                      ["x" * 16 + "=null", "null"], ["=null", "null"], ["in.pcap", "--watch"],
                      ["in.pcap", "--events", "x"],
                      ["in.pcap", "--duration", "1s"]):
            self.fails(2, "--rules", "rules.nft", *words)


class Routed(LiveTest):
    """A router between two networks, the outside with one neighbour that is known."""
    OURS, CLIENT = "02:77:65:69:72:01", "02:00:00:00:00:0a"
    HOST, HOST6 = "203.0.113.9", socket.inet_pton(socket.AF_INET6, "fd20::9")
    CLIENT6 = socket.inet_pton(socket.AF_INET6, "fd10::9")
    NET = ("--address", "inside=10.0.0.1/24", "--address", "outside=203.0.113.1/16", "--address",
           "inside=fd10::1/64", "--address", "outside=fd20::1/64", "--neighbour", "203.0.113.9=" + OUTSIDE,
           "--neighbour", "fd20::9=" + OUTSIDE, "--neighbour", "10.0.0.2=" + INSIDE)

    def routed(self, frames, *options, rules="", more=""):
        self.rules(rules)
        outs, report = self.pass_on([mac(f, f[:6].hex(":") if f[0] & 1 else self.OURS, self.CLIENT)
                                     for f in frames], [], options=(*self.NET, *options), more=more)
        return outs, report["dropped"]

    def test_neighbours_that_are_not_there_take_few_buffers(self):
        """Else none are left to hear from those that are."""
        frames = [ip("10.0.0.2", f"203.0.{i // 200}.{i % 200 + 1}", 17, udp(5, 6)) for i in range(400)]
        outs, dropped = self.routed([*frames, ip("10.0.0.2", self.HOST, 17, udp(7, 8))], "--pool",
                                    "count=256")
        self.assertEqual([f[34:38] for f in outs[1] if f[12:14] == b"\x08\x00"], [udp(7, 8)[:4]])
        self.assertGreater(dropped["no_neighbour"], 300)

    def test_what_no_router_forwards(self):
        good = ip("10.0.0.2", self.HOST, 17, udp(5, 6))
        wrong = [ip(source, self.HOST, 17, udp(5, 6)) for source in (
            "224.0.0.5", "255.255.255.255", "10.0.0.255", "127.0.0.1")]
        loopback = socket.inet_pton(socket.AF_INET6, "::1")
        wrong += [captures.frame(self.OURS, self.CLIENT, struct.pack("!IHBB", 6 << 28, 8, 17, 9) + ends + udp(5, 6),
                                 0x86dd) for ends in (loopback + self.HOST6, self.CLIENT6 + loopback)]
        (_, out), dropped = self.routed([mac(good, "ff:ff:ff:ff:ff:ff", self.CLIENT), *wrong,
                                         mac(good, "01:00:5e:00:00:01", self.CLIENT), good])
        self.assertEqual(len(out), 1)
        self.assertEqual((dropped["not_for_us"], dropped["malformed"]), (2, 6))

    def test_translated_in_pieces(self):
        """Headers lie in several buffers; also those that are written last, and far behind."""
        rules = ("table inet t {\nchain a {\ntype nat hook prerouting priority dstnat\n"
                 f"ip daddr {self.HOST} dnat ip to 10.0.0.1\n}}\nchain b {{\n"
                 "type nat hook postrouting priority srcnat\noifname outside masquerade\n}\n}\n")
        ping = b"\x08\0\0\0\0\1\0\1" + bytes(3000)
        ping = ping[:2] + struct.pack("!H", fw_net.checksum(ping)) + ping[4:]
        options = b"\x11\x7f" + 3 * (b"\1\xff" + bytes(255)) + b"\1\xf9" + bytes(249)
        body = struct.pack("!HHHH", 5, 6, 1008, 0) + bytes(range(250)) * 4
        pseudo = struct.pack("!II", len(body), 17)
        total = fw_net.checksum(self.CLIENT6 + self.HOST6 + pseudo + body)
        body = body[:6] + struct.pack("!H", total) + body[8:]
        far = captures.frame(self.OURS, self.CLIENT, struct.pack(
            "!IHBB", 6 << 28, len(options + body), 60, 9) + self.CLIENT6 + self.HOST6 + options + body, 0x86dd)
        outs, _ = self.routed([ip("10.0.0.2", self.HOST, 1, ping), far], "--pool", "size=128", rules=rules,
                              more=PIECES)
        self.assertEqual([f[26:30] for f in outs[0]], [bytes([203, 0, 113, 9])])
        (out,) = outs[1]
        self.assertEqual(out[22:38], socket.inet_pton(socket.AF_INET6, "fd20::1"))
        self.assertEqual(fw_net.checksum(out[22:54] + pseudo + out[54 + len(options):]), 0)

    def test_bad_use(self):
        self.rules("")
        ours = "--address", "inside=10.0.0.1/24"
        for words in (["--address", "inside=224.0.0.1/24"], ["--address", "inside=0.0.0.0/0"],
                      ["--address", "inside=ff02::1/64"], ["--address", "inside=127.0.0.1/8"],
                      ["--address", "inside=::1/64"],
                      [*ours, "--route", "default=10.0.0.1"],
                      [*ours, "--neighbour", "10.0.0.2=ff:ff:ff:ff:ff:ff"],
                      [*ours, "--neighbour", "10.0.0.2=-1:00:00:00:00:01"],
                      [*ours, "--neighbour", "fe80::2=" + OUTSIDE]):
            self.fails(2, "--rules", "rules.nft", "--limit", 1, "inside=null:count=1", "outside=null:count=1",
                       *words)

    def test_the_longest_packet_in_fragments(self):
        body = struct.pack("!HHHH", 5, 6, 65527, 0) + bytes(65519)
        frames = []
        for at in range(0, len(body), 8192):
            part = struct.pack("!BBHI", 17, 0, at | (at + 8192 < len(body)), 7) + body[at:at + 8192]
            frames.append(captures.frame(self.OURS, self.CLIENT, struct.pack(
                "!IHBB", 6 << 28, len(part), 44, 9) + self.CLIENT6 + self.HOST6 + part, 0x86dd))
        for more in "", PIECES:
            (_, out), dropped = self.routed([frames[0], *frames], rules=table(chain("ct state new accept\ndrop")),
                                            more=more)
            self.assertEqual([f[54:] for f in out], [body])
            self.assertEqual(dropped["fragments"], 1)  # the first came twice
        flood = [f[:58] + struct.pack("!I", 100 + i) + f[62:] for i in range(200) for f in frames[:2]]
        (_, out), dropped = self.routed([*flood, *frames[-3:], ip("10.0.0.2", self.HOST, 17, udp(7, 8))],
                                        "--pool", "count=256", rules=table(chain("ct state new accept")))
        self.assertEqual([f[34:38] for f in out], [udp(7, 8)[:4]])
        self.assertEqual(dropped["fragments"], 403)


class Asked(Fifo):
    """What it tells on its control socket while it runs."""

    def test_list_ruleset(self):
        self.process = self.run_fifo(table(
            "set ports { type inet_service; counter; elements = { 1, 2, 3 }; comment \"\u00fc\"; }\n",
            chain('ct state established counter comment "known"\nudp dport @ports counter accept\n'
                  'udp dport 7 counter drop')))
        for ports in (1, 2), (1, 2), (2, 1), (5, 7), (5, 3):
            self.write(self.numbered(ports=ports))
        self.await_judged()
        captures.write_pcap(self.folder / "same.pcap", [captures.packet(f, 10**9) for f in self.written])
        listed = self.run_ok("--rules", "rules.nft", "same.pcap", "--list", "--iif", "inside", "--oif", "outside")
        self.assertIn("udp dport 7 counter packets 1 bytes 32 drop", listed)
        self.assertEqual(self.ask("list ruleset"), {"ok": listed})
        self.assertEqual(self.ctl("-s", "run.sock", "list", "ruleset"), listed)
        self.assertIn(f"bytes  {len(listed.encode())}\n", self.ctl("-s", "run.sock", "list", "ruleset", "file=now.nft"))
        self.assertEqual((self.folder / "now.nft").read_text(), listed)
        self.assertIn("is not a file", self.ctl("-s", "run.sock", "list", "ruleset", "file=fifo", status=1))
        self.rules(ACCEPT)
        self.ask("reload")
        self.assertNotIn("udp", self.ask("list ruleset")["ok"])
        self.finish(self.process)

    def connections(self, **arguments):
        return self.ask("conntrack", **arguments)["ok"]

    def test_conntrack(self):
        process = self.run_fifo(table(chain("ct state new,established accept")))
        self.assertEqual(self.connections(), {"list": [], "shown": 0, "connections": 0})
        tcp_frames = [segment(HERE, (1024, 80), SYN, 0, 0), segment(THERE, (80, 1024), BOTH, 0, 1),
                      segment(HERE, (1024, 80), ACK, 1, 1)]
        self.write([*tcp_frames[:2], ip(*HERE, 17, udp(5, 53, b"four")), ip(*THERE, 17, udp(53, 5)),
                    ip("10.1.0.1", "10.1.0.2", 17, udp(9, 9)), ip(*HERE, 1, b"\x08\0\xf7\xfb\0\3\0\1"),
                    ip("10.2.0.1", "10.2.0.2", 99, bytes(8))])
        self.await_judged()
        there = {"source": "10.0.0.2", "destination": "10.0.0.1"}
        here = {"source": "10.0.0.1", "destination": "10.0.0.2"}
        by_name = {str(c["protocol"]): c for c in self.connections(address="10.0.0.1")["list"]}
        self.assertEqual(by_name, {
            "tcp": {"protocol": "tcp", "state": "syn-received", "assured": False, "timeout": 60, **here,
                    "source_port": 1024, "destination_port": 80, "packets": 1, "bytes": 40,
                    "answers": {**there, "source_port": 80, "destination_port": 1024, "packets": 1, "bytes": 40}},
            "udp": {"protocol": "udp", "state": "answered", "assured": True, "timeout": 30, **here,
                    "source_port": 5, "destination_port": 53, "packets": 1, "bytes": 32,
                    "answers": {**there, "source_port": 53, "destination_port": 5, "packets": 1, "bytes": 28}},
            "icmp": {"protocol": "icmp", "state": "unanswered", "assured": False, "timeout": 30, **here,
                     "id": 3, "packets": 1, "bytes": 28, "answers": {**there, "id": 3, "packets": 0, "bytes": 0}}})
        self.write([tcp_frames[2]] * 3)
        self.await_judged()
        (tcp_now,) = self.connections(protocol="tcp")["list"]
        self.assertEqual((tcp_now["state"], tcp_now["assured"], tcp_now["packets"], tcp_now["bytes"]),
                         ("established", True, 4, 160))
        self.assertEqual([c["source"] for c in self.connections(protocol=17, address="10.1.0.2/31")["list"]],
                         ["10.1.0.1"])
        self.assertEqual([c["protocol"] for c in self.connections(protocol=99)["list"]], [99])
        self.assertRegex(self.ctl("-s", "run.sock", "conntrack", "protocol=tcp"), r"\n  state +established\n")
        self.rules(table(chain("accept")))
        self.ask("reload")
        self.assertIn("no connections are tracked", self.ask("conntrack")["error"])
        self.finish(process)

    def test_a_thousand_by_parts(self):
        process = self.run_fifo(table(chain("ct state new accept")))
        self.write([ip(*HERE, 17, udp(port, 53)) for port in range(1, 1001)])
        self.await_judged()
        ports, place, parts = [], 0, 0
        while place is not None:
            part = self.connections(limit=170, **{"from": place})
            self.assertEqual(part["connections"], 1000)
            ports += [c["source_port"] for c in part["list"]]
            place, parts = part.get("next"), parts + 1
        self.assertEqual((sorted(ports), parts), (list(range(1, 1001)), 6))
        self.assertEqual(self.connections()["shown"], 100)
        for wrong in ({"limit": 0}, {"limit": 1001}, {"limit": "x"}, {"from": -1}, {"protocol": "x"}, {"protocol": 256},
                      {"address": "10.0.0.0/33"}, {"address": "x"}):
            self.assertIn(f"{list(wrong)[0]} must be", self.ask("conntrack", **wrong)["error"])
        self.finish(process)

    def test_translated(self):
        process = self.run_fifo("table ip t {\nchain a {\ntype nat hook postrouting priority srcnat\n"
                                "oifname outside masquerade\n}\n}\n", *Routed.NET)
        self.write([mac(ip("10.0.0.2", Routed.HOST, 17, udp(5, 53)), Routed.OURS, Routed.CLIENT)])
        self.await_judged()
        (one,) = self.connections(address="203.0.113.1")["list"]
        self.assertEqual((one["nat"], one["answers"]), ("source", {
            "source": Routed.HOST, "destination": "203.0.113.1", "source_port": 53, "destination_port": 5,
            "packets": 0, "bytes": 0}))
        self.fifo.close()
        self.end(process)

    def send_at(self, seconds, *frames):
        for frame in frames:
            self.fifo.write(struct.pack("<IIII", seconds, 0, len(frame), len(frame)) + frame)
            self.written.append(frame)

    def test_events(self):
        """Each is told of once, in order, with what it had counted by then."""
        process = self.run_fifo(table(chain("ct state new,established accept")), "--events=events", "--connections=4")
        here, there = (HERE, (1024, 80)), (THERE, (80, 1024))
        self.send_at(1, segment(*here, SYN, 0, 0), segment(*there, BOTH, 0, 1), segment(*here, ACK, 1, 1))
        self.send_at(2, segment(*here, FIN | ACK, 1, 1), ip(*HERE, 17, udp(5, 53)), ip(*HERE, 17, udp(6, 53)))
        self.send_at(100, segment(*there, ACK, 1, 2), segment(HERE, (1025, 80), SYN, 0, 0),
                     segment(THERE, (80, 1025), RST | ACK, 0, 1), segment(HERE, (1026, 80), SYN, 0, 0))
        self.await_judged()
        self.finish(process)
        told = [json.loads(line) for line in (self.folder / "events").read_text().splitlines()]
        self.assertEqual([(e["time_ns"] // 10**9, e["event"], e.get("reason"), e["protocol"], e["source_port"],
                           e["state"], e["packets"], e["answers"]["packets"]) for e in told], [
            (1, "new", None, "tcp", 1024, "syn-sent", 1, 0),
            (1, "update", None, "tcp", 1024, "syn-received", 1, 1),
            (1, "update", None, "tcp", 1024, "established", 2, 1),
            (2, "update", None, "tcp", 1024, "fin-wait", 3, 1),
            (2, "new", None, "udp", 5, "unanswered", 1, 0),
            (2, "destroy", "early", "udp", 5, "unanswered", 1, 0),
            (2, "new", None, "udp", 6, "unanswered", 1, 0),
            (100, "destroy", "expired", "udp", 6, "unanswered", 1, 0),
            (100, "update", None, "tcp", 1024, "close-wait", 3, 2),
            (100, "new", None, "tcp", 1025, "syn-sent", 1, 0),
            (100, "destroy", "reset", "tcp", 1025, "closed", 1, 1),
            (100, "new", None, "tcp", 1026, "syn-sent", 1, 0)])

    def test_events_that_nobody_reads(self):
        """They hold up no packet; what is lost is counted where it is missing."""
        os.mkfifo(self.folder / "events")
        reader = os.open(self.folder / "events", os.O_RDONLY | os.O_NONBLOCK)
        process = self.run_fifo(table(chain("ct state new accept")), "--events=events", "--connections=131072")
        self.write([ip("10.0.0.1", "10.0.0.2", 17, udp(port, to)) for to in (1, 2) for port in range(1, 10001)])
        self.assertEqual(self.await_judged(), (20000, 0))
        os.set_blocking(reader, True)
        lines = []
        def read():
            with open(reader, encoding="ascii") as file:
                lines.extend(file)
        reading = threading.Thread(target=read)
        reading.start()
        report = self.finish(process)[0]
        reading.join()
        told = [json.loads(line) for line in lines]
        lost = sum(e["count"] for e in told if e["event"] == "lost")
        new = [e for e in told if e["event"] == "new"]
        self.assertEqual((len(new) + lost, len(told)), (20000, len(new) + sum(e["event"] == "lost" for e in told)))
        self.assertGreater(lost, 0)
        self.assertEqual(report["firewall"]["events"], {"written": len(new), "lost": lost})

    def test_while_packets_pass(self):
        """Lists do not hold up packets, nor tear what they show."""
        process = self.run_fifo(table(chain("ct state new counter accept\nct state established counter accept")))
        writer = threading.Thread(target=lambda: [self.write(self.numbered(100)) for _ in range(200)])
        writer.start()
        last, writing = 0, True
        while writing:
            writing = writer.is_alive()
            for one in self.connections()["list"]:
                self.assertGreaterEqual(one["packets"], last)
                self.assertEqual(one["bytes"], 32 * one["packets"])
                last = one["packets"]
            self.assertIn("counter packets", self.ask("list ruleset")["ok"])
        writer.join()
        self.finish(process)


class Reload(Fifo):
    def swap(self, text):
        self.rules(text)
        self.assertEqual(self.ask("reload")["ok"], {"rules": 1})

    def test_each_is_judged_by_the_rules_of_then(self):
        process = self.run_fifo(ACCEPT)
        dropped = 0
        for i in range(10):
            self.swap((NO_UDP, ACCEPT)[i % 2])
            self.write(self.numbered(500))
            before, dropped = dropped, self.await_judged()[1]
            self.assertEqual(dropped - before, (500, 0)[i % 2])
        report, _ = self.finish(process)
        self.assertEqual(report["firewall"]["reloads"], 10)

    def many_rules(self, mark):
        """They drop each third frame, one for mark 0 and the next for mark 1, and each that has met the start
        of the other ones: a mixture drops what neither does."""
        other = f"meta mark != {mark + 1} drop\n"
        some = "".join(f"ip saddr 172.{16 + (i >> 16)}.{i >> 8 & 255}.{i & 255} drop\n" for i in range(SIZE - 4))
        return table(chain(f"meta mark set {mark + 1}", "prerouting", "raw", name="a"),
                     chain(f"{other}udp dport {1000 + mark} drop\n{some}{other}"))

    def load(self, done):
        """Frames with numbers, until that is set; how many."""
        frame = ip(*HERE, 17, udp(1, 0, bytes(4)))
        record = struct.pack("<IIII", 1, 0, len(frame), len(frame)) + frame
        block, number = bytearray(record * 300), 0
        while not done.is_set():
            for at in range(0, len(block), len(record)):
                struct.pack_into("!H", block, at + 16 + 36, 1000 + number % 3)
                struct.pack_into("!I", block, at + 16 + 42, number)
                number += 1
            data = memoryview(block)
            while data:
                data = data[self.fifo.write(data):]
            time.sleep(0.005)  # some 50,000 a second: what comes out is a file
        self.sent = number

    def test_many_rules_under_load(self):
        """None is lost, and each meets the old rules or the new ones, never a mixture, nor the old ones
        after the new."""
        texts = [self.many_rules(0), self.many_rules(1)]
        process, done = self.run_fifo(texts[0], "--verbose"), threading.Event()
        writer = threading.Thread(target=self.load, args=(done,))
        writer.start()
        for i in range(RELOADS):
            self.rules(texts[(i + 1) % 2])
            process.send_signal(signal.SIGHUP)
            self.assertIn(b"%d rules in the place" % SIZE, process.stderr.readline())
        done.set()
        writer.join()
        self.fifo.close()
        report = self.checked(self.end(process)[0])
        passed, switches, last = [0, 0, 0], 0, {}
        data = (self.folder / "out.pcap").read_bytes()[24:]
        for port, number in struct.iter_unpack("!16x36xH4xI", data):
            self.assertEqual(port, 1000 + number % 3)
            self.assertGreater(number, last.get("number", -1))
            last["number"] = number
            passed[number % 3] += 1
            if number % 3 < 2:
                switches += last.get("kind", 1) != number % 3
                last["kind"] = number % 3
        self.assertEqual(report["rx_packets"], self.sent)
        self.assertEqual(sum(passed) + report["dropped"]["rules"], self.sent)
        self.assertEqual(passed[2], self.sent // 3)
        self.assertLessEqual(switches, RELOADS)
        self.assertLessEqual(abs(passed[0] + passed[1] - self.sent // 3), RELOADS)
        self.assertEqual(report["firewall"]["reloads"], RELOADS)
        if os.environ.get("FW_RELOADS"):
            print(f"{RELOADS} reloads of {SIZE} rules: {self.sent} frames, {sum(passed)} passed, "
                  f"{switches} switches")

    def await_verdict(self, dropped):
        """Until a frame has this one."""
        begun, before = time.monotonic(), self.await_judged()
        while self.await_judged()[dropped] == before[dropped]:
            self.assertLess(time.monotonic() - begun, TIMEOUT)
            self.write(self.numbered(1))
            time.sleep(0.01)

    def test_what_makes_it_reload(self):
        process = self.run_fifo(ACCEPT, "--watch", "--verbose")
        self.rules(NO_UDP)
        self.await_verdict(True)
        (self.folder / "rules.nft").write_text(ACCEPT)  # in place
        self.await_verdict(False)
        self.assertEqual(self.ctl("-s", "run.sock", "reload"), "rules  1\n")
        report, _ = self.finish(process)
        self.assertEqual(report["firewall"]["reloads"], 3)

    def test_signal_and_refused(self):
        process = self.run_fifo(ACCEPT)
        for bad in "table inet t { chain c { queue\n} }", 'include "./nothing"\n':
            self.rules(bad)
            self.assertRegex(self.ask("reload")["error"], r"\Arules\.nft:1:\d+: .*; the old rules stay\Z")
        (self.folder / "rules.nft").unlink()
        self.assertIn("No such file", self.ask("reload")["error"])
        self.write(self.numbered(1))
        self.assertEqual(self.await_judged(), (1, 0))
        self.rules(NO_UDP)
        process.send_signal(signal.SIGHUP)
        self.await_verdict(True)
        report, err = self.finish(process)
        self.assertEqual((report["firewall"]["reloads"], report["firewall"]["reloads_refused"]), (1, 3))
        self.assertEqual(len(err.splitlines()), 3, err)

    def test_connections_stay(self):
        """While rules ask for states; when they no longer do, all are forgotten."""
        text = table(chain("ct state established accept\nct state new udp dport 2 accept\ndrop"))
        process = self.run_fifo(text)
        known = table(chain("ct state established accept\ndrop"))
        for rules, accepted in ((text, 1), (known, 1), (ACCEPT, 1), (known, 0)):
            self.rules(rules)
            self.assertIn("ok", self.ask("reload"))
            before = self.await_judged()[0]
            self.write(self.numbered())
            self.write(self.numbered(way=THERE, ports=(2, 1)))
            self.assertEqual(self.await_judged()[0] - before, 2 * accepted, rules)
        self.finish(process)


main()
