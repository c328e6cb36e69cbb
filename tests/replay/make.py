#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Write the inputs of tests/replay: for each case of cases.py a directory with pgw.conf and the
captures in-PORTGROUP.pcap (or .pcapng). They are the same each time.

make.py           write them
make.py --check   say which of those that are kept differ from what would be written; exit 1 if any
"""

import io
import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from cases import all_stories  # noqa: E402
from story import write_pcap, write_pcapng  # noqa: E402


def inputs(story):
    """{file name: bytes} of a story."""
    files = {"pgw.conf": ("# %s\n%s" % (story.about, story.config)).encode()}
    for port, frames in story.frames.items():
        if not frames:
            continue
        file = io.BytesIO()
        (write_pcapng if story.ng else write_pcap)(file, frames)
        files["in-%s.pcap%s" % (port, "ng" if story.ng else "")] = file.getvalue()
    return files


def differing(story):
    """Names of inputs that are not as they would be written."""
    wrong = []
    for name, data in inputs(story).items():
        path = os.path.join(HERE, story.name, name)
        if not os.path.exists(path) or open(path, "rb").read() != data:
            wrong.append(os.path.join(story.name, name))
    return wrong


def main():
    stories = all_stories()
    if sys.argv[1:] == ["--check"]:
        wrong = [name for story in stories for name in differing(story)]
        for name in wrong:
            print("%s differs from what make.py writes" % name)
        return 1 if wrong else 0
    if sys.argv[1:]:
        print(__doc__.strip(), file=sys.stderr)
        return 1
    for story in stories:
        os.makedirs(os.path.join(HERE, story.name), exist_ok=True)
        for name, data in inputs(story).items():
            with open(os.path.join(HERE, story.name, name), "wb") as file:
                file.write(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
