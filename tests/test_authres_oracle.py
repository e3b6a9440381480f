# SPDX-License-Identifier: BSD-2-Clause
"""Authentication-Results against Python's authres (Debian: python3-authres): each reads
what the other writes. Left out is what authres gets wrong: quoted values with another
property behind them, escapes in quotes, kinds of properties that it does not know."""

import json
import random
import subprocess

import pytest

from conftest import BUILD

authres = pytest.importorskip("authres")

METHODS = {"spf": ["pass", "fail", "softfail", "none"], "dkim": ["pass", "fail", "temperror"],
           "dmarc": ["pass", "fail", "none"], "iprev": ["pass", "fail"], "x-own": ["yes", "no"]}
PROPERTIES = [("smtp", "mailfrom"), ("smtp", "helo"), ("header", "d"), ("header", "i"), ("header", "from"),
              ("policy", "x-y"), ("body", "part")]
VALUES = ["example.net", "ann@example.net", "@sub.example.net", "o'neil+tag@example.net", "2", "TLSv1.2", "x_y-z",
          "\"bob smith\"@example.net", "a/b=c@example.net"]
LAST = VALUES + ["Qgi/FoC0==", "2001:db8::1", "two words", "x; dkim=pass", "(no comment)", "<ann@example.net>"]
TEXTS = ["", "good", "good signature", "2048-bit key", "it's (nested (even))", "a; b=c", "long " * 30]


@pytest.fixture(scope="module")
def ask():
    with subprocess.Popen([BUILD / "tests/authres_pipe"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as p:
        def call(**what):
            p.stdin.write(json.dumps(what).encode() + b"\n")
            p.stdin.flush()
            return json.loads(p.stdout.readline())
        yield call


def one(rnd):
    method = rnd.choice(list(METHODS))
    properties = [[*rnd.choice(PROPERTIES), rnd.choice(VALUES)] for _ in range(rnd.randint(0, 4))]
    if properties:
        properties[-1][2] = rnd.choice(LAST)
    return {"method": method, "result": rnd.choice(METHODS[method]), "reason": rnd.choice(TEXTS).strip(),
            "properties": properties, "comment": ""}


def at_random(rnd):
    return {"authserv_id": rnd.choice(["mx.example.com", "MX2", "a_b.example"]),
            "results": [one(rnd) for _ in range(rnd.randint(0, 5))]}


def as_authres(value):
    """What authres reads, in our form."""
    header = authres.AuthenticationResultsHeader.parse("Authentication-Results:" + value.replace("\n", "\r\n"))
    return {"authserv_id": header.authserv_id,
            "results": [{"method": r.method, "result": r.result, "reason": r.reason or "",
                         "properties": [[p.type, p.name, p.value] for p in r.properties]}
                        for r in header.results]}


def plain(what):
    """Of one of ours, what authres tells: its identifier is in lower case."""
    return {"authserv_id": what["authserv_id"].lower(),
            "results": [{k: r[k] for k in ("method", "result", "reason", "properties")} for r in what["results"]]}


def test_it_reads_ours(ask):
    rnd = random.Random(8601)
    for _ in range(500):
        what = at_random(rnd)
        for r in what["results"]:
            # A comment behind a quoted value hides that from authres.
            if not r["properties"] or r["properties"][-1][2] in VALUES:
                r["comment"] = rnd.choice(TEXTS)
        value = ask(write=what)
        assert all(len(line) < 998 for line in value.split("\n"))
        assert as_authres(value) == plain(what), value
        assert plain(ask(read=value)) == plain(what), value


def test_we_read_its(ask):
    rnd = random.Random(5451)
    for _ in range(500):
        what = at_random(rnd)
        header = authres.AuthenticationResultsHeader(
            authserv_id=what["authserv_id"],
            results=[authres.core.AuthenticationResult(
                r["method"], result=r["result"], reason=r["reason"] or None,
                properties=[authres.core.AuthenticationResultProperty(*p) for p in r["properties"]])
                for r in what["results"]])
        value = " " + header.header_value()
        if "=<" in value:
            continue  # authres does not quote what has an "@" in it
        assert plain(ask(read=value)) == plain(what), value
