#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Captures on a disk that fills up, compressed: what is there is whole, and what is said is true."""
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


main()
