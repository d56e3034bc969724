#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir-fw on files: what is refused and how, listings, verdicts, reasons, logs, reports."""
import json
import os
import re
import shutil
import struct
import subprocess
import unittest

import captures
import fw_wrong
from fw_frames import chain, ip, table, tagged, tcp, udp
from program import SOURCES, ProgramTest, main

FLOOD = int(os.environ.get("FW_FLOOD", 5000))  # half-open connections
RULES = SOURCES / "apps/weir-fw/rules"
NFT = os.geteuid() == 0 and shutil.which("nft") and subprocess.run(
    ["unshare", "-n", "nft", "list", "ruleset"], check=False, capture_output=True).returncode == 0

SSH, WEB = ip("10.0.0.1", "10.0.0.2", 6, tcp(1024, 22)), ip("10.0.0.1", "10.0.0.2", 6, tcp(1024, 80))
DNS = ip("10.0.0.9", "10.0.0.2", 17, udp(5000, 53, b"question"))
ARP = captures.frame("ff:ff:ff:ff:ff:ff", "02:00:00:00:00:02", bytes(28), 0x0806)


class FwTest(ProgramTest):
    program = "WEIR_FW"

    def rules(self, text, name="rules.nft"):
        (self.folder / name).write_text(text)

    def judge(self, text, frames, *options):
        """Which frames are accepted, by their number; all files of it stay in the folder."""
        if text:
            self.rules(text)
        captures.write_pcap(self.folder / "in.pcap",
                            [captures.packet(f, 10**18 + i * 10**6) for i, f in enumerate(frames)])
        out = self.run_ok("--rules", "rules.nft", "in.pcap", "--accepted", "a.pcap", "--dropped",
                          "d.pcapng", *options)
        accepted = captures.read(self.folder / "a.pcap")
        dropped = captures.read(self.folder / "d.pcapng")
        self.assertEqual(sorted(accepted + dropped), captures.read(self.folder / "in.pcap"))
        self.out = out
        return [(p.time - 10**18) // 10**6 for p in accepted]

    def refused(self, text):
        self.rules(text)
        out, err = self.end(self.start("--rules", "rules.nft", "--check"), 1)
        self.assertEqual(out, "")
        return err


class Wrong(FwTest):
    def test_place_and_cause(self):
        self.assertGreaterEqual(len(fw_wrong.WRONG), 50)
        for text, line, column, words in fw_wrong.WRONG:
            with self.subTest(text):
                first, source, mark = self.refused(text).splitlines()
                match = re.match(r"weir-fw: rules\.nft:(\d+):(\d+): (.*)", first)
                self.assertEqual((int(match[1]), int(match[2])), (line, column), first)
                self.assertIn(words, match[3])
                self.assertEqual(source, text.splitlines()[line - 1] if line <= text.count("\n")
                                 else "")
                self.assertEqual(len(mark) - len(mark.lstrip()), column - 1)

    @unittest.skipUnless(NFT, "no nft")
    def test_nft_refuses_them_too(self):
        # what nft supports; what only the kernel sees; a set of one element, which is that element
        ours = ("support", "elements is not", "family netdev are", "dynamic are", "device is not",
                "raw payload", "overlaps", "is for chains of type nat", "above -200", "cannot be rejected", "closes a loop", "only == and !=",
                "there is no")
        for text, _, _, words in fw_wrong.WRONG:
            if not any(w in words for w in ours):
                self.rules(text)
                done = subprocess.run(["unshare", "-n", "nft", "-c", "-f", "rules.nft"],
                                      cwd=self.folder, check=False, capture_output=True)
                self.assertNotEqual(done.returncode, 0, text)

    def test_in_an_included_file(self):
        self.rules("define a = 1\ndefine b = $nothing\n", "more.nft")
        self.rules('include "./more.nft"\n')
        _, err = self.end(self.start("--rules", "rules.nft", "--check"), 1)
        self.assertIn("more.nft:2:12: the variable '$nothing'", err)

    def test_includes_itself(self):
        self.assertIn("does it include itself?", self.refused('include "./rules.nft"\n'))

    def test_bad_use(self):
        self.rules("")
        for arguments in ((), ("--rules", "rules.nft"), ("in.pcap",),
                          ("--rules", "rules.nft", "--check", "in.pcap"),
                          ("--rules", "rules.nft", "in.pcap", "--hook", "sideways"),
                          ("--rules", "rules.nft", "in.pcap", "--iif", "x" * 16),
                          ("--rules", "rules.nft", "--list", "--explain", "1")):
            self.fails(2, *arguments)
        self.fails(1, "--rules", "rules.nft", "nothing.pcap")
        self.fails(1, "--rules", "nothing.nft", "--check")


class Listing(FwTest):
    def listed(self, path):
        return self.run_ok("--rules", path, "--list")

    def test_again_is_the_same(self):
        for path in sorted(RULES.glob("*.nft")):
            first = self.listed(path)
            self.rules(first)
            self.assertEqual(self.listed("rules.nft"), first)

    @unittest.skipUnless(NFT, "no nft")
    def test_as_nft_lists(self):
        for path in [*sorted(RULES.glob("*.nft")), SOURCES / "tests/data/language.nft"]:
            done = subprocess.run(["unshare", "-n", "sh", "-c", 'nft -f "$1" && nft list ruleset',
                                   "sh", path], check=True, capture_output=True, text=True)
            self.assertEqual(self.listed(path), done.stdout, path)

    def test_counters(self):
        self.judge(table("set s { type inet_service; counter; elements = { 22, 80 } }\n",
                         chain("tcp dport @s counter\ntcp dport 22 counter packets 5 bytes 100")),
                   [SSH, SSH, WEB])
        out = self.run_ok("--rules", "rules.nft", "in.pcap", "--list")
        self.assertIn("22 counter packets 2 bytes 80", out)
        self.assertIn("80 counter packets 1 bytes 40", out)
        self.assertIn("tcp dport @s counter packets 3 bytes 120\n", out)
        self.assertIn("tcp dport 22 counter packets 7 bytes 180\n", out)


class Verdicts(FwTest):
    def test_policy_and_order(self):
        self.assertEqual(self.judge(table(chain("tcp dport 22 drop\ntcp dport 22 accept")),
                                    [SSH, WEB]), [1])
        self.assertEqual(self.judge(table(chain("tcp dport 22 accept", policy="drop")),
                                    [SSH, WEB]), [0])

    def test_hooks_and_priorities(self):
        parts = (chain("tcp dport 22 accept", priority="0", name="first"),
                 chain("tcp dport 22 drop", priority="10", name="later"))
        self.assertEqual(self.judge(table(*parts), [SSH, WEB]), [1])
        way = table(chain("meta mark set 7", "prerouting", "raw", name="p"),
                    chain("meta mark 7 tcp dport 22 drop", "input", name="i"),
                    chain("meta mark 7 tcp dport 80 drop", name="f"),
                    chain("tcp dport 53 drop", "output", name="o"),
                    chain("udp dport 53 drop", "postrouting", name="q"))
        frames = [SSH, WEB, DNS]
        self.assertEqual(self.judge(way, frames), [0])
        self.assertEqual(self.judge(way, frames, "--hook", "input"), [1, 2])
        self.assertEqual(self.judge(way, frames, "--hook", "output"), [0, 1])

    def test_later_fragments(self):
        """Without ct they have no headers, and Linux takes up to 4 bytes in their place for ones: of IPv4
        behind the header of IP, of IPv6 the header of IP itself."""
        later = [ip("10.0.0.1", "10.0.0.2", 6, tcp(1024, port), fragment=5) for port in (22, 80)]
        six = captures.frame("02:00:00:00:00:01", "02:00:00:00:00:02", struct.pack(
            "!IHBB", 6 << 28 | 22, 16, 44, 64) + bytes(32) + struct.pack(
                "!BBHI", 6, 0, 80, 1) + bytes(8), 0x86dd)
        self.assertEqual(self.judge(table(chain("tcp dport 22 drop")), [*later, six]), [1])
        self.assertEqual(self.judge(table(chain("tcp sequence 0 accept", policy="drop")), later), [0, 1])
        # less than the bytes of the field
        self.assertEqual(self.judge(table(chain("tcp window 0 drop")), [*later, six,
                                    ip("10.0.0.1", "10.0.0.2", 6, bytes(15), fragment=5)]), [3])

    def test_jumps(self):
        text = table(chain("tcp dport 80 return\ntcp dport 22 accept", hook=None, name="inner"),
                     chain("jump inner\nudp dport 53 accept", hook=None, name="middle"),
                     chain("jump middle\ntcp dport 80 drop", name="outer"))
        self.assertEqual(self.judge(text, [SSH, WEB, DNS]), [0, 2])
        text = table(chain("tcp dport 22 accept", hook=None, name="inner"),
                     chain("goto inner\naccept", policy="drop", name="outer"))
        self.assertEqual(self.judge(text, [SSH, WEB]), [0])

    def test_interfaces(self):
        text = table(chain('iifname "lan*" oifname "wan0" accept', policy="drop"))
        self.assertEqual(self.judge(text, [SSH], "--iif", "lan7", "--oif", "wan0"), [0])
        self.assertEqual(self.judge(text, [SSH], "--iif", "lan7", "--oif", "wan1"), [])
        self.assertEqual(self.judge(text, [SSH]), [])

    def test_vlan_and_ethernet(self):
        frames = [SSH, tagged(SSH, 5), tagged(SSH, 3 << 13 | 7)]
        self.assertEqual(self.judge(table(chain("vlan id 5 drop")), frames), [0, 2])
        self.assertEqual(self.judge(table(chain("vlan id { 6-10 } vlan pcp 3 drop")), frames),
                         [0, 1])
        self.assertEqual(self.judge(table(chain("ether saddr 02:00:00:00:00:02 drop")), frames), [])

    def test_limit_by_the_clock_of_the_file(self):
        """1,000 packets a ms apart; 100 a second pass, and 5 more at the start."""
        self.judge(table(chain("limit rate 100/second accept", policy="drop")), [SSH] * 1000)
        self.assertEqual(len(captures.read(self.folder / "a.pcap")), 5 + 99)
        self.judge(table(chain("limit rate over 4000 bytes/second burst 400 bytes drop")),
                   [SSH] * 1000)
        # a second's bytes and the burst at once, then 40 bytes in 10 ms
        self.assertEqual(len(captures.read(self.folder / "a.pcap")), 110 + 99)

    def test_not_ip_and_malformed(self):
        cut = SSH[:14] + bytes([0x45, 0, 0, 200]) + SSH[18:]
        self.assertEqual(self.judge(table(chain("", policy="drop")), [ARP, cut, SSH]), [0])
        report = json.loads(self.run_ok("--rules", "rules.nft", "in.pcap", "--json"))
        self.assertEqual([report[k]["packets"] for k in
                          ("read", "accepted", "dropped", "not_ip", "malformed")], [3, 1, 2, 1, 1])

    def test_definitions(self):
        (self.folder / "conf").mkdir()
        self.rules("define ports = { 22, 53 }\n", "conf/a.nft")
        self.rules("redefine ports = { $ports, 443 }\n", "conf/b.nft")
        text = 'include "./conf/*.nft"\ndefine lan = 10.0.0.1\n' + table(chain(
            "ip saddr $lan tcp dport $ports drop"))
        self.assertEqual(self.judge(text, [SSH, WEB, DNS]), [1, 2])

    def test_commands(self):
        text = "flush ruleset\nadd table inet t\nadd chain inet t c { type filter hook forward priority 0; }\n" \
            "add set inet t s { type inet_service; }\nadd element inet t s { 22 }\n" \
            "add rule inet t c tcp dport @s drop\ninsert rule inet t c ip saddr 10.0.0.1 tcp dport 22 accept\n" \
            "table inet gone\ndelete table inet gone\n"
        self.assertEqual(self.judge(text, [SSH, WEB]), [0, 1])


class Connections(FwTest):
    RULES = table(chain("ct state established,related accept\nct state new tcp dport 22 tcp flags & "
                        "(fin|syn|rst|ack) == syn accept\nct state new udp dport 53 accept",
                        policy="drop"))
    BACK = ("10.0.0.2", "10.0.0.1")

    def test_tcp_and_udp(self):
        answer = ip(*self.BACK, 6, tcp(22, 1024, 0x12))
        frames = [answer, SSH, answer, ip("10.0.0.1", "10.0.0.2", 6, tcp(1024, 22, 0x10)),
                  ip("10.0.0.1", "10.0.0.2", 6, tcp(1025, 22, 0x10)), WEB,
                  ip("10.0.0.2", "10.0.0.9", 17, udp(53, 5000)), DNS,
                  ip("10.0.0.2", "10.0.0.9", 17, udp(53, 5000))]
        self.assertEqual(self.judge(self.RULES, frames), [1, 2, 3, 7, 8])

    def test_error_of_icmp(self):
        error = ip("10.0.0.7", "10.0.0.9", 1, bytes([3, 3]) + bytes(6) + DNS[14:])
        wrong = ip("10.0.0.7", "10.0.0.8", 1, bytes([3, 3]) + bytes(6) + DNS[14:])
        self.assertEqual(self.judge(self.RULES, [error, DNS, error, wrong]), [1, 2])

    def test_what_is_dropped_makes_no_connection(self):
        self.assertEqual(self.judge(self.RULES, [WEB, ip(*self.BACK, 6, tcp(80, 1024, 0x12))]), [])

    def test_timeout(self):
        """An answer after 29 s is one, after 31 s it is not."""
        answer = ip("10.0.0.2", "10.0.0.9", 17, udp(53, 5000))
        self.rules(self.RULES)
        for seconds, accepted in (29, 2), (31, 1):
            captures.write_pcap(self.folder / "in.pcap", [
                captures.packet(DNS, 10**18), captures.packet(answer, 10**18 + seconds * 10**9)])
            report = json.loads(self.run_ok("--rules", "rules.nft", "in.pcap", "--json"))
            self.assertEqual(report["accepted"]["packets"], accepted, seconds)

    def test_flood(self):
        """Half-open connections fill no more than a quarter; who has talked stays."""
        flood = [ip(f"10.{1 + (n >> 16)}.{n >> 8 & 255}.{n & 255}", "10.0.0.2", 6, tcp(1024, 22))
                 for n in range(FLOOD)]
        start = [SSH, ip(*self.BACK, 6, struct.pack("!HHIIBBHHH", 22, 1024, 0, 1, 0x50, 0x12, 9, 0, 0)),
                 ip("10.0.0.1", "10.0.0.2", 6,
                    struct.pack("!HHIIBBHHH", 1024, 22, 1, 1, 0x50, 0x10, 9, 0, 0))]
        more = ip("10.0.0.1", "10.0.0.2", 6,
                  struct.pack("!HHIIBBHHH", 1024, 22, 1, 1, 0x50, 0x18, 9, 0, 0) + b"x")
        accepted = self.judge(self.RULES, start + flood + [more], "--connections", "400")
        self.assertIn(len(flood) + 3, accepted)
        report = json.loads(self.run_ok("--rules", "rules.nft", "in.pcap", "--connections", "400",
                                        "--json"))["connections"]
        self.assertEqual((report["half_open"], report["now"]), (100, 101))
        self.assertEqual(report["early"], FLOOD - 100)


class Reasons(FwTest):
    def comments(self):
        out, at = [], 0
        data = (self.folder / "d.pcapng").read_bytes()
        while at < len(data):
            kind, size = struct.unpack_from("<II", data, at)
            if kind == 6:
                length = struct.unpack_from("<I", data, at + 20)[0]
                options = data[at + 28 + (length + 3) // 4 * 4:at + size - 4]
                out += [v.decode() for c, v in captures.options(options) if c == 1]
            at += size
        return out

    def test_of_dropped_packets(self):
        self.judge(table(chain("tcp dport 22 drop\nudp dport 53 reject", policy="drop")),
                   [SSH, WEB, DNS])
        self.assertEqual(self.comments(), [
            "dropped by inet t c rule 1 (rules.nft:4): tcp dport 22 drop",
            "dropped by the policy of inet t c",
            "rejected by inet t c rule 2 (rules.nft:5): udp dport 53 reject"])

    def test_explain(self):
        self.judge(table(chain("ip saddr 10.0.0.7 drop", hook=None, name="inner"),
                         chain("udp dport 22 accept\ntcp dport 22 jump inner\ntcp dport 22 drop")),
                   [WEB, SSH], "--explain", "2")
        lines = self.out.splitlines()
        self.assertEqual(lines, [
            "packet 2: 10.0.0.1 > 10.0.0.2 tcp 1024 > 22, 40 bytes",
            "t c 1 (line 7): udp dport 22 accept",
            "      no: udp dport 22, and the packet has absent",
            "t c 2 (line 8): tcp dport 22 jump inner",
            "      yes: jumps to inner",
            "t inner 1 (line 3): ip saddr 10.0.0.7 drop",
            "      no: ip saddr 10.0.0.7, and the packet has 10.0.0.1",
            "t inner: end, back",
            "t c 3 (line 9): tcp dport 22 drop",
            "      yes: dropped",
            "packet 2: dropped by inet t c rule 3 (rules.nft:9): tcp dport 22 drop"])

    def test_log(self):
        text = table(chain('tcp dport 22 log prefix "ssh: " level info group 3 drop'))
        self.judge(text, [SSH, WEB, SSH], "--log", "log.jsonl", "--iif", "lan0")
        lines = [json.loads(line) for line in (self.folder / "log.jsonl").read_text().splitlines()]
        self.assertEqual(len(lines), 2)
        self.assertEqual(lines[1], {
            "time_ns": 10**18 + 2 * 10**6, "prefix": "ssh: ", "level": "info", "group": 3,
            "rule": "inet t c rule 1", "line": 4, "in": "lan0", "source": "10.0.0.1",
            "destination": "10.0.0.2", "protocol": 6, "source_port": 1024, "destination_port": 22,
            "length": 40})
        self.judge(text, [SSH, WEB, SSH], "--log", "log.pcapng")
        self.assertEqual([p.data for p in captures.read(self.folder / "log.pcapng")], [SSH, SSH])
        err, _ = self.fails(1, "--rules", "rules.nft", "in.pcap", "--log", "/dev/full")
        self.assertIn("cannot write '/dev/full': No space left on device", err)

    def test_report(self):
        self.judge(table(chain("tcp dport 22 drop comment \"no ssh\"")), [SSH, WEB])
        report = json.loads(self.run_ok("--rules", "rules.nft", "in.pcap", "--json"))
        (only,) = report["chains"]
        self.assertEqual(only["policy_hits"], {"packets": 1, "bytes": 40})
        self.assertEqual(only["rules"], [{
            "number": 1, "file": "rules.nft", "line": 4, "text": 'tcp dport 22 drop comment "no ssh"',
            "comment": "no ssh", "hits": {"packets": 1, "bytes": 40}}])


main()
