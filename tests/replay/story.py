# SPDX-License-Identifier: GPL-2.0-or-later
"""What a case of tests/replay is made of: frames that arrive, and next to each what must become
of it, written down independently of the gateway.

A Story collects both. make.py writes its input captures and configuration; run compares the
outputs with what the story says, and with the outputs that were kept.
"""

import struct

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

__all__ = ["ARP", "Ether", "ICMP", "IP", "TCP", "UDP", "Raw", "Story", "BASE", "GATEWAY", "ROUTER",
           "NEAR", "SERVER", "OTHER", "CLIENT", "POOL", "SERVICE", "VC", "ESX", "up", "down",
           "read_pcap", "checksum", "ip_fields"]

START_NS = 1_700_000_000 * 10**9
STEP_NS = 1_000_000

#   client 192.168.50.10 ── router ── vrack 172.16.0.1 [gateway] 10.10.0.2 vsphere ── server 10.10.0.10
GATEWAY = {"vrack": "02:00:00:00:00:01", "vsphere": "02:00:00:00:00:02"}
ROUTER, NEAR = "02:00:00:00:01:01", "02:00:00:00:01:50"
SERVER, OTHER = "02:00:00:00:02:10", "02:00:00:00:02:21"
CLIENT, POOL, SERVICE, VC, ESX = "192.168.50.10", "10.10.0.2", "172.16.0.1", "10.10.0.10", "10.10.0.21"

# Pools of one port each: which one is taken is known without looking.
BASE = """portgroup add vrack dev eth1 realm private
portgroup add vsphere dev eth2 realm vsphere
address add 172.16.0.1/24 portgroup vrack
address add 10.10.0.2/24 portgroup vsphere
pool add default external-ip-address 10.10.0.2 ports 40000-40000 mapping-type edm filtering-type edf
nat add 100 from 0.0.0.0/0 to 10.10.0.0/24 pool default
service add vcenter address 172.16.0.1 protocol tcp port 443 backend 10.10.0.10:443
allow add 192.168.50.0/24
allow add 172.16.0.0/24
"""


def up(layers, src=CLIENT, dst=VC, mac=ROUTER, **ip):
    """A packet from the clients' side; DF is set unless flags say otherwise."""
    ip.setdefault("flags", "DF")
    return Ether(src=mac, dst=GATEWAY["vrack"]) / IP(src=src, dst=dst, **ip) / layers


def down(layers, src=VC, dst=POOL, mac=SERVER, **ip):
    """A packet from the servers' side."""
    ip.setdefault("flags", "DF")
    return Ether(src=mac, dst=GATEWAY["vsphere"]) / IP(src=src, dst=dst, **ip) / layers


class Story:
    """States: frames and wants grow in the order of time, which only wait() and each frame move."""

    def __init__(self, name, about, config=BASE, args=(), neighbours=True):
        self.name, self.about, self.config, self.args = name, about, config, list(args)
        self.frames = {"vrack": [], "vsphere": []}
        self.wants = {"vrack": [], "vsphere": []}
        self.drops, self.kernel = {}, 0
        self.ng = False  # write inputs as pcapng
        self.now_ns = START_NS
        self.figures = {}  # members of the report's gateway object that must be so
        if neighbours:
            for mac, address in ((SERVER, VC), (OTHER, ESX)):
                self.kernel_takes("vsphere", Ether(src=mac, dst="ff:ff:ff:ff:ff:ff") /
                                  ARP(op=1, hwsrc=mac, psrc=address, pdst=POOL), counted=False)
            self.not_ipv4 = 2
            self.drops["not-ipv4"] = 2

    def wait(self, seconds):
        self.now_ns += int(seconds * 10**9)

    def frame(self, port, packet, at_ns=None, wire_len=None):
        """A frame arrives; nothing is said of it yet."""
        if at_ns is None:
            self.now_ns += STEP_NS
        data = bytes(packet)
        self.frames[port].append((self.now_ns if at_ns is None else at_ns, data,
                                  wire_len or len(data)))

    def want(self, port, packet, delay_s=0, pad=None):
        """A frame must be sent now, or that much later."""
        self.wants[port].append((self.now_ns + int(delay_s * 10**9), bytes(packet)))

    def passes(self, port, packet, wanted, to=None):
        """What arrives leaves on the other side (or on `to`) as `wanted`."""
        self.frame(port, packet)
        self.want(to or ("vsphere" if port == "vrack" else "vrack"), wanted)

    def dropped(self, port, packet, reason, **frame):
        self.frame(port, packet, **frame)
        self.drops[reason] = self.drops.get(reason, 0) + 1

    def kernel_takes(self, port, packet, counted=True):
        self.frame(port, packet)
        self.kernel += counted

    # The two directions of a flow by source NAT through the pool, or by the service.
    def out(self, layers, wanted, src=CLIENT, mac=ROUTER, dst=VC, service=False, to_mac=SERVER,
            port_mac=None, **ip):
        """A client's packet, and the same as the server must see it."""
        ip.setdefault("ttl", 64)
        fields = dict(ip, ttl=ip["ttl"] - 1)
        fields.setdefault("flags", "DF")
        self.passes("vrack", up(layers, src=src, mac=mac, dst=SERVICE if service else dst, **ip),
                    Ether(src=port_mac or GATEWAY["vsphere"], dst=to_mac) /
                    IP(src=POOL, dst=dst, **fields) / wanted)

    def back(self, layers, wanted, to=CLIENT, mac=ROUTER, src=VC, service=False, from_mac=SERVER,
             **ip):
        """A server's packet, and the same as the client must see it."""
        ip.setdefault("ttl", 64)
        fields = dict(ip, ttl=ip["ttl"] - 1)
        fields.setdefault("flags", "DF")
        self.passes("vsphere", down(layers, src=src, mac=from_mac, **ip),
                    Ether(src=GATEWAY["vrack"], dst=mac) /
                    IP(src=SERVICE if service else src, dst=to, **fields) / wanted)


def write_pcap(file, frames):
    file.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 262144, 1))
    for time_ns, data, wire_len in frames:
        file.write(struct.pack("<IIII", time_ns // 10**9, time_ns % 10**9, len(data), wire_len))
        file.write(data)


def write_pcapng(file, frames):
    """A section, one Ethernet interface with nanoseconds, enhanced packets."""
    def block(kind, body):
        body += bytes(-len(body) % 4)
        file.write(struct.pack("<II", kind, len(body) + 12) + body +
                   struct.pack("<I", len(body) + 12))

    block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1))
    block(1, struct.pack("<HHIHHB3xHH", 1, 0, 262144, 9, 1, 9, 0, 0))
    for time_ns, data, wire_len in frames:
        block(6, struct.pack("<IIIII", 0, time_ns >> 32, time_ns & 0xffffffff, len(data),
                             wire_len) + data)


def read_pcap(path):
    """[(time in ns, frame)] of a capture as pgw replay writes them."""
    with open(path, "rb") as file:
        data = file.read()
    magic, _, _, _, _, _, link = struct.unpack_from("<IHHiIII", data)
    assert magic == 0xa1b23c4d and link == 1, "%s: not a nanosecond Ethernet capture" % path
    frames, at = [], 24
    while at < len(data):
        seconds, fraction, length, wire_len = struct.unpack_from("<IIII", data, at)
        assert length == wire_len, "%s: a frame is cut" % path
        frames.append((seconds * 10**9 + fraction, data[at + 16: at + 16 + length]))
        at += 16 + length
    return frames


def checksum(data):
    """The Internet checksum's sum: 0xffff over data that contains a right one."""
    data += bytes(len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def ip_fields(frame):
    """(header length, total length, id, flags and offset, ttl, protocol, src, dst) of a frame."""
    length, ident, fragment, ttl, proto = struct.unpack_from("!2xHHHBB", frame, 14)
    return ((frame[14] & 15) * 4, length, ident, fragment, ttl, proto, frame[26:30], frame[30:34])
