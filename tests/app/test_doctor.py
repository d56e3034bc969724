#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir-doctor looking at machines that are made up, for what each lacks and how it is cured."""
import json
import shutil

from program import ProgramTest, main
from trees import GIB, LARGE, SMALL, USUAL, Node, Tree

PATH = "/sys/devices/system/node/node{}/hugepages/hugepages-2048kB/nr_hugepages"


class DoctorTest(ProgramTest):
    program = "WEIR_DOCTOR"

    def examine(self, tree, *options, **more):
        """The lines by name, of a tree."""
        report = json.loads(self.run_ok("--json", "--sysroot", tree.folder, *options, **more))
        self.assertEqual(report.keys(), {"program", "version", "checks", "works"})
        self.assertIsNone(report["works"])  # nothing is tried
        self.lines = {}
        for line in report["checks"]:
            keys = {"name", "status", "value", "why", "cure"}
            self.assertEqual(line.keys(), keys | ({"where"} if line["cure"] else set()))
            self.assertIn(line["status"], {"ok", "warn", "problem", "absent"})
            self.assertNotIn(line["name"], self.lines)
            self.lines[line["name"]] = line
        return self.lines

    def bad(self):
        return {n for n, line in self.lines.items() if line["status"] in ("warn", "problem")}

    def is_line(self, name, status, value=None, cure=None, why=None):
        line = self.lines[name]
        self.assertEqual(line["status"], status, line)
        if value is not None:
            self.assertIn(value, line["value"])
        if why is not None:
            self.assertIn(why, line["why"])
        self.assertEqual(line["cure"], cure, line)


class Nodes(DoctorTest):
    def test_one_node(self):
        self.examine(Tree(self.folder, Node(0, huge={USUAL: (512, 300)})))
        self.assertEqual(self.bad(), set())
        self.is_line("nodes", "ok", "1, with memory: 0")
        self.is_line("node0", "ok", "8 GiB, 6 GiB available; processors 0-3")
        self.is_line("hugepages.2M.node0", "ok", "512, 300 free")
        self.is_line("hugepages.1G.node0", "absent", "0, 0 free")

    def test_cached_files_make_room(self):
        tree = Tree(self.folder)
        tree.put("sys/devices/system/node/node0/meminfo",
                 f"Node 0 MemTotal: {8 * GIB} kB\nNode 0 MemFree: {GIB} kB\n"
                 f"Node 0 FilePages: {3 * GIB} kB\nNode 0 Shmem: {GIB} kB")
        self.examine(tree)
        self.is_line("node0", "ok", "8 GiB, 2 GiB available")

    def test_two_nodes_with_hugepages_on_the_wrong_one(self):
        self.examine(Tree(self.folder, Node(0, cpus="0-1", huge={USUAL: (512, 512)}),
                          Node(1, cpus="2-3", huge={USUAL: (7, 0)})))
        self.assertEqual(self.bad(), {"hugepages.2M.node1"})
        self.is_line("hugepages.2M.node0", "ok", "512, 512 free")
        self.is_line("hugepages.2M.node1", "warn", "7, 0 free", f"echo 519 > {PATH.format(1)}",
                     "other nodes")

    def test_four_nodes(self):
        self.examine(Tree(self.folder, *[Node(n, cpus=str(n)) for n in range(4)]))
        self.is_line("nodes", "ok", "4, with memory: 0-3")
        self.assertEqual(self.bad(), {f"hugepages.2M.node{n}" for n in range(4)})
        for n in range(4):
            self.is_line(f"hugepages.2M.node{n}", "warn", "0, 0 free",
                         f"echo 512 > {PATH.format(n)}", "transparent")

    def test_numbers_with_a_gap(self):
        self.examine(Tree(self.folder, Node(0, cpus="0-1"), Node(8, cpus="2-3")))
        self.is_line("nodes", "ok", "2, with memory: 0,8")
        self.is_line("hugepages.2M.node8", "warn", cure=f"echo 512 > {PATH.format(8)}")

    def test_a_node_without_memory(self):
        self.examine(Tree(self.folder, Node(0, cpus="0-1", huge={USUAL: (9, 9)}),
                          Node(1, memory=0, free=0, cpus="2-3")))
        self.assertEqual(self.bad(), {"node1"})
        self.is_line("nodes", "ok", "2, with memory: 0")
        self.is_line("node1", "warn", "no memory; processors 2-3")
        self.assertNotIn("hugepages.2M.node1", self.lines)

    def test_a_node_without_processors(self):
        self.examine(Tree(self.folder, Node(0, huge={USUAL: (9, 9)}), Node(1, cpus="")))
        self.assertEqual(self.bad(), set())
        self.is_line("node1", "ok", "processors none", why="without processors")
        self.is_line("hugepages.2M.node1", "absent")  # nobody works there

    def test_a_kernel_without_nodes(self):
        self.examine(Tree(self.folder, numa=False))
        self.is_line("nodes", "absent", "the kernel knows none")
        self.is_line("node0", "ok", "8 GiB, 6 GiB available; processors 0-3")
        self.is_line("hugepages.2M.node0", "warn", "0, 0 free",
                     "echo 512 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")

    def test_a_small_machine_gets_smaller_advice(self):
        self.examine(Tree(self.folder, Node(0, memory=GIB // 2, free=GIB // 4)))
        self.is_line("hugepages.2M.node0", "warn", cure=f"echo 32 > {PATH.format(0)}")
        self.examine(Tree(self.folder, Node(0, memory=GIB // 2, free=1000)))
        self.is_line("hugepages.2M.node0", "warn")  # no memory to make them from

    def test_a_cpuset_that_forbids_a_node(self):
        tree = Tree(self.folder, Node(0, huge={USUAL: (9, 9)}), Node(1, huge={USUAL: (9, 9)}))
        tree.put_process(mems="0")
        self.examine(tree)
        self.assertEqual(self.bad(), {"node1"})
        self.is_line("node1", "warn", why="cpuset")
        tree.put(".dockerenv", "")
        tree.put_namespaces(pid=4026532000)
        self.examine(tree)
        self.is_line("node1", "warn", cure="docker run --cpuset-mems=0-1 ...")
        self.assertEqual(self.lines["node1"]["where"], "start")

    def test_processors(self):
        tree = Tree(self.folder, cpus="0-7")
        tree.put("sys/devices/system/cpu/isolated", "6-7")
        tree.put_process(cpus="0-2,5")
        self.examine(tree)
        self.is_line("processors", "ok", "8 online (0-7), 4 allowed (0-2,5), isolated: 6-7",
                     why="--lcores 6-7")


class Pages(DoctorTest):
    def test_no_hugetlb(self):
        tree = Tree(self.folder, sizes=())
        self.examine(tree)
        self.is_line("hugepages", "absent", "offers none")
        self.assertEqual(self.bad(), set())

    def test_base_pages_of_64k(self):
        """As some arm64 have them, with other sizes of hugepages."""
        self.examine(Tree(self.folder, sizes=(USUAL, 512 * 1024, 16 * GIB)))
        self.assertIn("hugepages.512M.node0", self.lines)
        self.assertIn("hugepages.16G.node0", self.lines)
        self.assertEqual(self.bad(), {"hugepages.2M.node0"})
        self.examine(Tree(self.folder, sizes=(SMALL, USUAL, 32 * 1024, LARGE)))
        self.assertIn("hugepages.64K.node0", self.lines)
        self.assertEqual(self.bad(), {"hugepages.2M.node0"})

    def test_transparent(self):
        tree = Tree(self.folder, Node(0, huge={USUAL: (9, 9)}))
        folder = "/sys/kernel/mm/transparent_hugepage"
        tree.put(f"{folder[1:]}/enabled", "always madvise [never]")
        tree.put(f"{folder[1:]}/defrag", "always defer defer+madvise madvise [never]")
        self.examine(tree)
        self.assertEqual(self.bad(), {"thp.enabled", "thp.defrag"})
        self.is_line("thp.enabled", "warn", "never", f"echo madvise > {folder}/enabled")
        self.is_line("thp.defrag", "warn", "never", f"echo madvise > {folder}/defrag")
        self.is_line("thp.shmem_enabled", "ok", "never")
        tree.put(f"{folder[1:]}/enabled", "[always] madvise never")
        tree.put(f"{folder[1:]}/defrag", "always defer [defer+madvise] madvise never")
        tree.put_process(more="THP_enabled:\t0")
        self.examine(tree)
        self.is_line("thp.enabled", "ok", "always")
        self.is_line("thp.defrag", "ok", "defer+madvise")
        self.is_line("thp.process", "warn", "switched off for this process", why="inherited")

    def test_a_kernel_without_transparent_ones(self):
        tree = Tree(self.folder)
        shutil.rmtree(tree.folder / "sys/kernel/mm/transparent_hugepage")
        self.examine(tree)
        self.is_line("thp.enabled", "absent", "no transparent hugepages")


class Limits(DoctorTest):
    def test_version_2_takes_the_tightest(self):
        tree = Tree(self.folder, Node(0, huge={USUAL: (9, 9)}))
        tree.put("proc/self/cgroup", "0::/a.slice/b")
        top = "sys/fs/cgroup"
        tree.put(f"{top}/a.slice/memory.max", str(3 << 30))
        tree.put(f"{top}/a.slice/memory.current", str(1 << 30))
        tree.put(f"{top}/a.slice/memory.stat", f"anon 5\ninactive_file {1 << 28}\nactive_file 0")
        tree.put(f"{top}/a.slice/b/memory.max", str(4 << 30))
        tree.put(f"{top}/a.slice/b/memory.current", "4096")
        tree.put(f"{top}/a.slice/b/hugetlb.2MB.max", "4194304")
        tree.put(f"{top}/a.slice/b/hugetlb.2MB.current", "4194304")
        tree.put(f"{top}/a.slice/b/cpu.max", "150000 100000")
        self.examine(tree)
        self.is_line("cgroup.memory", "ok",
                     "3 GiB, 2.25 GiB left (/sys/fs/cgroup/a.slice/memory.max)")
        self.is_line("cgroup.hugetlb.2M", "warn", "4 MiB, 0 B left")
        self.is_line("cgroup.hugetlb.1G", "ok", "no limit")
        self.is_line("hugepages.2M.node0", "warn", why="control group")
        self.is_line("cgroup.cpu", "warn", "1.5 processors")
        tree.put(f"{top}/a.slice/memory.max", "max")
        self.examine(tree)
        self.is_line("cgroup.memory", "ok", "4 GiB, 4 GiB left (/sys/fs/cgroup/a.slice/b/")

    def test_version_1(self):
        tree = Tree(self.folder)
        # the path is of outside: inside the container its group is the root
        tree.put("proc/self/cgroup", "9:name=systemd:/\n4:cpu,memory:/docker/0123\n2:hugetlb:/\n0::/")
        top = "sys/fs/cgroup"
        tree.put(f"{top}/memory/memory.limit_in_bytes", str(1 << 30))
        tree.put(f"{top}/memory/memory.usage_in_bytes", str(1 << 29))
        tree.put(f"{top}/hugetlb/hugetlb.2MB.limit_in_bytes", "9223372036852678656")
        tree.put(f"{top}/hugetlb/hugetlb.1GB.limit_in_bytes", "0")
        tree.put(f"{top}/cpu/cpu.cfs_quota_us", "-1")
        self.examine(tree)
        self.is_line("cgroup.memory", "ok", "1 GiB, 512 MiB left")
        self.is_line("cgroup.hugetlb.2M", "ok", "no limit")
        self.is_line("cgroup.hugetlb.1G", "warn", "0 B, 0 B left")
        self.is_line("cgroup.cpu", "ok", "no limit")
        tree.put(f"{top}/cpu/cpu.cfs_quota_us", "800000")
        tree.put(f"{top}/cpu/cpu.cfs_period_us", "200000")
        self.examine(tree)
        self.is_line("cgroup.cpu", "ok", "4 processors")

    def test_memlock(self):
        tree = Tree(self.folder)
        tree.put_process(memlock="8388608")
        self.examine(tree)
        self.is_line("limit.memlock", "ok", "8 MiB, but CAP_IPC_LOCK")
        tree.put_process(memlock="8388608", capabilities=0)
        self.examine(tree)
        self.assertIn("limits.d", self.lines["limit.memlock"]["cure"])
        self.assertEqual(self.lines["limit.memlock"]["where"], "root")
        tree.put_process(memlock="8388608", capabilities=1 << 24)  # CAP_SYS_RESOURCE
        self.examine(tree)
        self.is_line("limit.memlock", "warn", "8 MiB", "ulimit -l unlimited")

    def test_overcommit(self):
        tree = Tree(self.folder)
        tree.put("proc/sys/vm/overcommit_memory", "2")
        self.examine(tree)
        self.is_line("overcommit", "warn", "2", "echo 0 > /proc/sys/vm/overcommit_memory")


class Surroundings(DoctorTest):
    def test_docker(self):
        tree = Tree(self.folder)
        tree.put(".dockerenv", "")
        tree.put_process(capabilities=0xa80425fb)  # docker's own: no CAP_NET_ADMIN, no CAP_BPF
        tree.put_namespaces(pid=4026532001, cgroup=4026532002)
        self.examine(tree)
        self.is_line("container", "ok", "docker (/.dockerenv is there)")
        self.is_line("cap_net_raw", "ok", "yes")
        for name in "cap_net_admin", "cap_bpf":
            self.is_line(name, "warn", "bounding set",
                         "docker run --cap-add=NET_ADMIN --cap-add=BPF ...")

    def test_an_image_that_runs_as_a_machine(self):
        tree = Tree(self.folder)
        tree.put(".dockerenv", "")
        self.examine(tree)
        self.is_line("container", "ok", "no (/.dockerenv is there, but all namespaces")

    def test_other_signs(self):
        for path, name in ("run/.containerenv", "podman"), ("run/systemd/container", "yes"), \
                ("var/run/secrets/kubernetes.io/token", "kubernetes"):
            tree = Tree(self.folder)
            tree.put(path, "")
            tree.put_namespaces(pid=4026532001)
            self.examine(tree)
            self.is_line("container", "ok", name + " (/")
            shutil.rmtree(tree.folder)
        tree = Tree(self.folder)
        tree.put_namespaces(pid=4026532001)
        self.examine(tree)
        self.is_line("container", "ok", "yes (the pid namespace")

    def test_a_user_namespace(self):
        tree = Tree(self.folder)
        tree.put("proc/self/uid_map", "0 1000 1")
        self.examine(tree)
        self.is_line("container", "ok", "a user namespace (")
        self.is_line("cap_net_raw", "ok", "for what this user namespace owns")
        self.is_line("cap_bpf", "warn", "does not count")  # and nobody can give it

    def test_capabilities(self):
        tree = Tree(self.folder)
        tree.put_process(capabilities=0, bounding=(1 << 41) - 1)
        self.examine(tree)
        cure = self.lines["cap_net_raw"]["cure"]
        self.assertRegex(cure, r"^setcap cap_net_raw,cap_net_admin,cap_bpf\+ep /.*weir-replay$")
        self.is_line("cap_net_admin", "warn", "no", cure)
        self.is_line("cap_ipc_lock", "absent", "no")
        tree.put_process(capabilities=1 << 21, bounding=(1 << 41) - 1)  # CAP_SYS_ADMIN
        self.examine(tree)
        self.is_line("cap_bpf", "ok")
        self.assertIn("setcap cap_net_raw,cap_net_admin+ep", self.lines["cap_net_raw"]["cure"])
        tree.put_process(capabilities=0, bounding=0)
        self.examine(tree)
        self.is_line("cap_net_raw", "warn", "bounding set")  # setcap would not help

    def test_a_command_that_would_be_refused_is_for_others(self):
        """Files that only root may write."""
        tree = Tree(self.folder)
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        if not self.can(nobody):
            self.skipTest("cannot become somebody else, or others cannot enter the build folder")
        self.examine(tree)
        self.assertEqual(self.lines["hugepages.2M.node0"]["where"], "here")
        self.examine(tree, prefix=nobody)
        self.assertEqual(self.lines["hugepages.2M.node0"]["where"], "root")
        tree.put_namespaces(pid=4026532001)
        self.examine(tree, prefix=nobody)
        self.assertEqual(self.lines["hugepages.2M.node0"]["where"], "outside")

    def test_an_empty_tree(self):
        tree = Tree(self.folder)
        shutil.rmtree(tree.folder)
        tree.folder.mkdir()
        self.examine(tree)
        self.is_line("proc", "warn", "not there")
        self.is_line("sysfs", "warn", "not there")
        self.is_line("thp.enabled", "absent", "unknown")
        self.is_line("cgroup.memory", "absent", "unknown")


class Clock(DoctorTest):
    def test_source(self):
        tree = Tree(self.folder)
        folder = "/sys/devices/system/clocksource/clocksource0"
        tree.put(f"{folder[1:]}/current_clocksource", "hpet")
        self.examine(tree)
        self.is_line("clock.source", "warn", "hpet", f"echo tsc > {folder}/current_clocksource")
        tree.put(f"{folder[1:]}/available_clocksource", "hpet acpi_pm")
        self.examine(tree)
        self.is_line("clock.source", "warn", "hpet")

    def test_counter(self):
        tree = Tree(self.folder)
        tree.put("proc/cpuinfo", "flags : fpu constant_tsc_x nonstop_tsc")
        self.examine(tree)
        self.is_line("clock.counter", "warn", "changes with the frequency, never stops")
        tree.put("proc/cpuinfo", "processor : 0\nCPU implementer : 0x41")
        self.examine(tree)
        self.is_line("clock.counter", "ok", "architecture")

    def test_governor(self):
        tree = Tree(self.folder)
        for cpu, governor in enumerate(["performance", "performance", "powersave", "performance"]):
            tree.put(f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor", governor)
        self.examine(tree)
        self.is_line("frequency", "warn", "powersave on processor 2", "echo performance | tee "
                     "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor")
        tree.put_process(cpus="0-1")
        self.examine(tree)
        self.is_line("frequency", "ok", "performance")

    def test_siblings(self):
        tree = Tree(self.folder)
        for cpu in range(4):
            tree.put(f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list",
                     f"{cpu % 2},{cpu % 2 + 2}")
        self.examine(tree)
        self.is_line("cores", "warn", "0,2 and 1,3", "weir-replay --lcores 0-1 ...")
        tree.put_process(cpus="0,3")
        self.examine(tree)
        self.is_line("cores", "ok", "a core of its own")


main()
