# SPDX-License-Identifier: GPL-2.0-or-later
"""What hostile peers try."""
import os
import socket
import struct
import threading
import time

import rogue
from hello import client_hello
from world import (ECHO, ENDLESS, UPGRADE, case, connect, echo, end, ended, equal, exactly, open_endpoints, refusals,
                   round_trip, serve_tcp, ssh, status, wait_for, world)


@case("abuse")
def half_open_handshakes():
    w = world()
    held = []
    for i in range(10000):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(("127.0.0.1", w.port))
        if i % 4 == 1:
            wait_for(lambda: not s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), "connected", 5)
            try:
                s.send(b"SSH-2.0-half\r\n" if i % 8 == 1 else b"GET /sg_")
            except OSError:
                pass
        held.append(s)
    client = ssh(w, "-R", "8000:127.0.0.1:%d" % ECHO)
    open_endpoints(w, 1)
    round_trip(8000)
    counters = w.show()["counters"]
    if counters["pending"] > 1024:
        raise AssertionError("%d wait for a log-in" % counters["pending"])
    if w.memory() > 64 << 20:
        raise AssertionError("%d bytes" % w.memory())
    for s in held:
        s.close()
    end(client)
    w.stop()


@case("abuse")
def half_open_hellos():
    """10,000 clients of a TLS name that never finish their ClientHello."""
    backend = serve_tcp(echo)
    w = world(services=[{"name": "s", "listener": "names", "address": "127.0.0.1", "port": 443, "sni": ["a.test"],
                         "balance": 0, "dead": 0, "proxy": False,
                         "backends": [{"address": "127.0.0.1", "port": backend, "up": True}]}])
    hello, held = client_hello("a.test"), []
    part = b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc" + bytes(4000)
    for i in range(10000):
        s = socket.create_connection(("127.0.0.1", w.names_port), timeout=20)
        try:
            s.send(part if i % 2 else part[:3])
        except OSError:
            pass  # pushed out already
        held.append(s)
    with socket.create_connection(("127.0.0.1", w.names_port), timeout=20) as honest:
        honest.sendall(hello)
        equal("what the backend got of an honest client", exactly(honest, len(hello)), hello)
    names = w.show("names")
    if names["hellos"] > 2048:
        raise AssertionError("%d are held" % names["hellos"])
    wait_for(lambda: ended(w, "crowded") >= 10000 - 2048, "the others were pushed out")
    if w.memory() > 64 << 20:
        raise AssertionError("%d bytes" % w.memory())
    for s in held:
        s.close()
    wait_for(lambda: w.show("names")["hellos"] == 0, "all are gone")
    w.stop()


def dribble(port, data, stop):
    """A byte now and then, until it is thrown out or stopped."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as s:
        for at in range(len(data)):
            try:
                s.sendall(data[at:at + 1])
            except OSError:
                return
            if stop.wait(0.2):
                return


@case("abuse")
def slow_handshakes():
    """Byte by byte: a WebSocket upgrade, a version line, a key exchange, a ClientHello."""
    backend = serve_tcp(echo)
    w = world(services=[{"name": "s", "listener": "names", "address": "127.0.0.1", "port": 443, "sni": ["a.test"],
                         "balance": 0, "dead": 0, "proxy": False,
                         "backends": [{"address": "127.0.0.1", "port": backend, "up": True}]}])
    stop, hello = threading.Event(), client_hello("a.test")
    upgrade = "GET /sg_%s HTTP/1.1\r\nHost: g\r\nX: %s" % (w.stages[0].uuid, "x" * 200)
    line = "SSH-2.0-" + "x" * 200
    packet = rogue.kexinit() + bytes(300)
    length = (len(packet) + 8) // 8 * 8 + 4  # a possible one: with its own four bytes a multiple of 8
    kex = b"SSH-2.0-x\r\n" + length.to_bytes(4, "big") + b"\4" + packet
    threads = [threading.Thread(target=dribble, args=(port, data, stop)) for port, data in (
        (w.port, upgrade.encode()), (w.port, line.encode()), (w.port, kex), (w.names_port, hello))]
    for thread in threads:
        thread.start()
    wait_for(lambda: w.show()["counters"]["pending"] == 3 and w.show("names")["hellos"] == 1, "all are held")
    client = ssh(w, "-R", "8000:127.0.0.1:%d" % ECHO)
    open_endpoints(w, 1)
    round_trip(8000)
    with socket.create_connection(("127.0.0.1", w.names_port), timeout=20) as honest:
        honest.sendall(hello)
        equal("an honest client of the name", exactly(honest, len(hello)), hello)
    if os.environ.get("PGW_TEST_FULL"):  # 20 s
        wait_for(lambda: refusals(w)["late"] == 3, "three did not log in in time", 60)
        equal("refused for what they said", refusals(w)["protocol"], 0)
        wait_for(lambda: ended(w, "hello-timeout") == 1, "one ClientHello was late", 60)
    stop.set()
    for thread in threads:
        thread.join()
    end(client)
    w.stop()


def log_in(w, port, **options):
    """A client that may say what it wants, with one endpoint."""
    peer = rogue.Rogue(w.port, **options).log_in(w.stages[0].token)
    equal("its endpoint", peer.forward(port), True)
    return peer


@case("abuse")
def what_a_peer_must_not_send():
    """Once it is logged in: each ends its tunnel, says why, and harms nobody else."""
    w = world()
    honest = ssh(w, "-R", "8000:127.0.0.1:%d" % ECHO)
    open_endpoints(w, 1, 1)

    def beyond_the_window(peer, channel, granted):
        for _ in range(4096):  # the client of the endpoint reads nothing
            peer.data(channel, bytes(32768))

    def oversize_data(peer, channel, _):
        peer.data(channel, bytes(32769))

    def oversize_packet(peer, *_):
        peer.send(bytes(100), length=1 << 30)

    def data_after_end(peer, channel, _):
        peer.send(bytes([rogue.EOF]), channel.to_bytes(4, "big"))
        peer.data(channel, b"more")

    def data_after_close(peer, channel, _):
        peer.send(bytes([rogue.CLOSE]), channel.to_bytes(4, "big"))
        peer.data(channel, b"more")

    def another_channel(peer, channel, _):
        peer.data(channel + 77, b"x")

    def window_wraps(peer, channel, _):
        for _ in range(2):
            peer.send(bytes([rogue.WINDOW_ADJUST]), channel.to_bytes(4, "big"), b"\xff" * 4)

    def confirmed_again(peer, channel, _):
        peer.send(bytes([rogue.CONFIRMATION]), channel.to_bytes(4, "big"), bytes(12))

    def no_message(peer, *_):
        peer.send(b"")

    for n, (send, why) in enumerate(((beyond_the_window, "window"), (oversize_data, "maximum packet"),
                                     (oversize_packet, ""), (data_after_end, "after the end"),
                                     (data_after_close, "no such channel"), (another_channel, "no such channel"),
                                     (window_wraps, "WINDOW_ADJUST"), (confirmed_again, "CONFIRMATION"),
                                     (no_message, ""))):
        peer = log_in(w, 8001)
        wait_for(lambda: len(w.show()["tunnels"]) == 2, "it is there")
        with connect(8001):
            channel, granted = peer.accept()
            try:
                send(peer, channel, granted)
            except OSError:
                pass
            said = ""
            try:
                said = peer.ended()
            except OSError:
                pass  # it had not read all that we sent
            wait_for(lambda: len(w.show()["tunnels"]) == 1, send.__name__ + " ends it")
        if send is not beyond_the_window and why not in said:
            raise AssertionError("%s: the gateway said %r" % (send.__name__, said))
        wait_for(lambda: refusals(w)["protocol"] == n + 1, send.__name__ + " is counted")
        peer.close()
    if w.memory() > 64 << 20:
        raise AssertionError("%d bytes" % w.memory())
    round_trip(8000)
    end(honest)
    w.stop()


@case("abuse")
def floods_of_a_peer():
    """Channels without end, of one that does not read the answers, and too many forwards."""
    w = world()
    honest = ssh(w, "-R", "8000:127.0.0.1:%d" % ECHO)
    open_endpoints(w, 1, 1)
    before = w.memory()
    # With data that nobody reads, so that what waits to be read is soon as much as the kernel takes.
    opening = struct.pack(">BIsIII", rogue.OPEN, 1, b"x", 1, 1 << 20, 32768) + bytes(1000)
    peer, sent = log_in(w, 8001, receive_buffer=4096), 0
    peer.socket.settimeout(1)
    try:
        while sent < 1000000:
            peer.socket.sendall(b"".join(peer.seal(opening) for _ in range(100)))
            sent += 100
    except TimeoutError:
        pass  # the gateway has stopped reading
    if sent >= 1000000:
        raise AssertionError("the gateway reads on although it can answer nothing")
    if w.memory() - before > 16 << 20:
        raise AssertionError("grown by %d bytes" % (w.memory() - before))
    round_trip(8000)
    peer.close()
    wait_for(lambda: len(w.show()["tunnels"]) == 1, "the flood is over")
    peer = log_in(w, 8001)
    equal("forwards of one tunnel", sum(peer.forward(9000 + i) for i in range(300)), 255)
    peer.close()
    wait_for(lambda: len(w.show()["endpoints"]) == 1, "they went with it")
    round_trip(8000)
    end(honest)
    w.stop()


@case("abuse")
def guessing_is_slowed():
    """Side by side on many connections, one address has no more than its few guesses."""
    w = world()
    path = "GET /sg_%s HTTP/1.1" % w.stages[0].uuid
    stop, answers = threading.Event(), []

    def guess():
        while not stop.is_set():
            try:
                answers.append(status(w, path, "Token: x", *UPGRADE, "Sec-WebSocket-Version: 13"))
            except (OSError, IndexError):
                pass

    threads = [threading.Thread(target=guess, daemon=True) for _ in range(20)]
    for thread in threads:
        thread.start()
    wait_for(lambda: refusals(w)["token"] >= 2, "some were looked at")
    before, begun = refusals(w)["token"], time.monotonic()
    wait_for(lambda: refusals(w)["token"] > before, "another one is looked at")
    looked_at, seconds = refusals(w)["token"], time.monotonic() - begun
    print("%d of the guesses on 20 connections were looked at, the last %d in %.1f s" %
          (looked_at, looked_at - before, seconds))
    if looked_at > before + 5:
        raise AssertionError("%d guesses at once" % (looked_at - before))
    stop.set()
    w.stop()


@case("abuse")
def a_slow_reader_holds_no_more_than_its_window():
    w = world()
    client = ssh(w, "-R", "8000:127.0.0.1:%d" % ENDLESS)
    open_endpoints(w, 1)
    before = w.memory()
    readers = [connect(8000) for _ in range(5)]

    def still():
        seen = w.show()["counters"]["waiting-bytes"]
        threading.Event().wait(0.2)
        return seen and seen == w.show()["counters"]["waiting-bytes"]
    wait_for(still, "nothing moves any more")
    waiting = w.show()["counters"]["waiting-bytes"]
    if waiting > 5 * (2 << 20):
        raise AssertionError("%d bytes wait" % waiting)
    if w.memory() - before > 5 * (5 << 20):
        raise AssertionError("grown by %d bytes" % (w.memory() - before))
    for reader in readers:
        reader.close()
    wait_for(lambda: w.show()["counters"]["waiting-bytes"] == 0, "it is all given back")
    end(client)
    w.stop()


@case("abuse")
def nonsense_is_survived():
    w = world()
    for data in (bytes(1000), b"SSH-2.0-x\r\n" + b"\xff" * 1000, b"\x16\x03\x01" + bytes(500),
                 b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 5000, b"SSH-" + b"x" * 100000,
                 b"SSH-2.0-x\r\n" + b"\0\0\0\x0c\x0a\x14" + bytes(10)):
        with socket.create_connection(("127.0.0.1", w.port), timeout=30) as s:
            try:
                s.sendall(data)
                while s.recv(65536):
                    pass
            except OSError:
                pass
    equal("still there", w.process.poll(), None)
    equal("pending", w.show()["counters"]["pending"], 0)
    w.stop()


@case("abuse")
def no_descriptor_is_left():
    """Those that came first are served, the others wait in the listening sockets; nothing spins."""
    files = 64
    w = world(files=files)
    client = ssh(w, "-R", "8000:127.0.0.1:%d" % ECHO)
    open_endpoints(w, 1)
    held = [connect(8000) for _ in range(2 * files)]
    dials = [connect(w.port) for _ in range(4)]
    directory = "/proc/%d/fd" % w.process.pid
    wait_for(lambda: len(os.listdir(directory)) >= files * 7 // 8, "its descriptors are used up")

    def sleeps():
        with open("/proc/%d/stat" % w.process.pid) as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] == "S"
    wait_for(sleeps, "it rests")
    connections = w.show()["counters"]["connections"]  # which needs a descriptor
    if not files // 2 < connections < files:
        raise AssertionError("%d connections" % connections)
    held[0].sendall(b"x")
    equal("the first one", held[0].recv(1), b"x")
    for connection in held[1:-1] + dials:
        connection.close()
    held[-1].sendall(b"y")
    equal("the last one, once there is room", held[-1].recv(1), b"y")
    for connection in held:
        connection.close()
    round_trip(8000)
    end(client)
    w.stop()
