#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir-replay: packets changed on the way, beside tcprewrite, editcap and tshark where these are."""
import os
import pathlib
import shutil
import struct
import subprocess
import unittest

import captures
from program import SAMPLE, ProgramTest, main

MACS = ["--src-mac", "0a:00:00:00:00:01", "--dst-mac", "0a:00:00:00:00:02"]
RAW, NULL, LOOP, SLL, SLL2 = 101, 0, 108, 113, 276

# Our options, and those of tcprewrite that say the same.
SAME = [
    (MACS, ["--enet-smac=0a:00:00:00:00:01", "--enet-dmac=0a:00:00:00:00:02"]),
    (["--vlan-push", "7", "--vlan-priority", "3"],
     ["--enet-vlan=add", "--enet-vlan-tag=7", "--enet-vlan-cfi=0", "--enet-vlan-pri=3"]),
    (["--vlan-strip", "outer"], ["--enet-vlan=del"]),
    (["--ip", "192.0.2.0/31:172.16.0.0/12,192.0.2.0/24:10.77.0.0/16"],
     ["--pnat=192.0.2.0/31:172.16.0.0/12,192.0.2.0/24:10.77.0.0/16"]),
    (["--src-ip", "0.0.0.0/0:172.16.0.0/12"], ["--srcipmap=0.0.0.0/0:172.16.0.0/12"]),
    (["--dst-ip", "0.0.0.0/0:172.16.0.0/12"], ["--dstipmap=0.0.0.0/0:172.16.0.0/12"]),
    (["--ip", "[2001:db8::/32]:[fd00::/8]"], ["--pnat=[2001:db8::/32]:[fd00::/8]"]),
    (["--port", "5201:8443,1-1023:9999"], ["--portmap=5201:8443,1-1023:9999"]),
    (["--ttl", "9"], ["--ttl=9"]),
    (["--ttl", "+200"], ["--ttl=+200"]),
    (["--ttl", "-60"], ["--ttl=-60"]),
    (["--mtu", "576", "--lengths"], ["--mtu=576", "--mtu-trunc"]),
    (["--checksums"], ["--fixcsum"]),
]


def ip_of(data):
    """Ethernet's type behind tags, and where what it says begins."""
    at = 12
    while data[at:at + 2] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    return data[at:at + 2], at + 2


def comparable(options, packet):
    """What of a packet tcprewrite 4.4.3 gets right, from which byte on; None for nothing.

    It overwrites MAC addresses of IPv6 and multicast packets, makes IP packets of GTP longer, takes Ethernet's padding for payload, leaves
    the checksums of ICMPv6 as they were under other addresses and the hop limits and lengths of
    IPv6 fragments, does not set UDP's length, and sees no IP behind MPLS and PPPoE."""
    kind, at = ip_of(packet.data)
    data = packet.data[at:]
    if kind == b"\x08\x00":
        if len(data) < 20 or struct.unpack_from("!H", data, 2)[0] != len(data):
            return None
        if data[9] == 17 and ("--lengths" in options or b"\x08\x68" in data[20:24]):
            return None
        return 12 if any(224 <= data[i] < 240 for i in (12, 16)) else 0
    if kind == b"\x86\xdd":
        if len(data) < 40 or struct.unpack_from("!H", data, 4)[0] + 40 != len(data):
            return None
        if data[6] == 44 and ("--ttl" in options or "--lengths" in options):
            return None
        if data[6] == 17 and "--lengths" in options:
            return None
        return None if data[6] in (0, 44, 58) and "--ip" in options else 12
    return None if kind in (b"\x88\x47", b"\x88\x64") else 0


class EditTest(ProgramTest):
    program = "WEIR_REPLAY"

    def edited(self, source, *options, name="ours.pcapng"):
        """The packets that come out."""
        self.run_ok(source, "--to", name, "--quiet", *options)
        return captures.read(self.folder / name)

    def theirs(self, *command):
        subprocess.run(command, cwd=self.folder, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        return captures.read(self.folder / "theirs.pcap")

    def compare(self, source, ours, theirs):
        """Returns how many packets were compared."""
        sources, mine = captures.read(source), self.edited(source, *ours)
        other = self.theirs("tcprewrite", "-i", source, "-o", "theirs.pcap", *theirs)
        self.assertEqual(len(mine), len(other))
        count = 0
        for number, (before, a, b) in enumerate(zip(sources, mine, other), 1):
            start = comparable(ours, before)
            if start is None or before.link != captures.ETHERNET:
                continue
            self.assertEqual((a.data[start:], a.wire_length), (b.data[start:], b.wire_length),
                             f"packet {number} of {source}: {ours}")
            count += 1
        return count


class BesideTcprewrite(EditTest):
    def setUp(self):
        super().setUp()
        if not shutil.which("tcprewrite"):
            self.skipTest("no tcprewrite; it is in Debian's package tcpreplay")

    def test_the_same_bytes(self):
        """All options they share, over the capture of the tests."""
        for ours, theirs in SAME:
            with self.subTest(options=ours):
                self.assertGreater(self.compare(SAMPLE, ours, theirs), 500)

    def test_the_same_bytes_over_the_corpus(self):
        """Both with all checksums set: tcprewrite sets wrong ones right by the way."""
        folder = pathlib.Path(os.environ.get("WEIR_CORPUS", SAMPLE.parents[3] / "shared/corpus"))
        files = sorted(p for p in folder.glob("pcap/ndpi/**/*.pcap") if p.stat().st_size < 20000)
        if not files:
            self.skipTest(f"no captures in {folder}; WEIR_CORPUS names another folder")
        compared = 0
        step = 1 if os.environ.get("CAPTURES") == "all" else 25
        for number, path in enumerate(files[::step]):
            ours, theirs = SAME[number % (len(SAME) - 2)]  # without those about lengths
            try:
                sound = captures.read(path)[0].link == captures.ETHERNET
                if sound:
                    self.theirs("tcprewrite", "-i", path, "-o", "theirs.pcap", *theirs)
            except (AssertionError, IndexError, subprocess.CalledProcessError):
                continue  # damaged, or too much for tcprewrite
            if sound:
                compared += self.compare(path, [*ours, "--checksums"], [*theirs, "--fixcsum"])
        self.assertGreater(compared, 100)


class Others(EditTest):
    def test_snap_as_editcap(self):
        if not shutil.which("editcap"):
            self.skipTest("no editcap; it is in Debian's package wireshark-common")
        for size in 1, 60, 1500:
            theirs = self.theirs("editcap", "-F", "nsecpcap", "-s", str(size), SAMPLE, "theirs.pcap")
            self.assertEqual(self.edited(SAMPLE, "--snap", size), theirs)

    def test_ethernet(self):
        """Frames that lost their Ethernet get one that differs only by its addresses."""
        frames = [p for p in captures.read(SAMPLE) if ip_of(p.data)[0] in (b"\x08\x00", b"\x86\xdd")
                  and ip_of(p.data)[1] == 14]
        self.assertGreater(len(frames), 500)
        fresh = bytes.fromhex("020000000002" "020000000001")
        known = bytes.fromhex("020000000002")
        links = {
            RAW: (lambda d: d[14:], None),
            228: (lambda d: d[14:], None),
            NULL: (lambda d: struct.pack("<I", 2 if d[12:14] == b"\x08\x00" else 30) + d[14:], None),
            LOOP: (lambda d: struct.pack(">I", 2 if d[12:14] == b"\x08\x00" else 10) + d[14:], None),
            SLL: (lambda d: struct.pack(">HHH", 4, 1, 6) + d[6:12] + b"\0\0" + d[12:], True),
            SLL2: (lambda d: d[12:14] + bytes(6) + struct.pack(">HBB", 1, 4, 6) + d[6:12] +
                   b"\0\0" + d[14:], True),
        }
        for link, (strip, keeps_source) in links.items():
            with self.subTest(link=link):
                stripped = [captures.Packet(p.time, strip(p.data), len(strip(p.data)), link)
                            for p in frames]
                captures.write_pcap(self.folder / "in.pcap", stripped, link)
                expected = [(known + p.data[6:] if keeps_source else fresh + p.data[12:])
                            for p in frames]
                got = self.edited("in.pcap", "--ethernet")
                self.assertEqual([p.data for p in got], expected)
                self.assertEqual({p.link for p in got}, {captures.ETHERNET})
                self.assertEqual([p.wire_length for p in got], [len(d) for d in expected])
        ieee = captures.packet(bytes.fromhex("000000010006 020000000009 0000 0004 424203".replace(" ", "")))
        captures.write_pcap(self.folder / "in.pcap", [ieee, ieee._replace(data=b"\0" * 9, wire_length=9)], SLL)
        self.assertEqual([p.data.hex() for p in self.edited("in.pcap", "--ethernet")],
                         ["0200000000020200000000090003424203"])

    def test_vlan(self):
        plain = bytes.fromhex("020000000002020000000001") + b"\x88\xb5" + b"payload"
        def tag(*tags):
            return plain[:12] + b"".join(bytes.fromhex(t) for t in tags) + plain[12:]
        captures.write_pcap(self.folder / "in.pcap", [captures.packet(d) for d in (
            plain, tag("81006007"), tag("88a8f00a", "8100a00b"), plain[:13])])
        table = [
            (["--vlan-push", "100"], [tag("81000064"), tag("81000064", "81006007"),
                                      tag("81000064", "88a8f00a", "8100a00b"), plain[:13]]),
            (["--vlan-push", "1", "--vlan-type", "802.1ad", "--vlan-priority", "7"],
             [tag("88a8e001"), tag("88a8e001", "81006007"), tag("88a8e001", "88a8f00a", "8100a00b"),
              plain[:13]]),
            (["--vlan-set", "9"], [plain, tag("81006009"), tag("88a8f009", "8100a00b"), plain[:13]]),
            (["--vlan-set", "9", "--vlan-priority", "0"],
             [plain, tag("81000009"), tag("88a81009", "8100a00b"), plain[:13]]),
            (["--vlan-strip", "outer"], [plain, plain, tag("8100a00b"), plain[:13]]),
            (["--vlan-strip", "all"], [plain, plain, plain, plain[:13]]),
        ]
        for options, expected in table:
            with self.subTest(options=options):
                got = self.edited("in.pcap", *options)
                self.assertEqual([p.data for p in got], expected)
                self.assertEqual([p.wire_length for p in got], [len(d) for d in expected])

    def test_tshark_finds_every_checksum_right(self):
        """Where tcprewrite does otherwise, or not at all; packets from memory that is read-only."""
        if not shutil.which("tshark"):
            self.skipTest("no tshark; it is in Debian's package tshark")
        for options in (["--ip", "[2001:db8::/32]:[fd00::/8],[fe80::/16]:[fd01::/16]", "--ttl", "-1"],
                        ["--mtu", "400", "--lengths"],
                        ["--loop", "3", "--unique-ip", "--port", "1-65535:7"],
                        ["--preload", "--ip", "192.0.2.0/24:10.0.0.0/8", "--vlan-push", "5"]):
            with self.subTest(options=options):
                self.edited(SAMPLE, *options)
                bad = subprocess.run(
                    ["tshark", "-r", "ours.pcapng", "-o", "ip.check_checksum:TRUE",
                     "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-Y",
                     "ip.checksum.status==0||tcp.checksum.status==0||udp.checksum.status==0||"
                     "icmp.checksum.status==0||icmpv6.checksum.status==0"],
                    cwd=self.folder, check=True, capture_output=True).stdout
                self.assertEqual(bad.decode(), "")

    def test_unique_addresses(self):
        passes = self.edited(SAMPLE, "--loop", "3", "--unique-ip")
        each = len(passes) // 3
        seen = [{d.data[26:34] for d in passes[i * each:(i + 1) * each]
                 if d.data[12:14] == b"\x08\x00"} for i in range(3)]
        self.assertEqual(passes[:each], captures.read(SAMPLE))
        self.assertEqual(len({len(s) for s in seen}), 1)
        self.assertFalse(seen[0] & seen[1] | seen[1] & seen[2] | seen[0] & seen[2])

    def test_split(self):
        packets = captures.read(SAMPLE)
        first = captures.frame("02:00:00:00:00:01", "02:00:00:00:00:02")[6:12]
        table = {
            "mac=02:00:00:00:00:02": lambda p: p.data[6:12] == first,
            "prefix=192.0.2.0/31": lambda p: ip_of(p.data)[0] == b"\x08\x00" and
                                   p.data[ip_of(p.data)[1] + 12:][:3] == b"\xc0\x00\x02" and
                                   p.data[ip_of(p.data)[1] + 15] < 2,
        }
        for how, chosen in table.items():
            with self.subTest(how=how):
                self.run_ok(SAMPLE, "--to", "a.pcap", "--to2", "b.pcap", "--split", how)
                a, b = (captures.read(self.folder / n) for n in ("a.pcap", "b.pcap"))
                self.assertEqual(a, [p for p in packets if chosen(p)])
                self.assertEqual(b, [p for p in packets if not chosen(p)])
                self.assertTrue(a and b)

    def test_split_by_client(self):
        """Who sends the first packet of a flow is its client, whatever the addresses."""
        def udp(source, target, number):
            return captures.packet(captures.frame("02:00:00:00:00:01", "02:00:00:00:00:02",
                bytes.fromhex("4500001d000000004011") + b"\0\0" + bytes([10, 0, 0, source[0], 10, 0, 0,
                target[0]]) + struct.pack("!HHHHB", source[1], target[1], 9, 0, number), 0x0800))
        one, two, three = (1, 1000), (2, 53), (3, 7)
        packets = [udp(one, two, 0), udp(two, one, 1), udp(three, two, 2), udp(one, two, 3),
                   udp(two, three, 4), udp(two, one, 5), udp(two, (1, 9), 6)]
        captures.write_pcap(self.folder / "in.pcap", packets)
        self.run_ok("in.pcap", "--to", "a.pcap", "--to2", "b.pcap", "--split", "client")
        self.assertEqual([p.data[-1] for p in captures.read(self.folder / "a.pcap")], [0, 2, 3, 6])
        self.assertEqual([p.data[-1] for p in captures.read(self.folder / "b.pcap")], [1, 4, 5])

    def test_split_by_interface(self):
        sample = SAMPLE.with_suffix(".pcapng")
        packets = captures.read(sample)
        self.run_ok(sample, "--to", "a.pcapng", "--to2", "b.pcapng", "--split", "interface=0")
        a, b = (captures.read(self.folder / n) for n in ("a.pcapng", "b.pcapng"))
        self.assertTrue(a and b)
        self.assertEqual(len(a) + len(b), len(packets))
        self.assertFalse({p.link for p in a} & {p.link for p in b})

    def test_split_by_direction(self):
        """As pcapng has it, whatever way the file is read; it is kept in what is written."""
        ways = [1, 2, None, 0, 1, 1, 2, 3] * 20
        packets = [captures.packet(i.to_bytes(2, "big") * (15 + i % 9), 10**18 + i)
                   for i in range(len(ways))]
        keys = "", ",reader=thread", ",mmap=1", ",preload=copy", ",preload=attach"
        for order, key in [("<", key) for key in keys] + [(">", "")]:
            captures.write_pcapng(self.folder / "in.pcapng", packets, ways, order)
            self.run_ok(f"pcap:rx={self.folder}/in.pcapng{key}", "--to", "a.pcapng", "--to2",
                        "b.pcapng", "--split", "direction=in")
            for name, side in ("a.pcapng", (1,)), ("b.pcapng", (2, None, 0, 3)):
                of_side = [i for i, way in enumerate(ways) if way in side]
                self.assertEqual(captures.read(self.folder / name), [packets[i] for i in of_side])
                self.assertEqual(captures.directions(self.folder / name),
                                 [ways[i] if ways[i] in (1, 2) else None for i in of_side])

    def test_split_by_direction_of_cooked(self):
        """Packets of Linux' any: 4 is what was sent; also when they become Ethernet."""
        ip = b"\x45" + bytes(19)
        types = [0, 4, 1, 2, 3, 4]
        for link, at, header in (113, 0, "0000000100060200000000010000 0800"), \
                                (276, 9, "080000000000000100010006020000000001 0000"):
            packets = []
            for i, kind in enumerate(types):
                data = bytearray(bytes.fromhex(header) + ip)
                data[at + 1] = kind
                packets.append(captures.Packet(10**18 + i, bytes(data), len(data), link))
            captures.write_pcap(self.folder / "in.pcap", packets, link)
            for more in [], ["--ethernet"]:
                self.run_ok("in.pcap", "--to", "a.pcapng", "--to2", "b.pcapng", "--split",
                            "direction=out", *more)
                a, b = (captures.read(self.folder / name) for name in ("a.pcapng", "b.pcapng"))
                self.assertEqual([p.time - 10**18 for p in a], [1, 5])
                self.assertEqual([p.time - 10**18 for p in b], [0, 2, 3, 4])
            self.assertEqual({p.link for p in a + b}, {captures.ETHERNET})
            self.assertEqual(captures.directions(self.folder / "a.pcapng"), [2, 2])
            self.assertEqual(captures.directions(self.folder / "b.pcapng"), [1] * 4)

    def test_workers(self):
        """The same packets as of one, changed."""
        report = self.report(SAMPLE, "--to", "null:queues=2", "--workers", "2", "--ttl", "9")
        self.assertEqual(report["tx_packets"], len(captures.read(SAMPLE)))
        for name, options in ("one.pcap", []), ("two.pcap", ["--workers", "2"]):
            self.run_ok("-q", SAMPLE, "--to", name, "--ttl", "9", *options)
        one, two = (sorted(captures.read(self.folder / name)) for name in ("one.pcap", "two.pcap"))
        self.assertEqual(one, two)

    def test_misuse(self):
        table = [
            (["--src-mac", "x"], "MAC"), (["--ip", "10.0.0.0/8"], "10.0.0.0/8:172.16.0.0/12"),
            (["--ip", "10.0.0.0/8:fd00::1"], "172.16"), (["--ip", "10.0.0.0/33:1.1.1.1/1"], "172.16"),
            (["--dst-ip", "256.1.1.1"], "address"), (["--port", "80"], None), (["--port", "9-1:2"], "80:8080"),
            (["--port", "80:"], "80:8080"), (["--src-port", "65536"], "port"), (["--ttl", "0"], "64"),
            (["--ttl", "256"], "64"), (["--vlan-push", "4096"], "4095"),
            (["--vlan-push", "1", "--vlan-set", "2"], "exclude"), (["--jitter", "1us"], "--delay"),
            (["--vlan-priority", "1"], "needs --vlan-push or --vlan-set"), (["--burst", "2K"], "--rate-limit"),
            (["--max-gap", "1s", "--pps", "5"], "--speed"),
            (["--vlan-strip", "inner"], "outer"), (["--mtu", "19"], "20"), (["--snap", "0"], "1 to"),
            (["--mtu", "500", "--snap", "5"], "either"), (["--to2", "null"], "--split"),
            (["--split", "client"], "--to2"), (["--to2", "null", "--split", "colour=red"], "interface=0"),
            (["--to2", "null", "--split", "prefix=10/8"], "10.0.0.0/8"),
            (["--to2", "null", "--split", "direction=up"], "in, out"), (["--workers", "0"], "1 to"),
        ]
        for options, word in table:
            with self.subTest(options=options):
                if word:
                    self.assertIn(word, self.fails(2, SAMPLE, "--to", "null", *options)[0])
                else:
                    self.run_ok(SAMPLE, "--to", "null", *options)


main()
