# SPDX-License-Identifier: GPL-2.0-or-later
"""Starts pgw-relay alone and plays pgwd towards it (datapath/relay/handover.h).

For figures and for attacks, where a whole gateway would only add noise. Listening ports of endpoints
are opened on 127.0.0.1.
"""
import array
import hashlib
import json
import os
import resource
import secrets
import socket
import subprocess
import threading
import uuid


class Stage:
    """A secure gateway with a fresh token."""

    def __init__(self, name, networks=((0, 0xffffffff),), balance="round-robin", keys=()):
        self.name, self.networks, self.balance, self.keys = name, networks, balance, keys
        self.uuid, self.token = str(uuid.uuid4()), secrets.token_urlsafe(32)

    def described(self, inside):
        return {"name": self.name, "uuid": self.uuid, "inside": inside,
                "token": hashlib.sha256(self.token.encode()).hexdigest(),
                "balance": self.balance, "networks": [list(n) for n in self.networks],
                "keys": [{"name": n, "key": k} for n, k in self.keys]}


class Relay:
    """@services: of TLS names, as in control/relaying_block.c, with "names" as their listener."""

    def __init__(self, binary, stages, certificate=None, key=None, inside="127.0.0.1", services=(),
                 half_ms=300000, files=None):
        self.stages, self.inside, self.events, self.revision = stages, inside, [], 0
        self.services, self.half_ms = list(services), half_ms
        self.refused_ports = set()
        self.silent, self.unanswered = False, []  # questions that are not answered
        self.lock = threading.Lock()
        self.answered = threading.Condition(self.lock)
        self.answers = []
        self.host_key = subprocess.run(
            ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
            check=True, capture_output=True, text=True).stdout
        self.tls = (certificate, key)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.names = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.names.setblocking(False)
        self.names_port = self.names.getsockname()[1]
        self.path = "\0pgw-relay-test-%d-%s" % (os.getpid(), secrets.token_hex(4))
        control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        control.bind(self.path)
        control.listen(1)

        def descriptor():
            os.dup2(control.fileno(), 3)
            if files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

        self.process = subprocess.Popen([binary], pass_fds=(3,), close_fds=True,
                                        preexec_fn=descriptor)
        self.take_over()
        control.close()

    def take_over(self):
        """A new pgwd begins to talk with the running relay."""
        self.channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.channel.connect(self.path)
        self.answers, self.unanswered, self.silent = [], [], False
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.ask({"op": "hello"})
        self.configure()

    def leave(self):
        """This pgwd dies."""
        self.channel.shutdown(socket.SHUT_RDWR)
        self.reader.join(20)
        self.channel.close()

    def _send(self, body, fds=()):
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.channel.sendmsg([json.dumps(body).encode()], ancillary)

    def _read(self):
        while True:
            data, ancillary, _, _ = self.channel.recvmsg(1 << 17, socket.CMSG_SPACE(4 * 253))
            if not data:
                with self.lock:
                    self.answers.append(({"op": "gone"}, []))
                    self.answered.notify_all()
                return
            fds = array.array("i")
            for _, _, payload in ancillary:
                fds.frombytes(payload[:len(payload) - len(payload) % 4])
            body = json.loads(data)
            if body["op"] == "event":
                self.events.append(body)
            elif body["op"] == "part" and self.silent:
                self.unanswered.append(body)
            elif body["op"] == "part":
                self._listen(body)
            else:
                with self.lock:
                    self.answers.append((body, list(fds)))
                    self.answered.notify_all()

    def _listen(self, question):
        answer = {"op": "part", "part": "tunnel", "do": "listened", "id": question["id"]}
        kind = socket.SOCK_DGRAM if question["protocol"] == "udp" else socket.SOCK_STREAM
        opened = socket.socket(socket.AF_INET, kind | socket.SOCK_NONBLOCK)
        try:
            if question["port"] in self.refused_ports:
                raise OSError("the gateway uses this port itself")
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
            opened.bind((question["address"], question["port"]))
            if kind == socket.SOCK_STREAM:
                opened.listen(4096)
            answer["fd"] = 0
        except OSError as error:
            answer["error"] = error.strerror or str(error)
        self._send(answer, [opened.fileno()] if "fd" in answer else [])
        opened.close()

    def ask(self, body, fds=()):
        """One question; what the relay says to it, without its answers to what _listen() says."""
        with self.lock:
            self.answers = [a for a in self.answers if a[0]["op"] not in ("ok", "error")]
            self._send(body, fds)
            expected = {"hello": "hello", "show": "shown"}.get(body["op"])
            while True:
                for i, (answer, received) in enumerate(self.answers):
                    if answer["op"] == "gone" or expected is None or answer["op"] == expected:
                        del self.answers[i]
                        return answer, received
                if not self.answered.wait(30):
                    raise TimeoutError(body["op"])

    def configure(self):
        self.revision += 1
        listener = {"key": "tunnel"}
        if self.tls[0]:
            listener.update({"certificate": self.tls[0], "private-key": self.tls[1]})
        block = json.dumps({
            "revision": self.revision, "allow": [[0, 0xffffffff]],
            "listeners": [{"key": "tunnel", "fd": 1}, {"key": "names", "fd": 2}],
            "names": {"idle-ms": 7440000, "services": self.services},
            "tunnel": {"idle-ms": 7440000, "half-ms": self.half_ms, "host-key": self.host_key, "listeners": [listener],
                       "stages": [s.described(self.inside) for s in self.stages]}}).encode()
        memory = os.memfd_create("block", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
        os.write(memory, block)
        import fcntl
        fcntl.fcntl(memory, 1033, 0xf)  # F_ADD_SEALS: no shrinking, growing, writing, sealing
        answer, _ = self.ask({"op": "configure", "bytes": len(block)},
                             [memory, self.listener.fileno(), self.names.fileno()])
        os.close(memory)
        if answer["op"] != "ok":
            raise RuntimeError(answer)

    def show(self, part="tunnel"):
        answer, fds = self.ask({"op": "show", "what": "tunnel"})
        with os.fdopen(fds[0], "rb") as block:
            block.seek(0)
            return json.loads(block.read(answer["bytes"]))[part]

    def kick(self, tunnel):
        self.ask({"op": "part", "part": "tunnel", "do": "kick", "id": tunnel})

    def memory(self):
        """Resident bytes of the process, without what it shares with files."""
        with open("/proc/%d/status" % self.process.pid) as status:
            for line in status:
                if line.startswith("RssAnon"):
                    return int(line.split()[1]) * 1024
        return 0

    def cpu(self):
        with open("/proc/%d/stat" % self.process.pid) as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
