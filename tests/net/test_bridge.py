# SPDX-License-Identifier: BSD-3-Clause
"""Two hosts and weir-l2fwd between them, over every pair of drivers."""
import hashlib
import itertools
import os
import random
import struct
import time

from bridge import BridgeTest, cpu_seconds
import captures
from makers import MAKERS
from namespaces import require, wait_until
from program import TIMEOUT, main

# Send what a capture holds to eth0, without weir.
SEND = """
import captures, pathlib, socket, sys
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind(("eth0", 0))
for packet in captures.read_pcap(pathlib.Path(sys.argv[1]).read_bytes()):
    out.send(packet.data)
"""
# tap says that its interface is down while it is on its way to the host
MOVED = r"(weir-l2fwd: warning: tap:w[ab]: [^\n]*\n)*"
DOWNLOAD = 100 << 20  # bytes, of issue 7
VLAN = 7


class Traffic(BridgeTest):
    """All of a pair goes over one bridge: starting one takes longer than most of it."""

    def hosts_talk(self, pair):
        net, process = self.bridge(pair, mtu=9000)
        self.set_mtu(net, 1500)
        self.ping(net, "-c", 1000, "-i", 0.001, net.address("b"))
        self.ping(net, "-c", 100, "-i", 0.001, net.address6("b"))
        self.assertIn(net.address("b"), net.ip("a", "neigh"))  # by ARP
        self.assertIn(net.address6("b"), net.ip("a", "-6", "neigh"))
        self.download(net, DOWNLOAD)
        self.iperf(net)
        self.iperf(net, "--udp", "--bitrate", "50M")
        self.vlan(net)
        self.set_mtu(net, 9000)
        self.ping(net, "-c", 100, "-i", 0.001, "-M", "do", "-s", 9000 - 28, net.address("b"))
        self.download(net, DOWNLOAD // 10)
        report = self.finish(process, MOVED)
        self.assertGreater(report["rx_bytes"], DOWNLOAD)

    def set_mtu(self, net, mtu):
        for host in "ab":
            net.ip(host, "link", "set", "eth0", "mtu", mtu)

    def download(self, net, size):
        """curl gets from b what b's server has, byte for byte."""
        data = random.Random(size).randbytes(size)
        (self.folder / "data").write_bytes(data)
        server = net.start("b", "python3", "-m", "http.server", "--directory", self.folder,
                           "--bind", net.address("b"), 8080)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        got = self.folder / "got"
        wait_until(lambda: ":8080" in net.run("b", "ss", "-ltn"), "the server listens")
        net.run("a", "curl", "-sS", "-o", got, f"http://{net.address('b')}:8080/data")
        self.assertEqual(hashlib.sha256(got.read_bytes()).digest(), hashlib.sha256(data).digest())
        server.kill()

    def iperf(self, net, *words):
        server = net.start("b", "iperf3", "--server", "--one-off")
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        wait_until(lambda: ":5201" in net.run("b", "ss", "-ltn"), "iperf3 listens")
        net.run("a", "iperf3", "--client", net.address("b"), "--time", 1, *words)
        self.assertEqual(server.wait(TIMEOUT), 0)

    def vlan(self, net):
        """Tagged frames come out as they went in, also those with two tags."""
        tag = struct.pack("!H", VLAN)
        frames = [captures.packet(captures.frame(
            "02:00:00:00:00:0b", "02:00:00:00:00:0a",
            tag + b"\x88\xb5" + bytes([i]) * (60 + 10 * i), 0x88A8 if i % 2 else 0x8100))
            for i in range(50)]
        captures.write_pcap(self.folder / "tagged.pcap", frames)
        seen = self.folder / "seen.pcap"
        listener = net.start("b", "tcpdump", "--immediate-mode", "-s", 2048, "-U", "-Z",
                             "root", "-i", "eth0", "-c", len(frames), "-w", seen, "ether src 02:00:00:00:00:0a")
        self.addCleanup(listener.wait)
        self.addCleanup(listener.kill)
        wait_until(lambda: seen.exists() and seen.stat().st_size, "tcpdump listens")
        net.run("a", "python3", "-c", SEND, self.folder / "tagged.pcap",
                env=dict(os.environ, PYTHONPATH=captures.__file__.rsplit("/", 1)[0]))
        self.assertEqual(listener.wait(TIMEOUT), 0)
        got = [packet.data for packet in captures.read_pcap(seen.read_bytes())]
        self.assertEqual(got, [packet.data for packet in frames])


class Rest(BridgeTest):
    def test_a_bridge_at_rest_takes_no_time_and_wakes_at_once(self):
        for way in MAKERS:
            with self.subTest(way=way):
                net, process = self.bridge((way, way), "--idle", "sleep")
                self.ping(net, "-c", 1, net.address("b"))
                time.sleep(0.5)
                begun = cpu_seconds(process.pid)
                time.sleep(2)
                used = cpu_seconds(process.pid) - begun
                self.assertLessEqual(used, 0.1)  # a loop that polls takes all of 2 s
                # there and back: two wake-ups each, of which none is the once a second. The least
                # of 10: others use this machine.
                text = self.ping(net, "-c", 10, "-i", 0.1, net.address("b"))
                self.assertLess(float(text.split("mdev = ")[1].split("/")[0]), 100, text)
                self.finish(process, MOVED)


def add_pairs():
    """A test for each pair."""
    for pair in itertools.combinations_with_replacement(MAKERS, 2):
        setattr(Traffic, f"test_{pair[0]}_{pair[1]}",
                lambda self, pair=pair: self.hosts_talk(pair))


if __name__ == "__main__":
    require("curl", "ethtool", "iperf3", "ping", "ss", "tcpdump")
    add_pairs()
    main()
