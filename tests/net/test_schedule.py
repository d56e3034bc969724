#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir-replay keeps to its schedule: as the kernel of the receiver sees it, by tcpdump's timestamps. How
well is measured by tools/replay-timing; here the machine is busy, so the bounds are wide."""
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "app"))
import captures  # noqa: E402
from program import ProgramTest, main  # noqa: E402

from namespaces import Net, require, skip  # noqa: E402

SPAN = 1_500_000_000  # ns
SLACK = 1_000_000  # ns; from the call that sends to the timestamp, when somebody else has the core


class Schedule(ProgramTest):
    program = "WEIR_REPLAY"

    def trace(self):
        """Gaps from 1 us to 100 ms, each size as likely."""
        rng, now, packets = random.Random(1), 10**18, []
        while now < 10**18 + SPAN:
            packets.append(captures.packet(captures.frame(
                "02:00:00:00:00:01", "02:00:00:00:00:02", len(packets).to_bytes(46, "big")), now))
            now += int(10 ** rng.uniform(3, 8))
        captures.write_pcap(self.folder / "in.pcap", packets)
        return packets

    def arrivals(self, *options):
        net = Net()
        self.addCleanup(net.close)
        net.veth("a", "wa")
        net.ip("a", "link", "set", "eth0", "up")
        dump = subprocess.Popen([*net.prefix("w"), "tcpdump", "-i", "wa", "-U", "-w", "out.pcap",
                                 "--time-stamp-precision=nano", "ether proto 0x88b5"],
                                cwd=self.folder, stderr=subprocess.PIPE)
        self.addCleanup(dump.kill)
        dump.stderr.readline()
        time.sleep(0.3)
        report = self.report("in.pcap", "--to", "af_packet:eth0", *options, prefix=net.prefix("a"))
        time.sleep(1.2)  # the kernel hands over what it has at least once a second
        dump.terminate()
        dump.communicate()
        return captures.read(self.folder / "out.pcap"), report["timing"]

    def check(self, got, times, late_ns):
        """All lag behind the schedule, by no more than the sender says."""
        offsets = [p.time - got[0].time - (t - times[0]) for p, t in zip(got, times)]
        late = [o - min(offsets) for o in offsets]  # the one that was least late counts as punctual
        self.assertLess(statistics.median(late), late_ns["p50"] + SLACK)
        self.assertLess(max(late), late_ns["max"] + 10 * SLACK)
        self.assertLess(late_ns["p50"], 50 * SLACK)

    def test_recorded(self):
        packets = self.trace()
        got, timing = self.arrivals("--speed", "1x")
        self.assertEqual([p.data for p in got], [p.data for p in packets])
        self.check(got, [p.time for p in packets], timing["late_ns"])
        self.assertAlmostEqual(timing["scheduled_seconds"],
                               (packets[-1].time - packets[0].time) / 1e9, places=6)

    def test_rate(self):
        packets = self.trace()
        got, timing = self.arrivals("--pps", "1000", "--loop", "forever", "--limit", "500")
        self.assertEqual(len(got), 500)
        self.assertEqual([p.data for p in got[:len(packets)]], [p.data for p in packets[:500]])
        self.check(got, [i * 1_000_000 for i in range(500)], timing["late_ns"])
        self.assertAlmostEqual(timing["packets_per_second"], 1000, delta=5)


require()
if not shutil.which("tcpdump"):
    skip("no tcpdump")
main()
