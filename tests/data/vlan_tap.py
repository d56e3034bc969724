#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""vlan_tap.py DEVICE VLAN TAP: a VLAN interface for kernels built without any (CONFIG_VLAN_8021Q).

What is sent to the new TAP device leaves DEVICE with an 802.1Q tag, and what arrives there with that
tag comes out of TAP without it. Runs until killed. Used by tests/data/record.
"""
import fcntl
import select
import socket
import struct
import sys

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000  # linux/if_tun.h
ETH_P_ALL, SOL_PACKET, PACKET_AUXDATA = 0x0003, 263, 8  # linux/if_packet.h
AUXDATA = struct.Struct("=IIIHHHH")  # struct tpacket_auxdata; the kernel took the tag out
VLAN_VALID = 1 << 4


def open_tap(name):
    tap = open("/dev/net/tun", "r+b", buffering=0)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return tap


def open_device(name):
    device = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    device.bind((name, ETH_P_ALL))
    device.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    return device


def vlan_of(ancillary):
    for level, kind, data in ancillary:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tci, _ = AUXDATA.unpack(data)
            return tci & 0xFFF if status & VLAN_VALID else None
    return None


def main(device_name, vlan, tap_name):
    tap, device = open_tap(tap_name), open_device(device_name)
    tag = struct.pack("!HH", 0x8100, vlan)
    while True:
        ready, _, _ = select.select([tap, device], [], [])
        if tap in ready:
            frame = tap.read(65536)
            device.send(frame[:12] + tag + frame[12:])
        if device in ready:
            frame, ancillary, _, source = device.recvmsg(65536, 256)
            if source[2] != socket.PACKET_OUTGOING and vlan_of(ancillary) == vlan:
                tap.write(frame)


main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
