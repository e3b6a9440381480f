# SPDX-License-Identifier: BSD-2-Clause
"""DKIM of lib/mailauth against dkimpy and libopendkim: each verifies what the
others sign, and finds what was changed."""

import random

import pytest

from mailauth import DOMAIN, Keys, changed, message, run

dkim = pytest.importorskip("dkim")

CANONS = [f"{h}/{b}" for h in ("simple", "relaxed") for b in ("simple", "relaxed")]
SELECTORS = ("rsa", "rsa4096", "ed25519")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return Keys(tmp_path_factory.mktemp("keys"))


def ours(keys, raw):
    """The results of all signatures."""
    return [line.split(" ")[0] for line in
            run("verify", keys.zone, message=raw).decode().splitlines()]


def sign(keys, selector, canon, raw):
    return run("sign", keys.pem(selector), DOMAIN, selector, canon, message=raw)


def dkimpy_verifies(keys, raw):
    return dkim.verify(raw, dnsfunc=keys.lookup)


def dkimpy_sign(keys, selector, canon, raw):
    ed = selector == "ed25519"
    key = keys.seed(selector) if ed else keys.pem(selector).read_bytes()
    value = dkim.sign(raw, selector.encode(), DOMAIN.encode(), key,
                      canonicalize=tuple(c.encode() for c in canon.split("/")),
                      signature_algorithm=b"ed25519-sha256" if ed else b"rsa-sha256")
    return value + raw


def libopendkim_verifies(keys, raw):
    return run("libopendkim-verify", keys.zone, message=raw).startswith(b"pass")


def libopendkim_sign(keys, selector, canon, raw):
    return run("libopendkim-sign", keys.pem(selector), DOMAIN, selector,
               "ed25519" if selector == "ed25519" else "rsa", canon, message=raw, leaks=False)


OTHERS = {"dkimpy": (dkimpy_sign, dkimpy_verifies),
          "libopendkim": (libopendkim_sign, libopendkim_verifies)}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("selector", SELECTORS)
@pytest.mark.parametrize("canon", CANONS)
def test_both_ways(keys, other, selector, canon):
    other_sign, other_verifies = OTHERS[other]
    rnd = random.Random(f"{selector} {canon}")
    for _ in range(6):
        raw = message(rnd)
        signed = sign(keys, selector, canon, raw)
        assert ours(keys, signed) == ["pass"], signed
        assert other_verifies(keys, signed), signed
        assert not other_verifies(keys, changed(rnd, signed))
        signed = other_sign(keys, selector, canon, raw)
        holds = other_verifies(keys, signed)
        # libopendkim makes some that it does not verify itself: of two fields
        # with one name, and for Ed25519 with a simple header.
        assert holds or other == "libopendkim", signed
        assert ours(keys, signed) == ["pass" if holds else "fail"], signed
        assert ours(keys, changed(rnd, signed)) == ["fail"], signed


def test_dual(keys):
    """One signature of each kind, as a domain with two keys signs."""
    raw = message(random.Random(1))
    for selector in ("rsa", "ed25519"):
        raw = sign(keys, selector, "relaxed/relaxed", raw)
    assert ours(keys, raw) == ["pass", "pass"]
    assert dkimpy_verifies(keys, raw)
    assert libopendkim_verifies(keys, raw)
