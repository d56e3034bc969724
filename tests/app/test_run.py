#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir-run: a pipeline from a file, on ports of the command line."""
import json
import re
import shutil
import unittest

import captures
from captures import frame, packet
from program import SAMPLE, ProgramTest, main

SMALL, LARGE = frame("02:00:00:00:00:01", "02:00:00:00:00:02", b"x"), \
    frame("02:00:00:00:00:01", "02:00:00:00:00:02", b"x" * 200)
COPY = "in: rx input\nn: count\nout: tx output full=wait\nin -> n -> out\n"
CORES = """
in:     rx input
spread: ring workers=2
n:      count
gather: ring
out:    tx pcap:tx=out.pcap
in -> spread -> n -> gather -> out
"""


class RunTest(ProgramTest):
    program = "WEIR_RUN"

    def pipe(self, text, name="test.pipe"):
        (self.folder / name).write_text(text)
        return name

    def frames(self, count):
        packets = [packet(SMALL if i % 3 else LARGE) for i in range(count)]
        captures.write_pcap(self.folder / "in.pcap", packets)
        return [p.data for p in packets]

    def stage(self, report, name):
        return next(s for s in report["stages"] if s["name"] == name)


class Runs(RunTest):
    def test_copy(self):
        frames = self.frames(1000)
        report = self.report(self.pipe(COPY), "input=in.pcap", "output=pcap:tx=out.pcap")
        self.assertEqual([p.data for p in captures.read(self.folder / "out.pcap")], frames)
        self.assertEqual((report["rx_packets"], report["tx_packets"]), (1000, 1000))
        self.assertEqual(report["ended_by"], "input")
        n = self.stage(report, "n")
        self.assertEqual(n["packets"], 1000)
        self.assertEqual(n["counters"], {"packets": 1000, "bytes": sum(map(len, frames))})
        self.assertEqual(n["edges"], [{"name": "out", "to": "out", "packets": 1000}])
        self.assertEqual([w["packets"] for w in report["workers"]], [1000])

    def test_cores(self):
        """Ports that only the file names are in the report, too."""
        frames = self.frames(500)
        report = self.report(self.pipe(CORES), "input=in.pcap")
        written = [p.data for p in captures.read(self.folder / "out.pcap")]
        self.assertEqual(sorted(written), sorted(frames))
        self.assertEqual({p["name"]: p["tx_packets"] for p in report["ports"]},
                         {"in.pcap": 0, "pcap:tx=out.pcap": 500})
        self.assertEqual(len(report["workers"]), 4)

    def test_check(self):
        self.frames(100)
        report = self.report("--check", self.pipe(CORES), "input=in.pcap")
        self.assertEqual(report["tx_packets"], 100)

    def test_text(self):
        self.frames(7)
        out = self.run_ok(self.pipe(COPY), "input=in.pcap", "output=null:")
        self.assertRegex(out, r"(?m)^n +count +7 +[\d.]+  out 7, packets: 7, bytes: ")
        self.assertRegex(out, r"(?m)^received  7 packets")
        self.assertRegex(out, r"(?m)^worker 0 +ended +7 ")

    def test_packets_to_stdout(self):
        """Whether the command line or the file says so: the report goes to stderr."""
        frames = self.frames(20)
        texts = COPY, COPY.replace("tx output", "tx pcap:tx=-")
        for text, more in zip(texts, (["output=pcap:tx=-"], [])):
            process = self.start(self.pipe(text), "input=in.pcap", *more)
            out, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 0)
            self.assertEqual([p.data for p in captures.read_pcap(out)], frames)
            self.assertIn(b"received  20 packets", err)

    def test_stats(self):
        out = self.run_ok("--json", "--stats", "1", "--duration", "1300ms", self.pipe(COPY),
                          "input=null:", "output=null:")
        first, rest = out.split("\n", 1)
        before, after = json.loads(first), json.loads(rest)
        self.assertTrue(before["workers"][0]["running"])
        self.assertFalse(after["workers"][0]["running"])
        self.assertGreater(self.stage(before, "n")["packets"], 0)
        self.assertGreater(self.stage(after, "n")["packets"], self.stage(before, "n")["packets"])


class Ends(RunTest):
    def test_duration_and_limit(self):
        for option, value, end in (("--duration", "200ms", "duration"), ("--limit", "100", "limit")):
            report = self.report(option, value, self.pipe(COPY), "input=null:", "output=null:")
            self.assertEqual(report["ended_by"], end)
            self.assertEqual(report["rx_packets"], report["tx_packets"])
            self.assertGreaterEqual(report["rx_packets"], 100)

    def test_interrupt(self):
        process = self.start("--json", self.pipe(CORES.replace("pcap:tx=out.pcap", "null:")),
                             "input=null:")
        self.interrupt(process)
        report = self.checked(self.end(process)[0])
        self.assertEqual(report["ended_by"], "signal")
        self.assertEqual(report["rx_packets"], report["tx_packets"] +
                         self.stage(report, "out")["counters"]["port full"])

    def test_a_port_that_takes_nothing(self):
        """Told to stop, a stage waits a tenth of a second longer, and counts what is left."""
        report = self.report("--duration", "100ms", self.pipe(COPY), "input=null:",
                             "output=pair:nobody")
        left = self.stage(report, "out")["counters"]["port full"]
        self.assertEqual(report["rx_packets"], report["tx_packets"] + left)
        self.assertGreater(left, 0)
        self.assertEqual(report["dropped"]["tx_full"], left)

    def test_a_damaged_input(self):
        self.frames(50)
        whole = (self.folder / "in.pcap").read_bytes()
        (self.folder / "in.pcap").write_bytes(whole[:-3])
        err, out = self.fails(1, "--json", self.pipe(COPY), "input=in.pcap", "output=null:")
        self.assertIn("in.pcap", err)
        self.assertEqual(self.checked(out)["tx_packets"], 49)

    def test_errors_name_file_and_line(self):
        for text, what in (("in: rx input\nx: nothing\n", r"test\.pipe:2: .*'nothing'"),
                           ("in: rx input\nn: count\nin -> n\n", r"test\.pipe: line 2: stage 'n'"),
                           ("in: rx nowhere.pcap\n", r"test\.pipe:1: .*nowhere\.pcap"),
                           ("in: rx input typo=1\n", r"test\.pipe:1: .*typo")):
            self.assertRegex(self.fails(1, self.pipe(text), "input=null:")[0], what)
            if "nowhere" not in text:  # a drawing opens no port
                self.assertRegex(self.fails(1, "--draw", "test.pipe")[0], what)
        self.assertRegex(self.fails(1, "missing.pipe")[0], "missing.pipe")

    def test_misuse(self):
        pipe = self.pipe(COPY)
        for arguments in ([], [pipe, "input"], [pipe, "=null:"], [pipe, "input=nothing:"],
                          [pipe, "input=null:size=0"], [pipe, "input=null:", "input=null:"],
                          ["--draw=png", pipe], ["--stats", "0", pipe]):
            self.fails(2, *arguments)


class Draws(RunTest):
    def test_dot(self):
        out = self.run_ok("--draw", self.pipe(CORES))
        self.assertRegex(out, r'\Adigraph "weir-run" \{\n')
        self.assertIn('"spread" -> "n"', out)
        self.assertIn("workers 1-2", out)
        self.run_ok("--draw", self.pipe("in: rx input\nw: write out.pcap format=pcap\nd: drop\nin -> w -> d\n"))
        self.assertFalse((self.folder / "out.pcap").exists())

    @unittest.skipUnless(shutil.which("dot"), "no graphviz")
    def test_svg(self):
        out = self.run_ok("--draw=svg", self.pipe(CORES))
        self.assertRegex(out, r"(?s)<svg.*>gather<.*</svg>")

    def test_svg_without_graphviz(self):
        err, out = self.fails(1, "--draw=svg", self.pipe(CORES), env={"PATH": "/nowhere"})
        self.assertIn("install graphviz", err)
        self.assertEqual(out, "")

    def test_sample(self):
        """More stages, and a file with comments."""
        self.pipe('# what is TCP\nin: rx input\np: parse\nt: match "tcp" # and nothing else\n'
                  "yes: count\nno: drop\nend: tx null:\nin -> p -> t -> yes -> end\nt.no -> no\n")
        report = self.report("test.pipe", f"input={SAMPLE}")
        self.assertEqual([s["packets"] for s in report["stages"]], [1283, 1283, 1283, 1050, 233, 1050])
        self.assertTrue(re.search(r"\bt\b.*no", self.run_ok("--draw", "test.pipe")))


main()
