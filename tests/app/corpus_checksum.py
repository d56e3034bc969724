#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every checksum of the captures of a folder, verified by weir and by tshark.

    corpus_checksum.py PROGRAM DIRECTORY

PROGRAM is corpus_checksum, DIRECTORY the corpus with its captures in pcap/; WEIR_CORPUS names
another. tshark finds the headers, in tunnels too, and says what it thinks of each checksum; weir
gets the offsets and must think the same. Where one of the two cannot tell, or does not look, the
reason must be one of EXPLAINED. Exit status 1 when anything else differs, 77 without a corpus or
without tshark.
"""
import collections
import errno
import pathlib
import re
import subprocess
import sys
import tempfile

import captures

PROTOCOLS = {"ip": 0, "icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58, "sctp": 132}
OPTIONS = ("ip.check_checksum:TRUE", "tcp.check_checksum:TRUE", "udp.check_checksum:TRUE",
           "sctp.checksum:CRC 32c", "ip.defragment:FALSE", "ipv6.defragment:FALSE",
           "tcp.desegment_tcp_streams:FALSE")
NAME, POSITION, SHOWN = (re.compile(f' {key}="([^"]+)"') for key in ("name", "pos", "show"))
PLACES = {*PROTOCOLS, "ipv6"}
OURS = {0: "bad", 1: "good", 2: "none", -errno.EINVAL: "cut", -errno.ENOTSUP: "fragment"}
THEIRS = {0: "bad", 1: "good", 2: "unverified", 3: "none", 4: "illegal"}
AGREED = {("bad", "bad"), ("good", "good"), ("none", "none")}

Question = collections.namedtuple("Question", "packet l3 l4 protocol theirs sampled")


def word(data, at):
    return int.from_bytes(data[at:at + 2], "big")


def says_more(q, data):
    """A length in the packet runs out of what there is of it."""
    if data[q.l3] >> 4 == 6:
        end = q.l3 + 40 + word(data, q.l3 + 4)
    else:
        end = q.l3 + word(data, q.l3 + 2)
    least = {"tcp": 20, "udp": 8, "sctp": 12}.get(q.protocol, 4)
    if end > len(data) or q.l4 + least > end:
        return True
    return q.protocol == "udp" and q.l4 + word(data, q.l4 + 4) > end


def is_fragment(q, data):
    if data[q.l3] >> 4 == 4:
        return word(data, q.l3 + 6) & 0x3FFF != 0
    return data[q.l3 + 6] == 44 and word(data, q.l3 + 42) & 0xFFF9 != 0


# ours, theirs: why, and what must hold for the packet then
EXPLAINED = {
    ("cut", "unverified"): ("the capture has only a part of it", says_more),
    ("cut", "bad"): ("a false length, or quoted in part by ICMP: tshark adds up what is there",
                     says_more),
    ("cut", "good"): ("a false length in IP: tshark takes UDP's", says_more),
    ("cut", "none"): ("quoted in part by ICMP: tshark sees that the field is 0", says_more),
    ("fragment", "unverified"): ("only the whole datagram has a checksum", is_fragment),
    ("good", "unverified"): ("a sample of sFlow, which tshark does not verify",
                             lambda q, data: q.sampled),
    ("good", "bad"): ("behind Cisco's FabricPath (type 0x8903); tshark finds the same packet good "
                      "when that is cut off", lambda q, data: word(data, 12) == 0x8903),
}


def questions(capture):
    """What tshark finds, in its order."""
    command = ["tshark", "-n", "-r", capture, "-T", "pdml"]
    command += [word for option in OPTIONS for word in ("-o", option)]
    shark = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    grep = subprocess.Popen(["grep", "-E", r"<packet>|<proto |checksum\.status"],
                            stdin=shark.stdout, stdout=subprocess.PIPE, text=True,
                            errors="replace")
    shark.stdout.close()
    packet = 0
    for line in grep.stdout:
        if "<packet>" in line:
            packet, sampled, places = packet + 1, False, {}
            continue
        name, position = NAME.search(line)[1], POSITION.search(line)
        protocol = name.removesuffix(".checksum.status")
        sampled = sampled or name == "sflow"
        if "<proto " in line and name in PLACES and position:
            places[name] = int(position[1])
            if name in ("ip", "ipv6"):
                l3 = places[name]
        elif "<field " in line and protocol in PROTOCOLS:
            yield Question(packet, l3, places[protocol], protocol,
                           THEIRS[int(SHOWN.search(line)[1])], sampled)
    grep.wait()
    assert shark.wait() == 0, "tshark failed"


def answers(program, capture, asked):
    lines = "".join(f"{q.packet} {q.l3} {q.l4} {PROTOCOLS[q.protocol]}\n" for q in asked)
    out = subprocess.run([program, "verify", capture], input=lines, stdout=subprocess.PIPE,
                         text=True, check=True).stdout
    return [OURS[int(line)] for line in out.split()]


def judge(asked, found, packets):
    """Print what was found how often; how many differ without an explanation."""
    tally, differ = collections.Counter(), 0
    for q, ours in zip(asked, found):
        tally[q.protocol, ours, q.theirs] += 1
        if (ours, q.theirs) in AGREED:
            continue
        _, holds = EXPLAINED.get((ours, q.theirs), (None, lambda q, data: False))
        if not holds(q, packets[q.packet - 1].data):
            differ += 1
            print(f"{q}: weir says {ours}")
    for (protocol, ours, theirs), count in sorted(tally.items()):
        why = EXPLAINED.get((ours, theirs), [""])[0]
        print(f"{protocol:8} weir {ours:10} tshark {theirs:10} {count:7}  {why}")
    print(f"{len(asked)} checksums, {differ} differ")
    return differ


def main():
    program = sys.argv[1]
    corpus = captures.corpus(sys.argv[2])
    if not corpus:
        return captures.SKIPPED
    with tempfile.TemporaryDirectory(prefix="weir-test-") as folder:
        capture = pathlib.Path(folder, "all.pcapng")
        subprocess.run([program, "merge", corpus, capture], check=True)
        asked = list(questions(capture))
        found = answers(program, capture, asked)
        packets = captures.read(capture)
    assert len(found) == len(asked) > 0
    return 1 if judge(asked, found, packets) else 0


sys.exit(main())
