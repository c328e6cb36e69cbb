# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of the API that can do wrong on purpose. API_WORK is the directory of common.sh."""

import functools
import hashlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import time

WORK = os.environ["API_WORK"]
HOST, TLS_PORT, PORT = "gateway.test", 8443, 8080
CLOUD = "/1.0/dedicatedCloud/pcc-192-0-2-1"
SERVER = "/1.0/dedicated/server/ns1.example.net"
BOUND_S = 20


def keys(name="keys"):
    with open(os.path.join(WORK, name + ".json"), encoding="utf-8") as file:
        return json.load(file)


class Answer:
    def __init__(self, status, headers, text):
        self.status, self.headers, self.text = status, headers, text

    @property
    def json(self):
        return json.loads(self.text)

    def __str__(self):
        return "%d %s" % (self.status, self.text[:300])


class UnixConnection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.path.join(WORK, "http.sock"))


class NamedConnection(http.client.HTTPSConnection):
    """To the gateway, whatever its name resolves to."""

    address = "127.0.0.1"

    def connect(self):
        plain = socket.create_connection((self.address, self.port), self.timeout)
        self.sock = self._context.wrap_socket(plain, server_hostname=self.host)


@functools.lru_cache(maxsize=None)
def tls():
    return ssl.create_default_context(cafile=os.path.join(WORK, "state", "api-certificate.pem"))


def connection(kind="unix", address="127.0.0.1", source=""):
    if kind == "unix":
        return UnixConnection("gateway", timeout=BOUND_S)
    if kind == "http":
        return http.client.HTTPConnection(address, PORT, timeout=BOUND_S, source_address=(source, 0))
    made = NamedConnection(HOST, TLS_PORT, timeout=BOUND_S, context=tls())
    made.address = address
    return made


def signed(given, method, url, body, timestamp=None):
    """The four headers; body is what goes over the wire."""
    timestamp = str(int(time.time()) if timestamp is None else timestamp)
    text = "+".join([given["application-secret"], given["consumer-key"], method, url, body,
                     timestamp])
    return {"X-Ovh-Application": given["application-key"], "X-Ovh-Consumer": given["consumer-key"],
            "X-Ovh-Timestamp": timestamp,
            "X-Ovh-Signature": "$1$" + hashlib.sha1(text.encode()).hexdigest()}


def call(method, path, body=None, given=None, kind="unix", url=None, headers=None, text=None, timestamp=None,
         source=""):
    """One call on a connection of its own. text: the body as it is; headers: instead of signing."""
    wire = connection(kind, source=source)
    if text is None:
        text = "" if body is None else json.dumps(body)
    if headers is None:
        headers = signed(given or keys(), method, (url or "https://gateway") + path, text,
                         timestamp)
    if text:
        headers = {"Content-Type": "application/json", **headers}
    wire.request(method, path, text.encode() or None, headers)
    got = wire.getresponse()
    answer = Answer(got.status, got.headers, got.read().decode())
    wire.close()
    return answer


def pgw(*words):
    done = subprocess.run(os.environ["API_PGW"].split() + ["-j", *words], stdout=subprocess.PIPE,
                          timeout=BOUND_S, check=True)
    return json.loads(done.stdout) if done.stdout else None


def wait(what, condition, seconds=BOUND_S):
    end = time.monotonic() + seconds
    while True:
        got = condition()
        if got:
            return got
        if time.monotonic() > end:
            sys.exit("FAILED: not within %d s: %s" % (seconds, what))
        os.sched_yield()


def check(what, good, seen=""):
    if not good:
        sys.exit("FAILED: %s: %s" % (what, seen))
    print("-- ok: %s" % what, flush=True)


def refused(what, answer, status, code=None, part=""):
    """It is an error in the API's form."""
    check(what, answer.status == status, answer)
    error = answer.json
    check(what + ": form", set(error) == {"class", "errorCode", "httpCode", "message"} and
          error["httpCode"].startswith("%d " % status), answer)
    check(what + ": code", (code is None or error["errorCode"] == code) and
          part in error["message"], answer)
    check(what + ": query id", answer.headers["X-Ovh-QueryID"].startswith("pgw.api."))
