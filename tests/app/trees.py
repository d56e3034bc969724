# SPDX-License-Identifier: BSD-3-Clause
"""Make /sys and /proc of machines that are not this one, for weir-doctor --sysroot."""

SMALL, USUAL, LARGE = 64, 2048, 1048576  # sizes of hugepages, KiB
GIB = 1 << 20  # KiB
ALL_CAPABILITIES = (1 << 41) - 1
FIRST_NAMESPACES = {"cgroup": 4026531835, "pid": 4026531836, "user": 4026531837,
                    "uts": 4026531838, "ipc": 4026531839}


class Node:
    """One node: memory in KiB, hugepages as {size: (total, free)}."""

    def __init__(self, number, memory=8 * GIB, free=6 * GIB, cpus="0-3", huge=None):
        self.number, self.memory, self.free, self.cpus = number, memory, free, cpus
        self.huge = huge or {}


def listing(numbers):
    return ",".join(map(str, numbers))


class Tree:
    """A tree below folder. Every file can be put again, or removed, by its path."""

    def __init__(self, folder, *nodes, sizes=(USUAL, LARGE), cpus="0-3", numa=True):
        self.folder = folder / "tree"
        self.nodes, self.sizes = nodes or [Node(0)], sizes
        self.put("sys/devices/system/cpu/online", cpus)
        self.put("sys/devices/system/cpu/isolated", "")
        self.put_pages()
        if numa:
            self.put_nodes()
        self.put_process(cpus)
        memory, free = sum(n.memory for n in self.nodes), sum(n.free for n in self.nodes)
        self.put("proc/meminfo", f"MemTotal: {memory} kB\nMemFree: {free} kB\n"
                                 f"MemAvailable: {free} kB")
        self.put("proc/cpuinfo", "processor : 0\nflags\t\t: fpu tsc constant_tsc nonstop_tsc")
        self.put("proc/sys/vm/overcommit_memory", "0")
        for name, value in {"current": "tsc", "available": "tsc hpet"}.items():
            self.put(f"sys/devices/system/clocksource/clocksource0/{name}_clocksource", value)

    def put(self, path, text):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")

    def put_counts(self, folder, size, total, free, reserved=None):
        folder = f"{folder}/hugepages-{size}kB"
        self.put(f"{folder}/nr_hugepages", str(total))
        self.put(f"{folder}/free_hugepages", str(free))
        if reserved is not None:
            self.put(f"{folder}/resv_hugepages", str(reserved))

    def put_pages(self, reserved=0):
        for size in self.sizes:
            totals = [n.huge.get(size, (0, 0)) for n in self.nodes]
            self.put_counts("sys/kernel/mm/hugepages", size, sum(t for t, _ in totals),
                            sum(f for _, f in totals), reserved)
        for name, value in {"enabled": "always [madvise] never",
                            "defrag": "always defer defer+madvise [madvise] never",
                            "shmem_enabled": "always within_size advise [never] deny force"}.items():
            self.put(f"sys/kernel/mm/transparent_hugepage/{name}", value)

    def put_nodes(self):
        top = "sys/devices/system/node"
        self.put(f"{top}/online", listing(n.number for n in self.nodes))
        for node in self.nodes:
            here, prefix = f"{top}/node{node.number}", f"Node {node.number}"
            self.put(f"{here}/cpulist", node.cpus)
            self.put(f"{here}/meminfo", f"{prefix} MemTotal:  {node.memory} kB\n"
                                        f"{prefix} MemFree:  {node.free} kB\n"
                                        f"{prefix} FilePages:  0 kB\n{prefix} Shmem:  0 kB")
            for size in self.sizes if node.memory else ():
                self.put_counts(f"{here}/hugepages", size, *node.huge.get(size, (0, 0)))

    def put_process(self, cpus="0-3", mems=None, capabilities=ALL_CAPABILITIES, bounding=None,
                    memlock="unlimited", more=""):
        mems = listing(n.number for n in self.nodes) if mems is None else mems
        bounding = capabilities if bounding is None else bounding
        self.put("proc/self/status",
                 f"Name:\tx\nCapEff:\t{capabilities:016x}\nCapBnd:\t{bounding:016x}\n"
                 f"NoNewPrivs:\t0\nSeccomp:\t0\nSeccomp_filters:\t0\n"
                 f"Cpus_allowed_list:\t{cpus}\nMems_allowed_list:\t{mems}\n{more}")
        self.put("proc/self/limits", "Limit  Soft Limit  Hard Limit  Units\n"
                                     f"Max locked memory  {memlock}  {memlock}  bytes\n"
                                     "Max address space  unlimited  unlimited  bytes")
        self.put("proc/self/uid_map", "0 0 4294967295")
        self.put_namespaces()

    def put_namespaces(self, **other):
        folder = self.folder / "proc/self/ns"
        folder.mkdir(parents=True, exist_ok=True)
        for kind, inode in {**FIRST_NAMESPACES, **other}.items():
            (folder / kind).unlink(missing_ok=True)
            (folder / kind).symlink_to(f"{kind}:[{inode}]")
