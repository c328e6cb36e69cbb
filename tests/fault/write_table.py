#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""write_table.py DOCUMENT ROWS - put the rows that were measured into the table of the document.

The table stands between two comments. A row that was not measured this time stays as it was.
"""
import os
import re
import sys

BEGIN = "<!-- figures: tests/fault/run --figures -->\n"
END = "<!-- end of figures -->\n"
HEAD = ("| fault | load | silence when calm, ms | silence, ms | control after, ms | datagrams lost | flows lost "
        "| unaided | repetitions |\n|---|---|---|---|---|---|---|---|---|\n")


def main():
    document, measured = sys.argv[1], sys.argv[2]
    with open(measured, encoding="utf-8") as file:
        fresh = {line.split("|")[1].strip(): line for line in file if line.startswith("| ")}
    with open(document, encoding="utf-8") as file:
        before, rest = file.read().split(BEGIN)
        table, after = rest.split(END)
    rows = {line.split("|")[1].strip(): line for line in table.splitlines(keepends=True)
            if re.match(r"\| (?!fault )", line)}
    rows.update(fresh)
    with open(document + ".new", "w", encoding="utf-8") as file:
        file.write(before + BEGIN + HEAD + "".join(rows.values()) + END + after)
    os.replace(document + ".new", document)
    print(f"{len(fresh)} rows measured, {len(rows)} in {document}")


main()
