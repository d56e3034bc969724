#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Compare the layers that weir finds in packets with those that tshark finds.

    corpus_parse.py CORPUS_PARSE CORPUS

CORPUS_PARSE is the program of that name. Compared are the packets of tests/fuzz/packets.py and those
of every capture in CORPUS/pcap: which headers, where, and how long. What differs must be one of
DIFFERENCES. Exit status 1 when something else differs, 77 (skipped, to meson) without tshark or corpus.
"""
import collections
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "fuzz")]
import captures  # noqa: E402
import packets  # noqa: E402

SKIPPED = 77
SHOWN = 20  # of what differs without a reason

# tshark's name of a protocol and ours.
NAMES = {"eth": "eth", "vlan": "vlan", "ieee8021ad": "vlan", "mpls": "mpls", "pppoed": "pppoe",
         "pppoes": "pppoe", "ppp": "ppp", "chdlc": "chdlc", "null": "loopback", "arp": "arp",
         "ip": "ipv4", "ipv6": "ipv6", "ipv6.hopopts": "hop-by-hop", "ipv6.routing": "routing",
         "ipv6.fraghdr": "fragment", "ipv6.dstopts": "destination", "mipv6": "mobility",
         "ah": "ah", "tcp": "tcp", "udp": "udp", "sctp": "sctp", "icmp": "icmp",
         "icmpv6": "icmpv6", "igmp": "igmp", "esp": "esp", "gre": "gre", "vxlan": "vxlan",
         "geneve": "geneve"}
# Both versions of the cooked header have one name.
COOKED = {16: "sll", 20: "sll2"}
# What is no header; "raw" stands for the lack of one.
LEFT_OUT = {"geninfo", "frame", "ethertype", "raw", "data", "fake-field-wrapper"}
NOTES = re.compile(r"_ws\.|pkt_comment")
# For tshark the header of these ends with the packet.
OPEN = {"sctp", "icmp", "icmpv6", "igmp", "esp"}
EXTENSIONS = {"hop-by-hop", "routing", "fragment", "destination", "mobility"}

# Parts of packets stay parts; extension headers stand for themselves.
PREFERENCES = ("ip.defragment:FALSE", "ipv6.defragment:FALSE", "tcp.desegment_tcp_streams:FALSE",
               "ipv6.exthdr_under_root_protocol_tree:TRUE")

Layer = collections.namedtuple("Layer", "name offset length")


class Difference:
    """Where ours and theirs part: what each has from there on, and how ours ended."""

    def __init__(self, end, ours, theirs):
        self.end = end
        same = 0
        while same < min(len(ours), len(theirs)) and equal(ours[same], theirs[same]):
            same += 1
        self.before = ours[:same]
        self.ours, self.theirs = ours[same:], theirs[same:]

    def last(self):
        return self.before[-1].name if self.before else None

    def only_theirs(self, end, *names):
        """We stopped here; they went on with one of names."""
        return (not self.ours and self.end == end and self.theirs and
                (not names or self.theirs[0].name in names))


# Why tshark and weir may differ, and how such a difference looks.
DIFFERENCES = {
    "tshark knows LLC (IEEE 802.2), which weir takes for an unknown protocol":
        lambda d: d.only_theirs("unknown", "llc"),
    "tshark shows a header that contradicts itself (version, length), for weir it is none":
        lambda d: d.only_theirs("malformed"),
    "tshark shows the part that is there of a header, for weir it is none":
        lambda d: d.only_theirs("cut"),
    "tshark takes IPv6 extension headers in IPv4, too":
        lambda d: d.last() == "ipv4" and d.only_theirs("unknown", *EXTENSIONS),
    "weir takes an IPv6 payload of length 0 to go to the end, tshark only in a jumbogram":
        lambda d: d.last() == "ipv6" and d.ours and not d.theirs,
    "tshark counts the tags of PPPoE discovery as part of its header":
        lambda d: d.end == "done" and [o.name for o in d.ours] == ["pppoe"] and
        [t.name for t in d.theirs] == ["pppoe"],
    "weir stops after 24 layers, tshark elsewhere":
        lambda d: d.end == "full" and len(d.before) + len(d.ours) == 24,
    "tshark knows GRE with routing (RFC 1701), which is no longer in use":
        lambda d: d.only_theirs("unknown", "gre"),
    "tshark takes any UDP to VXLAN's port for it, weir wants its flag":
        lambda d: d.last() == "udp" and d.only_theirs("unknown", "vxlan"),
    "tshark has a name of its own for the cooked header of netlink":
        lambda d: d.end == "unknown" and [o.name for o in d.ours] == ["sll"] and not d.theirs,
}


def equal(ours, theirs):
    return ours[:2] == theirs[:2] and (ours.length == theirs.length or ours.name in OPEN)


def explain(difference):
    return next((why for why, looks in DIFFERENCES.items() if looks(difference)), None)


def our_packets(text):
    """File, number in it, end and layers of each packet."""
    path, number = None, 0
    for line in text.splitlines():
        end, *layers = line.split()
        if end == "=":
            path, number = line[2:], 0
            continue
        number += 1
        fields = (layer.rsplit(":", 2) for layer in layers)
        yield path, number, end, [Layer(n, int(o), int(s)) for n, o, s in fields]


def configure(folder):
    """Settings in which tshark knows the protocols of NAMES only, which makes it fast."""
    known = {*NAMES, *LEFT_OUT, "sll", "pppoe", "llc"}
    listed = subprocess.run(["tshark", "-G", "protocols"], check=True, capture_output=True, text=True)
    names = [line.split("\t")[2] for line in listed.stdout.splitlines()]
    off = [n for n in names if n not in known and not n.startswith(("ipv6.", "_ws."))]
    (folder / "disabled_protos").write_text("\n".join(off) + "\n")
    return {**os.environ, "WIRESHARK_CONFIG_DIR": str(folder)}


def read_proto(line):
    """A line of PDML as a layer, or None for one that does not count."""
    proto = re.search(r'<proto name="([^"]*)"', line)
    if not proto or proto[1] in LEFT_OUT or NOTES.match(proto[1]):
        return None
    size = int(re.search(r' size="(\d+)"', line)[1])
    name = COOKED.get(size) if proto[1] == "sll" else NAMES.get(proto[1], proto[1])
    return Layer(name, int(re.search(r' pos="(\d+)"', line)[1]), size)


def their_packets(merged, environment):
    options = [word for p in PREFERENCES for word in ("-o", p)]
    with subprocess.Popen(["tshark", "-n", "-r", merged, "-T", "pdml", "-j", "none", *options],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
                          text=True, errors="replace") as tshark:
        for line in tshark.stdout:
            if line.startswith("<packet>"):
                layers = []
            elif line.startswith("</packet>"):
                yield layers
            elif "<proto " in line:
                layer = read_proto(line)
                layers += [layer] if layer else []


def compare(name, program, folder, scratch, environment):
    """Compare the captures in a folder. How many packets there are, how many differ for each reason,
    and how often something was wrong."""
    merged = scratch / "merged.pcapng"
    ran = subprocess.run([program, folder, merged], capture_output=True, text=True)
    sys.stdout.write(ran.stderr)
    theirs = their_packets(merged, environment)
    tally, wrong, count = collections.Counter(), ran.returncode, 0
    for path, number, end, ours in our_packets(ran.stdout):
        count += 1
        there = next(theirs, None)
        if there is None:
            print(f"{path}: packet {number}: tshark does not have it")
            return count, tally, wrong + 1
        difference = Difference(end, ours, there)
        if not difference.ours and not difference.theirs:
            continue
        why = explain(difference)
        tally[why] += 1
        wrong += why is None
        if why is None and tally[why] <= SHOWN:
            print(f"{path}: packet {number}: {end}\n  ours   {ours}\n  tshark {there}")
    if next(theirs, None) is not None:
        print(f"{name}: tshark has more packets")
        wrong += 1
    print(f"{name}: {count} packets, {sum(tally.values())} with a difference, {wrong} wrong")
    for why, times in tally.most_common():
        print(f"  {times:6} {why or 'no reason known'}")
    return count, tally, wrong


def write_made(folder):
    folder.mkdir()
    made = list(packets.packets())
    for link in {p.link for p in made}:
        captures.write_pcap(folder / f"{link}.pcap",
                            [captures.packet(p.data) for p in made if p.link == link], link)


def main():
    program, corpus = sys.argv[1:]
    corpus = pathlib.Path(os.environ.get("WEIR_CORPUS", corpus))
    with tempfile.TemporaryDirectory() as name:
        scratch = pathlib.Path(name)
        try:
            environment = configure(scratch)
        except FileNotFoundError:
            print("skipped: no tshark")
            return SKIPPED
        write_made(scratch / "made")
        _, reasons, wrong = compare("made", program, scratch / "made", scratch, environment)
        found, _, more = compare("corpus", program, corpus / "pcap", scratch, environment)
    for why in set(DIFFERENCES) - set(reasons):
        print(f"no packet of tests/fuzz/packets.py shows it: {why}")
        wrong += 1
    if wrong or more:
        return 1
    if not found:
        print("skipped: no corpus; WEIR_CORPUS names its directory")
        return SKIPPED
    return 0


sys.exit(main())
