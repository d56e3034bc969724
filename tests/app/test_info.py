#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir-info, compared with capinfos of Wireshark where that is installed."""
import gzip
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import unittest

import captures
from program import SAMPLE, SOURCES, ProgramTest, main

CORPUS = pathlib.Path(os.environ.get("WEIR_CORPUS") or SOURCES.parent / "shared/corpus", "pcap")
CAPINFOS = shutil.which("capinfos")
# What we say, and capinfos with -MT (machine readable table).
SAME = {"packets": "Number of packets", "file_bytes": "File size (bytes)",
        "wire_bytes": "Data size (bytes)"}


def capinfos(path):
    """Its figures, or None when it does not read the file to the end."""
    done = subprocess.run([CAPINFOS, "-MTQScsdueaoE", str(path)], check=False, capture_output=True,
                          timeout=60)
    lines = done.stdout.decode(errors="replace").splitlines()
    if done.returncode != 0 or len(lines) != 2:
        return None
    return dict(zip(*(line.replace('"', "").split("\t") for line in lines)))


class InfoTest(ProgramTest):
    program = "WEIR_INFO"

    def info(self, *paths, status=0):
        out, _ = self.end(self.start("--json", *paths), status)
        return json.loads(out)

    def test_sample(self):
        found, = self.info(SAMPLE.with_suffix(".pcapng"))
        self.assertEqual(found["packets"], 20)
        self.assertEqual(found["link_type"], None)
        self.assertEqual([(i["name"], i["link_type"], i["packets"]) for i in found["interfaces"]],
                         [("va", 1, 9), ("any", 113, 11)])
        self.assertIn("Dumpcap", found["application"])
        self.assertEqual((found["first"], found["last"]),
                         ("1795646992.299805657", "1795646993.259895996"))
        text = self.run_ok(SAMPLE.with_suffix(".pcapng"))
        self.assertIn("packets of     several\npackets        20\n", text)
        self.assertRegex(text, r"interface 1 +any, Linux cooked v1, 11 packets")

    def test_order_and_cut(self):
        packets = [captures.Packet(t, b"x" * 60, 100) for t in (3_000_000_001, 2_000_000_000,
                                                               5_000_000_000)]
        captures.write_pcap(self.folder / "a.pcap", packets)
        found, = self.info("a.pcap")
        self.assertEqual((found["first"], found["last"]), ("2.000000000", "5.000000000"))
        self.assertEqual((found["duration"], found["backwards"]), (3, 1))
        self.assertEqual((found["bytes"], found["wire_bytes"], found["cut_packets"]), (180, 300, 3))
        self.assertEqual((found["strict_time_order"], found["mean_size"]), (False, 100))

    def test_several_files(self):
        whole = SAMPLE.read_bytes()
        (self.folder / "z.pcap.gz").write_bytes(gzip.compress(whole))
        (self.folder / "cut.pcap").write_bytes(whole[:-1])
        out, err = self.end(self.start("--table", SAMPLE, "z.pcap.gz", "cut.pcap", "none.pcap"), 1)
        lines = out.splitlines()
        self.assertEqual(len(lines), 4)
        self.assertEqual(lines[1].split()[0], lines[2].split()[0])
        self.assertEqual(int(lines[3].split()[0]), int(lines[1].split()[0]) - 1)
        self.assertIn("(damaged)", lines[3])
        self.assertIn("the file ends inside", err)
        self.assertIn("none.pcap", err)
        with SAMPLE.open("rb") as stdin:
            self.assertIn("packets", self.run_ok("-", stdin=stdin))

    def test_hashes(self):
        """Of the file as it is stored, as Python and capinfos have them."""
        (self.folder / "a.pcap.gz").write_bytes(gzip.compress(SAMPLE.read_bytes()))
        if b"built without" in subprocess.run([self.path, "-H", SAMPLE], check=False,
                                              capture_output=True).stderr:
            self.skipTest("built without nettle")
        out = self.run_ok("-H", "--json", SAMPLE, "a.pcap.gz")
        for found, path in zip(json.loads(out), (SAMPLE, self.folder / "a.pcap.gz")):
            for name in "sha256", "sha1":
                self.assertEqual(found[name], hashlib.new(name, path.read_bytes()).hexdigest())
            if CAPINFOS:
                done = subprocess.run([CAPINFOS, "-MTQH", path], capture_output=True, check=True)
                values = done.stdout.decode().splitlines()[1].replace('"', "").split("\t")
                self.assertEqual(values[1:4], [found["sha256"], found["ripemd160"], found["sha1"]])
        self.assertIn(f"SHA256         {found['sha256']}\nRIPEMD160      {found['ripemd160']}\n",
                      self.run_ok("-H", "a.pcap.gz"))
        with SAMPLE.open("rb") as stdin:
            piped, = json.loads(self.end(self.start("-H", "--json", "-", stdin=stdin))[0])
        self.assertNotIn("sha256", piped)
        self.assertNotIn("sha256", self.info(SAMPLE)[0])

    def test_misuse(self):
        self.end(self.start(), 2)
        self.end(self.start("--table"), 2)
        self.end(self.start("--table", "--hashes", SAMPLE), 2)

    @unittest.skipUnless(CAPINFOS, "no capinfos; it is in Debian's package wireshark-common")
    def test_same_as_capinfos(self):
        files = [SAMPLE, SAMPLE.with_suffix(".pcapng")]
        if CORPUS.is_dir():
            files += sorted(path for path in CORPUS.rglob("*") if path.is_file())[::step()]
        compared = 0
        for path in files:
            theirs = capinfos(path)
            if not theirs:
                continue
            out, _ = self.start("--json", path).communicate()
            ours = (json.loads(out) or [None])[0]
            if not ours or ours["damage"]:
                continue  # we are stricter: corpus_capture compares what is refused
            for mine, their in SAME.items():
                self.assertEqual(str(ours[mine]), theirs[their], (path, mine))
            if ours["packets"] and ours["duration"] < 1e9:
                self.assertAlmostEqual(ours["duration"],
                                       float(theirs["Capture duration (seconds)"]), places=5,
                                       msg=path)
            compared += 1
        self.assertGreater(compared, len(files) // 2)


def step():
    """Every how manyth file of the corpus: all of them take a minute."""
    return 1 if os.environ.get("CAPTURES") == "all" else 25


main()
