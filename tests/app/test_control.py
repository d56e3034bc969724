#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The control socket of weir-run, and weir-ctl; and clients that mean no good."""
import gzip
import json
import os
import resource
import shutil
import socket
import stat
import subprocess
import time

import captures
from control import SocketTest
from program import SOURCES, TIMEOUT, main

PIPE = "in: rx input\nn: count\nout: tx null: full=wait\nin -> n -> out\n"
PLACES = 16


class ControlTest(SocketTest):
    program = "WEIR_RUN"

    def setUp(self):
        super().setUp()
        (self.folder / "test.pipe").write_text(PIPE)

    def run_pipeline(self, *arguments):
        process = self.start("--json", "--control", "run.sock", *arguments, "test.pipe",
                             "input=null:size=64")
        self.addCleanup(process.kill)
        self.await_socket()
        with self.connect() as client:
            while not self.ask("pipeline", client)["ok"][0]["stages"][0]["packets"]:
                time.sleep(0.005)
        return process

    def end_in_order(self, process):
        """It is still there, stops when told, and has lost nothing."""
        self.assertIsNone(process.poll())
        process.terminate()
        report = self.checked(self.end(process)[0])
        self.assertGreater(report["rx_packets"], 0)
        self.assertEqual(report["rx_packets"], report["tx_packets"])
        self.assertFalse(self.socket.exists())


class Answers(ControlTest):
    def test_commands(self):
        process = self.run_pipeline()
        client = self.connect()
        commands = self.ask("help", client)["ok"]
        self.assertIn("stop", commands)
        for command in commands.keys() - {"stop", "capture start"}:
            self.assertIn("ok", self.ask(command, client), command)
        stats = self.ask("stats", client)["ok"]
        self.assertEqual(stats["pools"][0]["name"], "packets")
        self.assertEqual({p["name"] for p in stats["ports"]}, {"null:size=64", "null:"})
        self.assertEqual([s["name"] for s in stats["pipelines"][0]["stages"]], ["in", "n", "out"])
        time.sleep(0.1)
        later = self.ask("pipeline", client)["ok"][0]["stages"][1]
        self.assertGreater(later["packets"], stats["pipelines"][0]["stages"][1]["packets"])
        self.assertEqual(self.ask("version", client)["ok"]["pid"], process.pid)
        self.assertIn("digraph", self.ask("draw", client, pipeline="test.pipe")["ok"])
        self.end_in_order(process)

    def test_refusals(self):
        process = self.run_pipeline()
        client = self.connect()
        for line in (b"", b"{", b"[]", b"1", b'"stats"', b"{}", b'{"command":1}', b"\xff\xfe",
                     b'{"command":"stats","command":"stats"}', b'{"command":"nothing"}',
                     b'{"command":"stats","more":1}', b'{"command":"leaks","seconds":[]}',
                     b'{"command":"leaks","seconds":-1}', b'{"command":"leaks","seconds":"nan"}',
                     b'{"command":"draw","pipeline":"no"}', b"[" * 4000, b'{"command":"st\\u0000"}'):
            client.sendall(line + b"\n")
            self.assertGreater(len(self.line(client)["error"]), 10, line)
        self.assertIn("ok", self.ask("stats", client))
        self.end_in_order(process)

    def test_file(self):
        process = self.run_pipeline()
        self.assertEqual(stat.S_IMODE(self.socket.stat().st_mode), 0o600)
        self.assertIn("listens", self.fails(1, "--control", "run.sock", "test.pipe",
                                            "input=null:")[0])
        process.kill()  # leaves the file
        process.communicate()
        self.assertTrue(self.socket.exists())
        process = self.run_pipeline("--duration", "10s")
        self.end_in_order(process)
        self.socket.write_text("mine")
        self.assertIn("no socket", self.fails(1, "--control", "run.sock", "test.pipe",
                                              "input=null:")[0])
        self.assertEqual(self.socket.read_text(), "mine")

    def test_weir_ctl(self):
        process = self.run_pipeline()
        self.assertRegex(self.ctl("-s", "run.sock", "pools"), r"(?m)^name +packets$")
        self.assertEqual(json.loads(self.ctl("--json", "pools", WEIR_SOCKET="run.sock"))[0]["count"],
                         8192)
        self.assertIn("no command", self.ctl("-s", "run.sock", "nothing", status=1))
        self.ctl("-s", "run.sock", status=2)
        self.ctl("pools", status=2, WEIR_SOCKET="")
        self.ctl("-s", "run.sock", "leaks", "seconds", status=2)
        self.assertIn("no program listens", self.ctl("-s", "no.sock", "help", status=1))
        completed = subprocess.run(
            ["bash", "-c", f"source {SOURCES}/apps/weir-ctl/weir-ctl.bash; "
             f"COMP_WORDS=({os.environ['WEIR_CTL']} -s run.sock po); COMP_CWORD=3; _weir_ctl; "
             "echo ${COMPREPLY[*]}"], cwd=self.folder, capture_output=True, text=True, check=True)
        self.assertEqual(set(completed.stdout.split()), {"ports", "pools"})
        self.assertEqual(self.ctl("-s", "run.sock", "stop"), "yes\n")
        self.checked(self.end(process)[0])


CAPTURED = ("in: rx input\ncut: ring\nsome: sample every=10\nout: tx null:\nbin: drop\n"
            "in -> cut -> some -> bin\nsome.no -> out\n")


class Captures(ControlTest):
    def setUp(self):
        super().setUp()
        (self.folder / "test.pipe").write_text(CAPTURED)

    def await_done(self, number):
        begun = time.monotonic()
        while time.monotonic() - begun < TIMEOUT:
            found = [c for c in self.ask("capture list")["ok"] if c["id"] == number]
            if found[0]["state"] != "running":
                return found[0]
            time.sleep(0.01)
        self.fail("the capture does not end")

    def read(self, name):
        return captures.read(self.folder / name)

    def end_captured(self, process):
        """No packet of the data path is missing: what came in was sent or dropped by its stage."""
        process.terminate()
        report = self.checked(self.end(process)[0])
        self.assertEqual(report["dropped"]["tx_full"], 0)
        dropped = next(s for s in report["stages"] if s["name"] == "bin")["packets"]
        self.assertEqual(report["rx_packets"], report["tx_packets"] + dropped)

    def test_what_is_captured(self):
        process = self.run_pipeline()
        for number, (key, value) in enumerate((("port", "input"), ("port", "null:"),
                                               ("edge", "some.no"), ("drops", "bin")), 1):
            name = f"{number}.pcapng"
            self.ctl("-s", "run.sock", "capture", "start", f"file={name}", f"{key}={value}",
                     "packets=500", "comment=by hand")
            done = self.await_done(number)
            self.assertEqual((done["state"], done["packets"], done["what"]),
                             ("done", 500, f"{key}={value}"))
            self.assertEqual(len(self.read(name)), 500)
            data = (self.folder / name).read_bytes()
            self.assertIn(b"by hand", data)
            self.assertEqual(data.count(b"stage 'bin' (drop): dropped"), 500 if key == "drops" else 0)
        if shutil.which("tshark"):
            out = subprocess.run(["tshark", "-r", self.folder / "4.pcapng", "-T", "fields", "-e",
                                  "frame.comment", "-e", "frame.interface_name"], check=True,
                                 capture_output=True, text=True).stdout.splitlines()
            self.assertEqual(out, ["stage 'bin' (drop): dropped\tbin"] * 500)
        self.end_captured(process)

    def test_start_list_stop(self):
        process = self.run_pipeline()
        first = self.ask("capture start", drops="*", file=str(self.folder / "a.pcapng.zst"))["ok"]
        self.ask("capture start", port="input", snaplen=20, file=str(self.folder / "b.pcap"))
        self.assertEqual([c["state"] for c in self.ask("capture list")["ok"]], ["running"] * 2)
        time.sleep(0.2)
        self.assertFalse((self.folder / "b.pcap").exists())
        last = self.ask("capture stop", id=first["id"])["ok"][0]
        self.assertGreater(last["packets"], 0)
        rest = self.ask("capture stop")["ok"]
        self.assertEqual([c["id"] for c in rest], [2])
        # they may be millions, so python reads the first ones
        size = (self.folder / "b.pcap").stat().st_size
        self.assertEqual(size, 24 + rest[0]["packets"] * (16 + 20))
        os.truncate(self.folder / "b.pcap", min(size, 24 + 1000 * (16 + 20)))
        self.assertEqual({(len(p.data), p.wire_length) for p in self.read("b.pcap")}, {(20, 64)})
        self.assertEqual(self.ask("capture list")["ok"], [])
        self.ask("capture start", drops="*", file=str(self.folder / "c.pcapng"))
        self.end_captured(process)  # which completes it
        self.assertTrue((self.folder / "c.pcapng").exists())

    def test_under_load_nothing_else_is_lost(self):
        """More than a file takes: captures lose, and say so, or fail; the packets' way does not."""
        process = self.run_pipeline()
        self.ask("capture start", port="input", file=str(self.folder / "a.pcapng.gz"))
        self.ask("capture start", edge="in", file="/dev/full")
        self.assertEqual(self.await_done(2)["state"], "failed")
        before = self.ask("ports")["ok"]
        time.sleep(0.2)
        after = self.ask("ports")["ok"]
        self.assertGreater(max(p["rx_packets"] for p in after), max(p["rx_packets"] for p in before) + 1000)
        self.assertIn("No space left", self.ask("capture stop", id=2)["ok"][0]["error"])
        last = self.ask("capture stop")["ok"][0]
        self.assertGreater(last["lost"], 1000)
        with gzip.open(self.folder / "a.pcapng.gz") as file:
            data = file.read()
        (self.folder / "a.pcapng").write_bytes(data)
        self.assertEqual(len(self.read("a.pcapng")), last["packets"])
        self.assertIn(f"{last['lost']} packets lost: the writer was too slow".encode(), data[-500:])
        self.end_captured(process)

    def test_refused(self):
        process = self.run_pipeline()
        file = str(self.folder / "x.pcap")
        for arguments in ({}, {"file": file}, {"port": "input"}, {"port": "no", "file": file},
                          {"edge": "in.no", "file": file}, {"drops": "no", "file": file},
                          {"port": "input", "drops": "*", "file": file},
                          {"port": "input", "file": "/no/where"}, {"port": "input", "file": "-"},
                          {"port": "input", "file": file, "filter": "tcp prot 5"},
                          {"port": "input", "file": file, "packets": -1},
                          {"port": "input", "file": file, "seconds": "x"},
                          {"port": "input", "file": file, "queue": 7},
                          {"port": "input", "file": file, "direction": "up"},
                          {"port": "input", "file": file, "pipeline": "other"}):
            self.assertGreater(len(self.ask("capture start", **arguments)["error"]), 10, arguments)
        os.mkfifo(self.folder / "fifo")
        self.assertIn("pipe", self.ask("capture start", port="input",
                                       file=str(self.folder / "fifo"))["error"])
        self.assertIn("no capture 7", self.ask("capture stop", id=7)["error"])
        self.assertEqual(list(self.folder.glob("x*")), [])
        for i in range(16):
            self.assertIn("ok", self.ask("capture start", drops="bin", file=f"{file}{i}"))
        self.assertIn("16", self.ask("capture start", drops="bin", file=file)["error"])
        self.end_captured(process)

    def test_log_level(self):
        process = self.run_pipeline()
        self.assertEqual(self.ask("log-level")["ok"], "warning")
        self.assertEqual(self.ask("log-level", level="info")["ok"], "info")
        self.assertEqual(self.ctl("-s", "run.sock", "log-level", "level=off"), "off\n")
        self.assertIn("must be", self.ask("log-level", level="loud")["error"])
        self.end_captured(process)


class Reload(ControlTest):
    def stages(self):
        return [s["name"] for s in self.ask("pipeline")["ok"][0]["stages"]]

    def test_reload(self):
        process = self.run_pipeline()
        self.assertEqual(self.stages(), ["in", "n", "out"])
        pipe = self.folder / "test.pipe"
        for bad in "in: rx input\n", "in: rx input\nout: what\nin -> out\n", PIPE + "x: drop\n":
            pipe.write_text(bad)
            self.assertIn("test.pipe", self.ask("reload")["error"])
            self.assertEqual(self.stages(), ["in", "n", "out"])
        for _ in range(5):
            pipe.write_text(CAPTURED.replace("tx null:", "tx null: full=wait"))
            self.ask("capture start", edge="in", file=str(self.folder / "a.pcap"))
            self.assertEqual(self.ctl("-s", "run.sock", "reload"), "yes\n")
            self.assertEqual(self.stages(), ["in", "cut", "some", "out", "bin"])
            self.assertEqual(self.ask("capture list")["ok"], [])  # ended with what it was of
            pipe.write_text(PIPE)
            self.assertIn("ok", self.ask("reload"))
        self.assertEqual(self.stages(), ["in", "n", "out"])
        time.sleep(0.05)
        process.terminate()
        self.checked(self.end(process)[0])

    def test_no_packet_is_lost(self):
        """A file is read on where the old pipeline has left it; each packet comes out once."""
        packets = [captures.packet(i.to_bytes(4, "big") * 15, 10**18 + i) for i in range(200_000)]
        captures.write_pcap(self.folder / "in.pcap", packets)
        pipe = self.folder / "test.pipe"
        text = "in: rx input\n%s: count\nout: tx pcap:tx=out.pcap full=wait\nin -> %s -> out\n"
        pipe.write_text(text % ("a", "a"))
        os.mkfifo(self.folder / "fifo")
        process = self.start("--json", "--control", "run.sock", "test.pipe", "input=pcap:rx=fifo")
        reloads = 0
        self.addCleanup(process.kill)
        with open(self.folder / "fifo", "wb") as fifo, open(self.folder / "in.pcap", "rb") as file:
            fifo.write(file.read(24))
            fifo.flush()
            self.await_socket()
            while data := file.read(1 << 20):
                fifo.write(data)
                pipe.write_text(text % (("b", "b") if reloads % 2 else ("c", "c")))
                reloads += "ok" in self.ask("reload")
        self.checked(self.end(process)[0])
        self.assertGreater(reloads, 10)
        self.assertEqual(captures.read(self.folder / "out.pcap"), packets)


class Hostile(ControlTest):
    def test_oversized(self):
        process = self.run_pipeline()
        client = self.connect()
        client.sendall(b"x" * 4096)
        self.assertIn("4096", self.line(client)["error"])
        client.settimeout(8)  # closed at once, not as one that is silent for 10 s
        self.assertEqual(client.recv(1), b"")
        client = self.connect()
        try:
            for _ in range(1000):
                client.sendall(b"y" * 65536)
        except OSError:
            pass  # closed, as it should be
        else:
            self.fail("64 MB without a newline were taken")
        self.assertIn("ok", self.ask("stats"))
        self.end_in_order(process)

    def test_slow(self):
        """One sends half a request, one takes no answers; others are served meanwhile."""
        process = self.run_pipeline()
        half, deaf = self.connect(), self.connect()
        half.sendall(b'{"command":')
        deaf.setblocking(False)
        try:
            for _ in range(100000):
                deaf.send(b'{"command":"stats"}\n' * 100)
        except BlockingIOError:
            pass
        else:
            self.fail("requests are read though nobody takes the answers")
        self.assertIn("ok", self.ask("stats"))
        half.sendall(b'"version"}\n')
        self.assertIn("ok", self.line(half))
        self.end_in_order(process)

    def test_1000_connections(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        process = self.run_pipeline()
        before = self.ask("stats")["ok"]["pipelines"][0]["stages"][1]["packets"]
        clients = [self.connect() for _ in range(1000)]
        descriptors = len(os.listdir(f"/proc/{process.pid}/fd"))
        self.assertLess(descriptors, PLACES + 20)
        for i, client in enumerate(clients):
            try:
                client.sendall((b"\x00\xff{" * 100, b'{"command":"stats"}\n', b"{}\n")[i % 3])
            except OSError:
                pass  # made room for another
        after = self.ask("stats")["ok"]
        self.assertGreater(after["pipelines"][0]["stages"][1]["packets"], before)
        self.assertLessEqual(after["control"]["connections"], PLACES)
        self.assertGreaterEqual(after["control"]["displaced"], 1000 - PLACES)
        self.end_in_order(process)


main()
