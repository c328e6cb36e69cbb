# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions, read from a flow table that the fake pgwd hands over."""

import os

from fake import session_answer
from harness import case, contains, equal, lacks
from tables import (CLOSED, DNAT, EIM, ELEMENT, FIN_0, HAIRPIN, ICMP, INBOUND, REPLIED, SNAT, TCP,
                    UDP, flow, flow_table, memfd, snapshot)

SERVICE = flow(("192.168.50.10", 40001, "172.16.0.1", 443),
               ("10.10.0.10", 443, "10.10.0.2", 20001), flags=SNAT | DNAT | REPLIED,
               generation=3, idle_ns=5_000_000_000)
PLAIN = flow(("192.168.50.11", 40002, "10.10.0.20", 53), ("10.10.0.20", 53, "10.10.0.2", 20002),
             proto=UDP, flags=SNAT | EIM, tcp_state=0)
PING = flow(("192.168.50.12", 77, "10.10.0.30", 0), ("10.10.0.30", 0, "10.10.0.2", 20003),
            proto=ICMP, tcp_state=0, flags=SNAT | EIM | REPLIED | HAIRPIN)
# It came from 10.10.0.40:5000 to the mapping 10.10.0.2:20002 of the inside host 192.168.50.11:40002.
INWARD = flow(("10.10.0.40", 5000, "10.10.0.2", 20002), ("192.168.50.11", 40002, "10.10.0.40", 5000),
              proto=UDP, tcp_state=0, flags=SNAT | EIM | INBOUND, ports=(1, 0), packets=(7, 8),
              octets=(70, 80))
PASSED = flow(("192.168.60.1", 1, "10.20.0.1", 2), ("10.20.0.1", 2, "192.168.60.1", 1), flags=0,
              tcp_state=CLOSED, rule=20, pool=0xffff)
FLOWS = [None, SERVICE, PLAIN, None, PING, INWARD, PASSED,
         flow(("9.9.9.9", 9, "9.9.9.9", 9), ("9.9.9.9", 9, "9.9.9.9", 9), state=1),
         flow(("9.9.9.9", 9, "9.9.9.9", 9), ("9.9.9.9", 9, "9.9.9.9", 9), state=3)]


def sessions(bench, *filters):
    bench.gateway.answers["session-table"] = session_answer(FLOWS)
    return bench.json("session", "show", *filters)


@case
def session_fields(bench):
    listed = sessions(bench)
    equal("sessions", len(listed), 5)
    first = listed[0]
    # The flow was made when this file was read; a slow machine may be minutes further.
    idle_ms = first.pop("idle-ms")
    assert 5000 <= idle_ms < 300000, idle_ms
    equal("timeout", first.pop("timeout-s"), 7440 - idle_ms // 1000)
    assert 10 <= first.pop("age-s") < 310
    equal("a service", first, {
        "id": 3 << 24 | 1, "protocol": "tcp", "state": "established", "initiator": "internal",
        "internal-src-address": "192.168.50.10", "internal-src-port": 40001,
        "internal-dst-address": "172.16.0.1", "internal-dst-port": 443,
        "external-src-address": "10.10.0.2", "external-src-port": 20001,
        "external-dst-address": "10.10.0.10", "external-dst-port": 443,
        "sent-packets": 5, "sent-bytes": 500, "rcvd-packets": 3, "rcvd-bytes": 300,
        "internal-portgroup": "vrack", "external-portgroup": "vsphere", "nat": "both",
        "hairpin": False, "mapping-type": "edm", "rule": 10, "pool": "default",
        "service": "vcenter", "internal-next-hop": "02:00:00:00:00:01",
        "external-next-hop": "02:00:00:00:00:02", "datapath": "raw"})
    equal("states", [s["state"] for s in listed],
          ["established", "unreplied", "replied", "unreplied", "closed"])
    equal("translation", [s["nat"] for s in listed], ["both", "source", "source", "source", "none"])
    equal("hairpin", [s["hairpin"] for s in listed], [False, False, True, False, False])
    lacks("a session without a pool", listed[4], "pool")
    lacks("a session without a service", listed[1], "service")


@case
def session_inbound(bench):
    """The inside host stays internal, although the other side began."""
    inward = sessions(bench, "id", str(1 << 24 | 5))[0]
    equal("ends", {name: value for name, value in inward.items()
                   if name.startswith(("internal", "external", "init", "sent", "rcvd"))}, {
        "initiator": "external",
        "internal-src-address": "192.168.50.11", "internal-src-port": 40002,
        "internal-dst-address": "10.10.0.40", "internal-dst-port": 5000,
        "external-src-address": "10.10.0.2", "external-src-port": 20002,
        "external-dst-address": "10.10.0.40", "external-dst-port": 5000,
        "internal-portgroup": "vrack", "external-portgroup": "vsphere",
        "internal-next-hop": "02:00:00:00:00:02", "external-next-hop": "02:00:00:00:00:01",
        "sent-packets": 8, "sent-bytes": 80, "rcvd-packets": 7, "rcvd-bytes": 70})


@case
def session_timeouts(bench):
    flows = [flow(("1.0.0.1", i, "1.0.0.2", 2), ("1.0.0.2", 2, "1.0.0.3", i), proto=proto,
                  tcp_state=state, idle_ns=0) for i, (proto, state) in
             enumerate([(TCP, 1), (TCP, 2), (TCP, 3), (TCP, FIN_0), (TCP, CLOSED), (UDP, 0),
                        (ICMP, 0)])]
    bench.gateway.answers["session-table"] = session_answer(flows)
    for session, wanted in zip(bench.json("session"), (240, 240, 7440, 7440, 240, 300, 60)):
        equal("timeout", session["timeout-s"], wanted - session["idle-ms"] // 1000)


@case
def session_filters(bench):
    for filters, count in (
            ("", 5), ("internal-src-address 192.168.50.10", 1),
            ("internal-src-address 192.168.50.0/24", 4), ("internal-src-port 40002", 2),
            ("internal-src-port 40001-40002", 3), ("internal-dst-address 172.16.0.1", 1),
            ("internal-dst-port 443", 1), ("external-src-address 10.10.0.2", 4),
            ("external-src-port 20002", 2), ("external-src-port 20003-", None),
            ("external-dst-address 10.10.0.0/16", 4), ("external-dst-port 53", 1),
            ("src 10.10.0.2", 4), ("src 192.168.0.0/16", 5), ("dst 172.16.0.1", 1),
            ("dst 10.10.0.10", 1), ("sport 20001", 1), ("sport 40001", 1), ("dport 443", 1),
            ("protocol tcp", 2), ("protocol udp", 2), ("protocol icmp", 1),
            ("protocol sctp", None), ("state established", 1), ("state unreplied", 2),
            ("state happy", None), ("portgroup vrack", 5), ("portgroup attic", None),
            ("pool default", 4), ("pool none", None), ("service vcenter", 1),
            ("service none", None), ("id 50331649", 1), ("id 1", 0), ("id 16777215", 0),
            ("id x", None), ("id 99999999999999999999", None), ("limit 2", 2), ("limit 0", 0),
            ("protocol udp limit 1", 1), ("protocol udp external-dst-port 53", 1),
            ("protocol udp protocol tcp", None), ("colour green", None),
            ("internal-src-address 10.0.0.1/8", None), ("internal-src-address x", None),
            ("sport 65536", None), ("sport 5-4", None), ("sport", None), ("all", 5)):
        words = filters.split()
        if count is None:
            bench.gateway.answers["session-table"] = session_answer(FLOWS)
            contains(filters, bench.pgw("session", "show", *words).must(1).err, "Error: ")
        else:
            equal("sessions with " + filters, len(sessions(bench, *words)), count)
            equal("count of " + filters, bench.text("session", "show", *words, "count"),
                  "%d\n" % count)
    equal("JSON of count", sessions(bench, "count"), {"count": 5})


@case
def session_text(bench):
    bench.gateway.answers["session-table"] = session_answer(FLOWS)
    lines = bench.text("session").split("\n")
    equal("header", lines[0].split(), ["ID", "PROTO", "STATE", "INTERNAL-SRC", "INTERNAL-DST",
                                       "EXTERNAL-SRC", "EXTERNAL-DST", "AGE", "IDLE", "TIMEOUT"])
    equal("a line", lines[1].split()[:7],
          ["50331649", "tcp", "established", "192.168.50.10:40001", "172.16.0.1:443",
           "10.10.0.2:20001", "10.10.0.10:443"])
    contains("-s", bench.text("-s", "session"), "SENT-PACKETS")
    contains("-d", bench.text("-d", "session"),
             "    initiator internal internal-portgroup vrack external-portgroup vsphere nat both "
             "hairpin off mapping-type edm rule 10 pool default service vcenter")
    equal("-br", bench.text("-br", "session", "show", "protocol", "icmp").split(),
          ["icmp", "replied", "192.168.50.12:77", "10.10.0.30:0", "10.10.0.2:20003",
           "10.10.0.30:0"])
    contains("-o", bench.text("-o", "session", "show", "protocol", "icmp"),
             "id 16777220 protocol icmp state replied internal-src 192.168.50.12:77 ")
    bench.gateway.answers["session-table"] = session_answer([])
    equal("none", bench.text("session"), "")
    equal("none in JSON", bench.text("-j", "session"), "[]\n")


@case
def session_del(bench):
    def asked():
        return [(request["filter"], request.get("limit")) for request in bench.gateway.requests
                if request["op"] == "session-end"]
    bench.gateway.answers["session-end"] = {"ok": True, "ended": 2}
    contains("no condition", bench.pgw("session", "del").must(1).err,
             'Error: argument "FILTER" is required, or "all"')
    contains("only a limit", bench.pgw("session", "del", "limit", "3").must(1).err,
             "is required")
    contains("count", bench.pgw("session", "del", "count").must(1).err, "Error: ")
    contains("a port", bench.pgw("session", "del", "sport", "65536").must(1).err, "Error: ")
    equal("requests", asked(), [])
    equal("by filter", bench.text("session", "del", "protocol", "udp", "src", "10.0.0.0/8"),
          "2 sessions ended\n")
    equal("JSON", bench.json("session", "del", "service", "vcenter", "limit", "2"), {"ended": 2})
    equal("all", bench.text("session", "del", "all"), "2 sessions ended\n")
    equal("filters", asked(), [({"protocol": "udp", "src": "10.0.0.0/8"}, None),
                               ({"service": "vcenter"}, 2), ({}, None)])
    bench.gateway.answers["session-end"] = {"ok": True, "ended": 1}
    equal("by id", bench.text("session", "del", "id", "50331649"), "1 session ended\n")
    bench.gateway.answers["session-end"] = {"ok": True, "ended": 0}
    equal("none match", bench.text("session", "del", "src", "1.2.3.4"), "0 sessions ended\n")
    contains("no such id", bench.pgw("session", "del", "id", "1").must(2).err,
             'Error: session "1" does not exist')
    bench.gateway.answers["session-end"] = {"ok": True}
    contains("under way", bench.pgw("session", "del", "all").must(2).err, "it goes on")
    bench.gateway.answers["session-end"] = {"ok": False, "error": "no datapath"}
    contains("refused", bench.pgw("session", "del", "all").must(2).err, "Error: no datapath")


@case
def session_bad_tables(bench):
    """Nothing that comes instead of a table makes pgw crash or print sessions."""
    def answer(flows=FLOWS, announced=None, without=(), block=None, **header):
        def make(_):
            table, size = flow_table(flows, **header)
            snapshot_fd, snapshot_size = block or snapshot()
            fds = [table, snapshot_fd][:2 - len(without)]
            for fd in [table, snapshot_fd][len(fds):]:
                os.close(fd)
            return {"ok": True, "bytes": announced or size, "snapshot-bytes": snapshot_size,
                    "fds": fds}
        return make
    for make in (answer(magic=5), answer(layout_version=9), answer(capacity=1 << 30),
                 answer(capacity=1, buckets=7), answer(announced=1 << 40), answer(announced=-1),
                 answer(announced=64), answer(announced="x"), answer(without=(1,)),
                 answer(without=(1, 2)), answer(block=(memfd(b"short"), 5)),
                 answer(block=snapshot(magic=1))):
        bench.gateway.answers["session-table"] = make
        result = bench.pgw("session").must(2)
        contains("message", result.err, "Error: cannot use the ")
        equal("output", result.out, "")
    bench.gateway.answers["session-table"] = answer(record_high=1 << 31)
    equal("record_high beyond the capacity", len(bench.json("session")), 5)
    odd = flow(("1.2.3.4", 1, "5.6.7.8", 2), ("5.6.7.8", 2, "1.2.3.4", 1), proto=99, flags=255,
               tcp_state=200, ports=(31, 255), pool=77, rule=65535, macs=("00:" * 5 + "00",) * 2)
    bench.gateway.answers["session-table"] = answer(flows=[odd])
    lacks("an odd flow", bench.json("session")[0], "protocol")
    bench.text("-d", "-s", "session")


@case
def session_many(bench):
    """200,000 sessions, each of them listed; how fast is pgw-bench's to say."""
    bench.gateway.answers["session-table"] = session_answer(SERVICE * 200000)
    for options in (("-j",), ("-s",)):
        out = bench.pgw(*options, "session").must(0).out
        equal("sessions", out.count("192.168.50.10"), 200000)
    assert ELEMENT == 128
