#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir-fw between ports: the same verdicts as on files, and other rules while packets pass.

    FW_RELOADS  how many times rules are replaced under load (40)
    FW_SIZE     how many rules there are then (10)
    FW_SEED     of the rules and packets at random (3)
"""
import json
import os
import signal
import struct
import subprocess
import threading
import time

import captures
import fw_random
import fw_sessions
from control import SocketTest
from fw_frames import chain, ip, table, tcp, udp
from program import TIMEOUT, main

RELOADS = int(os.environ.get("FW_RELOADS", 40))
SIZE = int(os.environ.get("FW_SIZE", 10))
SEED = int(os.environ.get("FW_SEED", 3))
INSIDE, OUTSIDE = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
HERE, THERE = ("10.0.0.1", "10.0.0.2"), ("10.0.0.2", "10.0.0.1")
SYN, BOTH, ACK = 2, 0x12, 0x10
ARP = captures.frame("ff:ff:ff:ff:ff:ff", INSIDE, bytes(28), 0x0806)
STATES = chain('ct state established,related accept\nct state new iifname "inside" accept\ndrop')
REJECT = r"weir-fw: warning: rules\.nft:\d+: reject drops and does not tell [^\n]*\n"
ACCEPT, NO_UDP = table(chain("accept")), table(chain("meta l4proto udp drop"))


def mac(frame, to, source):
    return bytes.fromhex((to + source).replace(":", "")) + frame[12:]


def segment(way, ports, flags, sequence, acknowledged):
    return ip(*way, 6, struct.pack("!HHIIBBHHH", *ports, sequence, acknowledged, 0x50, flags, 9000, 0, 0))


class LiveTest(SocketTest):
    program = "WEIR_FW"

    def rules(self, text):
        (self.folder / "new.nft").write_text(text)
        (self.folder / "new.nft").rename(self.folder / "rules.nft")

    def pass_on(self, *inputs, names=("inside", "outside", "other"), options=(), told=""):
        """The frames that come out of each port when these come in, and the report."""
        specs = []
        for i, frames in enumerate(inputs):
            captures.write_pcap(self.folder / f"in{i}.pcap", [
                captures.packet(f, 10**18 + j * 10**6) for j, f in enumerate(frames)])
            specs.append(f"{names[i]}=pcap:rx=in{i}.pcap,tx=out{i}.pcap")
        out, err = self.end(self.start("--json", "--rules", "rules.nft", *options, *specs))
        self.assertRegex(err, rf"\A({told})?\Z")
        report = self.checked(out)
        self.assertEqual(report["rx_packets"], sum(map(len, inputs)))
        return [[p.data for p in captures.read(self.folder / f"out{i}.pcap")]
                for i in range(len(inputs))], report


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

    def test_sessions_as_on_files(self):
        """Of connections whose verdict is known no rule is looked at; verdicts and counters are those of
        files, where all rules are."""
        text = table("set known { type ipv4_addr; flags interval; counter; elements = { 10.0.0.0/10 }; }\n",
                     chain("ct state invalid drop\ncounter\nip saddr @known counter\nicmp type 5 drop\n"
                           "tcp dport 443 tcp window < 1000 counter\n"
                           "ct state established,related accept\ntcp dport 22 drop\n"))
        known = 0
        for seed in range(SEED, SEED + 3):
            self.rules(text if seed != SEED else text.replace("tcp window < 1000", ""))
            frames = list(fw_sessions.Sessions(seed).frames(1500))
            (_, out), report = self.pass_on(frames, [], names=("in0", "out0"))
            on_file = json.loads(self.run_ok("--json", "--rules", "rules.nft", "in0.pcap", "--accepted",
                                             "good.pcap", "--iif", "in0", "--oif", "out0"))
            self.assertEqual(out, [p.data for p in captures.read(self.folder / "good.pcap")])
            self.assertEqual(report["firewall"]["chains"], on_file["chains"])
            self.assertEqual(report["firewall"]["connections"], on_file["connections"])
            known += report["firewall"]["known"]
        self.assertGreater(known, 300)

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
        outs, report = self.pass_on([*long, long[1][:60]], [], options=("--pool", "size=128"))
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
                      ["in.pcap", "--duration", "1s"]):
            self.fails(2, "--rules", "rules.nft", *words)


class Reload(LiveTest):
    """Frames with numbers go through pipes, so that the test says when they come."""

    def run_fifo(self, text, *options):
        self.rules(text)
        os.mkfifo(self.folder / "fifo")
        captures.write_pcap(self.folder / "empty.pcap", [])
        self.written = []
        process = self.start("--json", "--rules", "rules.nft", "--control", "run.sock", *options,
                             "inside=pcap:rx=fifo", "outside=pcap:rx=empty.pcap,tx=out.pcap")
        self.addCleanup(process.kill)
        self.fifo = open(self.folder / "fifo", "wb", buffering=0)
        self.addCleanup(self.fifo.close)
        captures.write_pcap(self.folder / "head.pcap", [])
        self.fifo.write((self.folder / "head.pcap").read_bytes())
        self.await_socket()
        return process

    def numbered(self, count=1, way=HERE, ports=(1, 2)):
        return [ip(*way, 17, udp(*ports, struct.pack("!I", len(self.written) + i)))
                for i in range(count)]

    def write(self, frames):
        data = b"".join(struct.pack("<IIII", 1, 0, len(f), len(f)) + f for f in frames)
        self.written += frames
        while data:
            data = data[self.fifo.write(data):]

    def judged(self):
        """How many were accepted and dropped so far."""
        stages = {s["name"]: s for s in self.ask("pipeline")["ok"][0]["stages"]}
        return stages["out1"]["packets"], stages["firewall"]["counters"]["rules"]

    def await_judged(self):
        begun = time.monotonic()
        while sum(self.judged()) < len(self.written):
            self.assertLess(time.monotonic() - begun, TIMEOUT)
        self.assertEqual(sum(self.judged()), len(self.written))
        return self.judged()

    def swap(self, text):
        self.rules(text)
        self.assertEqual(self.ask("reload")["ok"], {"rules": 1})

    def finish(self, process):
        """Each frame came out once, in order, or was dropped by the rules."""
        self.fifo.close()
        out, err = self.end(process)
        report = self.checked(out)
        passed = [p.data for p in captures.read(self.folder / "out.pcap")]
        self.assertEqual(report["rx_packets"], len(self.written))
        self.assertEqual(len(passed) + report["dropped"]["rules"], len(self.written))
        rest = iter(self.written)
        self.assertTrue(all(frame in rest for frame in passed), "lost, doubled or out of order")
        return report, err

    def test_under_load_each_is_judged_by_the_old_or_the_new(self):
        process = self.run_fifo(ACCEPT)
        dropped = 0
        for i in range(10):
            self.swap((NO_UDP, ACCEPT)[i % 2])
            self.write(self.numbered(500))
            before, dropped = dropped, self.await_judged()[1]
            self.assertEqual(dropped - before, (500, 0)[i % 2])
        done = threading.Event()

        def write():
            while not done.is_set():
                self.write(self.numbered(500))
        writer = threading.Thread(target=write)
        writer.start()
        others = "".join(f"ip saddr 172.16.{i // 256}.{i % 256} drop\n" for i in range(SIZE - 1))
        for i in range(RELOADS):
            self.rules(table(chain(others + ("meta l4proto udp drop", "accept")[i % 2])))
            self.assertEqual(self.ask("reload"), {"ok": {"rules": SIZE}})
        done.set()
        writer.join()
        report, _ = self.finish(process)
        self.assertEqual(report["firewall"]["reloads"], 10 + RELOADS)

    def test_never_by_a_mixture(self):
        """Either set of rules accepts all, one half of one and one of the other would not."""
        def text(mark):
            return table(chain(f"meta mark set {mark}\naccept", "prerouting", "raw", name="a"),
                         *[chain(f"meta mark != {mark} drop\n" * 20, name=f"b{i}") for i in range(5)])
        process = self.run_fifo(text(1))
        writer = threading.Thread(target=lambda: [self.write(self.numbered(500)) for _ in range(60)])
        writer.start()
        for i in range(RELOADS):
            self.rules(text(1 + i % 2))
            self.assertEqual(self.ask("reload"), {"ok": {"rules": 102}})
        writer.join()
        report, _ = self.finish(process)
        self.assertEqual(report["dropped"]["rules"], 0)

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
