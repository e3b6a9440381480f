# SPDX-License-Identifier: BSD-2-Clause
"""ARC of lib/mailauth against dkimpy: each continues and verifies the chains of
the other."""

import random

import pytest

from mailauth import DOMAIN, Keys, changed, message, run

dkim = pytest.importorskip("dkim")
pytest.importorskip("authres")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return Keys(tmp_path_factory.mktemp("keys"))


def ours(keys, raw):
    return run("arc-verify", keys.zone, message=raw).decode().split(" ")[0]


def theirs(keys, raw):
    return (dkim.arc_verify(raw, dnsfunc=keys.lookup)[0] or b"fail").decode()


def seal(keys, selector, raw):
    return run("seal", keys.pem(selector), DOMAIN, selector, keys.zone, message=raw)


def dkimpy_seal(keys, raw):
    """It takes what it says from a field of the receiving server."""
    results = f"Authentication-Results: {DOMAIN}; arc={theirs(keys, raw)}; spf=pass\r\n".encode()
    lines = dkim.arc_sign(results + raw, b"rsa", DOMAIN.encode(),
                          keys.pem("rsa").read_bytes(), DOMAIN.encode(),
                          include_headers=[b"from", b"to", b"subject", b"cc"])
    return b"".join(lines) + raw


@pytest.mark.parametrize("seed", range(25))
def test_chains(keys, seed):
    rnd = random.Random(seed)
    raw = message(rnd)
    assert ours(keys, raw) == theirs(keys, raw) == "none"
    for _ in range(rnd.randrange(1, 6)):
        if rnd.random() < 0.3:
            raw = dkimpy_seal(keys, raw)
        else:
            raw = seal(keys, rnd.choice(["rsa", "rsa4096"]), raw)
        assert ours(keys, raw) == "pass", raw
        assert theirs(keys, raw) == "pass", raw
    broken = changed(rnd, raw)
    assert ours(keys, broken) == theirs(keys, broken) == "fail"
    # Whoever gets it now says so, and that is the end.
    broken = seal(keys, "rsa", broken)
    assert ours(keys, broken) == theirs(keys, broken) == "fail"


FIELDS = (b"ARC-Seal", b"ARC-Message-Signature", b"ARC-Authentication-Results")
TAGS = (b" i=", b" a=", b" c=", b" d=", b" s=", b" t=", b" b=", b" bh=", b" h=", b" cv=")


def mutate(rnd, raw):
    """A chain that somebody damaged."""
    head, _, body = raw.partition(b"\r\n\r\n")
    fields = head.replace(b"\r\n ", b"\0 ").replace(b"\r\n\t", b"\0\t").split(b"\r\n")
    arc = [i for i, field in enumerate(fields) if field.startswith(FIELDS)]
    at = rnd.choice(arc)
    how = rnd.randrange(4)
    if how == 0:
        del fields[at]
    elif how == 1:
        fields.insert(rnd.randrange(len(fields)), fields[at])
    elif how == 2:
        tag = rnd.choice(TAGS)
        fields[at] = fields[at].replace(tag, tag[:-1] + rnd.choice([b"", b"x=", b"=1"]), 1)
    else:
        n = rnd.randrange(fields[at].index(b":") + 1, len(fields[at]))
        fields[at] = fields[at][:n] + rnd.choice([b"", b" ", b";", b"A"]) + fields[at][n + 1:]
    return b"\r\n".join(fields).replace(b"\0", b"\r\n") + b"\r\n\r\n" + body


@pytest.mark.parametrize("seed", range(10))
def test_damage(keys, seed):
    """The same verdict on what is damaged by chance, but for the order of sets:
    to us it is that of their instances (RFC 8617, section 5.1.1.1)."""
    rnd = random.Random(1000 + seed)
    raw = message(rnd)
    for _ in range(3):
        raw = seal(keys, rnd.choice(["rsa", "rsa4096"]), raw)
    for _ in range(40):
        bad = mutate(rnd, raw)
        try:
            verdict = theirs(keys, bad)
        # " i=1;" has to stand there as we write it, and each line be a field.
        except (IndexError, dkim.MessageFormatError):
            verdict = "fail"
        assert ours(keys, bad) == verdict, bad
