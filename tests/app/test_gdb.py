# SPDX-License-Identifier: BSD-3-Clause
"""tools/gdb/weir.py shows a packet and the pools, in a process and in its core.

    test_gdb.py SCRIPT PROGRAM
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

PACKET = """\
mbuf N of pool 'clones' at 0x: 34 bytes, hash 0xabcdef
  |    128 |     26 |     74 |  held by 1, on the buffer of mbuf N of pool 'frames'
  |      6 |      8 |      0 |  held by 1, on external memory at 0x, frozen
  0x0000: 3031 3233 3435 3637 3839 6162 6364 6566  0123456789abcdef
  0x0010: 6768 696a 6b6c 6d6e 6f70 666f 7220 6576  ghijklmnopfor ev
  0x0020: 6572                                     er"""
POOLS = """\
  no  name                in use     count       max      size
   1  frames                   2        64        64       320
   2  clones                   1        32        32       320"""


def gdb(*words):
    command = ["gdb", "-q", "-nx", "-batch", "-ex", f"source {sys.argv[1]}", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False,
                          stdin=subprocess.DEVNULL)
    return done.stdout + done.stderr


def expect(wanted, printed):
    plain = re.sub(r"0x[0-9a-f]{9,}", "0x", re.sub(r"\bmbuf \d+", "mbuf N", printed))
    if wanted not in plain:
        sys.exit(f"--- wanted\n{wanted}\n--- in\n{printed}")


def main():
    if not shutil.which("gdb"):
        print("test_gdb: skipped: no gdb here (tools/deps test)", file=sys.stderr)
        return 77
    with tempfile.TemporaryDirectory() as folder:
        core = pathlib.Path(folder, "core")
        printed = gdb("-ex", "break look", "-ex", "run", "-ex", "print *mbuf", "-ex", "weir pools",
                      "-ex", "weir mbuf mbuf", "-ex", f"generate-core-file {core}",
                      sys.argv[2])
        if "ptrace: Operation not permitted" in printed:
            print("test_gdb: skipped: ptrace is not permitted here", file=sys.stderr)
            return 77
        expect("$1 = " + PACKET, printed)
        expect("\n" + PACKET, printed)
        expect(POOLS, printed)
        address = re.search(r"mbuf \d+ of pool 'clones' at (0x[0-9a-f]+)", printed)[1]
        printed = gdb("-ex", f"weir mbuf {address}", "-ex", "weir pools", "-c", str(core), sys.argv[2])
        expect(PACKET, printed)
        expect(POOLS, printed)
    expect("weir: no symbol", gdb("-ex", "weir pools"))
    return 0


sys.exit(main())
