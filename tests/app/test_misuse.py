#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Bad use and bad surroundings: one line on stderr, the right exit status, no crash."""
import os
import pathlib
import re
import subprocess
import unittest

import captures
from program import SAMPLE, ProgramTest, main

MISUSE, FAILED = 2, 1
IS_ROOT = os.geteuid() == 0


class MisuseTest(ProgramTest):
    program = "WEIR_REPLAY"

    def test_values(self):
        """Option, value, and a word of what is allowed instead."""
        table = [
            ("--loop", "x", "number"), ("--loop", "-1", "number"), ("--loop", "", "number"),
            ("--loop", "18446744073709551616", "number"),
            ("--limit", "0", "at least 1"), ("--limit", "1k", "number"),
            ("--duration", "10", "unit"), ("--duration", "0s", "unit"),
            ("--duration", "99999999h", "unit"),
            ("--pages", "3M", "any, 4K, thp, 2M, 1G"), ("--pages", "", "thp"),
            ("--node", "-1", "0 to"), ("--node", "1024", "0 to"), ("--node", "999", "node"),
            ("--lcores", "", "list"), ("--lcores", "1-0", "list"), ("--lcores", "0,", "list"),
            ("--lcores", "1023", "list"), ("--lcores", "0,1023", "list"),
            ("--pool", "", "count=N"), ("--pool", "count", "count=N"),
            ("--pool", "depth=1", "count=N"), ("--pool", "count=0", "1 to"),
            ("--pool", "count=1,size=x", "number"), ("--pool", "cache=1025", "0 to 1024"),
            ("--pool", "count=999999999999", "1 to"),
        ]
        for option, value, allowed in table:
            with self.subTest(option=option, value=value):
                err, out = self.fails(MISUSE, SAMPLE, "--to", "null", f"{option}={value}")
                self.assertIn(allowed, err)
                self.assertEqual(out, "")

    def test_values_of_stages(self):
        """What a stage refuses is said by the option that it came from."""
        for option, value, word in (("--speed", "0x", "2.5x"), ("--pps", "0", "5kpps"), ("--mbps", "x", "100mbit"),
                                    ("--gap", "1", "500us"), ("--delay", "0", "500us"), ("--loss", "101%", "0.5%"),
                                    ("--snap", "0", "1 to"), ("--mtu", "0", "20 to"), ("--vlan-push", "4096", "4095"),
                                    ("--ttl", "300", "ttl"), ("--cache", "x", "64M"), ("--rate-limit", "1", "mbit")):
            with self.subTest(option=option):
                err, _ = self.fails(MISUSE, SAMPLE, "--to", "null", f"{option}={value}")
                self.assertIn(f"weir-replay: {option}: ", err)
                self.assertIn(word, err)

    def test_arguments(self):
        for arguments in (), ("a.pcap",), ("--to", "null"), ("a.pcap", "b.pcap"):
            with self.subTest(arguments=arguments):
                self.fails(MISUSE, *arguments)

    def test_unknown_option(self):
        """getopt's own words, and where to find more."""
        _, err = self.end(self.start("--bogus"), MISUSE)
        self.assertIn("--bogus", err)
        self.assertIn("--help", err)

    def test_ports(self):
        """A spec and a word of the sentence."""
        table = [
            ("nodriver", "pcap"), ("nodriver:a=1", "pcap"), ("pcap:", "rx="), ("pcap:tx", "rx="),
            ("pair:", "name"), ("pair", "name"), ("null:size=0", "1 to"),
            ("null:size=99999", "1 to"), ("null:size=x", "1 to"), ("null:bogus=1", "size"),
            ("pcap:rx=in.pcap,bogus=1", "rx"), ("pcap:rx=in.pcap,loop=x", "loop"),
            ("pcap:rx=in.pcap,rx=in.pcap", "twice"), ("lo", "af_packet:lo"),
        ]
        self.empty_capture()
        for spec, word in table:
            with self.subTest(spec=spec):
                err, out = self.fails(MISUSE, spec, "--to", "null")
                self.assertIn(word, err)
                self.assertEqual(out, "")
        for spec in "nodriver:", "pcap:tx=o.pcap,format=x":
            with self.subTest(spec=spec):
                self.fails(MISUSE, "in.pcap", "--to", spec)

    def test_files(self):
        """Inputs that are no captures, or cannot be had."""
        self.empty_capture()
        (self.folder / "nothing.pcap").touch()
        (self.folder / "text.pcap").write_text("These are words and not packets at all.\n")
        (self.folder / "folder").mkdir()
        for path in ("missing.pcap", "folder", "./folder", "nothing.pcap", "text.pcap", "/dev/null",
                     "no/such/folder.pcap", "x" * 300 + ".pcap", "in.pcap/in.pcap"):
            with self.subTest(path=path):
                err, out = self.fails(FAILED, path, "--to", "null")
                self.assertIn(path, err)
                self.assertEqual(out, "")
        for path in "no/such/folder.pcap", ".", "in.pcap/out.pcap":
            with self.subTest(path=path):
                self.assertIn(path, self.fails(FAILED, "in.pcap", "--to", path)[0])

    def test_the_input_is_not_overwritten(self):
        self.empty_capture()
        (self.folder / "link.pcap").symlink_to("in.pcap")
        os.link(self.folder / "in.pcap", self.folder / "hard.pcap")
        for source in "in.pcap", "pcap:rx=in.pcap", "pcap:loop=2,rx=in.pcap":
            for target in "in.pcap", "./in.pcap", "pcap:tx=in.pcap", "link.pcap", "hard.pcap", \
                    "pcap:format=pcap,tx=link.pcap":
                with self.subTest(source=source, target=target):
                    self.fails(FAILED, source, "--to", target)
                    self.assertGreater((self.folder / "in.pcap").stat().st_size, 0)

    def empty_capture(self):
        captures.write_pcap(self.folder / "in.pcap", [])

    def test_pool_beyond_the_memory(self):
        self.fails(FAILED, SAMPLE, "--to", "null", "--pages", "4K",
                   "--pool", "count=268435456,size=262144")


class BridgeMisuseTest(ProgramTest):
    program = "WEIR_L2FWD"

    def test_arguments(self):
        for arguments in (), ("null",), ("null",) * 65, ("--aging", "x", "null", "null"), \
                ("--aging", "1000001", "null", "null"), ("null", "nodriver"):
            with self.subTest(arguments=arguments):
                self.fails(MISUSE, *arguments)


class OutputTest(ProgramTest):
    """Standard output that is closed, or full: of all programs, whatever they print there."""
    program = "WEIR_REPLAY"

    def cannot_write(self, program, *arguments):
        self.path = os.environ[program]
        for redirection, reason in (">&-", "Bad file descriptor"), (">/dev/full", "No space left"):
            with self.subTest(program=program, arguments=arguments, to=redirection):
                err, _ = self.fails(FAILED, *arguments,
                                    prefix=["sh", "-c", f'exec "$0" "$@" {redirection}'])
                self.assertRegex(err, f"standard output: cannot be written: .*{reason}")

    def test_help(self):
        for program in ("BENCH", "CTL", "DOCTOR", "DUMP", "FW", "INFO", "L2FWD", "REPLAY", "RUN"):
            self.cannot_write(f"WEIR_{program}", "--help")
            self.cannot_write(f"WEIR_{program}", "--version")

    def test_reports(self):
        (self.folder / "pipe").write_text(f"in: rx {SAMPLE}\nout: tx null:\nin -> out\n")
        (self.folder / "rules").write_text("table ip t { }\n")
        for program, *arguments in (
                ("DOCTOR",), ("DUMP", SAMPLE, "-w", "out.pcap"), ("FW", "--rules", "rules", SAMPLE),
                ("INFO", SAMPLE), ("L2FWD", SAMPLE, "null", "--limit", 1),
                ("REPLAY", SAMPLE, "--to", "null"), ("RUN", "pipe")):
            self.cannot_write(f"WEIR_{program}", *arguments)
            self.cannot_write(f"WEIR_{program}", "--json", *arguments)
        self.cannot_write("WEIR_RUN", "--draw", "pipe")

    def test_what_is_longer_than_a_buffer(self):
        """What stdio could not write it forgets, and only that something was is known."""
        self.path = os.environ["WEIR_INFO"]
        with open("/dev/full", "wb") as full:
            err, _ = self.fails(FAILED, "--json", *[SAMPLE] * 100, stdout=full)
        self.assertIn("standard output: cannot be written: ", err)

    def test_packets(self):
        self.cannot_write("WEIR_REPLAY", SAMPLE, "--to", "-", "-q")
        self.cannot_write("WEIR_REPLAY", SAMPLE, "--to", "pcap:tx=-,format=pcapng", "-q")
        self.cannot_write("WEIR_DUMP", SAMPLE, "-w", "-", "-q")
        self.cannot_write("WEIR_DUMP", SAMPLE, "-w", "-", "-q", "--compress", "zstd")

    def test_standard_input_that_is_closed(self):
        for program, *arguments in ("REPLAY", "-", "--to", "null"), ("INFO", "-"):
            self.path = os.environ[f"WEIR_{program}"]
            err, _ = self.fails(FAILED, *arguments, prefix=["sh", "-c", 'exec "$0" "$@" <&-'])
            self.assertIn("standard input: offset 0: cannot be read: Bad file descriptor", err)


class SurroundingsTest(ProgramTest):
    program = "WEIR_REPLAY"

    def test_full_disk(self):
        _, out = self.fails(FAILED, SAMPLE, "--to", "/dev/full", "--json")
        report = self.checked(out)
        self.assertIsNotNone(report["ports"][1]["error"])

    @unittest.skipUnless(IS_ROOT, "needs root, to mount a small tmpfs")
    def test_disk_that_fills_up(self):
        disk = self.folder / "disk"
        disk.mkdir()
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "weir-test", disk],
                               check=False, capture_output=True)
        if mount.returncode != 0:
            self.skipTest("cannot mount here")
        self.addCleanup(subprocess.run, ["umount", disk], check=True)
        for options in [], ["--loop", "100"]:
            err, out = self.fails(FAILED, SAMPLE, "--to", disk / "out.pcap", "--json", *options)
            self.assertRegex(err, "No space left")
            self.checked(out)
            self.assertLessEqual((disk / "out.pcap").stat().st_size, 256 * 1024)

    @unittest.skipUnless(IS_ROOT, "needs root, to become somebody else")
    def test_plain_user(self):
        """No permission for a file is said; everything else works without any privilege."""
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs",
                  "--bounding-set=-all"]
        if not self.can(nobody):
            self.skipTest("the build folder cannot be entered by others")
        secret = self.folder / "secret.pcap"
        captures.write_pcap(secret, [])
        secret.chmod(0o600)
        sample = self.folder / "sample.pcap"
        sample.write_bytes(SAMPLE.read_bytes())
        err, _ = self.fails(FAILED, secret, "--to", "null", prefix=nobody)
        self.assertIn("ermission", err)
        err, _ = self.fails(FAILED, sample, "--to", secret, prefix=nobody)
        self.assertIn("ermission", err)
        self.assertEqual(secret.stat().st_size, 24)
        for pages in "any", "4K", "thp":
            report = self.report(sample, "--to", "null", "--pages", pages, prefix=nobody)
            self.assertEqual(report["tx_packets"], len(captures.read(SAMPLE)))

    def test_little_memory(self):
        if b"__asan_" in pathlib.Path(self.path).read_bytes():
            self.skipTest("the address sanitizer itself needs terabytes of addresses")
        err, _ = self.fails(FAILED, SAMPLE, "--to", "null", "--pages", "4K",
                            "--pool", "count=1000000", prefix=["prlimit", "--as=300000000"])
        self.assertRegex(err, re.compile("memory", re.I))


main()
