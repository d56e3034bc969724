#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir-bench: rows, pages, comparisons. What was measured never decides: only that it was."""
import copy
import json
import os
import pathlib
import re
import subprocess
import unittest

import captures
from program import SAMPLE, ProgramTest, main

TINY = ("--time", "5ms", "--repeats", "1")
KEYS = {"impl", "bench", "variant", "burst", "threads", "ns_per_op", "figure", "cycles_per_op",
        "mops", "worker_ns", "clean", "slices", "pool", "line_ns", "scaling",
        "faults_per_op", "machine"}
MACHINE = {"host", "cpu", "cpus", "architecture", "kernel", "tsc_mhz", "core_mhz", "pages", "node"}
COSTS = ("min", "median", "max")
NOT_HERE = 77
PROCESSORS = len(os.sched_getaffinity(0))


class RowsTest(ProgramTest):
    program = "WEIR_BENCH"

    def rows(self, *arguments):
        return json.loads(self.run_ok(*TINY, *arguments, "--json", "-"))

    def check_row(self, row):
        self.assertEqual(set(row), KEYS)
        self.assertEqual(set(row["machine"]), MACHINE)
        costs = [row["ns_per_op"][key] for key in COSTS]
        self.assertEqual(costs, sorted(costs), row)
        self.assertGreater(costs[0], 0)
        self.assertIn(row["figure"], ("median", "p10"))
        figure = row["ns_per_op"][row["figure"]]
        self.assertAlmostEqual(row["mops"] * figure / 1000, 1, delta=0.01)
        self.assertTrue(0 <= row["clean"] <= 1)
        self.assertGreater(row["machine"]["tsc_mhz"], 0)

    def save(self, name, rows):
        path = self.folder / name
        path.write_text(json.dumps(rows))
        return path


class BenchTest(RowsTest):
    def test_all(self):
        rows = self.rows("all", "--burst", "8,32")
        for row in rows:
            self.check_row(row)
            self.assertEqual(row["impl"], "weir")
        seen = {(row["bench"], row["variant"], row["threads"]) for row in rows}
        wanted = {(bench, variant, 1) for bench in ("mempool", "mbuf", "tiers")
                  for variant in ("bulk", "single", "taking", "queueing")}
        wanted |= {("ring", "spsc-alone", 1), ("ring", "mpmc-alone", 1), ("replay", "64", 1),
                   ("replay", "imix", 1), ("create", "pool", 1), ("checksum", "ipv4-20", 1)}
        wanted |= {(bench, size, 1) for bench in ("readahead", "loop", "loopcopy", "convert",
                                                        "convertahead")
                   for size in ("64", "imix")}
        wanted |= {("heap", what, 1) for what in
                   ("64", "1024", "4096", "100000", "fixed-64", "mixed")}
        wanted |= {("heap", "foreign", 4), ("heap", "foreign-64", 4)}
        wanted |= {("parse", "tcp", 1), ("parse", "vlan", 1)}
        wanted |= {("acl", "made", 1)}
        wanted |= {("flow", what, 1) for what in ("lookup", "hot", "miss", "insert", "insert-bulk")}
        wanted |= {("pipeline", "by-hand", 1), ("pipeline", "graph", 1)}
        wanted |= {("packets", variant, 1) for variant in
                   ("clone", "clone-4", "attach", "chain-4", "linearize", "copy", "read")}
        wanted |= {("checksum", f"{kind}-{length}", 1) for kind in ("sum", "crc32c")
                   for length in (20, 64, 256, 1500)}
        if PROCESSORS > 1:
            wanted |= {(bench, variant, 2) for bench, variant, _ in wanted
                       if bench in ("mempool", "mbuf", "tiers")}
            wanted |= {("spread", "work", 1), ("spread", "work", 2)}
            wanted |= {("ring", "spsc", 2), ("ring", "mpmc", 2), ("ring", "mpmc-both", 2),
                       ("handoff", "spsc", 2), ("handoff", "carried", 2)}
        self.assertEqual(seen, wanted)

    def test_options_reach_the_rows(self):
        rows = self.rows("mbuf", "--burst", "16", "--threads", "1", "--variant", "bulk,queueing",
                         "--pool", "count=5000,size=512,cache=64", "--pages", "4K")
        self.assertEqual([row["variant"] for row in rows], ["bulk", "queueing"])
        for row in rows:
            self.assertEqual((row["burst"], row["threads"]), (16, 1))
            self.assertEqual(row["pool"], {"count": 5000, "size": 512, "cache": 64})
            self.assertEqual(row["machine"]["pages"], "4K")

    @unittest.skipIf(PROCESSORS < 2, "needs two processors")
    def test_two_workers_have_a_figure_each(self):
        row, = self.rows("mempool", "--burst", "32", "--threads", "2", "--variant", "bulk",
                         "--time", "50ms")  # so that each runs for some of it
        self.assertEqual(len(row["worker_ns"]), 2)
        together = 1 / sum(1 / ns for ns in row["worker_ns"])
        self.assertAlmostEqual(row["ns_per_op"]["median"] / together, 1, delta=0.01)

    @unittest.skipIf(PROCESSORS < 2, "needs two processors")
    def test_scaling_is_alone_over_the_slowest_worker(self):
        alone, both = self.rows("mempool", "--burst", "32", "--threads", "1,2", "--variant", "bulk",
                                "--time", "50ms")
        self.assertEqual(alone["scaling"], 0)
        expected = alone["ns_per_op"]["median"] / max(both["worker_ns"])
        self.assertAlmostEqual(both["scaling"] / expected, 1, delta=0.01)

    def test_table(self):
        out = self.run_ok("mempool", "--burst", "32", "--threads", "1", *TINY)
        self.assertRegex(out, r"(?m)^weir +mempool +bulk +32 +1( +[\d.]+){4} +\d+% +\d+$")
        self.assertEqual(self.run_ok("mempool", "--burst", "1", "--quiet", *TINY), "")

    def test_replay_of_a_file(self):
        row, = self.rows("replay", "--input", SAMPLE)
        self.assertEqual(row["variant"], "input")
        empty = self.folder / "empty.pcap"
        captures.write_pcap(empty, [])
        self.fails(1, "replay", "--quiet", "--input", empty, *TINY)
        damaged = self.folder / "damaged.pcap"
        damaged.write_bytes(SAMPLE.read_bytes()[:-3])
        out, err = self.end(self.start("replay", "--quiet", "--input", damaged, *TINY), 1)
        self.assertIn("damaged.pcap", out + err)

    def test_made_captures_are_removed(self):
        before = set(pathlib.Path("/var/tmp").glob("weir-bench-*"))
        self.rows("replay", "--variant", "64")
        self.assertEqual(set(pathlib.Path("/var/tmp").glob("weir-bench-*")) - before, set())

    def test_dry_pool(self):
        err, _ = self.fails(1, "mbuf", "--quiet", "--burst", "64", "--pool", "count=40", *TINY)
        self.assertIn("dry", err)

    def test_misuse(self):
        for arguments, word in (
                ([], "--help"), (["nothing"], "nothing"), (["mbuf", "--burst", "0"], "1 to 512"),
                (["mbuf", "--burst", "513"], "1 to 512"), (["mbuf", "--burst", "1,"], "list"),
                (["mbuf", "--threads", "32"], "processors"), (["mbuf", "--time", "5"], "unit"),
                (["mbuf", "--repeats", "0"], "1 to"), (["mbuf", "--pool", "depth=1"], "count=N"),
                (["mbuf", "--pool", ""], "count=N"), (["mbuf", "--pages", "3M"], "thp"),
                (["mbuf", "--lcores", "x"], "processors"), (["mbuf", "--node", "-1"], "0 to"),
                (["plot"], "--html"), (["compare", "a.json"], "two files")):
            with self.subTest(arguments=arguments):
                err, _ = self.fails(2, *arguments)
                self.assertIn(word, err)

    def test_page(self):
        page = self.folder / "page.html"
        rows = self.rows("mempool", "--burst", "8,32", "--threads", "1", "--variant", "bulk",
                         "--html", page)
        text = page.read_text()
        self.assertEqual(text.count("<svg"), 1)  # cost against burst size
        self.assertIn("mempool bulk, 1 core", text)
        for foreign in ("<script", "http:", "https:", "src="):
            self.assertNotIn(foreign, text)
        theirs = [dict(row, impl="<b>") for row in rows]
        self.run_ok("plot", self.save("rows.json", rows + theirs), "--html", page)
        text = page.read_text()
        self.assertEqual(text.count("<svg"), 2)  # and the ratios
        self.assertIn("weir against &lt;b&gt;", text)
        self.assertNotIn("<b>", text)
        self.fails(1, "plot", self.save("rows.json", rows), "--html", self.folder / "no/page")


class CompareTest(RowsTest):
    def two(self):
        rows = self.rows("mempool", "--burst", "8", "--threads", "1", "--variant", "bulk")
        return rows, copy.deepcopy(rows)

    def test_ratio(self):
        ours, theirs = self.two()
        for key in theirs[0]["ns_per_op"]:
            theirs[0]["ns_per_op"][key] *= 3
        out = self.run_ok("compare", self.save("a.json", ours), self.save("b.json", theirs))
        self.assertRegex(out, r"(?m)^mempool +bulk +8 +1 +weir +[\d.]+ +[\d.]+ +3\.00 +1 +3\.00\.\.3\.00$")

    def test_two_machines(self):
        ours, theirs = self.two()
        for key, value in (("host", "elsewhere"), ("cpu", "another"), ("cpus", 4096)):
            with self.subTest(key=key):
                other = copy.deepcopy(theirs)
                other[0]["machine"][key] = value
                err, _ = self.fails(1, "compare", self.save("a.json", ours),
                                    self.save("b.json", other))
                self.assertIn("another machine", err)

    def test_nothing_to_compare(self):
        ours, theirs = self.two()
        theirs[0]["burst"] = 16
        a = self.save("a.json", ours)
        self.assertIn("no row", self.fails(1, "compare", a, self.save("b.json", theirs))[0])
        self.fails(1, "compare", a, self.folder / "absent.json")
        self.fails(1, "compare", a, self.save("b.json", {}))

    def test_live(self):
        rows = self.folder / "rows.json"
        out = self.run_ok("compare", "--only", "mempool", "--peers", "none", "--burst", "8,32",
                          "--threads", "1", "--variant", "bulk", "--time", "1ms", "--repeats", "2",
                          "--json", rows)
        self.assertIn("ratio", out)
        found = json.loads(rows.read_text())
        self.assertEqual([row["burst"] for row in found], [8, 32, 8, 32])  # two rounds


class PeersTest(RowsTest):
    """Every peer that was built does the work of ours, by the same names."""

    def test_peers(self):
        peers = [pathlib.Path(p) for p in os.environ["WEIR_PEERS"].split(":") if p]
        if not peers:
            self.skipTest("no peers were built")
        ours = {(row["bench"], row["variant"]) for row in self.rows("all", "--burst", "32")}
        for peer in peers:
            with self.subTest(peer=peer.name):
                done = subprocess.run([peer, "all", "--burst", "32", *TINY, "--json", "-"],
                                      capture_output=True, timeout=120, check=False)
                if done.returncode == NOT_HERE:
                    continue
                self.assertEqual(done.returncode, 0, done.stderr.decode())
                rows = json.loads(done.stdout)
                self.assertGreater(len(rows), 0)
                for row in rows:
                    self.assertEqual(f"peer-{row['impl']}", peer.name)
                    self.check_row(row)
                    self.assertIn((row["bench"], row["variant"]), ours)


if __name__ == "__main__":
    main()
