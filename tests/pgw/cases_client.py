# SPDX-License-Identifier: GPL-2.0-or-later
"""client show: what inside hosts use, counted from the flow table of the fake pgwd."""

from fake import session_answer
from harness import case, contains, equal
from tables import DNAT, EIM, HAIRPIN, INBOUND, REPLIED, SNAT, UDP, flow

GW, OTHER_GW, VC = "10.10.0.2", "10.10.0.3", "10.10.0.10"


def outbound(host, sport, external, dport=53, pool=0, address=GW, flags=SNAT | EIM | REPLIED,
             **more):
    return flow((host, sport, VC, dport), (VC, dport, address, external), proto=UDP, tcp_state=0,
                flags=flags, pool=pool, **more)


# The busy host: one mapping with three flows, one with one, and what came in through the latter.
BUSY = [outbound("192.168.50.10", 1000, 20000, 53), outbound("192.168.50.10", 1000, 20000, 54),
        outbound("192.168.50.10", 1000, 20000, 55), outbound("192.168.50.10", 1001, 20001),
        flow(("10.10.0.77", 9, GW, 20001), ("192.168.50.10", 1001, "10.10.0.77", 9), proto=UDP,
             tcp_state=0, flags=INBOUND, ports=(1, 0), pool=0)]
# Two flows with ports of their own (edm) in another pool, the same port number among them.
OWN = [outbound("192.168.50.11", 1000, 20000, 53, 1, OTHER_GW, SNAT | DNAT),
       outbound("192.168.50.11", 1000, 20000, 54, 1, OTHER_GW, SNAT | DNAT),
       outbound("192.168.50.11", 1000, 20002, 53, packets=(1, 0), octets=(40, 0))]
# A hairpin: .12 began it, it goes to .13's mapping in the other pool, which has no flow of its own.
HAIR = [flow(("192.168.50.12", 5, OTHER_GW, 30000), ("192.168.50.13", 6, GW, 20003), proto=UDP,
             tcp_state=0, flags=SNAT | EIM | INBOUND | HAIRPIN, ports=(0, 0), pool=0)]
# Passed untranslated: no port of any pool.
PASSED = [flow(("192.168.50.14", 1, VC, 2), (VC, 2, "192.168.50.14", 1), flags=0, pool=0xffff)]
FLOWS = [None, *BUSY, *OWN, None, *HAIR, *PASSED]
SNAPSHOT = {"pools": ("default", "wide"), "quotas": (4, 0), "connection_limit": 100,
            "mapping_limit": 0}


def clients(bench, *words, flows=None, **members):
    bench.gateway.answers["session-table"] = session_answer(
        FLOWS if flows is None else flows, {**SNAPSHOT, **members})
    return bench.json("client", "show", *words)


@case
def client_counts(bench):
    listed = clients(bench)
    equal("order", [c["address"] for c in listed],
          ["192.168.50.10", "192.168.50.11", "192.168.50.12", "192.168.50.14", "192.168.50.13"])
    equal("a busy host", listed[0], {
        "address": "192.168.50.10", "portgroup": "vrack", "sessions": 5, "connection-limits": 100,
        "mappings": 2, "ports": 2, "pools": [{"pool": "default", "ports": 2, "port-quota": 4}],
        "packets": 40, "bytes": 4000})
    own = listed[1]
    equal("ports without mappings", (own["sessions"], own["mappings"], own["ports"]), (3, 1, 3))
    equal("pools", sorted(own["pools"], key=lambda pool: pool["pool"]),
          [{"pool": "default", "ports": 1, "port-quota": 4}, {"pool": "wide", "ports": 2}])
    equal("traffic", (own["packets"], own["bytes"]), (17, 1640))
    equal("who began a hairpin", (listed[2]["sessions"], listed[2]["mappings"], listed[2]["pools"]),
          (1, 1, [{"pool": "default", "ports": 1, "port-quota": 4}]))
    equal("passed", (listed[3]["sessions"], listed[3]["ports"], listed[3]["pools"]), (1, 0, []))
    equal("whom a hairpin reaches",
          (listed[4]["sessions"], listed[4]["mappings"], listed[4]["pools"]),
          (0, 1, [{"pool": "wide", "ports": 1}]))
    limited = clients(bench, connection_limit=0, mapping_limit=9)[0]
    equal("limits", (limited.get("connection-limits"), limited.get("mapping-limits")), (None, 9))
    equal("none", clients(bench, flows=[None]), [])


@case
def client_choice(bench):
    equal("one", [c["sessions"] for c in clients(bench, "192.168.50.11")], [3])
    equal("a network", [c["address"] for c in clients(bench, "192.168.50.12/31")],
          ["192.168.50.12", "192.168.50.13"])
    equal("none", clients(bench, "10.10.0.10"), [])
    equal("limit", [c["address"] for c in clients(bench, "limit", "2")],
          ["192.168.50.10", "192.168.50.11"])
    equal("both", len(clients(bench, "192.168.50.0/24", "limit", "3")), 3)
    equal("limit 0", clients(bench, "limit", "0"), [])
    equal("also list", bench.json("client", "list", "limit", "1"), bench.json("client")[:1])
    for words, message in ((("busy",), 'argument "busy" is wrong'),
                           (("10.0.0.1/8",), 'argument "10.0.0.1/8" is wrong'),
                           (("limit",), 'argument "value" is required after "limit"'),
                           (("limit", "x"), 'argument "x" is wrong: expected a number'),
                           (("limit", "4294967296"), 'argument "4294967296" is wrong'),
                           (("10.0.0.0/8", "10.0.0.0/8"), "expected limit"),
                           (("limit", "1", "2"), "expected the end")):
        contains("message", bench.pgw("client", "show", *words).must(1).err, message)


@case
def client_text(bench):
    clients(bench)
    lines = bench.text("client").split("\n")
    equal("titles", lines[0], "ADDRESS        PORTGROUP  SESSIONS  LIMIT  MAPPINGS  LIMIT  PORTS  "
                              "PORTS OF POOLS")
    equal("a busy host", lines[1].split(),
          ["192.168.50.10", "vrack", "5", "100", "2", "-", "2", "default:2/4"])
    equal("two pools", set(lines[2].split()[-1].split(",")), {"default:1/4", "wide:2"})
    equal("figures", bench.text("-s", "client").split("\n")[1].split()[-2:], ["40", "4000"])
    equal("brief", bench.text("-br", "client", "show", "192.168.50.14").split(),
          ["192.168.50.14", "1", "0", "0"])


@case
def client_many(bench):
    """More hosts, pools and mappings than any table begins with; each is counted once."""
    flows = []
    for host in range(700):
        for port in range(1 + host % 5):
            flows.append(outbound("10.1.%d.%d" % (host // 256, host % 256), 1000 + port,
                                  1024 + host * 5 + port))
    listed = clients(bench, flows=flows + flows)
    equal("hosts", len(listed), 700)
    for client in listed:
        host = [int(part) for part in client["address"].split(".")]
        count = 1 + (host[2] * 256 + host[3]) % 5
        equal("counts", (client["sessions"], client["mappings"], client["ports"]),
              (2 * count, count, count))
    equal("order", [c["sessions"] for c in listed],
          sorted((c["sessions"] for c in listed), reverse=True))
