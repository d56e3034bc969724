# SPDX-License-Identifier: BSD-3-Clause
"""Two hosts and weir-l2fwd between them, over every pair of drivers."""
import itertools
import json
import pathlib
import re
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "app"))
from program import ProgramTest, main  # noqa: E402

import makers  # noqa: E402
from namespaces import Net, require  # noqa: E402


class BridgeTest(ProgramTest):
    program = "WEIR_L2FWD"

    def bridge(self, pair, mtu=1500):
        """Start it between hosts a and b. The namespaces, and the program."""
        net = Net(mtu)
        self.addCleanup(net.close)
        ways = dict(zip("ab", (makers.MAKERS[name] for name in pair)))
        specs = [way.before(net, host) for host, way in ways.items()]
        process = self.start("--json", *specs, prefix=net.prefix("w"))
        self.addCleanup(process.kill)
        self.await_handler(process, True)
        for host, way in ways.items():
            way.after(net, host)
            net.configure(host)
        return net, process

    def finish(self, process):
        """^C. The report, with every mbuf back."""
        process.send_signal(signal.SIGINT)
        out, err = self.end(process)
        self.assertEqual(err, "")
        return self.checked(out)

    def ping(self, net, *words):
        """None of them lost."""
        text = net.run("a", "ping", "-q", *words)
        self.assertRegex(text, r" 0% packet loss")
        return text


class Traffic(BridgeTest):
    def every_pair(self):
        for pair in itertools.combinations_with_replacement(makers.MAKERS, 2):
            with self.subTest(pair=pair):
                yield pair

    def test_ping(self):
        for pair in self.every_pair():
            net, process = self.bridge(pair)
            self.ping(net, "-c", 1000, "-i", 0.001, net.address("b"))
            self.ping(net, "-c", 100, "-i", 0.001, net.address6("b"))
            self.assertIn(net.address("b"), net.ip("a", "neigh"))  # by ARP
            self.assertIn(net.address6("b"), net.ip("a", "-6", "neigh"))
            self.assertGreater(self.finish(process)["rx_packets"], 2200)


if __name__ == "__main__":
    require()
    main()
