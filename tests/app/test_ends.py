#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""How captures end: compressed on a disk that fills up, and cut, as after SIGKILL."""
import os
import random
import re
import shutil
import subprocess

import captures
from program import ProgramTest, main

SEED = int(os.environ.get("WEIR_SEED", "1"))
TOOLS = {".gz": "zcat", ".zst": "zstdcat", ".lz4": "lz4cat"}
CAPINFOS = shutil.which("capinfos")
# A disk of this size, in a mount namespace; what is on it in the end is copied to kept.
ON_DISK = ["unshare", "-m", "sh", "-c",
           'mount -t tmpfs -o "size=$0" weir-test disk || exit 99\n"$@"\nended=$?\n'
           'cp disk/* kept && exit $ended']


class FullDisk(ProgramTest):
    """What is there is whole, and what is said is true."""
    program = "WEIR_REPLAY"

    def setUp(self):
        super().setUp()
        for name in "disk", "kept":
            (self.folder / name).mkdir()
        if subprocess.run([*ON_DISK, "4k", "touch", "disk/x"], cwd=self.folder, check=False,
                          capture_output=True).returncode:
            self.skipTest("may not mount")
        source = random.Random(SEED)
        print(f"seed {SEED}")
        self.packets = [captures.packet(source.randbytes(100) + bytes(source.randrange(900)), 10**18 + i)
                        for i in range(20_000)]
        captures.write_pcap(self.folder / "in.pcap", self.packets)

    def check(self, name, size, *arguments):
        """The first packets, and how many the others are, to every program that reads them."""
        line, _ = self.fails(1, *arguments, prefix=[*ON_DISK, str(size)])
        lost = int(re.search(rf"disk/{name}: cannot be written: No space left on device; "
                             r"(\d+) packets are not in it\n", line)[1])
        file = self.folder / "kept" / name
        plain = subprocess.run([TOOLS[file.suffix], file], check=True, capture_output=True)
        self.assertEqual(plain.stderr, b"")
        (self.folder / "plain").write_bytes(plain.stdout)
        there = captures.read(self.folder / "plain")
        self.assertEqual(there, self.packets[:len(there)])
        self.assertTrue(0 < lost <= len(self.packets) - len(there))
        out = subprocess.run([os.environ["WEIR_INFO"], "--table", file], check=True,
                             capture_output=True, text=True).stdout
        self.assertRegex(out, rf"\n +{len(there)} ")
        return file, len(there)

    def test_every_size(self):
        """A third of the disk is used at least, or all but a piece."""
        for tool in TOOLS.values():
            if not shutil.which(tool):
                self.skipTest(f"no {tool}")
        for ending in ".pcap.gz", ".pcapng.gz", ".pcap.zst", ".pcapng.zst", ".pcap.lz4", ".pcapng.lz4":
            for size in 4, 48, 300, 1200:
                name, room = f"{size}{ending}", size << 10
                with self.subTest(name=name):
                    self.path = os.environ["WEIR_REPLAY"]
                    self.check(name, room, "-q", "in.pcap", "--to", f"disk/{name}")
                    self.path = os.environ["WEIR_DUMP"]
                    file, count = self.check(name, room, "-q", "in.pcap", "-w", f"disk/{name}")
                    self.assertGreater(file.stat().st_size, min(room // 3, room - 128 * 1024))
                    if CAPINFOS:
                        out = subprocess.run([CAPINFOS, "-cMT", file], check=True,
                                             capture_output=True, text=True).stdout
                        self.assertRegex(out, rf"{re.escape(name)}\t{count}\n")


class CutEnds(ProgramTest):
    """A file that ends inside a record: what is whole in it, one line, status 1, from all who read."""
    program = "WEIR_DUMP"

    def setUp(self):
        super().setUp()
        source = random.Random(SEED)
        print(f"seed {SEED}")
        self.packets = [captures.packet(source.randbytes(source.randrange(14, 400)), 10**18 + i)
                        for i in range(2000)]
        captures.write_pcap(self.folder / "in.pcap", self.packets)

    def read_by_all(self, name):
        """How many packets each of ours finds, and their line."""
        lines = set()
        for program, *arguments in (("REPLAY", "-q", name, "--to", "replay.pcap"),
                                    ("DUMP", "-q", name, "-w", "dump.pcap"),
                                    ("INFO", "--table", name)):
            self.path = os.environ[f"WEIR_{program}"]
            err, out = self.fails(1, *arguments)
            lines.add(err.split(": ", 1)[1])
        self.assertEqual(len(lines), 1, lines)
        count = int(out.splitlines()[1].split()[0])
        for copy in "replay.pcap", "dump.pcap":
            self.assertEqual(captures.read(self.folder / copy), self.packets[:count])
        return count, lines.pop()

    def test_plain(self):
        for name, header in ("a.pcap", 16), ("a.pcapng", 28):
            self.path = os.environ["WEIR_DUMP"]
            self.run_ok("-q", "in.pcap", "-w", name)
            whole = (self.folder / name).read_bytes()
            at = whole.index(self.packets[-1].data)  # of the last record
            for end in at - 1, at, at + 1, at + len(self.packets[-1].data) - 1:
                (self.folder / name).write_bytes(whole[:end])
                count, line = self.read_by_all(name)
                self.assertEqual(count, len(self.packets) - 1)
                self.assertRegex(line, rf"\A{name}: offset \d+: the file ends inside a ")
            self.assertEqual(int(re.search(r"offset (\d+)", line)[1]), at - header)
            if CAPINFOS:
                out = subprocess.run([CAPINFOS, "-cMT", name], cwd=self.folder, check=False,
                                     capture_output=True, text=True).stdout
                self.assertIn(f"{name}\t{len(self.packets) - 1}\n", out)

    def test_compressed(self):
        for name in "a.pcap.gz", "a.pcapng.zst", "a.pcap.lz4":
            self.path = os.environ["WEIR_DUMP"]
            self.run_ok("-q", "in.pcap", "-w", name)
            whole = (self.folder / name).read_bytes()
            for end in len(whole) // 3, len(whole) * 2 // 3:
                (self.folder / name).write_bytes(whole[:end])
                count, line = self.read_by_all(name)
                self.assertGreater(count, len(self.packets) // 12)  # half of it, in full pieces
                self.assertIn("the file ends inside the compressed data", line)


main()
