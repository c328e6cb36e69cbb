# SPDX-License-Identifier: GPL-2.0-or-later
"""examples.py OPENAPI SH-CALLS JS-CALLS - whether the examples call everything there is.

Each line of the calls is "METHOD PATH STATUS". What may fail are calls on tasks that are done: 409.
"""
import json
import re
import sys

UNSIGNED = {("GET", "/auth/currentCredential"), ("GET", "/auth/details"), ("POST", "/auth/logout")}
MAY_CONFLICT = re.compile(r"/(changeMaintenanceExecutionDate|resetTaskState|cancel)$")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        paths = json.load(file)["paths"]
    wanted = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    for name, without in ((sys.argv[2], set()), (sys.argv[3], UNSIGNED)):
        with open(name, encoding="utf-8") as file:
            calls = [line.split() for line in file]
        missing = wanted - without
        for method, path, status in calls:
            path = path.removeprefix("/1.0")
            if status != "200" and not (status == "409" and MAY_CONFLICT.search(path)):
                sys.exit("FAILED: %s: %s %s answered %s" % (name, method, path, status))
            missing = {(m, pattern) for m, pattern in missing if m != method or not re.fullmatch(
                re.sub(r"\{[^}]*\}", "[^/]+", pattern), path)}
        if missing:
            sys.exit("FAILED: %s: no example of %s" % (name, sorted(missing)))
        print("%s: %d calls" % (name, len(calls)))


main()
