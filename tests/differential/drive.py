#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Both ends of the traffic: says in one JSON line what became of each exchange.

drive.py server ADDRESS                    prints "ready" when it listens
drive.py client NODE PHASE SEED COUNT      works off the schedule (schedule.py)
"""

import concurrent.futures
import errno
import json
import os
import random
import signal
import socket
import struct
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from schedule import TCP_PORT, UDP_PORT, data, schedule  # noqa: E402

IP_MTU_DISCOVER, PMTUDISC_DONT, IP_RECVERR = 10, 0, 11
TIMEOUT_S, SILENCE_S, DATAGRAM_S, TRIES = 20, 2, 1.5, 3
WORKERS = 8
LINE = threading.Lock()
ENDS = {errno.ECONNREFUSED: "refused", errno.ECONNRESET: "reset", errno.EHOSTUNREACH: "unreachable",
        errno.ENETUNREACH: "unreachable", errno.EPIPE: "reset"}


def tell(**what):
    with LINE:
        print(json.dumps(what), flush=True)


def end_of(error):
    if isinstance(error, TimeoutError):
        return "timeout"
    return ENDS.get(error.errno, str(error))


# --- TCP, both ends -----------------------------------------------------------------------

def receive(sock, wanted, to_end):
    """Read what should be `wanted`, and the end if `to_end`. Return: "ok", or what went wrong."""
    got = bytearray()
    try:
        while to_end or len(got) < len(wanted):
            piece = sock.recv(1 << 18 if to_end else len(wanted) - len(got))
            if not piece:
                break
            got += piece
    except OSError as error:
        return end_of(error) + " after %s" % ("all" if bytes(got) == wanted else "a part")
    return "ok" if bytes(got) == wanted else "wrong data"


def send(sock, what):
    try:
        sock.sendall(what)
    except OSError as error:
        return end_of(error)
    return None


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def wait_end(sock):
    """How a connection on which nothing more comes ends."""
    try:
        return "data" if sock.recv(1) else "closed"
    except OSError as error:
        return end_of(error)


def connection(sock, close, mine, theirs, client):
    """Send `mine`, receive `theirs`, end as `close` says. Return: what happened."""
    first = close == ("client" if client else "server")
    if close == "both":
        sender = threading.Thread(target=lambda: send(sock, mine) or sock.shutdown(socket.SHUT_WR))
        sender.start()
        state = receive(sock, theirs, True)
        sender.join()
        return state
    if close in ("client", "server"):
        if not first:
            state = receive(sock, theirs, True)
            failed = send(sock, mine)
        else:
            failed = send(sock, mine)
            if not failed:
                sock.shutdown(socket.SHUT_WR)
            state = receive(sock, theirs, True)
        return state if not failed else "%s, sending %s" % (state, failed)
    # A reset takes what is under way with it: so it comes when both have told that they have all.
    if client:
        failed = send(sock, mine)
        state = receive(sock, theirs + b"k", False)
    else:
        state = receive(sock, theirs, False)
        failed = send(sock, mine + b"k")
    if close == "server-reset":
        if client:
            failed = failed or send(sock, b"k")
        elif receive(sock, b"k", False) != "ok":
            state += ", but the client does not say so"
    if close == ("client-reset" if client else "server-reset"):
        reset(sock)
    else:
        state += ", then " + wait_end(sock)
    return state if not failed else "%s, sending %s" % (state, failed)


def serve(sock):
    with sock:
        sock.settimeout(TIMEOUT_S)
        head = b""
        try:
            while not head.endswith(b"\n"):
                byte = sock.recv(1)
                if not byte:
                    return
                head += byte
        except OSError:
            return
        plan = json.loads(head)
        told = connection(sock, plan["close"], data(plan["id"], "down", plan["down"]),
                          data(plan["id"], "up", plan["up"]), False)
    tell(id=plan["id"], end="server", outcome=told)


def serve_datagrams(sock):
    while True:
        got, peer = sock.recvfrom(65535)
        head, _, body = got.partition(b"\n")
        try:
            plan = json.loads(head)
            verdict = b"K" if body == data(plan["id"], "up", plan["up"]) else b"B"
            sock.sendto(verdict + data(plan["id"], "down", plan["down"]), peer)
        except (ValueError, KeyError, OSError) as error:
            print("datagram of %s: %s" % (peer, error), file=sys.stderr, flush=True)


def server(address):
    listener = socket.create_server((address, TCP_PORT), backlog=512)
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    datagrams.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DONT)
    datagrams.bind((address, UDP_PORT))
    threading.Thread(target=serve_datagrams, args=(datagrams,), daemon=True).start()
    print("ready", flush=True)
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=serve, args=(sock,), daemon=True).start()


# --- clients ---------------------------------------------------------------------------------

def tcp(x):
    sock = socket.socket()
    with sock:
        sock.settimeout(SILENCE_S if x["kind"].startswith(("denied", "external")) else TIMEOUT_S)
        try:
            sock.connect((x["address"], x["port"]))
        except OSError as error:
            return end_of(error)
        if "close" not in x:
            return "connected"
        head = json.dumps({key: x[key] for key in ("id", "up", "down", "close")}).encode() + b"\n"
        failed = send(sock, head)
        if failed:
            return failed
        return connection(sock, x["close"], data(x["id"], "up", x["up"]),
                          data(x["id"], "down", x["down"]), True)


def icmp_error(sock):
    """The ICMP error in a socket's queue, or None."""
    try:
        _, messages, _, _ = sock.recvmsg(1, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
    except OSError:
        return None
    for level, kind, body in messages:
        if level == socket.IPPROTO_IP and kind == IP_RECVERR and len(body) >= 24:
            number, _, kind, code = struct.unpack_from("=IBBB", body)
            if body[4] != 2:  # not from ICMP
                return "local error %s" % errno.errorcode.get(number, number)
            return "icmp %d/%d from %s" % (kind, code, socket.inet_ntoa(body[20:24]))
    return None


def ask(sock, question, wait_s):
    """Send a datagram. Return: (answer or None, ICMP error or None)."""
    sock.settimeout(wait_s)
    try:
        sock.send(question)
        return sock.recv(65535), None
    except TimeoutError:
        return None, icmp_error(sock)
    except OSError as error:
        if error.errno == errno.ENOBUFS:  # a queue of the machine was full: lost, like any other
            return None, None
        return None, icmp_error(sock) or end_of(error)


def ask_often(sock, question, kind):
    """A datagram may be lost on a busy machine: what becomes of the last of some tries counts."""
    silent = kind.startswith("denied")
    wait_s = DATAGRAM_S * 3 if "unreachable" in kind else DATAGRAM_S
    for _ in range(1 if silent else TRIES):
        answer, error = ask(sock, question, wait_s)
        if answer is not None or error:
            break
    return answer, error or "silence"


def udp(x):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DONT)
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        if "ttl" in x:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, x["ttl"])
        sock.connect((x["address"], x["port"]))
        plan = {"id": x["id"], "up": x.get("up", 0), "down": x.get("down", 0)}
        question = json.dumps(plan).encode() + b"\n" + data(x["id"], "up", plan["up"])
        answer, error = ask_often(sock, question, x["kind"])
        if answer is None:
            return error
        if answer != b"K" + data(x["id"], "down", plan["down"]):
            return "wrong data"
        return "ok"


def ping(x):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as sock:
        sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DONT)
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        sock.connect((x["address"], 0))
        body = data(x["id"], "up", x["up"])
        answer, error = ask_often(sock, struct.pack("!BBHHH", 8, 0, 0, 0, 1) + body, x["kind"])
        if answer is None:
            return error
        return "ok" if answer[0] == 0 and answer[8:] == body else "wrong data"


def checksum(what):
    total = sum(struct.unpack("!%dH" % (len(what) // 2), what))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def stray_ack(x):
    """A segment of no connection. Return: what answers it."""
    chance = random.Random(x["id"])
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as sock:
        sock.connect((x["address"], 0))
        own, peer = (socket.inet_aton(a) for a in (sock.getsockname()[0], x["address"]))
        port = chance.randint(20000, 30000)
        head = struct.pack("!HHIIBBHHH", port, x["port"], chance.getrandbits(32),
                           chance.getrandbits(32), 0x50, 0x10, 1024, 0, 0)
        total = checksum(own + peer + struct.pack("!HH", 6, len(head)) + head)
        sock.send(head[:16] + struct.pack("!H", total) + head[18:])
        end = time.monotonic() + SILENCE_S
        while (left := end - time.monotonic()) > 0:
            sock.settimeout(left)
            try:
                got = sock.recv(65535)[20:]
            except TimeoutError:
                break
            if struct.unpack_from("!HH", got) == (x["port"], port):
                return "reset" if got[13] & 4 else "flags %#x" % got[13]
    return "silence"


def exchange(x):
    kind = x["kind"]
    run = stray_ack if kind == "stray-ack" else ping if "ping" in kind else \
        udp if kind.startswith("udp") or kind in ("denied-udp", "ttl") else tcp
    try:
        outcome = run(x)
    except OSError as error:
        outcome = "failed: %s" % error
    tell(id=x["id"], end="client", outcome=outcome, served="close" in x, exchange=x)


def client(node, phase, seed, count):
    exchanges = schedule(node, phase, int(seed), int(count))
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(exchange, exchanges))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    {"server": server, "client": client}[sys.argv[1]](*sys.argv[2:])
