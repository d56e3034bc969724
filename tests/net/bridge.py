# SPDX-License-Identifier: BSD-3-Clause
"""What the tests with weir-l2fwd between two hosts share."""
import os
import pathlib
import re
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "app"))
from program import ProgramTest  # noqa: E402

from makers import WAYS  # noqa: E402
from namespaces import Net, wait_until  # noqa: E402


def cpu_seconds(pid):
    """User and system time of a process so far: fields 14 and 15 of proc(5)."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class BridgeTest(ProgramTest):
    program = "WEIR_L2FWD"

    def bridge(self, pair, *options, mtu=1500):
        """Start it between hosts a and b. The namespaces, and the program."""
        net = Net(mtu)
        self.addCleanup(net.close)
        net.ways = dict(zip("ab", (WAYS[name] for name in pair)))
        net.specs = [way.before(net, host) for host, way in net.ways.items()]
        process = self.start_bridge(net, *options)
        for host in net.ways:
            net.configure(host)
        self.await_hosts(net)
        return net, process

    def start_bridge(self, net, *options):
        self.said = self.folder / "said"
        with open(self.said, "wb") as said:
            process = self.start("--json", *options, *net.specs, prefix=net.prefix("w"),
                                 stderr=said)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.await_handler(process, True)
        for host, way in net.ways.items():
            way.after(net, host)
        return process

    def await_handler(self, process, there):
        """Also until its worker runs: all ports are open then, and interfaces may be moved."""
        super().await_handler(process, there)
        wait_until(lambda: len(os.listdir(f"/proc/{process.pid}/task")) > 1, "a worker runs")

    def await_hosts(self, net, *options):
        """Until they reach each other: one of many pings is answered, whatever else is sent."""
        wait_until(lambda: re.search(" [1-9][0-9]* received", net.run(
            "a", "ping", "-q", "-c", 1, "-i", 0.05, "-w", 5, *options, net.address("b"),
            check=False)), "host a reaches host b")

    def await_line(self, pattern):
        """Until the program has said it."""
        wait_until(lambda: re.search(pattern, self.said.read_text()), f"it says {pattern}")

    def await_received(self, net, count):
        """Until so many packets have come to host b."""
        wait_until(lambda: net.counted("b", "eth0", "rx_packets") > count, "packets come to b")

    def finish(self, process, log=r""):
        """^C. The report, with every mbuf back; what it said meanwhile is as the pattern says."""
        process.send_signal(signal.SIGINT)
        return self.ended(process, log)

    def ended(self, process, log, status=0):
        out, _ = self.end(process, status)
        self.assertRegex(self.said.read_text(), rf"\A{log}\Z")
        return self.checked(out)

    def ping(self, net, *words):
        """None of them lost, of three times once: others may hold this machine up."""
        for _ in range(3):
            text = net.run("a", "ping", "-q", *words, check=False)
            if " 0% packet loss" in text:
                break
        self.assertRegex(text, r" 0% packet loss")
        return text
