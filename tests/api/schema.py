# SPDX-License-Identifier: GPL-2.0-or-later
"""Every call of the API's own schema: right and wrong values (hypothesis), and that the three
descriptions (OVHcloud's format, OpenAPI, what the server does) say the same."""

import itertools
import json
import os
import sys
import time
import urllib.parse

import client
from client import call, check, keys

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("API_EXAMPLES", "6"))
RESOURCES = ("auth", "dedicatedCloud", "dedicated/server")
KEYS = keys()
TICKS = itertools.count()
# What a call that is understood may say; a 5xx would be a fault of ours.
UNDERSTOOD = {200, 400, 403, 404, 409}


def operations():
    for resource in RESOURCES:
        got = call("GET", "/1.0/%s.json" % resource, headers={})
        check("schema of " + resource, got.status == 200 and
              got.json["resourcePath"] == "/" + resource, got)
        for api in got.json["apis"]:
            for operation in api["operations"]:
                yield api["path"], operation, got.json["models"]


OPERATIONS = list(operations())
MODELS = {name: model for _, _, models in OPERATIONS for name, model in models.items()}

ipv4 = st.integers(1, 2 ** 32 - 1).map(lambda n: ".".join(str(n >> s & 255) for s in (24, 16, 8, 0)))
SIMPLE = {
    "string": st.text(min_size=1, max_size=40).filter(lambda t: "\0" not in t and
                                                      t.encode("utf-8", "ignore").decode() == t),
    "long": st.integers(0, 10 ** 12),
    "boolean": st.booleans(),
    "ipv4": ipv4,
    "ipv4Block": st.tuples(ipv4, st.integers(0, 32)).map(lambda p: "%s/%d" % p),
    "ipBlock": ipv4,
    "macAddress": st.integers(0, 2 ** 48 - 1).map(
        lambda n: ":".join("%02x" % (n >> s & 255) for s in (40, 32, 24, 16, 8, 0))),
    "datetime": st.just("2026-01-02T03:04:05+00:00"),
}


def right(kind):
    if kind.endswith("[]"):
        return st.lists(right(kind[:-2]), max_size=3)
    if kind in SIMPLE:
        return SIMPLE[kind]
    model = MODELS[kind]
    if "enum" in model:
        return st.sampled_from(model["enum"])
    return st.fixed_dictionaries({name: right(field["type"])
                                  for name, field in model["properties"].items()})


JUNK = st.one_of(st.none(), st.booleans(), st.integers(-2 ** 63, 2 ** 63 - 1), st.floats(
    allow_nan=False, allow_infinity=False), st.text(max_size=2000), st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3), st.just("x" * 60000))


def is_wrong(kind, value):
    """Whether a value is surely of another type."""
    if kind.endswith("[]"):
        return not isinstance(value, list)
    if kind == "long":
        return isinstance(value, bool) or not isinstance(value, int) or value < 0
    if kind == "boolean":
        return not isinstance(value, bool)
    if kind not in SIMPLE and "enum" not in MODELS[kind]:
        return not isinstance(value, dict)
    return not isinstance(value, str) or "\0" in value


def filled(path, values):
    for name, value in values.items():
        path = path.replace("{%s}" % name, urllib.parse.quote(str(value), safe=""))
    return path


def split(operation):
    kinds = {"path": {}, "query": {}, "body": {}}
    for param in operation["parameters"]:
        # What has no name is the body itself, which messages call by its type.
        name = param.get("name", param["dataType"].rsplit(".", 1)[-1])
        kinds[param["paramType"]][name] = param
    return kinds


def send(path, operation, data, wrong=None):
    """A call with right values, but for what @wrong replaces. Return: the answer."""
    kinds = split(operation)
    values = {name: data.draw(right(param["dataType"]), label=name)
              for name, param in kinds["path"].items()}
    query = {name: data.draw(right(param["dataType"]), label=name)
             for name, param in kinds["query"].items() if data.draw(st.booleans())}
    body = {name: data.draw(right(param["dataType"]), label=name)
            for name, param in kinds["body"].items() if param["required"] or data.draw(st.booleans())}
    whole = [name for name, param in kinds["body"].items()
             if "properties" in MODELS.get(param["dataType"], {})]
    body.update(wrong or {})
    if whole:
        body = body[whole[0]]
    url = "/1.0" + filled(path, values)
    if query:
        url += "?" + urllib.parse.urlencode(query, errors="surrogatepass")
    # Each at a time of its own, within the window: the same values come more than once.
    stamp = int(time.time()) - 250 + next(TICKS) % 500
    return call(operation["httpMethod"], url, given=KEYS, timestamp=stamp,
                text=json.dumps(body) if body else "")


def sane(answer, what):
    if answer.status not in UNDERSTOOD:
        raise AssertionError("%s: %s" % (what, answer))
    if not answer.headers["X-Ovh-QueryID"]:
        raise AssertionError("%s: no query id" % what)
    if answer.status != 200 and set(answer.json) != {"class", "errorCode", "httpCode", "message"}:
        raise AssertionError("%s: error in another form: %s" % (what, answer))


def fits(kind, value, nullable=False):
    if value is None:
        return nullable or kind == "void"
    if kind.endswith("[]"):
        return isinstance(value, list) and all(fits(kind[:-2], one) for one in value)
    if kind == "long":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in SIMPLE:
        return isinstance(value, str)
    model = MODELS[kind]
    if "enum" in model:
        return value in model["enum"]
    return isinstance(value, dict) and set(value) == set(model["properties"]) and all(
        fits(field["type"], value[name], field["canBeNull"])
        for name, field in model["properties"].items())


def prober(path, operation):
    """A property of one call: right values are understood, a wrong one is named."""
    what = operation["httpMethod"] + " " + path
    body = split(operation)["body"]

    @settings(max_examples=EXAMPLES, deadline=None, database=None,
              suppress_health_check=list(HealthCheck), phases=(Phase.generate,), derandomize=True)
    @given(st.data())
    def probe(data):
        answer = send(path, operation, data)
        sane(answer, what)
        if answer.status == 200 and not fits(operation["responseType"], answer.json):
            raise AssertionError("%s answers what its schema does not say: %s" % (what, answer))
        if not body:
            return
        name = data.draw(st.sampled_from(sorted(body)))
        value = data.draw(JUNK)
        answer = send(path, operation, data, {name: value})
        sane(answer, what)
        wrong = is_wrong(body[name]["dataType"], value) if value is not None \
            else body[name]["required"]
        if not wrong or (operation["noAuthentication"] and answer.status == 403):
            return
        if answer.status != 400 or name not in answer.json["message"]:
            raise AssertionError("%s with %s=%r: %s" % (what, name, value, answer))

    return probe


def every_call():
    for path, operation, _ in OPERATIONS:
        if path == "/auth/logout":
            continue  # it would be the last one
        prober(path, operation)()
        print("-- ok: %s %s" % (operation["httpMethod"], path), flush=True)


def unknown_members():
    for path, operation, _ in OPERATIONS:
        kinds = split(operation)
        if not kinds["body"] or operation["noAuthentication"]:
            continue
        values = {"serviceName": "pcc-192-0-2-1", "datacenterId": 1, "taskId": 1,
                  "networkAccessId": 1, "macAddress": "02:00:00:00:00:01", "ipAddress": "192.0.2.1"}
        got = call(operation["httpMethod"], "/1.0" + filled(path, values), {"cafe\u0301": 1},
                   given=KEYS)
        client.refused("unknown member of " + path, got, 400, None, "not described parameter")
    got = call("GET", client.CLOUD + "/task?color=red", given=KEYS)
    client.refused("unknown parameter", got, 400, None, '"color"')
    for query, part in (("state=red", '"state"'), ("state=todo&state=done", "twice"),
                        ("name=%zz", "percent"), ("name=%00", "percent"), ("name=%ff", '"name"')):
        client.refused(query, call("GET", client.CLOUD + "/task?" + query, given=KEYS), 400, None, part)
    name = "\u00e9" * 60  # a message that quotes it is cut within a letter
    client.refused("a long unknown member", call("POST", client.CLOUD + "/allowedNetwork", {name: 1}, given=KEYS),
                   400, None, "not described parameter")
    everything = call("GET", client.CLOUD + "/task", given=KEYS)
    nothing = call("GET", client.CLOUD + "/task?name=&state=", given=KEYS)
    check("filters that are empty", nothing.status == 200 and nothing.json == everything.json, nothing)
    for bad in ("/datacenter/x", "/datacenter/-1", "/datacenter/1.5", "/datacenter/99999999999999999999"):
        client.refused(bad, call("GET", client.CLOUD + bad, given=KEYS), 400, None, '"datacenterId"')


def descriptions(openapi_path):
    with open(openapi_path, encoding="utf-8") as file:
        openapi = json.load(file)
    theirs = {(path, method.upper()) for path, methods in openapi["paths"].items()
              for method in methods}
    ours = {(path, operation["httpMethod"]) for path, operation, _ in OPERATIONS}
    check("OpenAPI has the same calls", theirs == ours, theirs ^ ours)
    check("and the same models", set(MODELS) | {"Error"} == set(openapi["components"]["schemas"]),
          set(MODELS) ^ set(openapi["components"]["schemas"]))
    for path, operation, _ in OPERATIONS:
        other = openapi["paths"][path][operation["httpMethod"].lower()]
        names = {param["name"] for param in other.get("parameters", [])}
        kinds = split(operation)
        check("parameters of %s %s" % (operation["httpMethod"], path),
              names == set(kinds["path"]) | set(kinds["query"]), names)
        whole = [param for param in operation["parameters"] if "name" not in param]
        check("the body itself has no name", [param["dataType"] for param in whole] == [
            param["dataType"] for param in kinds["body"].values()
            if "properties" in MODELS.get(param["dataType"], {})], whole)
        for kind in [operation["responseType"]] + [p["dataType"] for p in operation["parameters"]]:
            while kind.endswith("[]"):
                kind = kind[:-2]
            if kind not in SIMPLE and kind != "void":
                check("model " + kind, kind in MODELS)
    settable = {"dedicatedCloud.AllowedNetwork": {"network", "description"},
                "auth.AccessRule": {"method", "path"}}
    for name, model in MODELS.items():
        if "properties" not in model:
            continue
        found = {field for field, of in model["properties"].items() if not of["readOnly"]}
        check("what can be set of " + name, found == settable.get(name, set()), found)
        if name in settable:
            theirs = openapi["components"]["schemas"][name]["properties"]
            check("as OpenAPI says it", found == {field for field, of in theirs.items()
                                                  if not of.get("readOnly")}, theirs)
    index = call("GET", "/1.0/", headers={}).json
    check("the index names them", [api["path"] for api in index["apis"]] ==
          ["/" + resource for resource in RESOURCES], index)


descriptions(sys.argv[1])
unknown_members()
every_call()
