#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""service_manager.py [--restart] [--watchdog SECONDS] COMMAND... - what pgwd needs of a service manager,
and no more.

Runs COMMAND with a notification socket and keeps the descriptors that it asks to have kept. With
--restart it is started again 0.1 s after it has died unasked; with --watchdog it is aborted when it has
said nothing for so long, and killed if that does not help within 0.2 s (RestartSec, WatchdogSec,
TimeoutAbortSec of the unit).
SIGUSR1 ends it by SIGTERM and starts it again with them; so does SIGUSR2, with a flow table that says it
is of another layout version; SIGTERM ends both. Whatever the command
prints goes through; each start that was reported ready is a line "started N" more.
"""
import argparse
import array
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time


def has_failed(fd):
    """Whether systemd would let go of it: it polls as hung up or failed, as a BPF map does."""
    poll = select.poll()
    poll.register(fd, 0)
    return bool(poll.poll(0))


LAYOUT_VERSION_OFFSET = 8  # in struct flow_header


class Manager:
    def __init__(self, command, watchdog):
        self.command = command
        self.watchdog = watchdog
        self.due = None  # when it must have been heard of
        self.directory = tempfile.TemporaryDirectory()
        path = os.path.join(self.directory.name, "notify")
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(path)
        self.environment = dict(os.environ, NOTIFY_SOCKET=path)
        self.kept = []  # (name, descriptor)
        self.starts = 0
        self.child = self.pidfd = None

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
        if self.watchdog:
            environment["WATCHDOG_USEC"] = str(int(self.watchdog * 1e6))
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
        self.pidfd = os.pidfd_open(self.child.pid)
        self.due = None

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
        if self.watchdog and ("READY" in fields or "WATCHDOG" in fields):
            self.due = time.monotonic() + self.watchdog
        if fields.get("READY") == "1" and fields.get("RELOADING") != "1":
            self.starts += 1
            print("started", self.starts, *sorted(name for name, _ in self.kept), flush=True)

    def make_strange(self):
        """The table is as a build of another layout would have left it."""
        for name, fd in self.kept:
            if name == "pgw-flow-table":
                os.pwrite(fd, b"\x63\0\0\0", LAYOUT_VERSION_OFFSET)

    def died(self):
        os.close(self.pidfd)
        self.child.wait()

    def bark(self):
        """It hangs."""
        print("watchdog", flush=True)
        self.child.send_signal(signal.SIGABRT)
        if not select.select([self.pidfd], [], [], 0.2)[0]:
            self.child.kill()
        self.due = None

    def end(self):
        self.child.send_signal(signal.SIGTERM)
        while self.child.poll() is None:
            if select.select([self.notify], [], [], 0.02)[0]:
                self.hear()
        os.close(self.pidfd)
        return self.child.returncode


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--restart", action="store_true")
    parser.add_argument("--watchdog", type=float, default=0)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    manager = Manager(options.command, options.watchdog)
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    manager.start()
    while True:
        left = None if manager.due is None else max(0, manager.due - time.monotonic())
        watched = [manager.notify, wake] + ([manager.pidfd] if options.restart else [])
        ready = select.select(watched, [], [], left)[0]
        if manager.notify in ready:
            manager.hear()
        elif manager.due is not None and time.monotonic() >= manager.due:
            manager.bark()
        elif options.restart and manager.pidfd in ready:
            manager.died()
            select.select([], [], [], 0.1)
            manager.start()
        if wake in ready:
            status = manager.end()
            number = os.read(wake, 1)[0]
            if number == signal.SIGTERM or status:
                sys.exit(status)
            if number == signal.SIGUSR2:
                manager.make_strange()
            manager.start()


main()
