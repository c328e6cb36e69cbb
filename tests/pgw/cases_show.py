# SPDX-License-Identifier: GPL-2.0-or-later
"""Lists: text in all its forms, JSON, what a hostile pgwd may answer."""

import random

import fake
from harness import case, contains, equal, lacks

CONFIGURED = ("portgroup", "address", "route", "pool", "nat", "datacenter", "service", "allow",
              "vrack-block", "vmac", "server", "api", "ntp", "relay")


@case
def json_is_what_pgwd_says(bench):
    assert bench.gateway
    for name in CONFIGURED:
        figures = fake.RULE_FIGURES if name == "nat" else {}
        equal(name, bench.json(name, "show"), [{**item, **figures} for item in fake.ITEMS[name]])
    equal("neighbour", bench.json("neighbour"), fake.NEIGHBOURS)


@case
def empty_lists(bench):
    bench.gateway.answers["show"] = {"ok": True, "items": []}
    bench.gateway.answers["neighbour"] = {"ok": True}
    for name in CONFIGURED + ("neighbour",):
        equal("JSON of " + name, bench.text("-j", name), "[]\n")
        equal("text of " + name, bench.text(name), "")


@case
def tables(bench):
    assert bench.gateway
    equal("address", bench.text("address"),
          "ADDRESS        PORTGROUP  USE        INTERFACE  STATE\n"
          "172.16.0.1/24  vrack      interface  eth1       conflict\n"
          "10.10.0.2/24   vsphere    interface  -          missing\n")
    contains("who else has it", bench.text("-d", "address"), "conflict-mac 02:00:00:00:00:09")
    equal("portgroup", bench.text("portgroup"),
          "NAME     STATE   DEV   VLAN  REALM     MTU  MAC                OFFLOAD-STATE  IO-STATE\n"
          "vrack    up      eth1     -  private  1500  02:00:00:00:00:01  off            packet\n"
          "vsphere  absent  eth2    12  vsphere  9000  02:00:00:00:00:02  tc             xdp\n")
    equal("details", bench.text("-d", "portgroup", "show", "vsphere").split("\n")[2],
          "    ifindex 3 last-hop off reverse-path on")
    equal("brief", bench.text("-br", "portgroup"),
          "vrack    up      eth1  private\n"
          "vsphere  absent  eth2  vsphere\n")
    equal("oneline", bench.text("-o", "-d", "portgroup", "show", "vrack"),
          "name vrack state up dev eth1 realm private mtu 1500 mac 02:00:00:00:00:01 ifindex 2 "
          "last-hop on reverse-path on offload-state off io-state packet\n")
    equal("text with a blank", bench.text("-o", "allow", "show", "192.168.50.0/24"),
          'network 192.168.50.0/24 description "head office"\n')
    contains("pool", bench.text("pool"), "10.10.0.2,10.10.0.3  16384-65535")
    equal("port-quota", bench.text("pool").split()[-1], "512")
    contains("nat", bench.text("nat"), "nat-pass-through")
    contains("service", bench.text("service"), "10.10.0.10:443(up),10.10.0.11:443(down)")


@case
def choosing(bench):
    assert bench.gateway
    equal("by key", bench.json("nat", "show", "20"),
          [{**fake.ITEMS["nat"][1], **fake.RULE_FIGURES}])
    equal("address without length", len(bench.json("address", "show", "10.10.0.2")), 1)
    equal("by field", bench.json("portgroup", "show", "realm", "vsphere"),
          fake.ITEMS["portgroup"][1:])
    equal("by two fields", bench.json("neighbour", "show", "portgroup", "vrack", "state", "failed"),
          [])
    equal("key and field", len(bench.json("pool", "show", "default", "mapping-type", "eim")), 1)
    equal("a member that is on", len(bench.json("portgroup", "show", "last-hop", "on")), 1)
    result = bench.pgw("pool", "show", "none").must(2)
    equal("message", result.err, 'Error: pool "none" does not exist\n')
    equal("output", result.out, "")
    contains("message", bench.pgw("pool", "show", "default", "ports", "1-2").must(2).err,
             'Error: no pool "default" has these values')
    contains("unknown field", bench.pgw("pool", "show", "colour", "red").must(1).err,
             'Error: argument "colour" is wrong')
    contains("twice", bench.pgw("pool", "show", "name", "a", "name", "b").must(1).err,
             'Error: duplicate "name"')


@case
def absent_and_strange_members(bench):
    bench.gateway.answers["show"] = {"ok": True, "items": [
        {}, 5, None, [], {"name": None, "state": {"a": [1, {"b": 2}]}, "dev": ["x", 1.5, True]},
        {"name": "\033[2Jx\x9by\u2028", "mtu": -5, "vlan": "twelve", "new-in-2030": [1]}]}
    text = bench.text("portgroup")
    contains("absent", text.split("\n")[1], "-")
    lacks("text", text, "\033")
    contains("control characters", text, "?[2Jx?y")
    contains("negative", text, "-5")
    equal("JSON", bench.json("portgroup")[2], {"name": "\033[2Jx\x9by\u2028", "mtu": -5,
                                               "vlan": "twelve", "new-in-2030": [1]})
    bench.gateway.answers["show"] = {"ok": True, "items": [
        {"name": "s", "backends": [5, {}, {"address": 5, "port": "x"}, {"address": "1.2.3.4"}]},
        {"name": "t", "backends": {"address": "1.2.3.4"}}]}
    contains("backends", bench.text("service"), "1.2.3.4:0")


@case
def many_rows(bench):
    """More rows than the window by which the widths are chosen."""
    items = [{"network": "10.%d.%d.0/24" % (i // 256, i % 256), "description": "d%d" % i}
             for i in range(2000)]
    bench.gateway.answers["show"] = {"ok": True, "items": items}
    lines = bench.text("allow").split("\n")
    equal("lines", len(lines), 2002)
    equal("a late line", lines[1700].split(), ["10.6.163.0/24", "d1699"])
    equal("JSON", bench.json("allow"), items)
    items[3]["description"] = "w" * 20000
    contains("a long cell is cut", bench.text("allow"), "w" * 4000)
    equal("but not in JSON", bench.json("allow"), items)


@case
def stats(bench):
    assert bench.gateway
    text = bench.text("stats")
    for part in ("4711", "1234567", "7384s", "vrack", "12345", "not-allowed",
                 "source is not on the allow list"):
        contains("stats", text, part)
    lacks("stats", text, "ttl-exceeded")
    lacks("stats", text, "KERNEL-PACKETS")
    contains("-s", bench.text("-s", "stats"), "KERNEL-PACKETS")
    contains("-s", bench.text("-s", "stats"), "NEIGHBOURS-WAITING")
    contains("-d", bench.text("-d", "stats"), "ttl-exceeded")
    human = bench.text("-h", "stats")
    for part in ("1.23M", "12.3k", "2h03m"):
        contains("-h", human, part)
    equal("JSON", bench.json("stats"), {"gateway": fake.STATS["gateway"],
                                        "portgroups": fake.STATS["portgroups"],
                                        "drops": fake.DROPS[:1],
                                        "workers": fake.STATS["workers"]})
    equal("workers", bench.json("stats", "show", "workers"), fake.STATS["workers"])
    contains("several workers", text, "HANDED-OVER-PACKETS")
    bench.gateway.answers["stats"] = {"ok": True, **fake.STATS,
                                      "workers": fake.STATS["workers"][:1]}
    lacks("a single worker", bench.text("stats"), "HANDED-OVER-PACKETS")
    contains("unless asked", bench.text("stats", "show", "workers"), "HANDED-OVER-PACKETS")
    del bench.gateway.answers["stats"]
    equal("drops", bench.json("stats", "show", "drops"), fake.DROPS[:1])
    equal("all drops", bench.json("-d", "stats", "show", "drops"), fake.DROPS)
    equal("portgroup", bench.json("stats", "show", "portgroup"), fake.STATS["portgroups"])
    equal("gateway", bench.json("stats", "show", "gateway"), fake.STATS["gateway"])
    bench.gateway.answers["stats"] = {"ok": True}
    bench.text("stats")
    equal("nothing", bench.json("stats"), {"gateway": None, "portgroups": [], "drops": [],
                                          "workers": []})


@case
def rule_figures(bench):
    """Only who wants them makes pgwd look at all sessions."""
    assert bench.gateway
    lacks("nat", bench.text("nat"), "FLOWS-REFUSED")
    lacks("what is asked", bench.gateway.requests[-1], "statistics")
    text = bench.text("-s", "nat", "show", "10")
    equal("figures", text.split("\n")[1].split()[-5:], ["3", "12", "4", "123456", "98765432"])
    equal("what is asked", bench.gateway.requests[-1],
          {"op": "show", "object": "nat", "statistics": True})
    bench.text("-s", "pool")
    lacks("what is asked of a pool", bench.gateway.requests[-1], "statistics")


@case
def settings(bench):
    assert bench.gateway
    contains("set", bench.text("set"), "udp-timeout                   120       300\n")
    rows = {row["name"]: row for row in bench.json("set", "show")}
    equal("udp-timeout", rows["udp-timeout"], {"name": "udp-timeout", "value": 120, "default": 300})
    equal("flow-capacity", rows["flow-capacity"]["value"], 1048576)
    equal("a word", rows["mss-clamp"], {"name": "mss-clamp", "value": "off", "default": "off"})
    bench.gateway.answers["config-show"] = {
        "ok": True, "text": "set mss-clamp 1400\nset dead-flow rst\nset connection-limits 7\n"}
    rows = {row["name"]: row for row in bench.json("set", "show")}
    equal("a number", rows["mss-clamp"], {"name": "mss-clamp", "value": 1400, "default": "off"})
    equal("dead-flow", rows["dead-flow"], {"name": "dead-flow", "value": "rst", "default": "drop"})
    equal("a limit", rows["connection-limits"]["value"], 7)
    contains("text", bench.text("set"), "creation-rate                 off       off\n")
    for text in (5, None, "gizmo add\n"):
        bench.gateway.answers["config-show"] = {"ok": True, "text": text}
        contains("message", bench.pgw("set").must(2).err, "Error: pgwd sent a configuration")


def anything(source, depth=0):
    """A random JSON value, made of members that matter."""
    kind = source.randrange(9 if depth < 4 else 6)
    if kind == 0:
        return source.choice([None, True, False])
    if kind == 1:
        return source.choice([0, -1, 2**31, 2**63 - 1, -2**63, 1e300, 0.1, 4096])
    if kind < 6:
        return source.choice(["", "x", "vrack", "up", "\033]0;x\x07", "\u0085", "é" * 3000, "\0x"[1:],
                              "portgroup add", "1.2.3.4", "%s%n", "10.0.0.0/8"])
    if kind == 6:
        return [anything(source, depth + 1) for _ in range(source.randrange(4))]
    return {source.choice(["ok", "items", "name", "state", "backends", "address", "port", "drops",
                           "gateway", "portgroups", "text", "changes", "revision", "packets",
                           "number", "nat-pass-through", "error", "line", "column", "file",
                           "bytes", "snapshot-bytes", "ended", "sessions-ended", "time", "event"]):
            anything(source, depth + 1) for _ in range(source.randrange(6))}


@case
def hostile_answers(bench):
    """Whatever pgwd answers, pgw neither dies nor writes a control character."""
    source = random.Random(20)
    config = bench.path("pgw.conf", "set timer udp-timeout 60\n")
    commands = [("portgroup",), ("service",), ("nat", "show", "5"), ("stats",), ("-d", "-s", "stats"),
                ("neighbour",), ("config", "show"), ("config", "diff", config),
                ("config", "apply", config), ("config", "save"), ("allow", "add", "10.0.0.0/8"),
                ("session",), ("session", "del", "all"), ("client",), ("set",), ("version",), ("monitor",),
                ("-t", "monitor"), ("doctor",), ("vmac", "check"),
                ("explain", "from", "192.168.50.10", "to", "172.16.0.1:443")]

    def answer(_):
        value = anything(source)
        while not isinstance(value, dict):
            value = anything(source)
        if source.randrange(4):
            value["ok"] = True
        for member in ("items", "drops", "portgroups", "changes", "steps", "checks"):
            if source.randrange(2):
                value[member] = [anything(source, 1) for _ in range(3)]
        value.pop("fds", None)
        return value
    for op in ("show", "stats", "neighbour", "config-show", "config-diff", "config-apply",
               "config-save", "change", "session-table", "session-end", "version", "monitor",
               "explain", "doctor", "vmac-check"):
        bench.gateway.answers[op] = answer
    for _ in range(25):
        bench.gateway.events = [anything(source) for _ in range(3)]
        for command in commands:
            for json in ((), ("-j",)):
                result = bench.pgw(*json, *command)
                assert result.code in (0, 2), "pgw %s: exit status %d\n%s" % (
                    command, result.code, result.err)
                lacks("output of " + " ".join(command), result.out + result.err, "\033")
