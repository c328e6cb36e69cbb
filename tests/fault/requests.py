#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Many short connections: requests.py URL SHA256 NUMBER AT-ONCE SECONDS

Fetches URL NUMBER times, each on a connection of its own, AT-ONCE of them at a time, and compares what comes with
SHA256. A request that is not answered within SECONDS is told as "stalled ADDRESS:PORT got N bytes", and its
connection kept as it is until this program is ended, so that both ends of it can be looked at. A wrong answer ends
it. Prints "completed NUMBER" at last.
"""
import hashlib
import selectors
import signal
import socket
import sys
import time
import urllib.parse


class Request:
    def __init__(self, url, until):
        self.until = until
        self.got = b""
        self.text = f"GET {url.path} HTTP/1.1\r\nHost: {url.hostname}\r\nConnection: close\r\n\r\n".encode()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        self.socket.connect_ex((url.hostname, url.port or 80))

    def name(self):
        return "%s:%u" % self.socket.getsockname()

    def step(self):
        """Return: whether the answer is complete."""
        if self.text:
            self.text = self.text[self.socket.send(self.text):]
            return False
        piece = self.socket.recv(65536)
        self.got += piece
        return not piece

    def check(self, digest):
        body = self.got.partition(b"\r\n\r\n")[2]
        if hashlib.sha256(body).hexdigest() != digest:
            sys.exit(f"{self.name()}: {len(body)} bytes, but not those of the server")
        self.socket.close()


def work(url, digest, number, at_once, seconds):
    poll = selectors.DefaultSelector()
    running, begun, stalled, completed = set(), 0, 0, 0
    while completed + stalled < number:
        while begun < number and len(running) < at_once:
            request = Request(url, time.monotonic() + seconds)
            poll.register(request.socket, selectors.EVENT_WRITE, request)
            running.add(request)
            begun += 1
        for key, _ in poll.select(1):
            request = key.data
            try:
                done = request.step()
            except OSError as error:
                sys.exit(f"{request.name()}: {error.strerror} after {len(request.got)} bytes")
            if not request.text:
                poll.modify(request.socket, selectors.EVENT_READ, request)
            if done:
                poll.unregister(request.socket)
                running.remove(request)
                request.check(digest)
                completed += 1
        now = time.monotonic()
        for request in [r for r in running if r.until < now]:
            print(f"stalled {request.name()} got {len(request.got)} bytes", flush=True)
            poll.unregister(request.socket)
            running.remove(request)
            stalled += 1
    print(f"completed {completed}", flush=True)
    if stalled:
        signal.pause()


def main():
    url, digest, number, at_once, seconds = sys.argv[1:]
    work(urllib.parse.urlsplit(url), digest, int(number), int(at_once), float(seconds))


main()
