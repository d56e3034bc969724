#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Guarded pools tell AddressSanitizer and valgrind what may be touched.

    test_poison.py asan|valgrind PROGRAM
"""
import shutil
import subprocess
import sys

DEEDS = ["read-free", "write-free", "read-past", "write-past"]
VALGRIND = ["valgrind", "-q", "--error-exitcode=9"]


def complaint(tool, program, deed):
    """What is wrong with how this deed ended, or None."""
    command = (VALGRIND if tool == "valgrind" else []) + [program, deed]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if deed == "nothing":
        return done.stderr if done.returncode or done.stderr else None
    if tool == "valgrind":
        caught = done.returncode == 9
    else:
        caught = done.returncode != 0 and "use-after-poison" in done.stderr
    return None if caught else f"status {done.returncode}, {done.stderr or 'nothing said'}"


def main():
    tool, program = sys.argv[1:]
    if tool == "valgrind" and not shutil.which("valgrind"):
        print("test_poison: skipped: there is no valgrind (apt-get install valgrind)")
        return 77
    # which bytes nobody wrote yet only valgrind knows
    deeds = ["nothing", *DEEDS, *(["read-unwritten"] if tool == "valgrind" else [])]
    failed = 0
    for deed in deeds:
        wrong = complaint(tool, program, deed)
        print(f"{deed}: {wrong or 'as it should be'}")
        failed += wrong is not None
    return 1 if failed else 0


sys.exit(main())
