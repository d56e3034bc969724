#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The manual pages and --help name the same options, and what both say in examples works."""
import os
import re
import shlex
import shutil
import subprocess
import time
import unittest

import captures
from program import SOURCES, ProgramTest, main

PAGES = SOURCES / "docs/man"
PROGRAMS = {"weir-replay": "WEIR_REPLAY", "weir-l2fwd": "WEIR_L2FWD",
            "weir-bench": "WEIR_BENCH", "weir-doctor": "WEIR_DOCTOR", "weir-run": "WEIR_RUN",
            "weir-ctl": "WEIR_CTL", "weir-dump": "WEIR_DUMP", "weir-fw": "WEIR_FW",
            "weir-info": "WEIR_INFO"}


class ManTest(ProgramTest):
    program = "WEIR_REPLAY"

    def each(self):
        """Name and page of each program, which self.path is then."""
        for name, variable in PROGRAMS.items():
            self.path = os.environ[variable]
            yield name, (PAGES / f"{name}.1").read_text()

    def test_every_page_has_a_program(self):
        for page in PAGES.glob("*.1"):
            self.assertTrue((SOURCES / "apps" / page.stem).is_dir(), page)

    def test_options(self):
        for name, page in self.each():
            described = set()
            for line in re.findall(r"^\.It (Fl .*)$", page, re.M):
                described |= {f"-{o}" for o in re.findall(r"Fl (?:\\&)?(-?[\w?-]+)", line)}
            shown = set()
            for line in re.findall(r"^ {1,6}(-.*)$", self.run_ok("--help"), re.M):
                shown |= set(re.findall(r"(?:^|, )(--?[\w?][\w-]*)", line.split("  ")[0]))
            self.assertGreater(len(shown), 8)
            self.assertEqual(described, shown, name)

    def test_version(self):
        for name, _ in self.each():
            self.assertRegex(self.run_ok("--version"), rf"\A{name} \d+\.\d+\.\d+\n\Z")

    def test_help_has_an_example_that_works(self):
        for name, _ in self.each():
            self.captures()
            self.listen()
            example = re.search(rf"Example:\s+{name}\s+(.*)\Z", self.run_ok("--help"), re.S)
            self.run_ok(*shlex.split(example[1]))

    def test_examples_of_the_pages_work(self):
        if not shutil.which("tcpdump"):
            self.skipTest("no tcpdump")
        tried = 0
        for name, page in self.each():
            self.captures()
            for command in re.findall(rf"^\.Dl {name} (.*)$", page, re.M):
                done = subprocess.run(f"set -o pipefail; {self.path} {command}", cwd=self.folder,
                                      shell=True, executable="/bin/bash", check=False,
                                      capture_output=True, timeout=60)
                self.assertEqual(done.returncode, 0, f"{command}: {done.stderr}")
                tried += 1
        self.assertGreaterEqual(tried, 5)

    def listen(self):
        """A program that answers at run.sock until the test ends."""
        if (self.folder / "run.sock").exists():
            return
        (self.folder / "endless.pipe").write_text("in: rx null:\nout: drop\nin -> out\n")
        running = subprocess.Popen([os.environ["WEIR_RUN"], "-q", "--control", "run.sock",
                                    "endless.pipe"], cwd=self.folder)
        self.addCleanup(running.wait)
        self.addCleanup(running.terminate)
        while subprocess.run([os.environ["WEIR_CTL"], "-q", "-s", "run.sock", "help"],
                             cwd=self.folder, check=False, capture_output=True).returncode:
            time.sleep(0.01)

    def captures(self):
        packets = [captures.packet(captures.frame("02:00:00:00:00:01", "02:00:00:00:00:02", b"x"))]
        for name in "trace.pcap", "a.pcap", "b.pcap":
            captures.write_pcap(self.folder / name, packets * 100)
        (self.folder / "rules.nft").write_text("table inet t { }\n")
        (self.folder / "count.pipe").write_text(
            "in: rx input\nn: count\nout: tx null:\nin -> n -> out\n")

    @unittest.skipUnless(shutil.which("groff"), "no groff")
    def test_pages_format_without_warnings(self):
        for name, _ in self.each():
            done = subprocess.run(["groff", "-mdoc", "-ww", "-Tutf8", "-P-cbou", PAGES / f"{name}.1"],
                                  check=False, capture_output=True, timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertIn(b"NAME", done.stdout)


main()
