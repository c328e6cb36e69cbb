#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""collector.py ADDRESS PORT FILE - append the payload of each datagram to FILE; says "ready"."""
import socket
import sys

address, port, path = sys.argv[1:]
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind((address, int(port)))
with open(path, "wb", buffering=0) as file:
    print("ready", flush=True)
    while True:
        file.write(sock.recv(65535))
