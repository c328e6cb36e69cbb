# SPDX-License-Identifier: GPL-2.0-or-later
"""pgw replay itself: arguments, damaged captures, files that cannot be written, seeds."""

import json
import os
import random
import subprocess
import tempfile

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether

from story import BASE, CLIENT, SERVICE, Story, read_pcap, up, write_pcap

TESTS = []


def test(function):
    """@where: a directory with pgw.conf and in.pcap."""
    def run(pgw, _):
        with tempfile.TemporaryDirectory(prefix="pgw-replay-") as where:
            with open(os.path.join(where, "pgw.conf"), "w", encoding="utf-8") as file:
                file.write(BASE.replace("40000-40000", "40000-49999"))
            story = Story("commands", "")
            for host in range(1, 41):
                story.frame("vrack", up(UDP(sport=5000, dport=53), src="192.168.50.%d" % host))
            for port, frames in story.frames.items():
                with open(os.path.join(where, port + ".pcap"), "wb") as file:
                    write_pcap(file, frames)
            function(lambda *args: replay(pgw, where, args), where)
            left = [name for name in os.listdir(where) if ".pcap." in name or ".json." in name]
            assert not left, "left behind: %s" % left
    run.__name__ = function.__name__
    TESTS.append(run)
    return function


def replay(pgw, where, args):
    """(exit status, stdout, stderr)"""
    done = subprocess.run([pgw, "replay", *args], cwd=where, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


USUAL = ("-c", "pgw.conf", "-i", "vrack=vrack.pcap", "vsphere=vsphere.pcap")


def refused(run, status, text, *args):
    got, _, said = run(*args)
    assert got == status, "%s: exit status %d, expected %d: %s" % (args, got, status, said)
    assert text in said, "%s: said %r, expected %r" % (args, said, text)
    assert said.count("\n") == 1, "%s: not one line: %r" % (args, said)


@test
def arguments(run, _):
    refused(run, 1, '"-c FILE" is required', "-i", "vrack=vrack.pcap")
    refused(run, 1, '"-i PORTGROUP=FILE" is required', "-c", "pgw.conf")
    refused(run, 1, '"PORTGROUP=FILE" is required', "-c", "pgw.conf", "-i")
    refused(run, 1, "expected PORTGROUP=FILE after -i", "-c", "pgw.conf", "-i", "vrack.pcap")
    refused(run, 1, "name of a portgroup of pgw.conf", "-c", "pgw.conf", "-i", "nobody=vrack.pcap")
    refused(run, 1, "expected -c, -i, -o", *USUAL, "-x")
    refused(run, 1, 'duplicate "-c"', *USUAL, "-c", "pgw.conf")
    refused(run, 1, 'duplicate "-i"', *USUAL, "-i", "vrack=other.pcap")
    refused(run, 1, "it is an input", *USUAL, "-o", "vrack=vrack.pcap")
    refused(run, 1, "it is the configuration", *USUAL, "-o", "vrack=pgw.conf")
    refused(run, 1, "two outputs have this name", *USUAL, "-o", "vrack=a.pcap", "vsphere=a.pcap")
    refused(run, 1, "two outputs have this name", *USUAL, "-o", "vrack=a", "--report", "a")
    refused(run, 1, "expected a number from 0", *USUAL, "--seed", "-1")
    refused(run, 1, "expected a number from 0", *USUAL, "--seed", "1x")
    refused(run, 1, "expected an MTU", *USUAL, "--mtu", "vrack=67")
    refused(run, 1, "expected PORTGROUP=MAC", *USUAL, "-m", "vrack=01:00:00:00:00:01")
    refused(run, 1, "expected ADDRESS=MAC", *USUAL, "-n", "10.10.0.5=nonsense")
    refused(run, 1, "no network of a portgroup", *USUAL, "-n", "10.99.0.5=02:00:00:00:00:05")
    refused(run, 1, "No such file", "-c", "missing.conf", "-i", "vrack=vrack.pcap")
    refused(run, 1, "missing.pcap: cannot be read: No such file", "-c", "pgw.conf", "-i",
            "vrack=missing.pcap")


@test
def wrong_configuration(run, where):
    with open(os.path.join(where, "bad.conf"), "w", encoding="utf-8") as file:
        file.write(BASE + "nat add 200 from 0.0.0.0/0 to 0.0.0.0/0 pool nothing\n")
    refused(run, 1, "bad.conf:10:", "-c", "bad.conf", "-i", "vrack=vrack.pcap")


@test
def damaged_captures(run, where):
    """Each is refused by name, and nothing is written; no byte of it makes pgw crash."""
    with open(os.path.join(where, "vrack.pcap"), "rb") as file:
        whole = file.read()
    chance = random.Random(1)
    for number in range(300):
        data = bytearray(whole)
        if number % 3 == 0:
            data = data[:chance.randrange(len(data))]
        for _ in range(number % 7):
            if data:
                data[chance.randrange(len(data))] = chance.randrange(256)
        with open(os.path.join(where, "bad.pcap"), "wb") as file:
            file.write(data)
        status, _, said = run("-c", "pgw.conf", "-i", "vrack=bad.pcap", "-o", "vsphere=out.pcap",
                              "--linger", "0")
        assert status in (0, 1), "exit status %d: %s" % (status, said)
        assert (status == 1) == ("bad.pcap" in said), said
        assert (status == 0) == os.path.exists(os.path.join(where, "out.pcap")), said
        if status == 0:
            os.unlink(os.path.join(where, "out.pcap"))
    for data, text in ((b"", "not a capture"), (b"hello, world, no capture", "not a capture"),
                       (whole[:-1], "damaged"),
                       (whole[:20] + b"\x71\0\0\0" + whole[24:], "expected Ethernet")):
        with open(os.path.join(where, "bad.pcap"), "wb") as file:
            file.write(data)
        refused(run, 1, text, "-c", "pgw.conf", "-i", "vrack=bad.pcap")


@test
def outputs_that_cannot_be_written(run, where):
    refused(run, 2, "cannot write missing/out.pcap", *USUAL, "-o", "vrack=missing/out.pcap")
    refused(run, 2, "not a regular file", *USUAL, "-o", "vrack=/dev/null")
    refused(run, 2, "cannot write missing/report", *USUAL, "-o", "vsphere=out.pcap", "--report",
            "missing/report")
    assert not os.path.exists(os.path.join(where, "out.pcap")), "an output of a failed run is kept"


@test
def seeds(run, where):
    """Equal seeds give equal outputs, others other ports; ports are within the pool, and spread."""
    def ports(seed):
        status, text, said = run(*USUAL, "-o", "vsphere=out.pcap", "--seed", str(seed), "-j")
        assert status == 0, said
        assert json.loads(text)["gateway"]["flows-created"] == 40
        return [int.from_bytes(frame[34:36], "big")
                for _, frame in read_pcap(os.path.join(where, "out.pcap"))]

    one = ports(7)
    assert len(one) == 40 and len(set(one)) > 35, one
    assert all(40000 <= port < 50000 for port in one), one
    assert max(one) - min(one) > 5000, one
    assert ports(7) == one
    assert ports(8) != one


@test
def both_spellings_and_text(run, where):
    status, text, said = run("-c", "pgw.conf", "-i", "vrack=vrack.pcap", "-i",
                             "vsphere=vsphere.pcap", "-o", "vsphere=two.pcap")
    assert status == 0, said
    for word in ("BEGIN", "FLOWS-CREATED", "PORTGROUP", "vsphere", "not-ipv4"):
        assert word in text, "%s is not in %s" % (word, text)
    assert run(*USUAL, "-o", "vsphere=one.pcap")[0] == 0
    assert read_pcap(os.path.join(where, "one.pcap")) == read_pcap(os.path.join(where, "two.pcap"))


@test
def names_and_ntp_lead_inside(run, where):
    """What a gateway serves itself leaves by the portgroup inside, with the client's address."""
    with open(os.path.join(where, "pgw.conf"), "w", encoding="utf-8") as file:
        file.write(BASE.replace(" backend ", " sni pcc-1.example.net backend ") +
                   "ntp add 172.16.0.1 server ntp.example.net\n")
    story = Story("inside", "", neighbours=False)
    story.frame("vrack", up(TCP(sport=50000, dport=443, flags="S"), dst=SERVICE))
    story.frame("vrack", up(UDP(sport=50001, dport=123), dst=SERVICE))
    story.frame("vrack", up(TCP(sport=50002, dport=444, flags="S"), dst=SERVICE))
    with open(os.path.join(where, "vrack.pcap"), "wb") as file:
        write_pcap(file, story.frames["vrack"])
    status, text, said = run("-c", "pgw.conf", "-i", "vrack=vrack.pcap", "-o", "pgw-inside=inside.pcap",
                             "vsphere=vsphere-out.pcap", "-j")
    assert status == 0, said
    assert json.loads(text)["gateway"]["flows-created"] == 2
    sent = [Ether(frame)[IP] for _, frame in read_pcap(os.path.join(where, "inside.pcap"))]
    assert [(p.src, p.dst, p.sport, p.dport) for p in sent] == [
        (CLIENT, "169.254.112.2", 50000, 10000), (CLIENT, "169.254.112.2", 50001, 10123)], sent
    assert not list(read_pcap(os.path.join(where, "vsphere-out.pcap")))
