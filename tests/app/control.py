# SPDX-License-Identifier: BSD-3-Clause
"""Talk to the control socket of a program under test, which is run.sock in its folder."""
import json
import os
import socket
import subprocess
import time

from program import TIMEOUT, ProgramTest


class SocketTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.socket = self.folder / "run.sock"

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
