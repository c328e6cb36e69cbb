#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""asking.py SOCKET - ask pgwd again and again whether it answers, every few milliseconds.

Prints "ready" after the first answer, then a line "BEGIN END" for each: microseconds of the wall clock
when it was asked and when the answer was there. A question to one that was killed fails and is asked again
at once, so the first one that began after a kill tells when control was back.
"""
import select
import socket
import sys
import time

PAUSE_S = 0.005
PATIENCE_S = 20


def ask(path):
    """Return: whether it was answered."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(PATIENCE_S)
        try:
            client.connect(path)
            client.sendall(b'{"op":"stats","all":false}\n')
            return client.recv(65536).startswith(b'{"ok":true')
        except OSError:
            return False


def main():
    first = True
    while True:
        begin = time.time()
        if ask(sys.argv[1]):
            print("ready" if first else f"{begin * 1e6:.0f} {time.time() * 1e6:.0f}", flush=True)
            first = False
        select.select([], [], [], PAUSE_S)


main()
