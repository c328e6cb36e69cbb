# SPDX-License-Identifier: GPL-2.0-or-later
"""The cases of tests/replay. Each function tells one story; its name is the case's."""

import inspect
import struct

from story import (ARP, BASE, CLIENT, ESX, Ether, GATEWAY, ICMP, IP, NEAR, OTHER, POOL, ROUTER, Raw,
                   SERVER, SERVICE, Story, TCP, UDP, VC, checksum, down, up)

CASES = []


def case(function):
    CASES.append(function)
    return function


def story(about, **options):
    """A story named after the function that tells it."""
    return Story(inspect.stack()[1].function.replace("_", "-"), about, **options)


def handshake(s, sport=50000, service=True, seq=1000, port=40000, **out):
    """SYN, SYN-ACK, ACK through the service (or straight to the server by source NAT)."""
    options = [("MSS", 1460), ("WScale", 7)]
    back = {"service": service}
    for key in ("src", "mac"):
        if key in out:
            back["to" if key == "src" else key] = out[key]
    syn = {"flags": "S", "seq": seq, "options": options}
    s.out(TCP(sport=sport, dport=443, **syn), TCP(sport=port, dport=443, **syn), service=service,
          **out)
    both = {"flags": "SA", "seq": 9000, "ack": seq + 1, "options": options}
    s.back(TCP(sport=443, dport=port, **both), TCP(sport=443, dport=sport, **both), **back)
    segment(s, "A", seq + 1, 9001, b"", sport=sport, port=port, service=service, **out)


def refused(s, packet, reason, **icmp):
    """Dropped, and its sender is told. What is quoted makes the answer no longer than what it
    answers, but 28 bytes it has always."""
    data = bytes(packet[IP])
    s.dropped("vrack", packet, reason)
    s.want("vrack", Ether(src=GATEWAY["vrack"], dst=packet.src) /
           IP(src=SERVICE, dst=packet[IP].src, tos=0xc0, id=0, ttl=64) /
           ICMP(**dict({"type": 3}, **icmp)) / Raw(data[:max(28, min(548, len(data) - 28))]))


def segment(s, flags, seq, ack, data, sport=50000, port=40000, **out):
    fields = {"flags": flags, "seq": seq, "ack": ack}
    out.setdefault("service", True)
    s.out(TCP(sport=sport, dport=443, **fields) / Raw(data),
          TCP(sport=port, dport=443, **fields) / Raw(data), **out)


def answer(s, flags, seq, ack, data, sport=50000, port=40000, **back):
    fields = {"flags": flags, "seq": seq, "ack": ack}
    back.setdefault("service", True)
    s.back(TCP(sport=443, dport=port, **fields) / Raw(data),
           TCP(sport=443, dport=sport, **fields) / Raw(data), **back)


@case
def service_tcp():
    s = story("a connection to a service: handshake, data both ways, close, a late segment")
    handshake(s)
    segment(s, "PA", 1001, 9001, b"request " * 20)
    answer(s, "A", 9001, 1161, b"")
    answer(s, "PA", 9001, 1161, b"answer" * 100)
    segment(s, "A", 1161, 9601, b"")
    segment(s, "FA", 1161, 9601, b"")
    answer(s, "A", 9601, 1162, b"")
    answer(s, "PA", 9601, 1162, b"what is left after half a close")
    segment(s, "A", 1162, 9632, b"")
    answer(s, "FA", 9632, 1162, b"")
    segment(s, "A", 1162, 9633, b"")
    answer(s, "A", 9633, 1162, b"")  # in the window of a closed connection: harmless
    s.figures = {"flows-created": 1, "flows": 1}
    return s


def datagram(s, sport, dport, data, port, dst=VC, to_mac=SERVER, **out):
    s.out(UDP(sport=sport, dport=dport) / Raw(data), UDP(sport=port, dport=dport) / Raw(data),
          dst=dst, to_mac=to_mac, **out)


def reply(s, sport, dport, data, client, **back):
    s.back(UDP(sport=sport, dport=dport) / Raw(data), UDP(sport=sport, dport=client) / Raw(data),
           **back)


@case
def udp_mappings():
    pools = "".join("pool add %s external-ip-address 10.10.0.2 ports %d-%d mapping-type %s "
                    "filtering-type %s\nnat add %d from %s to 10.10.0.0/24 pool %s\n" %
                    (name, port, port, mapping, filtering, number, source, name)
                    for number, (name, port, mapping, filtering, source) in enumerate((
                        ("eif", 41001, "eim", "eif", "192.168.50.1/32"),
                        ("adf", 41002, "eim", "adf", "192.168.50.2/32"),
                        ("edf", 41003, "eim", "edf", "192.168.50.3/32"),
                        ("edm", 41004, "edm", "edf", "192.168.50.4/32")), 1))
    s = story("datagrams through eim and edm pools, filtering eif, adf, edf", config=BASE + pools)
    for host, port in ((1, 41001), (2, 41002), (3, 41003), (4, 41004)):
        src = "192.168.50.%d" % host
        # eim and edm alike: one port to two servers, here the only one that there is
        datagram(s, 5000, 53, b"to vc", port, src=src)
        datagram(s, 5000, 53, b"to esx", port, src=src, dst=ESX, to_mac=OTHER)
        reply(s, 53, port, b"from vc", 5000, to=src)
        reply(s, 53, port, b"from esx", 5000, to=src, src=ESX, from_mac=OTHER)
        # from another port of a server that the host has spoken to
        if host <= 2:
            reply(s, 54, port, b"other port", 5000, to=src)
        else:
            s.dropped("vsphere", down(UDP(sport=54, dport=port) / Raw(b"other port")),
                      "filtered" if host == 3 else "no-mapping")
        # from a server that it has not spoken to
        stranger = down(UDP(sport=53, dport=port) / Raw(b"stranger"), src="10.10.0.77")
        if host == 1:
            reply(s, 53, port, b"stranger", 5000, to=src, src="10.10.0.77")
        else:
            s.dropped("vsphere", stranger, "no-mapping" if host == 4 else "filtered")
    # checksum 0 means none, and stays so
    nil = UDP(sport=5000, dport=53, chksum=0) / Raw(b"unsummed")
    s.out(nil, UDP(sport=41001, dport=53, chksum=0) / Raw(b"unsummed"), src="192.168.50.1")
    datagram(s, 5000, 53, b"", 41001, src="192.168.50.1")
    datagram(s, 5000, 53, b"odd", 41001, src="192.168.50.1")
    # two hosts, one port: the second one's mapping has nothing left
    refused(s, up(UDP(sport=5001, dport=53), src="192.168.50.1"), "ports-exhausted", code=1)
    return s


def error(src, dst, quote, type=3, code=3, ttl=64, mtu=0, **fields):
    """An ICMP error whose quote is given as bytes."""
    return IP(src=src, dst=dst, ttl=ttl, flags="DF", **fields) / \
        ICMP(type=type, code=code, nexthopmtu=mtu) / Raw(quote)


def quoted(packet, payload=8):
    """The first bytes of a packet, as an error quotes them."""
    data = bytes(packet)
    return data[:20 + payload]


@case
def icmp():
    s = story("echo; errors from both sides with quotes of 8 bytes; errors of our own",
              args=["--mtu", "vsphere=1280"])
    s.out(ICMP(type=8, id=7, seq=1) / Raw(b"ping"), ICMP(type=8, id=40000, seq=1) / Raw(b"ping"))
    s.back(ICMP(type=0, id=40000, seq=1) / Raw(b"ping"), ICMP(type=0, id=7, seq=1) / Raw(b"ping"))
    datagram(s, 5000, 99, b"is anybody there?", 40000)
    ours = IP(src=POOL, dst=VC, flags="DF", ttl=63) / UDP(sport=40000, dport=99) / \
        Raw(b"is anybody there?")
    theirs = IP(src=CLIENT, dst=VC, flags="DF", ttl=63) / UDP(sport=5000, dport=99) / \
        Raw(b"is anybody there?")
    head = Ether(src=SERVER, dst=GATEWAY["vsphere"])
    to_client = Ether(src=GATEWAY["vrack"], dst=ROUTER)
    # "port unreachable" from the server, "host unreachable" from a router on the way
    for sender, code in ((VC, 3), ("10.10.0.99", 1)):
        s.passes("vsphere", head / error(sender, POOL, quoted(ours), code=code),
                 to_client / error(sender, CLIENT, quoted(theirs), code=code, ttl=63))
    s.passes("vsphere", head / error(VC, POOL, quoted(ours, 25), type=11, code=0),
             to_client / error(VC, CLIENT, quoted(theirs, 25), type=11, code=0, ttl=63))
    # about the echo
    s.passes("vsphere",
             head / error("10.10.0.99", POOL, quoted(IP(src=POOL, dst=VC) / ICMP(id=40000, seq=1)),
                          type=11, code=0),
             to_client / error("10.10.0.99", CLIENT,
                               quoted(IP(src=CLIENT, dst=VC) / ICMP(id=7, seq=1)),
                               type=11, code=0, ttl=63))
    # about nothing that anybody sent: other port, GRE, IP in IP, too short, wrong checksums
    wrong = IP(src=POOL, dst=VC) / UDP(sport=40000, dport=98)
    s.kernel_takes("vsphere", head / error(VC, POOL, quoted(wrong)))
    for proto in (47, 4, 253):
        s.dropped("vsphere", head / error(VC, POOL, quoted(IP(src=POOL, dst=VC, proto=proto) /
                                                          Raw(bytes(8)))), "icmp-quote")
    s.dropped("vsphere", head / error(VC, POOL, quoted(ours, 7)), "icmp-quote")
    s.dropped("vsphere", head / error(VC, POOL, bytes(28)), "icmp-quote")
    bad = bytearray(bytes(head / error(VC, POOL, quoted(ours))))
    bad[-1] ^= 1
    s.dropped("vsphere", bytes(bad), "l4-checksum")
    s.dropped("vsphere", head / error(VC, POOL, quoted(IP(src=POOL, dst=VC, chksum=1) /
                                                      UDP(sport=40000, dport=99))), "icmp-quote")
    s.kernel_takes("vsphere", head / IP(src=VC, dst=POOL) / ICMP(type=13, ts_ori=0, ts_rx=0, ts_tx=0))
    s.kernel_takes("vsphere", head / IP(src=VC, dst=POOL) / ICMP(type=8, id=1))
    s.dropped("vrack", up(ICMP(type=13, ts_ori=0, ts_rx=0, ts_tx=0)), "icmp-type")
    s.dropped("vrack", up(ICMP(type=0, id=77)), "no-mapping")
    # of our own: TTL, and too big with DF. Not longer than what they answer, 36 bytes at least.
    refused(s, up(UDP(sport=5000, dport=99) / Raw(bytes(100)), ttl=1), "ttl-exceeded", type=11)
    refused(s, up(UDP(sport=5000, dport=99) / Raw(bytes(1300))), "too-big-df", code=4,
            nexthopmtu=1280)
    # none about an error
    s.dropped("vsphere", head / error(VC, POOL, quoted(ours), ttl=1), "ttl-exceeded")
    s.figures = {"icmp-sent": 2}
    return s


def cut(packet, size, order=None, to=None):
    """The fragments of an IP packet, as frames, in an order."""
    head, ip = packet.copy(), packet[IP]
    data = bytes(ip.payload)
    pieces = []
    for offset in range(0, len(data), size):
        piece = IP(src=ip.src, dst=ip.dst, ttl=ip.ttl, id=ip.id, proto=ip.proto, tos=ip.tos,
                   flags="MF" if offset + size < len(data) else 0, frag=offset // 8)
        pieces.append(Ether(src=head.src, dst=head.dst) / piece / Raw(data[offset:offset + size]))
    return [pieces[i] for i in order] if order else pieces


def fragmented(s, dport, size, order, ident, data):
    """A datagram in pieces: those before the first one wait for it, then follow in order."""
    sent = cut(up(UDP(sport=6000, dport=dport) / Raw(data), flags=0, id=ident), size)
    wanted = cut(Ether(src=GATEWAY["vsphere"], dst=SERVER) /
                 IP(src=POOL, dst=VC, ttl=63, id=ident) / UDP(sport=40000, dport=dport) / Raw(data),
                 size)
    waiting = []
    for i in order:
        s.frame("vrack", sent[i])
        if i == 0:
            s.want("vsphere", wanted[0])
            for j in waiting:
                s.want("vsphere", wanted[j])
            waiting = None
        elif waiting is None:
            s.want("vsphere", wanted[i])
        else:
            waiting.append(i)


@case
def fragments():
    s = story("fragments in all orders; duplicates, tiny ones, holes, beyond the end")
    data = bytes(i & 0xff for i in range(392))
    for number, order in enumerate(((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1),
                                    (2, 1, 0), (0, 1, 1, 2), (2, 2, 0, 1))):
        fragmented(s, 100 + number, 160, order, 0x1000 + number, data)
    # one TCP header over two fragments; a second fragment that would overwrite flags (RFC 3128)
    head = {"flags": "MF", "id": 0x2000}
    s.dropped("vrack", up(Raw(bytes(TCP(sport=1, dport=443, flags="S"))[:8]), proto=6, **head),
              "fragment-tiny")
    s.dropped("vrack", up(Raw(bytes(16)), proto=6, frag=1, id=0x2000, flags=0), "fragment-tiny")
    s.dropped("vrack", up(Raw(bytes(16)), proto=17, frag=8190, id=0x2001, flags=0),
              "fragment-bad")
    s.dropped("vrack", up(Raw(bytes(15)), proto=17, frag=4, id=0x2002, flags="MF"),
              "fragment-bad")
    # the first one never comes: two seconds
    s.dropped("vrack", up(Raw(bytes(16)), proto=17, frag=4, id=0x2003, flags=0),
              "fragment-timeout")
    # the first one is dropped: so are the others, those that waited and those that follow
    src = "192.168.66.6"
    parts = cut(up(UDP(sport=1, dport=2) / Raw(data), src=src, flags=0, id=0x2004), 160)
    for i in (1, 0, 2):
        s.dropped("vrack", parts[i], "not-allowed")
    # the answer comes back in pieces, too
    fields = {"flags": 0, "id": 0x3000}
    back = cut(down(UDP(sport=100, dport=40000) / Raw(data), **fields), 200)
    wanted = cut(Ether(src=GATEWAY["vrack"], dst=ROUTER) /
                 IP(src=VC, dst=CLIENT, ttl=63, id=0x3000) / UDP(sport=100, dport=6000) /
                 Raw(data), 200)
    s.frame("vsphere", back[1])
    s.passes("vsphere", back[0], wanted[0])
    s.want("vrack", wanted[1])
    return s


@case
def hairpin():
    pools = "".join("pool add p%d external-ip-address 10.10.0.2 ports %d-%d mapping-type eim "
                    "filtering-type eif\nnat add %d from 192.168.50.%d/32 to 10.10.0.0/24 pool "
                    "p%d\n" % (n, 41000 + n, 41000 + n, n, n, n) for n in (1, 2))
    s = story("two hosts behind the pool reach each other by their external addresses",
              args=["-m", "vsphere=" + GATEWAY["vsphere"]],
              config=BASE + pools)
    datagram(s, 5000, 53, b"a mapping for one", 41001, src="192.168.50.1")
    datagram(s, 6000, 53, b"a mapping for the other", 41002, src="192.168.50.2",
             mac="02:00:00:00:01:02")
    one = dict(src=GATEWAY["vrack"], dst=ROUTER)
    two = dict(src=GATEWAY["vrack"], dst="02:00:00:00:01:02")
    s.passes("vrack", up(UDP(sport=5000, dport=41002) / Raw(b"hello"), src="192.168.50.1",
                         dst=POOL),
             Ether(**two) / IP(src=POOL, dst="192.168.50.2", ttl=63, flags="DF") /
             UDP(sport=41001, dport=6000) / Raw(b"hello"), to="vrack")
    s.passes("vrack", up(UDP(sport=6000, dport=41001) / Raw(b"hello yourself"),
                         src="192.168.50.2", mac="02:00:00:00:01:02", dst=POOL),
             Ether(**one) / IP(src=POOL, dst="192.168.50.1", ttl=63, flags="DF") /
             UDP(sport=41002, dport=5000) / Raw(b"hello yourself"), to="vrack")
    # to oneself, as the classic crash does
    # to oneself: only a second external port could tell the two directions apart, there is none
    refused(s, up(UDP(sport=5000, dport=41001) / Raw(b"me"), src="192.168.50.1", dst=POOL),
            "ports-exhausted", code=1)
    return s


@case
def denied():
    s = story("who may not: sources not allowed, other stations' frames, tags, the wrong side")
    for src in ("192.168.51.1", "8.8.8.8"):
        s.dropped("vrack", up(TCP(sport=1, dport=443, flags="S"), src=src, dst=SERVICE),
                  "not-allowed")
        s.dropped("vrack", up(UDP(sport=1, dport=53), src=src), "not-allowed")
    s.dropped("vrack", up(UDP(sport=1, dport=53), src="10.10.0.10"), "reverse-path")
    s.dropped("vrack", up(UDP(sport=1, dport=53), dst="10.20.0.1"), "no-nat-rule")
    s.dropped("vrack", Ether(src=ROUTER, dst="02:00:00:00:09:09") / up(UDP())[IP],
              "link-destination")
    s.dropped("vrack", bytes.fromhex("020000000001" "020000000101" "81000064") +
              bytes(up(UDP(sport=1, dport=53)))[12:], "vlan-unexpected")
    s.kernel_takes("vrack", Ether(src=ROUTER, dst="ff:ff:ff:ff:ff:ff") /
                   IP(src=CLIENT, dst="255.255.255.255") / UDP(sport=68, dport=67))
    s.kernel_takes("vrack", Ether(src=ROUTER, dst="01:00:5e:00:00:05") /
                   IP(src="172.16.0.254", dst="224.0.0.5", proto=89))
    s.kernel_takes("vrack", up(TCP(sport=1, dport=22, flags="S"), dst=SERVICE))
    s.dropped("vsphere", down(TCP(sport=1, dport=40000, flags="S")), "no-mapping")
    s.dropped("vsphere", down(TCP(sport=443, dport=443, flags="S"), dst=CLIENT), "not-allowed")
    # a tag with VLAN ID 0 is only a priority
    plain = up(UDP(sport=1, dport=53))
    s.passes("vrack", bytes(plain)[:12] + bytes.fromhex("8100a000") + bytes(plain)[12:],
             Ether(src=GATEWAY["vsphere"], dst=SERVER) / IP(src=POOL, dst=VC, ttl=63, flags="DF") /
             UDP(sport=40000, dport=53))
    return s


@case
def garbage():
    s = story("headers that lie, martians, protocols and flags that nobody may send",
              args=["-m", "vsphere=" + GATEWAY["vsphere"]])
    whole = bytes(up(UDP(sport=1, dport=53) / Raw(b"12345678")))
    for cutting in (0, 13):
        s.dropped("vrack", whole[:cutting] or b"\0", "truncated")
    s.dropped("vrack", whole[:14 + 19], "truncated")
    s.dropped("vrack", whole, "truncated", wire_len=1500)
    s.dropped("vrack", whole[:14 + 30], "ip-total-length")
    s.dropped("vrack", up(UDP(sport=1, dport=53), version=6), "ip-version")
    s.dropped("vrack", up(UDP(sport=1, dport=53), ihl=4), "ip-header-length")
    s.dropped("vrack", up(UDP(sport=1, dport=53), ihl=15), "ip-header-length")
    s.dropped("vrack", up(UDP(sport=1, dport=53), len=19), "ip-total-length")
    s.dropped("vrack", up(UDP(sport=1, dport=53), chksum=0x1234), "ip-checksum")
    for option in (b"\x83\x07\x04\x0a\x0a\x00\x0a\x00", b"\x07\x07\x04\x00\x00\x00\x00\x00",
                   b"\x94\x01\x00\x00", b"\x94\xff\x00\x00"):
        data = bytearray(bytes(up(UDP(sport=1, dport=53)))[14:34]) + option
        data[0] = 0x40 + len(data) // 4
        data[2:4] = struct.pack("!H", len(data) + 8)
        data[10:12] = b"\0\0"
        data[10:12] = struct.pack("!H", 0xffff - checksum(bytes(data)))
        s.dropped("vrack", whole[:14] + bytes(data) + bytes(8), "ip-source-route")
    for src in ("0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"):
        s.dropped("vrack", up(UDP(sport=1, dport=53), src=src), "martian")
    for dst in ("0.0.0.0", "127.0.0.1", "250.1.1.1"):
        s.dropped("vrack", up(UDP(sport=1, dport=53), dst=dst), "martian")
    s.dropped("vrack", up(UDP(sport=1, dport=53), src="172.16.0.255"), "martian")
    s.dropped("vrack", up(TCP(sport=443, dport=443, flags="S"), src=SERVICE, dst=SERVICE),
              "spoofed-own-address")  # land
    s.dropped("vrack", up(UDP(sport=1, dport=53), src=POOL), "spoofed-own-address")
    for proto in (2, 41, 47, 50, 132, 255):
        s.dropped("vrack", up(Raw(bytes(20)), proto=proto), "l4-protocol")
    for flags in ("", "SF", "SR", "SFRPAUEC", "P", "U"):
        s.dropped("vrack", up(TCP(sport=1, dport=443, flags=flags), dst=SERVICE), "tcp-flags")
    s.dropped("vrack", up(TCP(sport=1, dport=443, flags="S", chksum=0x1234), dst=SERVICE),
              "tcp-checksum")
    s.dropped("vrack", up(TCP(sport=0, dport=443, flags="S"), dst=SERVICE), "port-zero")
    s.dropped("vrack", up(UDP(sport=1, dport=0)), "port-zero")
    s.dropped("vrack", up(TCP(sport=1, dport=443, flags="S", dataofs=4), dst=SERVICE), "l4-short")
    s.dropped("vrack", up(TCP(sport=1, dport=443, flags="S", dataofs=15), dst=SERVICE), "l4-short")
    s.dropped("vrack", up(UDP(sport=1, dport=53, len=7)), "l4-short")
    s.dropped("vrack", up(UDP(sport=1, dport=53, len=99)), "l4-short")
    s.dropped("vrack", up(Raw(b"abc"), proto=17), "l4-short")
    s.dropped("vrack", Ether(src=ROUTER, dst=GATEWAY["vrack"], type=0x86dd) / Raw(bytes(60)),
              "not-ipv4")
    # a trailer that the link padded is cut off
    s.passes("vrack", bytes(up(UDP(sport=1, dport=53))) + b"padding of the link",
             Ether(src=GATEWAY["vsphere"], dst=SERVER) / IP(src=POOL, dst=VC, ttl=63, flags="DF") /
             UDP(sport=40000, dport=53))
    s.figures = {"flows-created": 1}
    return s


@case
def timeouts():
    s = story("each timer a second before and after its end; gaps of hours")
    datagram(s, 5000, 53, b"question", 40000)
    s.wait(299)
    reply(s, 53, 40000, b"just in time", 5000)  # refreshes, too
    s.wait(299)
    reply(s, 53, 40000, b"again", 5000)
    s.wait(301)
    s.dropped("vsphere", down(UDP(sport=53, dport=40000) / Raw(b"too late")), "no-mapping")
    s.out(ICMP(id=7, seq=1), ICMP(id=40000, seq=1))
    s.wait(59)
    s.back(ICMP(type=0, id=40000, seq=1), ICMP(type=0, id=7, seq=1))
    s.wait(61)
    s.kernel_takes("vsphere", down(ICMP(type=0, id=40000, seq=2)))
    handshake(s)
    s.wait(7439)
    segment(s, "PA", 1001, 9001, b"after two hours")
    s.wait(7441)
    s.dropped("vrack", up(TCP(sport=50000, dport=443, flags="PA", seq=1016, ack=9001) /
                          Raw(b"too late"), dst=SERVICE), "tcp-not-syn")
    # a SYN that nobody answers, and a connection that both have closed: 240 s
    syn = {"flags": "S", "seq": 1}
    s.out(TCP(sport=50001, dport=443, **syn), TCP(sport=40000, dport=443, **syn), service=True)
    s.wait(241)
    s.dropped("vsphere", down(TCP(sport=443, dport=40000, flags="SA", seq=1, ack=2)),
              "tcp-not-syn")
    s.wait(10 * 3600)
    handshake(s, sport=50002)
    segment(s, "FA", 1001, 9001, b"", sport=50002)
    answer(s, "FA", 9001, 1002, b"", sport=50002)
    segment(s, "A", 1002, 9002, b"", sport=50002)
    s.wait(239)
    answer(s, "A", 9002, 1002, b"", sport=50002)
    s.wait(3)
    s.dropped("vsphere", down(TCP(sport=443, dport=40000, flags="A", seq=9002, ack=1002)),
              "tcp-not-syn")
    s.figures = {"flows-created": 5, "flows": 0, "flows-expired": 5}
    return s


@case
def reset():
    s = story("RST: only the exact sequence number changes anything; nothing revives what it ended")
    handshake(s)
    segment(s, "PA", 1001, 9001, b"data")
    answer(s, "A", 9001, 1005, b"")
    # in the window, not exact: the client will challenge it; nothing has changed
    answer(s, "R", 9100, 0, b"")
    s.dropped("vsphere", down(TCP(sport=443, dport=40000, flags="R", seq=0x70000000)),
              "tcp-window")
    s.dropped("vrack", up(TCP(sport=50000, dport=443, flags="R", seq=0x70000000), dst=SERVICE),
              "tcp-window")
    s.dropped("vsphere", down(TCP(sport=443, dport=40000, flags="A", seq=0x70000000, ack=1005)),
              "tcp-window")
    s.wait(3600)
    segment(s, "PA", 1005, 9001, b"alive")
    answer(s, "R", 9001, 0, b"")
    segment(s, "PA", 1010, 9001, b"on its way when it came")
    s.wait(241)
    s.dropped("vrack", up(TCP(sport=50000, dport=443, flags="A", seq=1033, ack=9001),
                          dst=SERVICE), "tcp-not-syn")
    # closed port: the answer to SYN is RST
    syn = {"flags": "S", "seq": 1}
    s.out(TCP(sport=50001, dport=81, **syn), TCP(sport=40000, dport=81, **syn))
    no = {"flags": "RA", "seq": 0, "ack": 2}
    s.back(TCP(sport=81, dport=40000, **no), TCP(sport=81, dport=50001, **no))
    # a new SYN on the same ports begins anew at once
    syn = {"flags": "S", "seq": 50}
    s.out(TCP(sport=50001, dport=81, **syn), TCP(sport=40000, dport=81, **syn))
    return s


@case
def ports_exhausted():
    s = story("no port left: what lives goes on, what is new is refused and told so; ports rest",
              config=BASE.replace("edm filtering-type edf", "eim filtering-type edf"))
    datagram(s, 5000, 53, b"the only port", 40000)
    for host in (11, 12):
        refused(s, up(UDP(sport=5000, dport=53) / Raw(b"me, too"), src="192.168.50.%d" % host),
                "ports-exhausted", code=1)
    reply(s, 53, 40000, b"goes on", 5000)
    datagram(s, 5000, 54, b"and so does its owner", 40000)
    s.wait(302)
    # the port has been given back, but rests for two minutes
    refused(s, up(UDP(sport=5000, dport=53) / Raw(b"now?"), src="192.168.50.12"),
            "ports-exhausted", code=1)
    s.wait(122)
    datagram(s, 5000, 53, b"now!", 40000, src="192.168.50.12")
    s.figures = {"icmp-sent": 3, "flows-created": 3}
    return s


@case
def big_tcp():
    s = story("super-packets as a host's capture has them, where the MTU admits them",
              args=["--mtu", "vrack=65535", "--mtu", "vsphere=65535"])
    handshake(s)
    data = bytes((i * 7) & 0xff for i in range(15000))
    segment(s, "PA", 1001, 9001, data)
    answer(s, "A", 9001, 16001, b"")
    answer(s, "PA", 9001, 16001, data[::-1])
    segment(s, "A", 16001, 24001, b"")
    return s


@case
def small_mtu():
    s = story("an egress of 1280 bytes: fragments where DF is not set, an ICMP error where it is",
              args=["--mtu", "vsphere=1280"])
    data = bytes(i & 0xff for i in range(1400))
    s.frame("vrack", up(UDP(sport=6000, dport=53) / Raw(data), flags=0, id=0x1111))
    for piece in cut(Ether(src=GATEWAY["vsphere"], dst=SERVER) /
                     IP(src=POOL, dst=VC, ttl=63, id=0x1111) / UDP(sport=40000, dport=53) /
                     Raw(data), 1256):
        s.want("vsphere", piece)
    refused(s, up(UDP(sport=6000, dport=53) / Raw(data)), "too-big-df", code=4, nexthopmtu=1280)
    reply(s, 53, 40000, bytes(1400), 6000)
    return s


@case
def neighbours():
    s = story("a next hop that no capture shows fails after three seconds; one that moves is followed",
              args=["-n", "10.10.0.30=02:00:00:00:02:30"])
    datagram(s, 5000, 53, b"by option -n", 40000, dst="10.10.0.30", to_mac="02:00:00:00:02:30")
    lost = up(UDP(sport=5000, dport=53) / Raw(b"nobody"), dst="10.10.0.99")
    s.dropped("vrack", lost, "neighbour-failed")
    s.want("vrack", Ether(src=GATEWAY["vrack"], dst=ROUTER) /
           IP(src=SERVICE, dst=CLIENT, tos=0xc0, id=0, ttl=63) / ICMP(type=3, code=1) /
           Raw(bytes(IP(src=CLIENT, dst="10.10.0.99", flags="DF", ttl=63) /
                     UDP(sport=5000, dport=53) / Raw(b"nobody"))[:28]), delay_s=3)
    s.wait(10)
    datagram(s, 5000, 53, b"before", 40000)
    moved = "02:00:00:00:02:ff"
    s.frame("vsphere", Ether(src=moved, dst="ff:ff:ff:ff:ff:ff") /
            ARP(op=2, hwsrc=moved, psrc=VC, pdst=VC))
    s.drops["not-ipv4"] += 1
    datagram(s, 5000, 53, b"behind", 40000, to_mac=moved)
    # the client's router changes: answers follow the latest packet
    datagram(s, 5000, 53, b"other router", 40000, to_mac=moved, mac="02:00:00:00:01:02")
    reply(s, 53, 40000, b"to it", 5000, mac="02:00:00:00:01:02", from_mac=moved)
    return s


@case
def foreign():
    s = story("a pcapng capture from elsewhere: other stations' frames, the old gateway's own ones, "
              "times out of order", args=["--any-mac", "-m", "vrack=" + GATEWAY["vrack"],
                                         "vsphere=" + GATEWAY["vsphere"]])
    s.ng = True
    elsewhere = up(UDP(sport=5000, dport=53) / Raw(b"to another gateway"))
    elsewhere.dst = "02:00:00:00:09:09"
    s.passes("vrack", elsewhere, Ether(src=GATEWAY["vsphere"], dst=SERVER) /
             IP(src=POOL, dst=VC, ttl=63, flags="DF") / UDP(sport=40000, dport=53) /
             Raw(b"to another gateway"))
    # 10 s back: it arrives at once
    s.frame("vrack", up(UDP(sport=5000, dport=53) / Raw(b"from yesterday")),
            at_ns=s.now_ns - 10**10)
    s.want("vsphere", Ether(src=GATEWAY["vsphere"], dst=SERVER) /
           IP(src=POOL, dst=VC, ttl=63, flags="DF") / UDP(sport=40000, dport=53) /
           Raw(b"from yesterday"))
    # what the gateway sent then is not received now
    s.frame("vsphere", Ether(src=GATEWAY["vsphere"], dst=SERVER) /
            IP(src=POOL, dst=VC, ttl=63, flags="DF") / UDP(sport=40000, dport=53))
    reply(s, 53, 40000, b"answer", 5000)
    return s


def all_stories():
    return [function() for function in CASES]
