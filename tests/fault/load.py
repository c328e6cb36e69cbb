#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What flows through the gateway while something breaks.

load.py serve ADDRESS PORT
    echo, TCP and UDP; prints "ready"
load.py hold HOST PORT CONNECTIONS RATE FIFO
    CONNECTIONS idle connections, as of ssh, and one flow of RATE datagrams a second; prints "ready",
    then does what is written into FIFO, one command a line, and answers each with one line:
      mark        forget what was measured                                  marked
      answers N   wait until N more datagrams have been answered            answers N | silence
      gap         the longest time in ms between two answers since the mark, datagrams lost and sent
                  since then                                                gap MS LOST SENT
      check       have each connection carry a line there and back          alive N
A command that cannot be done is given up after 20 s.
"""
import os
import resource
import select
import socket
import sys
import time

BOUND_S = 20
SETTLE_S = 0.5  # at most, for the last answers before they count as lost


def serve(address, port):
    poll = select.epoll()
    listener = socket.create_server((address, port), backlog=1024)
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind((address, port))
    poll.register(listener, select.EPOLLIN)
    poll.register(datagrams, select.EPOLLIN)
    clients = {}
    print("ready", flush=True)
    while True:
        for fd, _ in poll.poll():
            if fd == listener.fileno():
                client, _ = listener.accept()
                clients[client.fileno()] = client
                poll.register(client, select.EPOLLIN)
            elif fd == datagrams.fileno():
                data, peer = datagrams.recvfrom(2048)
                datagrams.sendto(data, peer)
            else:
                try:
                    data = clients[fd].recv(4096)
                    clients[fd].sendall(data)
                except OSError:
                    data = b""
                if not data:
                    poll.unregister(fd)
                    clients.pop(fd).close()


class Load:
    def __init__(self, host, port, connections, rate):
        self.rate = rate
        self.idle = [socket.create_connection((host, port), BOUND_S) for _ in range(connections)]
        self.probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.probe.connect((host, port))
        self.probe.setblocking(False)
        self.sent = 0
        self.due = time.monotonic()
        self.line = 0
        self.pending = None  # (answers that are waited for, until when)
        self.mark()

    def mark(self):
        self.first = self.sent
        self.seen = set()
        self.last = time.monotonic()
        self.longest = 0.0

    def send(self):
        now = time.monotonic()
        while self.due <= now:
            try:
                self.probe.send(b"%d" % self.sent)
            except OSError:
                pass  # unreachable for now, or no room: it counts as lost
            self.sent += 1
            self.due += 1 / self.rate
        return self.due - now

    def receive(self):
        while True:
            try:
                number = int(self.probe.recv(2048))
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error
            now = time.monotonic()
            if number >= self.first and number not in self.seen:
                self.seen.add(number)
                self.longest = max(self.longest, now - self.last)
                self.last = now

    def run(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            select.select([self.probe], [], [], max(0, min(self.send(), seconds)))
            self.receive()

    def answers(self, number):
        end, wanted = time.monotonic() + BOUND_S, len(self.seen) + number
        while len(self.seen) < wanted:
            if time.monotonic() > end:
                return "silence"
            self.run(0.01)
        return f"answers {number}"

    def gap(self):
        until, longest = self.sent, max(self.longest, time.monotonic() - self.last)
        end = time.monotonic() + SETTLE_S
        while True:
            got = sum(1 for number in self.seen if number < until)
            if got == until - self.first or time.monotonic() > end:
                break
            self.run(0.02)
        return f"gap {longest * 1000:.0f} {until - self.first - got} {until - self.first}"

    def check(self):
        self.line += 1
        data = b"line %d\n" % self.line
        waiting = {}
        for sock in self.idle:
            try:
                sock.setblocking(False)
                sock.send(data)
                waiting[sock.fileno()] = [sock, b""]
            except OSError:
                pass
        poll = select.epoll()
        for fd in waiting:
            poll.register(fd, select.EPOLLIN)
        alive, end = 0, time.monotonic() + BOUND_S
        while waiting and time.monotonic() < end:
            self.run(0.005)
            for fd, _ in poll.poll(0):
                entry = waiting[fd]
                try:
                    piece = entry[0].recv(4096)
                except OSError:
                    piece = b""
                entry[1] += piece
                if not piece or len(entry[1]) >= len(data):
                    alive += entry[1] == data
                    poll.unregister(fd)
                    del waiting[fd]
        return f"alive {alive}"

    def obey(self, command):
        word, _, rest = command.partition(" ")
        if word == "mark":
            self.mark()
            return "marked"
        if word == "answers":
            return self.answers(int(rest))
        return self.gap() if word == "gap" else self.check()


def hold(host, port, connections, rate, fifo):
    load = Load(host, port, connections, rate)
    commands = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
    print("ready", flush=True)
    text = b""
    while True:
        left = load.send()
        ready = select.select([load.probe, commands], [], [], max(0, left))[0]
        load.receive()
        if commands in ready:
            text += os.read(commands, 4096)
            *lines, text = text.split(b"\n")
            for line in lines:
                print(load.obey(line.decode()), flush=True)


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    if sys.argv[1] == "serve":
        serve(sys.argv[2], int(sys.argv[3]))
    hold(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]), sys.argv[6])


main()
