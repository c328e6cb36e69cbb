#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""collector.py ADDRESS PORT FILE [RELAY-PORT]

Append the payload of each datagram to FILE, and send it on to 127.0.0.1 RELAY-PORT. Says "ready".
"""
import socket
import sys

address, port, path = sys.argv[1:4]
relay = ("127.0.0.1", int(sys.argv[4])) if len(sys.argv) > 4 else None
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind((address, int(port)))
with open(path, "wb", buffering=0) as file:
    print("ready", flush=True)
    while True:
        message = sock.recv(65535)
        file.write(message)
        if relay:
            sock.sendto(message, relay)
