#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""openmetrics.py FILE COMMAND... - what a scrape (FILE) says, read by the parser of prometheus_client.

check             it parses, every family has samples of one set of labels, and a help text
value NAME [LABEL=VALUE...]
                  the one sample of that name with these labels
documented MARKDOWN
                  its families are exactly those of the table in MARKDOWN
dashboard JSON    every metric of the dashboard's expressions exists, with the labels that are used
without TEXT...   none of these is the value of a label
"""
import json
import re
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

LABELS = {"process", "reason", "portgroup", "pool", "worker", "protocol", "rule", "service", "backend",
          "version", "stage", "port", "state", "le"}


def fail(text):
    sys.exit("openmetrics.py: " + text)


def read(path):
    with open(path, encoding="utf-8") as file:
        return list(text_string_to_metric_families(file.read()))


def check(families):
    for family in families:
        if not family.name.startswith("pgw_") or not family.documentation.endswith("."):
            fail(f"{family.name}: expected the prefix pgw_ and a sentence of help")
        kinds = {tuple(sorted(sample.labels)) for sample in family.samples}
        if len(kinds) > 1 or not set(sum(kinds, ())) <= LABELS:
            fail(f"{family.name}: labels {kinds}")
        if family.type == "counter" and family.name.endswith("_total"):
            fail(f"{family.name}: a family's name has no _total")
    print(f"{len(families)} families, {sum(len(f.samples) for f in families)} samples")


def value(families, name, *labels):
    wanted = dict(label.split("=", 1) for label in labels)
    found = [sample for family in families for sample in family.samples
             if sample.name == name and sample.labels == wanted]
    if len(found) != 1:
        fail(f"{len(found)} samples are {name} {wanted}, expected one")
    print(f"{found[0].value:.15g}")


def documented(families, path):
    with open(path, encoding="utf-8") as file:
        told = re.findall(r"^\| `(pgw_\w+)`", file.read(), re.M)
    names = [name for family in families for name in sorted({s.name for s in family.samples} or
             {family.name + ("_total" if family.type == "counter" else "")})]
    if sorted(told) != sorted(names):
        fail(f"{path} lacks {sorted(set(names) - set(told))}, "
             f"has too much {sorted(set(told) - set(names))}")


def expressions(node):
    if isinstance(node, dict):
        for key, below in node.items():
            if key in ("expr", "query") and isinstance(below, str):
                yield below
            else:
                yield from expressions(below)
    elif isinstance(node, list):
        for below in node:
            yield from expressions(below)


def dashboard(families, path):
    labels = {}
    for family in families:
        for sample in family.samples:
            labels[sample.name] = set(sample.labels) | {"instance", "job"}
    with open(path, encoding="utf-8") as file:
        found = list(expressions(json.load(file)))
    used = set()
    for expression in found:
        for name, selector in re.findall(r"\b(pgw_\w+)(?:\{([^}]*)\})?", expression):
            used.add(name)
            if name not in labels:
                fail(f"{path}: {name} does not exist (in {expression})")
            for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector or ""):
                if label not in labels[name]:
                    fail(f"{path}: {name} has no label {label}")
    if not used:
        fail(f"{path}: no metric is used")
    print(f"{len(found)} expressions use {len(used)} metrics")


def without(families, *texts):
    for family in families:
        for sample in family.samples:
            for text in texts:
                if any(text in value for value in sample.labels.values()):
                    fail(f"{sample.name} tells {text}")


def main():
    commands = {"check": check, "value": value, "documented": documented, "dashboard": dashboard,
                "without": without}
    commands[sys.argv[2]](read(sys.argv[1]), *sys.argv[3:])


main()
