#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir-dump: packets to files, as tshark and capinfos read them; full disks, pipes, signals."""
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import time
import unittest

import captures
from program import SAMPLE, SOURCES, ProgramTest, main

TSHARK = shutil.which("tshark") and shutil.which("capinfos")


class DumpTest(ProgramTest):
    program = "WEIR_DUMP"

    def read(self, name):
        return captures.read(self.folder / name)

    def capinfos(self, name, *options):
        """What capinfos says, of a file that it has nothing to complain about."""
        done = subprocess.run(["capinfos", *options, self.folder / name], capture_output=True,
                              text=True, check=False, timeout=60)
        complaints = [line for line in done.stderr.splitlines() if "root" not in line]
        self.assertEqual((done.returncode, complaints), (0, []))
        return done.stdout

    def tshark(self, name, *options):
        done = subprocess.run(["tshark", "-n", "-r", self.folder / name, *options],
                              capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()

    def count(self, name):
        return int(re.search(r"Number of packets: +(\d+)", self.capinfos(name, "-c", "-M"))[1])

    def some(self, count, size=60):
        """in.pcap: packets that all differ."""
        packets = [captures.packet(i.to_bytes(4, "big") * (size // 4), 10**18 + 1000 * i)
                   for i in range(count)]
        captures.write_pcap(self.folder / "in.pcap", packets)
        return packets

    def files(self, pattern):
        return sorted(p.name for p in self.folder.glob(pattern))


class Formats(DumpTest):
    def test_the_same_packets(self):
        for name in "a.pcap", "a.pcapng", "a.pcap.gz", "a.pcapng.zst", "a.pcapng.lz4":
            report = self.report(SAMPLE, "-w", name)
            self.assertEqual((report["written"], report["files"]), (1283, 1))
            self.run_ok(self.folder / name, "-w", "back.pcap", "-q")
            self.assertEqual(self.read("back.pcap"), captures.read(SAMPLE), name)
            self.assertFalse((self.folder / f"{name}.part").exists())
        self.run_ok(SAMPLE, "-w", "us.cap", "-F", "pcap-us", "-q")
        self.assertEqual((self.folder / "us.cap").read_bytes()[:4], b"\xd4\xc3\xb2\xa1")
        self.run_ok(SAMPLE, "-w", "ns", "-P", "--compress", "zstd", "-q")
        self.assertEqual((self.folder / "ns").read_bytes()[:4], b"\x28\xb5\x2f\xfd")

    def test_link_types(self):
        source = SOURCES / "tests/data/sample.pcapng"
        self.run_ok(source, "-w", "a.pcapng", "-q")
        self.assertEqual(self.read("a.pcapng"), captures.read(source))
        packets = captures.read(source)
        fit = [p for p in packets if p.link == packets[0].link]
        line, out = self.fails(1, source, "-w", "a.pcap", "--json")
        self.assertIn(f"write pcapng; {len(packets) - len(fit)} packets are not in it", line)
        self.assertEqual(self.read("a.pcap"), fit)
        report = self.checked(out)
        self.assertEqual((report["written"], report["dropped"]["not_written"]),
                         (len(fit), len(packets) - len(fit)))

    def test_directions(self):
        """What a file says of its packets stays, and nothing is made up of those it is silent about."""
        ways = [1, 2, None, 0, 2, 1]
        packets = [captures.packet(bytes([i]) * (40 + i), 10**18 + i) for i in range(len(ways))]
        captures.write_pcapng(self.folder / "in.pcapng", packets, ways)
        self.run_ok("in.pcapng", "-w", "a.pcapng", "-q")
        self.run_ok("a.pcapng", "-w", "b.pcapng", "-q", "-s", "41")
        for name in "a.pcapng", "b.pcapng":
            self.assertEqual(captures.directions(self.folder / name), [1, 2, None, None, 2, 1])
        self.assertEqual(self.read("a.pcapng"), packets)
        self.run_ok("null:size=64", "-w", "c.pcapng", "-q", "-c", "3")
        self.assertEqual(captures.directions(self.folder / "c.pcapng"), [1] * 3)
        if TSHARK:
            self.assertEqual(self.tshark("b.pcapng", "-T", "fields", "-e",
                                         "frame.packet_flags_direction"),
                             ["0x00000001", "0x00000002", "", "", "0x00000002", "0x00000001"])

    @unittest.skipUnless(TSHARK, "no tshark or capinfos")
    def test_others_read_it(self):
        self.run_ok(SAMPLE, "-q", "-w", "a.pcapng", "-s", "100", "--comment", "why not")
        said = self.capinfos("a.pcapng")
        self.assertRegex(said, r"Number of packets: +1283\b")
        self.assertIn("Capture comment:     why not", said)
        self.assertRegex(said, rf"Name = {re.escape(str(SAMPLE))}")
        self.assertRegex(said, r"Time precision = nanoseconds \(9\)")
        self.assertRegex(said, r"Number of stat entries = 1")
        lengths = self.tshark("a.pcapng", "-T", "fields", "-e", "frame.cap_len", "-e", "frame.len")
        pairs = [(min(100, p.wire_length), p.wire_length) for p in captures.read(SAMPLE)]
        self.assertEqual(lengths, [f"{c}\t{w}" for c, w in pairs])
        for name in "b.pcapng.gz", "b.pcapng.zst", "b.pcapng.lz4":  # several MiB
            self.run_ok("null:size=64", "-q", "-w", name, "-c", "100000")
            self.assertEqual(self.count(name), 100000, name)

    def test_long_comments(self):
        """Longer than what is compressed at a time."""
        for length in 1990, 2030, 2048, 60_000:
            self.run_ok(SAMPLE, "-q", "-w", "a.pcapng.zst", "--comment", "x" * length)
            out = subprocess.run([os.environ["WEIR_INFO"], "--json", "a.pcapng.zst"], check=True,
                                 cwd=self.folder, capture_output=True).stdout
            self.assertEqual(json.loads(out)[0]["comment"], "x" * length)

    @unittest.skipUnless(TSHARK, "no tshark or capinfos")
    def test_pipe_into_tshark(self):
        process = self.start("null:size=64", "-w", "-", "-c", "1000", "-q")
        done = subprocess.run(["tshark", "-n", "-r", "-"], stdin=process.stdout, check=True,
                              capture_output=True, text=True, timeout=60)
        self.end(process)
        self.assertEqual(len(done.stdout.splitlines()), 1000)

    def test_filter(self):
        if not shutil.which("tcpdump"):
            self.skipTest("no tcpdump")
        expression = "tcp and greater 500"
        self.run_ok(SAMPLE, "-w", "a.pcap", "-f", expression, "-q")
        subprocess.run(["tcpdump", "-Z", "root", "-r", SAMPLE, "-w", self.folder / "t.pcap", expression],
                       check=True, capture_output=True)
        self.assertEqual([p.data for p in self.read("a.pcap")],
                         [p.data for p in self.read("t.pcap")])
        self.assertGreater(len(self.read("a.pcap")), 10)


class Series(DumpTest):
    def test_rotation(self):
        packets = self.some(1000)
        report = self.report("in.pcap", "-w", "p.pcapng", "-b", "packets:300")
        self.assertEqual((report["files"], report["written"]), (4, 1000))
        names = self.files("p_*.pcapng")
        self.assertEqual(len(names), 4)
        self.assertRegex(names[0], r"\Ap_00001_\d{14}\.pcapng\Z")
        self.assertEqual([p for name in names for p in self.read(name)], packets)
        self.run_ok("in.pcap", "-q", "-w", "r.pcap", "-b", "filesize:10", "-b", "files:2")
        names = self.files("r_*.pcap")
        self.assertEqual(len(names), 2)
        kept = [p for name in names for p in self.read(name)]
        self.assertEqual(kept, packets[-len(kept):])
        self.assertLess((self.folder / names[0]).stat().st_size, 10100)

    def test_autostop(self):
        self.some(1000)
        report = self.report("in.pcap", "-w", "a.pcap", "-a", "packets:17")
        self.assertEqual((report["written"], report["ended_by"]), (17, "limit"))
        self.assertEqual(len(self.read("a.pcap")), 17)
        self.run_ok("in.pcap", "-q", "-w", "f.pcap", "-b", "packets:100", "-a", "files:3")
        names = self.files("f_*.pcap")
        self.assertEqual([len(self.read(name)) for name in names], [100, 100, 100])
        self.run_ok("in.pcap", "-q", "-w", "s.pcap", "-a", "filesize:1")
        self.assertEqual(len(self.read("s.pcap")), 17)  # of 60 bytes
        begun = time.monotonic()
        report = self.report("pair:x", "-w", "t.pcapng", "-a", "duration:300ms")
        self.assertGreater(time.monotonic() - begun, 0.25)
        self.assertEqual((report["written"], report["ended_by"]), (0, "duration"))

    def test_last_packets(self):
        """In memory: a full second of packets that would be 100 MB, of which 1 MB is kept."""
        process = self.start("null:size=1000", "-w", "l.pcapng", "--last", "1MB", "--json")
        self.await_handler(process, True)
        time.sleep(0.3)
        self.assertEqual(self.files("l_*.pcapng"), [])
        process.send_signal(signal.SIGUSR1)
        begun = time.monotonic()
        while not self.files("l_*.pcapng") and time.monotonic() - begun < 20:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        report = self.checked(self.end(process)[0])
        names = self.files("l_*.pcapng")
        self.assertEqual(len(names), 2)
        for name in names:
            packets = len(self.read(name))
            self.assertTrue(800 < packets <= 1000, packets)
        self.assertGreater(report["kept"], 2000)

    def test_last_seconds(self):
        os.mkfifo(self.folder / "fifo")
        process = self.start("fifo", "-w", "l.pcap", "--last", "400ms", "-q")
        old, new = self.some(5), [captures.packet(b"new" * 20)]
        captures.write_pcap(self.folder / "new.pcap", new)
        with open(self.folder / "fifo", "wb") as fifo:
            fifo.write((self.folder / "in.pcap").read_bytes())
            fifo.flush()
            time.sleep(0.8)
            fifo.write((self.folder / "new.pcap").read_bytes()[24:])
        self.end(process)
        self.assertEqual(self.read(self.files("l_*.pcap")[0]), new)
        self.assertEqual(len(old), 5)


class LookedAt(DumpTest):
    def ctl(self, *words):
        done = subprocess.run([os.environ["WEIR_CTL"], "--json", "-s", self.folder / "d.sock", *words],
                              capture_output=True, text=True, check=False, timeout=60)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def test_control(self):
        process = self.start("null:size=64", "-w", "l.pcapng", "--last", "10kB", "--control",
                             "d.sock", "--json")
        self.addCleanup(process.kill)
        begun = time.monotonic()
        while not (self.ctl("written") or {}).get("written") and time.monotonic() - begun < 20:
            time.sleep(0.01)
        self.assertEqual([p["name"] for p in self.ctl("ports")], ["null:size=64"])
        self.ctl("save")
        while not self.ctl("written")["saves"] and time.monotonic() - begun < 20:
            time.sleep(0.01)
        self.assertTrue(self.ctl("stop"))
        report = self.checked(self.end(process)[0])
        self.assertEqual((report["ended_by"], report["files"]), ("signal", 2))
        self.assertEqual(len(self.files("l_*.pcapng")), 2)

    def test_stats(self):
        out = self.run_ok("pair:x", "-w", "a.pcap", "--stats", "1", "--duration", "1200ms")
        self.assertRegex(out, r"(?m)^ +1\.\d+ s  0 received  0 written  0 lost$")

    def test_completion(self):
        script = (f"source {SOURCES}/apps/weir-dump/weir-dump.bash; COMP_WORDS=({self.path} %s); "
                  "COMP_CWORD=%d; _weir_dump; echo ${COMPREPLY[*]}")
        for words, there in (("--sn", "--snapshot-length"), ("-F pcapn", "pcapng"), ("-w in.p", "in.pcap"),
                             ("-b file", "filesize: files:"), ("--compress z", "zstd"), ("l", "lo")):
            self.some(1)
            done = subprocess.run(["bash", "-c", script % (words, len(words.split()))], cwd=self.folder,
                                  capture_output=True, text=True, check=True, timeout=60)
            self.assertIn(there, done.stdout.strip(), words)


class Failures(DumpTest):
    def test_no_room(self):
        """What is there is valid, and what is not is said."""
        self.some(20000, 1000)
        for name in "a.pcap", "a.pcapng", "a.pcapng.zst", "a.pcap.gz":
            size = 3_000_000 if name in ("a.pcap", "a.pcapng") else 20_000
            process = self.start("in.pcap", "-w", name, "--json", preexec_fn=lambda size=size: (
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))))
            out, err = self.end(process, 1)
            self.assertRegex(err, rf"\Aweir-dump: {name}: cannot be written: File too large; "
                                  r"\d+ packets are not in it\n\Z")
            report = self.checked(out)
            self.run_ok(name, "-w", "back.pcap", "-q")
            there = len(self.read("back.pcap"))
            self.assertGreater(there, 100)
            self.assertLess(there, 20000)
            self.assertEqual((report["ended_by"], report["written"], report["bytes"]),
                             ("error", there, 1000 * there))
            self.assertEqual(report["dropped"]["not_written"], report["rx_packets"] - there)

    def test_full_disk(self):
        where = self.folder / "tiny"
        where.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "weir-test", where],
                          capture_output=True, check=False).returncode:
            self.skipTest("may not mount")
        self.addCleanup(subprocess.run, ["umount", where], check=True)
        self.some(20000, 1000)
        line, _ = self.fails(1, "in.pcap", "-w", "tiny/a.pcapng", "-q")
        self.assertIn("tiny/a.pcapng: cannot be written: No space left on device", line)
        self.assertEqual(self.read("tiny/a.pcapng"), self.read("in.pcap")[:len(self.read("tiny/a.pcapng"))])
        self.assertEqual(self.files("tiny/*"), ["a.pcapng"])

    def test_reader_of_the_pipe_has_gone(self):
        process = self.start("null:size=64", "-w", "-", "--json")
        process.stdout.read(100_000)
        process.stdout.close()
        process.stdout = None
        _, err = self.end(process, 1)
        line, report = err.split("\n", 1)
        self.assertEqual(line, "weir-dump: standard output: cannot be written: Broken pipe")
        self.assertEqual(json.loads(report)["status"], 1)

    def test_slow_reader_loses_nothing_else(self):
        """The writer waits for its pipe; receiving goes on, and what is lost is counted and said."""
        process = self.start("null:size=64", "-w", "-", "--json", "-B", "1")
        self.await_handler(process, True)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        report = json.loads(err)
        (self.folder / "out.pcapng").write_bytes(out)
        self.assertEqual(len(self.read("out.pcapng")), report["written"])
        self.assertGreater(report["dropped"]["writer_too_slow"], 1000)
        self.assertEqual(report["rx_packets"],
                         report["written"] + report["dropped"]["writer_too_slow"])
        self.assertIn(b"packets lost: the writer was too slow", out[-500:])

    def test_signals(self):
        for number in signal.SIGINT, signal.SIGHUP:
            process = self.start("null:size=64", "-w", "a.pcapng.lz4", "--json",  # as without nohup
                                 preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL))
            self.await_handler(process, True)
            time.sleep(0.05)
            process.send_signal(number)
            report = self.checked(self.end(process)[0])
            self.assertEqual(report["ended_by"], "signal")
            self.run_ok("a.pcapng.lz4", "-q", "-w", "back.pcapng")
            self.assertEqual(len(self.read("back.pcapng")), report["written"])

    def test_killed(self):
        """All but the tail is in the file that has no name yet."""
        process = self.start("null:size=64", "-w", "a.pcapng", "-q")
        part = self.folder / "a.pcapng.part"
        begun = time.monotonic()
        while time.monotonic() - begun < 20 and not (part.exists() and part.stat().st_size > 1 << 20):
            time.sleep(0.01)
        process.kill()
        process.communicate()
        self.assertFalse((self.folder / "a.pcapng").exists())
        process = self.start("a.pcapng.part", "-w", "back.pcapng", "-q")
        _, err = process.communicate(timeout=60)
        self.assertGreater(len(self.read("back.pcapng")), 9000)
        self.assertTrue(err == b"" or b"ends inside" in err or b"are left" in err, err)

    def test_refused(self):
        for arguments in ((), (SAMPLE,), ("-w", "a"), (SAMPLE, "-w", "-", "-b", "packets:1"),
                          (SAMPLE, "-w", "a", "-b", "files:3"), (SAMPLE, "-w", "a", "-a", "packets"),
                          (SAMPLE, "-w", "a", "-b", "bytes:3"), (SAMPLE, "-w", "a", "--last", "3x"),
                          (SAMPLE, "-w", "-", "--last", "3s"), (SAMPLE, "-w", "a", "-F", "csv"),
                          (SAMPLE, "-w", "a", "--compress", "rar"), ("nodriver:x", "-w", "a")):
            self.fails(2, *arguments)
        self.assertIn("No such file", self.fails(1, SAMPLE, "-w", "no/a.pcap")[0])
        self.assertIn("filter", self.fails(2, SAMPLE, "-w", "a", "-f", "tcp prot 5")[0])
        self.assertEqual(self.files("a*"), [])


main()
