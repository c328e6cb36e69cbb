# SPDX-License-Identifier: GPL-2.0-or-later
"""What the cases of tunnels share: servers behind the connectors, the connectors, checks."""
import os
import pathlib
import signal
import socket
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


def serve_udp(port=0):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", port))

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


def world(stage=None, balance="round-robin", **options):
    keys = [(kind, key_blob(kind)) for kind in ("ed25519", "rsa", "ecdsa")]
    stage = stage or relay.Stage("dev", keys=keys, balance=balance)
    made = relay.Relay(str(BIN / "pgw-relay"), [stage], **options)
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


def not_served(port):
    """Whether a connection ends without a byte; it may have before connect() has returned."""
    try:
        with connect(port) as connection:
            return connection.recv(1) == b""
    except ConnectionResetError:
        return True


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


def http(w, request):
    with socket.create_connection(("127.0.0.1", w.port), timeout=40) as s:
        s.sendall(request.encode())
        return s.makefile("rb").read().decode(errors="replace")


def status(w, line, *headers):
    return int(http(w, "\r\n".join([line, "Host: g", *headers, "", ""])).split()[1])


UPGRADE = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
           "Sec-WebSocket-Protocol: chisel-v3")


def exactly(connection, n):
    data = b""
    while len(data) < n:
        part = connection.recv(n - len(data))
        if not part:
            break
        data += part
    return data
