# SPDX-License-Identifier: BSD-3-Clause
"""Run a program of weir in a folder of its own and look at what it says."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

SOURCES = pathlib.Path(__file__).resolve().parents[2]
SAMPLE = SOURCES / "tests/data/sample.pcap"
TIMEOUT = 60  # s; a run is far below one


class ProgramTest(unittest.TestCase):
    """Each test has an empty folder, self.folder, which is also where programs run."""
    program = None  # set by the subclass: the name of an environment variable with the path

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-test-"))
        self.folder.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = os.environ[self.program]

    def start(self, *arguments, prefix=(), **more):
        """Start it with pipes; signals as a terminal has them."""
        return subprocess.Popen([*prefix, self.path, *map(str, arguments)], cwd=self.folder,
                                stdin=more.pop("stdin", subprocess.DEVNULL),
                                stdout=more.pop("stdout", subprocess.PIPE),
                                stderr=more.pop("stderr", subprocess.PIPE), **more)

    def end(self, process, status=0):
        """Wait for it. Its outputs as text."""
        try:
            out, err = process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            self.fail(f"still runs after {TIMEOUT} s: {process.args}")
        out, err = (out or b"").decode(), (err or b"").decode()
        self.assertEqual(process.returncode, status, f"{process.args}: {out}{err}")
        return out, err

    def run_ok(self, *arguments, **more):
        """Run it to success, with no word on stderr. Its stdout."""
        out, err = self.end(self.start(*arguments, **more))
        self.assertEqual(err, "")
        return out

    def report(self, *arguments, **more):
        """The same with --json: the report, of a run without leaks."""
        return self.checked(self.run_ok("--json", *arguments, **more))

    def checked(self, out):
        report = json.loads(out)
        self.assertEqual(report["pool"]["in_use"], 0)
        return report

    def fails(self, status, *arguments, **more):
        """Run it to this exit status with one line on stderr. The line, and stdout."""
        out, err = self.end(self.start(*arguments, **more), status)
        name = pathlib.Path(self.path).name
        self.assertRegex(err, rf"\A{name}: [^\n]{{5,}}\n\Z", f"arguments {arguments}")
        return err, out

    def interrupt(self, process):
        """^C, as soon as the program is ready for it."""
        self.await_handler(process, True)
        process.send_signal(signal.SIGINT)

    def can(self, prefix):
        """Does the program run at all behind these words?"""
        try:
            return subprocess.run([*prefix, self.path, "--version"], check=False,
                                  capture_output=True).returncode == 0
        except OSError:
            return False

    def await_handler(self, process, there):
        """Until it catches SIGINT, or no longer does."""
        begun = time.monotonic()
        while time.monotonic() - begun < TIMEOUT:
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            caught = int(re.search(r"^SigCgt:\s*(\w+)$", status, re.M)[1], 16)
            if bool(caught >> (signal.SIGINT - 1) & 1) == there:
                return
            time.sleep(0.001)
        self.fail("the handler of SIGINT did not change")


def main():
    unittest.main(verbosity=2)
