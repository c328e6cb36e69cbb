# SPDX-License-Identifier: GPL-2.0-or-later
"""Events."""

import json
import select
import signal
import subprocess

from harness import BOUND_S, PGW, case, contains, equal

EVENTS = [{"time": "2026-01-02T03:04:05.678Z", "event": "link", "portgroup": "vrack",
           "state": "down"},
          {"time": "2026-01-02T03:04:06.000Z", "event": "revision", "revision": 9,
           "changes": ["allow add 10.0.0.0/8", "allow del 10.1.0.0/16"]},
          {"time": "2026-01-02T03:04:07.000Z", "event": "datapath", "state": "died", "pid": 12},
          {"time": "2026-01-02T03:04:08.000Z", "event": "of-2030", "x": {"a": 1}}]


@case
def monitor_text(bench):
    bench.gateway.events = EVENTS
    result = bench.pgw("monitor").must(2)
    equal("text", result.out,
          "link portgroup vrack state down\n"
          "revision revision 9 changes allow add 10.0.0.0/8,allow del 10.1.0.0/16\n"
          "datapath state died pid 12\n"
          "of-2030 x a=1\n")
    contains("message", result.err, "Error: pgwd ended the connection")
    contains("-t", bench.pgw("-t", "monitor").out,
             "[2026-01-02T03:04:05.678Z] link portgroup vrack state down\n")


@case
def monitor_json(bench):
    bench.gateway.events = EVENTS
    lines = bench.pgw("-j", "monitor").must(2).out.strip().split("\n")
    equal("one object a line", [json.loads(line) for line in lines], EVENTS)


@case
def monitor_chosen(bench):
    bench.gateway.events = EVENTS
    equal("link", bench.pgw("monitor", "link").out, "link portgroup vrack state down\n")
    equal("two", len(bench.pgw("-j", "monitor", "show", "link", "datapath").out.strip().split("\n")),
          2)
    equal("all", len(bench.pgw("monitor", "all").out.strip().split("\n")), 4)


@case
def monitor_follows_until_interrupted(bench):
    bench.gateway.events = EVENTS[:1]
    bench.gateway.keep_monitor = True
    for number in (signal.SIGINT, signal.SIGTERM):
        bench.gateway.monitoring.clear()
        process = subprocess.Popen([PGW, "-r", bench.rundir, "monitor"], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        # The line is there while pgw still runs: it was flushed.
        if not select.select([process.stdout], [], [], BOUND_S)[0]:
            process.kill()
        equal("a line at once", process.stdout.readline(), b"link portgroup vrack state down\n")
        process.send_signal(number)
        out, err = process.communicate(timeout=BOUND_S)
        equal("exit status, rest and messages", (process.returncode, out, err), (0, b"", b""))
