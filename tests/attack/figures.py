#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""One row of docs/attacks.md: figures.py KIND SECONDS <ROUNDS

A round: bytes, requests, CPU ticks when calm; the same while the attacker's frames go to a
bystander; the same while they go to the gateway; the attack's rate. Ratios are taken within a round, then
their median.
"""
import statistics
import sys


def main():
    kind, seconds = sys.argv[1], float(sys.argv[2])
    rounds = [[float(word) for word in line.split()] for line in sys.stdin]
    median = [statistics.median(column) for column in zip(*rounds)]

    def ratio(of, to):
        values = [row[of] / row[to] for row in rounds]
        return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"

    print(f"| {kind} | {median[9] / 1000:.0f} k/s | {median[0] * 8 / seconds / 1e9:.1f} Gb/s | "
          f"{ratio(6, 0)} | {ratio(6, 3)} | {median[1] / seconds:.0f}/s | {ratio(7, 1)} | "
          f"{ratio(7, 4)} | {median[2] / seconds / 2:.0f} % | {median[8] / seconds / 2:.0f} % |")


if __name__ == "__main__":
    main()
