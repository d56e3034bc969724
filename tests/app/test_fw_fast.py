#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir-fw between ports: connections whose verdict is known, and what the rules count meanwhile.

    FW_SEED     of the packets at random (3)
"""
import json

import captures
import fw_sessions
from fw_frames import chain, ip, table, udp
from fw_live import HERE, INSIDE, OUTSIDE, SEED, THERE, LiveTest, mac
from program import main


class Known(LiveTest):
    def test_sessions_as_on_files(self):
        """Of connections whose verdict is known no rule is looked at; verdicts and counters are those of
        files, where all rules are."""
        text = table("set known { type ipv4_addr; flags interval; counter; elements = { 10.0.0.0/10 }; }\n",
                     chain("ct state invalid drop\ncounter\nip saddr @known counter\nicmp type 5 drop\n"
                           "tcp dport 443 tcp window < 1000 counter\n"
                           "ct state established,related accept\ntcp dport 22 drop\n"))
        known = 0
        for seed in range(SEED, SEED + 3):
            self.rules(text if seed != SEED else text.replace("tcp window < 1000", ""))
            frames = list(fw_sessions.Sessions(seed).frames(1500))
            (_, out), report = self.pass_on(frames, [], names=("in0", "out0"))
            on_file = json.loads(self.run_ok("--json", "--rules", "rules.nft", "in0.pcap", "--accepted",
                                             "good.pcap", "--iif", "in0", "--oif", "out0"))
            self.assertEqual(out, [p.data for p in captures.read(self.folder / "good.pcap")])
            self.assertEqual(report["firewall"]["chains"], on_file["chains"])
            self.assertEqual(report["firewall"]["connections"], on_file["connections"])
            known += report["firewall"]["known"]
        self.assertGreater(known, 300)

    def test_a_frame_to_several_ports_makes_nothing_known(self):
        """Rules that were asked for one of them count no later packet that does not go there."""
        there, back = ip(*HERE, 17, udp(5, 53)), ip(*THERE, 17, udp(53, 5))
        frames = [mac(there, OUTSIDE, INSIDE), mac(back, "02:00:00:00:00:77", "02:00:00:00:00:99")]
        frames += frames[:1] * 500
        hello = [mac(ip("10.9.9.9", "10.9.9.8", 17, udp(1, 2)), INSIDE, OUTSIDE)]
        counted, known = [], []
        for first in "", "meta length 0 drop\n":
            self.rules(table(chain(first + 'oifname "other" counter drop\nct state established counter accept\n'
                                   "ct state new counter accept")))
            _, report = self.pass_on(frames, hello, [])
            counted.append([r["hits"] for r in report["firewall"]["chains"][0]["rules"][-3:]])
            known.append(report["firewall"]["known"])
        self.assertEqual(counted[0], counted[1])
        self.assertGreater(known[0], 400)
        self.assertEqual(known[1], 0)

    def test_others_expire_meanwhile(self):
        """Though all that comes is known, and nobody is asked."""
        def both(port):
            return [ip(*HERE, 17, udp(port, 53)), ip(*THERE, 17, udp(53, port))]
        times = [0, 0, 0, 1, 1, 2, 2] + [29] * 300 + [58] * 300
        frames = both(6)[:1] + both(5) * 303
        captures.write_pcap(self.folder / "in.pcap", [
            captures.packet(f, 10**18 + t * 10**9) for f, t in zip(frames, times)])
        self.rules(table(chain("ct state established,new accept")))
        report = self.checked(self.end(self.start("--json", "--rules", "rules.nft", "--aging", "0",
                                                  "pcap:rx=in.pcap", "pcap:tx=out.pcap"))[0])
        self.assertGreater(report["firewall"]["known"], 300)  # a burst has 256 at most
        connections = report["firewall"]["connections"]
        self.assertEqual([connections[key] for key in ("made", "expired", "now")], [2, 1, 1])

    def test_a_connection_that_comes_again_is_known_again(self):
        def both(port):
            return [ip(*HERE, 17, udp(port, 53)), ip(*THERE, 17, udp(53, port))]
        frames = (both(5) + both(6)) * 3 + both(5) * 300
        captures.write_pcap(self.folder / "in.pcap", [
            captures.packet(f, 10**18 + i * 10**6 + (i >= 12) * 500 * 10**9) for i, f in enumerate(frames)])
        self.rules(table(chain("ct state established,new accept")))
        report = self.checked(self.end(self.start("--json", "--rules", "rules.nft", "--aging", "0",
                                                  "pcap:rx=in.pcap", "pcap:tx=out.pcap"))[0])
        self.assertGreater(report["firewall"]["known"], 500)


main()
