#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir-replay: when packets go, and of which files."""
import random
import shutil
import subprocess
import time
import unittest

import captures
from program import SAMPLE, SOURCES, ProgramTest, main


class ScheduleTest(ProgramTest):
    program = "WEIR_REPLAY"

    def trace(self, name, times):
        """A capture of packets at these nanoseconds, all different."""
        packets = [captures.packet(f"{name} {i} ".encode() * 8, time)
                   for i, time in enumerate(times)]
        captures.write_pcap(self.folder / name, packets)
        return packets

    def read(self, name):
        return captures.read(self.folder / name)


class Timing(ScheduleTest):
    def timed(self, *arguments):
        begun = time.monotonic()
        report = self.report(*arguments)
        return report["timing"], time.monotonic() - begun

    def test_speed(self):
        """Gaps of 1 us to 50 ms, and that they are all there."""
        gaps = [1_000, 10_000, 50_000_000, 100_000, 1_000_000, 49_000_000, 5, 0]
        self.trace("in.pcap", [10**18 + sum(gaps[:i]) for i in range(len(gaps) + 1)])
        for speed, seconds in ("1x", 0.100111005), ("0.5x", 0.20022201), ("2.5x", 0.040044402):
            timing, took = self.timed("in.pcap", "--to", "out.pcap", "--speed", speed)
            self.assertEqual(timing["packets"], 9)
            self.assertAlmostEqual(timing["scheduled_seconds"], seconds, places=8)
            self.assertGreaterEqual(took, seconds)
            late = timing["late_ns"]
            # what is waited for may go 50 us early, so as not to be late
            self.assertAlmostEqual(timing["seconds"], seconds, delta=late["max"] / 1e9 + 50e-6 + 1e-9)
            self.assertTrue(0 <= late["p50"] <= late["p90"] <= late["p99"] <= late["max"] < 10**9)

    def test_rates(self):
        self.trace("in.pcap", [10**18] * 201)
        size = len(self.read("in.pcap")[0].data)
        for options, seconds in ((["--pps", "2000"], 0.1), (["--pps", "2500.5"], 200 / 2500.5),
                                 (["--gap", "250us"], 0.05)):
            timing, took = self.timed("in.pcap", "--to", "null", *options)
            self.assertAlmostEqual(timing["scheduled_seconds"], seconds, places=8)
            self.assertGreaterEqual(took, seconds)
        timing, took = self.timed("in.pcap", "--to", "null", "--mbps", "1.5")
        bits = sum(8 * len(p.data) for p in self.read("in.pcap")[:-1])
        self.assertGreater(bits, 200 * 8 * size)
        self.assertAlmostEqual(timing["scheduled_seconds"], bits / 1.5e6, places=8)

    def test_odd_times(self):
        """Back by a little, back by a lot, and a gap that is cut."""
        second = 10**9
        self.trace("in.pcap", [10**18 + t for t in (
            0, 10_000_000, 9_000_000, 20_000_000, 90 * second, 30 * second, 30 * second + 5_000_000)])
        timing, _ = self.timed("in.pcap", "--to", "null", "--speed", "1x", "--max-gap", "30ms")
        self.assertEqual((timing["backwards"], timing["gaps_cut"]), (2, 1))
        self.assertAlmostEqual(timing["scheduled_seconds"], 0.055, places=8)

    def test_loops(self):
        self.trace("in.pcap", [10**18, 10**18 + 10_000_000])
        timing, _ = self.timed("in.pcap", "--to", "null", "--speed", "1x", "--loop", "3",
                               "--loop-gap", "5ms")
        self.assertEqual((timing["packets"], timing["backwards"]), (6, 0))
        self.assertAlmostEqual(timing["scheduled_seconds"], 0.04, places=8)

    def test_duration_and_limit(self):
        self.trace("in.pcap", [10**18, 10**18 + 100_000_000])
        report = self.report("in.pcap", "--to", "null", "--speed", "1x", "--loop", "forever",
                             "--duration", "250ms")
        self.assertEqual(report["ended_by"], "duration")
        self.assertIn(report["tx_packets"], range(1, 6))  # 5, unless the machine stood still
        self.assertGreaterEqual(report["seconds"], 0.25)
        report = self.report("in.pcap", "--to", "null", "--pps", "1000", "--loop", "forever",
                             "--limit", "33")
        self.assertEqual((report["ended_by"], report["tx_packets"]), ("limit", 33))

    def test_interrupt_of_a_long_wait(self):
        self.trace("in.pcap", [10**18, 10**18 + 10**14])
        process = self.start("in.pcap", "--to", "null", "--speed", "1x", "--json")
        self.interrupt(process)
        begun = time.monotonic()
        report = self.checked(self.end(process)[0])
        self.assertEqual(report["ended_by"], "signal")
        self.assertLess(time.monotonic() - begun, 5)

    def test_text(self):
        self.trace("in.pcap", [10**18, 10**18 + 10_000_000])
        out = self.run_ok("in.pcap", "--to", "null", "--speed", "1x")
        self.assertRegex(out, r"\nschedule  \d\.\d+ s of 0\.010000 s, \d+\.\d of 100\.0 packets/s\n")
        self.assertRegex(out, r"\nlate      mean \d+\.\d us;")
        self.assertRegex(out, r"\njitter    mean \d+\.\d us;")
        self.assertNotIn("schedule", self.run_ok("in.pcap", "--to", "null"))

    def test_misuse(self):
        table = [
            (["--speed", "0x"], "1x"), (["--speed", "fast"], "1x"), (["--speed", "2"], "1x"),
            (["--pps", "0"], "kpps"), (["--pps", "1.0005"], "kpps"), (["--pps", "-1"], "kpps"),
            (["--mbps", "x"], "mbit"), (["--gap", "0us"], "speed=top"), (["--gap", "10"], "500us"),
            (["--max-gap", "1s"], "--speed"), (["--pps", "1", "--gap", "1s"], "exclude"),
            (["--speed", "1x", "--mbps", "1"], "exclude"), (["--loop-gap", "x"], "500us"),
            (["--pps", "1", "--pps", "2"], "twice"), (["--filter", "udp prot"], "udp prot"),
            (["--filter", 'a"b'], "without"), (["--loss", "101%"], "0.5%"), (["--seed", "x"], "number"),
        ]
        for options, word in table:
            with self.subTest(options=options):
                err, out = self.fails(2, SAMPLE, "--to", "null", *options)
                self.assertIn(word, err)
                self.assertEqual(out, "")


class Completion(ScheduleTest):
    def test_completion(self):
        script = (f"source {SOURCES}/apps/weir-replay/weir-replay.bash; COMP_WORDS=({self.path} %s); "
                  "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _weir_replay; echo \"${COMPREPLY[@]}\"")
        for typed, offered in (("--vlan-s", "--vlan-set --vlan-strip"), ("--split c", "client"),
                               ("--speed ''", "top 1x 2x 0.5x")):
            out = subprocess.run(["bash", "-c", script % typed], check=True, capture_output=True)
            self.assertEqual(out.stdout.decode().strip(), offered)


class Inputs(ScheduleTest):
    def test_sequence(self):
        one, two = self.trace("one.pcap", [5, 7]), self.trace("two.pcap", [1, 2, 3])
        report = self.report("one.pcap", "two.pcap", "--to", "out.pcap", "--loop", "2")
        self.assertEqual(self.read("out.pcap"), (one + two) * 2)
        self.assertEqual([p["rx_packets"] for p in report["ports"]], [4, 6, 0])
        self.assertEqual(report["rx_packets"], 10)

    def test_each_input_starts_at_once(self):
        self.trace("one.pcap", [5 * 10**17])
        self.trace("two.pcap", [10**18])
        timing = self.report("one.pcap", "two.pcap", "--to", "null", "--speed", "1x")["timing"]
        self.assertEqual((timing["scheduled_seconds"], timing["backwards"]), (0, 0))

    def test_folder(self):
        (self.folder / "all").mkdir()
        parts = [self.trace(f"all/{i:03}.pcap", [i * 10, i * 10 + 1]) for i in range(100)]
        (self.folder / "all/notes.txt").write_text("no capture")
        (self.folder / "all/.hidden.pcap").write_text("no capture")
        (self.folder / "all/deeper.pcap").mkdir()
        whole = [p for part in parts for p in part]
        for merge in [], ["--merge"]:
            self.run_ok("all", "--to", "out.pcap", "--loop", "2", *merge)
            self.assertEqual(self.read("out.pcap"), whole * 2)

    def test_merge(self):
        """Equal to sorting by time, stable by the place of the input; also mergecap's."""
        rng = random.Random(1)
        names, every = [], []
        for i in range(7):
            times, now = [], 10**18
            for _ in range(rng.choice((0, 1, 50, 300))):
                now += rng.choice((0, 1, 1000, 10**9))
                times.append(now)
            names.append(f"{i}.pcap")
            every += self.trace(names[-1], times)
        self.run_ok(*names, "--merge", "--to", "out.pcap", "--pool", "count=100")
        merged = self.read("out.pcap")
        self.assertEqual(merged, sorted(every, key=lambda p: p.time))
        if shutil.which("mergecap"):
            subprocess.run(["mergecap", "-F", "nsecpcap", "-w", "theirs.pcap", *names],
                           cwd=self.folder, check=True)
            # where times are the same it takes the last input first
            self.assertEqual(sorted(self.read("theirs.pcap")), sorted(merged))
            self.assertEqual([p.time for p in self.read("theirs.pcap")], [p.time for p in merged])

    def test_merge_of_one_disordered(self):
        """A packet that was recorded late holds up those behind it, and nothing is lost."""
        one = self.trace("one.pcap", [10, 30, 20, 40])
        two = self.trace("two.pcap", [15, 25, 35])
        self.run_ok("one.pcap", "two.pcap", "--merge", "--to", "out.pcap")
        self.assertEqual(self.read("out.pcap"),
                         [one[0], two[0], two[1], one[1], one[2], two[2], one[3]])

    def test_a_pipe_among_files(self):
        one, two = self.trace("one.pcap", [1, 3]), self.trace("two.pcap", [2, 4])
        with open(self.folder / "two.pcap", "rb") as stdin:
            self.run_ok("one.pcap", "-", "--merge", "--to", "out.pcap", stdin=stdin)
        self.assertEqual(self.read("out.pcap"), [one[0], two[0], one[1], two[1]])

    def test_what_cannot_start_again(self):
        self.trace("in.pcap", [1])
        err, out = self.fails(1, "null:count=5", "--to", "null", "--loop", "2")
        self.assertIn("cannot start again", err)
        self.assertIn("sent      5 packets", out)

    def test_damage_in_the_second(self):
        one, two = self.trace("one.pcap", [1, 2]), self.trace("two.pcap", [3, 4])
        data = (self.folder / "two.pcap").read_bytes()
        (self.folder / "two.pcap").write_bytes(data[:-1])
        for merge in [], ["--merge"], ["--loop", "3"]:
            err, out = self.fails(1, "one.pcap", "two.pcap", "--to", "out.pcap", "--json", *merge)
            self.assertIn("two.pcap", err)
            report = self.checked(out)
            self.assertEqual([bool(p["error"]) for p in report["ports"]], [False, True, False])
            self.assertEqual(self.read("out.pcap"), one + two[:1])

    def test_misuse(self):
        self.trace("in.pcap", [1])
        (self.folder / "empty").mkdir()
        for inputs, word in ((["in.pcap", "missing.pcap"], "missing.pcap: No such file"),
                             (["empty"], "no capture in this folder")):
            err, out = self.fails(1, *inputs, "--to", "null")
            self.assertIn(word, err)
            self.assertEqual(out, "")
        (self.folder / "text.pcap").write_text("no capture at all, but words")
        self.assertIn("text.pcap", self.fails(1, "in.pcap", "text.pcap", "--to", "null")[0])
        self.assertIn("too small to merge", self.fails(
            2, "in.pcap", "in.pcap", "--merge", "--to", "null", "--pool", "count=7")[0])

    def test_no_input_is_overwritten(self):
        self.trace("one.pcap", [1])
        two = self.trace("two.pcap", [2])
        for name in "two.pcap", "./two.pcap":
            self.assertIn("two.pcap", self.fails(1, "one.pcap", "two.pcap", "--to", name)[0])
        self.assertEqual(self.read("two.pcap"), two)


class BadWay(ScheduleTest):
    """The stages have tests of their own; here that options reach them."""

    def test_same_seed_same_result(self):
        options = ["--loss", "10%", "--duplicate", "10%", "--corrupt", "10%", "--delay", "5ms",
                   "--jitter", "5ms", "--reorder", "5%", "--rate-limit", "20mbit", "--burst", "64K"]
        results = []
        for seed in "7", "7", "8":
            report = self.report(SAMPLE, "--to", "out.pcap", *options, "--seed", seed)
            results.append((self.folder / "out.pcap").read_bytes())
            counted = {s["name"]: s for s in report["stages"]}
            for stage, counter in (("impair", "lost"), ("impair", "duplicated"),
                                   ("impair", "corrupted")):
                self.assertGreater(counted[stage]["counters"][counter], 0)
            self.assertGreater(report["dropped"]["excess"], 0)
        self.assertEqual(results[0], results[1])
        self.assertNotEqual(results[0], results[2])

    def test_delay_by_the_clock(self):
        self.trace("in.pcap", [10**18, 10**18 + 1_000_000])
        begun = time.monotonic()
        self.run_ok("in.pcap", "--to", "null", "--speed", "1x", "--delay", "200ms")
        # the rest goes at once when nothing more will come: only the first is delayed
        self.assertLess(time.monotonic() - begun, 5)

    def test_filter(self):
        if not shutil.which("tcpdump"):
            self.skipTest("no tcpdump")
        report = self.report(SAMPLE, "--to", "out.pcap", "--filter", "udp port 53 or icmp")
        theirs = subprocess.run(["tcpdump", "-r", SAMPLE, "-w", "-", "--nano", "udp port 53 or icmp"],
                                capture_output=True, check=True).stdout
        self.assertEqual(self.read("out.pcap"), list(captures.read_pcap(theirs)))
        self.assertEqual(report["dropped"]["filtered"],
                         len(captures.read(SAMPLE)) - report["tx_packets"])
        self.assertGreater(report["tx_packets"], 0)


main()
