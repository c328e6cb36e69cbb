# SPDX-License-Identifier: GPL-2.0-or-later
"""What happens: a list of exchanges, the same for the same seed, node and phase.

An exchange is a dictionary: id (unique in a world), kind, address, port, and what its kind needs.
"""

import random

GATEWAY, EXTERNAL, VC, ESX, NOBODY = "172.16.0.1", "10.10.0.2", "10.10.0.10", "10.10.0.21", "10.10.0.99"
TCP_PORT, UDP_PORT = 7000, 7001
# By services, and straight to the servers by source NAT.
TCP_TARGETS = ((GATEWAY, 7000), (GATEWAY, 7100), (VC, TCP_PORT), (ESX, TCP_PORT))
UDP_TARGETS = ((GATEWAY, 7001), (VC, UDP_PORT), (ESX, UDP_PORT))
CLOSES = ("client", "server", "both", "client-reset", "server-reset")
BYTES_MAX = 2_000_000


def size(chance, most):
    """0, 1, something around a segment, or any order of magnitude."""
    return chance.choice((0, 1, chance.randint(500, 3000), int(most ** chance.random()),
                          int(most ** chance.random())))


def plain(chance, count):
    for _ in range(count):
        address, port = chance.choice(TCP_TARGETS)
        yield {"kind": "tcp", "address": address, "port": port, "up": size(chance, BYTES_MAX),
               "down": size(chance, BYTES_MAX), "close": chance.choice(CLOSES)}
    for _ in range(count):  # many short ones
        address, port = chance.choice(TCP_TARGETS)
        yield {"kind": "tcp-short", "address": address, "port": port,
               "up": chance.randint(0, 20), "down": chance.randint(0, 20),
               "close": chance.choice(CLOSES)}
    for _ in range(count):
        address, port = chance.choice(UDP_TARGETS)
        yield {"kind": "udp", "address": address, "port": port,
               "up": chance.randint(0, chance.choice((100, 1400, 1600, 9000))),
               "down": chance.randint(0, chance.choice((100, 1400, 1600, 9000)))}
    for _ in range(count // 2):
        yield {"kind": "ping", "address": chance.choice((VC, ESX)),
               "up": chance.randint(0, chance.choice((64, 1472, 1500, 8000)))}
    for _ in range(max(2, count // 10)):
        yield {"kind": "tcp-closed", "address": VC, "port": chance.randint(8000, 8100)}
        yield {"kind": "tcp-closed-service", "address": GATEWAY, "port": 7999}
        yield {"kind": "tcp-closed-gateway", "address": GATEWAY,
               "port": chance.randint(8000, 8100)}
        yield {"kind": "udp-closed", "address": ESX, "port": chance.randint(8000, 8100)}
        yield {"kind": "udp-closed-service", "address": GATEWAY, "port": 7998}
        yield {"kind": "udp-closed-gateway", "address": GATEWAY,
               "port": chance.randint(8000, 8100)}
        yield {"kind": "ping", "address": GATEWAY, "up": chance.randint(0, 1400)}
    yield {"kind": "tcp-unreachable", "address": NOBODY, "port": TCP_PORT}
    yield {"kind": "udp-unreachable", "address": NOBODY, "port": UDP_PORT}
    yield {"kind": "ping-unreachable", "address": NOBODY, "up": 56}
    for ttl in (1, 2, 3):
        yield {"kind": "ttl", "address": VC, "port": UDP_PORT, "ttl": ttl, "up": 10, "down": 0}
    # Where the worlds are known to differ: see "allowed".
    yield {"kind": "external-closed", "address": EXTERNAL, "port": 20000 + chance.randint(0, 999)}
    yield {"kind": "ping-gateway-fragments", "address": GATEWAY, "up": chance.randint(1500, 8000)}
    yield {"kind": "stray-ack", "address": VC, "port": TCP_PORT}


def stranger(_, __):
    yield {"kind": "denied-tcp", "address": GATEWAY, "port": 7000}
    yield {"kind": "denied-tcp", "address": VC, "port": TCP_PORT}
    yield {"kind": "denied-udp", "address": VC, "port": UDP_PORT}
    yield {"kind": "denied-ping", "address": ESX, "up": 56}


def narrow(chance, count):
    """Only answers are long: what far sends itself would be cut by its own end of the link."""
    for _ in range(max(6, count // 5)):
        address, port = chance.choice(TCP_TARGETS)
        yield {"kind": "tcp-narrow", "address": address, "port": port,
               "up": chance.randint(0, 1000), "down": size(chance, BYTES_MAX),
               "close": chance.choice(CLOSES)}
    for _ in range(max(6, count // 5)):
        address, port = chance.choice(UDP_TARGETS)
        yield {"kind": "udp-narrow", "address": address, "port": port,
               "up": chance.randint(0, 1000), "down": chance.randint(1000, 6000)}


def schedule(node, phase, seed, count):
    chance = random.Random("%s %s %d" % (node, phase, seed))
    make = narrow if phase == "narrow" else stranger if node == "stranger" else plain
    exchanges = list(make(chance, count))
    chance.shuffle(exchanges)
    for number, exchange in enumerate(exchanges):
        exchange["id"] = "%s-%s-%d" % (node, phase, number)
    return exchanges


def data(ident, direction, size_bytes):
    """What is sent in an exchange; both ends know it."""
    return random.Random("%s %s" % (ident, direction)).randbytes(size_bytes)
