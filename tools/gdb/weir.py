# SPDX-License-Identifier: BSD-3-Clause
"""Packets and pools of weir in gdb, in a process or a core:

    (gdb) source /usr/local/share/weir/weir.py
    (gdb) print *mbuf            a packet: its pool, its segments, its first bytes
    (gdb) weir mbuf ADDRESS      the same where the type is not known
    (gdb) weir pools             every pool, and how many of its objects are out

It knows no structure by itself: libweir has tables of where everything lies (weir/dump.h), and they
are in memory. So the program and the library need no debug information, but the library's symbols,
which strip(1) takes away.
"""
import struct

import gdb

BYTES_SHOWN = 64
POOLS_MAX = 4096
THREADS_MAX = 1024
SEGMENTS_SHOWN = 64


def read(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


def number(address, size):
    return int.from_bytes(read(address, size), "little")


# What was looked up for this command: gdb takes milliseconds for each symbol, and another process
# has them elsewhere.
looked_up = {}


def address_of(symbol):
    if symbol not in looked_up:
        try:
            looked_up[symbol] = int(gdb.parse_and_eval(f"(unsigned long)&{symbol}"))
        except gdb.error as error:
            raise gdb.GdbError(f"weir: no symbol {symbol}: is libweir loaded, and not stripped?") from error
    return looked_up[symbol]


def text(address, limit):
    return read(address, limit).split(b"\0")[0].decode(errors="replace")


def table(symbol):
    """The layout table of that name: {member: (offset, size)}."""
    if (symbol, "table") not in looked_up:
        entry, members = address_of(symbol), {}
        while (row := struct.unpack("=QII", read(entry, 16)))[0]:
            members[text(row[0], 32)] = row[1:]
            entry += 16
        looked_up[symbol, "table"] = members
    return looked_up[symbol, "table"]


def pool_addresses():
    return struct.unpack(f"={POOLS_MAX + 1}Q", read(address_of("weir__mempools"), 8 * (POOLS_MAX + 1)))


class Thing:
    """A structure in memory, with the members of a table."""

    def __init__(self, address, members, prefix=""):
        self.address, self.members, self.prefix = address, members, prefix

    def __getitem__(self, name):
        offset, size = self.members[self.prefix + name]
        return number(self.address + offset, size)

    def bits(self, name):
        first, count = self.members[name]
        return self[name.split(".")[0]] >> first & (1 << count) - 1


class Pool(Thing):
    def __init__(self, index):
        super().__init__(pool_addresses()[index], table("weir__mempool_layout"))

    def name(self):
        offset, size = self.members["name"]
        return text(self.address + offset, size)

    def index(self, address):
        return (address - self["objects"]) // self["stride"]

    def caches(self):
        """The caches of threads; what threads without one share has the address of a symbol."""
        start = self.address + self.members["caches"][0]
        pointers = set(struct.unpack(f"={THREADS_MAX}Q", read(start, 8 * THREADS_MAX)))
        pointers.discard(address_of("weir__mempool_no_cache"))
        return [Thing(pointer, self.members, "cache.") for pointer in pointers]

    def in_use(self):
        """As weir_mempool_stats() counts: each refill and flush moved one batch."""
        caches = self.caches()
        batches = (self["batches_born"] + self["flushes"] - self["refills"]
                   + sum(cache["flushes"] - cache["refills"] for cache in caches))
        batches = (batches + (1 << 63)) % (1 << 64) - (1 << 63)
        at_home = batches * self["batch"] + self["loose_count"] + sum(c["count"] for c in caches)
        return self["count"] - at_home


class Mbuf(Thing):
    def __init__(self, address):
        super().__init__(address, table("weir__mbuf_layout"))
        self.pool = Pool(self.bits("state.pool"))

    def name(self):
        if not self.pool.address:
            return f"mbuf at {self.address:#x}, of no pool that exists"
        return f"mbuf {self.pool.index(self.address)} of pool '{self.pool.name()}'"

    def owner(self):
        """Whose buffer it is on, and the size and state of that."""
        if self.bits("state.part"):
            return "a part of a block", self["offset"] + self["data_length"], self["state"]
        if not self.bits("state.borrowed"):
            return "its own buffer", self.pool["mbuf_buffer_size"], self["state"]
        lender = Thing(self.address + self.pool["mbuf_first"], self.members, "lender.")
        if lender["external"]:
            external = Thing(lender["external"], self.members, "external.")
            return (f"external memory at {external['bytes']:#x}", external["size"],
                    external["state"])
        owner = Mbuf(lender["owner"])
        return f"the buffer of {owner.name()}", owner.pool["mbuf_buffer_size"], owner["state"]

    def segments(self):
        segment = self
        for _ in range(SEGMENTS_SHOWN):
            yield segment
            if not segment["next"]:
                return
            segment = Mbuf(segment["next"])

    def data(self, limit):
        found = b""
        for segment in self.segments():
            want = min(segment["data_length"], limit - len(found))
            if want:
                found += read(segment["buffer"] + segment["offset"], want)
        return found

    def metadata(self):
        fields = {"timestamp": "timestamp_ns", "wire_length": "wire_length", "hash": "hash",
                  "vlan": "vlan_tci", "link_type": "link_type", "layers": "packet_type"}
        return [f"{member} {self[member]:#x}" if member in ("hash", "vlan_tci", "packet_type")
                else f"{member} {self[member]}"
                for flag, member in fields.items() if self.bits("flags." + flag)]

    def describe(self):
        yield ", ".join([f"{self.name()} at {self.address:#x}: {self['length']} bytes",
                         *self.metadata()])
        if not self.pool.address:
            return
        for segment in self.segments():
            owner, size, state = segment.owner()
            tailroom = size - segment["offset"] - segment["data_length"]
            yield (f"  | {segment['offset']:6} | {segment['data_length']:6} | {tailroom:6} |  "
                   f"held by {segment.bits('state.references')}, on {owner}"
                   + (", frozen" if state >> self.members["state.frozen"][0] & 1 else ""))
        data = self.data(BYTES_SHOWN)
        for start in range(0, len(data), 16):
            line = data[start:start + 16]
            shown = "".join(chr(b) if 32 <= b < 127 else "." for b in line)
            yield f"  {start:#06x}: {line.hex(' ', 2):39}  {shown}"


class MbufPrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        looked_up.clear()
        return "\n".join(Mbuf(int(self.value.address)).describe())


def printer_of(value):
    kind = value.type.strip_typedefs()
    if kind.code == gdb.TYPE_CODE_STRUCT and kind.tag == "weir_mbuf" and value.address is not None:
        return MbufPrinter(value)
    return None


class Weir(gdb.Command):
    """Look at what weir keeps in this process or core."""

    def __init__(self):
        super().__init__("weir", gdb.COMMAND_DATA, prefix=True)


class WeirPools(gdb.Command):
    """Every pool, and how many of its objects are out."""

    def __init__(self):
        super().__init__("weir pools", gdb.COMMAND_DATA)

    def invoke(self, _argument, _from_tty):
        looked_up.clear()
        print("  no  name                in use     count       max      size")
        for index, address in enumerate(pool_addresses()):
            if address:
                pool = Pool(index)
                print(f"{index:4}  {pool.name():16} {pool.in_use():9} {pool['count']:9} "
                      f"{pool['max_count']:9} {pool['stride']:9}")


class WeirMbuf(gdb.Command):
    """The packet at an address: weir mbuf EXPRESSION."""

    def __init__(self):
        super().__init__("weir mbuf", gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, _from_tty):
        looked_up.clear()
        if not argument:
            raise gdb.GdbError("weir mbuf: say the address of an mbuf")
        print("\n".join(Mbuf(int(gdb.parse_and_eval(f"(unsigned long)({argument})"))).describe()))


gdb.pretty_printers.append(printer_of)
Weir()
WeirPools()
WeirMbuf()
