#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The packets that weir puts together from the fragments of a folder's captures, and those of tshark.

    corpus_fragment.py CORPUS_FRAGMENT CORPUS

CORPUS_FRAGMENT is the program of that name. Both must complete the same packets with the same
frames, and to the same bytes. Exit status 1 when they do not, 77 (skipped, to meson) without tshark
or corpus.
"""
import subprocess
import sys

import captures

FIELDS = ("frame.number", "ip.reassembled.data", "ipv6.reassembled.data")


def ours(program, corpus):
    """Frame to payload, and the figures, for each file with fragments."""
    out = subprocess.run([program, corpus], stdout=subprocess.PIPE, text=True, check=True).stdout
    files, path = {}, None
    for line in out.splitlines():
        if line.startswith("= "):
            path, packets = line[2:], {}
        elif line.startswith("# "):
            files[path] = packets, line[2:]
        else:
            number, payload = line.split()
            packets[int(number)] = payload
    return files


def theirs(path):
    command = ["tshark", "-n", "-r", path, "-Y", "ip.reassembled.length or ipv6.reassembled.length",
               "-T", "fields", *(word for field in FIELDS for word in ("-e", field))]
    out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    found = {}
    for line in out.splitlines():
        number, *payloads = line.split("\t")
        found[int(number)] = next(p for p in payloads if p).replace(":", "")
    return found


def main():
    corpus = captures.corpus(sys.argv[2])
    if not corpus:
        return captures.SKIPPED
    same = differ = 0
    for path, (packets, figures) in ours(sys.argv[1], corpus).items():
        other = theirs(path)
        for frame in sorted(packets.keys() | other.keys()):
            if packets.get(frame) == other.get(frame):
                same += 1
                continue
            differ += 1
            print(f"{path}: frame {frame}: weir has {len(packets.get(frame, '')) // 2} bytes, "
                  f"tshark {len(other.get(frame, '')) // 2}")
        print(f"{path}: {figures}")
    print(f"{same} packets are the same, {differ} differ")
    return 1 if differ or not same else 0


sys.exit(main())
