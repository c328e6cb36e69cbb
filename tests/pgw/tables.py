# SPDX-License-Identifier: GPL-2.0-or-later
"""Flow tables and snapshots as pgwd hands them out: datapath/flow/layout.h, policy/snapshot.h."""

import os
import socket
import struct
import time

ELEMENT = 128
ACTIVE = 2
SNAT, DNAT, INBOUND, EIM, REPLIED, HAIRPIN = 1, 2, 4, 8, 16, 32
TCP, UDP, ICMP = 6, 17, 1
ESTABLISHED, FIN_0, CLOSED = 3, 4, 6
TICK_NS = 1 << 20

FLOW = struct.Struct("=4s4s2s2s 4s4s2s2s 2B B B 6s6s 2H H H I H H B 2B B I 2Q 2Q I I 12s12s")
assert FLOW.size == ELEMENT
HEADER = struct.Struct("=Q 6I 32s Q I 52s")
assert HEADER.size == ELEMENT


def address(text):
    return socket.inet_aton(text)


def tuple_bytes(src, sport, dst, dport):
    return address(src), address(dst), struct.pack(">H", sport), struct.pack(">H", dport)


def flow(side0, side1, ports=(0, 1), proto=TCP, flags=SNAT | EIM | REPLIED, tcp_state=ESTABLISHED,
         rule=10, pool=0, generation=1, packets=(5, 3), octets=(500, 300), idle_ns=0, age_s=10,
         macs=("02:00:00:00:00:01", "02:00:00:00:00:02"), state=ACTIVE):
    """One record. side0, side1: (src, sport, dst, dport) as they arrive there."""
    now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    return FLOW.pack(*tuple_bytes(*side0), *tuple_bytes(*side1), *ports, proto, flags,
                     *(bytes.fromhex(mac.replace(":", "")) for mac in macs),
                     0xffff, 0xffff, 0, 0, now // 10**9 - age_s, rule, pool, tcp_state, 0, 0, 0,
                     state | generation << 8, *packets, *octets,
                     ((now - idle_ns) // TICK_NS) & 0xffffffff, 0, bytes(12), bytes(12))


def memfd(*parts):
    fd = os.memfd_create("pgw-test")
    for part in parts:
        view = memoryview(part)
        while len(view):
            view = view[os.write(fd, view):]
    return fd


def flow_table(flows, capacity=None, **header):
    """A memfd with a table of these records (bytes, or None for an empty one), and its size."""
    if not isinstance(flows, bytes):
        flows = b"".join(record or bytes(ELEMENT) for record in flows)
    capacity = capacity or max(64, len(flows) // ELEMENT)
    buckets = 2
    while buckets < capacity // 2:
        buckets *= 2
    fields = {"magic": 0x316c62742d776770, "version": 1, "element": ELEMENT, "capacity": capacity,
              "buckets": buckets, "index": 1, "record": 1 + buckets // 2, "key": bytes(32),
              "epoch": 0, "high": len(flows) // ELEMENT, "spare": bytes(52)}
    fields.update(header)
    size = (1 + buckets // 2 + capacity) * ELEMENT
    fd = memfd(HEADER.pack(*fields.values()))
    os.pwrite(fd, flows, (1 + buckets // 2) * ELEMENT)
    size = (size + 4095) // 4096 * 4096
    os.ftruncate(fd, size)
    return fd, size


def snapshot(ports=("vrack", "vsphere"), pools=("default",), services=(("vcenter", "172.16.0.1",
             TCP, 443),), timers=(300, 7440, 240, 240, 6, 2, 60, 120), magic=0x706e732d776770):
    """A memfd with a snapshot, and its size."""
    sections = [[] for _ in range(10)]
    for index, name in enumerate(ports):
        sections[0].append(struct.pack("=32sIBBBB", name.encode(), index + 2, index, index % 3, 3, 0))
    for index, (name, addr, proto, port) in enumerate(sorted(services, key=lambda s: s[1:])):
        sections[4].append(struct.pack("=32s4s2sBBII", name.encode(), address(addr),
                                       struct.pack(">H", port), proto, 0, index, 1))
        sections[5].append(address("10.10.0.10") + struct.pack(">HBB", port, 1, 0))
    for index, name in enumerate(pools):
        sections[7].append(struct.pack("=32sIIHHBBH", name.encode(), 0, 1, 1024, 65535, 0, 2, index))
    sections[8].append(address("10.10.0.2"))
    size = 8 + 8 + 8 + 32 + 8 + 80
    body, table = b"", b""
    for section in sections:
        table += struct.pack("=II", size + len(body), len(section))
        body += b"".join(section)
        body += bytes(-len(body) % 8)
    block = struct.pack("=QIIQ8III", magic, 1, size + len(body), 7, *timers, 1000, 0) + table + body
    return memfd(block), len(block)
