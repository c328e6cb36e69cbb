# SPDX-License-Identifier: GPL-2.0-or-later
"""Flow tables and snapshots as pgwd hands them out, by the layout that layout.c tells."""

import json
import os
import socket
import struct
import subprocess
import sys
import time

TCP, UDP, ICMP = 6, 17, 1
ESTABLISHED, FIN_0, CLOSED = 3, 4, 6

LAYOUT = json.loads(subprocess.run([os.path.join(
    os.environ.get("PGW_BIN", os.path.join(os.path.dirname(__file__), "..", "..", "build", "bin")),
    "..", "tests", "pgw_layout")], stdout=subprocess.PIPE, check=True).stdout)
ELEMENT = LAYOUT["sizeof flow"]
SNAT, DNAT, INBOUND = LAYOUT["FLOW_SNAT"], LAYOUT["FLOW_DNAT"], LAYOUT["FLOW_INBOUND"]
EIM, REPLIED, HAIRPIN = LAYOUT["FLOW_EIM"], LAYOUT["FLOW_REPLIED"], LAYOUT["FLOW_HAIRPIN"]


def address(text):
    return socket.inet_aton(text)


def be16(number):
    return struct.pack(">H", number)


def record(kind, base=None, **members):
    """A structure with these members, integers or bytes; the others are 0."""
    data = bytearray(base or LAYOUT["sizeof " + kind])
    for name, value in members.items():
        name = name.replace("__", "[", 1) + "]" if "__" in name else name
        offset, size = LAYOUT[kind + "." + name]
        if isinstance(value, int):
            value = (value & (1 << 8 * size) - 1).to_bytes(size, sys.byteorder)
        assert len(value) <= size, (kind, name)
        data[offset:offset + len(value)] = value
    return bytes(data)


def tuple_bytes(ends):
    src, sport, dst, dport = ends
    return record("flow_tuple", 12, src=address(src), dst=address(dst), sport=be16(sport),
                  dport=be16(dport))


def flow(side0, side1, ports=(0, 1), proto=TCP, flags=SNAT | EIM | REPLIED, tcp_state=ESTABLISHED,
         rule=10, pool=0, generation=1, packets=(5, 3), octets=(500, 300), idle_ns=0, age_s=10,
         macs=("02:00:00:00:00:01", "02:00:00:00:00:02"), state=LAYOUT["FLOW_ACTIVE"]):
    """One record. side0, side1: (src, sport, dst, dport) as they arrive there."""
    now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    macs = [bytes.fromhex(mac.replace(":", "")) for mac in macs]
    return record("flow", tuple__0=tuple_bytes(side0), tuple__1=tuple_bytes(side1),
                  port__0=ports[0], port__1=ports[1], proto=proto, flags=flags, mac__0=macs[0],
                  mac__1=macs[1], created_s=now // 10**9 - age_s, rule=rule, pool=pool,
                  tcp_state=tcp_state, word=state | generation << 8, packets__0=packets[0],
                  packets__1=packets[1], bytes__0=octets[0], bytes__1=octets[1],
                  seen_tick=(now - idle_ns) >> LAYOUT["FLOW_TICK_SHIFT"])


def memfd(*parts):
    fd = os.memfd_create("pgw-test")
    for part in parts:
        view = memoryview(part)
        while len(view):
            view = view[os.write(fd, view):]
    return fd


def flow_table(flows, capacity=None, **header):
    """A memfd with a table of these records (bytes, or None for an empty one), and its size.
    header: members that are to be other than they should."""
    if not isinstance(flows, bytes):
        flows = b"".join(one or bytes(ELEMENT) for one in flows)
    capacity = capacity or max(64, len(flows) // ELEMENT)
    buckets = 2
    while buckets < capacity // 2:
        buckets *= 2
    first = 1 + buckets // 2
    members = {"magic": LAYOUT["FLOW_TABLE_MAGIC"], "layout_version": LAYOUT["FLOW_LAYOUT_VERSION"],
               "element_bytes": ELEMENT, "capacity": capacity, "buckets": buckets,
               "index_first": 1, "record_first": first, "record_high": len(flows) // ELEMENT}
    members.update(header)
    fd = memfd(record("flow_header", **members))
    os.pwrite(fd, flows, first * ELEMENT)
    size = ((first + capacity) * ELEMENT + 4095) // 4096 * 4096
    os.ftruncate(fd, size)
    return fd, size


TIMERS = {"UDP": 300, "TCP_IDLE": 7440, "TCP_TRANS_OPEN": 240, "TCP_TRANS_CLOSE": 240, "ICMP": 60}


def snapshot(ports=("vrack", "vsphere"), pools=("default",),
             services=(("vcenter", "172.16.0.1", TCP, 443),), quotas=(0, 0), **header):
    """A memfd with a snapshot, and its size. header: as in flow_table()."""
    sections = {
        "PORT": [record("snapshot_port", name=name.encode(), ifindex=index + 2, index=index)
                 for index, name in enumerate(ports)],
        "SERVICE": [record("snapshot_service", name=name.encode(), addr=address(addr),
                           port=be16(port), proto=proto, first_backend=index, backends=1)
                    for index, (name, addr, proto, port) in enumerate(services)],
        "BACKEND": [record("snapshot_backend", addr=address("10.10.0.10"), port=be16(port))
                    for _, _, _, port in services],
        "POOL": [record("snapshot_pool", name=name.encode(), addresses=1, port_first=1024,
                        port_last=65535, index=index, first_address=index,
                        port_quota=quotas[index]) for index, name in enumerate(pools)],
        "POOL_ADDRESS": [address("10.10.0.%d" % (index + 2)) for index in range(len(pools))],
    }
    size = LAYOUT["sizeof snapshot_header"]
    body = b""
    table = bytearray(LAYOUT["snapshot_header.section"][1])
    for name, records in sections.items():
        struct.pack_into("=II", table, 8 * LAYOUT["SECTION_" + name], size + len(body),
                         len(records))
        body += b"".join(records)
        body += bytes(-len(body) % 8)
    timers = bytearray(LAYOUT["snapshot_header.timer_s"][1])
    for name, seconds in TIMERS.items():
        struct.pack_into("=I", timers, 4 * LAYOUT["TIMER_" + name], seconds)
    members = {"magic": LAYOUT["SNAPSHOT_MAGIC"], "version": LAYOUT["SNAPSHOT_VERSION"],
               "bytes": size + len(body), "revision": 7, "timer_s": bytes(timers),
               "section": bytes(table)}
    members.update(header)
    block = record("snapshot_header", **members) + body
    return memfd(block), len(block)
