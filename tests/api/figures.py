# SPDX-License-Identifier: GPL-2.0-or-later
"""figures.py API-PID PGWD-PID SECONDS IDLE - signed calls a second and memory of idle connections, as JSON.

The client is slower than the gateway, and both share the machine: calls per second of one core are
calls over the CPU time of pgw-api and pgwd; latency is what one client sees, one call after the other.
"""
import json
import os
import resource
import sys
import time

import client

API, PGWD, SECONDS, IDLE = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])


def cpu_s(pid):
    with open("/proc/%d/stat" % pid, encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_kb(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as file:
        return int([line for line in file if line.startswith("VmRSS")][0].split()[1])


def calls(kind, url):
    given = client.keys()
    wire = client.connection(kind)
    # Each has another query, so that none is a repetition.
    took, count = [], 0
    cpu = cpu_s(API), cpu_s(PGWD)
    begin = time.monotonic()
    while time.monotonic() - begin < SECONDS:
        path = client.CLOUD + "/task?name=n%d%s" % (count, kind)
        headers = client.signed(given, "GET", url + path, "")
        before = time.monotonic()
        wire.request("GET", path, headers=headers)
        got = wire.getresponse()
        got.read()
        took.append(time.monotonic() - before)
        if got.status != 200:
            sys.exit("FAILED: %d" % got.status)
        count += 1
    api, pgwd = cpu_s(API) - cpu[0], cpu_s(PGWD) - cpu[1]
    wire.close()
    took.sort()
    return {"calls": count, "calls-per-second-one-client": round(count / SECONDS),
            "calls-per-second-of-one-core": round(count / (api + pgwd)),
            "api-cpu-us-per-call": round(1e6 * api / count),
            "pgwd-cpu-us-per-call": round(1e6 * pgwd / count),
            "p50-us": round(1e6 * took[count // 2]), "p99-us": round(1e6 * took[count * 99 // 100])}


def idle():
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    before = memory_kb(API)
    wires = []
    for _ in range(IDLE):
        wire = client.connection("https")
        wire.request("GET", "/1.0/auth/time")
        wire.getresponse().read()
        wires.append(wire)
    after = memory_kb(API)
    return {"connections": len(wires), "rss-kb-before": before, "rss-kb": after,
            "kb-per-connection": round((after - before) / IDLE, 1)}


print(json.dumps({"https": calls("https", "https://gateway.test"),
                  "unix": calls("unix", "https://gateway"), "idle-tls": idle()}, indent=2))
