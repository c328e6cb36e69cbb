# SPDX-License-Identifier: GPL-2.0-or-later
"""The trees of tasks: below a service, a datacenter, an allowed network, a server."""

from client import CLOUD, SERVER, call, check, pgw, refused, wait

DATE = {"executionDate": "2999-01-01T00:00:00Z"}


def ended(task):
    return wait("task %d" % task, lambda: (lambda now: now if now["state"] in ("done", "error") else None)(
        call("GET", CLOUD + "/task/%d" % task).json), 60)


def listed(what, path, tasks):
    got = call("GET", path)
    check(what, got.status == 200 and got.json == tasks, got)


def nobody():
    """What does not exist, by a number of nothing or of another."""
    for path in ("/1.0/dedicatedCloud/nope/task", "/1.0/dedicated/server/nope/task",
                 CLOUD + "/task/0", SERVER + "/task/0",
                 CLOUD + "/datacenter/0/task", CLOUD + "/datacenter/3/task",
                 CLOUD + "/datacenter/4/task", CLOUD + "/datacenter/4294967297/task",
                 CLOUD + "/allowedNetwork/0/task", CLOUD + "/allowedNetwork/999/task"):
        refused("GET " + path, call("GET", path), 404)


def main():
    nobody()
    listed("no tasks yet", CLOUD + "/task", [])
    listed("nor of a datacenter", CLOUD + "/datacenter/1/task", [])
    network = call("GET", CLOUD + "/allowedNetwork").json[0]
    below = CLOUD + "/allowedNetwork/%d" % network
    listed("nor of a network", below + "/task", [])

    # Its service is not served, so the check fails, and all is taken back.
    task = call("POST", CLOUD + "/datacenter/1/privateGateway/enable",
                {"ip": "172.16.0.1", "netmask": "255.255.255.0", "portgroup": "vrack"}).json
    check("it does not say yet why", "access by" in task["description"], task)
    task = ended(task["taskId"])
    check("it fails", task["state"] == "error", task)
    check("and says why", task["description"].startswith("check: no connection"), task)
    failed = task["taskId"]

    gone = call("DELETE", below).json["taskId"]
    check("a network is deleted", ended(gone)["state"] == "done")
    refused("it is not there", call("GET", below), 404)
    listed("its tasks are", below + "/task", [gone])
    nobody()
    listed("of the service", CLOUD + "/task", [failed, gone])
    listed("of the datacenter", CLOUD + "/datacenter/1/task", [failed])
    listed("of another", CLOUD + "/datacenter/2/task", [])
    listed("of another state", CLOUD + "/datacenter/1/task?state=done", [])
    for tree in ("/datacenter/0", "/datacenter/2", "/allowedNetwork/0"):
        place = CLOUD + tree + "/task/%d" % failed
        refused("GET " + place, call("GET", place), 404)
        refused("the date, there", call("POST", place + "/changeMaintenanceExecutionDate", DATE), 404)
        refused("again, there", call("POST", place + "/resetTaskState", {"reason": "x"}), 404)
    check("it stays as it is", call("GET", CLOUD + "/task/%d" % failed).json == task)
    given = pgw("application", "add", "operator", "role", "operate")
    given.update(pgw("credential", "add", "operator"))
    for place in (CLOUD + "/task/%d" % gone, below + "/task/%d" % gone):
        for last, body in (("/resetTaskState", {"reason": "x"}), ("/changeMaintenanceExecutionDate", DATE)):
            refused("an operator may not: " + place + last, call("POST", place + last, body, given=given),
                    403, "NOT_GRANTED_CALL", "networks need the role admin")
            refused("an admin might: " + place + last, call("POST", place + last, body), 409)
    refused("an operator might here", call("POST", CLOUD + "/task/%d/changeMaintenanceExecutionDate" % failed,
                                           DATE, given=given), 409)
    refused("a server's task 0 is not canceled", call("POST", SERVER + "/task/0/cancel"), 404)


main()
