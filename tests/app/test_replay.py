#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir-replay: files in, files out, by its options, ^C and damage."""
import os
import pty
import re
import resource
import shutil
import signal
import subprocess
import time

import captures
from program import SAMPLE, SOURCES, ProgramTest, main


class ReplayTest(ProgramTest):
    program = "WEIR_REPLAY"

    def small(self, count=10, size=60):
        """A capture of packets that all differ, in the folder as in.pcap."""
        packets = [captures.packet(i.to_bytes(4, "big") * (size // 4), 10**18 + 999_999_999 * i)
                   for i in range(count)]
        captures.write_pcap(self.folder / "in.pcap", packets)
        return packets

    def read(self, name):
        return captures.read(self.folder / name)


class Copies(ReplayTest):
    def test_every_way_to_read(self):
        """The same packets, and the same words about damage."""
        cut = self.folder / "cut.pcap"
        cut.write_bytes(SAMPLE.read_bytes()[:-1])
        for path, status in (SAMPLE, 0), (SAMPLE.with_suffix(".pcapng"), 0), (cut, 1):
            seen = set()
            for keys in "", ",reader=thread", ",mmap=1", ",preload=copy", ",preload=attach":
                _, err = self.end(self.start("-q", f"pcap:rx={path}{keys}", "--to",
                                             "pcap:tx=o.pcapng"), status)
                seen.add((err, (self.folder / "o.pcapng").read_bytes()))
            self.assertEqual(len(seen), 1, seen)

    def test_sample_to_pcap(self):
        self.run_ok(SAMPLE, "--to", "pcap:tx=out.pcap")
        self.assertEqual(self.read("out.pcap"), captures.read(SAMPLE))

    def test_sample_to_pcapng(self):
        self.run_ok(SAMPLE, "--to", "pcap:tx=out.pcapng")
        self.assertEqual((self.folder / "out.pcapng").read_bytes()[:4], b"\x0a\x0d\x0d\x0a")
        self.assertEqual(self.read("out.pcapng"), captures.read(SAMPLE))

    def test_pcapng_and_back(self):
        self.run_ok(SAMPLE, "--to", "pcap:tx=one.pcapng")
        self.run_ok("one.pcapng", "--to", "pcap:tx=two.pcap")
        self.assertEqual(self.read("two.pcap"), captures.read(SAMPLE))

    def test_two_link_types(self):
        packets = captures.read(SOURCES / "tests/data/sample.pcapng")
        self.assertGreater(len({p.link for p in packets}), 1)
        self.run_ok(SOURCES / "tests/data/sample.pcapng", "--to", "pcap:tx=out.pcapng")
        self.assertEqual(self.read("out.pcapng"), packets)

    def test_two_link_types_do_not_fit_pcap(self):
        packets = captures.read(SOURCES / "tests/data/sample.pcapng")
        err, out = self.fails(1, "--json", SOURCES / "tests/data/sample.pcapng",
                              "--to", "pcap:tx=out.pcap")
        report = self.checked(out)
        fit = [p for p in packets if p.link == packets[0].link]
        self.assertEqual(self.read("out.pcap"), fit)
        self.assertEqual((report["tx_packets"], report["dropped"]["tx_unfit"]),
                         (len(fit), len(packets) - len(fit)))
        self.assertIn(f"write pcapng; {len(packets) - len(fit)} packets are not in it", err)

    def test_bare_paths(self):
        packets = self.small()
        self.run_ok("in.pcap", "--to", "out.pcap")
        self.assertEqual(self.read("out.pcap"), packets)

    def test_no_packets(self):
        captures.write_pcap(self.folder / "in.pcap", [])
        report = self.report("in.pcap", "--to", "out.pcap", "--loop", "forever")
        self.assertEqual((report["rx_packets"], report["ended_by"]), (0, "input"))
        self.assertEqual(self.read("out.pcap"), [])

    def test_pipes(self):
        packets = self.small()
        with open(self.folder / "in.pcap", "rb") as stdin:
            process = self.start("-", "--to", "-", "--json", stdin=stdin)
            out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(list(captures.read_pcap(out)), packets)
        self.assertEqual(self.checked(err)["tx_packets"], 10)

    def test_truncated_packets_keep_their_wire_length(self):
        packets = [captures.Packet(5, b"x" * 40, 1500)]
        captures.write_pcap(self.folder / "in.pcap", packets)
        self.run_ok("in.pcap", "--to", "out.pcap")
        self.assertEqual(self.read("out.pcap"), packets)


class Options(ReplayTest):
    def test_loop(self):
        packets = self.small()
        report = self.report("in.pcap", "--to", "out.pcap", "--loop", "3")
        self.assertEqual(self.read("out.pcap"), packets * 3)
        self.assertEqual((report["rx_packets"], report["ended_by"]), (30, "input"))

    def test_limit(self):
        packets = self.small(100)
        for limit in (1, 31, 32, 33, 99):
            report = self.report("in.pcap", "--to", "out.pcap", "--limit", limit)
            self.assertEqual(self.read("out.pcap"), packets[:limit])
            self.assertEqual(report["ended_by"], "limit")
        report = self.report("in.pcap", "--to", "out.pcap", "--limit", "101")
        self.assertEqual(report["ended_by"], "input")

    def test_limit_and_endless_loop(self):
        packets = self.small()
        for forever in ("0", "forever"):
            self.run_ok("in.pcap", "--to", "out.pcap", "--loop", forever, "--limit", "55")
            self.assertEqual(self.read("out.pcap"), (packets * 6)[:55])

    def test_duration(self):
        self.small()
        begun = time.monotonic()
        report = self.report("in.pcap", "--to", "null", "--loop", "0", "--duration", "300ms")
        self.assertEqual(report["ended_by"], "duration")
        self.assertGreaterEqual(report["seconds"], 0.3)
        self.assertLess(report["seconds"], 30)
        self.assertGreater(time.monotonic() - begun, 0.3)

    def test_a_full_port_is_waited_for(self):
        self.small(200)
        report = self.report("in.pcap", "--to", "pair:full,ring=64", "--duration", "200ms")
        self.assertEqual(report["ended_by"], "duration")
        self.assertGreater(report["tx_waits"], 0)
        self.assertEqual(report["tx_packets"], 64)
        self.assertEqual(report["tx_packets"] + report["dropped"]["tx_full"],
                         report["rx_packets"])

    def test_a_full_port_behind_workers_is_given_up(self):
        """However many bursts lie in their rings."""
        self.small(20000)
        for to in "pair:full,ring=64", "pair:full,ring=64,queues=1":
            report = self.report("in.pcap", "--to", to, "--workers", "2", "--duration", "200ms")
            self.assertEqual(report["ended_by"], "duration")
            self.assertGreater(report["dropped"]["tx_full"], 1000)
            self.assertEqual(report["tx_packets"] + report["dropped"]["tx_full"],
                             report["rx_packets"])

    def test_what_was_not_due_is_told(self):
        self.small(40)
        report = self.report("in.pcap", "--to", "null", "--gap", "1h", "--duration", "100ms")
        self.assertEqual((report["tx_packets"], report["ended_by"]), (1, "duration"))
        self.assertGreater(report["rx_packets"], 1)
        self.assertEqual(report["dropped"]["not_due"], report["rx_packets"] - 1)

    def test_limit_does_not_end_the_wait_for_a_full_port(self):
        self.small(200)
        report = self.report("in.pcap", "--to", "pair:full,ring=64", "--limit", "96",
                             "--duration", "200ms")
        self.assertEqual((report["rx_packets"], report["ended_by"]), (96, "duration"))

    def test_json_adds_up(self):
        report = self.report(SAMPLE, "--to", "null")
        packets = captures.read(SAMPLE)
        size = sum(len(p.data) for p in packets)
        for direction in "rx", "tx":
            self.assertEqual(report[direction + "_packets"], len(packets))
            self.assertEqual(report[direction + "_bytes"], size)
        self.assertAlmostEqual(report["packets_per_second"] * report["seconds"], len(packets),
                               places=2)
        self.assertAlmostEqual(report["bits_per_second"] * report["seconds"] / 8 / size, 1,
                               places=5)
        self.assertEqual([p["rx_packets"] for p in report["ports"]], [len(packets), 0])
        self.assertEqual([p["tx_packets"] for p in report["ports"]], [0, len(packets)])
        self.assertEqual((report["program"], report["status"]), ("weir-replay", 0))

    def test_text(self):
        packets = captures.read(SAMPLE)
        size = sum(len(p.data) for p in packets)
        out = self.run_ok(SAMPLE, "--to", "null")
        self.assertIn(f"received  {len(packets)} packets, {size} bytes\n", out)
        self.assertIn("dropped   nothing\n", out)
        self.assertIn(" 0 in use at the end\n", out)
        self.assertIn("refills", self.run_ok(SAMPLE, "--to", "null", "--verbose"))

    def test_quiet(self):
        self.assertEqual(self.run_ok(SAMPLE, "--to", "null", "--quiet"), "")

    def test_pool(self):
        for cache in 0, 8:
            report = self.report(SAMPLE, "--to", "out.pcap", "--pages", "4K",
                                 "--pool", f"count=100,size=256,cache={cache}")
            self.assertEqual(self.read("out.pcap"), captures.read(SAMPLE))
            self.assertEqual((report["pool"]["count"], report["pool"]["size"]), (100, 256))
            self.assertEqual(report["pool"]["pages"], "4K")

    def test_a_packet_larger_than_the_pool(self):
        self.small(3, 1000)
        self.fails(1, "in.pcap", "--to", "null", "--pool", "count=2,size=64")

    def test_lcores(self):
        core = max(os.sched_getaffinity(0))
        process = self.start("null", "--to", "null", "--lcores", core, "--duration", "1s")
        self.await_handler(process, True)  # caught after it is pinned
        self.assertEqual(os.sched_getaffinity(process.pid), {core})
        self.end(process)

    def test_a_name_that_looks_like_a_spec(self):
        packets = self.small()
        for name in "a,b=1.pcap", "x:rx=in.pcap", 'q"u,o=1.pcap':
            (self.folder / name).write_bytes((self.folder / "in.pcap").read_bytes())
            for passes in range(1, 3 - ('"' in name)):
                self.run_ok(name, "--to", "out.pcap", "--loop", passes, "-q")
                self.assertEqual(self.read("out.pcap"), packets * passes)

    def test_odd_file_names(self):
        packets = self.small()
        name = os.fsdecode(b"caf\xe9 \xff,'\"\\.pcap")
        os.rename(self.folder / "in.pcap", self.folder / name)
        report = self.report(name, "--to", "out.pcap")
        self.assertEqual(self.read("out.pcap"), packets)
        self.assertIn("caf? ?,'\"\\.pcap", report["ports"][0]["name"])


class Waiting(ReplayTest):
    """Packets are dropped on the way: each is in the report, by its reason, and nothing hangs."""
    COUNT = 20_000

    def setUp(self):
        super().setUp()
        captures.write_pcap(self.folder / "in.pcap", [
            captures.packet(i.to_bytes(4, "big") * 15, 10**18 + 10**6 * i)
            for i in range(self.COUNT)])

    def dropped(self, *options):
        """The reasons, once all adds up."""
        report = self.report("in.pcap", "--to", "null:queues=2", *options)
        self.assertEqual(report["rx_packets"], self.COUNT)
        self.assertEqual(report["tx_packets"] + sum(report["dropped"].values()), self.COUNT)
        return {reason: n for reason, n in report["dropped"].items() if n}

    def test_lost(self):
        self.assertEqual(list(self.dropped("--loss", "10%")), ["lost"])
        self.assertRegex(self.run_ok("in.pcap", "--to", "null", "--loss", "10%"),
                         r"dropped   \d{4} lost\n")

    def test_queue_full(self):
        """3,000 are to wait at a time, where there is room for three quarters of 2,000."""
        # of 3,000 the first 1,500 come through, six times; and of 2,000 more as many
        self.assertEqual(self.dropped("--delay", "3s", "--pool", "count=2000"),
                         {"queue_full": self.COUNT - 7 * 1500})

    def test_room_for_all(self):
        self.assertEqual(self.dropped("--delay", "100s"), {})
        for more, count in (["--delay", "1ms", "--pool", "cache=8"], 65536), ([], 8192):
            report = self.report("in.pcap", "--to", "null", *more)
            self.assertEqual(report["pool"]["count"], count)

    def test_small_pools(self):
        for options in (["count=200", "--workers", "2"], ["count=5000,size=64", "--jitter", "9s"]):
            self.assertEqual(list(self.dropped("--delay", "10s", "--pool", *options)),
                             ["queue_full"])
        report = self.report("in.pcap", "--to", "null", "--delay", "10s", "--limit", 100,
                             "--pool", "count=130")
        self.assertEqual((report["tx_packets"], report["dropped"]["queue_full"]), (1, 99))
        for options, least in ([], 130), (["--merge"], 131), (["--merge", "--duplicate", "1%"], 133), \
                (["--merge", "--duplicate", "1%", "--workers", "3"], 141):
            err, _ = self.fails(2, "in.pcap", "--to", "null", "--delay", "1s", *options,
                                "--pool", f"count={least - 1}")
            self.assertIn(f"--pool count={least - 1}: ", err)
            self.assertIn(f"at least count={least}, or", err)

    def test_the_longest_packets(self):
        """In segments, beside those that wait, and alone in all of the pool."""
        sizes = [262144, 60, 65000, 60, 1500]
        captures.write_pcap(self.folder / "long.pcap", [
            captures.packet(bytes(sizes[i % 5]), 10**18 + 10**6 * i) for i in range(200)])
        for count in 128, 129, 150:
            self.assertEqual(self.read_long(count)["tx_packets"], 200)
        for count in 130, 150, 172, 300, 400, 516, 600:
            for more in ([], ["--idle", "busy"], ["--duplicate", "50%"])[:2 + (count > 130)]:
                report = self.read_long(count, "--delay", "1s", *more)
                self.assertEqual(report["rx_packets"], 200)
                self.assertGreater(report["tx_packets"], 0)

    def read_long(self, count, *options):
        return self.report("pcap:rx=long.pcap,preload=copy", "--to", "null", *options,
                           "--pool", f"count={count}")

    def test_packets_that_take_more_buffers(self):
        """Long ones, clones that keep what they are of, and those that wait to be merged."""
        captures.write_pcap(self.folder / "long.pcap", [
            captures.packet(bytes(1500), 10**18 + 10**6 * i) for i in range(1000)])
        for options in (["--duplicate", "90%", "--reorder", "90%"], ["--merge", "in.pcap"], []):
            report = self.report("long.pcap", "--to", "null", "--delay", "10s", *options,
                                 "--pool", "count=1100,size=256")
            counted = {s["name"]: s["counters"] for s in report["stages"]}
            more = counted.get("impair", {}).get("duplicated", 0)
            self.assertEqual(report["tx_packets"] + sum(report["dropped"].values()),
                             report["rx_packets"] + more)
            self.assertGreater(report["dropped"]["queue_full"], 0)


class Workers(ReplayTest):
    """They send on queues of their own, or hand packets to those who do: nobody has to know."""
    PORTS = {"null": "null:queues=3", "null:": "null:queues=3", "null:size=64": "null:size=64,queues=3",
             "null:queues=1": "null:queues=1", "null:queues=2": "null:queues=2",
             "null:queues=5": "null:queues=5", "out.pcap": "pcap:tx=out.pcap",
             "pcap:tx=out.pcap": "pcap:tx=out.pcap", "pcap:tx=-": "pcap:tx=-"}

    def test_every_port(self):
        packets = captures.flows(50, 200)
        captures.write_pcap(self.folder / "in.pcap", packets)
        for port, name in self.PORTS.items():
            with self.subTest(port=port), open(self.folder / "std.pcap", "wb") as stdout:
                out, err = self.end(self.start("in.pcap", "--to", port, "--workers", 3, "--json",
                                               **{"stdout": stdout} if name.endswith("-") else {}))
                report = self.checked(out or err)
                self.assertEqual(report["ports"][1]["name"], name)
                self.assertEqual(report["tx_packets"], len(packets))
            if port.endswith("=-"):
                (self.folder / "out.pcap").write_bytes((self.folder / "std.pcap").read_bytes())
            if "pcap" in name:
                self.assertEqual(captures.by_flow(self.read("out.pcap")), captures.by_flow(packets))
                (self.folder / "out.pcap").unlink()

    def test_two_outputs(self):
        packets = captures.flows(50, 200)
        captures.write_pcap(self.folder / "in.pcap", packets)
        self.run_ok("in.pcap", "--split", "prefix=192.0.2.1/32", "--to", "a.pcap", "--to2", "b.pcap",
                    "--workers", 2, "--ttl", "-1", "-q")
        self.assertEqual(len(self.read("a.pcap")) + len(self.read("b.pcap")), len(packets))
        out = self.run_ok("in.pcap", "--split", "prefix=192.0.2.1/32", "--to", "null", "--to2", "c.pcap",
                          "--workers", 2, "--verbose")
        self.assertIn("null:queues=2", out)
        self.assertEqual(self.read("c.pcap"), [])


class ManyFiles(ReplayTest):
    """To be merged all inputs are open, and a process may not have any number of files open."""
    COUNT = 300

    def merge(self, soft, hard, check):
        return check("in", "--merge", "--to", "out.pcap", "-q",
                     prefix=["prlimit", f"--nofile={soft}:{hard}"])

    def test_merge(self):
        (self.folder / "in").mkdir()
        packets = [captures.packet(i.to_bytes(4, "big") * 15, 10**18 + i)
                   for i in range(2 * self.COUNT)]
        for i in range(self.COUNT):
            captures.write_pcap(self.folder / f"in/{i:03}.pcap", packets[i::self.COUNT])
        self.merge(64, 1024, self.run_ok)
        self.assertEqual(self.read("out.pcap"), packets)
        err, _ = self.merge(64, 64, lambda *given, **more: self.fails(1, *given, **more))
        self.assertIn(f"to merge {self.COUNT} inputs all of them must be open, and this process "
                      "may have 64 files open", err)
        enough = int(re.search(r"`ulimit -n (\d+)`", err)[1])
        self.merge(enough, enough, self.run_ok)
        self.assertLess(enough, self.COUNT + 64)


class Cache(ReplayTest):
    """Files that are read again and again; the output is a pipe that is full while they change."""
    SIZE = 4 << 20  # far more than the pipe and what the program gathers for it

    def write(self, name, count, size, mark):
        packets = [captures.packet(i.to_bytes(4, "big") + mark * (size - 4), 10**18 + i)
                   for i in range(count)]
        captures.write_pcap(self.folder / name, packets)
        return packets

    def looped(self, *arguments):
        """Start two passes of the folder, and wait for the first byte."""
        process = self.start("in", "--loop", 2, "--json", "--to", "-", *arguments)
        return process, os.read(process.stdout.fileno(), 1)

    def ended(self, process, first, status):
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, status, err)
        return list(captures.read_pcap(first + out)), err.decode()

    def test_many_files(self):
        packets = []
        (self.folder / "in").mkdir()
        for i in range(70):
            packets += self.write(f"in/{i:02}.pcap", i % 3, 60, bytes([i]))
        gets = 2 * 70
        for arguments, hits in ([], 70), (["--cache", "1M"], 70), (["--cache", "1"], 0), \
                               (["--preload"], 70):
            report = self.report("in", "--loop", 2, "--to", "out.pcap", *arguments)
            self.assertEqual(self.read("out.pcap"), packets * 2)
            self.assertEqual((report["cache"]["hits"], report["cache"]["misses"]),
                             (hits, gets - hits), arguments)
            self.assertEqual(report["cache"]["hit_rate"], hits / gets)
            self.assertEqual(report["cache"]["evictions"], 0 if hits else gets - 1)
        self.assertIn("cache     70 of 140 times a file was there, 50.0%; 70 files of ",
                      self.run_ok("in", "--loop", 2, "--to", "out.pcap"))
        self.assertNotIn("cache", self.report("in", "--to", "out.pcap"))

    def test_thousands_of_small_files_stay_small_in_the_cache(self):
        """Those that are mapped take no memory of their own."""
        files = 1100
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if hard != resource.RLIM_INFINITY and hard < 3 * files:
            self.skipTest(f"ulimit -Hn is {hard}")
        (self.folder / "many").mkdir()
        self.small(1)
        for i in range(files):
            shutil.copy(self.folder / "in.pcap", self.folder / "many" / f"{i}.pcap")
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3 * files, hard))
        try:
            cache = self.report("many", "--to", "null", "--loop", "2")["cache"]
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        self.assertEqual((cache["files"], cache["hits"]), (files, files))
        self.assertLess(cache["bytes"], files * 4096)

    def test_a_file_that_changes(self):
        """The next pass has the new one."""
        (self.folder / "in").mkdir()
        old = self.write("in/a.pcap", 10, 100, b"o")
        rest = self.write("in/b.pcap", self.SIZE // 1000, 1000, b"b")
        process, first = self.looped("--cache", "64M")
        new = self.write("new.pcap", 20, 100, b"n")
        os.rename(self.folder / "new.pcap", self.folder / "in/a.pcap")
        packets, report = self.ended(process, first, 0)
        self.assertEqual(packets, old + rest + new + rest)
        cache = self.checked(report)["cache"]
        self.assertEqual((cache["hits"], cache["misses"]), (1, 3))

    def test_a_file_that_shrinks(self):
        """All that is whole in it, and a sentence; it is mapped, and nobody dies of that."""
        (self.folder / "in").mkdir()
        packets = self.write("in/a.pcap", self.SIZE // 1000, 1000, b"a")
        process, first = self.looped("--cache", "64M")
        whole = len(packets) * 3 // 4
        os.truncate(self.folder / "in/a.pcap", 24 + whole * 1016 + 500)
        sent, err = self.ended(process, first, 1)
        self.assertEqual(sent, packets[:whole])
        self.assertIn(f"of {len(packets)} packets the last {len(packets) - whole} are gone", err)


class Damage(ReplayTest):
    def test_everything_before_the_damage_is_delivered(self):
        packets = self.small(100)
        whole = (self.folder / "in.pcap").read_bytes()
        for cut in (1, 15, 16, 17, 75):
            (self.folder / "in.pcap").write_bytes(whole[:-cut])
            _, out = self.fails(1, "--json", "in.pcap", "--to", "out.pcap")
            report = self.checked(out)
            self.assertEqual((report["ended_by"], report["status"]), ("error", 1))
            self.assertIsNotNone(report["ports"][0]["error"])
            self.assertEqual(self.read("out.pcap"), packets[:99])

    def test_a_length_that_cannot_be(self):
        packets = self.small(100)
        data = bytearray((self.folder / "in.pcap").read_bytes())
        at = 24 + 50 * 76 + 8
        data[at:at + 4] = b"\xff\xff\xff\x7f"
        (self.folder / "in.pcap").write_bytes(data)
        _, out = self.fails(1, "in.pcap", "--to", "out.pcap")
        self.assertIn("received  50 packets", out)
        self.assertEqual(self.read("out.pcap"), packets[:50])


class Outputs(ReplayTest):
    def test_closed_standard_files(self):
        """An error message must not land among the packets."""
        packets = self.small(100)
        (self.folder / "in.pcap").write_bytes((self.folder / "in.pcap").read_bytes()[:-1])
        subprocess.run(["sh", "-c", '"$0" in.pcap --to out.pcap <&- 2>&- >/dev/null', self.path],
                       cwd=self.folder, timeout=60, check=False)
        self.assertEqual(self.read("out.pcap"), packets[:99])

    def test_a_full_disk_leaves_whole_packets(self):
        packets = self.small(30000)
        mount = self.folder / "small"
        mount.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1200k", "none", mount],
                          stderr=subprocess.DEVNULL, check=False).returncode:
            self.skipTest("mounting a small file system needs root")
        try:
            for name in "out.pcap", "out.pcapng":
                err, _ = self.fails(1, "in.pcap", "--to", mount / name)
                lost = int(re.search(r"No space left on device; (\d+) packets are not in it", err)[1])
                there = captures.read(mount / name)
                self.assertEqual(there, packets[:len(there)])
                self.assertGreater(len(there), 1000)
                self.assertTrue(0 < lost <= len(packets) - len(there))
                (mount / name).unlink()
        finally:
            subprocess.run(["umount", mount], check=True)


class Signals(ReplayTest):
    def test_interrupt_of_an_endless_loop(self):
        packets = self.small(100)
        for signal_name in "SIGINT", "SIGTERM":
            out = self.folder / "out.pcap"
            out.unlink(missing_ok=True)
            process = self.start("in.pcap", "--to", "out.pcap", "--loop", "0", "--json")
            while not out.exists() or out.stat().st_size < 10**5:
                self.assertIsNone(process.poll())
                time.sleep(0.001)
            if signal_name == "SIGINT":
                self.interrupt(process)
            else:
                process.terminate()
            text, err = self.end(process)
            report = self.checked(text)
            self.assertEqual((err, report["ended_by"]), ("", "signal"))
            count = 0
            for count, packet in enumerate(captures.read_pcap(out.read_bytes()), 1):
                if packet != packets[(count - 1) % 100]:
                    self.fail(f"packet {count} differs")
            self.assertEqual(count, report["tx_packets"])

    def test_an_endless_loop_ends_with_its_output(self):
        self.small(100)
        process = self.start("in.pcap", "--to", "-", "--loop", "0", "--json")
        self.assertEqual(len(process.stdout.read(10**5)), 10**5)
        process.stdout.close()
        process.stdout = None
        line, report = self.end(process, 1)[1].split("\n", 1)
        self.assertEqual(line, "weir-replay: standard output: cannot be written: Broken pipe")
        self.assertEqual(self.checked(report)["ended_by"], "error")

    def test_interrupt_while_a_port_is_full(self):
        self.small(200)
        process = self.start("in.pcap", "--to", "pair:full,ring=64", "--json")
        self.interrupt(process)
        self.assertEqual(self.checked(self.end(process)[0])["ended_by"], "signal")

    def test_interrupt_while_a_pipe_is_silent(self):
        self.small(3)
        process = self.start("-", "--to", "null", "--json", stdin=subprocess.PIPE)
        process.stdin.write((self.folder / "in.pcap").read_bytes())
        process.stdin.flush()
        self.await_handler(process, True)
        time.sleep(0.3)  # to read them
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)  # with its input open
        report = self.checked(self.end(process)[0])
        self.assertEqual((report["ended_by"], report["tx_packets"]), ("signal", 3))

    def test_a_second_interrupt_kills(self):
        """Opening a pipe that does not even bring a file header cannot be ended otherwise."""
        process = self.start("-", "--to", "null", stdin=subprocess.PIPE)
        self.interrupt(process)
        self.await_handler(process, False)
        process.send_signal(signal.SIGINT)
        self.end(process, -signal.SIGINT)


class Progress(ReplayTest):
    def on_terminal(self, *arguments):
        """What it writes to a terminal on stderr during 1 s."""
        leader, follower = pty.openpty()
        process = self.start("null", "--to", "null", "--duration", "1s", *arguments,
                             stderr=follower)
        os.close(follower)
        text = b""
        try:
            while chunk := os.read(leader, 65536):
                text += chunk
        except OSError:  # EIO: nobody has the other end any more
            pass
        os.close(leader)
        out, _ = self.end(process)
        return text.decode(), out

    def test_bar(self):
        text, out = self.on_terminal()
        shown = [int(n) for n in re.findall(r"\[[= ]{20}\] +(\d+)%", text)]
        self.assertTrue(2 <= len(shown) <= 10, text)
        self.assertEqual(shown, sorted(shown))
        self.assertGreater(shown[-1], 20)
        self.assertTrue(text.endswith("\r\033[K"), repr(text[-50:]))
        self.assertNotIn("[", out)

    def test_no_bar(self):
        for option in "--quiet", "--json":
            self.assertEqual(self.on_terminal(option)[0], "")


main()
