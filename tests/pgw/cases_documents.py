# SPDX-License-Identifier: GPL-2.0-or-later
"""Help, man page and completion say the same: all are compared with the table that pgw prints."""

import os
import re
import subprocess

import fake
from harness import BOUND_S, PGW, TOP, case, contains, equal

COMPLETION = os.path.join(TOP, "tools", "completion", "pgw.bash")


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as file:
        return file.read()


def man_page():
    page = re.sub(r"\\f[BIRP]", "", read("docs", "man", "pgw.8"))
    return page.replace("\\-", "-").replace("\\(aq", "'")


def words_of(synopsis):
    """Words in lower case: keywords, and values that can be enumerated."""
    return re.findall(r"(?<![A-Za-z0-9-])[a-z][a-z0-9-]*", synopsis)


def complete(bench, *words):
    """What completion offers for the last of the words."""
    script = '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pgw; ' \
             'printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", script, "bash", COMPLETION, PGW, "-r", bench.rundir,
                           *words], stdout=subprocess.PIPE, timeout=BOUND_S, check=True)
    return done.stdout.decode().split()


@case
def man_page_is_complete(bench):
    page = man_page()
    table = bench.json("help")
    for option in table["options"]:
        contains("the man page", page, "-" + option["option"])
    for item in table["objects"]:
        for command in item["commands"]:
            name = "pgw %s %s" % (item["object"], command["command"])
            if item["object"] in ("monitor", "replay", "explain", "doctor", "version", "help"):
                name = "pgw " + item["object"]
            contains("the man page", page, name)
            paragraph = page[page.index(name):].split("\n.T", 1)[0]
            for word in words_of(command["synopsis"]):
                assert word in words_of(paragraph), "man page: %s lacks %r" % (name, word)
        for word in item.get("fields", []) + words_of(item.get("where", "").split("\ninternal:")[0]):
            assert word in words_of(page), "man page: %s lacks %r" % (item["object"], word)


@case
def man_page_is_sound(_):
    folder = os.path.join(TOP, "docs", "man")
    for name in sorted(os.listdir(folder)):
        done = subprocess.run(["groff", "-man", "-t", "-Tutf8", "-ww", os.path.join(folder, name)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
        equal("complaints about " + name, done.stderr, b"")


@case
def completion_is_complete(bench):
    table = bench.json("help")
    equal("objects", set(complete(bench, "")) - {"-" + o["option"] for o in table["options"]},
          {item["object"] for item in table["objects"]})
    equal("options", set(complete(bench, "-")), {"-" + o["option"] for o in table["options"]})
    for item in table["objects"]:
        name = item["object"]
        commands = {command["command"] for command in item["commands"]}
        if name in ("explain", "doctor"):
            commands = {"from", "to", "protocol", "portgroup"} if name == "explain" else set()
        if name in ("monitor", "replay", "help", "version"):
            commands = set(words_of(item["commands"][0]["synopsis"]))
            if name == "help":
                commands = {other["object"] for other in table["objects"]}
        equal("commands of " + name, set(complete(bench, name, "")) - {"help"},
              commands - {"help"})
        for command in item["commands"]:
            offered = completed_words(bench, name, command["command"])
            wanted = set(words_of(command["synopsis"]))
            if "FILTER" in command["synopsis"]:
                wanted |= set(words_of(item["where"].split("\ninternal:")[0]))
            if "FIELD" in command["synopsis"]:
                wanted |= set(item["fields"])
            if "TIMER" in command["synopsis"]:
                wanted |= set(words_of(item["where"]))
            missing = wanted - offered
            assert not missing, "completion: %s %s lacks %s" % (name, command["command"], missing)


def completed_words(bench, name, command):
    """All that completion offers after OBJECT COMMAND: keywords, and values after each."""
    keyed = () if name in ("session", "stats", "set", "monitor") or command == "show" else ("x",)
    offered = set(complete(bench, name, command, *keyed, ""))
    for word in list(offered):
        offered |= set(complete(bench, name, command, *keyed, word, ""))
    return offered


@case
def completion_asks_for_names(bench):
    assert bench.gateway
    equal("portgroups", complete(bench, "address", "add", "10.0.0.1/24", "portgroup", ""),
          ["vrack", "vsphere"])
    equal("what del takes", complete(bench, "nat", "del", ""), ["10", "20"])
    equal("pools", complete(bench, "nat", "add", "5", "pool", "d"), ["default"])
    equal("allow", complete(bench, "allow", "del", "192"), ["192.168.50.0/24"])
    equal("services", complete(bench, "session", "show", "service", ""), ["vcenter"])
    equal("a flag is no keyword with a value",
          complete(bench, "session", "show", "count", "protocol", "t"), ["tcp"])
    equal("not the name of what is new", complete(bench, "pool", "add", ""), [])
    bench.path("some.conf", "")
    equal("files", complete(bench, "config", "check", bench.path("some")),
          [bench.path("some.conf")])
    equal("requests are read-only", {request["op"] for request in bench.gateway.requests},
          {"show"})
    assert fake.ITEMS


@case
def events_are_those_of_the_code(bench):
    """docs/events.md, the documents' other lists and the completion against event.def, and that against the code."""
    code = {name: (symbol, number, place) for symbol, name, number, place in re.findall(
        r'^EVENT\((\w+), "([^"]+)", "(\w+)", (\w+),', read("control", "ctl", "event.def"), re.M)}
    places = {"log, monitor": "BOTH", "log": "LOG", "monitor": "MONITOR"}
    table = {name: (number, places[place]) for name, number, place in re.findall(
        r"^\| `([^`]+)` \| `(\w{32})` \| ([^|]+) \|", read("docs", "events.md"), re.M)}
    equal("docs/events.md", table, {name: row[1:] for name, row in code.items()})
    monitored = {name for name, row in code.items() if row[2] != "LOG"}
    protocol = read("docs", "control-protocol.md").split("## Events (`monitor`)")[1]
    equal("docs/control-protocol.md",
          set(re.findall(r"^\| `([^`]+)` \|", protocol.split("\n## ")[0], re.M)), monitored)
    equal("completion", set(complete(bench, "monitor", "")) - {"show", "help"}, monitored | {"all"})
    message = bench.pgw("monitor", "nonsense").must(1).err
    equal("the message", set(re.findall(r"[a-z-]+", message.split("expected ")[1])),
          monitored | {"or", "all"})
    sources = "".join(read(folder, name) for folder, _, names in os.walk(os.path.join(TOP, "control"))
                      for name in names if name.endswith(".c"))
    for name, (symbol, _, place) in code.items():
        assert place == "MONITOR" or re.search(r"TOLD_%s\b" % symbol, sources), "nothing tells " + name
