# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may call, and how it is proven. calls.py first | again"""

import json
import os
import re
import sqlite3
import sys
import time

import client
from client import CLOUD, SERVER, WORK, call, check, keys, pgw, refused, signed

ME = "/1.0/auth/currentCredential"


def unsigned():
    got = call("GET", "/1.0/auth/time", headers={})
    check("the time is a bare integer", got.status == 200 and
          abs(int(got.text) - time.time()) < 5, got)
    refused("no application", call("GET", ME, headers={}), 403, "INVALID_KEY")
    refused("no credential", call("GET", ME, headers={"X-Ovh-Application": "x"}), 403,
            "NOT_CREDENTIAL")
    refused("not below the base path", call("GET", "/2.0/auth/time", headers={}), 404)
    refused("unknown path", call("GET", "/1.0/auth/times", headers={}), 404)
    got = call("DELETE", "/1.0/auth/time", headers={})
    refused("wrong method", got, 405)
    check("what is allowed", got.headers["Allow"] == "GET", got.headers["Allow"])
    got = call("PATCH", CLOUD + "/allowedNetwork/1", headers={})
    check("all that is allowed", sorted(got.headers["Allow"].split(", ")) ==
          ["DELETE", "GET", "PUT"], got.headers["Allow"])
    got = call("HEAD", "/1.0/auth/time", headers={})
    check("HEAD has no body", got.status == 405 and not got.text, got)


def signatures():
    given = keys()
    for kind, urls in (("unix", ("https://gateway", "http://gateway")),
                       ("http", ("http://127.0.0.1:8080", "http://127.0.0.1", "https://127.0.0.1")),
                       ("https", ("https://gateway.test", "https://gateway.test:8443"))):
        for url in urls:
            got = call("GET", ME, url=url, kind=kind)
            check("signed as %s over %s" % (url, kind), got.status == 200, got)
    refused("another URL", call("GET", ME, url="https://elsewhere"), 400, "INVALID_SIGNATURE")
    text = json.dumps({"accessRules": []})
    headers = signed(given, "POST", "https://gateway/1.0/auth/logout", text)
    refused("another body", call("POST", "/1.0/auth/logout", text="{}", headers=headers), 400,
            "INVALID_SIGNATURE")
    refused("another method", call("POST", ME.replace("currentCredential", "logout"),
                                   headers=signed(given, "GET",
                                                  "https://gateway/1.0/auth/logout", "")),
            400, "INVALID_SIGNATURE")
    for text in ("$1$", "", "$2$" + 40 * "0", "$1$" + 39 * "0", "$1$" + 40 * "g", "$1$" + 40 * "0"):
        headers = {**signed(given, "GET", "https://gateway" + ME, ""), "X-Ovh-Signature": text}
        refused("signature %r" % text, call("GET", ME, headers=headers), 400, "INVALID_SIGNATURE")
    now = int(time.time())
    for stamp in (now - 310, now + 310, 0, 10 ** 17):
        headers = signed(given, "GET", "https://gateway" + ME, "", stamp)
        refused("time %+d" % (stamp - now), call("GET", ME, headers=headers), 400,
                "QUERY_TIME_OUT")
    headers = {**headers, "X-Ovh-Timestamp": "soon"}
    refused("no time", call("GET", ME, headers=headers), 400, "QUERY_TIME_OUT")
    for stamp in (now - 290, now + 290):
        headers = signed(given, "GET", "https://gateway" + ME, "", stamp)
        check("time %+d" % (stamp - now), call("GET", ME, headers=headers).status == 200)
    other = {**given, "application-key": "0123456789abcdef"}
    refused("key of another", call("GET", ME, given=other), 403, "INVALID_KEY")
    other = {**given, "consumer-key": "A" * 32}
    refused("unknown credential", call("GET", ME, given=other), 403, "NOT_CREDENTIAL")
    other = {**other, "application-key": "0123456789abcdef"}
    refused("unknown application", call("GET", ME, given=other), 403, "INVALID_KEY")


def replays():
    given = keys()
    path = CLOUD + "/datacenter/1/privateGateway/enable"
    headers = signed(given, "POST", "https://gateway" + path, "{}")
    refused("the first time it is judged", call("POST", path, text="{}", headers=headers), 400,
            "INVALID_ARGUMENT", '"ip"')
    refused("the second time it is a replay", call("POST", path, text="{}", headers=headers), 400,
            "INVALID_SIGNATURE", "used already")
    other = "/1.0/auth/details"
    headers = signed(given, "GET", "https://gateway" + other, "", int(time.time()) + 7)
    check("a GET", call("GET", other, headers=headers).status == 200)
    refused("the same from another address", call("GET", other, headers=headers, kind="http"), 400,
            "INVALID_SIGNATURE")
    kept = {"path": path, "headers": signed(given, "POST", "https://gateway" + path, "{}",
                                            int(time.time()) + 5)}
    call("POST", path, text="{}", headers=kept["headers"])
    with open(os.path.join(WORK, "replay.json"), "w", encoding="utf-8") as file:
        json.dump(kept, file)


def again():
    """Another pgwd on the same state: what was accepted is still known."""
    with open(os.path.join(WORK, "replay.json"), encoding="utf-8") as file:
        kept = json.load(file)
    got = client.wait("the API is served again", lambda: call(
        "POST", kept["path"], text="{}", headers=kept["headers"]))
    refused("a replay after a restart", got, 400, "INVALID_SIGNATURE", "used already")
    got = call("GET", ME)
    check("and new calls are accepted", got.status == 200, got)


def flow():
    """An application asks for a credential; an operator says yes, or no."""
    given = pgw("application", "add", "flow", "role", "operate", "description", "a <b> & c")
    header = {"X-Ovh-Application": given["application-key"]}
    wanted = {"accessRules": [{"method": "GET", "path": "/auth/*"},
                              {"method": "GET", "path": "/dedicatedCloud/*/task"},
                              {"method": "POST", "path": "/auth/logout"}], "redirection": None}

    def ask(body):
        return call("POST", "/1.0/auth/credential", body=body, headers=dict(header))

    def new(**more):
        got = ask({**wanted, **more})
        check("a credential", got.status == 200 and got.json["state"] == "pendingValidation" and
              set(got.json) == {"consumerKey", "state", "validationUrl"}, got)
        return {**given, "consumer-key": got.json["consumerKey"]}, got.json["validationUrl"]

    refused("unknown application", call("POST", "/1.0/auth/credential", body=wanted, headers={
        "X-Ovh-Application": "nobody"}), 403, "INVALID_KEY", "application key")
    refused("no rules", ask({"accessRules": []}), 400)
    refused("rules that are none", ask({"accessRules": 3}), 400, None, '"accessRules"')
    refused("a method that is none", ask({"accessRules": [{"method": "EAT", "path": "/"}]}), 400)
    for odd in ("javascript:alert(1)", "https://a/\u0001", "https://a/\r\nX: y", "https://a/caf\u00e9", "https://a/ b"):
        refused("redirection %r" % odd, ask({**wanted, "redirection": odd}), 400, None, '"redirection"')

    mine, _ = new()
    refused("pending", call("GET", ME, given=mine), 403, "INVALID_CREDENTIAL")
    pgw("credential", "validate", mine["consumer-key"])
    got = call("GET", ME, given=mine)
    check("validated", got.status == 200 and got.json["status"] == "validated" and
          got.json["rules"] == wanted["accessRules"], got)
    details = call("GET", "/1.0/auth/details", given=mine).json
    check("details", details["account"] == "flow" and details["roles"] == ["operate"], details)
    refused("no rule for it", call("GET", SERVER + "/virtualMac", given=mine), 403,
            "NOT_GRANTED_CALL")
    got = call("POST", "/1.0/auth/logout", given=mine)
    check("logout", got.status == 200 and got.text == "null", got)
    refused("logged out", call("GET", ME, given=mine), 403, "INVALID_CREDENTIAL")

    mine, url = new(redirection="https://app.example/done?x=1")
    page_path = url.removeprefix("http://gateway")
    page = call("GET", page_path, headers={})
    check("the page", page.status == 200 and "text/html" in page.headers["Content-Type"] and
          "GET /dedicatedCloud/*/task" in page.text and "<script" not in page.text, page)
    check("nobody frames it", page.headers["X-Frame-Options"] == "DENY")
    number = int(re.search(r"credential show id\s+(\d+)|show (\d+)", page.text).group(1) or 0)
    code = [item["validation-code"] for item in pgw("credential", "show")
            if item["credential-id"] == number][0]
    token = url.split("credentialToken=")[1]

    def send(word, action):
        return call("POST", "/1.0/auth/validate", headers={
            "Content-Type": "application/x-www-form-urlencoded"},
            text="credentialToken=%s&code=%s&action=%s" % (token, word, action))

    check("a wrong code", send("A" * 16, "validate").status == 403)
    refused("still pending", call("GET", ME, given=mine), 403, "INVALID_CREDENTIAL")
    got = send(code, "validate")
    check("the code, and on to the application", got.status == 303 and
          got.headers["Location"] == "https://app.example/done?x=1", got)
    check("validated by the page", call("GET", ME, given=mine).status == 200)
    check("its page is gone", call("GET", page_path, headers={}).status == 404)
    mine, _ = new()
    pgw("credential", "refuse", mine["consumer-key"])
    refused("refused", call("GET", ME, given=mine), 403, "INVALID_CREDENTIAL")
    pgw("application", "del", "flow")
    refused("the application is gone", call("GET", ME, given=mine), 403, "INVALID_KEY")
    rows = [row for row in pgw("audit") if row["detail"].get("credential") == number]
    seen = [(row["operation"], row["by"], row["result"]) for row in rows]
    check("its life is in the audit log", seen == [
        ("credential-request", "flow", "ok"),
        ("credential-approve", "validation page", "This is not the validation code."),
        ("credential-approve", "validation page", "ok")], rows)
    check("what was asked for", rows[0]["detail"]["access-rules"] == wanted["accessRules"] and
          rows[0]["from"] == "unix", rows)


def roles():
    for role, may in (("read", ()), ("operate", ("vmac",)), ("admin", ("vmac", "network"))):
        given = pgw("application", "add", "role-" + role, "role", role)
        given.update(pgw("credential", "add", "role-" + role))
        check(role + " may ask", call("GET", CLOUD + "/datacenter/1/portgroup",
                                      given=given).status == 200)
        for what, path in (("vmac", SERVER + "/virtualMac"), ("network", CLOUD + "/allowedNetwork")):
            got = call("POST", path, body={}, given=given)
            if what in may:
                refused("%s may change %s" % (role, what), got, 400, "INVALID_ARGUMENT", "Missing")
            else:
                refused("%s may not change %s" % (role, what), got, 403, "NOT_GRANTED_CALL")
    imported = os.path.join(WORK, "secret")
    with open(imported, "w", encoding="ascii") as file:
        file.write("0123456789abcdefghij\n")
    given = pgw("application", "add", "moved", "key", "OldKey0123456789", "secret-file", imported)
    given.update(pgw("credential", "add", "moved", "rule", "GET", "/auth/*"))
    check("keys from elsewhere", call("GET", ME, given=given).status == 200)


def flood():
    """Requests for credentials do not fill the audit log, nor do guesses at keys."""
    given = pgw("application", "add", "flood")
    for _ in range(120):
        got = call("POST", "/1.0/auth/credential", {"accessRules": [
            {"method": "GET", "path": "/*"}]}, headers={"X-Ovh-Application": given["application-key"]})
        if got.status != 200:
            check("a credential", False, got)
    rows = pgw("audit", "show", "1000")
    kept = [row for row in rows if row["operation"] == "credential-request" or
            (row["operation"] == "credential-approve" and row["result"] != "ok")]
    check("an hour's bound", len(kept) == 100, len(kept))
    check("no guess is among them", {row["by"] for row in kept} == {
        "flow", "flood", "validation page"}, kept)
    for number in range(40):  # from many addresses: no single one waits
        got = call("POST", "/1.0/auth/validate", kind="http", source="127.0.7.%d" % (number + 1), headers={},
                   text="credentialToken=%032d&code=AAAAAAAA&action=validate" % number)
        if got.status != 403:
            check("a token of nothing", False, got)
    check("what validates nothing is not in the audit log", pgw("audit", "show", "1000") == rows)
    with open(os.path.join(WORK, "pgwd.err"), encoding="utf-8") as file:
        said = [line for line in file if "a credential was to be validated that does not exist" in line]
    check("the log counts it, now and then", 0 < len(said) < 10 and "from 127.0.7.1" in said[0], said)


def locked():
    """Another program holds the database: who may call still may, and nothing else is promised."""
    given = pgw("application", "add", "locked")
    given.update(pgw("credential", "add", "locked"))
    path = CLOUD + "/allowedNetwork"
    before = call("GET", path)
    base = sqlite3.connect(os.path.join(WORK, "state", "pgw.db"), isolation_level=None)
    base.execute("BEGIN IMMEDIATE")
    for ago in range(4):
        got = call("GET", path, given=given, timestamp=int(time.time()) - ago)
        check("the list", got.status == 200 and got.json == before.json, got)
    refused("a change", call("POST", path, {"network": "203.0.113.0/25"}), 503, None,
            "cannot do this now")
    base.execute("ROLLBACK")
    base.close()
    check("nothing has changed", call("GET", path, timestamp=int(time.time()) - 9).json == before.json)
    with open(os.path.join(WORK, "pgwd.err"), encoding="utf-8") as file:
        said = [line for line in file if "last use is not kept" in line]
    check("the log says it once, not for every call", len(said) == 1, said)
    with open(os.path.join(WORK, "pgwd.err"), encoding="utf-8") as file:
        said = [line for line in file if "api: pgw.api." in line and "locked by another program" in line]
    check("and why the change was refused, which is not for its caller", len(said) == 1, said)


def names():
    """What is found wrong behind the API is named as the API names it."""
    missing = 'Missing parameter "network"'
    created = call("POST", CLOUD + "/allowedNetwork", {"network": "203.0.113.0/24"})
    check("a network", created.status == 200, created)
    network = CLOUD + "/allowedNetwork/%d" % created.json["networkAccessId"]
    center = CLOUD + "/datacenter/1/privateGateway/"
    refused("an empty object", call("PUT", network, {}), 400, None, missing)
    enabled = call("POST", center + "enable", {"ip": "172.16.0.1", "netmask": "255.255.255.0",
                                               "portgroup": "vrack"})
    check("enable", enabled.status == 200, enabled)
    task = CLOUD + "/task/%d" % enabled.json["taskId"]
    client.wait("it is enabled", lambda: call("GET", task).json["state"] == "done")
    refused("a datacenter that is none", call("POST", center + "reconfigure", {
        "newDatacenterId": 9}), 400, None, "newDatacenterId 9 is wrong")
    place = {"ip": "172.16.0.255", "netmask": "255.255.255.0"}
    refused("an address that is none of a host", call("POST", center + "reconfigure", place), 400, None,
            'ip "172.16.0.255" is wrong')
    got = call("POST", center + "reconfigure", {"portgroup": "vrack", "ip": "198.51.100.1"})
    check("what is not about a parameter names none", got.status == 400 and "serviceName" not in got.json["message"] and
          got.json["message"].startswith("198.51.100.1 is an address"), got)
    mac = {"ipAddress": "198.51.100.40", "type": "ovh", "virtualMachineName": "web1"}
    for name, value in (("virtualMachineName", "a b"), ("virtualMachineName", "x" * 32),
                        ("ipAddress", "8.8.8.8")):
        got = call("POST", SERVER + "/virtualMac", {**mac, name: value})
        refused("%s %s" % (name, value), got, 400, None, '%s "%s" is wrong' % (name, value))
        check("it begins with it", got.json["message"].startswith(name), got)


def audit():
    rows = pgw("audit")
    seen = {(row["operation"], row["result"]) for row in rows}
    check("who made applications", ("application-add", "ok") in seen, seen)
    check("by whom", any(row["operation"] == "credential-logout" and row["by"].startswith("flow#")
                         and row["from"] == "unix" for row in rows), rows)
    text = json.dumps(rows)
    check("no secret is in it", keys()["application-secret"] not in text and
          keys()["consumer-key"] not in text)
    got = call("GET", "/1.0/auth/details")
    with open(os.path.join(WORK, "pgwd.err"), encoding="utf-8") as file:
        check("the query's number is in the log", got.headers["X-Ovh-QueryID"] in file.read())


def main():
    if sys.argv[1] == "again":
        again()
        return
    for part in (unsigned, signatures, flow, roles, locked, names, audit, replays, flood):
        print("-- " + part.__name__, flush=True)
        part()


main()
