# SPDX-License-Identifier: BSD-3-Clause
"""Ways to join a host's namespace to weir: one class for each driver. Add yours to MAKERS, and
every pair of them is tested; WAYS has those, and others for tests of their own.

    before(net, host)   make what has to be there; the spec of the port
    after(net, host)    the program runs: bring eth0 into the host's namespace, if it is not there
"""
from namespaces import wait_until


class AfPacket:
    def before(self, net, host):
        net.veth(host, f"w{host}")  # which leaves checksums and cutting to the other end
        return f"af_packet:w{host}"

    def after(self, net, host):
        pass


class AfXdp:
    def __init__(self, keys=""):
        self.keys = keys

    def before(self, net, host):
        net.veth(host, f"w{host}")
        # what a wire has: neither checksums nor tags beside the packet come through a program
        net.run(host, "ethtool", "-K", "eth0", "tx", "off", "tso", "off", "gso", "off",
                "txvlan", "off")
        return f"af_xdp:w{host}{self.keys}"

    def after(self, net, host):
        pass


class Tap:
    """Made by the program, then moved to the host."""

    def before(self, net, host):
        # no link-local addresses, so nothing is sent until both hosts are up and get theirs
        net.run(host, "sysctl", "-qw", "net.ipv6.conf.default.addr_gen_mode=1")
        return f"tap:w{host}"

    def after(self, net, host):
        wait_until(lambda: f" w{host}:" in net.ip("w", "link"), f"the program makes w{host}")
        net.ip("w", "link", "set", f"w{host}", "netns", net.names[host], "name", "eth0")
        net.ip(host, "link", "set", "eth0", "up")


MAKERS = {"af_packet": AfPacket(), "af_xdp": AfXdp(), "tap": Tap()}
WAYS = MAKERS | {"af_xdp_generic": AfXdp(",mode=generic")}
