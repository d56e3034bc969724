# SPDX-License-Identifier: BSD-3-Clause
"""weir-fw between ports that are files, for the tests."""
import os
import struct
import time

import captures
from control import SocketTest
from fw_frames import ip, udp
from program import TIMEOUT

SEED = int(os.environ.get("FW_SEED", 3))
INSIDE, OUTSIDE = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
HERE, THERE = ("10.0.0.1", "10.0.0.2"), ("10.0.0.2", "10.0.0.1")


def mac(frame, to, source):
    return bytes.fromhex((to + source).replace(":", "")) + frame[12:]


class LiveTest(SocketTest):
    program = "WEIR_FW"

    def rules(self, text):
        (self.folder / "new.nft").write_text(text)
        (self.folder / "new.nft").rename(self.folder / "rules.nft")

    def pass_on(self, *inputs, names=("inside", "outside", "other"), options=(), told="",
                more=""):
        """The frames that come out of each port when these come in, and the report."""
        specs = []
        for i, frames in enumerate(inputs):
            captures.write_pcap(self.folder / f"in{i}.pcap", [
                captures.packet(f, 10**18 + j * 10**6) for j, f in enumerate(frames)])
            specs.append(f"{names[i]}=pcap:rx=in{i}.pcap,tx=out{i}.pcap{more}")
        out, err = self.end(self.start("--json", "--rules", "rules.nft", *options, *specs))
        self.assertRegex(err, rf"\A({told})?\Z")
        report = self.checked(out)
        self.assertEqual(report["rx_packets"], sum(map(len, inputs)))
        return [[p.data for p in captures.read(self.folder / f"out{i}.pcap")]
                for i in range(len(inputs))], report


class Fifo(LiveTest):
    """Frames with numbers go through pipes, so that the test says when they come."""

    def run_fifo(self, text, *options, outside="pcap:rx=empty.pcap,tx=out.pcap", **more):
        self.rules(text)
        os.mkfifo(self.folder / "fifo")
        captures.write_pcap(self.folder / "empty.pcap", [])
        self.written = []
        process = self.start("--json", "--rules", "rules.nft", "--control", "run.sock", *options,
                             "inside=pcap:rx=fifo", f"outside={outside}", **more)
        self.addCleanup(process.kill)
        self.fifo = open(self.folder / "fifo", "wb", buffering=0)
        self.addCleanup(self.fifo.close)
        captures.write_pcap(self.folder / "head.pcap", [])
        self.fifo.write((self.folder / "head.pcap").read_bytes())
        self.await_socket()
        return process

    def numbered(self, count=1, way=HERE, ports=(1, 2)):
        return [ip(*way, 17, udp(*ports, struct.pack("!I", len(self.written) + i)))
                for i in range(count)]

    def write(self, frames):
        data = b"".join(struct.pack("<IIII", 1, 0, len(f), len(f)) + f for f in frames)
        self.written += frames
        while data:
            data = data[self.fifo.write(data):]

    def judged(self):
        """How many were accepted and dropped so far."""
        stages = {s["name"]: s for s in self.ask("pipeline")["ok"][0]["stages"]}
        return stages["out1"]["packets"], stages["firewall"]["counters"]["rules"]

    def await_judged(self):
        begun = time.monotonic()
        while sum(self.judged()) < len(self.written):
            self.assertLess(time.monotonic() - begun, TIMEOUT)
        self.assertEqual(sum(self.judged()), len(self.written))
        return self.judged()

    def finish(self, process):
        """Each frame came out once, in order, or was dropped by the rules."""
        self.fifo.close()
        out, err = self.end(process)
        report = self.checked(out)
        passed = [p.data for p in captures.read(self.folder / "out.pcap")]
        self.assertEqual(report["rx_packets"], len(self.written))
        self.assertEqual(len(passed) + report["dropped"]["rules"], len(self.written))
        for flow in {self.flow(frame) for frame in passed}:
            rest = iter(self.written)
            self.assertTrue(all(frame in rest for frame in passed if self.flow(frame) == flow),
                            "lost, doubled or out of order")
        return report, err

    def flow(self, _):
        """What keeps its order: with one worker everything."""
        return None
