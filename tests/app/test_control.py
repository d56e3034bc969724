#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The control socket of weir-run, and weir-ctl; and clients that mean no good."""
import json
import os
import resource
import socket
import stat
import subprocess
import time

from program import SOURCES, TIMEOUT, ProgramTest, main

PIPE = "in: rx input\nn: count\nout: tx null: full=wait\nin -> n -> out\n"
PLACES = 16


class ControlTest(ProgramTest):
    program = "WEIR_RUN"

    def setUp(self):
        super().setUp()
        (self.folder / "test.pipe").write_text(PIPE)
        self.socket = self.folder / "run.sock"

    def run_pipeline(self, *arguments):
        process = self.start("--json", "--control", "run.sock", *arguments, "test.pipe",
                             "input=null:size=64")
        self.addCleanup(process.kill)
        self.await_socket()
        return process

    def await_socket(self):
        """Until somebody listens: the file is there a little before."""
        begun = time.monotonic()
        while time.monotonic() - begun < TIMEOUT:
            try:
                self.connect().close()
                return
            except (ConnectionRefusedError, FileNotFoundError):
                time.sleep(0.005)
        self.fail("nobody listens")

    def connect(self):
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.connect(str(self.socket))  # blocking: it waits where the backlog is full
        client.settimeout(TIMEOUT)
        return client

    def line(self, client):
        data = b""
        while not data.endswith(b"\n"):
            more = client.recv(65536)
            if not more:
                break
            data += more
        return json.loads(data)

    def ask(self, command, client=None, **arguments):
        client = client or self.connect()
        client.sendall(json.dumps({"command": command, **arguments}).encode() + b"\n")
        return self.line(client)

    def ctl(self, *arguments, status=0, **environment):
        done = subprocess.run([os.environ["WEIR_CTL"], *arguments], cwd=self.folder, check=False,
                              capture_output=True, timeout=TIMEOUT, text=True,
                              env={**os.environ, **environment})
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout if status == 0 else done.stderr

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
        for command in commands.keys() - {"stop"}:
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
