# SPDX-License-Identifier: GPL-2.0-or-later
"""Options, objects, commands, messages, exit codes."""

import json
import os

from harness import case, contains, equal, lacks

OBJECTS = ("portgroup", "address", "route", "pool", "nat", "datacenter", "service", "allow",
           "vrack-block", "vmac", "server", "tunnel-gateway", "tunnel-key",
           "tunnel", "endpoint", "api", "ntp", "relay", "application", "credential", "audit", "set", "gateway",
           "task", "hosts", "session", "client", "neighbour", "stats", "config", "monitor", "replay",
           "explain", "doctor", "version", "help")


@case
def not_reachable(bench):
    for command in (("route", "show"), ("allow", "add", "10.0.0.0/8"), ("session",), ("stats",),
                    ("monitor",), ("config", "show"), ("neighbour",), ("version",)):
        result = bench.pgw(*command).must(2)
        contains("message", result.err, "Error: cannot reach pgwd at %s/pgwd.sock: No such file "
                 "or directory; is pgwd running?" % bench.rundir)
    bench.path("pgwd.sock", "not a socket")
    contains("message", bench.pgw("stats").must(2).err, "Connection refused; is pgwd running?")
    long = bench.pgw("-r", "/" + "x" * 200, "stats").must(2)
    contains("message", long.err, "Error: ")


@case
def unknown_object(bench):
    result = bench.pgw("gizmo").must(1)
    equal("message", result.err, 'Object "gizmo" is unknown, try "pgw help".\n')
    equal("message", bench.pgw("").must(1).err, 'Object "" is unknown, try "pgw help".\n')
    contains("usage", bench.pgw().must(1).err, "Usage: pgw [OPTIONS] OBJECT")


@case
def ambiguous_prefix(bench):
    equal("message", bench.pgw("po").must(1).err,
          'Object "po" is ambiguous: portgroup, pool.\n')
    equal("message", bench.pgw("s").must(1).err,
          'Object "s" is ambiguous: service, server, set, session, stats.\n')
    result = bench.pgw("config", "s").must(1)
    equal("message", result.err, 'Command "s" is ambiguous: show, save.\n')


@case
def unknown_command(bench):
    equal("message", bench.pgw("route", "paint").must(1).err,
          'Command "paint" is unknown, try "pgw route help".\n')


@case
def prefixes(bench):
    bench.gateway.requests.clear()
    bench.text("po" "rt", "s")
    bench.text("rou")
    bench.text("se" "t", "sh")  # set is a whole name, though session does not begin with it
    bench.text("al", "ad", "10.0.0.0/8")
    bench.text("allow", "delete", "10.0.0.0/8")
    equal("objects asked for", [r["object"] for r in bench.gateway.requests if r["op"] == "show"],
          ["portgroup", "route"])
    equal("statements", bench.gateway.statements(), ["allow add 10.0.0.0/8", "allow del 10.0.0.0/8"])


@case
def help_everywhere(bench):
    contains("help", bench.text("help"), "Usage: pgw [OPTIONS] OBJECT { COMMAND | help }")
    equal("-help", bench.text("-help"), bench.text("help"))
    for name in OBJECTS:
        contains("help", bench.text("help"), "\n  %s " % name)
        text = bench.text(name, "help")
        contains("help of " + name, text, "Usage: pgw %s" % name)
        equal("help " + name, bench.text("help", name), text)
        equal("JSON help of " + name, bench.json(name, "help")["object"], name)
    equal("help after a command", bench.text("route", "add", "help"), bench.text("route", "help"))
    equal("objects of the JSON help", [o["object"] for o in bench.json("help")["objects"]],
          list(OBJECTS))
    assert bench.fake is None, "help asked the gateway"


@case
def version(bench):
    equal("-V", bench.text("-V"), "pgw 0.1.0\n")
    equal("--version", bench.text("--version"), "pgw 0.1.0\n")
    equal("-j -V", bench.json("-V"), {"pgw": "0.1.0"})
    bench.gateway.answers["version"] = {"ok": True, "version": "0.1.1", "revision": 12}
    equal("version", bench.text("version"), "pgw 0.1.0\npgwd 0.1.1\nrevision 12\n")
    equal("JSON", bench.json("version"), {"pgw": "0.1.0", "pgwd": "0.1.1", "revision": 12})


@case
def options(bench):
    assert bench.gateway
    plain = bench.json("allow")
    for words in (("-j",), ("--j",), ("-json",), ("--json",), ("-js",), ("-j", "-p"),
                  ("-j", "-pretty"), ("-j", "--pretty", "-c=always")):
        equal(" ".join(words), json.loads(bench.text(*words, "allow")), plain)
    contains("-p", bench.text("-j", "-p", "allow"), '\n    {\n        "network": ')
    equal("-rundir=", bench.text("-rundir=" + bench.rundir, "allow"), bench.text("allow"))
    equal("--", bench.text("--", "allow"), bench.text("allow"))
    for words, message in (
            (("-b",), 'option "-b" is ambiguous: -brief, -batch'),
            (("-zebra",), 'option "-zebra" is unknown, try "pgw -help"'),
            (("-jsonx",), 'option "-jsonx" is unknown'),
            (("-c=blue",), 'argument "blue" is wrong: expected always, auto or never'),
            (("-j=1",), 'argument "-j=1" is wrong: option -json takes no value'),
            (("-batch",), 'argument "FILE" is required'),
            (("-force", "allow"), "option -force goes with -batch"),
            (("-batch", "-", "allow"), 'argument "allow" is wrong')):
        contains(" ".join(words), bench.pgw(*words).must(1).err, "Error: " + message)


@case
def colour(bench):
    assert bench.gateway
    lacks("a pipe", bench.text("portgroup"), "\033")
    contains("-c", bench.text("-c", "portgroup"), "\033[36mvrack\033[0m")
    contains("up", bench.text("-c=always", "portgroup"), "\033[32mup\033[0m")
    contains("absent", bench.text("-c=always", "portgroup"), "\033[31mabsent\033[0m")
    contains("-c outweighs NO_COLOR", bench.text("-c", "allow", env={"NO_COLOR": "1"}), "\033[35m")
    lacks("JSON", bench.text("-c=always", "-j", "portgroup"), "\033")
    contains("a terminal", bench.on_terminal("allow", what="stdout")[1], "\033[35m")
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        lacks(repr(environment), bench.on_terminal("allow", what="stdout", env=environment)[1],
              "\033")
    lacks("-c=never", bench.on_terminal("-c=never", "allow", what="stdout")[1], "\033")


@case
def too_many_words(bench):
    for words in (("config", "show", "now"), ("config", "check", "a", "b"), ("stats", "show", "x"),
                  ("stats", "show", "all", "x"), ("version", "now"), ("help", "route", "add"),
                  ("set", "show", "x"), ("monitor", "everything")):
        contains(" ".join(words), bench.pgw(*words).must(1).err, "Error: argument ")
    contains("no FILE", bench.pgw("config", "check").must(1).err,
             'Error: argument "FILE" is required')
    assert bench.fake is None, "the gateway was asked"


@case
def output_cannot_be_written(bench):
    assert bench.gateway
    with open("/dev/full", "wb") as full:
        result = bench.pgw("help", stdout=full).must(2)
    equal("message", result.err,
          "Error: cannot write the output: No space left on device\n")


@case
def gateway_vanishes(bench):
    for answer in (b"", b'{"ok":tru', b"\n", b"[]\n", b"not json\n", b'{"ok":"yes"}\n',
                   b"\xff\xfe\n", b'{"ok":false}\n', b'{"ok":false,"error":5}\n'):
        bench.gateway.answers["show"] = lambda _, answer=answer: answer
        contains("after %r" % answer, bench.pgw("route").must(2).err, "Error: ")


@case
def messages_are_harmless(bench):
    bench.gateway.answers["show"] = {"ok": False, "error": "bad \033[31m\x07\x9b name"}
    equal("message", bench.pgw("route").must(2).err, "Error: bad ?[31m?? name\n")
    equal("message", bench.pgw("\033[2J").must(1).err,
          'Object "?[2J" is unknown, try "pgw help".\n')
    assert os.path.exists(bench.path("pgwd.sock"))
