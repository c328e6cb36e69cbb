#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Stops one thread of a process and no other: stuck.py PID NAME

Prints "stopped" once the thread called NAME stands, and keeps it so until it is gone or this ends.
"""
import ctypes
import os
import signal
import sys

PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207
WALL = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(request, thread):
    if libc.ptrace(request, thread, None, None):
        sys.exit(f"ptrace of {thread}: {os.strerror(ctypes.get_errno())}")


def find(pid, name):
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/comm", encoding="ascii") as comm:
            if comm.read().strip() == name:
                return int(thread)
    sys.exit(f"process {pid} has no thread {name}")


def main():
    thread = find(int(sys.argv[1]), sys.argv[2])
    ptrace(PTRACE_SEIZE, thread)
    ptrace(PTRACE_INTERRUPT, thread)
    os.waitpid(thread, WALL)
    print("stopped", flush=True)
    signal.pause()


main()
