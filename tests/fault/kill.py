#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Kill a program in the middle of anything: nothing of it stays.

    kill.py CHURN [SEED [ROUNDS WITHIN]]

It is killed so many times, each time within so many seconds of its start.
Its hugepages come back, also the reserved ones, /dev/hugepages and /dev/shm list what they did
before, no process is left. Other programs take and give hugepages at the same time: what they hold,
by the kernel's word, is counted in, and a round in which they moved is tried again.
"""
import contextlib
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

ROUNDS, WITHIN = 60, 0.08
NEEDED = 24  # 2 MiB pages: a region and a pool at a time, and as much for the children it forks
COUNTS = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB")
PATIENCE = 15  # s; the kernel gives pages back some ms after the death
SKIPPED = 77


def counts():
    return {name: int((COUNTS / name).read_text())
            for name in ("nr_hugepages", "free_hugepages", "resv_hugepages", "surplus_hugepages")}


def held_by_others():
    """KiB of hugepages in the mappings of all processes; files nobody has mapped are not in it."""
    total = 0
    for rollup in pathlib.Path("/proc").glob("[0-9]*/smaps_rollup"):
        try:
            lines = rollup.read_text().splitlines()
        except OSError:
            continue  # ended
        total += sum(int(line.split()[1]) for line in lines if "_Hugetlb:" in line)
    return total


def listings():
    return {folder: sorted(os.listdir(folder)) for folder in ("/dev/hugepages", "/dev/shm")
            if os.path.isdir(folder)}


def in_session(leader):
    """Processes that the killed one has left."""
    left = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            left.append(stat.parent.name)
    return left


def wait_for(before, held):
    """Until the counts are as before. What differs in the end, or None; and whether others moved."""
    end = time.monotonic() + PATIENCE
    while True:
        now = counts()
        if now == before:
            return None, False
        if now["nr_hugepages"] != before["nr_hugepages"] or held_by_others() != held:
            return now, True
        if time.monotonic() > end:
            return now, False
        time.sleep(0.02)


def kill_one(churn, seed, within):
    """One life. What is wrong, or None; and whether others may have done it."""
    before, held, files = counts(), held_by_others(), listings()
    with tempfile.TemporaryFile() as errors:  # a pipe would wait for whoever is left
        process = subprocess.Popen([churn, str(seed)], start_new_session=True, stderr=errors)
        time.sleep(random.Random(seed).uniform(0, within))
        ended = process.poll()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        errors.seek(0)
        complaint = errors.read().decode().strip()
    if ended is not None:
        # only others can have taken the pages
        return (None, True) if "wanted" in complaint else (f"it ended: {complaint}", False)
    now, others = wait_for(before, held)
    if others:
        return None, True
    if now:
        return f"hugepages were {before}, are {now}", False
    end = time.monotonic() + PATIENCE
    while in_session(process.pid):
        if time.monotonic() > end:
            return f"processes are left: {in_session(process.pid)}", False
        time.sleep(0.01)
    if listings() != files:
        return f"files were {files}, are {listings()}", True
    return None, False


def with_pages(missing):
    """Have the machine make more pages, by difference, as others do. False when it cannot."""
    try:
        path = COUNTS / "nr_hugepages"
        path.write_text(str(int(path.read_text()) + missing))
    except OSError:
        return False
    return counts()["free_hugepages"] - counts()["resv_hugepages"] >= NEEDED


def kill_many(churn, seed, rounds, within):
    disturbed = 0
    for number in range(rounds):
        always = True  # what others do is not so each time
        for _ in range(20):
            wrong, others = kill_one(churn, seed + number, within)
            always = always and wrong
            if not others:
                break
            disturbed += 1
            time.sleep(0.2)
        if wrong and (always or not others):
            print(f"kill: round {number}, seed {seed + number}: {wrong}")
            return 1
        if others:
            print("kill: others use hugepages all the time: nothing can be said", file=sys.stderr)
            return SKIPPED
    print(f"kill: {rounds} killed, {disturbed} more beside which others took or gave hugepages")
    return 0


def main():
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
    rounds, within = (int(sys.argv[3]), float(sys.argv[4])) if len(sys.argv) > 4 else (ROUNDS, WITHIN)
    print(f"seed {seed}", flush=True)
    if not COUNTS.is_dir():
        print("kill: no 2 MiB hugepages in this kernel", file=sys.stderr)
        return SKIPPED
    missing = max(0, NEEDED - counts()["free_hugepages"] + counts()["resv_hugepages"])
    enough = missing == 0 or with_pages(missing)
    try:
        if not enough:
            print(f"kill: too few 2 MiB hugepages: {counts()}", file=sys.stderr)
            return SKIPPED
        return kill_many(sys.argv[1], seed, rounds, within)
    finally:
        if missing:
            with_pages(-missing)


sys.exit(main())
