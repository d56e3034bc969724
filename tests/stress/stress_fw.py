#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir-fw with several threads that judge, asked and told all the while: sessions in fragments go through a
router that translates them, while rules are replaced and listed, and connections, too. Built with
ThreadSanitizer, weir-fw ends with a status of its own when it has found a race.

    stress_fw.py [COUNT [SEED]]     packets (100,000), and what random numbers start from
"""
import pathlib
import random
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "app"))
import captures  # noqa: E402
import fw_parts  # noqa: E402
import fw_sessions  # noqa: E402
from fw_live import LiveTest, mac  # noqa: E402
from program import main  # noqa: E402

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 100000
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 2**32
LONGEST = 240  # s; it takes a few
OURS, SERVER = ("02:77:65:69:72:01", "02:77:65:69:72:02"), "02:00:00:00:00:0b"
RULES = """table inet t {{
    chain n {{ type nat hook postrouting priority srcnat; oifname "outside" masquerade; }}
    chain c {{ type filter hook forward priority filter; policy drop;
        limit rate 1000/second counter log
        ct state established,related counter accept
        udp dport {} counter reject
        counter accept
    }}
}}"""


class Firewall(LiveTest):
    def write(self, name, frames, to):
        captures.write_pcap(self.folder / name, [captures.packet(mac(f, to, SERVER), 10**18) for f in frames])

    @staticmethod
    def arp(address):
        """The server outside says where it is."""
        return bytes(12) + bytes.fromhex(("08060001080006040002" + SERVER).replace(":", "")) + \
            socket.inet_aton(address) + bytes(6) + socket.inet_aton("10.9.0.254")

    def test_all_at_once(self):
        sessions = fw_sessions.Sessions(SEED).frames(2000)
        self.write("in.pcap", fw_parts.Cutter(random.Random(SEED)).frames(sessions), OURS[0])
        self.write("arp.pcap", [self.arp(f"10.9.0.{n}") for n in range(1, 5)], OURS[1])  # and 5 says nothing
        self.rules(RULES.format(53))
        net = SEED % 256
        process = self.start(
            "--json", "--rules", "rules.nft", "--control", "run.sock", "--workers", 3, "--connections", 500,
            "--log", "log", "--events", "events", "--limit", COUNT, "--pool", "count=2048",
            "--address", f"inside=10.0.{net}.254/24", "--address", "outside=10.9.0.254/24",
            "--address", f"inside=2001:db8:{net:x}::fe/64", "--address", "outside=2001:db8:9::fe/64",
            "inside=pcap:rx=in.pcap,loop=0", "outside=pcap:rx=arp.pcap,loop=0,tx=out.pcap", "third=null:count=1")
        self.addCleanup(process.kill)
        self.await_socket()
        asked, begun = 0, time.monotonic()
        while process.poll() is None:
            asked += 1
            self.assertLess(time.monotonic() - begun, LONGEST)
            self.rules(RULES.format((53, 54)[asked % 2]))
            for command in "reload", "list ruleset", "conntrack", "stats":
                try:
                    self.ask(command)
                except (OSError, ValueError):
                    time.sleep(0.01)  # it has come to its end
                    break
        report = self.checked(self.end(process)[0])
        firewall = report["firewall"]
        self.assertGreaterEqual(report["rx_packets"], COUNT)
        self.assertEqual(firewall["read"]["packets"], firewall["accepted"]["packets"] + firewall["dropped"]["packets"])
        print(f"asked {asked} times; {firewall['reloads']} reloads, {firewall['connections']}, {report['dropped']}")


print(f"fw: count {COUNT}, seed {SEED}")
sys.argv[1:] = []
main()
