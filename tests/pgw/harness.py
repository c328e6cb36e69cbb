# SPDX-License-Identifier: GPL-2.0-or-later
"""What the cases share: running pgw, and saying what differs from what was expected."""

import json
import os
import pty
import subprocess

import fake

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PGW = os.path.join(os.environ.get("PGW_BIN", os.path.join(TOP, "build", "bin")), "pgw")
BOUND_S = 30
TESTS = []


def case(function):
    """Marks a test; it gets a Bench."""
    TESTS.append(function)
    return function


def equal(what, got, wanted):
    assert got == wanted, "%s is\n%r\nexpected\n%r" % (what, got, wanted)


def contains(what, text, part):
    assert part in text, "%s has no %r:\n%s" % (what, part, text)


def lacks(what, text, part):
    assert part not in text, "%s has %r:\n%s" % (what, part, text)


class Result:
    def __init__(self, arguments, code, out, err):
        self.arguments, self.code, self.out, self.err = arguments, code, out, err

    def must(self, code):
        assert self.code == code, "pgw %s: exit status %d, expected %d\n%s%s" % (
            " ".join(self.arguments), self.code, code, self.out, self.err)
        return self


class Bench:
    """A run directory, and in it a fake pgwd as soon as .gateway is used."""

    def __init__(self, rundir):
        self.rundir = rundir
        self.fake = None

    @property
    def gateway(self):
        if not self.fake:
            self.fake = fake.FakePgwd(self.rundir)
        return self.fake

    def close(self):
        if self.fake:
            self.fake.close()

    def path(self, name, text=None):
        path = os.path.join(self.rundir, name)
        if text is not None:
            with open(path, "wb") as file:
                file.write(text if isinstance(text, bytes) else text.encode())
        return path

    def environment(self, **more):
        environment = {name: value for name, value in os.environ.items()
                       if name not in ("NO_COLOR", "TERM")}
        environment.update({"TERM": "xterm", "LC_ALL": "C", **more})
        return environment

    def pgw(self, *arguments, stdin="", env=None, stdout=subprocess.PIPE):
        done = subprocess.run([PGW, "-r", self.rundir, *arguments], input=stdin.encode(),
                              stdout=stdout, stderr=subprocess.PIPE, timeout=BOUND_S,
                              env=self.environment(**(env or {})), check=False)
        assert done.returncode >= 0, "pgw %s died of signal %d\n%s" % (
            " ".join(arguments), -done.returncode, done.stderr.decode(errors="replace"))
        err = done.stderr.decode(errors="replace")
        lacks("standard error of pgw " + " ".join(arguments), err, "Sanitizer")
        return Result(arguments, done.returncode, (done.stdout or b"").decode(errors="replace"),
                      err)

    def text(self, *arguments, **more):
        return self.pgw(*arguments, **more).must(0).out

    def json(self, *arguments, **more):
        out = self.pgw("-j", *arguments, **more).must(0).out
        lacks("JSON of " + " ".join(arguments), out, "\033")
        return json.loads(out)

    def on_terminal(self, *arguments, env=None, what="stderr"):
        """Standard output or error is a terminal: what pgw writes there, and its exit status."""
        primary, secondary = pty.openpty()
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL,
                   "stderr": subprocess.DEVNULL}
        streams[what] = secondary
        process = subprocess.Popen([PGW, "-r", self.rundir, *arguments],
                                   env=self.environment(**(env or {})), **streams)
        os.close(secondary)
        out = b""
        while True:
            try:
                part = os.read(primary, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            out += part
        os.close(primary)
        return process.wait(BOUND_S), out.decode(errors="replace").replace("\r\n", "\n")
