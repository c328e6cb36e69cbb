#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""service_manager.py COMMAND... - what pgwd needs of a service manager, and no more.

Runs COMMAND with a notification socket and keeps the descriptors that it asks to have kept.
SIGUSR1 ends it by SIGTERM and starts it again with them; SIGTERM ends both. Whatever the command
prints goes through; each start that was reported ready is a line "started N" more.
"""
import array
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile


def has_failed(fd):
    """Whether systemd would let go of it: it polls as hung up or failed, as a BPF map does."""
    poll = select.poll()
    poll.register(fd, 0)
    return bool(poll.poll(0))


class Manager:
    def __init__(self, command):
        self.command = command
        self.directory = tempfile.TemporaryDirectory()
        path = os.path.join(self.directory.name, "notify")
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(path)
        self.environment = dict(os.environ, NOTIFY_SOCKET=path)
        self.kept = []  # (name, descriptor)
        self.starts = 0
        self.child = None

    def start(self):
        names = [name for name, _ in self.kept]
        kept = [fd for _, fd in self.kept]

        def hand_over():
            # Moved up first, so that none is overwritten before it has been placed.
            moved = [os.dup(fd) for fd in kept]
            while moved and min(moved) < 3 + len(moved):
                moved = [os.dup(fd) for fd in moved]
            for place, fd in enumerate(moved):
                os.dup2(fd, 3 + place)
            os.closerange(3 + len(moved), 256)

        environment = dict(self.environment)
        if kept:
            environment["LISTEN_FDS"] = str(len(kept))
            environment["LISTEN_FDNAMES"] = ":".join(names)
            # The variable must hold the pid that only the new process knows.
            script = 'LISTEN_PID=$$ exec "$@"'
            command = ["/bin/sh", "-c", script, "sh", *self.command]
        else:
            command = self.command
        self.child = subprocess.Popen(command, env=environment, close_fds=False,
                                      preexec_fn=hand_over)

    def hear(self):
        space = socket.CMSG_SPACE(16 * array.array("i").itemsize)
        text, control, _, _ = self.notify.recvmsg(4096, space)
        received = array.array("i")
        for _, _, data in control:
            received.frombytes(data[:len(data) - len(data) % received.itemsize])
        lines = text.decode().split("\n")
        fields = dict(line.split("=", 1) for line in lines if "=" in line)
        if fields.get("FDSTOREREMOVE") == "1":
            for name, fd in [k for k in self.kept if k[0] == fields["FDNAME"]]:
                self.kept.remove((name, fd))
                os.close(fd)
        elif fields.get("FDSTORE") == "1":
            watched = fields.get("FDPOLL") != "0"
            for fd in received:
                if watched and has_failed(fd):
                    os.close(fd)
                else:
                    self.kept.append((fields["FDNAME"], fd))
        if fields.get("READY") == "1":
            self.starts += 1
            print("started", self.starts, *sorted(name for name, _ in self.kept), flush=True)

    def end(self):
        self.child.send_signal(signal.SIGTERM)
        while self.child.poll() is None:
            if select.select([self.notify], [], [], 0.02)[0]:
                self.hear()
        return self.child.returncode


def main():
    manager = Manager(sys.argv[1:])
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    for number in (signal.SIGUSR1, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    manager.start()
    while True:
        ready = select.select([manager.notify, wake], [], [])[0]
        if manager.notify in ready:
            manager.hear()
        if wake in ready:
            status = manager.end()
            if os.read(wake, 1)[0] == signal.SIGTERM or status:
                sys.exit(status)
            manager.start()


main()
