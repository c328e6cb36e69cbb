#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""compare.py OURS KERNEL ALLOWED SEED - the outcomes of the two worlds.

Every difference must have its line in ALLOWED, and every line there its difference.
Exit 1 otherwise.
"""

import collections
import json
import sys

USUAL = ("tcp", "tcp-short", "tcp-narrow", "udp", "udp-narrow", "ping")


def read(path):
    """{id: {"exchange": ..., "client": outcome, "server": outcome}}"""
    results = collections.defaultdict(dict)
    with open(path, encoding="utf-8") as file:
        for line in file:
            told = json.loads(line)
            result = results[told["id"]]
            assert told["end"] not in result, "%s: %s told twice" % (path, told["id"])
            result[told["end"]] = told["outcome"]
            if "exchange" in told:
                result["exchange"] = told["exchange"]
    return results


def allowed(path):
    """{(kind, ours, kernel): reason}"""
    entries = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                kind, ours, kernel, reason = (part.strip() for part in line.split("|"))
                assert reason, line
                entries[kind, ours, kernel] = reason
    return entries


def main():
    ours, kernel, entries, seed = read(sys.argv[1]), read(sys.argv[2]), allowed(sys.argv[3]), \
        sys.argv[4]
    wrong, unused, counts = [], dict(entries), collections.Counter()
    if set(ours) != set(kernel):
        wrong.append("only one world has: %s" % ", ".join(sorted(set(ours) ^ set(kernel))[:10]))
    for ident in sorted(set(ours) & set(kernel)):
        a, b = ours[ident], kernel[ident]
        x = a["exchange"]
        kind = x["kind"]
        counts[kind] += 1
        for end in ("client", "server"):
            got, expected = a.get(end, "-"), b.get(end, "-")
            # A world in which ordinary traffic fails is no measure of the other one.
            if kind in USUAL and not expected.startswith("ok") and (end, expected) != ("server", "-"):
                wrong.append("%s: the kernel's world is broken: %s: %s" % (ident, end, expected))
            if got == expected:
                continue
            if (kind, got, expected) in entries:
                unused.pop((kind, got, expected), None)
                continue
            wrong.append("%s (%s): %s: ours \"%s\", kernel \"%s\"\n      %s" %
                         (ident, kind, end, got, expected, json.dumps(x)))
    for kind, got, expected in unused:
        wrong.append("allowed, but no longer so: %s | %s | %s" % (kind, got, expected))
    print("seed %s: %d exchanges: %s" % (seed, sum(counts.values()),
                                         ", ".join("%s %d" % x for x in sorted(counts.items()))))
    if wrong:
        print("FAILED: %d differences between the worlds that are not in \"allowed\"" % len(wrong))
        for text in wrong:
            print("  " + text)
        return 1
    print("ok: the outcomes are equal but for %d known differences" % len(entries))
    return 0


sys.exit(main())
