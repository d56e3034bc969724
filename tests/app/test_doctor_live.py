#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir-doctor on this machine, as root and as others, and where much is missing."""
import ctypes
import errno
import json
import os
import pathlib
import platform
import pty
import re
import shutil
import subprocess
import time
import unittest

from program import ProgramTest, main

IS_ROOT = os.geteuid() == 0
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]
# Numbers of mbind and move_pages (asm/unistd.h).
MEMORY_CALLS = {"x86_64": (237, 279), "aarch64": (235, 239)}


class Instruction(ctypes.Structure):
    """A struct sock_filter."""
    _fields_ = [("code", ctypes.c_uint16), ("if_true", ctypes.c_uint8),
                ("if_false", ctypes.c_uint8), ("k", ctypes.c_uint32)]


class Filter(ctypes.Structure):
    """A struct sock_fprog."""
    _fields_ = [("count", ctypes.c_uint16), ("instructions", ctypes.POINTER(Instruction))]


def forbid(*calls):
    """From here on these system calls fail with EPERM, as under docker's filter."""
    load_number, equal, give = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
    allow, refuse = 0x7fff0000, 0x00050000 | errno.EPERM
    program = [(load_number, 0, 0, 0)]
    for call in calls:
        program += [(equal, 0, 1, call), (give, 0, 0, refuse)]
    program.append((give, 0, 0, allow))
    instructions = (Instruction * len(program))(*program)
    libc = ctypes.CDLL(None, use_errno=True)
    set_no_new_privileges, set_seccomp, mode_filter = 38, 22, 2
    if libc.prctl(set_no_new_privileges, 1, 0, 0, 0) or libc.prctl(
            set_seccomp, mode_filter, ctypes.byref(Filter(len(program), instructions))):
        raise OSError(ctypes.get_errno(), "prctl")


class LiveTest(ProgramTest):
    program = "WEIR_DOCTOR"

    def examine(self, **more):
        report = json.loads(self.run_ok("--json", **more))
        self.assertIs(report["works"], True)
        self.lines = {line["name"]: line for line in report["checks"]}
        return self.lines

    def status(self, name):
        return self.lines[name]["status"]

    def under(self, *prefix):
        """Behind words that not every machine allows."""
        if not self.can(prefix):
            self.skipTest(f"cannot run under {prefix[0]} here")
        return self.examine(prefix=prefix)


class Live(LiveTest):
    def test_facts_are_those_of_the_kernel(self):
        self.examine()
        self.assertEqual(self.status("weir"), "ok")
        allowed = len(os.sched_getaffinity(0))
        self.assertIn(f"{allowed} allowed", self.lines["processors"]["value"])
        thp = pathlib.Path("/sys/kernel/mm/transparent_hugepage/enabled")
        if thp.exists():
            mode = re.search(r"\[(\w+)\]", thp.read_text())[1]
            self.assertEqual(self.lines["thp.enabled"]["value"], mode)
        for name, bit in ("cap_net_raw", 13), ("cap_net_admin", 12), ("cap_sys_nice", 23):
            held = int(re.search(r"CapEff:\s*(\w+)", pathlib.Path("/proc/self/status")
                                 .read_text())[1], 16) >> bit & 1
            if not pathlib.Path("/proc/self/uid_map").read_text().split() == ["0", "0", "4294967295"]:
                continue
            self.assertEqual(self.status(name) == "ok", bool(held), self.lines[name])

    def test_affinity(self):
        one = min(os.sched_getaffinity(0))
        self.under("taskset", "-c", str(one))
        self.assertIn(f"1 allowed ({one})", self.lines["processors"]["value"])

    def test_within_a_second(self):
        best = 60.0
        for _ in range(3):
            begun = time.monotonic()
            self.run_ok()
            best = min(best, time.monotonic() - begun)
        self.assertLess(best, 1)

    def test_leaves_nothing(self):
        before = self.leftovers()
        self.examine()
        self.assertEqual(self.leftovers(), before)
        self.assertEqual(list(self.folder.iterdir()), [])

    def leftovers(self):
        return ({p.name for p in pathlib.Path("/sys/class/net").glob("weirtry*")},
                {p.name for p in pathlib.Path("/dev/shm").glob("*weir*")})

    def test_commands_for_here_name_what_is_here(self):
        for line in self.examine().values():
            if line["cure"] and line["where"] == "here":
                for path in re.findall(r"> (/(?:sys|proc)/\S+)", line["cure"]):
                    self.assertTrue(os.access(path, os.W_OK), line)

    def test_locale_changes_nothing(self):
        outs = {self.values(env={**os.environ, "LC_ALL": name}) for name in ("C", "de_DE.UTF-8")}
        self.assertEqual(len(outs), 1)

    def values(self, **more):
        """All but what changes from moment to moment."""
        return json.dumps({n: line for n, line in self.examine(**more).items()
                           if not re.match(r"node|hugepages|cgroup.memory|weir", n)})

    def test_colours_only_on_a_terminal(self):
        self.assertNotIn("\033", self.run_ok())
        for environment, colours in ({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False), \
                ({"TERM": "xterm", "NO_COLOR": "1"}, False):
            ours, its = pty.openpty()
            process = self.start(stdout=its, env=environment)
            os.close(its)
            shown = b""
            try:
                while piece := os.read(ours, 65536):
                    shown += piece
            except OSError:  # how a terminal says that nobody writes any more
                pass
            os.close(ours)
            self.assertEqual(process.wait(), 0)
            process.stderr.close()
            self.assertEqual(b"\033[32m" in shown, colours, environment)

    def test_words(self):
        self.assertIn("weir works here", self.run_ok())
        self.assertEqual(self.run_ok("--quiet"), "")
        self.assertGreater(len(self.run_ok("--verbose")), len(self.run_ok()))
        self.fails(2, "something")
        with open("/dev/full", "wb") as full:
            self.fails(1, stdout=full)


class Others(LiveTest):
    def test_plain_user(self):
        self.under(*NOBODY, "--bounding-set=-net_raw,-net_admin")
        for name in "af_packet", "af_xdp", "tap":
            self.assertEqual(self.status(name), "problem")
            self.assertIsNone(self.lines[name]["cure"])  # setcap would be of no use
        self.under(*NOBODY)
        for name in "af_packet", "af_xdp", "tap":
            self.assertRegex(self.lines[name]["cure"] or "docker", "setcap|docker|podman")
        for line in self.lines.values():
            if line["cure"] and "/sys/" in line["cure"]:
                self.assertNotEqual(line["where"], "here", line)

    def test_setcap_cures(self):
        """The very command, on a copy of the program that it names."""
        if not IS_ROOT or not shutil.which("setcap"):
            self.skipTest("needs root and setcap")
        self.path = shutil.copy(self.path, self.folder / "weir-doctor")
        cure = self.under(*NOBODY)["af_packet"]["cure"]
        if not cure or not cure.startswith("setcap"):
            self.skipTest("a container, or no such capabilities to give")
        self.assertIn(str(self.folder), cure)
        subprocess.run(cure.split(), check=True)
        if self.under(*NOBODY)["cap_net_raw"]["status"] != "ok":
            self.skipTest("this filesystem does not give capabilities")
        for name in "af_packet", "af_xdp", "tap":
            self.assertEqual(self.status(name), "ok", self.lines[name])

    def test_user_namespace(self):
        self.under("unshare", "-Ur")
        self.assertIn("namespace", self.lines["container"]["value"])
        self.assertEqual(self.status("af_packet"), "problem")
        self.under("unshare", "-Urn")
        self.assertEqual(self.status("af_packet"), "ok")
        self.assertIn("user namespace", self.lines["cap_net_raw"]["value"])
        for line in self.lines.values():
            self.assertNotEqual(line.get("where"), "root", line)
        self.under(*NOBODY, "unshare", "-Ur")
        for line in self.lines.values():
            if line["cure"] and "/sys/" in line["cure"]:
                self.assertEqual(line["where"], "outside", line)

    def test_forbidden_calls(self):
        calls = MEMORY_CALLS.get(platform.machine())
        if not calls:
            self.skipTest("the numbers of the system calls are not known here")
        for forbidden, name in (calls[:1], "mbind"), (calls[1:], "move_pages"), (calls, "mbind"):
            self.examine(preexec_fn=lambda f=forbidden: forbid(*f))
            self.assertEqual(self.status("placement"), "warn")
            self.assertIn(f"{name}: Operation not permitted", self.lines["placement"]["value"])
            self.assertIn("seccomp", self.lines["placement"]["why"])
            self.assertEqual(self.lines["seccomp"]["value"], "a filter")

    @unittest.skipUnless(IS_ROOT, "needs root, for chroot")
    def test_chroot_without_anything(self):
        if b"__asan_" in pathlib.Path(self.path).read_bytes():
            self.skipTest("the address sanitizer itself needs /proc")
        libraries = subprocess.run(["ldd", self.path], check=True, capture_output=True,
                                   text=True).stdout
        for path in [self.path, *re.findall(r"(/\S+)", libraries)]:
            target = self.folder / path[1:]
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        self.under("chroot", str(self.folder))
        for name in "proc", "sysfs":
            self.assertEqual(self.status(name), "warn")
        for name in "hugepages", "thp.enabled", "nodes", "cgroup.memory", "clock.source":
            self.assertEqual(self.status(name), "absent")
            self.assertIn("unknown", self.lines[name]["value"])
        self.assertIn("allowed", self.lines["processors"]["value"])
        self.assertNotIn("0 allowed", self.lines["processors"]["value"])


main()
