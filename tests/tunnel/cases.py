#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tunnels of pgw-relay with stock OpenSSH clients and with a connector of the tests' own.

    tests/tunnel/cases.py {openssh|chisel|abuse|connector} [CASE...]

pgw-relay runs alone and gets from relay.py what pgwd would tell it; everything is on loopback, in the
network namespace in which this is started (tests/netns/tunnel_*.sh make one).
"""
import os
import pathlib
import resource
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]
import relay  # noqa: E402
from hello import client_hello  # noqa: E402
import rogue  # noqa: E402

TOP = HERE.parent.parent
BIN = pathlib.Path(os.environ.get("PGW_BIN", TOP / "build/bin"))
WORK = pathlib.Path(tempfile.mkdtemp(prefix="pgw-tunnel"))
PROGRAMS = []
CASES = {"openssh": [], "chisel": [], "abuse": [], "connector": []}


def case(group):
    def register(function):
        CASES[group].append(function)
        return function
    return register


def wait_for(holds, what, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return
        threading.Event().wait(0.02)
    raise AssertionError("not within %d s: %s" % (seconds, what))


def equal(what, actual, expected):
    if actual != expected:
        raise AssertionError("%s: is %r, expected %r" % (what, actual, expected))


# --- servers behind the connectors ----------------------------------------------------------------
def serve_tcp(handler):
    server = socket.create_server(("127.0.0.1", 0), backlog=4096)

    def accept():
        while True:
            connection = server.accept()[0]
            threading.Thread(target=handler, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return server.getsockname()[1]


def echo(connection):
    with connection:
        try:
            while data := connection.recv(65536):
                connection.sendall(data)
        except OSError:
            pass


def after_eof(connection):
    """Says how much came, once the client has ended its direction."""
    with connection:
        n = 0
        while data := connection.recv(65536):
            n += len(data)
        connection.sendall(b"%d bytes" % n)


def endless(connection):
    with connection:
        try:
            while True:
                connection.sendall(bytes(65536))
        except OSError:
            pass


def serve_udp():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))

    def answer():
        while True:
            data, source = server.recvfrom(65536)
            server.sendto(data[::-1], source)

    threading.Thread(target=answer, daemon=True).start()
    return server.getsockname()[1]


ECHO, AFTER_EOF, ENDLESS, UDP = serve_tcp(echo), serve_tcp(after_eof), serve_tcp(endless), serve_udp()


# --- programs -------------------------------------------------------------------------------------
def run(*command, **options):
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.STDOUT)
    program = subprocess.Popen([str(c) for c in command], text=True, **options)
    PROGRAMS.append(program)
    return program


def end(program, how=signal.SIGTERM):
    program.send_signal(how)
    return program.communicate(timeout=60)[0]


def keygen(kind, *options):
    file = WORK / ("id_" + kind)
    if not file.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(file), *options], check=True)
    return file


def key_blob(kind):
    return keygen(kind).with_suffix(".pub").read_text().split()[1]


def ssh(world, *options, user="token", password=None, identity=None):
    command = ["ssh", "-N", "-F", "none", "-o", "StrictHostKeyChecking=no", "-o",
               "UserKnownHostsFile=/dev/null", "-o", "ExitOnForwardFailure=yes", "-o",
               "NumberOfPasswordPrompts=1", "-o", "LogLevel=ERROR", "-p", world.port]
    if identity:
        command += ["-i", identity, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"]
    else:
        command += ["-o", "PubkeyAuthentication=no"]
    environment = dict(os.environ, SSHPASS=password or world.stages[0].token)
    environment.pop("SSH_AUTH_SOCK", None)
    if not identity:
        command = ["sshpass", "-e", *command]
    return run(*command, *options, "%s@127.0.0.1" % user, env=environment)


def connector(world, *arguments, token=None, scheme="http", host="127.0.0.1"):
    binary = WORK / "connector"
    if not binary.exists():
        environment = dict(os.environ, GO111MODULE="off", GOPATH="/usr/share/gocode", GOPROXY="off",
                           GOFLAGS="", CGO_ENABLED="0")
        if "HOME" not in environment:
            environment.setdefault("GOCACHE", str(WORK / "go"))
        subprocess.run(["go", "build", "-o", str(binary), str(HERE / "connector.go")], check=True,
                       env=environment)
    options = [a for a in arguments if not str(a).startswith("R:")]
    remotes = [a for a in arguments if str(a).startswith("R:")]
    return run(binary, "-token", token or world.stages[0].token, *options,
               "%s://%s:%d/sg_%s" % (scheme, host, world.port, world.stages[0].uuid), *remotes)


def world(stage=None, **options):
    keys = [(kind, key_blob(kind)) for kind in ("ed25519", "rsa", "ecdsa")]
    made = relay.Relay(str(BIN / "pgw-relay"), [stage or relay.Stage("dev", keys=keys)], **options)
    PROGRAMS.append(made.process)
    return made


def open_endpoints(w, n, tunnels=None):
    """Wait for n endpoints, each offered by so many tunnels: one that is up offers its ports a moment later."""
    def holds():
        endpoints = w.show()["endpoints"]
        return ([e["state"] for e in endpoints] == ["open"] * n and
                (tunnels is None or all(e["tunnels"] == tunnels for e in endpoints)))
    wait_for(holds, "%d endpoints are open" % n)


def refusals(w):
    return {r["reason"]: r["connections"] for r in w.show()["counters"]["refused"]}


def ended(w, reason):
    """Connections to TLS names that ended so."""
    return sum(r["connections"] for r in w.show("names")["ended"] if r["reason"] == reason)


def no_tunnels(w):
    wait_for(lambda: not w.show()["tunnels"], "no tunnel is left")


def connect(port):
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    return connection


def round_trip(port, n=100000):
    data, got = os.urandom(n), bytearray()
    with connect(port) as connection:
        writer = threading.Thread(target=connection.sendall, args=(data,))
        writer.start()
        while len(got) < n:
            part = connection.recv(65536)
            if not part:
                break
            got += part
        writer.join()
    if bytes(got) != data:
        raise AssertionError("port %d: %d of %d bytes came back, or other ones" % (port, len(got), n))


# --- OpenSSH --------------------------------------------------------------------------------------
@case("openssh")
def password_and_several_forwards():
    w = world()
    client = ssh(w, *sum((["-R", "%d:127.0.0.1:%d" % (8000 + i, ECHO)] for i in range(8)), []))
    open_endpoints(w, 8)
    for i in range(8):
        round_trip(8000 + i)
    tunnel = w.show()["tunnels"][0]
    equal("stage", tunnel["stage"], "dev")
    equal("transport", tunnel["transport"], "ssh")
    equal("bytes of the connector", tunnel["bytes-in"], 800000)
    end(client)
    no_tunnels(w)
    equal("endpoints", w.show()["endpoints"], [])
    w.stop()


@case("openssh")
def keys_of_each_kind():
    w = world()
    for kind in ("ed25519", "rsa", "ecdsa"):
        client = ssh(w, "-R", "8000:127.0.0.1:%d" % ECHO, user="dev", identity=keygen(kind))
        open_endpoints(w, 1)
        round_trip(8000)
        equal("connector", w.show()["tunnels"][0]["connector"], kind)
        end(client)
        no_tunnels(w)
    w.stop()


@case("openssh")
def each_cipher_and_key_exchange():
    w = world()
    for option in (["-c", "aes128-gcm@openssh.com"], ["-c", "aes256-gcm@openssh.com"],
                   ["-c", "chacha20-poly1305@openssh.com"], ["-o", "KexAlgorithms=curve25519-sha256"],
                   ["-o", "KexAlgorithms=curve25519-sha256@libssh.org"],
                   ["-o", "KexAlgorithms=ecdh-sha2-nistp256"]):
        client = ssh(w, "-R", "8000:127.0.0.1:%d" % ECHO, *option)
        open_endpoints(w, 1)
        round_trip(8000, 1000000)
        end(client)
        no_tunnels(w)
    w.stop()


@case("openssh")
def new_keys_every_megabyte():
    w = world()
    client = ssh(w, "-o", "RekeyLimit=1M", "-R", "8000:127.0.0.1:%d" % ECHO)
    open_endpoints(w, 1)
    threads = [threading.Thread(target=round_trip, args=(8000, 4 << 20)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    round_trip(8000, 16 << 20)
    equal("errors", refusals(w)["protocol"], 0)
    end(client)
    w.stop()


@case("openssh")
def wrong_ones_stay_out():
    w = world()
    begun = time.monotonic()
    said = ssh(w, "-R", "8000:127.0.0.1:1", password="wrong").communicate(timeout=30)[0]
    if "denied" not in said.lower():
        raise AssertionError("a wrong password: " + said)
    if time.monotonic() - begun < 0.5:
        raise AssertionError("a wrong password was answered at once")
    other = keygen("ed25519").parent / "id_other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)], check=True)
    said = ssh(w, "-R", "8000:127.0.0.1:1", identity=other).communicate(timeout=30)[0]
    if "denied" not in said.lower():
        raise AssertionError("an unknown key: " + said)
    said = ssh(w, "-R", "8000:127.0.0.1:1", user="prod", identity=keygen("ed25519")).communicate(timeout=30)[0]
    if "denied" not in said.lower():
        raise AssertionError("a key of another stage: " + said)
    equal("tunnels", w.show()["tunnels"], [])
    equal("refused", refusals(w)["token"], 1)
    w.stop()


@case("openssh")
def ports_that_cannot_be_had():
    w = world()
    w.refused_ports.add(8443)
    for forward in ("8443:127.0.0.1:1", "127.0.0.1x:8000:127.0.0.1:1", "127.0.0.2:8000:127.0.0.1:1",
                    "192.0.2.1:8000:127.0.0.1:1", "%d:127.0.0.1:1" % w.port):
        client = ssh(w, "-R", forward)
        equal("forward " + forward, client.wait(timeout=30) != 0, True)
        client.communicate()
    no_tunnels(w)
    client = ssh(w, "-R", "0:127.0.0.1:%d" % ECHO)
    open_endpoints(w, 1)
    round_trip(w.show()["endpoints"][0]["port"])
    end(client)
    w.stop()


@case("openssh")
def a_forward_can_be_cancelled():
    w = world()
    control = WORK / "control"
    client = ssh(w, "-M", "-S", control, "-R", "8000:127.0.0.1:%d" % ECHO, "-R", "8001:127.0.0.1:%d" % ECHO)
    open_endpoints(w, 2)
    subprocess.run(["ssh", "-S", str(control), "-O", "cancel", "-R", "8000:127.0.0.1:%d" % ECHO, "x"],
                   check=True, capture_output=True)
    open_endpoints(w, 1)
    round_trip(8001)
    end(client)
    w.stop()


@case("openssh")
def half_close_goes_through():
    w = world()
    client = ssh(w, "-R", "8000:127.0.0.1:%d" % AFTER_EOF)
    open_endpoints(w, 1)
    with connect(8000) as connection:
        connection.sendall(bytes(300000))
        connection.shutdown(socket.SHUT_WR)
        equal("answer after our end", connection.makefile("rb").read(), b"300000 bytes")
    end(client)
    w.stop()


@case("openssh")
def a_thousand_connections_at_once():
    w = world()
    client = ssh(w, "-R", "8000:127.0.0.1:%d" % ECHO)
    open_endpoints(w, 1)
    connections = [connect(8000) for _ in range(1000)]
    for i, connection in enumerate(connections):
        connection.sendall(b"%06d" % i)
    for i, connection in enumerate(connections):
        equal("answer", connection.recv(6), b"%06d" % i)
    equal("connections", w.show()["endpoints"][0]["connections"], 1000)
    for connection in connections:
        connection.close()
    wait_for(lambda: w.show()["counters"]["connections"] == 0, "all are closed")
    end(client)
    w.stop()


@case("openssh")
def a_killed_client_takes_only_its_own():
    w = world()
    first = ssh(w, "-R", "8000:127.0.0.1:%d" % ECHO)
    open_endpoints(w, 1, 1)
    old = connect(8000)
    old.sendall(b"x")
    equal("first", old.recv(1), b"x")
    second = ssh(w, "-R", "8000:127.0.0.1:%d" % ECHO)
    open_endpoints(w, 1, 2)
    others = []
    while len(others) < 4:  # in turn: two each
        others.append(connect(8000))
        others[-1].sendall(b"y")
        equal("other", others[-1].recv(1), b"y")
    children = subprocess.run(["pgrep", "-P", str(first.pid)], capture_output=True, text=True).stdout.split()
    for child in children:
        os.kill(int(child), signal.SIGKILL)
    wait_for(lambda: len(w.show()["tunnels"]) == 1, "the killed one is gone")
    try:
        equal("the killed one's connection", old.recv(1), b"")
    except ConnectionResetError:
        pass
    alive = 0
    for other in others:
        try:
            other.sendall(b"z")
            alive += other.recv(1) == b"z"
        except OSError:
            pass
    equal("connections of the other one", alive, 2)
    for _ in range(10):
        round_trip(8000, 1000)
    first.wait(timeout=20)
    end(second)
    w.stop()


# --- chisel ---------------------------------------------------------------------------------------
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


def http(w, request):
    with socket.create_connection(("127.0.0.1", w.port), timeout=40) as s:
        s.sendall(request.encode())
        return s.makefile("rb").read().decode(errors="replace")


def status(w, line, *headers):
    return int(http(w, "\r\n".join([line, "Host: g", *headers, "", ""])).split()[1])


UPGRADE = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
           "Sec-WebSocket-Protocol: chisel-v3")


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
    with connect(8000) as connection:
        try:
            equal("a stranger", connection.recv(1), b"")
        except ConnectionResetError:
            pass
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


# --- abuse ----------------------------------------------------------------------------------------
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
    kex = b"SSH-2.0-x\r\n" + len(packet + b"...").to_bytes(4, "big") + b"\4" + packet
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
        wait_for(lambda: ended(w, "hello-timeout") == 1, "one ClientHello was late", 60)
    stop.set()
    for thread in threads:
        thread.join()
    end(client)
    w.stop()


def exactly(connection, n):
    data = b""
    while len(data) < n:
        part = connection.recv(n - len(data))
        if not part:
            break
        data += part
    return data


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


# --- a real one -----------------------------------------------------------------------------------
@case("connector")
def a_real_connector():
    binary = os.environ.get("PGW_CONNECTOR")
    if not binary:
        print("SKIPPED: set PGW_CONNECTOR to the connector's binary to try it")
        sys.exit(77)
    w = world()
    program = run(binary, "--header", "token: " + w.stages[0].token,
                  "http://127.0.0.1:%d/sg_%s" % (w.port, w.stages[0].uuid), "R:8000:127.0.0.1:%d" % ECHO)
    open_endpoints(w, 1)
    round_trip(8000, 5 << 20)
    print("version %s" % w.show()["tunnels"][0]["version"])
    end(program)
    w.stop()


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in CASES:
        raise SystemExit(__doc__)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    failed = 0
    for function in CASES[sys.argv[1]]:
        if sys.argv[2:] and function.__name__ not in sys.argv[2:]:
            continue
        begun = time.monotonic()
        try:
            function()
            print("-- ok: %s (%.1f s)" % (function.__name__, time.monotonic() - begun), flush=True)
        except Exception as error:  # noqa: BLE001: the others are still to be tried
            failed += 1
            print("FAILED: %s: %s: %s" % (function.__name__, type(error).__name__, error), flush=True)
        for program in PROGRAMS:
            if program.poll() is None:
                program.kill()
        PROGRAMS.clear()
    subprocess.run(["rm", "-rf", str(WORK)], check=False)
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
