#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir-doctor --need: does a pool fit, and what makes it fit?"""
import json
import os
import re
import subprocess

from program import TIMEOUT, ProgramTest, main
from trees import GIB, LARGE, SMALL, USUAL, Node, Tree

FITS, DOES_NOT, MISUSE = 0, 1, 2
ON_NODE = "/sys/devices/system/node/node{}/hugepages/hugepages-{}kB/nr_hugepages"
ON_ALL = "/sys/kernel/mm/hugepages/hugepages-{}kB/nr_hugepages"
MILLION = 1120  # hugepages of 2 MiB under 1,048,576 mbufs of 2,240 bytes


class NeedTest(ProgramTest):
    program = "WEIR_DOCTOR"

    def ask(self, tree, status, *needs):
        """The lines for these pools on a tree, or on this machine."""
        words = ["--json", *(["--sysroot", tree.folder] if tree else [])]
        out, err = self.end(self.start(*words, *(f"--need={n}" for n in needs)), status)
        self.assertEqual(err, "")
        report = json.loads(out)
        self.assertEqual(report["fits"], status == FITS)
        self.assertEqual(len(report["checks"]), len(needs))
        return report["checks"]

    def is_cured(self, line, *commands):
        self.assertEqual(line["cure"], " && ".join(commands) if commands else None, line)


class Arithmetic(NeedTest):
    def test_bytes_are_those_of_the_library(self):
        """weir-replay makes the pool and says how large it is."""
        for count, size in (8192, 2048), (100032, 1), (4096, 100), (9984, 9000), (65536, 1856), \
                (65536, 1857), (65536, 1920), (3008, 65535):
            run = subprocess.run([os.environ["WEIR_REPLAY"], "null:size=1", "--to", "null",
                                  "--limit", "1", "--json", "--pages", "4K",
                                  "--pool", f"count={count},size={size}"],
                                 check=True, capture_output=True, timeout=TIMEOUT)
            took = re.match(r"([\d.]+ \w+)", json.loads(run.stdout)["pool"]["memory"])[1]
            line = self.ask(Tree(self.folder), FITS, f"pool={count} x {size}, pages=4K")[0]
            self.assertIn(f"{count} x {size} bytes take {took} ", line["value"])

    def test_pages(self):
        """An odd number of lines for each: 64 + 128 + size bytes."""
        tree = Tree(self.folder, Node(0, memory=64 * GIB, free=60 * GIB), sizes=(SMALL, USUAL))
        for pool, size, pages in ("1M x 2KiB", "2M", MILLION), ("1M x 2112", "2M", MILLION + 64), \
                ("1M x 1", "2M", 160), ("1M x 64", "2M", 160), ("1M x 128", "2M", 160), \
                ("1M x 129", "2M", 224), ("1K x 2048", "64K", 35), ("1025 x 2KiB", "64K", 36), \
                ("1 x 1", "2M", 1), ("1 x 1MiB", "2M", 1), ("8K x 9000B", "2M", 37):
            line = self.ask(tree, DOES_NOT, f"pool={pool}, pages={size}")[0]
            self.assertIn(f"{pages} hugepages of {size}", line["value"], pool)
            self.is_cured(line, f"echo {pages} > {ON_ALL.format(SMALL if size == '64K' else USUAL)}")

    def test_one_page_less(self):
        for free, status in (MILLION, FITS), (MILLION - 1, DOES_NOT):
            tree = Tree(self.folder, Node(0, huge={USUAL: (2000, free)}))
            line = self.ask(tree, status, "pool=1M x 2KiB, node=0, pages=2M")[0]
            self.is_cured(line, *([] if free == MILLION else
                                  [f"echo 2001 > {ON_NODE.format(0, USUAL)}"]))

    def test_promised_pages_are_not_free(self):
        tree = Tree(self.folder, Node(0, huge={USUAL: (2000, 2000)}))
        tree.put_pages(reserved=2000 - MILLION)
        self.ask(tree, FITS, "pool=1M x 2KiB, pages=2M")
        tree.put_pages(reserved=2001 - MILLION)
        line = self.ask(tree, DOES_NOT, "pool=1M x 2KiB, pages=2M")[0]
        self.is_cured(line, f"echo 2001 > {ON_ALL.format(USUAL)}")


class Places(NeedTest):
    def test_pages_on_the_other_node(self):
        tree = Tree(self.folder, Node(0, huge={USUAL: (1200, 1200)}), Node(1, huge={USUAL: (9, 0)}))
        self.ask(tree, FITS, "pool=1M x 2KiB, node=0, pages=2M")
        self.ask(tree, FITS, "pool=1M x 2KiB, pages=2M")
        line = self.ask(tree, DOES_NOT, "pool=1M x 2KiB, node=1, pages=2M")[0]
        self.is_cured(line, f"echo {9 + MILLION} > {ON_NODE.format(1, USUAL)}")
        self.assertEqual(line["where"], "here")

    def test_several_pools_share(self):
        tree = Tree(self.folder, Node(0), Node(1, huge={USUAL: (2000, 2000)}))
        need = "pool=1M x 2KiB, node=1, pages=2M"
        first, second = self.ask(tree, DOES_NOT, need, need)
        self.assertEqual((first["status"], second["status"]), ("ok", "problem"))
        self.is_cured(second, f"echo {2 * MILLION} > {ON_NODE.format(1, USUAL)}")

    def test_each_command_counts_those_before(self):
        tree = Tree(self.folder, Node(0, memory=32 * GIB, free=30 * GIB))
        need = "pool=1M x 2KiB, pages=2M"
        lines = self.ask(tree, DOES_NOT, need, need, need)
        for i, line in enumerate(lines, 1):
            self.is_cured(line, f"echo {i * MILLION} > {ON_ALL.format(USUAL)}")

    def test_memory_to_make_them_from(self):
        """6 GiB are free: two pools can be cured, for the third there is no command."""
        lines = self.ask(Tree(self.folder), DOES_NOT, *["pool=1M x 2KiB, node=0, pages=2M"] * 3)
        self.assertEqual([bool(line["cure"]) for line in lines], [True, True, False])
        self.assertIn("enough for", lines[2]["why"])
        room = (6 << 30) - 2 * MILLION * (2 << 20)
        self.assertIn(f"enough for {room // 2240} buffers", lines[2]["why"])

    def test_the_first_node_without_memory(self):
        tree = Tree(self.folder, Node(0, memory=0, free=0), Node(1))
        need = "pool=1M x 2KiB, pages=2M"
        lines = self.ask(tree, DOES_NOT, need, need)
        for i, line in enumerate(lines, 1):
            self.is_cured(line, f"echo {i * MILLION} > {ON_ALL.format(USUAL)}")

    def test_nodes_that_are_none(self):
        tree = Tree(self.folder, Node(0), Node(1, memory=0, free=0), Node(2))
        tree.put_process(mems="0-1")
        for node, why in (1, "no memory"), (2, "cpuset"), (3, "no such node"):
            line = self.ask(tree, DOES_NOT, f"pool=1K x 2KiB, node={node}")[0]
            self.assertIn(why, line["why"])
            self.is_cured(line)

    def test_a_cpuset_gets_a_command_for_its_node(self):
        """The number for all nodes would put half of them where they are not allowed."""
        tree = Tree(self.folder, Node(0), Node(1))
        tree.put_process(mems="1")
        line = self.ask(tree, DOES_NOT, "pool=1M x 2KiB, pages=2M")[0]
        self.is_cured(line, f"echo {MILLION} > {ON_NODE.format(1, USUAL)}")

    def test_a_kernel_without_nodes(self):
        tree = Tree(self.folder, numa=False)
        line = self.ask(tree, DOES_NOT, "pool=1M x 2KiB, node=0, pages=2M")[0]
        self.is_cured(line, f"echo {MILLION} > {ON_ALL.format(USUAL)}")

    def test_outside(self):
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        if not self.can(nobody):
            self.skipTest("cannot become somebody else, or others cannot enter the build folder")
        tree = Tree(self.folder)
        out, _ = self.end(self.start("--json", "--sysroot", tree.folder, "--need",
                                     "pool=1M x 2KiB, pages=2M", prefix=nobody), DOES_NOT)
        self.assertEqual(json.loads(out)["checks"][0]["where"], "root")


class Kinds(NeedTest):
    def test_any_takes_the_largest(self):
        tree = Tree(self.folder, Node(0, huge={USUAL: (1200, 1200), LARGE: (4, 4)}))
        line = self.ask(tree, FITS, "pool=1M x 2000")[0]
        # of 3 GiB more than an eighth would lie idle
        self.assertIn("1120 hugepages of 2M", line["value"])
        line = self.ask(tree, FITS, "pool=1M x 2816")[0]
        self.assertIn("3 hugepages of 1G", line["value"])

    def test_any_goes_down_and_says_what_is_better(self):
        tree = Tree(self.folder, Node(0, huge={USUAL: (100, 60)}))
        line = self.ask(tree, FITS, "pool=1M x 2KiB, node=0")[0]
        self.assertEqual(line["status"], "warn")
        self.assertIn("transparent hugepages: fits", line["value"])
        self.is_cured(line, f"echo {100 + MILLION - 60} > {ON_NODE.format(0, USUAL)}")
        tree.put("sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]")
        line = self.ask(tree, FITS, "pool=1M x 2KiB, node=0")[0]
        self.assertIn("base pages: fits", line["value"])

    def test_no_hugetlb(self):
        tree = Tree(self.folder, sizes=())
        line = self.ask(tree, FITS, "pool=1M x 2KiB")[0]
        self.assertEqual(line["status"], "ok")
        line = self.ask(tree, DOES_NOT, "pool=1M x 2KiB, pages=2M")[0]
        self.assertIn("does not offer", line["why"])

        lines = self.ask(tree, DOES_NOT, *["pool=1M x 2KiB"] * 3)
        self.assertEqual([line["status"] for line in lines], ["ok", "ok", "problem"])

    def test_any_for_a_small_pool(self):
        line = self.ask(Tree(self.folder, sizes=()), FITS, "pool=100 x 2KiB")[0]
        self.assertIn("on base pages: fits", line["value"])
        line = self.ask(Tree(self.folder), FITS, "pool=100 x 2KiB")[0]  # 1.8 MiB would lie idle
        self.is_cured(line)

    def test_transparent_never(self):
        tree = Tree(self.folder)
        self.ask(tree, FITS, "pool=1M x 2KiB, pages=thp")
        line = self.ask(tree, DOES_NOT, "pool=100 x 2KiB, pages=thp")[0]
        self.assertIn("smaller than one", line["why"])
        path = "/sys/kernel/mm/transparent_hugepage/enabled"
        tree.put(path[1:], "always madvise [never]")
        line = self.ask(tree, DOES_NOT, "pool=1M x 2KiB, pages=thp")[0]
        self.is_cured(line, f"echo madvise > {path}")

    def test_memory(self):
        tree = Tree(self.folder, Node(0, free=3 * GIB), Node(1, free=2 * GIB))
        self.ask(tree, FITS, "pool=2M x 2KiB, pages=4K")
        self.ask(tree, FITS, "pool=1M x 2KiB, node=0, pages=4K")
        line = self.ask(tree, DOES_NOT, "pool=1M x 2KiB, node=1, pages=4K")[0]
        self.assertIn(f"enough for {(2 << 30) // 2240} buffers", line["why"])
        lines = self.ask(tree, DOES_NOT, *["pool=1M x 2KiB, pages=4K"] * 3)
        self.assertEqual([line["status"] for line in lines], ["ok", "ok", "problem"])

    def test_a_group_with_little_memory(self):
        tree = Tree(self.folder)
        tree.put("proc/self/cgroup", "0::/a")
        tree.put("sys/fs/cgroup/a/memory.max", str(1 << 30))
        tree.put("sys/fs/cgroup/a/memory.current", str(1 << 20))
        line = self.ask(tree, DOES_NOT, "pool=1M x 2KiB, pages=4K")[0]
        self.is_cured(line, f"echo {2240 * (1 << 20) + (1 << 20)} > /sys/fs/cgroup/a/memory.max")
        self.ask(tree, FITS, "pool=1K x 2KiB, pages=4K")

    def test_a_group_with_few_hugepages(self):
        tree = Tree(self.folder, Node(0, huge={USUAL: (1000, 1000)}))
        tree.put("proc/self/cgroup", "0::/")
        tree.put("sys/fs/cgroup/hugetlb.2MB.max", str(100 << 21))
        tree.put("sys/fs/cgroup/hugetlb.2MB.current", str(10 << 21))
        self.ask(tree, FITS, f"pool={90 * 936} x 2KiB, pages=2M")
        line = self.ask(tree, DOES_NOT, "pool=1M x 2KiB, pages=2M")[0]
        self.is_cured(line, f"echo {(MILLION + 10) << 21} > /sys/fs/cgroup/hugetlb.2MB.max",
                      f"echo {MILLION} > {ON_ALL.format(USUAL)}")

    def test_a_limit_of_addresses(self):
        tree = Tree(self.folder)
        tree.put("proc/self/limits", "Max address space  1073741824  unlimited  bytes")
        line = self.ask(tree, DOES_NOT, "pool=1M x 2KiB")[0]
        self.is_cured(line, "ulimit -v unlimited")
        self.ask(tree, FITS, "pool=100K x 2KiB")


class Words(NeedTest):
    def test_ways_to_write_it(self):
        tree = Tree(self.folder, Node(0, huge={USUAL: (2000, 2000)}))
        same = {self.ask(tree, FITS, need)[0]["value"] for need in (
            "pool=1M x 2KiB, node=0, pages=2M", "pool=1Mx2K,node=0,pages=2M",
            " pages = 2M , node=0, pool = 1048576 x 2048 ", "pool=1024K x 2048B,pages=2m,node=0")}
        self.assertEqual(len(same), 1)

    def test_used_wrongly(self):
        for need in ("", "pool", "pool=", "pool=1M", "pool=x", "pool=1M x", "pool=x 2K",
                     "pool=0 x 2K", "pool=1M x 0", "pool=-1 x 2K", "pool=1T x 2K", "node=1",
                     "pool=1M x 2K, node=", "pool=1M x 2K, node=1024", "pool=1M x 2K, node=any",
                     "pool=1M x 2K, pages=3M", "pool=1M x 2K, pages=", "pool=1M x 2K, pages=2K",
                     "pool=1M x 2K,", "pool=1M x 2K, size=1", "pool=1M x 2K, pool=1M x 2K",
                     "pool=1M x 2K x 3", "pool=4G x 2K", "pool=2G x 2K", "pool=1 x 2G"):
            with self.subTest(need=need):
                self.fails(MISUSE, "--need", need)
        self.fails(MISUSE, "--need", "pool=1K x 2K", "more")
        self.fails(MISUSE, *["--need=pool=1K x 2K"] * 65)
        for folder in "missing", "", "/dev/null":
            self.fails(MISUSE, "--sysroot", folder)

    def test_table(self):
        tree = Tree(self.folder, Node(0))
        out, err = self.end(self.start("--sysroot", tree.folder, "--need",
                                       "pool=1M x 2KiB, node=0, pages=2M"), DOES_NOT)
        self.assertEqual(err, "")
        self.assertRegex(out, r"\Aproblem +need +1048576 x 2048 bytes take 2.188 GiB, 1120 hugepages"
                         r" of 2M: does not fit\n +.*wanted 1120, free 0\n +run: echo 1120 > /sys/")
        quiet = self.end(self.start("--quiet", "--sysroot", tree.folder, "--need",
                                    "pool=1M x 2KiB, pages=2M"), DOES_NOT)
        self.assertEqual(quiet, ("", ""))

    def test_this_machine(self):
        """A small pool fits anywhere that the tests run, an absurd one nowhere."""
        self.ask(None, FITS, "pool=1K x 2KiB")
        line = self.ask(None, DOES_NOT, "pool=1G x 64KiB, pages=4K")[0]
        self.assertIn("64.19 TiB", line["value"])


main()
