#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir-fw with several threads that judge: what comes out, and what is counted, is what it is with one.

    FW_SEED     of rules, packets and sessions at random (3)
    FW_PACKETS  of the sessions (1500)
"""
import collections
import json
import os
import random
import socket
import struct
import subprocess
import threading
import time

import captures
import fw_parts
import fw_random
import fw_sessions
from fw_frames import chain, ip, table, udp
from fw_live import HERE, INSIDE, OUTSIDE, SEED, THERE, Fifo, LiveTest, mac
from program import TIMEOUT, main

PACKETS = int(os.environ.get("FW_PACKETS", 1500))
STATES = table(chain("ct state invalid counter drop\nct state related counter accept\n"
                     "ct state established counter accept\nct state new meta l4proto tcp counter accept\n"
                     "ct state new counter accept\ncounter drop"))


def figures(report):
    """What does not depend on which packet was judged first."""
    firewall = report["firewall"]
    return [{k: firewall.get(k) for k in ("read", "accepted", "dropped", "rejected", "not_ip", "malformed", "logged")},
            [(c["chain"], c.get("policy_hits"), [r["hits"] for r in c["rules"]]) for c in firewall["chains"]],
            {k: v for k, v in firewall.get("connections", {}).items() if k in ("made", "invalid", "now")},
            report["dropped"]]


class AsOne(LiveTest):
    def compare(self, frames, workers, *options):
        """All that comes out, but for the order, and all that was counted. Frames of a flow stay in order."""
        results = []
        for count in 1, workers:
            captures.write_pcap(self.folder / "in.pcap", [
                captures.packet(f, 10**18 + j * 10**6) for j, f in enumerate(frames)])
            out, err = self.end(self.start("--json", "--rules", "rules.nft", "--aging", 0, "--workers", count, *options,
                                           "inside=pcap:rx=in.pcap", "outside=pcap:tx=out.pcap"))
            self.assertNotIn("error", err)
            results.append((self.checked(out), [p.data for p in captures.read(self.folder / "out.pcap")]))
        (one, expected), (several, out) = results
        self.assertEqual(collections.Counter(out), collections.Counter(expected))
        self.assertEqual(figures(several), figures(one))
        return out, several

    def test_random_rules(self):
        def accepts(text):
            self.rules(text)
            return "limit" not in text and subprocess.run(
                [self.path, "--rules", "rules.nft", "--check"], check=False, cwd=self.folder,
                capture_output=True).returncode == 0
        text = fw_random.Rules(SEED).text(accepts)
        self.rules(text)
        out, _ = self.compare(list(fw_random.Packets(SEED).frames(1000)), 3, "--log", "log.json")
        self.assertTrue(SEED != 3 or 0 < len(out) < 1000, text)

    def test_sessions_in_fragments(self):
        """Both directions, errors, pings and fragments come to the connection that they belong to."""
        self.rules(STATES)
        frames = fw_parts.Cutter(random.Random(SEED)).frames(fw_sessions.Sessions(SEED).frames(PACKETS))
        _, report = self.compare(list(frames), 4)
        rules = report["firewall"]["chains"][0]["rules"]
        self.assertTrue(all(rule["hits"]["packets"] > 0 for rule in rules[:5]), rules)
        self.assertGreater(report["dropped"]["fragments"], 10)

    def test_many_threads(self):
        self.rules(STATES)
        self.compare(list(fw_sessions.Sessions(SEED + 1).frames(500)), 16, "--idle", "sleep")

    def test_bad_use(self):
        self.rules("")
        for words in (["in.pcap", "--workers", 2], ["null", "null", "--workers", 0], ["null", "null", "--workers", 63]):
            self.fails(2, "--rules", "rules.nft", *words)


class Asked(Fifo):
    FLOWS = 12

    def flow(self, frame):
        return frame[34:38]

    def numbers(self, count):
        frames = self.numbered(count)
        return [ip(*(HERE, THERE)[i % 2], 17, udp(*ports[::1 - i % 2 * 2], f[42:]))
                for i, f in enumerate(frames) for ports in ((1000 + (len(self.written) + i) // 2 % self.FLOWS, 53),)]

    def test_all_threads_are_asked(self):
        """Rules, connections and events are those of all threads."""
        process = self.run_fifo(table(chain("ct state new counter accept\nct state established counter accept")),
                                "--workers", 3, "--events", "events")
        self.write([ip(*HERE, 17, udp(port, 53)) for port in range(1, 1001)])
        self.await_judged()
        ports, place, parts = [], 0, 0
        while place is not None:
            part = self.ask("conntrack", limit=170, **{"from": place})["ok"]
            self.assertEqual(part["connections"], 1000)
            ports += [c["source_port"] for c in part["list"]]
            place, parts = part.get("next"), parts + 1
        self.assertEqual((sorted(ports), parts), (list(range(1, 1001)), 6))
        self.write([ip(*THERE, 17, udp(53, port)) for port in range(1, 501)])
        self.await_judged()
        listed = self.ask("list ruleset")["ok"]
        self.assertIn("ct state new counter packets 1000 bytes 28000 accept", listed)
        self.assertIn("ct state established counter packets 500 bytes 14000 accept", listed)
        self.assertEqual(self.ask("conntrack", **{"from": 2**30})["ok"]["list"], [])
        report, _ = self.finish(process)
        told = collections.Counter(json.loads(line)["event"]
                                   for line in (self.folder / "events").read_text().splitlines())
        self.assertEqual(told, {"new": 1000, "update": 500})
        self.assertEqual(report["firewall"]["read"]["packets"], 1500)

    def test_reload_under_load(self):
        """Each packet meets the old rules or the new ones, each flow keeps its order, and all are counted."""
        texts = [table(chain(f"udp dport {port} drop\nudp sport {port} drop\nct state new,established accept"))
                 for port in (1000, 1001)]
        process = self.run_fifo(texts[0], "--workers", 3)
        writer = threading.Thread(target=lambda: [self.write(self.numbers(240)) for _ in range(60)])
        writer.start()
        for i in range(1, 20):
            self.rules(texts[i % 2])
            self.assertEqual(self.ask("reload")["ok"], {"rules": 3})
        writer.join()
        passed, dropped = self.await_judged()
        report, _ = self.finish(process)
        by_flow = collections.Counter(min(struct.unpack_from("!HH", f, 34), struct.unpack_from("!HH", f, 34)[::-1],
                                          key=lambda ports: ports[1])[0]
                                      for f in (p.data for p in captures.read(self.folder / "out.pcap")))
        each = len(self.written) // self.FLOWS
        self.assertEqual([by_flow[port] for port in range(1002, 1000 + self.FLOWS)], [each] * (self.FLOWS - 2))
        self.assertEqual(dropped, 2 * each - by_flow[1000] - by_flow[1001])
        self.assertEqual(report["firewall"]["accepted"]["packets"], passed)
        self.assertEqual(report["firewall"]["reloads"], 19)


class Routed(Fifo):
    """A router with one address outside for all clients, whose ports clash."""
    CLIENTS, PORTS, SERVER, OUTSIDE = 30, 4, "203.0.113.9", "203.0.113.1"
    RULES = """table inet t {{
        chain nat {{ type nat hook postrouting priority srcnat; oifname "outside" masquerade; }}
        chain c {{ type filter hook forward priority filter; policy drop;
            udp dport {} counter drop
            iifname "inside" counter accept
            ct state established counter accept
        }}
    }}"""

    def begin(self, workers, known=True):
        os.mkfifo(self.folder / "fifo1")
        neighbours = [(f"10.0.0.{i + 2}", INSIDE) for i in range(self.CLIENTS)] + [(self.SERVER, OUTSIDE)] * known
        self.rules(self.RULES.format(53))
        self.written = []
        os.mkfifo(self.folder / "fifo")
        process = self.start(
            "--json", "--rules", "rules.nft", "--control", "run.sock", "--workers", workers,
            "--address", "inside=10.0.0.1/24", "--address", f"outside={self.OUTSIDE}/16",
            *(word for n in neighbours for word in ("--neighbour", "=".join(n))),
            "inside=pcap:rx=fifo,tx=out0.pcap", "outside=pcap:rx=fifo1,tx=out1.pcap")
        self.addCleanup(process.kill)
        captures.write_pcap(self.folder / "head.pcap", [])
        self.fifos = []
        for name in "fifo", "fifo1":
            self.fifos.append(open(self.folder / name, "wb", buffering=0))
            self.addCleanup(self.fifos[-1].close)
            self.fifos[-1].write((self.folder / "head.pcap").read_bytes())
        self.await_socket()
        return process

    def send(self, side, frames):
        self.fifo = self.fifos[side]
        self.write(frames)

    def await_gone(self, count):
        """Until so many were sent or dropped."""
        begun = time.monotonic()
        while True:
            stages = {s["name"]: s for s in self.ask("pipeline")["ok"][0]["stages"]}
            gone = stages["out0"]["packets"] + stages["out1"]["packets"] + stages["firewall"]["counters"]["rules"]
            if gone >= count:
                break
            self.assertLess(time.monotonic() - begun, TIMEOUT)
        self.assertEqual(gone, count)

    def question(self, client, port, to, number):
        return mac(ip(f"10.0.0.{client + 2}", self.SERVER, 17, udp(4000 + port, to, struct.pack("!I", number))),
                   "02:77:65:69:72:01", INSIDE)

    def wait_for_neighbour(self, workers):
        """Packets for one that is not known yet wait, a certain number of them, and go in order."""
        process = self.begin(workers, known=False)
        self.send(0, [self.question(0, 0, 54, n) for n in range(300)])
        begun = time.monotonic()
        while sum(s["counters"].get("no neighbour", 0) for s in self.ask("pipeline")["ok"][0]["stages"]) < 300 - 256:
            self.assertLess(time.monotonic() - begun, TIMEOUT)
        self.send(1, [bytes.fromhex(("027765697202" + OUTSIDE + "08060001080006040002" + OUTSIDE).replace(":", "")) +
                      socket.inet_aton(self.SERVER) + bytes.fromhex("027765697202") + socket.inet_aton(self.OUTSIDE)])
        while self.ask("pools")["ok"][0]["in_use"]:
            self.assertLess(time.monotonic() - begun, TIMEOUT)
        for fifo in self.fifos:
            fifo.close()
        report = self.checked(self.end(process)[0])
        self.assertEqual(report["dropped"]["no_neighbour"], 300 - 256)
        out = [p.data for p in captures.read(self.folder / "out1.pcap") if p.data[12:14] == b"\x08\x00"]
        self.assertEqual([struct.unpack_from("!I", f, 42)[0] for f in out], list(range(256)))

    def test_wait_for_neighbour(self):
        self.wait_for_neighbour(1)

    def test_wait_for_neighbour_behind_several(self):
        self.wait_for_neighbour(3)

    def test_translated_under_load(self):
        """No two connections get one port, answers find theirs, and rules are replaced meanwhile."""
        process = self.begin(4)
        flows = [(client, port, to) for client in range(self.CLIENTS) for port in range(self.PORTS) for to in (53, 54)]
        rounds = 20
        writer = threading.Thread(target=lambda: [self.send(0, [self.question(*flow, n) for flow in flows])
                                                  for n in range(rounds)])
        writer.start()
        reloads = 0
        while writer.is_alive() or reloads % 2 == 0:
            reloads += 1
            self.rules(self.RULES.format((53, 55)[reloads % 2]))
            self.assertEqual(self.ask("reload")["ok"], {"rules": 4})
        writer.join()
        asked = len(flows) * rounds
        self.await_gone(asked)
        self.send(0, [self.question(*flow, rounds) for flow in flows])  # now all pass
        self.await_gone(asked + len(flows))
        connections = self.ask("conntrack", limit=1000)["ok"]["list"]
        ends = {(c["source"], c["source_port"], c["destination_port"]): c["answers"]["destination_port"]
                for c in connections}
        self.assertEqual(len(ends), len(flows))
        self.assertEqual(len({(port, end[2]) for end, port in ends.items()}), len(flows))
        self.assertEqual({c["answers"]["destination"] for c in connections}, {self.OUTSIDE})
        self.send(1, [mac(ip(self.SERVER, self.OUTSIDE, 17, udp(end[2], port)), "02:77:65:69:72:02", OUTSIDE)
                      for end, port in ends.items()])
        self.await_gone(asked + 2 * len(flows))
        for fifo in self.fifos:
            fifo.close()
        report = self.checked(self.end(process)[0])
        answered = {(".".join(map(str, f[30:34])), *struct.unpack_from("!HH", f, 34)[::-1])
                    for f in (p.data for p in captures.read(self.folder / "out0.pcap"))}
        self.assertEqual(answered, set(ends))
        last = {}
        for frame in (p.data for p in captures.read(self.folder / "out1.pcap")):
            ports, number = struct.unpack_from("!HH", frame, 34), struct.unpack_from("!I", frame, 42)[0]
            self.assertGreater(number, last.get(ports, -1))
            last[ports] = number
        self.assertEqual(set(last), {(port, end[2]) for end, port in ends.items()})
        firewall = report["firewall"]
        self.assertEqual(firewall["reloads"], reloads)
        self.assertEqual(firewall["read"]["packets"], len(self.written))
        self.assertEqual(firewall["dropped"]["packets"], report["dropped"]["rules"])
        self.assertEqual(firewall["connections"]["now"], len(flows))
        # since the last reload
        self.assertEqual([r["hits"]["packets"] for r in firewall["chains"][1]["rules"]][2], len(flows))


main()
