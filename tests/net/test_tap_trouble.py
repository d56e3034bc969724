# SPDX-License-Identifier: BSD-3-Clause
"""Interfaces made by tap that are set down and up, renamed, shortened and deleted under a bridge with
traffic; and a bridge that is killed."""
import time

from bridge import BridgeTest
from namespaces import require, wait_until
from program import main

DOWN = r"weir-l2fwd: warning: tap:w.: w. is down, what is sent there is lost: [^\n]*\n"
GONE = r"(weir-l2fwd: tap:w[ab]: the interface w[ab] was deleted\n){2}"


class TapTest(BridgeTest):
    def load(self, net):
        """Pings from a, as fast as they go, until the end."""
        pings = net.start("a", "ping", "-q", "-f", net.address("b"))
        self.addCleanup(pings.wait)
        self.addCleanup(pings.kill)
        self.await_received(net, 500)

    def test_trouble_under_load(self):
        net, process = self.bridge(("tap", "tap"))
        self.load(net)
        for change in (("down",), ("up",), ("mtu", 1300), ("name", "other"), ("mtu", 1500)):
            name = "other" if change[-1] == 1500 else "eth0"
            net.ip("b", "link", "set", name, *change)
            if change == ("down",):
                self.await_line(DOWN)
            time.sleep(0.1)  # of traffic
        net.ip("b", "address", "replace", f"{net.address('b')}/24", "dev", "other")
        self.await_hosts(net)
        net.ip("a", "link", "delete", "eth0")
        time.sleep(0.1)
        self.assertIsNone(process.poll())  # there is another port
        net.ip("b", "link", "delete", "other")
        report = self.ended(process, rf"({DOWN})+{GONE}", 1)
        self.assertGreater(report["rx_packets"], 1000)
        self.assertEqual(report["dropped"]["tx_refused"], 0)
        self.assertGreater(report["dropped"]["tx_down"], 0)

    def test_killed_and_started_again(self):
        for _ in range(2):
            net, process = self.bridge(("tap", "tap"))
            self.load(net)
            process.kill()
            process.wait()
            wait_until(lambda net=net: "eth0" not in net.ip("a", "link"), "the interface goes, too")


if __name__ == "__main__":
    require("ping")
    main()
