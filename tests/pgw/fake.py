# SPDX-License-Identifier: GPL-2.0-or-later
"""A pgwd that answers as it is told: the control socket of docs/control-protocol.md."""

import json
import os
import socket
import threading

import tables

ITEMS = {
    "portgroup": [
        {"name": "vrack", "dev": "eth1", "vlan": 0, "realm": "private", "last-hop": True,
         "reverse-path": True, "ifindex": 2, "mtu": 1500, "mac": "02:00:00:00:00:01", "offload-state": "off",
         "io-state": "packet",
         "state": "up"},
        {"name": "vsphere", "dev": "eth2", "vlan": 12, "realm": "vsphere", "last-hop": False,
         "reverse-path": True, "ifindex": 3, "mtu": 9000, "mac": "02:00:00:00:00:02", "offload-state": "tc",
         "io-state": "xdp",
         "state": "absent"}],
    "address": [{"address": "172.16.0.1/24", "portgroup": "vrack", "use": "interface",
                 "interface": "eth1", "state": "conflict", "detection": "conflict",
                 "conflict-mac": "02:00:00:00:00:09"},
                {"address": "10.10.0.2/24", "portgroup": "vsphere", "use": "interface",
                 "state": "missing"}],
    "route": [{"to": "192.168.0.0/16", "via": "172.16.0.254", "portgroup": "vrack"}],
    "pool": [{"name": "default", "external-ip-address": ["10.10.0.2", "10.10.0.3"],
              "ports": "16384-65535", "mapping-type": "eim", "filtering-type": "edf",
              "port-quota": 512}],
    "nat": [{"number": 10, "from": "0.0.0.0/0", "to": "10.10.0.0/24", "protocol": "any",
             "pool": "default"},
            {"number": 20, "from": "172.16.0.0/24", "to": "10.20.0.0/16",
             "nat-pass-through": True}],
    "service": [{"name": "vcenter", "address": "172.16.0.1", "protocol": "tcp", "port": 443,
                 "balance": "round-robin", "backends": [
                     {"address": "10.10.0.10", "port": 443, "state": "up"},
                     {"address": "10.10.0.11", "port": 443, "state": "down"}]}],
    "allow": [{"network": "192.168.50.0/24", "description": "head office"},
              {"network": "10.0.0.0/8", "description": ""}],
    "datacenter": [{"id": 1, "service-name": "pcc-192-0-2-1", "name": "dc1", "description": "Paris",
                    "gateway": "172.16.0.1"},
                   {"id": 20, "service-name": "pcc-192-0-2-1", "name": "dc2", "description": ""}],
    "server": [{"name": "ns1.example.net", "portgroup": "vrack"}, {"name": "ns2.example.net"}],
    "api": [{"listen": "0.0.0.0:443", "scheme": "https", "state": "up", "pid": 4712,
             "certificate": "/var/lib/pgw/api-certificate.pem", "fingerprint": "AB:CD"},
            {"listen": "/run/pgw/http.sock", "scheme": "http", "state": "up", "pid": 4712}],
    "vrack-block": [{"network": "198.51.100.0/28"}],
    "ntp": [{"address": "172.16.0.1", "servers": ["192.0.2.1", "ntp.example.net"],
             "state": "running"}],
    "relay": [{"id": 7, "state": "relaying", "service": "vcenter", "name": "pcc-1.example.net",
               "client": "192.168.50.10:50000", "listener": "172.16.0.1:443",
               "source": "10.10.0.2:40000", "backend": "10.10.0.10:443", "rcvd-bytes": 1000,
               "sent-bytes": 200000, "age-ms": 5000, "idle-ms": 20, "encrypted-hello": False}],
    "vmac": [{"mac": "02:00:00:12:34:56", "address": "172.16.0.11", "portgroup": "vrack",
              "type": "ovh", "name": "esx1", "interface": "pgwvm0", "state": "present"}],
}
DATACENTERS = [{"datacenter-id": 1, "name": "dc1", "description": "Paris", "service": "pcc-192-0-2-1"},
               {"datacenter-id": 20, "name": "dc2", "description": "", "service": "pcc-192-0-2-1"}]
STEPS = (("portgroup", "vrack is eth1, up"), ("move", "3 services"))


def task(state="doing", done=1, reason=None, **members):
    """A task whose first steps are done."""
    steps = [{"name": name, "state": "done" if i < done else "doing" if i == done else "todo",
              "progress": 100 if i < done else 0, "text": text if i < done else ""}
             for i, (name, text) in enumerate(STEPS)]
    return {"task-id": 7, "name": "enablePrivateGateway", "type": "gateway", "state": state,
            "progress": 100 * done // len(STEPS), "execution-date": "2026-01-02T03:04:05Z",
            "steps": steps, "datacenter-id": 1, "service": "pcc-192-0-2-1", "network": None,
            "created-by": "root", "created-from": None, "end-date": None, "reason": reason, **members}


NEIGHBOURS = [{"address": "172.16.0.254", "portgroup": "vrack", "mac": "02:00:00:00:00:fe",
               "state": "reachable"},
              {"address": "10.10.0.10", "portgroup": "vsphere", "state": "failed"}]
STATS = {"gateway": {"revision": 7, "uptime": 7384, "flows": 1234567, "flow-capacity": 1048576,
                     "flows-created": 9, "flows-expired": 8, "flows-ended": 7, "mappings": 6,
                     "fragments-waiting": 5, "neighbours-waiting": 4, "icmp-sent": 3,
                     "icmp-limited": 2, "datapath-pid": 4711},
         "portgroups": [{"name": "vrack", "rcvd-packets": 12345, "rcvd-bytes": 1234567,
                         "sent-packets": 2, "sent-bytes": 3, "dropped-packets": 4,
                         "dropped-bytes": 5, "kernel-packets": 6, "ring-lost-packets": 7}],
         "workers": [{"worker": 0, "rcvd-packets": 70, "sent-packets": 60, "dropped-packets": 1,
                      "handed-over-packets": 9, "flows-created": 5, "bursts": 4, "wakeups": 3,
                      "longest-pause-ns": 2},
                     {"worker": 1, "rcvd-packets": 71, "sent-packets": 61, "dropped-packets": 0,
                      "handed-over-packets": 8, "flows-created": 6, "bursts": 4, "wakeups": 3,
                      "longest-pause-ns": 2}]}
DROPS = [{"reason": "not-allowed", "packets": 42, "text": "source is not on the allow list"},
         {"reason": "ttl-exceeded", "packets": 0, "text": "TTL reached zero"}]
RULE_FIGURES = {"flows": 3, "flows-created": 12, "flows-refused": 4, "packets": 123456,
                "bytes": 98765432}
CONFIG = "portgroup add vrack dev eth1 realm private\nset timer udp-timeout 120\n"


REVISIONS = [
    {"revision": 9, "time": "2026-01-02T03:04:05.678Z", "origin": "apply", "changes": 2,
     "user": "alice", "uid": 0, "pid": 42, "comment": "for the partner", "state": "running"},
    {"revision": 8, "time": "2026-01-02T03:00:00.000Z", "origin": "undo", "changes": 1,
     "user": "root", "uid": 0, "pid": 40, "same-as": 6},
    {"revision": 7, "time": "2026-01-01T00:00:00.000Z", "origin": "start", "changes": 0}]
PENDING = {"revision": 9, "base": 8, "revert-in": 42}


class FakePgwd:
    """answers: op -> an answer (dict), bytes to send as they are, or a function of the request
    that returns one; an answer's "fds" go beside it. requests: what was asked."""

    def __init__(self, rundir):
        self.rundir = rundir
        self.requests = []
        self.answers = {}
        self.events = []
        self.keep_monitor = False
        self.monitoring = threading.Event()
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(os.path.join(rundir, "pgwd.sock"))
        self.listener.listen(16)
        threading.Thread(target=self.serve, daemon=True).start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        os.unlink(os.path.join(self.rundir, "pgwd.sock"))

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        buffer = b""
        with connection:
            while True:
                try:
                    part = connection.recv(1 << 20)
                except OSError:
                    return
                if not part:
                    return
                buffer += part
                while b"\n" in buffer:
                    line, buffer = buffer.split(b"\n", 1)
                    try:
                        if not self.answer(connection, json.loads(line)):
                            return
                    except OSError:
                        return

    def answer(self, connection, request):
        self.requests.append(request)
        op = request["op"]
        answer = self.answers.get(op, getattr(self, "op_" + op.replace("-", "_"), None))
        if callable(answer):
            answer = answer(request)
        if answer is None:
            answer = {"ok": False, "error": 'unknown operation "%s"' % op}
        if isinstance(answer, bytes):
            connection.sendall(answer)
            return False
        fds = answer.pop("fds", [])
        line = (json.dumps(answer) + "\n").encode()
        if fds:
            sent = socket.send_fds(connection, [line], fds)
            line = line[sent:]
            for fd in fds:
                os.close(fd)
        connection.sendall(line)
        if op != "monitor":
            return True
        for event in self.events:
            connection.sendall((json.dumps(event) + "\n").encode())
        self.monitoring.set()
        return self.keep_monitor

    def statements(self):
        return [statement for request in self.requests if request["op"] == "change"
                for statement in request["statements"]]

    def op_version(self, _):
        return {"ok": True, "version": "0.1.0", "revision": 7}

    def op_show(self, request):
        items = ITEMS[request["object"]]
        if request.get("statistics"):
            items = [{**item, **RULE_FIGURES} for item in items]
        return {"ok": True, "items": items}

    def op_change(self, request):
        return {"ok": True, "revision": 8, "changes": request["statements"], "sessions-ended": 2}

    def op_config_show(self, request):
        if "revision" in request:
            return {"ok": True, "text": "# old\n", **REVISIONS[1]}
        return {"ok": True, "text": CONFIG, "revision": 7}

    def op_config_log(self, request):
        return {"ok": True, "revision": 9, "items": REVISIONS[:request.get("limit", 99)]}

    def op_config_confirm(self, _):
        return {"ok": True, "revision": 9, "saved": False}

    def op_config_undo(self, _):
        return {"ok": True, "revision": 10, "same-as": 8, "changes": ["allow add 10.0.0.0/8"],
                "sessions-ended": 0}

    def op_config_diff(self, _):
        return {"ok": True, "changes": ["allow del 10.0.0.0/8", "allow add 10.1.0.0/16"],
                "sessions-affected": 3}

    def op_config_apply(self, _):
        return {"ok": True, "revision": 9, "changes": ["allow del 10.0.0.0/8"],
                "sessions-ended": 3}

    def op_config_save(self, _):
        return {"ok": True, "file": "/etc/pgw/pgw.conf"}

    def op_stats(self, _):
        return {"ok": True, "drops": DROPS, **STATS}

    def op_neighbour(self, _):
        return {"ok": True, "items": NEIGHBOURS}

    def op_datacenter_show(self, request):
        return {"ok": True, "items": [one for one in DATACENTERS
                                      if request.get("datacenter", one["datacenter-id"]) == one["datacenter-id"]]}

    def op_gateway_show(self, request):
        there = request["datacenter"] == 1
        return {"ok": True, "gateway": {
            "customer-ip": "172.16.0.1" if there else None, "state": "enabled" if there else "disabled",
            "customer-netmask": "255.255.255.0" if there else None,
            "customer-portgroup": "vrack" if there else None}}

    def op_task_show(self, request):
        return {"ok": True, "items": [task()]}

    def op_monitor(self, _):
        return {"ok": True}


def session_answer(flows, snapshot_members=None, **header):
    """The answer to session-table for these flows."""
    def answer(_):
        table, size = tables.flow_table(flows, **header)
        snapshot, snapshot_size = tables.snapshot(**(snapshot_members or {}))
        return {"ok": True, "portgroups": ["vrack", "vsphere"], "pools": ["default"],
                "bytes": size, "snapshot-bytes": snapshot_size, "fds": [table, snapshot]}
    return answer
