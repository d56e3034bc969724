# SPDX-License-Identifier: BSD-3-Clause
"""Network namespaces for a test, with names of their own, gone at its end whatever happens.

    require("curl")         skips loudly where there is no right to make any
    net = Net()
    net.veth("a", "wa")     eth0 in namespace a leads to wa in namespace w
    net.run("a", "ping", ...)
    net.close()

Namespace w is where weir runs; a and b are the hosts on either side of it. Their addresses are
net.address("a") and so on.
"""
import atexit
import os
import re
import shutil
import subprocess
import sys
import time

SKIPPED = 77
TIMEOUT = 60  # s, for any command, and what is waited for
PREFIX = "weir-net-"
HOSTS = {"a": 1, "b": 2}


def skip(reason):
    """Leave the whole test, and say why."""
    print(f"SKIPPED: {reason}", file=sys.stderr)
    sys.exit(SKIPPED)


def call(*words, check=True, timeout=TIMEOUT, **more):
    """Run a command to its end; its stdout. With check, a failure shows what it said."""
    done = subprocess.run(list(map(str, words)), check=False, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout, **more)
    text = done.stdout.decode(errors="replace")
    if check and done.returncode:
        raise AssertionError(f"{' '.join(map(str, words))}: status {done.returncode}: {text}")
    return text


def remove_left_behind():
    """Namespaces of tests that were killed."""
    for name in re.findall(rf"^{PREFIX}(\d+)-(\w+)", call("ip", "netns", "list"), re.M):
        if not os.path.exists(f"/proc/{name[0]}"):
            call("ip", "netns", "delete", f"{PREFIX}{name[0]}-{name[1]}", check=False)


def wait_until(is_so, what):
    """Until is_so() says yes; fails with what when that takes too long."""
    end = time.monotonic() + TIMEOUT
    while not is_so():
        if time.monotonic() > end:
            raise AssertionError(f"not within {TIMEOUT} s: {what}")
        time.sleep(0.01)


def require(*programs):
    """To be called first: skips the test where programs are missing, or namespaces cannot be
    made."""
    missing = [name for name in programs if not shutil.which(name)]
    if missing:
        skip(f"not installed: {', '.join(missing)}")
    if os.geteuid() != 0:
        skip("making network namespaces takes root")
    try:
        remove_left_behind()
        Net().close()
    except (OSError, AssertionError) as error:
        skip(f"no network namespaces here: {error}")


class Net:
    count = 0

    def __init__(self, mtu=1500):
        self.mtu = mtu
        self.names = {}
        Net.count += 1
        atexit.register(self.close)
        for short in ("w", *HOSTS):
            self.add(short)

    def add(self, short):
        name = f"{PREFIX}{os.getpid()}-{short}{Net.count}"
        call("ip", "netns", "add", name)
        self.names[short] = name
        self.ip(short, "link", "set", "lo", "up")

    def close(self):
        for name in self.names.values():
            call("ip", "netns", "delete", name, check=False)
        self.names = {}
        atexit.unregister(self.close)

    def prefix(self, short):
        """Words in front of a command that runs it there."""
        return ("ip", "netns", "exec", self.names[short])

    def ip(self, short, *words, **more):
        return call("ip", "-n", self.names[short], *words, **more)

    def run(self, short, *words, **more):
        return call(*self.prefix(short), *words, **more)

    def start(self, short, *words):
        """A command in the background; the caller ends it."""
        return subprocess.Popen([*self.prefix(short), *map(str, words)], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def veth(self, host, peer):
        """eth0 in the host's namespace, and its other end in that of weir, up."""
        call("ip", "link", "add", "eth0", "netns", self.names[host], "mtu", self.mtu, "type",
             "veth", "peer", "name", peer, "netns", self.names["w"], "mtu", self.mtu)
        self.ip("w", "link", "set", peer, "up")
        self.ip(host, "link", "set", "eth0", "up")
        # a worker of the kernel says so later; until then nothing that weir sends there arrives
        wait_until(lambda: "state UP" in self.ip("w", "link", "show", peer), f"{peer} is up")

    def counted(self, short, name, figure):
        """What the kernel has counted of an interface."""
        return int(self.run(short, "cat", f"/sys/class/net/{name}/statistics/{figure}"))

    def address(self, host, vlan=0):
        return f"10.9.{vlan}.{HOSTS[host]}"

    def address6(self, host):
        return f"fd09::{HOSTS[host]}"

    def configure(self, host):
        """The host's eth0, by whatever way it came there."""
        self.ip(host, "link", "set", "eth0", "mtu", self.mtu, "up")
        self.ip(host, "address", "add", f"{self.address(host)}/24", "dev", "eth0")
        self.ip(host, "address", "add", f"{self.address6(host)}/64", "dev", "eth0", "nodad")
