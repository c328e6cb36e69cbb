# SPDX-License-Identifier: GPL-2.0-or-later
"""Statements, batches, the configuration as a whole."""

import json

from fake import PENDING, REVISIONS
from harness import case, contains, equal, lacks

SERVICE = ("service", "add", "vcenter", "address", "172.16.0.1", "protocol", "tcp", "port", "443",
           "backend", "10.10.0.10:443")


@case
def statements(bench):
    for words, statement in (
            (("portgroup", "add", "vrack", "dev", "eth1", "realm", "private"), None),
            (("address", "add", "172.16.0.1/24", "portgroup", "vrack"), None),
            (("address", "del", "172.16.0.1/24", "portgroup", "vrack"), None),
            (("route", "add", "192.168.0.0/16", "via", "172.16.0.254"), None),
            (("pool", "add", "default", "external-ip-address", "10.10.0.2", "ports",
              "16384-65535"), None),
            (("nat", "add", "10", "from", "0.0.0.0/0", "to", "10.10.0.0/24", "pool", "default"),
             None),
            (SERVICE, None),
            (("nat", "del", "10"), None),
            (("set", "timer", "udp-timeout", "60"), None),
            (("set", "timer", "udp-timeout", "default"), None),
            (("set", "flow-capacity", "1000"), None),
            (("set", "icmp-rate", "default"), None),
            (("al", "a", "10.0.0.0/8", "description", 'say "hi" # \\o/'),
             'allow add 10.0.0.0/8 description "say \\"hi\\" # \\\\o/"'),
            (("allow", "add", "10.0.0.0/8", "description", "a#b"),
             'allow add 10.0.0.0/8 description "a#b"'),
            (("allow", "add", "10.0.0.0/8", "description", ""),
             'allow add 10.0.0.0/8 description ""')):
        bench.gateway.requests.clear()
        equal("output of " + " ".join(words), bench.text(*words), "")
        equal("statement", bench.gateway.statements(), [statement or " ".join(words)])


@case
def what_a_change_did(bench):
    assert bench.gateway
    equal("JSON", bench.json("allow", "add", "10.0.0.0/8"),
          {"revision": 8, "changes": ["allow add 10.0.0.0/8"], "sessions-ended": 2})
    equal("-s", bench.text("-s", "allow", "del", "10.0.0.0/8"),
          "revision 8: 1 change, 2 sessions ended\n")
    contains("-d", bench.text("-d", "allow", "del", "10.0.0.0/8"), "- allow del 10.0.0.0/8\n")


@case
def wrong_statements_are_not_sent(bench):
    for words, message in (
            (("allow", "add", "10.0.0.0/33"), 'Error: argument "10.0.0.0/33" is wrong: '),
            (("portgroup", "add", "x", "dev", "e", "realm", "public"),
             'Error: argument "public" is wrong: expected private, vsphere or internet'),
            (("nat", "add", "10", "from", "0.0.0.0/0", "from", "0.0.0.0/0"),
             'Error: duplicate "from"'),
            (("service", "add", "x"), 'Error: "address" is required'),
            (("set", "timer", "tea-timeout", "3"), 'Error: timer "tea-timeout" is unknown'),
            (("allow", "add"), "Error: "),
            (("service", "del"), 'Error: "NAME" is required after "service del"'),
            (("allow", "del", "x"), 'Error: argument "x" is wrong'),
            (("address", "del", "172.16.0.1/24"), 'Error: "portgroup" is required'),
            (("allow", "add", "10.0.0.0/8", "description", "a\nb"), "Error: "),
            (("allow", "add", "10.0.0.0/8", "description", "\udcff"), "Error: ")):
        contains(" ".join(words[:2]), bench.pgw(*words).must(1).err, message)
    equal("statements sent", bench.gateway.statements(), [])


@case
def refusals(bench):
    bench.gateway.answers["change"] = {"ok": False, "line": 1, "column": 11,
                                       "error": 'allow "10.0.0.0/8" does not exist'}
    result = bench.pgw("allow", "del", "10.0.0.0/8").must(2)
    equal("message", result.err, 'Error: allow "10.0.0.0/8" does not exist\n')
    equal("on a terminal", bench.on_terminal("allow", "del", "10.0.0.0/8"),
          (2, 'Error: allow "10.0.0.0/8" does not exist\n'
              "  allow del 10.0.0.0/8\n"
              "            ^\n"))
    code, err = bench.on_terminal("allow", "add", "10.0.0.0/8", "description", "é", "x")
    equal("exit status", code, 1)
    contains("columns are characters", err,
             "\n  allow add 10.0.0.0/8 description é x\n" + " " * 37 + "^\n")
    bench.gateway.answers["change"] = {"ok": False, "column": 10**9, "error": "x"}
    equal("a column beyond", bench.on_terminal("allow", "del", "10.0.0.0/8"), (2, "Error: x\n"))


@case
def batch(bench):
    bench.gateway.requests.clear()
    file = bench.path("batch", "# a comment\n\n"
                      "allow add 10.0.0.0/8 description \"a b\" # more\r\n"
                      "  set timer udp-timeout 60\n"
                      "nat show 20\n"
                      "allow add 10.0.0.0/99\n"
                      "allow del 10.0.0.0/8\n")
    result = bench.pgw("-batch", file).must(1)
    contains("message", result.err, "Error: argument \"10.0.0.0/99\" is wrong")
    contains("message", result.err, "\nCommand failed %s:6\n" % file)
    contains("a command that reads", result.out, "nat-pass-through")
    equal("statements", bench.gateway.statements(),
          ['allow add 10.0.0.0/8 description "a b"', "set timer udp-timeout 60"])
    bench.gateway.requests.clear()
    bench.pgw("-force", "-ba", file).must(1)
    equal("statements with -force", bench.gateway.statements()[-1], "allow del 10.0.0.0/8")


@case
def batch_from_input(bench):
    assert bench.gateway
    text = "nat show 20\nallow show\n"
    equal("objects", len(bench.text("-j", "-batch", "-", stdin=text).strip().split("\n")), 2)
    result = bench.pgw("-batch", "-", stdin="gizmo\n").must(1)
    equal("message", result.err,
          'Object "gizmo" is unknown, try "pgw help".\nCommand failed -:1\n')
    result = bench.pgw("-batch", "-", stdin="allow add \"x\n").must(1)
    contains("message", result.err, "\nCommand failed -:1\n")
    bench.gateway.answers["change"] = {"ok": False, "error": "no"}
    result = bench.pgw("-force", "-batch", "-", stdin="allow add 10.0.0.0/8\ngizmo\n").must(2)
    contains("message", result.err, "Error: no\nCommand failed -:1\n")
    contains("message", result.err, "Command failed -:2\n")
    contains("no file", bench.pgw("-batch", bench.path("none")).must(1).err,
             "Error: cannot read %s: No such file or directory" % bench.path("none"))
    contains("a directory", bench.pgw("-batch", bench.rundir).must(1).err, "Error: cannot read ")


@case
def batch_goes_on_after_a_lost_connection(bench):
    bench.gateway.answers["show"] = lambda _: b""
    result = bench.pgw("-force", "-batch", "-", stdin="route show\nallow add 10.0.0.0/8\n").must(2)
    contains("message", result.err, "Command failed -:1\n")
    lacks("message", result.err, "Command failed -:2\n")
    equal("statements", bench.gateway.statements(), ["allow add 10.0.0.0/8"])


GOOD = """portgroup add vrack dev eth1 realm private
portgroup add vsphere dev eth2 realm vsphere
address add 172.16.0.1/24 portgroup vrack
address add 10.10.0.2/24 portgroup vsphere
pool add default external-ip-address 10.10.0.2 ports 16384-65535
nat add 10 from 0.0.0.0/0 to 10.10.0.0/24 pool default
service add vcenter address 172.16.0.1 protocol tcp port 443 backend 10.10.0.10:443
allow add 192.168.50.0/24
"""


@case
def config_check(bench):
    good = bench.path("good.conf", GOOD)
    equal("a good file", bench.text("config", "check", good), "")
    equal("JSON", bench.json("config", "check", good), {"ok": True, "file": good})
    equal("standard input", bench.text("config", "check", "-", stdin=GOOD), "")
    equal("an empty file", bench.text("config", "check", bench.path("empty", "")), "")
    bad = bench.path("bad.conf", GOOD + "allow add 10.0.0.0/8\n  allow add 10.0.0.0/99\n")
    result = bench.pgw("config", "check", bad).must(1)
    contains("message", result.err, "%s:10:13: argument \"10.0.0.0/99\" is wrong: " % bad)
    contains("standard input", bench.pgw("config", "check", "-", stdin="gizmo").must(1).err,
             '-:1:1: object "gizmo" is unknown')
    result = bench.pgw("-j", "config", "check", bad).must(1)
    for part in ('"ok":false', '"line":10', '"column":13'):
        contains("JSON", result.out, part)
    contains("the place", bench.on_terminal("config", "check", bad)[1],
             "\n    allow add 10.0.0.0/99\n" + " " * 14 + "^\n")
    whole = bench.path("whole.conf", GOOD.replace("pool default", "pool other"))
    contains("judged as a whole", bench.pgw("config", "check", whole).must(1).err, whole + ":6")
    contains("no file", bench.pgw("config", "check", bench.path("none")).must(1).err,
             "Error: cannot read ")
    contains("a directory", bench.pgw("config", "check", bench.rundir).must(1).err,
             "Error: cannot read ")
    contains("a NUL byte", bench.pgw("config", "check", bench.path("nul", b"a\0b")).must(1).err,
             ":1:2: ")
    contains("not UTF-8", bench.pgw("config", "check", bench.path("l1", b"# \xe9\n")).must(1).err,
             ":1:3: ")
    assert bench.fake is None, "the gateway was asked"


@case
def config_diff(bench):
    good = bench.path("good.conf", GOOD)
    assert bench.gateway
    equal("text", bench.text("config", "diff", good),
          "- allow del 10.0.0.0/8\n+ allow add 10.1.0.0/16\nsessions affected: 3\n")
    contains("colour", bench.text("-c", "config", "diff", good),
             "\033[31m- allow del 10.0.0.0/8\033[0m\n\033[32m+ allow add")
    equal("JSON", bench.json("config", "diff", good),
          {"changes": ["allow del 10.0.0.0/8", "allow add 10.1.0.0/16"], "sessions-affected": 3})
    equal("what was sent", bench.gateway.requests[-1], {"op": "config-diff", "text": GOOD})
    bench.gateway.requests.clear()
    bad = bench.path("bad.conf", "gizmo\n")
    contains("message", bench.pgw("config", "diff", bad).must(1).err, bad + ":1:1: ")
    equal("requests", bench.gateway.requests, [])


@case
def config_apply(bench):
    good = bench.path("good.conf", GOOD)
    assert bench.gateway
    equal("text", bench.text("config", "apply", good), "")
    equal("-s", bench.text("-s", "config", "apply", good),
          "revision 9: 1 change, 3 sessions ended\n")
    equal("JSON", bench.json("config", "apply", "-", stdin=GOOD),
          {"revision": 9, "changes": ["allow del 10.0.0.0/8"], "sessions-ended": 3})
    bench.gateway.answers["config-apply"] = {
        "ok": False, "error": 'interface "eth1" does not exist', "line": 1, "column": 25}
    equal("refusal", bench.pgw("config", "apply", good).must(2).err,
          '%s:1:25: interface "eth1" does not exist\n' % good)


@case
def config_show_and_save(bench):
    assert bench.gateway
    text = bench.text("config", "show")
    equal("text", text, "portgroup add vrack dev eth1 realm private\n"
          "set timer udp-timeout 120\n")
    equal("it can be loaded again", bench.text("config", "check", "-", stdin=text), "")
    equal("JSON", bench.json("config", "show"), {"text": text, "revision": 7})
    equal("save", bench.text("config", "save"), "saved to /etc/pgw/pgw.conf\n")
    equal("JSON", bench.json("config", "save"), {"file": "/etc/pgw/pgw.conf"})
    bench.gateway.answers["config-show"] = {"ok": True,
                                            "text": "# é\n" + "x" * 1000 + "é" * 900 + "\x1b[2J\n"}
    equal("long lines", bench.text("config", "show").split("\n")[1],
          "x" * 1000 + "é" * 900 + "?[2J")


@case
def config_apply_for_a_time(bench):
    good = bench.path("good.conf", GOOD)
    bench.gateway.answers["config-apply"] = lambda _: {
        "ok": True, "revision": 9, "changes": ["allow del 10.0.0.0/8"], "sessions-ended": 0,
        "pending": PENDING, "warning": "the disk is full"}
    for words, sent in (
            (("revert-in", "60"), {"revert-in": 60}), (("revert-in", "60s"), {"revert-in": 60}),
            (("revert-in", "5m"), {"revert-in": 300}), (("revert-in", "24h"), {"revert-in": 86400}),
            (("base", "7", "comment", "größer"), {"base": 7, "comment": "größer"}),
            (("comment", "x", "revert-in", "1", "base", "1"),
             {"comment": "x", "revert-in": 1, "base": 1})):
        result = bench.pgw("config", "apply", good, *words).must(0)
        equal("request", bench.gateway.requests[-1], {"op": "config-apply", "text": GOOD, **sent})
    equal("what is said", result.out,
          'revision 9 is not confirmed: revision 8 comes back in 42 s, unless "pgw config '
          'confirm" keeps it\n')
    equal("warning", result.err, "Warning: the disk is full\n")
    equal("JSON", bench.json("config", "apply", good)["pending"], PENDING)
    bench.gateway.answers["config-apply"] = {"ok": True, "revision": 9, "changes": [], "sessions-ended": 0}
    equal("without a difference", bench.text("config", "apply", good, "revert-in", "60"),
          "nothing has changed: revision 9 stays, and nothing is to be confirmed\n")
    equal("nor asked for", bench.text("config", "apply", good), "")
    stale = {"ok": False, "error": "revision 9 runs", "code": "conflict", "revision": 9, "missed": REVISIONS[:1]}
    bench.gateway.answers["config-apply"] = dict(stale)
    result = bench.pgw("-j", "config", "apply", good, "base", "8").must(2)
    equal("what was missed, as JSON", json.loads(result.out), stale)
    contains("and as text", result.err, "revision 9 runs")
    bench.gateway.requests.clear()
    for words, message in (
            (("revert-in", "0"), '"0" is wrong: expected a time such as 60, 60s, 5m or 1h'),
            (("revert-in", "25h"), '"25h" is wrong'), (("revert-in", "-5"), '"-5" is wrong'),
            (("revert-in", "5 m"), '"5 m" is wrong'), (("revert-in", ""), '"" is wrong'),
            (("revert-in", "99999999999999999999"), "is wrong"),
            (("revert-in",), '"revert-in" is required'),
            (("base", "x"), "expected the number of a revision, from 1 on"),
            (("base", "0"), "expected the number of a revision"),
            (("base", "1", "base", "2"), 'duplicate "base"'),
            (("comment", "a", "comment", "b"), 'duplicate "comment"'),
            (("now",), '"now" is wrong: expected revert-in, base or comment')):
        contains(" ".join(words), bench.pgw("config", "apply", good, *words).must(1).err, message)
    equal("requests", bench.gateway.requests, [])


@case
def config_apply_of_a_marked_file(bench):
    assert bench.gateway
    for head, base in (("# revision 7\n", 7), ("# revision 7\r\n", 7), ("# revision 7 x\n", None),
                       ("# revision\n", None), ("#revision 7\n", None), ("\n# revision 7\n", None),
                       ("# revision 99999999999999999999\n", None)):
        bench.pgw("config", "apply", "-", stdin=head + GOOD).must(0)
        equal(repr(head), bench.gateway.requests[-1].get("base"), base)
    bench.pgw("config", "apply", "-", "base", "5", stdin="# revision 7\n" + GOOD).must(0)
    equal("a base of its own", bench.gateway.requests[-1]["base"], 5)
    text = bench.text("-d", "config", "show")
    equal("what is marked", text.split("\n")[0], "# revision 7")


@case
def config_revisions(bench):
    assert bench.gateway
    equal("JSON", bench.json("config", "log"), REVISIONS)
    equal("only one", bench.json("config", "log", "1"), REVISIONS[:1])
    for word in ("0", "-1", "x", "99999999999999999999"):
        contains(word, bench.pgw("config", "log", word).must(1).err, "expected how many revisions to list, from 1 on")
    equal("text", bench.text("config", "log"),
          "REVISION  TIME                      ORIGIN  USER   CHANGES  STATE    COMMENT\n"
          "       9  2026-01-02T03:04:05.678Z  apply   alice        2  running  for the partner\n"
          "       8  2026-01-02T03:00:00.000Z  undo    root         1  -        -\n"
          "       7  2026-01-01T00:00:00.000Z  start   -            0  -        -\n")
    equal("shown", bench.text("config", "show", "8"), "# old\n")
    equal("JSON", bench.json("config", "show", "8")["same-as"], 6)
    bench.json("config", "diff", "8")
    equal("compared", bench.gateway.requests[-1], {"op": "config-diff", "revision": 8})
    file = bench.path("8", GOOD)
    bench.json("config", "diff", file)
    equal("a file of that name", bench.gateway.requests[-1], {"op": "config-diff", "text": GOOD})
    equal("confirm", bench.text("config", "confirm"),
          'revision 9 stays\nthe file that pgwd starts with differs from what runs: "pgw config '
          'save" writes it\n')
    equal("JSON", bench.json("config", "confirm"), {"revision": 9, "saved": False})
    equal("undo", bench.text("config", "undo"),
          "+ allow add 10.0.0.0/8\nrevision 10 runs, the same as revision 8\n")
    equal("JSON", bench.json("config", "undo", "8", "comment", "x"),
          {"revision": 10, "same-as": 8, "changes": ["allow add 10.0.0.0/8"], "sessions-ended": 0})
    equal("request", bench.gateway.requests[-1],
          {"op": "config-undo", "revision": 8, "comment": "x"})
    bench.gateway.requests.clear()
    for words in (("show", "x"), ("show", "0"), ("show", "8", "9"), ("log", "x"), ("log", "1", "2"),
                  ("undo", "x"), ("undo", "8", "revert-in", "5"), ("confirm", "8"),
                  ("diff", "8", "9")):
        contains(" ".join(words), bench.pgw("config", *words).must(1).err, "Error: ")
    contains("diff", bench.pgw("config", "diff").must(1).err, '"FILE or REVISION" is required')
    equal("requests", bench.gateway.requests, [])


@case
def what_waits_is_said(bench):
    bench.gateway.answers["config-show"] = lambda _: {"ok": True, "text": "x\n", "revision": 9,
                                                      "pending": PENDING}
    equal("as a comment", bench.text("config", "show"),
          '# revision 9 is not confirmed: revision 8 comes back in 42 s, unless "pgw config '
          'confirm" keeps it\nx\n')
    equal("JSON", bench.json("config", "show")["pending"], PENDING)
    stats = bench.gateway.op_stats({})
    stats["gateway"].update({"pending": PENDING, "saved": False})
    bench.gateway.answers["stats"] = lambda _: stats
    lines = bench.text("stats", "show", "gateway").split("\n")
    contains("statistics", lines[0], "revision 8 comes back in 42 s")
    contains("statistics", lines[1], "pgw config save")
    equal("JSON", bench.json("stats", "show", "gateway")["pending"], PENDING)
