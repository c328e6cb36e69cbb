#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""One row of docs/reliability.md: figures.py TEXT FLOWS PACKETS MICROSECONDS <REPETITIONS

A repetition: ms of silence when calm, ms around the fault, ms until pgw was answered (or -), datagrams
lost, datagrams sent, connections lost. Packets were received in that time, the calm half included.
"""
import statistics
import sys


def spread(values, unit=""):
    if not values:
        return "–"
    low, high, middle = min(values), max(values), statistics.median(values)
    return f"{middle:.0f}{unit} ({low:.0f}–{high:.0f})" if low != high else f"{middle:.0f}{unit}"


def main():
    text, flows, packets, us = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    rows = [line.split() for line in sys.stdin]
    column = [[float(value) for value in column if value != "-"] for column in zip(*rows)]
    print(f"| {text} | {flows} flows, {packets / us * 1e3:.1f} k/s | {spread(column[0])} | "
          f"{spread(column[1])} | {spread(column[2])} | {sum(column[3]):.0f} of {sum(column[4]):.0f} | "
          f"{sum(column[5]):.0f} | yes | {len(rows)} |")


if __name__ == "__main__":
    main()
