# SPDX-License-Identifier: GPL-2.0-or-later
"""The 2048th allowed network is taken, the next is not; what is there can still be changed."""

import time

from client import CLOUD, call, check, refused, wait

NETWORKS = CLOUD + "/allowedNetwork"


def ended(task):
    return wait("task %d" % task, lambda: (lambda now: now if now["state"] in ("done", "error") else None)(
        call("GET", CLOUD + "/task/%d" % task).json), 60)


def done(what, answer):
    check(what + " is a task", answer.status == 200, answer)
    task = ended(answer.json["taskId"])
    check(what + " is done", task["state"] == "done", task)
    return task


def ids():
    return call("GET", NETWORKS).json


def main():
    check("2046 networks are listed", len(ids()) == 2046, len(ids()))

    # Two that are asked for at once, where there is room for both; the last of all is one of them.
    first = call("POST", NETWORKS, {"network": "203.0.113.1/32"})
    second = call("POST", NETWORKS, {"network": "203.0.113.2/32", "description": "the last"})
    began = time.monotonic()
    done("the 2047th", first)
    last = done("the 2048th", second)["networkAccessId"]
    print("-- both were done after %.2f s" % (time.monotonic() - began))
    check("2048 networks are listed", len(ids()) == 2048 and last in ids(), len(ids()))

    refused("the 2049th", call("POST", NETWORKS, {"network": "203.0.113.3/32"}), 403, part="2048")
    check("nothing is added", len(ids()) == 2048, len(ids()))

    place = NETWORKS + "/%d" % last
    whole = call("GET", place).json
    whole["network"] = "203.0.113.4/32"
    done("changing one of 2048", call("PUT", place, whole))
    check("the id stays", call("GET", place).json["network"] == "203.0.113.4/32")
    done("deleting one", call("DELETE", place))

    # Room for one, and two ask: one gets it, the other's task says why not, or it is refused at once.
    first = call("POST", NETWORKS, {"network": "203.0.113.5/32"})
    second = call("POST", NETWORKS, {"network": "203.0.113.6/32"})
    done("one of two", first)
    if second.status == 200:
        task = ended(second.json["taskId"])
        check("the other's task", task["state"] == "error" and "2048" in task["description"], task)
    else:
        refused("the other", second, 403, part="2048")
    check("2048 are there", len(ids()) == 2048, len(ids()))


main()
