# SPDX-License-Identifier: BSD-3-Clause
"""What the tests with weir-l2fwd between two hosts share."""
import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "app"))
from program import ProgramTest  # noqa: E402

from makers import MAKERS  # noqa: E402
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
        net.ways = dict(zip("ab", (MAKERS[name] for name in pair)))
        net.specs = [way.before(net, host) for host, way in net.ways.items()]
        process = self.start_bridge(net, *options)
        for host in net.ways:
            net.configure(host)
        self.await_hosts(net)
        return net, process

    def start_bridge(self, net, *options):
        process = self.start("--json", *options, *net.specs, prefix=net.prefix("w"))
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.await_handler(process, True)
        for host, way in net.ways.items():
            way.after(net, host)
        return process

    def await_hosts(self, net):
        """Until they reach each other."""
        wait_until(lambda: " 0% packet loss" in net.run(
            "a", "ping", "-q", "-c", 1, "-W", 0.2, net.address("b"), check=False),
            "host a reaches host b")

    def finish(self, process, log=r""):
        """^C. The report, with every mbuf back; what it said meanwhile is as the pattern says."""
        process.send_signal(signal.SIGINT)
        out, err = self.end(process)
        self.assertRegex(err, rf"\A{log}\Z")
        return self.checked(out)

    def ping(self, net, *words):
        """None of them lost, of three times once: others may hold this machine up."""
        for _ in range(3):
            text = net.run("a", "ping", "-q", *words, check=False)
            if " 0% packet loss" in text:
                break
        self.assertRegex(text, r" 0% packet loss")
        return text
