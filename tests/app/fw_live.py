# SPDX-License-Identifier: BSD-3-Clause
"""weir-fw between ports that are files, for the tests."""
import os

import captures
from control import SocketTest

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
