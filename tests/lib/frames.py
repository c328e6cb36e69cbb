#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames that no ordinary socket would send: frames.py DEVICE OWN-ADDRESS GATEWAY COMMAND

hostile            thousands of absurd packets for and through the gateway; prints how many. After
                   each burst the echo service must answer, so that none is lost to a full queue.
fragments reverse|shuffled
                   a fragmented datagram to GATEWAY port 7 (echo), its fragments in that order;
                   exit 0 once the echo has come back whole
"""
import random
import socket
import struct
import sys
import time

SERVER = "10.10.0.10"  # behind the gateway, reached through a nat rule
ICMP, TCP, UDP = 1, 6, 17
BURST = 32
SYN, ACK, FIN, RST = 2, 16, 1, 4


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Link:
    """Sends IP packets to the gateway's link address."""

    def __init__(self, device, own, gateway):
        self.own, self.gateway, self.sent = own, gateway, 0
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.sock.bind((device, 0))
        self.echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.echo.settimeout(5)
        # Options keep it on the way of the other frames: no offload takes such packets.
        self.echo.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, b"\x01\x01\x01\x00")
        self.echo.connect((gateway, 7))
        self.header = self.resolve(device) + self.sock.getsockname()[4] + b"\x08\x00"

    def resolve(self, device):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as knock:
            knock.sendto(b"knock", (self.gateway, 9))
        end = time.monotonic() + 5
        while time.monotonic() < end:
            with open("/proc/net/arp", encoding="ascii") as table:
                for row in table:
                    words = row.split()
                    if words[0] == self.gateway and words[2] != "0x0" and words[5] == device:
                        return bytes.fromhex(words[3].replace(":", ""))
        sys.exit(f"{self.gateway} does not answer ARP")

    def send(self, packet):
        while True:
            try:
                self.sock.send(self.header + packet)
                break
            except BlockingIOError:
                continue
            except OSError as error:
                if error.errno != 105:  # ENOBUFS: the device is busy, try again
                    raise
        self.sent += 1
        if self.sent % BURST == 0:
            question = b"still there %d" % self.sent
            self.echo.send(question)
            if self.echo.recv(100) != question:
                sys.exit("the echo service answers something else")

    def ip(self, payload=b"", protocol=UDP, **change):
        """An IP packet; @change gives fields other values than a correct packet has."""
        options = change.get("options", b"")
        words = change.get("words", 5 + len(options) // 4)
        head = struct.pack(
            "!BBHHHBBH4s4s",
            change.get("version", 4) << 4 | words,
            change.get("tos", 0),
            change.get("total", 20 + len(options) + len(payload)),
            change.get("ident", 1),
            change.get("fragment", 0),
            change.get("ttl", 64),
            protocol,
            0,
            socket.inet_aton(change.get("source", self.own)),
            socket.inet_aton(change.get("to", SERVER)),
        ) + options
        value = change.get("checksum", checksum(head))
        return head[:10] + struct.pack("!H", value) + head[12:] + payload

    def pseudo(self, protocol, segment, to):
        pseudo = socket.inet_aton(self.own) + socket.inet_aton(to)
        return checksum(pseudo + struct.pack("!BBH", 0, protocol, len(segment)) + segment)

    def udp(self, data=b"x", source=1024, port=7, to=SERVER, length=None):
        head = struct.pack("!HHH", source, port, 8 + len(data) if length is None else length)
        value = self.pseudo(UDP, head + b"\0\0" + data, to) or 0xFFFF
        return head + struct.pack("!H", value) + data

    def tcp(self, flags=SYN, source=1024, port=443, offset=5, to=SERVER):
        head = struct.pack("!HHIIBBH", source, port, 1, 0, offset << 4, flags, 1024)
        value = self.pseudo(TCP, head + b"\0\0\0\0", to)
        return head + struct.pack("!HH", value, 0)

    @staticmethod
    def icmp(kind, code=0, rest=b"\0\0\0\0", data=b""):
        message = struct.pack("!BBH", kind, code, 0) + rest + data
        return message[:2] + struct.pack("!H", checksum(message)) + message[4:]


def protocols(link):
    for protocol in range(256):
        for size in (0, 1, 4, 7, 8, 19, 20, 60):
            for to in (SERVER, link.gateway):
                link.send(link.ip(bytes(size), protocol, to=to))


def cut_short(link):
    whole = [
        link.ip(link.udp()),
        link.ip(link.tcp(), TCP),
        link.ip(link.icmp(8), ICMP),
        link.ip(link.icmp(3, 3, data=link.ip(link.udp())), ICMP),
        link.ip(link.udp(), options=b"\x01" * 8),
    ]
    for packet in whole:
        for size in range(len(packet)):
            link.send(packet[:size])
        for size in range(20, len(packet)):  # cut, and the total length agrees
            head = packet[:2] + struct.pack("!H", size) + packet[4:10] + b"\0\0" + packet[12:size]
            words = (head[0] & 15) * 4
            value = checksum(head[:words]) if words <= size else 0
            link.send(head[:10] + struct.pack("!H", value) + head[12:])


def ip_fields(link):
    good = link.udp()
    for version in (0, 5, 6, 15):
        link.send(link.ip(good, version=version))
    for words in (0, 1, 4, 15):
        link.send(link.ip(good, words=words))
    for total in (0, 19, 20 + len(good) + 1, 65535):
        link.send(link.ip(good, total=total))
    for value in (0, 0xFFFF, 0x1234):
        link.send(link.ip(good, checksum=value))
    for ttl in (0, 1):
        link.send(link.ip(good, ttl=ttl))
    for route in (b"\x83\x07\x04\x0a\x0a\x00\x0a\x00", b"\x89\x07\x04\x0a\x0a\x00\x0a\x00",
                  b"\x07\x07\x04\0\0\0\0\0"):
        link.send(link.ip(good, options=route))
    for options in (b"\x44\x00\x00\x00", b"\x44\xff\x00\x00", b"\x83\x02\x00\x00", b"\xff" * 40):
        link.send(link.ip(good, options=options))
    for source in ("0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1",
                   "255.255.255.255", "172.16.0.255", "10.10.0.10", link.gateway, "10.10.0.2"):
        link.send(link.ip(good, source=source))
    for to in ("0.0.0.0", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
               "10.10.0.255", link.own):
        link.send(link.ip(link.udp(to=to), to=to))


def transport(link):
    for flags in (0, SYN | FIN, SYN | RST, FIN, 0x3F, 0x29, RST, ACK):
        link.send(link.ip(link.tcp(flags), TCP))
    for offset in (0, 4, 6, 15):
        link.send(link.ip(link.tcp(offset=offset), TCP))
    link.send(link.ip(link.udp(source=0)))
    link.send(link.ip(link.udp(port=0)))
    link.send(link.ip(link.tcp(source=0), TCP))
    for length in (0, 7, 10, 65535):
        link.send(link.ip(link.udp(length=length)))
    for kind in range(256):
        link.send(link.ip(link.icmp(kind), ICMP))
        link.send(link.ip(link.icmp(kind, 255, data=bytes(40)), ICMP))
    link.send(link.ip(b"\x08\0\x12\x34" + bytes(4), ICMP))  # checksum is wrong
    for quote in (link.ip(link.udp(), protocol=47), link.ip(link.ip(b""), protocol=4),
                  link.ip(link.udp()), b"\xff" * 28, link.ip(link.udp())[:28]):
        for kind, code in ((3, 3), (3, 4), (11, 0), (12, 0), (5, 1), (4, 0)):
            link.send(link.ip(link.icmp(kind, code, data=quote), ICMP))


def broken_fragments(link):
    more = 0x2000
    for size in (1, 4, 8, 16):  # the first one splits the transport header
        link.send(link.ip(link.tcp()[:size], TCP, fragment=more, ident=2))
    link.send(link.ip(bytes(24), TCP, fragment=1, ident=3))  # overwrites the TCP flags
    link.send(link.ip(bytes(13), UDP, fragment=more | 4, ident=4))  # no multiple of 8
    link.send(link.ip(bytes(64), UDP, fragment=0x1FFF, ident=5))  # ends beyond 65535
    for ident in range(100, 1100):  # datagrams that never get complete
        link.send(link.ip(bytes(64), UDP, fragment=more | 8, ident=ident))


def noise(link):
    generator = random.Random(1)
    for _ in range(500):
        link.send(generator.randbytes(generator.randrange(1, 200)))
        packet = bytearray(link.ip(generator.randbytes(generator.randrange(60)),
                                   generator.choice((ICMP, TCP, UDP))))
        packet[generator.randrange(len(packet))] ^= 1 << generator.randrange(8)
        link.send(bytes(packet))


def hostile(link):
    for kind in (protocols, cut_short, ip_fields, transport, broken_fragments, noise):
        kind(link)
    print(link.sent)
    return 0


def fragments(link, order):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((link.own, 0))
    sock.settimeout(3)
    data = random.Random(2).randbytes(7000)
    datagram = link.udp(data, sock.getsockname()[1], 7, to=link.gateway)
    pieces, ident = [], random.SystemRandom().randrange(1, 65536)
    for offset in range(0, len(datagram), 1480):
        more = 0x2000 if offset + 1480 < len(datagram) else 0
        pieces.append(link.ip(datagram[offset:offset + 1480], fragment=more | offset // 8,
                              ident=ident, to=link.gateway))
    pieces.reverse()
    if order == "shuffled":
        pieces[0], pieces[-1] = pieces[-1], pieces[0]
        pieces[1], pieces[2] = pieces[2], pieces[1]
    for piece in pieces:
        link.send(piece)
    try:
        answer = sock.recv(65535)
    except TimeoutError:
        print("no answer")
        return 1
    print(f"{len(pieces)} fragments, {len(answer)} bytes, {'as sent' if answer == data else 'GARBLED'}")
    return 0 if answer == data else 1


def main():
    device, own, gateway, command, *rest = sys.argv[1:]
    link = Link(device, own, gateway)
    return {"hostile": hostile, "fragments": fragments}[command](link, *rest)


if __name__ == "__main__":
    sys.exit(main())
