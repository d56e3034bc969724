# SPDX-License-Identifier: BSD-3-Clause
"""Interfaces that go, come back and change under a bridge with traffic; and how it is killed."""
import os
import random
import signal
import time

from bridge import BridgeTest
import captures
from makers import MAKERS
from namespaces import require
from program import main

SOAK = float(os.environ.get("WEIR_NET_SOAK", 1.5))  # s of link flaps for each pair
PPS = os.environ.get("WEIR_NET_PPS")  # frames a second of the load; else as fast as they go


def said(words):
    """A warning about wa."""
    return rf"weir-l2fwd: warning: \w+:wa: interface wa {words}[^\n]*\n"


# What an interface that goes and comes passes through; a loaded machine sees more of it, or less.
STATES = f"({said('(is back|is up|has no carrier|is down)')})*"
GONE = STATES + said("is gone,") + STATES + said("(is back|is up)") + STATES


class TroubleTest(BridgeTest):
    """The way of host a is the one in trouble; wa is its interface in the namespace of weir."""
    way = "af_packet"

    def load(self, net):
        """Frames of random bytes and sizes from a, until the end."""
        choose = random.Random(1)
        packets = [captures.packet(captures.frame("02:00:00:00:00:0b", "02:00:00:00:00:0a",
                                                  choose.randbytes(choose.randrange(46, 1500))))
                   for _ in range(200)]
        captures.write_pcap(self.folder / "load.pcap", packets)
        process = net.start("a", os.environ["WEIR_REPLAY"], self.folder / "load.pcap", "--loop",
                            "forever", "--to", "af_packet:eth0", "--pool", "count=512",
                            *(("--pps", PPS) if PPS else ()))
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def begin(self, *options, other="af_packet"):
        net, process = self.bridge((self.way, other), *options)
        self.load(net)
        self.await_received(net, 1000)
        return net, process

    def spoil(self, change, log):
        """Change something under load: afterwards packets go through, and the log has a line."""
        net, process = self.begin()
        change(net)
        self.await_hosts(net)
        report = self.finish(process, log)
        self.assertGreater(report["rx_packets"], 1000)


class Comes(TroubleTest):
    def test_down_and_up(self):
        def change(net):
            net.ip("w", "link", "set", "wa", "down")
            self.await_line("wa is down")
            net.ip("w", "link", "set", "wa", "up")
            self.await_line("wa is up")
        self.spoil(change, said("is down;") + STATES + said("is up"))

    def test_renamed(self):
        def change(net):
            net.ip("w", "link", "set", "wa", "name", "other")
            self.await_line("is named")
        self.spoil(change, said("is named other now"))

    def test_deleted_and_made_again(self):
        def change(net):
            net.ip("w", "link", "delete", "wa")
            self.await_line("wa is gone")
            MAKERS[self.way].before(net, "a")
            net.configure("a")
        self.spoil(change, GONE)


class Interface(Comes):
    def test_mtu(self):
        """Frames longer than the ring had room for."""
        def change(net):
            for short, name in (("w", "wa"), ("w", "wb"), ("a", "eth0"), ("b", "eth0")):
                net.ip(short, "link", "set", name, "mtu", 9000)
            self.await_hosts(net, "-M", "do", "-s", 8972)
        self.spoil(change, "")

    def test_moved_away_and_back(self):
        def change(net):
            net.ip("w", "link", "set", "wa", "netns", net.names["b"])
            self.await_line("wa is gone")
            net.ip("b", "link", "set", "wa", "netns", net.names["w"])
            net.ip("w", "link", "set", "wa", "up")
        self.spoil(change, GONE)

    def test_moved_away_and_back_unseen(self):
        """So fast that nobody looked meanwhile: the sockets are dead all the same."""
        def change(net):
            net.run("w", "sh", "-c",
                    f"ip link set wa netns {net.names['b']} &&"
                    f"ip -n {net.names['b']} link set wa netns {net.names['w']} &&"
                    "ip link set wa up")
        self.spoil(change, r"[^\0]*")


class XdpInterface(Comes):
    way = "af_xdp"


class Program(TroubleTest):
    def test_killed_and_started_again(self):
        net, process = self.begin()
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.assertIn("promiscuity 0", net.ip("w", "-d", "link", "show", "wa"))
        process = self.start_bridge(net)
        self.await_hosts(net)
        self.assertGreater(self.finish(process)["rx_packets"], 0)

    def test_no_privilege(self):
        net, process = self.bridge(("af_packet", "af_packet"))
        self.finish(process)
        process = self.start(*net.specs, prefix=[
            *net.prefix("w"), "setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"])
        out, err = self.end(process, 1)
        self.assertEqual(out, "")
        self.assertRegex(err, r"\Aweir-l2fwd: af_packet:wa: [^\n]* needs the capability "
                              rf"CAP_NET_RAW: [^\n]*`setcap cap_net_raw\+ep {self.path}`\n\Z")


class Soak(TroubleTest):
    """Random frames for a while, with links that flap: every mbuf is accounted for."""

    def test_af_packet(self):
        self.soak("af_packet", "af_packet")

    def test_af_xdp(self):
        self.soak("af_xdp_generic", "af_xdp")

    def soak(self, way, other):
        self.way = way
        net, process = self.begin(*(("--idle", "sleep") if PPS else ()), other=other)
        choose, end = random.Random(2), time.monotonic() + SOAK
        while time.monotonic() < end:
            short, name = choose.choice((("w", "wa"), ("w", "wb"), ("b", "eth0")))
            net.ip(short, "link", "set", name, "down")
            time.sleep(choose.random() / 2)
            net.ip(short, "link", "set", name, "up")
            time.sleep(choose.random() / 2)
        report = self.finish(process, r"[^\0]*")
        dropped = {name: count for name, count in report["dropped"].items()
                   if not name.startswith("rx_")}
        self.assertEqual(report["rx_packets"], report["tx_packets"] + sum(dropped.values()),
                         f"dropped: {dropped}")


del Comes  # it is no test of its own
if __name__ == "__main__":
    require("ethtool", "ping", "setpriv")
    main()
