# SPDX-License-Identifier: GPL-2.0-or-later
"""HTTP in bad faith: ambiguous framing, slow and endless requests, guessing. abuse.py PART"""

import atexit
import fcntl
import json
import os
import re
import resource
import select
import socket
import ssl
import subprocess
import sys
import threading
import time

import client
from client import PORT, call, check, keys

ME = "/1.0/auth/currentCredential"
HOST = b"Host: gateway\r\n"
SLOW = 1000


def plain(source="127.0.0.1"):
    wire = socket.create_connection(("127.0.0.1", PORT), client.BOUND_S, (source, 0))
    wire.settimeout(client.BOUND_S)
    return wire


def read_all(wire):
    got = b""
    try:
        while True:
            part = wire.recv(65536)
            if not part:
                return got
            got += part
    except ConnectionResetError:
        return got


def talk(data):
    """What comes back until the gateway closes."""
    wire = plain()
    try:
        wire.sendall(data)
        wire.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # it has heard enough
    got = read_all(wire)
    wire.close()
    return got


def statuses(got):
    return [int(number) for number in re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", got)]


def framing():
    get = b"GET /1.0/auth/time HTTP/1.1\r\n"
    post = b"POST /1.0/auth/credential HTTP/1.1\r\n" + HOST
    smuggled = b"GET /1.0/auth/time HTTP/1.1\r\nHost: gateway\r\n\r\n"
    wrong = {
        "two lengths": post + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\nabcde",
        "two lengths that agree": post + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde",
        "a list of lengths": post + b"Content-Length: 5, 5\r\n\r\nabcde",
        "length and chunks": post + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "chunks and length": post + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "two encodings": post + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "an encoding that is none": post + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "an encoding behind a tab": post + b"Transfer-Encoding:\tchunked, identity\r\n\r\n0\r\n\r\n",
        "a blank before the colon": post + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "a bare CR": get + HOST[:-2] + b"\rContent-Length: 5\r\n\r\n",
        "a bare LF": get.replace(b"\r\n", b"\n") + HOST + b"\r\n",
        "a bare LF at the end": get + HOST + b"\n",
        "a folded field": get + HOST + b"X-A: b\r\n Content-Length: 5\r\n\r\n",
        "a field without name": get + HOST + b": b\r\n\r\n",
        "NUL": get + HOST + b"X-A: b\0c\r\n\r\n",
        "two hosts": get + HOST + HOST + b"\r\n",
        "no host": get + b"\r\n",
        "a host that is none": get + b"Host: a/b\r\n\r\n",
        "a signed length": post + b"Content-Length: +5\r\n\r\nabcde",
        "a negative length": post + b"Content-Length: -5\r\n\r\nabcde",
        "a hexadecimal length": post + b"Content-Length: 0x5\r\n\r\nabcde",
        "a length of 2^64": post + b"Content-Length: 18446744073709551616\r\n\r\nabcde",
        "a chunk of 2^64": post + b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n",
        "a chunk's extension": post + b"Transfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\n\r\n",
        "a trailer": post + b"Transfer-Encoding: chunked\r\n\r\n0\r\nHost: b\r\n\r\n",
        "a chunk that is longer": post + b"Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
        "absolute form": b"GET http://gateway/1.0/auth/time HTTP/1.1\r\n" + HOST + b"\r\n",
        "authority form": b"CONNECT gateway:443 HTTP/1.1\r\n" + HOST + b"\r\n",
        "asterisk form": b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
        "no version": b"GET /1.0/auth/time\r\n\r\n",
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "HTTP/1.2": b"GET /1.0/auth/time HTTP/1.2\r\n" + HOST + b"\r\n",
        "a blank in the target": b"GET /1.0/auth time HTTP/1.1\r\n" + HOST + b"\r\n",
        "an odd byte in the target": b"GET /1.0/\xff HTTP/1.1\r\n" + HOST + b"\r\n",
        "a fragment": b"GET /1.0/auth/time#x HTTP/1.1\r\n" + HOST + b"\r\n",
        "TLS": b"\x16\x03\x01\x00\xf4\x01\x00\x00\xf0\x03\x03" + bytes(200),
        "a target without end": b"GET /" + b"a" * 100000,
        "a head without end": get + HOST + b"X-A: b\r\n" * 10000,
        "a field without end": get + HOST + b"X-A: " + b"b" * 100000,
        "a key without end": get + HOST + b"X-Ovh-Application: " + b"b" * 1000 + b"\r\n\r\n",
        "too many fields": get + HOST + b"A:b\r\n" * 100 + b"\r\n",
        "a body that is too long": post + b"Content-Length: 70000\r\n\r\n",
        "chunks that are too long": post + b"Transfer-Encoding: chunked\r\n\r\n" +
                                    b"8000\r\n" + b"x" * 0x8000 + b"\r\n" +
                                    b"8001\r\n" + b"x" * 0x8001 + b"\r\n0\r\n\r\n",
    }
    for name, data in wrong.items():
        got = talk(data + smuggled)
        found = statuses(got)
        check(name, len(found) == 1 and found[0] in (400, 413, 414, 417, 431, 501, 505), got[:300])
        check(name + ": an error as others, and the end", b'"errorCode"' in got and
              b"Connection: close" in got and b"X-Ovh-QueryID" in got, got[:300])
    check("two requests at once", statuses(talk(2 * smuggled)) == [200, 200])
    check("a chunked body", statuses(talk(
        post + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n" + smuggled)) == [403, 200])
    check("HTTP/1.0", statuses(talk(b"GET /1.0/auth/time HTTP/1.0\r\n\r\n" + smuggled)) == [200])
    wire = plain()
    wire.sendall(post + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    check("a client that asks first", wire.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n")
    wire.sendall(b"{}")
    check("and then sends its body", statuses(wire.recv(65536)) == [403])
    wire.close()
    check("another protocol is not spoken", statuses(talk(
        get + HOST + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n")) == [200])
    for size in range(1, len(smuggled)):
        got = talk(smuggled[:size])
        check("cut at byte %d" % size, got == b"", got) if got else None
    wire = plain()
    for byte in smuggled:
        wire.sendall(bytes([byte]))
    check("byte by byte", statuses(wire.recv(65536)) == [200])
    wire.close()


class Slow:
    """Connections that say a little, now and then, and never come to an end."""

    def __init__(self, count):
        self.wires = []
        context = ssl.create_default_context(
            cafile=client.WORK + "/state/api-certificate.pem")
        for number in range(count):
            wire = plain()
            if number % 3 == 0:  # begun with TLS, within the handshake or behind it
                wire.close()
                wire = socket.create_connection(("127.0.0.1", client.TLS_PORT), client.BOUND_S)
                if number % 6 == 0:
                    wire = context.wrap_socket(wire, server_hostname=client.HOST)
                    wire.sendall(b"GET /1.0/auth/")
                else:
                    wire.sendall(b"\x16\x03\x01\x02\x00\x01")
            else:
                wire.sendall(b"POST /1.0/auth/credential HTTP/1.1\r\nHost: a\r\n"[:number % 40 + 1])
            wire.setblocking(False)
            self.wires.append(wire)
        self.open = count

    def count(self):
        """How many the gateway has not closed."""
        alive = 0
        poll = select.poll()
        for wire in self.wires:
            poll.register(wire, select.POLLIN | select.POLLRDHUP)
        gone = dict(poll.poll(0))
        for wire in self.wires:
            alive += not gone.get(wire.fileno(), 0) & (select.POLLRDHUP | select.POLLHUP |
                                                       select.POLLERR)
        return alive

    def close(self):
        for wire in self.wires:
            wire.close()


def slow():
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    many = Slow(SLOW)
    best = client.BOUND_S
    for _ in range(5):
        begin = time.monotonic()
        got = call("GET", "/1.0/auth/details", kind="https", url="https://gateway.test",
                   given=keys())
        best = min(best, time.monotonic() - begin)
        check("an honest call beside %d slow ones" % SLOW, got.status == 200, got)
    check("they are all still there", many.count() >= SLOW - 10, many.count())
    check("within a second, new connection and TLS included", best < 1, best)
    client.wait("each is closed within its time", lambda: many.count() == 0, 30)
    many.close()


def crowd():
    """More connections than there are places: the oldest that are of no use make room."""
    places = int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    # the gateway leaves the kernel few ports of its own: some addresses, then
    many = [plain("127.0.0.%d" % (2 + number % 16)) for number in range(places + 200)]
    got = call("GET", "/1.0/auth/details", kind="http", url="http://127.0.0.1:8080")
    check("one more than there is room for", got.status == 200, got)
    for wire in many:
        wire.close()


class Few:
    """A pgw-api of its own, with few places and nobody behind it: as pgwd starts it."""

    def __init__(self, files):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.listener.setblocking(False)
        pairs = [socket.socketpair() for _ in range(3)]
        self.ends = [ours for ours, _ in pairs]
        given = [theirs.fileno() for _, theirs in pairs] + [self.listener.fileno()]

        def begin():
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
            away = [fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in given]
            for number, fd in enumerate(away):
                os.dup2(fd, 3 + number)
            os.closerange(3 + len(given), files)

        program = os.path.join(os.path.dirname(os.environ["API_PGW"].split()[0]), "pgw-api")
        self.process = subprocess.Popen([program], close_fds=False, preexec_fn=begin)
        atexit.register(self.process.kill)
        self.ends[0].sendall(json.dumps({"listeners": [
            {"tls": False, "port": self.listener.getsockname()[1]}]}).encode() + b"\n")

    def connect(self, buffer=None):
        wire = socket.socket()
        wire.settimeout(client.BOUND_S)
        if buffer:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        wire.connect(self.listener.getsockname())
        return wire

    def end(self):
        for end in self.ends:
            end.close()
        check("it ends with pgwd", self.process.wait(client.BOUND_S) == 0)


def unread():
    """Answers that nobody reads: once all places hold such, the oldest makes room."""
    server, places = Few(96), 64
    ask = b"GET /1.0/dedicatedCloud.json HTTP/1.1\r\n" + HOST + b"\r\n"
    many = [server.connect(4096) for _ in range(places + 20)]
    for wire in many:
        wire.sendall(100 * ask)
    wire = server.connect()
    wire.sendall(b"GET /1.0/auth/time HTTP/1.1\r\n" + HOST + b"\r\n")
    got = wire.recv(65536)
    check("an honest call beside them", statuses(got) == [200], got)
    poll = select.poll()
    for wire in many:
        poll.register(wire, select.POLLRDHUP)
    gone = len(poll.poll(0))
    check("it did not wait until they had all been given up", gone < places, gone)
    for wire in many:
        wire.close()
    server.end()


def guessing():
    """Refusals of one address are slowed down; who can prove who he is does not wait."""
    given = keys()

    def secret(number, source):
        headers = client.signed({**given, "application-secret": "guess%d" % number}, "GET",
                                "https://gateway" + ME, "")
        return call("GET", ME, headers=headers, kind="http", source=source)

    def key(number, source):
        return call("POST", "/1.0/auth/credential", kind="http", source=source,
                    headers={"X-Ovh-Application": "guess%d" % number},
                    body={"accessRules": [{"method": "GET", "path": "/*"}]})

    guess_at("secrets", secret, 400, "127.0.0.1", given)
    guess_at("keys", key, 403, "127.0.0.2", given)


def guess_at(what, ask, refusal, source, given):
    found = []
    lock = threading.Lock()

    def guess(number):
        try:
            got = ask(number, source)
        except OSError:
            return
        with lock:
            found.append((got.status, time.monotonic()))

    begin = time.monotonic()
    threads = [threading.Thread(target=guess, args=(number,)) for number in range(60)]
    for thread in threads:
        thread.start()
    client.wait("the first refusals", lambda: len(found) >= 10)
    for number in range(10):
        got = call("GET", "/1.0/auth/details", kind="http", source=source,
                   url="http://127.0.0.1:8080", given=given)
        check("an honest call from the same address", got.status == 200, got)
    for thread in threads:
        thread.join()
    at_once = sum(1 for status, when in found if status == refusal and when - begin < 0.9)
    check(what + ": a bounded number is answered at once", at_once <= 25, (at_once, found))
    check(what + ": too many are told so", any(status == 429 for status, _ in found), found)
    check(what + ": none is right", all(status in (refusal, 429) for status, _ in found), found)


def bodies():
    given = keys()
    path = client.CLOUD + "/datacenter/1/privateGateway/enable"
    for text in ('{"ip":', "[]", "3", '"x"', '{"ip":1,"ip":2}', "{" * 10000, "[" * 60000,
                 '{"ip":"\\u0000"}', '{"\\ud800":1}', "{}" * 2, "nul", "\u00e9", '{"ip":NaN}'):
        got = call("POST", path, text=text, given=given)
        client.refused("body %.20r" % text, got, 400)
    wire = client.connection()
    wire.request("POST", path, b"\xff\xfe{}", client.signed(given, "POST", "https://gateway" + path,
                                                             ""))
    check("not UTF-8", wire.getresponse().status == 400)
    huge = json.dumps({"ip": "x" * 65000})
    client.refused("a body of 65 kB", call("POST", path, text=huge, given=given), 400, None, "ip")
    client.refused("a body of 66 kB", call("POST", path, text=huge + " " * 1000, given=given), 413)


{"framing": framing, "slow": slow, "crowd": crowd, "unread": unread, "guessing": guessing,
 "bodies": bodies}[sys.argv[1]]()
