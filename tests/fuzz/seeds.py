#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""seeds.py BUILD DIRECTORY - write first inputs for every fuzz target to DIRECTORY/TARGET/.

BUILD is a build directory with PGW_FUZZ, for fuzz/snapshot_seed. The names of the pipeline's seeds that
begin with a year are classes of faults that were found in another user-space stack (libslirp); the
packets are ours.
"""
import json
import os
import struct
import subprocess
import sys

BUILD, OUT = sys.argv[1:3]
TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def write(target, name, data):
    directory = os.path.join(OUT, target)
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, name), "wb") as file:
        file.write(data)


# --- pipeline: see pipeline_fuzz.c for the meaning of the bits --------------------------------
VSPHERE, FIX_IP, FIX_L4, TO_US, CLIENT, OF_FLOW, COPY, LATER = (1 << n for n in range(8))
LOST, RECONFIGURE, LINK, INTERNET, BAD_FRAME, OFFLOADED, PAD, END_FLOW = (1 << n for n in range(8))
FIX = FIX_IP | FIX_L4
TCP, UDP, ICMP = 6, 17, 1
FIN, SYN, RST, PSH, ACK, URG = (1 << n for n in range(6))
CLIENT_ADDR, VC, GATEWAY, OUTSIDE = "192.168.50.9", "10.10.0.10", "10.10.0.2", "198.51.100.7"


def addr(text):
    return bytes(int(part) for part in text.split("."))


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip(payload, proto=UDP, src=CLIENT_ADDR, dst=VC, frag=0, ident=1, ttl=64, options=b"", total=None):
    header = bytearray(struct.pack(
        "!BBHHHBBH4s4s", 0x45 + len(options) // 4, 0,
        20 + len(options) + len(payload) if total is None else total, ident, frag, ttl, proto, 0,
        addr(src), addr(dst)) + options)
    header[10:12] = struct.pack("!H", checksum(bytes(header)))
    return bytes(header) + payload


def udp(payload=b"x" * 12, sport=4000, dport=53, length=None):
    return struct.pack("!HHHH", sport, dport, 8 + len(payload) if length is None else length, 1) + payload


def tcp(flags=SYN, seq=0, ack=0, sport=4001, dport=443, options=b"", payload=b"", urgent=0, offset=None):
    words = 5 + len(options) // 4 if offset is None else offset
    return struct.pack("!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, words << 4, flags,
                       8192, 0, urgent) + options + payload


def echo(kind=8, ident=77):
    return struct.pack("!BBHHH", kind, 0, 0, ident, 1) + b"ping"


def error(kind, code, quoted, mtu=0):
    return struct.pack("!BBHHH", kind, code, 0, 0, mtu) + quoted


def step(packet, flags=FIX, more=0, time=1, arg=0):
    return struct.pack("<BBBBH", flags, more, time, arg, len(packet)) + packet


def pipeline(name, *steps, keep=0):
    write("pipeline", name, bytes([keep]) + b"".join(steps))


def back(packet, arg=0x80, **more):
    """As an answer to the first flow, or the one that arg says."""
    return step(packet, flags=FIX | VSPHERE | OF_FLOW, arg=arg, **more)


def on(packet, arg=0, **more):
    return step(packet, flags=FIX | OF_FLOW, arg=arg, **more)


def pipeline_seeds():
    syn = step(ip(tcp(), TCP))
    opened = [syn, back(ip(tcp(SYN | ACK), TCP)), on(ip(tcp(ACK), TCP))]
    data = ip(tcp(ACK | PSH, payload=b"hello"), TCP)
    pipeline("udp", step(ip(udp())), back(ip(udp())), on(ip(udp())))
    pipeline("udp-other-port", step(ip(udp(dport=9999))), back(ip(udp(sport=1))))
    pipeline("udp-no-checksum", step(ip(udp()[:6] + b"\0\0" + b"abc")), back(ip(udp())))
    pipeline("echo", step(ip(echo(), ICMP)), back(ip(echo(0), ICMP)))
    pipeline("service", step(ip(tcp(), TCP, dst="172.16.0.1")), back(ip(tcp(SYN | ACK), TCP)),
             on(ip(tcp(ACK), TCP)), on(data))
    pipeline("service-udp", step(ip(udp(), dst="172.16.0.1")), back(ip(udp())))
    pipeline("tcp-close", *opened, on(data), back(ip(tcp(ACK), TCP)), on(ip(tcp(FIN | ACK), TCP)),
             back(ip(tcp(FIN | ACK), TCP)), on(ip(tcp(ACK), TCP)), step(ip(tcp(seq=9), TCP)))
    pipeline("tcp-reset", *opened, on(ip(tcp(RST), TCP)), back(ip(tcp(RST | ACK), TCP)), syn)
    pipeline("tcp-reset-inexact", *opened, back(ip(tcp(RST, seq=1), TCP)), back(ip(tcp(RST, seq=-1), TCP)))
    pipeline("tcp-simultaneous", syn, back(ip(tcp(SYN), TCP)), on(ip(tcp(ACK), TCP)), back(ip(tcp(ACK), TCP)))
    pipeline("tcp-window", *opened, on(ip(tcp(ACK, seq=1 << 20), TCP)), back(ip(tcp(ACK, ack=1 << 30), TCP)))
    pipeline("tcp-not-syn", step(ip(tcp(ACK), TCP)), step(data, more=RECONFIGURE, time=7, arg=2),
             step(ip(tcp(ACK), TCP)))
    pipeline("tcp-mss", step(b"", more=RECONFIGURE, time=7, arg=2),
             step(ip(tcp(options=bytes([2, 4, 5, 0xB4, 3, 3, 7, 1])), TCP)),
             back(ip(tcp(SYN | ACK, options=bytes([1, 2, 4, 5, 0xB4, 1, 0, 0])), TCP)))
    pipeline("hairpin", step(ip(udp(sport=700), src="192.168.50.20")),
             *[step(ip(udp(sport=900, dport=20000 + i), src="192.168.50.21", dst=GATEWAY)) for i in range(8)])
    pipeline("inbound", step(ip(udp(sport=700))),
             *[step(ip(udp(sport=5, dport=20000 + i), src=VC, dst=GATEWAY), flags=FIX | VSPHERE)
               for i in range(8)])
    pipeline("limits", step(b"", more=RECONFIGURE, time=7, arg=1),
             *[step(ip(udp(sport=i)), flags=FIX | COPY, arg=7) for i in (100, 200, 300)])
    pipeline("ports-exhausted", *[step(ip(udp(sport=i)), flags=FIX | COPY, arg=7) for i in range(100, 900, 100)])
    pipeline("not-allowed", step(ip(udp(), src=OUTSIDE)), step(ip(udp(), src=GATEWAY)),
             step(ip(udp(), src="192.168.60.1"), more=INTERNET))
    pipeline("routed", step(ip(udp(), src="192.168.60.1")), back(ip(udp())))
    pipeline("traceroute", step(ip(udp(), ttl=1)), step(ip(udp(), ttl=2)), step(ip(udp(), ttl=0)))
    quote = ip(udp(), src=GATEWAY)
    pipeline("error-back", step(ip(udp())), back(ip(error(3, 3, quote), ICMP)),
             back(ip(error(3, 4, quote, 600), ICMP)), back(ip(error(11, 0, quote[:28]), ICMP)))
    pipeline("error-on", step(ip(udp())), back(ip(udp())), on(ip(error(3, 3, ip(udp())), ICMP)))
    pipeline("error-tcp", *opened, back(ip(error(3, 1, ip(tcp(ACK), TCP)), ICMP)))
    pipeline("error-echo", step(ip(echo(), ICMP)), back(ip(error(11, 0, ip(echo(), ICMP)), ICMP)))
    pipeline("error-of-error", step(ip(udp())), back(ip(error(3, 3, ip(error(3, 3, quote), ICMP)), ICMP)))
    for proto, name in ((47, "gre"), (4, "ipip"), (255, "nonsense"), (50, "esp")):
        pipeline("error-quotes-" + name, step(ip(udp())), step(ip(error(3, 2, ip(b"y" * 24, proto)), ICMP)),
                 step(ip(b"y" * 24, proto)))
    big = ip(b"b" * 1400)
    pipeline("too-big-df", step(ip(udp(b"b" * 1400), frag=0x4000)))
    pipeline("too-big", step(ip(udp(b"b" * 1400))), step(big, flags=FIX_IP))
    pipeline("too-big-options", step(ip(udp(b"b" * 1400), options=bytes([148, 4, 0, 0, 7, 4, 4, 0]))),
             step(ip(udp(b"b" * 1400), options=bytes([148, 4, 0, 0, 68, 4, 4, 0]))))
    pipeline("super-packet", *opened, step(data, flags=FIX_IP | OF_FLOW, more=OFFLOADED | PAD, arg=0x60),
             step(ip(udp()), flags=FIX_IP, more=OFFLOADED | PAD, arg=0x30))
    pipeline("small-mtu", step(b"", more=LINK, arg=6 << 2 | 1), step(ip(udp(b"b" * 300))),
             step(ip(udp(b"b" * 600))), step(ip(udp(), options=b"\1" * 40)))
    pipeline("link-down", step(ip(udp()), more=LINK, arg=0xE1), step(ip(udp()), more=LINK, arg=1))
    pipeline("no-neighbour", step(ip(udp()), more=LOST, arg=1), step(ip(udp(sport=2))),
             step(ip(udp()), more=LOST, arg=0))
    pipeline("no-neighbour-lost", step(ip(udp()), more=LOST, arg=1), step(ip(udp(dport=4)), more=LOST, arg=1),
             step(ip(udp(), dst="10.10.0.77")), step(b"", flags=LATER, time=5))
    pipeline("end-flow", step(ip(udp())), step(ip(udp()), more=END_FLOW), back(ip(udp())))
    pipeline("expiry", step(ip(udp())), step(ip(udp(sport=5)), flags=FIX | LATER, time=200),
             step(ip(echo(), ICMP), flags=FIX | LATER, time=255), back(ip(udp()), time=90))
    pipeline("source-route", step(ip(udp(), options=bytes([131, 7, 4, 1, 2, 3, 4, 0]))))
    pipeline("broadcast", step(ip(udp(), dst="255.255.255.255")), step(ip(udp(), dst="224.0.0.1")),
             step(ip(udp(), dst="172.16.0.255")), step(ip(udp(), src="127.0.0.1")))
    pipeline("land", step(ip(tcp(), TCP, src="172.16.0.1", dst="172.16.0.1")),
             step(ip(udp(sport=53), src="172.16.0.1", dst="172.16.0.1")), step(ip(udp(), src=VC, dst=VC), flags=FIX | VSPHERE))
    pipeline("vlan-cut-type", step(ip(udp()), more=BAD_FRAME, arg=1), step(ip(udp()), more=BAD_FRAME, arg=2),
             step(b"\x86\xdd" + b"\x60" + b"\0" * 50, flags=0, more=BAD_FRAME, arg=4))
    pipeline_fragment_seeds()
    regression_seeds()


def pieces(payload, ident, *cuts, proto=UDP, **more):
    """The datagram's payload in fragments that begin at 0 and at each cut."""
    ends = list(cuts) + [len(payload)]
    return [step(ip(payload[start:end], proto, frag=start // 8 | (0x2000 if end < len(payload) else 0),
                    ident=ident, **more), flags=FIX_IP)
            for start, end in zip([0] + list(cuts), ends)]


def pipeline_fragment_seeds():
    whole = udp(bytes(range(200)))
    first, middle, last = pieces(whole, 5, 64, 128)
    pipeline("fragments", first, middle, last)
    pipeline("fragments-last-first", last, middle, first)
    pipeline("fragments-duplicate", first, first, last, last, middle)
    pipeline("fragments-hole", first, last, step(b"", flags=LATER, time=3))
    pipeline("fragments-late", last, step(b"", flags=LATER, time=3), first, middle)
    pipeline("fragments-denied", *pieces(whole, 5, 64, 128, src=OUTSIDE)[::-1])
    pipeline("fragments-to-us", *pieces(whole, 6, 64, dst="172.16.0.1"), *pieces(whole, 7, 64, dst=GATEWAY))
    pipeline("fragments-tcp", *pieces(tcp(payload=b"z" * 200), 8, 24, 64, proto=TCP)[::-1])
    pipeline("fragments-echo", *pieces(echo() + b"z" * 200, 9, 64, proto=ICMP)[::-1])
    pipeline("fragments-cut-again", *pieces(udp(b"b" * 2000), 10, 1336)[::-1])
    pipeline("fragments-many", *[step(ip(b"f" * 8, frag=i + 1, ident=i), flags=FIX_IP | COPY, arg=7)
                                 for i in range(16)])


def regression_seeds():
    whole = udp(bytes(range(248)))
    # the first fragment is larger than all that follow it together, and than its own room
    pipeline("2019-14378-reassembly-large-first",
             step(ip(b"a" * 1400, frag=0x2000, ident=1), flags=FIX_IP), step(ip(b"b" * 8, frag=175, ident=1), flags=FIX_IP),
             step(ip(b"c" * 16, frag=0x2000 | 174, ident=1), flags=FIX_IP))
    # fragments at offset 0 that replace one another, of a datagram that is under way
    pipeline("2019-15890-reassembly-first-again", *pieces(whole, 2, 64)[::-1],
             step(ip(whole[:128], frag=0x2000, ident=2), flags=FIX_IP),
             step(ip(whole[:8], frag=0x2000, ident=2), flags=FIX_IP), *pieces(whole, 2, 64))
    # a fragment that lies wholly within others, before and after these
    pipeline("2020-1983-reassembly-covered",
             step(ip(whole[64:128], frag=0x2000 | 8, ident=3), flags=FIX_IP),
             step(ip(whole[72:96], frag=0x2000 | 9, ident=3), flags=FIX_IP),
             step(ip(whole[8:200], frag=0x2000 | 1, ident=3), flags=FIX_IP),
             step(ip(whole[:8], frag=0x2000, ident=3), flags=FIX_IP),
             step(ip(whole[192:], frag=24, ident=3), flags=FIX_IP))
    # an echo request that says it is longer than it is
    pipeline("2020-10756-short-echo", step(ip(echo(), ICMP, total=1400), flags=0),
             step(ip(echo()[:6], ICMP), flags=0), step(ip(echo()[:6], ICMP), flags=FIX_IP))
    # frames of another kind, with hardly more than their Ethernet header
    pipeline("2020-29129-short-ncsi", step(b"\x88\xf8" + b"\0" * 4, flags=0, more=BAD_FRAME, arg=4),
             step(b"\x88\xf8", flags=0, more=BAD_FRAME, arg=4))
    pipeline("2020-29130-short-arp", step(b"\x08\x06\0\1\x08\0", flags=0, more=BAD_FRAME, arg=4),
             *[step(b"\x08\x06" + b"\0" * 28, flags=0, more=BAD_FRAME, arg=4 | 8 | n << 4) for n in (0, 1, 7, 13, 14)])
    # UDP to the ports of BOOTP and TFTP with less than their messages, or than a UDP header
    pipeline("2021-3592-short-bootp", step(ip(udp(b"\1", 68, 67), dst="172.16.0.1")),
             step(ip(udp(b"", 68, 67), dst="255.255.255.255", src="0.0.0.0")), step(ip(udp(b"\1" * 30, 68, 67))))
    pipeline("2021-3593-short-udp6", step(b"\x60\0\0\0\0\7\x11\x40" + b"\0" * 32 + b"\0\1\0\2\0\7\0", flags=0),
             step(b"\x86\xdd" + b"\x60\0\0\0\0\7\x11\x40" + b"\0" * 39, flags=0, more=BAD_FRAME, arg=4))
    pipeline("2021-3594-short-udp", *[step(ip(udp(b"")[:n]), flags=FIX_IP) for n in range(9)],
             *[step(ip(udp(b"abcd", length=n)), flags=FIX_IP) for n in (0, 7, 8, 13, 65535)])
    pipeline("2021-3595-short-tftp", step(ip(udp(b"\0", 5000, 69), dst="172.16.0.1")),
             step(ip(udp(b"\0\1", 5000, 69))), step(ip(udp(b"\0\1" + b"a" * 40, 5000, 69))))
    # urgent pointers that point before, into, and far beyond what is there
    handshake = [step(ip(tcp(), TCP)), back(ip(tcp(SYN | ACK), TCP)), on(ip(tcp(ACK), TCP))]
    pipeline("urgent-pointer", *handshake,
             *[on(ip(tcp(ACK | URG, payload=b"u" * size, urgent=urgent), TCP))
               for size, urgent in ((0, 0), (0, 1), (4, 4), (4, 5), (4, 65535), (1, 0))],
             step(ip(tcp(SYN | URG, sport=9, urgent=65535), TCP)))


# --- the other targets ------------------------------------------------------------------------
def config_seeds():
    golden = os.path.join(TESTS, "golden")
    for name in sorted(os.listdir(golden)):
        with open(os.path.join(golden, name), "rb") as file:
            text = file.read()
        if name.endswith((".in", ".ok")) and len(text) < 4096:
            write("config", name, text)


CONFIGS = {
    "empty": "",
    "small": "portgroup add vrack dev eth1 realm private\nportgroup add vsphere dev eth2 realm vsphere\n"
             "address add 172.16.0.1/24 portgroup vrack\naddress add 10.10.0.2/24 portgroup vsphere\n"
             "route add 192.168.0.0/16 via 172.16.0.254\n"
             "pool add default external-ip-address 10.10.0.2 ports 16384-65535\n"
             "nat add 10 from 0.0.0.0/0 to 10.10.0.0/24 pool default\n"
             "service add vc address 172.16.0.1 protocol tcp port 443 backend 10.10.0.10:443 backend 10.10.0.11:443\n"
             "allow add 192.168.50.0/24\nallow add 192.168.0.0/16\n",
}


def snapshot_seeds():
    for name, text in CONFIGS.items():
        block = subprocess.run([os.path.join(BUILD, "fuzz", "snapshot_seed")], input=text.encode(),
                               stdout=subprocess.PIPE, check=True).stdout
        write("snapshot", name, block)


def ctl_seeds():
    lines = {
        "version": '{"op":"version"}', "show": '{"op":"show","object":"service","statistics":true}',
        "change": '{"op":"change","statements":["allow add 10.0.0.0/8","allow del 10.0.0.0/8"]}',
        "config-show": '{"op":"config-show"}', "config-check": '{"op":"config-check","text":"allow add x\\n"}',
        "config-diff": '{"op":"config-diff","text":"\\u00e9"}', "config-apply": '{"op":"config-apply","text":""}',
        "config-apply-order": '{"op":"config-apply","text":"x","base":7,"revert-in":60,"comment":"c","by":"y"}',
        "config-confirm": '{"op":"config-confirm","base":8,"by":"y"}',
        "config-undo": '{"op":"config-undo","revision":3,"base":4,"comment":"c"}',
        "config-log": '{"op":"config-log","limit":5}', "config-diff-revision": '{"op":"config-diff","revision":7}',
        "config-show-revision": '{"op":"config-show","revision":7}',
        "config-save": '{"op":"config-save"}', "stats": '{"op":"stats","all":true}', "neighbour": '{"op":"neighbour"}',
        "session-table": '{"op":"session-table"}', 
        "session-end": '{"op":"session-end","filter":{"src":"10.0.0.0/8","dport":"1-9","state":"closed","id":"7"}}',
        "session-end-all": '{"op":"session-end","filter":{},"limit":3}',
        "session-end-named": '{"op":"session-end","filter":{"portgroup":"a","pool":"b","service":"c","protocol":"udp"}}',
        "monitor": '{"op":"monitor"}', "unknown": '{"op":"x","y":[]}', "not-object": '[1,2,{"a":null}]',
        "nested": "[" * 60 + "]" * 60, "numbers": '{"op":"session-end","filter":{"sport":"65536","id":"9223372036854775808"},"limit":1e9}',
        "nul": '{"op":"show","object":"a\\u0000b"}', "unfinished": '{"op":"vers',
    }
    for name, line in lines.items():
        write("ctl", name, line.encode() + b"\n")
    write("ctl", "several", "\n".join(lines.values()).encode() + b"\n\n\xff\n")


def call_seeds():
    center = "/1.0/dedicatedCloud/pcc/datacenter/1"
    cloud, server = "/1.0/dedicatedCloud/pcc", "/1.0/dedicated/server/ns1"
    calls = {
        "enable": ("POST", center + "/privateGateway/enable",
                   '{"ip":"172.16.0.1","netmask":"255.255.255.0","portgroup":"vrack"}'),
        "reconfigure": ("POST", center + "/privateGateway/reconfigure", '{"newDatacenterId":2}'),
        "disable": ("POST", center + "/privateGateway/disable", ""),
        "tasks": ("GET", cloud + "/task?name=a+b&state=done", ""),
        "date": ("POST", cloud + "/task/1/changeMaintenanceExecutionDate",
                 '{"executionDate":"2030-01-02T03:04:05+00:00"}'),
        "reset": ("POST", center + "/task/1/resetTaskState", '{"reason":"because"}'),
        "network": ("POST", cloud + "/allowedNetwork", '{"network":"192.0.2.0/24","description":null}'),
        "put": ("PUT", cloud + "/allowedNetwork/7",
                '{"networkAccessId":7,"network":"192.0.2.0/24","description":"\\u00e9","state":"allowed"}'),
        "mac": ("POST", server + "/virtualMac",
                '{"ipAddress":"192.0.2.1","type":"ovh","virtualMachineName":"vm"}'),
        "address": ("DELETE", server + "/virtualMac/02:00:00:aa:bb:cc/virtualAddress/192.0.2.1", ""),
        "credential": ("POST", "/1.0/auth/credential",
                       '{"accessRules":[{"method":"GET","path":"/*"}],"redirection":null}'),
        "encoded": ("GET", "/1.0/dedicatedCloud/p%2Fc/task?state=%64one&name=%00", ""),
    }
    for name, (method, target, body) in calls.items():
        write("call", name, ("%s %s\n%s" % (method, target, body)).encode())


def date_seeds():
    dates = ("2030-01-02T03:04:05Z", "2030-01-02T03:04:05+00:00", "2030-01-02T03:04:05.123-05:30",
             "2030-02-30T03:04:05Z", "2028-02-29T23:59:60Z", "1970-01-01T00:00:00+01:00",
             " 2030- 1-02T03:04:05Z", "9999-12-31T23:59:59-23:59")
    for number, date in enumerate(dates):
        write("date", "date-%d" % number, date.encode())


def operations_seeds():
    center = '"service":"pcc","datacenter":1'
    place = '"ip":"172.16.0.9","netmask":"255.255.255.0","portgroup":"vrack"'
    signed = ('{"op":"authenticate","application":"a","consumer":"b","timestamp":"1","signature":"$1$0",'
              '"method":"GET","path":"/x","urls":["https://g/1.0/x"],"body":"","from":"192.0.2.1"}')
    lines = {
        "show": '{"op":"service-name-list"}\n{"op":"server-name-list"}\n{"op":"datacenter-show","service":"pcc"}\n'
                '{"op":"gateway-show",%s}\n{"op":"portgroup-list",%s}' % (center, center),
        "enable": '{"op":"gateway-enable",%s,%s,"by":"me","from":"here"}\n{"op":"task-show"}' % (center, place),
        "disable": '{"op":"gateway-disable","service":"other","datacenter":3,"force":true}',
        "reconfigure": '{"op":"gateway-reconfigure","service":"other","datacenter":3,"ip":"172.16.0.3"}',
        "tasks": '{"op":"gateway-enable",%s,%s}\n{"op":"task-schedule","id":1,"execution-date":"2030-01-02T03:04:05Z"}\n'
                 '{"op":"task-cancel","id":1}\n{"op":"task-reset","id":1,"reason":"x"}\n'
                 '{"op":"task-show","id":1,"state":"canceled"}' % (center, place),
        "networks": '{"op":"allowed-network-add","service":"pcc","network":"192.0.2.0/24","description":"a"}\n'
                    '{"op":"allowed-network-show","service":"pcc"}\n'
                    '{"op":"allowed-network-change","service":"pcc","id":1,"network":"192.0.2.0/25"}\n'
                    '{"op":"allowed-network-delete","service":"pcc","id":1}',
        "macs": '{"op":"virtual-mac-show","server":"ns1"}\n'
                '{"op":"virtual-mac-add","server":"ns1","ip":"172.16.0.30","type":"vmware","name":"vm2"}\n'
                '{"op":"virtual-mac-address-add","server":"ns1","mac":"02:00:00:00:00:01","ip":"172.16.0.31","name":"x"}\n'
                '{"op":"virtual-mac-address-delete","server":"ns1","mac":"02:00:00:00:00:01","ip":"172.16.0.20"}\n'
                '{"op":"virtual-mac-delete","server":"ns1","mac":"02:00:00:00:00:01"}\n'
                '{"op":"network-specification","server":"ns1"}',
        "auth": signed + '\n{"op":"credential-request","application":"a","access-rules":[{"method":"GET","path":"/*"}],'
                '"redirection":null,"base":"https://g/1.0","from":"x"}\n{"op":"credential-show","token":"t"}\n'
                '{"op":"credential-approve","token":"t","code":"c","refuse":false}\n'
                '{"op":"credential-logout","credential":1}',
    }
    for name, text in lines.items():
        write("operations", name, text.encode() + b"\n")


def http_seeds():
    host = b"Host: gateway\r\n"
    post = b"POST /1.0/dedicatedCloud/pcc-1/datacenter/1/privateGateway/enable HTTP/1.1\r\n" + host
    body = b'{"ip":"172.16.0.1","netmask":"255.255.255.0","portgroup":"vrack"}'
    network = b'{"networkAccessId":7,"network":"192.0.2.0/24","description":null,"state":"allowed"}'
    server = b"/1.0/dedicated/server/ns1/virtualMac"
    lines = {
        "time": b"GET /1.0/auth/time HTTP/1.1\r\n" + host + b"\r\n",
        "enable": post + b"Content-Length: %d\r\n\r\n" % len(body) + body,
        "chunked": post + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n",
        "put": b"PUT /1.0/dedicatedCloud/pcc-1/allowedNetwork/7 HTTP/1.1\r\n" + host +
               b"Content-Length: %d\r\n\r\n" % len(network) + network,
        "query": b"GET /1.0/dedicatedCloud/p%2Fc/task?name=a+b&state=todo HTTP/1.1\r\n" + host + b"\r\n",
        "mac": b"DELETE " + server + b"/02:00:00:aa:bb:cc/virtualAddress/192.0.2.1 HTTP/1.1\r\n" + host + b"\r\n",
        "signed": b"GET " + server + b" HTTP/1.1\r\n" + host + b"X-Ovh-Application: a\r\nX-Ovh-Consumer: b\r\n"
                  b"X-Ovh-Timestamp: 1\r\nX-Ovh-Signature: $1$0\r\n\r\n",
        "page": b"POST /1.0/auth/validate HTTP/1.1\r\n" + host +
                b"Content-Length: 31\r\n\r\ncredentialToken=a%20b&code=c+d&x",
        "expect": post + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
        "two-lengths": post + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "both": post + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "folded": b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
        "schema": b"GET /1.0/dedicated/server.json HTTP/1.0\r\n\r\n",
    }
    for name, line in lines.items():
        write("http", name, line)
    write("http", "pipelined", lines["time"] + lines["enable"] + lines["query"] + lines["put"])


def channel_seeds():
    def message(kind, fds=0, which=(0, 0, 0), body=b""):
        second = fds | which[0] << 2 | which[1] << 4 | which[2] << 6
        return struct.pack("<BBB", kind, second, len(body)) + body

    hello, table = message(1), message(2, 2, (1, 2, 0))
    port = struct.pack("<IIIIIII6sH", 0, 2, 1500, 1, 2048, 1 << 18, 4, b"\2\0\0\0\0\1", 0)
    snapshot = message(6, 1, (3, 0, 0))
    for name, messages in {
            "hello": [hello], "table": [hello, table], "table-wrong": [message(2, 2, (2, 1, 0)), table],
            "table-again": [table, table, hello], "events": [message(3, 1)], "port": [table, message(4, 1, body=port)],
            "port-gone": [message(5, body=struct.pack("<I", 0))], "snapshot": [table, snapshot, hello, snapshot],
            "snapshot-first": [snapshot, table], "flows-end": [table, snapshot, message(18, body=struct.pack("<QQ", 1, 5))],
            "flows-end-some": [table, snapshot, message(18, body=struct.pack("<QQI", 1, 5, 0x3ffff) + b"\1" * 90)],
            "quit": [message(8), hello], "unknown": [message(0), message(13)], "answers": [message(9), message(10), message(11)],
            "descriptors": [message(1, 3, (0, 1, 2)), message(6, 2, (3, 3, 0))]}.items():
        write("channel", name, b"\0" + b"".join(messages))
        write("channel", name + "-damaged", b"\6\x01\x02\x03\x80\x00\x05" + b"".join(messages))


def attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def netlink(kind, body, flags=2, seq=1):
    return struct.pack("=IHHII", 16 + len(body), kind, flags, seq, 0) + body


def events_seeds():
    def read(data, flags=0):
        return struct.pack("<BH", flags, len(data)) + data

    link = struct.pack("=BxHiII", 0, 1, 11, 0x41, 0) + attribute(4, struct.pack("=I", 1500)) + \
        attribute(1, b"\2\0\0\0\0\1") + attribute(3, b"eth1\0")
    neighbour = struct.pack("=BxHiHBB", 2, 0, 11, 2, 0, 1) + attribute(1, bytes([10, 0, 0, 1])) + \
        attribute(2, b"\2\0\0\0\0\2")
    done = netlink(3, struct.pack("=i", 0))
    both = netlink(16, link) + netlink(28, neighbour)
    write("events", "dump", read(netlink(16, link)) + read(done, 2) + read(netlink(28, neighbour)) + read(done, 2))
    write("events", "changes", read(both) + read(netlink(17, link)) + read(netlink(29, neighbour)))
    write("events", "forgotten", read(both) + read(b"", 8) + read(done, 2) + read(done, 2) + read(b"", 64) + read(done, 2))
    write("events", "other-sender", read(both, 4))
    write("events", "truncated", read(both, 16) + read(done, 2) + read(netlink(2, struct.pack("=i", -16)), 2))
    write("events", "interrupted", read(netlink(16, link, 0x12)) + read(done, 2) + read(done, 2))
    write("events", "send-fails", read(done, 2 | 32) + read(both) + read(b"", 64 | 32) + read(both, 128))
    write("events", "short", b"".join(read(netlink(16, link)[:n], 1) for n in (16, 20, 32, 34, 37)))


def capture_seeds():
    packet = b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip(udp())
    record = struct.pack("<IIII", 1, 5, len(packet), len(packet)) + packet
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    swapped = struct.pack(">IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)
    body = struct.pack("<IIIII", 0, 0, 7, len(packet), len(packet)) + packet + b"\0" * (-len(packet) % 4)
    block = struct.pack("<II", 6, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))
    write("capture", "pcap", b"\0" + head + record * 3)
    write("capture", "pcap-swapped-ns", b"\0" + swapped + struct.pack(">IIII", 9, 1, 60, 60) + b"x" * 60)
    write("capture", "pcap-cooked", b"\0" + struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 113) + record)
    write("capture", "pcap-cut", b"\0" + head + record[:40])
    write("capture", "pcap-long", b"\1" + struct.pack("<IIII", 1, 1, 70000, 70000) + b"x" * 100)
    write("capture", "pcapng", b"\2" + block * 2)
    write("capture", "pieces", b"\3" + b"".join(b"\0" * 8 + bytes([n]) + b"x" * n for n in (0, 13, 14, 60, 200)))


def pgw_seeds():
    answers = [
        (0, '{"ok":true,"items":[{"name":"vrack","dev":"eth1","vlan":null,"realm":"private","mtu":1500,'
            '"mac":"02:00:00:00:00:01","state":"up","last-hop":true}]}'),
        (1, '{"ok":true,"items":[{"address":"172.16.0.1/24","portgroup":"vrack","state":"present"}]}'),
        (3, '{"ok":true,"items":[{"name":"p","external-ip-address":["10.0.0.1"],"ports":"1024-65535"}]}'),
        (4, '{"ok":true,"items":[{"number":10,"from":"0.0.0.0/0","to":"10.0.0.0/8","pool":"p"}]}'),
        (5, '{"ok":true,"items":[{"name":"s","address":"172.16.0.1","protocol":"tcp","port":443,'
            '"backends":[{"address":"10.0.0.1","port":443,"state":"up"}]}]}'),
        (9, '{"ok":true,"gateway":{"revision":1,"uptime":86465,"flows":5},"portgroups":[{"name":"a","rcvd-packets":'
            '18446744073709551615}],"drops":[{"reason":"ttl","packets":3,"text":"t"}]}'),
        (11, '{"ok":true,"version":"0.1.0","revision":3}'),
        (12, '{"ok":true}\n{"time":"2026-01-02T03:04:05Z","event":"link","portgroup":"a","state":"down"}'),
        (13, '{"ok":true,"bytes":%d,"snapshot-bytes":%d,"portgroups":[{"index":0,"name":"vrack"}],"pools":[]}'
             % (12288, 512)),
        (16, '{"ok":true,"bytes":12288,"snapshot-bytes":512}\n{"ok":true,"ended":5}'),
        (17, '{"ok":true,"text":"portgroup add a\\n\\u001b[2J","revision":2}'),
        (18, '{"ok":true,"file":"/etc/pgw/pgw.conf"}'),
        (19, '{"ok":true,"changes":["allow add 10.0.0.0/8"],"sessions-affected":4}'),
        (20, '{"ok":true,"revision":4,"changes":[],"sessions-ended":0}'),
        (21, '{"ok":false,"error":"no\\u001b[31m","line":1,"column":7,"file":"f"}'),
        (0, "[]"), (0, "null"), (0, '{"ok":1}'), (2, '{"ok":true,"items":{"a":[1,2.5e300,-0.0,true,null]}}'),
    ]
    for number, (command, line) in enumerate(answers):
        for options in (0, 1, 3, 16 | 8, 32, 64 | 4):
            write("pgw", "%02d-%02x" % (number, options), bytes([options, command, 0]) + line.encode() + b"\n")
    write("pgw", "damaged", bytes([24, 13, 6, 0, 0, 9, 1, 0, 7]) + answers[8][1].encode() + b"\n")


def log_seeds():
    for choices in (0, 1, 2, 3, 0x13, 0x4D):
        event = b"".join(struct.pack("<Q", n << 56 | n << 32 | 0x0A000001) for n in range(8))
        write("log", "%02x" % choices, bytes([choices]) + struct.pack("<QQ", 3, 1) + event * 6)


# --- arp: see arp_fuzz.c for the meaning of the choices ----------------------------------------
def arp_message(operation, mac, sender, target):
    return struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + mac + addr(sender) + bytes(6) + addr(target)


def arp_seeds():
    other, start, second = b"\2\0\0\0\0\x09", bytes([0x42]), bytes([0x10])
    claim = bytes([1]) + arp_message(2, other, "10.0.0.1", "0.0.0.0")
    probe = bytes([3]) + arp_message(1, other, "0.0.0.0", "10.0.0.4")
    write("arp", "claims", start + (second + claim) * 12)
    write("arp", "probes", bytes([0x82]) + second + probe + bytes([0xfc]) * 12)
    write("arp", "links", start + bytes([0x46]) + second + bytes([0x46]) + claim + bytes([0x4a, 0x4a]))
    write("arp", "cut", start + bytes([1]) + arp_message(2, other, "10.0.0.1", "10.0.0.2")[:20])


pipeline_seeds()
log_seeds()
config_seeds()
snapshot_seeds()
ctl_seeds()
call_seeds()
date_seeds()
operations_seeds()
http_seeds()
channel_seeds()
events_seeds()
capture_seeds()
pgw_seeds()
arp_seeds()


# --- tunnels ------------------------------------------------------------------------------------
def text(*parts):
    return b"".join(struct.pack("!I", len(p)) + p for p in parts)


def messages(flags, *payloads):
    return bytes([flags]) + b"".join(struct.pack("<H", len(p)) + p for p in payloads)


def kexinit(methods=b"curve25519-sha256,kex-strict-c-v00@openssh.com,ext-info-c"):
    return bytes([20]) + b"c" * 16 + text(
        methods, b"ecdsa-sha2-nistp256", b"aes128-gcm@openssh.com", b"chacha20-poly1305@openssh.com",
        b"", b"", b"none", b"none", b"", b"") + bytes(5)


def for_channel(number, channel, rest=b""):
    return bytes([number]) + struct.pack("!I", channel) + rest


RAW, KEYS, LOGIN, OPEN, ANSWER_LATER, GRANT, CONSUME, RENEW, CUT = 0, 1, 2, 3, 4, 8, 16, 32, 64
CONFIG = (b'{"Version":"2.0.0","Remotes":[{"LocalHost":"0.0.0.0","LocalPort":"8081","LocalProto":"tcp",'
          b'"RemoteHost":"192.168.0.3","RemotePort":"8393","RemoteProto":"tcp","Reverse":true}]}')
NISTP256 = b"ecdh-sha2-nistp256"
write("ssh", "version-line", bytes([RAW]) + b"SSH-2.0-OpenSSH_9.2\r\n" + bytes([0, 0, 0, 12, 10]) + bytes(11))
write("ssh", "exchange-25519", messages(KEYS, kexinit(), bytes([30]) + text(b"\x09" + bytes(31)), b"\x15"))
write("ssh", "exchange-nistp256", messages(KEYS | CUT, kexinit(NISTP256), bytes([30]) + text(bytes([4]) + bytes(64))))
write("ssh", "wrong-guess", messages(KEYS, kexinit(b"none," + NISTP256)[:-5] + b"\1" + bytes(4), b"\x1e"))
write("ssh", "password", messages(LOGIN | GRANT, bytes([5]) + text(b"ssh-userauth"),
                                  bytes([50]) + text(b"token", b"ssh-connection", b"password") + b"\0" + text(b"secret")))
write("ssh", "key", messages(LOGIN | GRANT, bytes([5]) + text(b"ssh-userauth"),
                             bytes([50]) + text(b"u", b"ssh-connection", b"publickey") + b"\1" +
                             text(b"ssh-ed25519", text(b"ssh-ed25519", bytes(32)), text(b"ssh-ed25519", bytes(64)))))
write("ssh", "requests", messages(OPEN | ANSWER_LATER, bytes([80]) + text(b"config") + b"\1" + CONFIG,
                                  bytes([80]) + text(b"ping") + b"\1"))
write("ssh", "forward", messages(OPEN | GRANT, bytes([80]) + text(b"tcpip-forward") + b"\1" + text(b"localhost") +
                                 struct.pack("!I", 8081)))
write("ssh", "channel", messages(
    OPEN | CONSUME, for_channel(91, 0, struct.pack("!III", 7, 1000, 32768)), for_channel(94, 1, text(b"data")),
    for_channel(93, 1, struct.pack("!I", 5000)), for_channel(96, 1), for_channel(98, 3, text(b"x") + b"\1"),
    for_channel(97, 1), for_channel(97, 2)))
write("ssh", "window-overrun", messages(OPEN, *[for_channel(94, 1, text(bytes(1500)))] * 4))
write("ssh", "exchange-again", messages(OPEN | RENEW, kexinit(), bytes([30]) + text(b"\x09" + bytes(31))))
write("ssh", "open-refused", messages(OPEN, for_channel(92, 0, struct.pack("!I", 2) + text(b"no", b""))))
write("ssh", "session", messages(OPEN, bytes([90]) + text(b"session") + struct.pack("!III", 0, 1000, 1000)))
UPGRADE = (b"GET /sg_x?id=1 HTTP/1.1\r\nHost: g\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
           b"Sec-WebSocket-Protocol: chisel-v3\r\nToken: abc\r\n\r\n")


def frame(first, payload):
    mask = b"\1\2\3\4"
    masked = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack("!H", len(payload))
    return bytes([first]) + size + mask + masked


write("websocket", "upgrade", b"\x41" + UPGRADE)
write("websocket", "health", b"\x01GET /health HTTP/1.1\r\nHost: g\r\n\r\n")
write("websocket", "two-hosts", b"\x01GET / HTTP/1.1\r\nHost: g\r\nHost: h\r\n\r\n")
write("websocket", "fragments", b"\x40" + frame(2, b"ab") + frame(0x89, b"ping") + frame(0x80, b"c" * 200))
write("websocket", "close", b"\x40" + frame(0x88, b"\x03\xe8"))
write("websocket", "long", b"\x40\x82\xff" + struct.pack("!Q", 1 << 40) + b"maskdata")
write("chisel", "config", b"\0" + CONFIG)
write("chisel", "config-udp", b"\0" + CONFIG.replace(b'"tcp"', b'"udp"'))
write("chisel", "datagram", b"\1\x1a\xff\x82\x01\x0e127.0.0.1:5353\x01\x05hello\0")
write("chisel", "datagram-empty", b"\1\x03\xff\x82\0")
write("chisel", "key-ed25519", b"\2" + text(text(b"ssh-ed25519", b"\x58" + b"\x66" * 31), b"ssh-ed25519",
                                           text(b"ssh-ed25519", bytes(64))))
write("chisel", "key-rsa", b"\2" + text(text(b"ssh-rsa", b"\1\0\1", b"\0" + b"\xc5" * 256), b"rsa-sha2-256",
                                       text(b"rsa-sha2-256", bytes(256))))

# A key that nothing but this is locked with.
HOST_KEY = """-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg2uZGrd2Sq7OV2PWJ
odJ61I3rYtRkvNPHvvJmlbeCdz6hRANCAASuluUV6S4f+9RmLFeNUiUhe44l92uV
bwW6watVX8F9ZVFIg9kYW8LhyLErJ/P9jhtVnGtfHScwEpZ8M+AVSFDk
-----END PRIVATE KEY-----
"""


def handover(name, *parts):
    """@parts: (kind, descriptors, text)."""
    write("handover", name, b"".join(
        bytes([kind + 2 * fds]) + struct.pack("<H", len(said)) + said for kind, fds, said in (
            (kind, fds, said if isinstance(said, bytes) else json.dumps(said).encode())
            for kind, fds, said in parts)))


def handover_seeds():
    service = {"name": "s", "listener": "n", "address": "172.16.0.1", "port": 443, "sni": ["a.test", "*.b.test"],
               "balance": 0, "dead": 0, "proxy": True,
               "backends": [{"address": "10.0.0.1", "port": 443, "up": True}]}
    stage = {"name": "dev", "uuid": "01234567-89ab-cdef-0123-456789abcdef", "token": "ab" * 32, "inside": "127.0.0.1",
             "balance": "round-robin", "networks": [[1, 2], [5, 4294967295]], "keys": []}
    whole = {"revision": 2, "allow": [[0, 5], [7, 4294967295]],
             "listeners": [{"key": "n", "fd": 1}, {"key": "t", "fd": 2}],
             "names": {"idle-ms": 7440000, "services": [service]},
             "tunnel": {"idle-ms": 7440000, "half-ms": 300000, "host-key": HOST_KEY, "listeners": [{"key": "t"}],
                        "stages": [stage]}}
    other = dict(whole, names={"idle-ms": 1, "services": [dict(service, sni=[])]})
    handover("whole", (1, 2, whole))
    handover("changes", (1, 2, whole), (1, 2, other), (0, 0, {"op": "hello"}))
    handover("asks", (0, 0, {"op": "hello"}), (0, 0, {"op": "show", "what": "connections"}),
             (0, 0, {"op": "show", "what": "tunnel"}), (0, 0, {"op": "quit"}))
    handover("parts", (0, 0, {"op": "part", "part": "tunnel", "do": "kick", "id": 1}),
             (0, 1, {"op": "part", "part": "tunnel", "do": "listened", "id": 1, "fd": 0}),
             (0, 0, {"op": "part", "part": "tunnel", "do": "listened", "id": 1, "error": "why"}))
    handover("none", (0, 4, b"{"), (1, 0, b"[]"), (0, 0, {"op": "configure", "bytes": 77}))


handover_seeds()
