#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Regions in a memory control group: refused with a sentence beyond its limit, never killed for it,
and given what pages of files leave when the kernel gives them up. The limit is that of a group above
the process'. Usage: test_cgroup.py MEM, the program of examples/mem.c"""
import os
import pathlib
import subprocess
import sys
import tempfile

SKIPPED = 77
LIMIT = 200 << 20


def own_group():
    """The directory of our memory control group, and the names of its limit; or a reason."""
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        number, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            return pathlib.Path("/sys/fs/cgroup/memory" + path), "memory.limit_in_bytes"
        if number == "0" and "memory" in read("/sys/fs/cgroup/cgroup.controllers").split():
            return pathlib.Path("/sys/fs/cgroup"), "memory.max"
    return None, "no memory control group"


def read(path):
    try:
        return pathlib.Path(path).read_text()
    except OSError:
        return ""


def run(leaf, *command):
    """Run a command inside the group. Its status and what it says."""
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60,
                           preexec_fn=lambda: (leaf / "cgroup.procs").write_text(str(os.getpid())))
    return ended.returncode, ended.stdout + ended.stderr


def expect(what, result, status, word):
    if result[0] != status or word not in result[1]:
        sys.exit(f"{what}: status {result[0]}, {result[1]}")


def look(mem, leaf):
    expect("too much", run(leaf, mem, "300", "4K"), 1, "memory is full: wanted 300 MiB")
    expect("what fits", run(leaf, mem, "120", "4K"), 0, "120 MiB on 4 KiB pages")
    with tempfile.NamedTemporaryFile(dir="/var/tmp") as file:
        fill = f"head -c {150 << 20} /dev/zero > {file.name}; sync; cat {file.name} > /dev/null"
        expect("a file", run(leaf, "sh", "-c", fill), 0, "")
        expect("what fits beside a file", run(leaf, mem, "120", "4K"), 0, "120 MiB on 4 KiB pages")


def main():
    group, limit = own_group()
    if not group:
        print(f"skipped: {limit}")
        return SKIPPED
    above = group / f"weir-test-{os.getpid()}"
    leaf = above / "leaf"
    try:
        above.mkdir()
        leaf.mkdir()
        (above / limit).write_text(str(LIMIT))
    except OSError as error:
        print(f"skipped: no control group can be made: {error}")
        remove(leaf, above)
        return SKIPPED
    try:
        look(sys.argv[1], leaf)
    finally:
        remove(leaf, above)
    return 0


def remove(*groups):
    for group in groups:
        if group.exists():
            group.rmdir()


sys.exit(main())
