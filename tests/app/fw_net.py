# SPDX-License-Identifier: BSD-3-Clause
"""A router that is the kernel: packets in on one side, and which of them come out on the other.

The process moves into a network namespace of its own, the router. Its two links lead to a second
one, where raw sockets send and receive. What a router sends on is every packet it was given, with
one hop less; so each is found again by its bytes.
"""
import ctypes
import glob
import os
import select
import socket
import struct
import subprocess
import time

CLONE_NEWNET = 0x40000000
IN, OUT = "in0", "out0"
MTU = 9000
LONG = 3600  # s
QUIET = 0.3  # s without a packet: no more come
HERE, THERE = "02:00:00:00:00:01", "02:00:00:00:00:02"
libc = ctypes.CDLL(None, use_errno=True)


def checked(result):
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def run(*words):
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def fingerprint(packet, routed):
    """An IP packet without what a router changes."""
    if packet[0] >> 4 == 4:
        length = struct.unpack_from("!H", packet, 2)[0]
        return packet[:8] + bytes([packet[8] + routed]) + packet[9:10] + bytes(2) + packet[12:length]
    length = 40 + struct.unpack_from("!H", packet, 4)[0]
    return packet[:7] + bytes([packet[7] + routed]) + packet[8:length]


class Router:
    def __init__(self):
        checked(libc.unshare(CLONE_NEWNET))
        # /proc/self is the first thread, which is this one
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.peer = subprocess.Popen(["unshare", "-n", "sleep", "infinity"])
        while os.readlink(f"/proc/{self.peer.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
            time.sleep(0.01)
        for name, end in (IN, "in1"), (OUT, "out1"):
            run("ip", "link", "add", name, "mtu", str(MTU), "type", "veth", "peer", "name", end,
                "mtu", str(MTU), "netns", str(self.peer.pid))
        self.sender, self.receiver = self.sockets()
        self.configure()

    def sockets(self):
        there = os.open(f"/proc/{self.peer.pid}/ns/net", os.O_RDONLY)
        checked(libc.setns(there, CLONE_NEWNET))
        for name in "in1", "out1":
            self.write("net/ipv6/conf/" + name + "/disable_ipv6", "1")
            run("ip", "link", "set", name, "arp", "off", "up")
        run("ip", "link", "set", "out1", "address", THERE)
        sockets = []
        for name, kind in ("in1", 0), ("out1", 3):
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(kind))
            s.bind((name, kind))
            sockets.append(s)
        sockets[1].setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        checked(libc.setns(self.home, CLONE_NEWNET))
        os.close(there)
        return sockets

    @staticmethod
    def write(name, value):
        with open("/proc/sys/" + name, "w", encoding="ascii") as file:
            file.write(value)

    def configure(self):
        run("ip", "link", "set", IN, "address", HERE)
        for name in "all", "default", IN, OUT:
            self.write(f"net/ipv4/conf/{name}/rp_filter", "0")
            self.write(f"net/ipv6/conf/{name}/accept_dad", "0")
            self.write(f"net/ipv6/conf/{name}/router_solicitations", "0")
        for name in "lo", IN, OUT:
            run("ip", "link", "set", name, "up")
        self.write("net/ipv4/ip_forward", "1")
        self.write("net/ipv6/conf/all/forwarding", "1")
        self.write("net/ipv4/icmp_ratelimit", "0")
        # fragments wait as long as it takes, and for any number of others
        self.write("net/ipv4/ipfrag_time", str(LONG))
        self.write("net/ipv4/ipfrag_max_dist", "0")
        for family, address, gateway in (("-4", "192.0.2.1/24", "192.0.2.2"),
                                         ("-6", "2001:db8:ffff::1/64", "2001:db8:ffff::2")):
            run("ip", family, "addr", "add", address, "dev", OUT)
            run("ip", family, "neigh", "add", gateway, "lladdr", THERE, "dev", OUT)
            run("ip", family, "route", "add", "default", "via", gateway)

    def close(self):
        self.sender.close()
        self.receiver.close()
        os.close(self.home)
        self.peer.terminate()
        self.peer.wait()

    def load(self, rules):
        """A file of rules instead of those that are there. What nft lists then."""
        run("nft", "flush", "ruleset")
        if rules:
            run("nft", "-f", rules)
            # checksums of captures are often not those of the wire, and weir-fw does not look
            if os.path.exists("/proc/sys/net/netfilter/nf_conntrack_checksum"):
                self.write("net/netfilter/nf_conntrack_checksum", "0")
            self.forget_late()
        return run("nft", "list", "ruleset").stdout

    def forget_late(self):
        """No connection ends by itself in a test, however slow the machine: for weir-fw no time
        passes between the packets."""
        for path in glob.glob("/proc/sys/net/netfilter/nf_conntrack_*timeout*"):
            with open(path, encoding="ascii") as file:
                seconds = int(file.read())
            if seconds < LONG:
                self.write(path[len("/proc/sys/"):], str(LONG))

    def exchange(self, frames, came):
        """Send frames; came is called with each frame of IP that is sent on."""
        for i, frame in enumerate(frames):
            self.sender.send(frame)
            if i % 64 == 63:
                self.receive(came, 0)
        self.receive(came, QUIET)

    def receive(self, came, wait):
        while select.select([self.receiver], [], [], wait)[0]:
            frame = self.receiver.recv(65536)
            if frame[12:14] in (b"\x08\x00", b"\x86\xdd"):
                came(frame)

    def send_changed(self, frames):
        """IPv4 packets that were sent on, by their identification."""
        passed = {}

        def came(frame):
            if frame[12:14] == b"\x08\x00":
                passed[frame[18:20]] = fingerprint(frame[14:], 1)
        self.exchange(frames, came)
        return passed

    def send(self, frames):
        """The numbers of the frames that were sent on."""
        places = {fingerprint(frame[14:], 0): i for i, frame in enumerate(frames)}
        assert len(places) == len(frames), "frames must differ"
        passed = set()

        def came(frame):
            place = places.get(fingerprint(frame[14:], 1))
            if place is not None:
                passed.add(place)
        self.exchange(frames, came)
        return passed
