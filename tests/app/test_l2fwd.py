#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir-l2fwd: what a learning bridge does with frames made by hand.

The bridge takes a burst of up to 32 frames of each port in turn. So what is learned from the first
frames of port 0 is known to all of port 1 and later ones, and to port 0 itself.
"""
import captures
from captures import frame, packet
from program import SAMPLE, SOURCES, ProgramTest, main

A, B, C, D = (f"02:00:00:00:00:0{n}" for n in "abcd")
ALL = "ff:ff:ff:ff:ff:ff"
GROUP = "01:00:5e:00:00:01"
DROPS = {"runt", "not_ethernet", "reserved", "filtered", "no_output", "pool_dry", "tx_full",
         "tx_failed", "tx_dry", "tx_unfit", "tx_down", "tx_too_long", "tx_refused", "rx_kernel",
         "rx_damaged", "rx_filtered"}


class BridgeTest(ProgramTest):
    program = "WEIR_L2FWD"

    def bridge(self, *inputs, options=()):
        """Run it over one list of frames for each port. Frames out of each port, and the drops
        that were counted."""
        specs = []
        for i, frames in enumerate(inputs):
            captures.write_pcap(self.folder / f"in{i}.pcap", [packet(f) for f in frames])
            specs.append(f"pcap:rx=in{i}.pcap,tx=out{i}.pcap")
        report = self.report(*options, *specs)
        self.assertEqual(report["rx_packets"], sum(map(len, inputs)))
        outputs = [[p.data for p in captures.read(self.folder / f"out{i}.pcap")]
                   for i in range(len(inputs))]
        self.assertEqual(report["tx_packets"], sum(map(len, outputs)))
        self.assertEqual(report["dropped"].keys(), DROPS)
        self.stations = report["stations"]
        return outputs, {k: v for k, v in report["dropped"].items() if v}


class Forwarding(BridgeTest):
    def test_unknown_is_flooded(self):
        f = frame(B, A, b"hello")
        self.assertEqual(self.bridge([f], [], []), ([[], [f], [f]], {}))

    def test_every_port_floods_to_all_others(self):
        f = [frame(ALL, mac, b"who") for mac in (A, B, C, D)]
        outputs, drops = self.bridge(*[[x] for x in f])
        self.assertEqual(outputs, [[f[1], f[2], f[3]], [f[0], f[2], f[3]], [f[0], f[1], f[3]],
                                   [f[0], f[1], f[2]]])
        self.assertEqual(drops, {})

    def test_known_goes_to_its_port_only(self):
        hello, answer = frame(ALL, A), frame(A, B, b"answer")
        self.assertEqual(self.bridge([hello], [answer], []),
                         ([[answer], [hello], [hello]], {}))

    def test_broadcast_and_multicast_are_flooded_though_learned(self):
        groups = [frame(ALL, A), frame(GROUP, A)]
        self.assertEqual(self.bridge(groups, [], []), ([[], groups, groups], {}))

    def test_not_back_to_where_it_came_from(self):
        hello, local = frame(ALL, A), frame(A, B)
        self.assertEqual(self.bridge([hello, local], []), ([[], [hello]], {"filtered": 1}))

    def test_reserved_groups_stay(self):
        reserved = [frame(f"01:80:c2:00:00:{n:02x}", A) for n in range(16)]
        others = [frame(f"01:80:c2:00:00:{n:02x}", A) for n in (16, 32, 255)]
        others.append(frame("01:80:c2:00:01:00", A))
        self.assertEqual(self.bridge(reserved + others, []), ([[], others], {"reserved": 16}))

    def test_the_source_of_a_reserved_frame_is_learned(self):
        to_a = frame(A, B)
        self.assertEqual(self.bridge([frame("01:80:c2:00:00:00", A)], [to_a], []),
                         ([[to_a], [], []], {"reserved": 1}))

    def test_group_sources_are_not_learned(self):
        from_group, to_group = frame(B, GROUP), frame(GROUP, B)
        self.assertEqual(self.bridge([from_group], [to_group], []),
                         ([[to_group], [from_group], [from_group, to_group]], {}))
        self.assertEqual(self.stations, 1)

    def test_a_station_moves(self):
        # 32 frames a turn: port 2 asks for A once before and once after A spoke on port 1
        fill = [frame(GROUP, C)] * 31
        before, after = frame(A, C, b"before"), frame(A, C, b"after")
        outputs, drops = self.bridge([frame(ALL, A)],
                                     [frame(GROUP, B)] * 32 + [frame(ALL, A, b"moved")],
                                     [before] + fill + [after])
        self.assertEqual(outputs[0].count(before), 1)
        self.assertEqual(outputs[1].count(before), 0)
        self.assertEqual(outputs[0].count(after), 0)
        self.assertEqual(outputs[1].count(after), 1)
        self.assertEqual(drops, {})

    def test_no_aging_time_floods_always(self):
        hello, answer = frame(ALL, A), frame(A, B)
        self.assertEqual(self.bridge([hello], [answer], [], options=["--aging", "0"]),
                         ([[answer], [hello], [hello, answer]], {}))

    def test_runts(self):
        whole = frame(B, A)
        self.assertEqual(len(whole), 14)
        self.assertEqual(self.bridge([whole[:13], whole[:1], b"", whole], []),
                         ([[], [whole]], {"runt": 3}))

    def test_frames_in_many_segments(self):
        f = frame(B, A, bytes(range(256)) * 10)
        for size in 1, 5, 64:
            options = ["--pool", f"count=32768,size={size}"]
            self.assertEqual(self.bridge([f], [], [], options=options), ([[], [f], [f]], {}))

    def test_other_link_types_are_dropped(self):
        packets = captures.read(SOURCES / "tests/data/sample.pcapng")
        ethernet = [p for p in packets if p.link == captures.ETHERNET]
        report = self.report(f"pcap:rx={SOURCES / 'tests/data/sample.pcapng'}", "pcap:tx=out.pcap",
                             "--aging", "0")
        self.assertEqual(captures.read(self.folder / "out.pcap"), ethernet)
        self.assertEqual(report["dropped"]["not_ethernet"], len(packets) - len(ethernet))

    def test_many_ports(self):
        f = frame(ALL, A)
        outputs, _ = self.bridge([f], *[[]] * 63)
        self.assertEqual(outputs, [[]] + [[f]] * 63)

    def test_more_stations_than_places(self):
        captures.write_pcap(self.folder / "in.pcap", [
            packet(frame(B, f"02:00:00:{i >> 16:02x}:{i >> 8 & 255:02x}:{i & 255:02x}"))
            for i in range(50000)])
        report = self.report("pcap:rx=in.pcap", "pcap:tx=out.pcap")
        self.assertEqual(report["stations"] + report["displaced"], 50000)
        self.assertLessEqual(report["stations"], 16384)

    def test_sample(self):
        """Two stations and their own multicast on one wire: all is flooded or filtered."""
        packets = captures.read(SAMPLE)
        report = self.report(f"pcap:rx={SAMPLE}", "pcap:tx=all.pcap", "--aging", "0")
        self.assertEqual(captures.read(self.folder / "all.pcap"), packets)
        report = self.report(f"pcap:rx={SAMPLE}", "pcap:tx=some.pcap")
        written = captures.read(self.folder / "some.pcap")
        self.assertEqual(report["dropped"]["filtered"] + len(written), len(packets))
        self.assertGreater(report["dropped"]["filtered"], 1000)


class Ends(BridgeTest):
    def test_pool_dry(self):
        """The pool has buffers for a burst and not for copies of all of it."""
        f = [frame(ALL, A, b"%d" % i) for i in range(100)]
        outputs, drops = self.bridge(f, [], [], [], options=["--pool", "count=40"])
        self.assertEqual(outputs[3], f)
        self.assertGreater(drops["pool_dry"], 0)
        self.assertEqual(len(outputs[1]) + len(outputs[2]) + drops["pool_dry"], 200)

    def test_tx_full(self):
        captures.write_pcap(self.folder / "in.pcap", [packet(frame(ALL, A))] * 100)
        report = self.report("pcap:rx=in.pcap", "pair:nobody,ring=64", "--duration", "200ms")
        self.assertEqual(report["ended_by"], "duration")  # the pair might still bring frames
        self.assertEqual((report["dropped"]["tx_full"], report["tx_packets"]), (36, 64))

    def test_limit(self):
        captures.write_pcap(self.folder / "in.pcap", [packet(frame(ALL, A))] * 100)
        report = self.report("pcap:rx=in.pcap", "pcap:tx=out.pcap", "--limit", "45")
        self.assertEqual((report["rx_packets"], report["ended_by"]), (45, "limit"))
        self.assertEqual(len(captures.read(self.folder / "out.pcap")), 45)

    def test_workers(self):
        """Two workers share the table and the limit."""
        for ports in ("null:size=64,queues=2", "null:queues=3"), ("null:size=64", "null:"):
            report = self.report(*ports, "--workers", "2", "--limit", "100000")
            self.assertEqual((report["rx_packets"], report["ended_by"]), (100000, "limit"))
        captures.write_pcap(self.folder / "in.pcap", [])
        for port in "null:queues=1", "in.pcap":
            err, _ = self.fails(2, "null:", port, "--workers", "2")
            self.assertIn(f"'{port}' has 1: take that many workers, or a port with queues=2", err)

    def test_interrupt(self):
        process = self.start("null:size=64", "null:size=64", "--json")
        self.interrupt(process)
        report = self.checked(self.end(process)[0])
        self.assertEqual(report["ended_by"], "signal")

    def test_a_damaged_input_does_not_stop_the_others(self):
        good = [frame(ALL, B, b"%d" % i) for i in range(100)]
        captures.write_pcap(self.folder / "bad.pcap", [packet(frame(ALL, A))] * 10)
        whole = (self.folder / "bad.pcap").read_bytes()
        (self.folder / "bad.pcap").write_bytes(whole[:-3])
        captures.write_pcap(self.folder / "good.pcap", [packet(f) for f in good])
        err, out = self.fails(1, "--json", "pcap:rx=bad.pcap,tx=a.pcap",
                              "pcap:rx=good.pcap,tx=b.pcap")
        self.assertIn("bad.pcap", err)
        report = self.checked(out)
        self.assertEqual(report["rx_packets"], 109)
        self.assertEqual([p.data for p in captures.read(self.folder / "a.pcap")], good)
        self.assertEqual(len(captures.read(self.folder / "b.pcap")), 9)

    def test_a_port_without_output(self):
        captures.write_pcap(self.folder / "in.pcap", [packet(frame(ALL, A))])
        captures.write_pcap(self.folder / "empty.pcap", [])
        self.assertEqual(self.report("in.pcap", "empty.pcap")["dropped"]["no_output"], 1)
        # it does not keep the others from theirs
        self.report("in.pcap", "empty.pcap", "pcap:tx=out.pcap")
        self.assertEqual(len(captures.read(self.folder / "out.pcap")), 1)
        # nor can it be learned as a way out
        captures.write_pcap(self.folder / "b.pcap", [packet(frame(A, B))])
        drops = self.report("in.pcap", "pcap:rx=b.pcap,tx=out.pcap")["dropped"]
        self.assertEqual(drops["no_output"], 1)


main()
