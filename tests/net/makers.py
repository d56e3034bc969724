# SPDX-License-Identifier: BSD-3-Clause
"""Ways to join a host's namespace to weir: one class for each driver. Add yours to MAKERS, and
every pair of them is tested.

    before(net, host)   make what has to be there; the spec of the port
    after(net, host)    the program runs: bring eth0 into the host's namespace, if it is not there
"""


class AfPacket:
    def before(self, net, host):
        net.veth(host, f"w{host}")
        # what a wire has: veth would leave checksums and cutting to the other end
        net.run(host, "ethtool", "-K", "eth0", "tx", "off", "tso", "off", "gso", "off")
        return f"af_packet:w{host}"

    def after(self, net, host):
        pass


class AfXdp:
    def before(self, net, host):
        net.veth(host, f"w{host}")
        # what a wire has: neither checksums nor tags beside the packet come through a program
        net.run(host, "ethtool", "-K", "eth0", "tx", "off", "tso", "off", "gso", "off",
                "txvlan", "off")
        return f"af_xdp:w{host}"

    def after(self, net, host):
        pass


MAKERS = {"af_packet": AfPacket(), "af_xdp": AfXdp()}
