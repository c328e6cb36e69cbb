# SPDX-License-Identifier: GPL-2.0-or-later
"""Tunnels with stock OpenSSH clients."""
import os
import signal
import socket
import subprocess
import threading
import time

from world import (AFTER_EOF, ECHO, WORK, case, connect, end, equal, keygen, no_tunnels, not_served, open_endpoints, refusals,
                   round_trip, ssh, wait_for, world)


@case("openssh")
def password_and_several_forwards():
    w = world()
    client = ssh(w, *sum((["-R", "%d:127.0.0.1:%d" % (8000 + i, ECHO)] for i in range(8)), []))
    open_endpoints(w, 8)
    for i in range(8):
        round_trip(8000 + i)
    tunnel = w.show()["tunnels"][0]
    equal("stage", tunnel["stage"], "dev")
    equal("transport", tunnel["transport"], "ssh")
    equal("bytes of the connector", tunnel["bytes-in"], 800000)
    end(client)
    no_tunnels(w)
    equal("endpoints", w.show()["endpoints"], [])
    w.stop()


@case("openssh")
def keys_of_each_kind():
    w = world()
    for kind in ("ed25519", "rsa", "ecdsa"):
        client = ssh(w, "-R", "8000:127.0.0.1:%d" % ECHO, user="dev", identity=keygen(kind))
        open_endpoints(w, 1)
        round_trip(8000)
        equal("connector", w.show()["tunnels"][0]["connector"], kind)
        end(client)
        no_tunnels(w)
    w.stop()


@case("openssh")
def each_cipher_and_key_exchange():
    w = world()
    for option in (["-c", "aes128-gcm@openssh.com"], ["-c", "aes256-gcm@openssh.com"],
                   ["-c", "chacha20-poly1305@openssh.com"], ["-o", "KexAlgorithms=curve25519-sha256"],
                   ["-o", "KexAlgorithms=curve25519-sha256@libssh.org"],
                   ["-o", "KexAlgorithms=ecdh-sha2-nistp256"]):
        client = ssh(w, "-R", "8000:127.0.0.1:%d" % ECHO, *option)
        open_endpoints(w, 1)
        round_trip(8000, 1000000)
        end(client)
        no_tunnels(w)
    w.stop()


@case("openssh")
def new_keys_every_megabyte():
    w = world()
    client = ssh(w, "-o", "RekeyLimit=1M", "-R", "8000:127.0.0.1:%d" % ECHO)
    open_endpoints(w, 1)
    threads = [threading.Thread(target=round_trip, args=(8000, 4 << 20)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    round_trip(8000, 16 << 20)
    equal("errors", refusals(w)["protocol"], 0)
    end(client)
    w.stop()


@case("openssh")
def wrong_ones_stay_out():
    w = world()
    begun = time.monotonic()
    said = ssh(w, "-R", "8000:127.0.0.1:1", password="wrong").communicate(timeout=30)[0]
    if "denied" not in said.lower():
        raise AssertionError("a wrong password: " + said)
    if time.monotonic() - begun < 0.5:
        raise AssertionError("a wrong password was answered at once")
    other = keygen("ed25519").parent / "id_other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)], check=True)
    said = ssh(w, "-R", "8000:127.0.0.1:1", identity=other).communicate(timeout=30)[0]
    if "denied" not in said.lower():
        raise AssertionError("an unknown key: " + said)
    said = ssh(w, "-R", "8000:127.0.0.1:1", user="prod", identity=keygen("ed25519")).communicate(timeout=30)[0]
    if "denied" not in said.lower():
        raise AssertionError("a key of another stage: " + said)
    equal("tunnels", w.show()["tunnels"], [])
    equal("refused", refusals(w)["token"], 1)
    w.stop()


@case("openssh")
def ports_that_cannot_be_had():
    w = world()
    w.refused_ports.add(8443)
    for forward in ("8443:127.0.0.1:1", "127.0.0.1x:8000:127.0.0.1:1", "127.0.0.2:8000:127.0.0.1:1",
                    "192.0.2.1:8000:127.0.0.1:1", "%d:127.0.0.1:1" % w.port):
        client = ssh(w, "-R", forward)
        equal("forward " + forward, client.wait(timeout=30) != 0, True)
        client.communicate()
    no_tunnels(w)
    client = ssh(w, "-R", "0:127.0.0.1:%d" % ECHO)
    open_endpoints(w, 1)
    round_trip(w.show()["endpoints"][0]["port"])
    end(client)
    w.stop()


@case("openssh")
def a_forward_can_be_cancelled():
    w = world()
    control = WORK / "control"
    client = ssh(w, "-M", "-S", control, "-R", "8000:127.0.0.1:%d" % ECHO, "-R", "8001:127.0.0.1:%d" % ECHO)
    open_endpoints(w, 2)
    subprocess.run(["ssh", "-S", str(control), "-O", "cancel", "-R", "8000:127.0.0.1:%d" % ECHO, "x"],
                   check=True, capture_output=True)
    open_endpoints(w, 1)
    round_trip(8001)
    end(client)
    w.stop()


@case("openssh")
def half_close_goes_through():
    w = world()
    client = ssh(w, "-R", "8000:127.0.0.1:%d" % AFTER_EOF)
    open_endpoints(w, 1)
    with connect(8000) as connection:
        connection.sendall(bytes(300000))
        connection.shutdown(socket.SHUT_WR)
        equal("answer after our end", connection.makefile("rb").read(), b"300000 bytes")
    end(client)
    w.stop()


@case("openssh")
def a_thousand_connections_at_once():
    w = world()
    client = ssh(w, "-R", "8000:127.0.0.1:%d" % ECHO)
    open_endpoints(w, 1)
    connections = [connect(8000) for _ in range(1000)]
    for i, connection in enumerate(connections):
        connection.sendall(b"%06d" % i)
    for i, connection in enumerate(connections):
        equal("answer", connection.recv(6), b"%06d" % i)
    equal("connections", w.show()["endpoints"][0]["connections"], 1000)
    for connection in connections:
        connection.close()
    wait_for(lambda: w.show()["counters"]["connections"] == 0, "all are closed")
    end(client)
    w.stop()


@case("openssh")
def a_killed_client_takes_only_its_own():
    w = world()
    first = ssh(w, "-R", "8000:127.0.0.1:%d" % ECHO)
    open_endpoints(w, 1, 1)
    old = connect(8000)
    old.sendall(b"x")
    equal("first", old.recv(1), b"x")
    second = ssh(w, "-R", "8000:127.0.0.1:%d" % ECHO)
    open_endpoints(w, 1, 2)
    others = []
    while len(others) < 4:  # in turn: two each
        others.append(connect(8000))
        others[-1].sendall(b"y")
        equal("other", others[-1].recv(1), b"y")
    children = subprocess.run(["pgrep", "-P", str(first.pid)], capture_output=True, text=True).stdout.split()
    for child in children:
        os.kill(int(child), signal.SIGKILL)
    wait_for(lambda: len(w.show()["tunnels"]) == 1, "the killed one is gone")
    try:
        equal("the killed one's connection", old.recv(1), b"")
    except ConnectionResetError:
        pass
    alive = 0
    for other in others:
        try:
            other.sendall(b"z")
            alive += other.recv(1) == b"z"
        except OSError:
            pass
    equal("connections of the other one", alive, 2)
    for _ in range(10):
        round_trip(8000, 1000)
    first.wait(timeout=20)
    end(second)
    w.stop()


def closed_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@case("openssh")
def the_next_connector_serves_what_one_cannot():
    """Whichever way they are chosen: one whose target is down has the fewest connections, always."""
    for balance in ("round-robin", "least-connections"):
        w = world(balance=balance)
        bad = ssh(w, "-R", "8000:127.0.0.1:%d" % closed_port())
        open_endpoints(w, 1, 1)
        good = ssh(w, "-R", "8000:127.0.0.1:%d" % ECHO)
        open_endpoints(w, 1, 2)
        held = connect(8000)
        held.sendall(b"x")
        equal("the first", held.recv(1), b"x")
        for _ in range(5):
            round_trip(8000, 100)
        held.close()
        end(good)
        open_endpoints(w, 1, 1)
        before = w.show()["tunnels"][0]["connections-failed"]
        equal("nobody serves it", not_served(8000), True)
        tunnel = w.show()["tunnels"][0]
        equal("attempts with the only one", tunnel["connections-failed"] - before, 1)
        equal("last error", tunnel["last-error"].startswith("port 8000: the connector could not connect"), True)
        w.kick(tunnel["id"])
        no_tunnels(w)
        wait_for(lambda: [e for e in w.events if e["members"].get("reason") == "it was ended by the operator"],
                 "the event says why the tunnel ended, not what its last error was")
        bad.communicate(timeout=20)
        w.stop()


@case("openssh")
def who_waits_is_greeted():
    """ssh-keyscan says nothing before the gateway does."""
    w = world()
    scan = subprocess.run(["ssh-keyscan", "-T", "30", "-p", str(w.port), "-t", "ecdsa", "127.0.0.1"],
                          capture_output=True, text=True, timeout=60)
    key = subprocess.run(["ssh-keygen", "-y", "-f", "/dev/stdin"], input=w.host_key, capture_output=True, text=True)
    equal("the gateway's key", scan.stdout.split()[1:3], key.stdout.split()[:2] or scan.stderr)
    w.stop()


@case("openssh")
def the_next_pgwd_is_asked_what_one_left_open():
    w = world()
    w.silent = True
    client = ssh(w, "-R", "8000:127.0.0.1:%d" % ECHO)
    wait_for(lambda: w.unanswered, "a port is asked for")
    w.leave()
    w.take_over()
    open_endpoints(w, 1)
    round_trip(8000)
    w.leave()
    other = ssh(w, "-R", "8001:127.0.0.1:%d" % ECHO)  # comes while there is none, or just after
    w.take_over()
    open_endpoints(w, 2)
    round_trip(8001)
    end(client)
    end(other)
    w.stop()
