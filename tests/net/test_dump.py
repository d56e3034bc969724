#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Round trip: weir-replay sends captures into one end of a veth, weir-dump writes what comes out of the
other: the same packets, in the same order. CAPTURES=all: the whole corpus, in 66 s."""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "app"))
import captures  # noqa: E402
from program import SOURCES, ProgramTest, main  # noqa: E402

from namespaces import Net, require, wait_until  # noqa: E402

MTU = 65535
SHORTEST = 15  # an Ethernet header, and a byte: the kernel sends nothing shorter
AT_A_TIME = 20000  # the ring of the receiver holds so many, whoever else uses the cores
FILES = None if os.environ.get("CAPTURES") == "all" else 40


class RoundTrip(ProgramTest):
    program = "WEIR_DUMP"

    def setUp(self):
        super().setUp()
        self.net = Net(MTU)
        self.addCleanup(self.net.close)
        for name in "a", "w":  # nothing but what is sent
            self.net.run(name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1",
                         "net.ipv6.conf.default.disable_ipv6=1")
        self.net.veth("a", "wa")
        self.net.ip("a", "link", "set", "eth0", "up")

    def captures_of_the_corpus(self):
        folder = captures.corpus(SOURCES.parent / "shared/corpus")
        if not folder:
            return
        paths = sorted(p for p in folder.rglob("*") if p.suffix in (".pcap", ".pcapng", ".cap"))
        yield from paths[::max(1, len(paths) // FILES)] if FILES else paths

    def packets_of(self, path):
        """What can be sent on Ethernet, as our own reader has it; libpcap's oddities are others'."""
        self.run_ok(path, "-w", "all.pcapng", "-q") if path.stat().st_size else None
        return [p for p in captures.read(self.folder / "all.pcapng")
                if p.link == captures.ETHERNET and SHORTEST <= len(p.data) <= MTU]

    def round_trip(self, packets, *options, prefix=()):
        captures.write_pcap(self.folder / "in.pcap", packets)
        dump = self.start("af_packet:wa,version=3,ring=134217728,block=1048576", "-w", "out.pcapng", "-q", "-c",
                          len(packets), "--duration", "50s", prefix=self.net.prefix("w"))
        self.await_handler(dump, True)
        part = self.folder / "out.pcapng.part"
        wait_until(part.exists, "weir-dump writes")
        self.net.run("a", *prefix, os.environ["WEIR_REPLAY"], "-q", self.folder / "in.pcap", "--to",
                     "af_packet:eth0", *options)
        self.end(dump)
        return captures.read(self.folder / "out.pcapng")

    def test_sample(self):
        packets = captures.read(SOURCES / "tests/data/sample.pcap")
        self.assertEqual([p.data for p in self.round_trip(packets)], [p.data for p in packets])

    def test_workers(self):
        """Each on a queue of its own that nobody had to ask for: all packets, and flows in order.
        On one processor, since a veth itself would mix those of a thread that moves to another."""
        packets = captures.flows(50, 200)
        core = min(os.sched_getaffinity(0))
        got = self.round_trip(packets, "--workers", "2", prefix=("taskset", "-c", core))
        self.assertEqual(captures.by_flow(got), captures.by_flow(packets))

    def test_full_queue(self):
        """The queue of the interface drops what does not fit, and says so: nothing is lost by that. Two
        sockets fill it."""
        try:
            self.net.run("a", "tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "20mbit", "burst", "4k",
                         "limit", "20k")
        except AssertionError as error:
            self.skipTest(f"no shaper in this kernel: {error}")
        packets = captures.flows(50, 100)
        core = min(os.sched_getaffinity(0))
        got = self.round_trip(packets, "--workers", "2", prefix=("taskset", "-c", core))
        self.assertEqual(captures.by_flow(got), captures.by_flow(packets))

    def test_corpus(self):
        packets = []
        for path in self.captures_of_the_corpus():
            try:
                packets += self.packets_of(path)
            except AssertionError:
                continue  # damaged: others test that
        if not packets:
            self.skipTest("no corpus")
        for first in range(0, len(packets), AT_A_TIME):
            some = packets[first:first + AT_A_TIME]
            got = self.round_trip(some)
            self.assertEqual(len(got), len(some))
            for number, (one, other) in enumerate(zip(got, some), first):
                self.assertEqual(one.data, other.data, f"packet {number}")
        print(f"{len(packets)} packets of the corpus", file=sys.stderr)


if __name__ == "__main__":
    require("taskset", "tc")
    main()
