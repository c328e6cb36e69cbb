# SPDX-License-Identifier: GPL-2.0-or-later
"""Private gateways, tasks, hosts."""

import fake
from harness import case, contains, equal, lacks


def answers(bench, op, *tasks):
    """The operation begins a task, which is as these say, one after the other."""
    states = list(tasks)
    bench.gateway.answers[op] = {"ok": True, "task": fake.task(done=0)}
    bench.gateway.answers["task-show"] = lambda _: {
        "ok": True, "items": [states.pop(0) if len(states) > 1 else states[0]]}


def asked(bench, op):
    return [{key: value for key, value in request.items() if key not in ("op", "by")}
            for request in bench.gateway.requests if request["op"] == op]


@case
def gateways_are_listed(bench):
    assert bench.gateway
    equal("text", bench.text("gateway").splitlines()[1].split(),
          ["1", "pcc-192-0-2-1", "dc1", "enabled", "172.16.0.1", "255.255.255.0", "vrack"])
    equal("one", bench.text("gateway", "show", "20").splitlines()[1].split(),
          ["20", "pcc-192-0-2-1", "dc2", "disabled", "-", "-", "-"])
    equal("JSON", bench.json("gateway", "show", "20"), [{
        "datacenter-id": 20, "name": "dc2", "service": "pcc-192-0-2-1", "customer-ip": None,
        "customer-netmask": None, "customer-portgroup": None, "state": "disabled"}])


@case
def a_gateway_is_enabled(bench):
    answers(bench, "gateway-enable", fake.task(done=0), fake.task(), fake.task("done", 2))
    result = bench.pgw("gateway", "enable", "1", "address", "172.16.0.1/24", "portgroup", "vrack")
    equal("output", result.must(0).out, "portgroup: vrack is eth1, up\nmove: 3 services\n"
          "task 7, enablePrivateGateway: done\n")
    equal("no bar where there is no terminal", result.err, "")
    equal("asked", asked(bench, "gateway-enable"), [{
        "datacenter": 1, "service": "pcc-192-0-2-1", "ip": "172.16.0.1", "netmask": "24",
        "portgroup": "vrack"}])
    answers(bench, "gateway-enable", fake.task("done", 2))
    equal("JSON", bench.json("gateway", "enable", "1", "address", "172.16.0.1/24", "portgroup",
                             "vrack")["state"], "done")
    text = bench.text("gateway", "enable", "1", "address", "172.16.0.1/24", "portgroup", "vrack",
                      "no-wait")
    equal("not waited for", text, "task 7, enablePrivateGateway: doing\n")


@case
def a_bar_on_a_terminal(bench):
    answers(bench, "gateway-disable", fake.task(done=0), fake.task(), fake.task("done", 2))
    code, out = bench.on_terminal("gateway", "disable", "1", what="stderr")
    equal("exit status", code, 0)
    contains("the bar", out, "] ")
    contains("its step", out, "50% move")


@case
def a_task_that_fails(bench):
    answers(bench, "gateway-reconfigure", fake.task("error", 1, "move: \033[31mno"))
    result = bench.pgw("gateway", "reconfigure", "1", "portgroup", "other").must(2)
    contains("message", result.err, "Error: task 7 failed and was taken back: move: ?[31mno")
    lacks("message", result.err, "\033")
    equal("asked", asked(bench, "gateway-reconfigure"), [{
        "datacenter": 1, "service": "pcc-192-0-2-1", "portgroup": "other"}])
    answers(bench, "gateway-disable", fake.task("canceled", 1, "canceled by root"))
    result = bench.pgw("gateway", "disable", "1", "force").must(2)
    contains("message", result.err, "task 7 was canceled: canceled by root")
    equal("asked", asked(bench, "gateway-disable")[-1]["force"], True)


@case
def gateway_words(bench):
    assert bench.gateway
    for words, message in (
            (("enable",), 'argument "DATACENTER" is required'),
            (("enable", "x"), 'argument "x" is wrong: expected the number'),
            (("enable", "1"), 'argument "address" is required'),
            (("enable", "1", "address"), 'argument "address" is required'),
            (("enable", "1", "address", "172.16.0.1"), "expected ADDRESS/LENGTH"),
            (("enable", "1", "address", "a/24"), "expected ADDRESS/LENGTH"),
            (("enable", "1", "address", "172.16.0.1/24"), 'argument "portgroup" is required'),
            (("enable", "1", "force"), 'argument "force" is wrong'),
            (("disable", "1", "address", "172.16.0.1/24"), 'argument "address" is wrong'),
            (("reconfigure", "1"), 'argument "address" is required'),
            (("reconfigure", "1", "to", "dc2"), 'argument "dc2" is wrong'),
            (("reconfigure", "1", "to"), 'argument "to" is required'),
            (("reconfigure", "1", "to", "2", "to", "3"), 'duplicate "to": "3"'),
            (("enable", "1", "address", "172.16.0.1/24", "address", "172.16.0.2/24"),
             'duplicate "address": "172.16.0.2/24"'),
            (("enable", "1", "portgroup", "a", "portgroup", "b"), 'duplicate "portgroup": "b"'),
            (("show", "1", "2"), 'argument "2"')):
        contains(" ".join(words), bench.pgw("gateway", *words).must(1).err, message)


@case
def tasks(bench):
    assert bench.gateway
    equal("text", bench.text("task").splitlines()[1].split()[:5],
          ["7", "enablePrivateGateway", "doing", "50", "1"])
    contains("steps", bench.text("-d", "task", "show", "7"),
             "portgroup done (vrack is eth1, up), move doing")
    equal("JSON", bench.json("task"), [fake.task()])
    contains("another", bench.pgw("task", "show", "8").must(2).err, 'task "8" does not exist')
    bench.gateway.answers["task-show"] = {"ok": True, "items": [fake.task("done", 2)]}
    contains("wait", bench.text("task", "wait", "7"), "task 7, enablePrivateGateway: done")
    said = [{"ok": True, "items": [fake.task()]}, b"", b"", {"ok": True, "items": [fake.task("done", 2)]}]
    bench.gateway.answers["task-show"] = lambda _: said.pop(0)
    contains("while pgwd is started again", bench.text("task", "wait", "7"), "task 7, enablePrivateGateway: done")
    said = [{"ok": True, "items": [fake.task()]}, b"", {"ok": False, "error": "no such task"}]
    contains("and has forgotten it", bench.pgw("task", "wait", "7").must(2).err, "Error: no such task")
    said = [b""]
    contains("one that never was there", bench.pgw("task", "wait", "7").must(2).err, "Error: ")
    for words, op, request in (
            (("cancel", "7"), "task-cancel", {"id": 7}),
            (("reset", "7", "reason", "again"), "task-reset", {"id": 7, "reason": "again"}),
            (("schedule", "7", "at", "2026-01-02T03:04:05Z"), "task-schedule",
             {"id": 7, "execution-date": "2026-01-02T03:04:05Z"})):
        bench.gateway.answers[op] = {"ok": True, "task": fake.task("canceled")}
        contains(op, bench.text("task", *words), "task 7, enablePrivateGateway: canceled")
        equal(op, asked(bench, op), [request])
    for words, message in ((("wait",), 'argument "ID" is required'),
                           (("wait", "x"), "expected the number of a task"),
                           (("cancel", "7", "8"), 'argument "8"'),
                           (("reset", "7"), 'argument "reason" is required'),
                           (("reset", "7", "because", "x"), 'argument "because" is wrong')):
        contains(" ".join(words), bench.pgw("task", *words).must(1).err, message)


@case
def hosts(bench):
    bench.gateway.answers["show"] = {"ok": True, "items": [
        {"name": "vcenter", "address": "172.16.0.1", "host-names": ["pcc.example.com", "nsx.example.com"]},
        {"name": "ui", "address": "172.16.0.1", "host-names": ["pcc.example.com", "vrops.example.com"]},
        {"name": "esx1", "address": "172.16.0.11", "host-names": ["esx1.example.com"]},
        {"name": "nameless", "address": "172.16.0.12"}]}
    equal("text", bench.text("hosts"),
          "172.16.0.1\tpcc.example.com nsx.example.com vrops.example.com\n172.16.0.11\tesx1.example.com\n")
    equal("JSON", bench.json("hosts"), [
        {"address": "172.16.0.1", "names": ["pcc.example.com", "nsx.example.com", "vrops.example.com"]},
        {"address": "172.16.0.11", "names": ["esx1.example.com"]}])
    bench.gateway.answers["show"] = {"ok": True, "items": []}
    equal("none", bench.text("hosts"), "")
    equal("none, JSON", bench.json("hosts"), [])
