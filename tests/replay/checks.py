# SPDX-License-Identifier: GPL-2.0-or-later
"""What is checked of the outputs of a case, and how a difference is said."""

import json
import os
import struct

from scapy.layers.l2 import Ether

from story import GATEWAY, START_NS, checksum, ip_fields, read_pcap

ICMP, TCP, UDP = 1, 6, 17
ETHERNET = 14


def layers(frame):
    """[(layer.field, value)] of a frame, for messages."""
    fields, packet = [], Ether(frame)
    while packet:
        for name in packet.fields_desc:
            fields.append(("%s.%s" % (packet.name, name.name), packet.getfieldval(name.name)))
        packet = packet.payload if packet.payload else None
    return fields


def difference(got, wanted, names=("is", "expected")):
    """The fields in which two frames differ."""
    if got == wanted:
        return ""
    a, b = layers(got), layers(wanted)
    told = ["%s %s %r, %s %r" % (x[0], names[0], x[1], names[1], y[1])
            for x, y in zip(a, b) if x[0] == y[0] and x[1] != y[1]]
    if [x[0] for x in a] != [x[0] for x in b]:
        told.append("%s %s, %s %s" % (names[0], Ether(got).summary(), names[1],
                                      Ether(wanted).summary()))
    return "; ".join(told) or "%s %s, %s %s" % (names[0], got.hex(), names[1], wanted.hex())


def when(time_ns):
    return "%.9f s" % ((time_ns - START_NS) / 1e9)


def compare(name, got, wanted, equal):
    """Two lists of (time, frame)."""
    for number, ((time, frame), (wanted_time, wanted_frame)) in enumerate(zip(got, wanted), 1):
        assert equal(frame, wanted_frame), "%s, packet %d: %s" % (
            name, number, difference(frame, wanted_frame))
        assert time == wanted_time, "%s, packet %d (%s): sent at %s, expected %s" % (
            name, number, Ether(frame).summary(), when(time), when(wanted_time))
    for more, text in ((got[len(wanted):], "is one too many"), (wanted[len(got):], "is missing")):
        assert not more, "%s, packet %d: %s %s" % (name, min(len(got), len(wanted)) + 1,
                                                   Ether(more[0][1]).summary(), text)


def check_expected(name, path, expected):
    """An output against the one that was kept: byte for byte, but for what is left to chance."""
    assert os.path.exists(expected), "%s is missing; run --update, look at it, keep it" % expected
    if name.endswith(".pcap"):
        compare(name, read_pcap(path), read_pcap(expected), same_but_identification)
        return
    with open(path, "rb") as a, open(expected, "rb") as b:
        got, wanted = a.read(), b.read()
    if got == wanted:
        return
    lines = [(x, y) for x, y in zip(got.decode(errors="replace").splitlines(),
                                    wanted.decode(errors="replace").splitlines()) if x != y]
    raise AssertionError("%s: %s" % (name, "; ".join("is %s, expected %s" % (x.strip(), y.strip())
                                                     for x, y in lines[:5]) or "another length"))


def same_but_identification(got, wanted):
    """Equal; but where a datagram may be fragmented its identification (and with it the IP
    checksum, which check_frames() judges) is the gateway's choice."""
    fragment = struct.unpack_from("!H", wanted, ETHERNET + 6)[0]
    if len(got) != len(wanted) or fragment & 0x4000 or \
            (wanted[ETHERNET + 9] == ICMP and wanted[ETHERNET + 1] == 0xc0):
        return got == wanted
    return got[:18] == wanted[:18] and got[20:24] == wanted[20:24] and got[26:] == wanted[26:]


def transport_is_sound(proto, src, dst, data):
    """Whether checksum and length of a whole transport unit are right."""
    if proto == UDP:
        if struct.unpack_from("!H", data, 4)[0] != len(data):
            return False
        if data[6:8] == b"\0\0":
            return True
    if proto in (TCP, UDP):
        return checksum(src + dst + struct.pack("!HH", proto, len(data)) + data) == 0xffff
    return checksum(data) == 0xffff


def check_frames(port, frames):
    """What holds for every frame that the gateway sends, whatever it is."""
    pieces = {}
    for number, (_, frame) in enumerate(frames, 1):
        place = "out-%s.pcap, packet %d" % (port, number)
        assert frame[6:12] == bytes.fromhex(GATEWAY[port].replace(":", "")), \
            place + ": the source MAC is not the gateway's"
        assert not frame[0] & 1, place + ": sent to a group"
        header, length, ident, fragment, ttl, proto, src, dst = ip_fields(frame)
        assert length == len(frame) - ETHERNET, place + ": IP length"
        assert checksum(frame[ETHERNET:ETHERNET + header]) == 0xffff, place + ": IP checksum"
        assert 0 < ttl <= 64, place + ": TTL"
        if port == "vsphere":
            assert src == bytes((10, 10, 0, 2)), place + ": the source is not the pool's address"
        else:
            assert dst[:1] in (b"\xc0", b"\xac"), place + ": the destination is no client"
        data = frame[ETHERNET + header:]
        if fragment & 0x3fff:
            pieces.setdefault((src, dst, proto, ident), {})[fragment & 0x1fff] = \
                (data, bool(fragment & 0x2000))
        else:
            assert transport_is_sound(proto, src, dst, data), place + ": transport checksum"
    for (src, dst, proto, ident), parts in pieces.items():
        whole, offset = b"", 0
        while offset in parts:
            data, more = parts[offset]
            whole += data
            offset += len(data) // 8
            if not more:
                assert transport_is_sound(proto, src, dst, whole), \
                    "out-%s.pcap: checksum of the datagram in fragments, id %d" % (port, ident)
                break
        else:
            raise AssertionError("out-%s.pcap: fragments of id %d are missing" % (port, ident))


def check_report(story, report):
    drops = {drop["reason"]: drop["packets"] for drop in report["drops"]}
    assert drops == story.drops, "drops: is %s, expected %s" % (
        {k: v for k, v in drops.items() if story.drops.get(k) != v},
        {k: v for k, v in story.drops.items() if drops.get(k) != v})
    kernel = sum(port["kernel-packets"] for port in report["portgroups"])
    assert kernel == story.kernel, "kernel-packets: is %d, expected %d" % (kernel, story.kernel)
    for name, value in story.figures.items():
        got = report["gateway"][name]
        assert got == value, "%s: is %d, expected %d" % (name, got, value)
    for port in report["portgroups"]:
        name = port["name"]
        frames = len(story.frames[name])
        assert port["rcvd-packets"] + port["own-packets"] == frames, "%s: frames read" % name
        assert port["sent-packets"] == len(story.wants[name]), "%s: frames sent" % name
        assert port["mac"] == GATEWAY[name], "%s: the gateway's address is %s" % (name,
                                                                                 port["mac"])
    gateway = report["gateway"]
    for waiting in ("fragments-waiting", "neighbours-waiting"):
        assert gateway[waiting] == 0, "%s: %d" % (waiting, gateway[waiting])
    assert gateway["flows-created"] == gateway["flows"] + gateway["flows-expired"], "flows"


def check_story(story, directory):
    for port, wanted in story.wants.items():
        frames = read_pcap(os.path.join(directory, "out-%s.pcap" % port))
        compare("out-%s.pcap against the story" % port, frames, wanted, same_but_identification)
        check_frames(port, frames)
    with open(os.path.join(directory, "report.json"), "rb") as file:
        check_report(story, json.load(file))
