#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of tunnels, beside OpenSSH's sshd doing the same, in one interleaved run.

    tests/tunnel/figures.py [--seconds N] [--rounds N] [--connectors N] [--https] [--json FILE] [PART...]

PARTs: throughput (1 and 8 streams, both directions), latency (of a byte there and back), memory (of
an idle tunnel, of a connection), many (connectors with ten endpoints each). Default: all of them.
--https: the connector comes over TLS as well, in throughput, latency and memory.

Everything is on loopback: client, gateway, connector and server share the machine. Needs build/bin/,
openssh-server, iperf3 and Go with the libraries of tests/lib/packages. Each figure is the median of
the rounds, with the least and the most; ratios are taken within a round.
"""
import argparse
import contextlib
import json
import os
import pathlib
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import relay  # noqa: E402

TOP = HERE.parent.parent
PGW_BIN = pathlib.Path(os.environ.get("PGW_BIN", TOP / "build/bin"))


def wait_for(holds, seconds, what):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return
        threading.Event().wait(0.02)
    raise SystemExit("%s: not within %d s" % (what, seconds))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def listens(port):
    """Whether someone does; without connecting, which would be a connection of the tunnel."""
    with open("/proc/net/tcp") as table:
        next(table)
        return any(int(line.split()[1].split(":")[1], 16) == port and line.split()[3] == "0A"
                   for line in table)


class World:
    """Programs that end with it."""

    def __init__(self, https=False):
        self.directory = tempfile.TemporaryDirectory(prefix="pgw-figures")
        self.path = pathlib.Path(self.directory.name)
        self.programs = []
        self.iperf = free_port()
        self.run("iperf3", "-s", "-p", str(self.iperf), "-B", "127.0.0.1")
        self.echo = self.start_echo()
        self.connector = self.build_connector()
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.path / "id"],
                       check=True)
        blob = (self.path / "id.pub").read_text().split()[1]
        self.stage = relay.Stage("figures", keys=[("figures", blob)])
        self.relay = relay.Relay(str(PGW_BIN / "pgw-relay"), [self.stage])
        self.secure = self.start_secure() if https else None
        self.sshd = self.start_sshd()
        wait_for(lambda: listens(self.iperf), 10, "iperf3")

    def run(self, *command, **options):
        options.setdefault("stdout", subprocess.DEVNULL)
        options.setdefault("stderr", subprocess.DEVNULL)
        program = subprocess.Popen([str(c) for c in command], **options)
        self.programs.append(program)
        return program

    def start_secure(self):
        """Another gateway, with a certificate: one with it takes no http."""
        certificate, key = self.path / "tls.pem", self.path / "tls.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                        "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        return relay.Relay(str(PGW_BIN / "pgw-relay"), [self.stage], certificate=certificate.read_text(),
                           key=key.read_text())

    def build_connector(self):
        binary = self.path / "connector"
        environment = dict(os.environ, GO111MODULE="off", GOPATH="/usr/share/gocode",
                           GOCACHE=str(self.path / "go"), GOPROXY="off", CGO_ENABLED="0")
        subprocess.run(["go", "build", "-o", binary, HERE / "connector.go"], check=True,
                       env=environment)
        return binary

    def start_echo(self):
        server = socket.create_server(("127.0.0.1", 0), backlog=4096)

        def serve(connection):
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while data := connection.recv(65536):
                    connection.sendall(data)

        def accept():
            while True:
                threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return server.getsockname()[1]

    def start_sshd(self):
        port = free_port()
        subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", self.path / "host"],
                       check=True)
        pathlib.Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        config = self.path / "sshd_config"
        config.write_text("Port %d\nListenAddress 127.0.0.1\nHostKey %s\nAuthorizedKeysFile %s\n"
                          "StrictModes no\nPidFile none\nUsePAM no\nPermitRootLogin yes\n"
                          "AllowTcpForwarding yes\nMaxSessions 1000\n" %
                          (port, self.path / "host", self.path / "id.pub"))
        self.run("/usr/sbin/sshd", "-D", "-e", "-f", config)
        wait_for(lambda: listens(port), 10, "sshd")
        return port

    def ssh(self, port, user, forwards, *options):
        command = ["ssh", "-N", "-F", "none", "-i", self.path / "id", "-o", "BatchMode=yes", "-o",
                   "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o",
                   "ExitOnForwardFailure=yes", *options, "-p", port]
        for own, target in forwards:
            command += ["-R", "%d:127.0.0.1:%d" % (own, target)]
        return self.run(*command, "%s@127.0.0.1" % user)

    def chisel(self, forwards, *options, gateway=None):
        gateway = gateway or self.relay
        if gateway.tls[0]:
            options += ("-ca", self.path / "tls.pem")
            address = "https://localhost:%d/sg_%s" % (gateway.port, self.stage.uuid)
        else:
            address = "http://127.0.0.1:%d/sg_%s" % (gateway.port, self.stage.uuid)
        return self.run(self.connector, "-token", self.stage.token, *options, address,
                        *["R:%d:127.0.0.1:%d" % pair for pair in forwards])

    def close(self):
        self.relay.stop()
        if self.secure:
            self.secure.stop()
        for program in self.programs:
            program.terminate()
        for program in self.programs:
            program.wait()
        self.directory.cleanup()


WAYS = ["sshd", "relay-openssh", "relay-chisel"]


@contextlib.contextmanager
def tunnel(world, way, target, *options):
    """One tunnel to @target; gives the port where it is reached."""
    port = free_port()
    if way == "sshd":
        program = world.ssh(world.sshd, "root", [(port, target)], *options)
    elif way == "relay-openssh":
        program = world.ssh(world.relay.port, "figures", [(port, target)], *options)
    else:
        program = world.chisel([(port, target)], gateway=world.secure if way == "relay-https" else None)
    try:
        wait_for(lambda: listens(port), 15, way)
        yield port
    finally:
        program.terminate()
        program.wait()
        wait_for(lambda: not listens(port), 15, "end of " + way)


def iperf(port, seconds, streams, reverse):
    command = ["iperf3", "-c", "127.0.0.1", "-p", str(port), "-t", str(seconds), "-P",
               str(streams), "-J"] + (["-R"] if reverse else [])
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
    return json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"] / 1e6


def summary(values):
    return {"median": round(statistics.median(values), 3), "min": round(min(values), 3),
            "max": round(max(values), 3)}


def throughput(world, options):
    results = {}
    for _ in range(options.rounds):
        for streams in (1, 8):
            for reverse in (False, True):
                rates = {}
                for way in WAYS:
                    with tunnel(world, way, world.iperf) as port:
                        rates[way] = iperf(port, options.seconds, streams, reverse)
                name = "%d stream%s %s" % (streams, "s" if streams > 1 else "",
                                           "from the server" if reverse else "to the server")
                entry = results.setdefault(name, {})
                for way in WAYS:
                    entry.setdefault(way + " Mb/s", []).append(rates[way])
                    if way != "sshd":
                        entry.setdefault(way + " / sshd", []).append(rates[way] / rates["sshd"])
    return {name: {k: summary(v) for k, v in entry.items()} for name, entry in results.items()}


def round_trips(port, n=2000):
    times = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(n):
            begun = time.perf_counter()
            connection.sendall(b"x")
            if connection.recv(1) != b"x":
                raise SystemExit("latency: the byte did not come back")
            times.append((time.perf_counter() - begun) * 1e6)
    times.sort()
    return times[len(times) // 2], times[len(times) * 99 // 100]


def latency(world, options):
    results = {}
    for _ in range(options.rounds):
        direct = round_trips(world.echo)
        results.setdefault("without a tunnel p50 us", []).append(direct[0])
        for way in WAYS:
            with tunnel(world, way, world.echo) as port:
                p50, p99 = round_trips(port)
            results.setdefault(way + " p50 us", []).append(p50)
            results.setdefault(way + " p99 us", []).append(p99)
    return {name: summary(v) for name, v in results.items()}


def memory_of(world, options, *tls):
    """Of gateways that have done nothing yet: what others gave back would be used again, and not be seen."""
    n, connections = min(options.connectors, 500), 2000
    gateway = relay.Relay(str(PGW_BIN / "pgw-relay"), [world.stage], *tls)
    before = gateway.memory()
    program = world.chisel([(free_port(), world.echo)], "-n", n, "-step", 0, gateway=gateway)
    wait_for(lambda: len(gateway.show()["tunnels"]) == n, 120, "%d tunnels" % n)
    idle = (gateway.memory() - before) / n
    program.terminate()
    program.wait()
    gateway.stop()
    gateway = relay.Relay(str(PGW_BIN / "pgw-relay"), [world.stage], *tls)
    program = world.chisel([(free_port(), world.echo)], gateway=gateway)
    wait_for(lambda: gateway.show()["endpoints"], 30, "one tunnel")
    port = gateway.show()["endpoints"][0]["port"]
    round_trips(port, 10)
    before = gateway.memory()
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
    for connection in held:
        connection.sendall(b"x")
    for connection in held:
        connection.recv(1)
    each = (gateway.memory() - before) / connections
    for connection in held:
        connection.close()
    program.terminate()
    program.wait()
    gateway.stop()
    return {"bytes per idle tunnel": round(idle), "bytes per connection": round(each),
            "tunnels": n, "connections": connections}


def memory(world, options):
    results = {"http": memory_of(world, options)}
    if world.secure:
        results["https"] = memory_of(world, options, *world.secure.tls)
    return results


def many(world, options):
    n, ports = options.connectors, 10
    forwards = [(20000 + i, world.echo) for i in range(ports)]
    begun = time.monotonic()
    program = world.chisel(forwards, "-n", n, "-step", 0)
    wait_for(lambda: world.relay.show()["stages"][0]["tunnels"] == n, 600, "%d connectors" % n)
    seconds = time.monotonic() - begun
    shown = world.relay.show()
    offers = sum(len(t["endpoints"]) for t in shown["tunnels"])
    for own, _ in forwards:
        round_trips(own, 10)
    cpu = world.relay.cpu()
    held = time.monotonic()
    wait_for(lambda: time.monotonic() - held > options.seconds, options.seconds + 10, "holding")
    result = {"connectors": n, "endpoints of all of them": offers, "seconds to come in": seconds,
              "CPU share while held": (world.relay.cpu() - cpu) / (time.monotonic() - held),
              "MiB": world.relay.memory() / 2**20}
    program.terminate()
    program.wait()
    return result


PARTS = {"throughput": throughput, "latency": latency, "memory": memory, "many": many}


def main():
    parser = argparse.ArgumentParser(description="Figures of tunnels beside OpenSSH's.")
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connectors", type=int, default=1000)
    parser.add_argument("--https", action="store_true", help="the connector also over TLS")
    parser.add_argument("--json", help="also write them to this file")
    parser.add_argument("part", nargs="*", choices=[[], *PARTS], default=[])
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    world = World(options.https)
    if options.https:
        WAYS.append("relay-https")
    results = {}
    try:
        for name in options.part or PARTS:
            results[name] = PARTS[name](world, options)
            print(json.dumps({name: results[name]}, indent=1), flush=True)
    finally:
        world.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
