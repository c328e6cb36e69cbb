#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Traffic for the tests; every command has a bound and says what happened on standard output.

udp HOST PORT TEXT [--bind PORT] [--bytes N] [--wait S] [--df 0|1]
    send a datagram (TEXT filled up to N bytes), print the answer; exit 1 if none comes
udp-send HOST PORT TEXT --bind PORT
    send a datagram, wait for nothing
udp-closed HOST PORT --bind PORT
    send datagrams until the sender is told that nobody is there (ICMP port unreachable): "refused"
udp-listen PORT --first HOST:PORT
    send "port" there from PORT, then print "ADDRESS PORT TEXT" of each datagram that arrives
udp-fill HOST PORT COUNT
    send COUNT datagrams, no two with the same ports (64 destination ports, from PORT on); after
    every burst, wait until HOST's echo server has answered one more
udp-either PORT HOST HOST
    send numbered datagrams, each to both echo servers at once; on SIGTERM stop, and print how many
    each has answered and which numbers neither has; exit 1 if there are such
udp-order HOST PORT ROUNDS
    numbered datagrams to an echo server, single ones and, between them, eight at once as one
    super-packet; after each round wait for its answers. Print "in order", or exit 1
arp DEVICE ADDRESS [--wait S]
    print the MACs that answer an ARP request, sorted, one a line; of several, those that come within
    ARP_MORE_S of the first
tcp HOST PORT [--wait S]
    print how a connection ends: connected, refused, unreachable, timeout
hold HOST PORT [--bind PORT] [--pieces N] [--hello NAME]
    keep a session with an echo server: send numbered lines, print "echoed NUMBER" for each that
    returns; ends with 0 on SIGTERM or after N, with 1 if the session breaks or garbles. --hello: a
    ClientHello with that server name goes ahead, and has to return, too
brief HOST PORT COUNT
    COUNT sessions with an echo server, one after another: a line there and back, then close first
half HOST PORT BYTES
    ask a web server for BYTES and say no more (FIN), print "half closed"; on SIGUSR1 read them, and
    print how many came
"""
import argparse
import errno
import fcntl
import select
import signal
import socket
import struct
import sys
import time

from hello import client_hello

IP_MTU_DISCOVER, PMTUDISC_DONT, PMTUDISC_PROBE = 10, 0, 3
PIECE_INTERVAL_S = 0.02
FILL_PORTS, FILL_BURST = 64, 64
ARP_AGAIN_S, ARP_MORE_S, SIOCGIFADDR = 0.5, 0.25, 0x8915
ORDER_WAIT_S, ORDER_SEGMENTS, ORDER_BYTES, UDP_SEGMENT = 10, 8, 1000, 103
EITHER_OUTSTANDING, EITHER_INTERVAL_S, EITHER_WAIT_S = 64, 0.001, 10


def datagram_socket(port=0):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("0.0.0.0", port))
    return sock


def udp(options):
    sock = datagram_socket(options.bind)
    if options.df is not None:
        sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER,
                        PMTUDISC_PROBE if options.df else PMTUDISC_DONT)
    sock.settimeout(options.wait)
    data = options.text.encode().ljust(options.bytes, b".")
    sock.sendto(data, (options.host, options.port))
    try:
        answer, _ = sock.recvfrom(65535)
    except TimeoutError:
        print(f"no answer within {options.wait} s")
        return 1
    if options.bytes:
        print(f"{len(answer)} bytes, {'as sent' if answer == data else 'GARBLED'}")
        return 0 if answer == data else 1
    print(answer.decode())
    return 0


def udp_send(options):
    datagram_socket(options.bind).sendto(options.text.encode(), (options.host, options.port))
    return 0


def udp_closed(options):
    sock = datagram_socket(options.bind)
    sock.connect((options.host, options.port))
    sock.settimeout(0.5)
    for _ in range(20):
        try:
            sock.send(b"anybody")
            sock.recv(100)
        except ConnectionRefusedError:
            print("refused")
            return 0
        except TimeoutError:
            pass  # hosts limit how many errors they send
    print("nothing")
    return 1


def udp_listen(options):
    sock = datagram_socket(options.port)
    host, _, port = options.first.partition(":")
    sock.sendto(b"port", (host, int(port)))
    while True:
        data, peer = sock.recvfrom(65535)
        print(f"{peer[0]} {peer[1]} {data.decode(errors='replace')}", flush=True)


def udp_fill(options):
    pace = datagram_socket()
    pace.settimeout(5)
    # Options keep it on the way of the others: no offload takes such packets.
    pace.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, b"\x01\x01\x01\x00")
    sent = 0
    for port in range(options.port, options.port + FILL_PORTS):
        for source in range(20000, 20000 + -(-options.count // FILL_PORTS)):
            if sent % FILL_BURST == 0:
                pace.sendto(b"pace", (options.host, 7))
                pace.recv(100)
            if sent == options.count:
                break
            with datagram_socket(source) as sock:
                sock.sendto(b"fill", (options.host, port))
            sent += 1
    print(f"sent {sent}")
    return 0


def udp_either(options):
    ends = []
    signal.signal(signal.SIGTERM, lambda *_: ends.append(time.monotonic() + EITHER_WAIT_S))
    sock = datagram_socket()
    hosts = {options.host: 0, options.other: 0}
    asked, outstanding = 0, set()
    while not ends or (outstanding and time.monotonic() < ends[0]):
        if not ends and len(outstanding) < EITHER_OUTSTANDING:
            asked += 1
            outstanding.add(asked)
            for host in hosts:
                sock.sendto(b"%d" % asked, (host, options.port))
        while select.select([sock], [], [], EITHER_INTERVAL_S)[0]:
            data, peer = sock.recvfrom(100)
            hosts[peer[0]] += 1
            outstanding.discard(int(data))
        if asked % 100 == 1:
            print(f"asked {asked} {' '.join(map(str, hosts.values()))}", flush=True)
    print(f"total {asked}", *(f"{host} {n}" for host, n in hosts.items()))
    print("unanswered", *sorted(outstanding), flush=True)
    return 1 if outstanding else 0


def udp_order(options):
    sock = datagram_socket()
    sock.connect((options.host, options.port))
    sock.settimeout(ORDER_WAIT_S)
    number = 0
    for _ in range(options.rounds):
        first = number
        for count in (1, 1, ORDER_SEGMENTS, 1, ORDER_SEGMENTS, ORDER_SEGMENTS, 1):
            numbers = range(number, number + count)
            number += count
            data = b"".join(struct.pack("!I", n).ljust(ORDER_BYTES, b".") for n in numbers)
            segment = [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("H", ORDER_BYTES))]
            sock.sendmsg([data], segment if count > 1 else [])
        for expected in range(first, number):
            try:
                got, = struct.unpack("!I", sock.recv(65536)[:4])
            except TimeoutError:
                sys.exit(f"no answer to {expected}")
            if got != expected:
                sys.exit(f"answer to {got} instead of {expected}")
    print("in order")


def tcp(options):
    names = {errno.ECONNREFUSED: "refused", errno.EHOSTUNREACH: "unreachable",
             errno.ENETUNREACH: "unreachable"}
    try:
        socket.create_connection((options.host, options.port), options.wait).close()
    except TimeoutError:
        print("timeout")
    except OSError as error:
        print(names.get(error.errno, str(error)))
    else:
        print("connected")
    return 0


def hold(options):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    sock = socket.socket()
    sock.bind(("0.0.0.0", options.bind))
    sock.settimeout(5)
    sock.connect((options.host, options.port))
    sock.settimeout(60)
    stream = sock.makefile("rwb")
    print(f"connected {sock.getsockname()[1]}", flush=True)
    if options.hello:
        hello = client_hello(options.hello)
        stream.write(hello)
        stream.flush()
        if stream.read(len(hello)) != hello:
            print("broken: the ClientHello did not return", flush=True)
            return 1
    number = 0
    while not options.pieces or number < options.pieces:
        number += 1
        line = b"line %d\n" % number
        try:
            stream.write(line)
            stream.flush()
            answer = stream.readline()
        except OSError as error:
            print(f"broken: {error}", flush=True)
            return 1
        if answer != line:
            print(f"broken: sent {line}, got {answer}", flush=True)
            return 1
        print(f"echoed {number}", flush=True)
        select.select([], [], [], PIECE_INTERVAL_S)
    return 0


def brief(options):
    for _ in range(options.count):
        with socket.create_connection((options.host, options.port), 20) as sock:
            sock.sendall(b"brief\n")
            if sock.recv(100) != b"brief\n":
                print("garbled")
                return 1
    print(f"{options.count} sessions")
    return 0


def half(options):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    with socket.create_connection((options.host, options.port), 20) as sock:
        sock.sendall(b"GET /data/%d HTTP/1.0\r\n\r\n" % options.count)
        sock.shutdown(socket.SHUT_WR)
        print("half closed", flush=True)
        signal.sigwait([signal.SIGUSR1])
        with sock.makefile("rb") as stream:
            while stream.readline().strip():
                pass
            print(f"{sum(map(len, iter(lambda: stream.read(65536), b'')))} bytes", flush=True)
    return 0


def arp(options):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806)) as wire:
        wire.bind((options.device, 0x0806))
        mac = wire.getsockname()[4]
        own = fcntl.ioctl(wire, SIOCGIFADDR, struct.pack("32s", options.device.encode()))[20:24]
        wanted = socket.inet_aton(options.address)
        request = (b"\xff" * 6 + mac + bytes.fromhex("08060001080006040001") + mac + own +
                   bytes(6) + wanted)
        found, again, end = set(), 0, time.monotonic() + options.wait
        while (now := time.monotonic()) < end:
            if not found and now >= again:
                wire.send(request)
                again = now + ARP_AGAIN_S
            if not select.select([wire], [], [], min(end, max(again, now + 0.01)) - now)[0]:
                continue
            frame = wire.recv(2048)
            if frame[20:22] == b"\0\2" and frame[28:32] == wanted:
                if not found:
                    end = time.monotonic() + ARP_MORE_S
                found.add(frame[22:28].hex(":"))
    for answer in sorted(found):
        print(answer)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)

    def command(name, run, *arguments):
        sub = commands.add_parser(name)
        sub.set_defaults(run=run)
        for argument in arguments:
            sub.add_argument(argument, type=int if argument in ("port", "count", "rounds") else str)
        return sub

    sub = command("udp", udp, "host", "port", "text")
    sub.add_argument("--bind", type=int, default=0)
    sub.add_argument("--bytes", type=int, default=0)
    sub.add_argument("--wait", type=float, default=3)
    sub.add_argument("--df", type=int)
    sub = command("udp-send", udp_send, "host", "port", "text")
    sub.add_argument("--bind", type=int, required=True)
    sub = command("udp-closed", udp_closed, "host", "port")
    sub.add_argument("--bind", type=int, required=True)
    sub = command("udp-listen", udp_listen, "port")
    sub.add_argument("--first", required=True)
    command("udp-fill", udp_fill, "host", "port", "count")
    command("udp-order", udp_order, "host", "port", "rounds")
    command("udp-either", udp_either, "port", "host", "other")
    sub = command("arp", arp, "device", "address")
    sub.add_argument("--wait", type=float, default=5)
    sub = command("tcp", tcp, "host", "port")
    sub.add_argument("--wait", type=float, default=3)
    command("brief", brief, "host", "port", "count")
    command("half", half, "host", "port", "count")
    sub = command("hold", hold, "host", "port")
    sub.add_argument("--bind", type=int, default=0)
    sub.add_argument("--pieces", type=int, default=0)
    sub.add_argument("--hello", default="")
    options = parser.parse_args()
    return options.run(options)


if __name__ == "__main__":
    sys.exit(main())
