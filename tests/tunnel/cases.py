#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tunnels of pgw-relay with stock OpenSSH clients and with a connector of the tests' own.

    tests/tunnel/cases.py {openssh|chisel|abuse|connector} [CASE...]

pgw-relay runs alone and gets from relay.py what pgwd would tell it; everything is on loopback, in the
network namespace in which this is started (tests/netns/tunnel_*.sh make one).
"""
import os
import resource
import subprocess
import sys
import time

from world import CASES, ECHO, PROGRAMS, WORK, case, end, open_endpoints, round_trip, run, world
import cases_abuse  # noqa: F401: each adds its cases
import cases_chisel  # noqa: F401
import cases_openssh  # noqa: F401


@case("connector")
def a_real_connector():
    binary = os.environ.get("PGW_CONNECTOR")
    if not binary:
        print("SKIPPED: set PGW_CONNECTOR to the connector's binary to try it")
        sys.exit(77)
    w = world()
    program = run(binary, "--header", "token: " + w.stages[0].token,
                  "http://127.0.0.1:%d/sg_%s" % (w.port, w.stages[0].uuid), "R:8000:127.0.0.1:%d" % ECHO)
    open_endpoints(w, 1)
    round_trip(8000, 5 << 20)
    print("version %s" % w.show()["tunnels"][0]["version"])
    end(program)
    w.stop()


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in CASES:
        raise SystemExit(__doc__)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    failed = 0
    for function in CASES[sys.argv[1]]:
        if sys.argv[2:] and function.__name__ not in sys.argv[2:]:
            continue
        begun = time.monotonic()
        try:
            function()
            print("-- ok: %s (%.1f s)" % (function.__name__, time.monotonic() - begun), flush=True)
        except Exception as error:  # noqa: BLE001: the others are still to be tried
            failed += 1
            print("FAILED: %s: %s: %s" % (function.__name__, type(error).__name__, error), flush=True)
        for program in PROGRAMS:
            if program.poll() is None:
                program.kill()
        PROGRAMS.clear()
    subprocess.run(["rm", "-rf", str(WORK)], check=False)
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
