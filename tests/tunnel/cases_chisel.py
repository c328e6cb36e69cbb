# SPDX-License-Identifier: GPL-2.0-or-later
"""Tunnels with a connector of the tests' own."""
import os
import signal
import socket
import ssl
import subprocess
import time

import relay
from world import (ECHO, UDP, UPGRADE, WORK, case, connect, connector, end, equal, no_tunnels, not_served, open_endpoints,
                   round_trip, serve_tcp, serve_udp, ssh, status, wait_for, world)


@case("chisel")
def tcp_and_udp():
    w = world()
    c = connector(w, "R:8000:127.0.0.1:%d" % ECHO, "R:8053:127.0.0.1:%d/udp" % UDP)
    open_endpoints(w, 2)
    round_trip(8000, 5 << 20)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(10)
        for n in (0, 1, 5, 127, 128, 1400, 9000):
            data = os.urandom(n)
            client.sendto(data, ("127.0.0.1", 8053))
            equal("datagram", client.recv(65536), data[::-1])
    tunnel = w.show()["tunnels"][0]
    equal("version", tunnel["version"], "2.0.0")
    equal("id", len(tunnel["connector"]), 9)
    end(c)
    no_tunnels(w)
    w.stop()


@case("chisel")
def each_way_of_talking():
    w = world()
    for options in (["-fragment", "100"],
                    ["-cipher", "chacha20-poly1305@openssh.com"], ["-kex", "ecdh-sha2-nistp256"],
                    ["-rekey", "300000"], ["-keepalive", "50ms"]):
        c = connector(w, *options, "R:8000:127.0.0.1:%d" % ECHO)
        open_endpoints(w, 1)
        round_trip(8000, 2 << 20)
        equal("still the same", c.poll(), None)
        if "disconnected" in end(c):
            raise AssertionError("%s: it was disconnected" % options)
        no_tunnels(w)
    w.stop()


@case("chisel")
def https():
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", str(WORK / "tls.key"), "-out", str(WORK / "tls.pem"), "-days",
                    "2", "-subj", "/CN=gateway.test", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                   check=True, capture_output=True)
    w = world(certificate=(WORK / "tls.pem").read_text(), key=(WORK / "tls.key").read_text())
    c = connector(w, "-ca", WORK / "tls.pem", "R:8000:127.0.0.1:%d" % ECHO, scheme="https", host="localhost")
    open_endpoints(w, 1)
    round_trip(8000, 5 << 20)
    equal("transport", w.show()["tunnels"][0]["transport"], "https")
    client = ssh(w, "-R", "8001:127.0.0.1:%d" % ECHO)  # on the same port
    open_endpoints(w, 2)
    round_trip(8001)
    context = ssl.create_default_context(cafile=str(WORK / "tls.pem"))
    with context.wrap_socket(socket.create_connection(("127.0.0.1", w.port)), server_hostname="localhost") as s:
        s.sendall(b"GET /health HTTP/1.1\r\nHost: g\r\n\r\n")
        equal("health", b"\r\n\r\nOK\n" in s.makefile("rb").read(), True)
    equal("without TLS", status(w, "GET /sg_%s HTTP/1.1" % w.stages[0].uuid), 400)
    end(c)
    end(client)
    w.stop()


@case("chisel")
def what_http_says():
    w = world()
    path = "GET /sg_%s?id=123456789&ports=80 HTTP/1.1" % w.stages[0].uuid
    token, version = "Token: " + w.stages[0].token, "Sec-WebSocket-Version: 13"
    equal("health", status(w, "GET /health HTTP/1.1"), 200)
    equal("without token and upgrade", status(w, path), 404)
    equal("another path", status(w, "GET / HTTP/1.1"), 404)
    equal("another method", status(w, path.replace("GET", "PUT")), 405)
    equal("nonsense", status(w, "GET / HTTP/1.1", "a b: c"), 400)
    equal("another version", status(w, path, token, *UPGRADE, "Sec-WebSocket-Version: 8"), 426)
    equal("another protocol", status(w, path, token, *UPGRADE[:3], "Sec-WebSocket-Protocol: x", version), 400)
    equal("no token", status(w, path, *UPGRADE, version), 401)
    begun = time.monotonic()
    equal("a wrong token", status(w, path, "Token: x", *UPGRADE, version), 401)
    equal("an unknown stage", status(w, path.replace(w.stages[0].uuid[:8], "00000000"), token, *UPGRADE,
                                     version), 401)
    if time.monotonic() - begun < 2.9:  # 1 s and 2 s, after the first one's half
        raise AssertionError("guesses are not slowed down")
    w.stop()


@case("chisel")
def requests_that_are_refused():
    w = world()
    w.refused_ports.add(8443)
    for options, said in ((["-listen-host", "127.0.0.9"], "not possible"), (["-listen-host", "localhost"],
                          "not possible"), ([], "uses this port")):
        c = connector(w, *options, "-no-reconnect", "R:8443:127.0.0.1:1")
        output = c.communicate(timeout=30)[0]
        if said not in output:
            raise AssertionError("%s: %s" % (options, output))
    c = connector(w, "-no-reconnect", "R:8000:127.0.0.1:1", "R:8443:127.0.0.1:1")  # all or none
    c.communicate(timeout=30)
    equal("endpoints", w.show()["endpoints"], [])
    w.stop()


@case("chisel")
def connectors_share_a_port():
    w = world()
    first = connector(w, "R:8000:127.0.0.1:%d" % ECHO)
    second = connector(w, "R:8000:127.0.0.1:%d" % ECHO)
    open_endpoints(w, 1, 2)
    held = []
    for _ in range(20):
        held.append(connect(8000))
        held[-1].sendall(b"x")
        equal("answer", held[-1].recv(1), b"x")
    equal("in turn", [t["connections"] for t in w.show()["tunnels"]], [10, 10])
    end(first, signal.SIGKILL)
    wait_for(lambda: len(w.show()["tunnels"]) == 1, "one is gone")
    for _ in range(10):
        round_trip(8000, 1000)
    alive = 0
    for connection in held:
        try:
            connection.sendall(b"z")
            alive += connection.recv(1) == b"z"
        except OSError:
            pass
    equal("the other one's stay", alive, 10)
    third = connector(w, "R:8000:127.0.0.1:%d" % ECHO)
    open_endpoints(w, 1, 2)
    w.stages[0].balance = "least-connections"
    w.configure()
    busy = {t["id"]: t["connections"] for t in w.show()["tunnels"]}
    for _ in range(max(busy.values())):
        held.append(connect(8000))
        held[-1].sendall(b"x")
        equal("answer", held[-1].recv(1), b"x")
    equal("the idle one first", len({t["connections"] for t in w.show()["tunnels"]}), 1)
    end(second)
    end(third)
    no_tunnels(w)
    w.stop()


@case("chisel")
def tokens_change():
    w = world()
    old = w.stages[0].token
    c = connector(w, "R:8000:127.0.0.1:%d" % ECHO)
    open_endpoints(w, 1)
    w.stages[0].token = "another"
    w.configure()
    round_trip(8000)  # it lives on
    refused = connector(w, "-no-reconnect", "R:8001:127.0.0.1:1", token=old)
    if "401" not in refused.communicate(timeout=30)[0]:
        raise AssertionError("the old token was taken")
    w.kick(w.show()["tunnels"][0]["id"])
    no_tunnels(w)
    end(c)
    c = connector(w, "R:8000:127.0.0.1:%d" % ECHO, token="another")
    open_endpoints(w, 1)
    stage = w.stages.pop()
    w.configure()  # deactivated
    no_tunnels(w)
    w.stages.append(stage)
    w.configure()
    open_endpoints(w, 1)  # it came back by itself
    round_trip(8000)
    end(c)
    w.stop()


@case("chisel")
def clients_from_elsewhere_are_refused():
    w = world(relay.Stage("dev", networks=[[0x7f000002, 0x7f000003]]))
    c = connector(w, "R:8000:127.0.0.1:%d" % ECHO)
    open_endpoints(w, 1)
    equal("a stranger is refused", not_served(8000), True)
    with socket.create_connection(("127.0.0.1", 8000), source_address=("127.0.0.2", 0), timeout=20) as connection:
        connection.sendall(b"x")
        equal("an allowed one", connection.recv(1), b"x")
        w.stages[0].networks = [[1, 1]]
        w.configure()
        try:
            equal("one that is allowed no more", connection.recv(1), b"")
        except ConnectionResetError:
            pass
    equal("refused", w.show()["endpoints"][0]["clients-refused"], 1)
    end(c)
    w.stop()


@case("chisel")
def half_close_stays_here():
    """It must not reach the connector, which would tear down both directions."""
    w = world()
    c = connector(w, "R:8000:127.0.0.1:%d" % ECHO)
    open_endpoints(w, 1)
    with connect(8000) as connection:
        connection.sendall(b"before")
        connection.shutdown(socket.SHUT_WR)
        equal("after our end", connection.recv(6), b"before")
        equal("connections", w.show()["endpoints"][0]["connections"], 1)
    end(c)
    w.stop()


@case("chisel")
def what_is_stuck_half_closed_ends_in_time():
    """Either end may have ended its direction, while the other says nothing more."""
    held = []

    def silent(connection):
        held.append(connection)

    def ends_first(connection):
        connection.shutdown(socket.SHUT_WR)
        held.append(connection)
    silent_port, ending_port = serve_tcp(silent), serve_tcp(ends_first)
    w = world(half_ms=1000)
    c = connector(w, "R:8000:127.0.0.1:%d" % silent_port)
    client = ssh(w, "-R", "8001:127.0.0.1:%d" % silent_port, "-R", "8002:127.0.0.1:%d" % ending_port)
    open_endpoints(w, 3)
    whole, stuck = [connect(8000), connect(8001)], []
    for port in (8000, 8001):
        stuck.append(connect(port))
        stuck[-1].shutdown(socket.SHUT_WR)
    stuck.append(connect(8002))  # reads the end, and goes on
    equal("the server's end", stuck[-1].recv(1), b"")
    wait_for(lambda: sum(e["connections-total"] for e in w.show()["endpoints"]) == 5, "all are given to connectors")
    wait_for(lambda: w.show()["counters"]["connections"] == len(whole), "those that are stuck have ended")
    for connection in whole:
        connection.close()
    end(c)
    end(client)
    w.stop()


@case("chisel")
def a_target_that_is_down():
    """TCP: it shows whose fault it is. UDP: its port closes the channel, and comes back with the target."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as target:
        target.bind(("127.0.0.1", 0))
        udp = target.getsockname()[1]
    closed = socket.socket()  # to the end: a port that is let go may be the next server's
    closed.bind(("127.0.0.1", 0))
    tcp = closed.getsockname()[1]
    w = world()
    c = connector(w, "R:8000:127.0.0.1:%d" % tcp, "R:8053:127.0.0.1:%d/udp" % udp)
    open_endpoints(w, 2)
    equal("nobody serves it", not_served(8000), True)
    shown = w.show()
    tunnel = shown["tunnels"][0]
    for kind in ("tunnels", "stages"):
        equal("failed, of " + kind, shown[kind][0]["connections-failed"], 1)
    equal("failed, of endpoints", sum(e["connections-failed"] for e in shown["endpoints"]), 1)
    equal("last error", tunnel["last-error"],
          "port 8000: the connector closed a connection before any byte came")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)

        def send():
            client.sendto(b"abc", ("127.0.0.1", 8053))

        def lost():
            send()
            return "port 8053/udp" in w.show()["tunnels"][0]["last-error"]
        wait_for(lost, "the connector has closed the channel")
        serve_udp(udp)

        def answered():
            send()
            try:
                return client.recv(100) == b"cba"
            except BlockingIOError:
                return False
        wait_for(answered, "it serves again", 40)
    end(c)
    w.stop()
    closed.close()
