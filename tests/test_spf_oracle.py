# SPDX-License-Identifier: BSD-2-Clause
"""lib/mailauth's SPF against python3-spf, over random zones and records.

Where the two may differ, and why, is in class Oracle: there it is taught what
RFC 7208 says. Everything else that differs fails."""

import collections
import json
import random
import re
import subprocess
import sys

import pytest

from conftest import BUILD

spf = pytest.importorskip("spf")

CHECK = BUILD / "tests" / "spf_check"

# Section 7.3: parts are rejoined by dots, whatever the macro.
spf.JOINERS = dict.fromkeys("slodiphvcrt", ".")


class Oracle(spf.query):
    counted = False

    def dns(self, name, qtype, cnames=None, ignore_void=False):
        """A chain of aliases is one question; and that a domain has no record
        is told already by the result."""
        return super().dns(name, qtype, cnames,
                           ignore_void or cnames is not None or qtype == "TXT")

    def validated_ptrs(self):
        """Section 5.5: errors are passed over. The client chooses what stands
        there, so its names count as void nowhere; the PTR of a mechanism
        does (a macro's is not one of the terms of section 4.6.4)."""
        macro = sys._getframe(1).f_code.co_name == "getp"
        name = f"{spf.reverse_dots(self.i)}.{self.v}.arpa"
        try:
            names = self.dns(name, "PTR", ignore_void=macro)
        except spf.TempError:
            return []
        return [n for n in names[: spf.MAX_PTR] if self.leads_back(n)]

    def leads_back(self, name):
        try:
            found = self.dns(name, self.A, ignore_void=True) if name else []
        except spf.TempError:
            return False
        return self.cidrmatch(found, self.cidrmax)

    def getp(self):
        """The domain it is about changes."""
        self.p = None
        return super().getp()

    def dns_mx(self, domain):
        """No more questions than it takes."""
        names = self.dns(domain, "MX")
        if len(names) > spf.MAX_MX:
            raise spf.PermError("too many MX")
        return (a for _, host in sorted(names) for a in self.dns_a(host, self.A))

    def cidrmatch(self, addresses, n):
        parent = super()
        return any(parent.cidrmatch([a], n) for a in addresses)

    def check_lookups(self):
        """redirect= counts when it is followed. It is a list while modifiers
        are read."""
        m = sys._getframe(1).f_locals.get("m")
        if not isinstance(m, list):
            self.counted = m == "include"
            super().check_lookups()

    def dns_spf(self, domain):
        if sys._getframe(1).f_code.co_name == "check0" and not self.counted:
            super().check_lookups()
        self.counted = False
        return super().dns_spf(domain)


# ---------------------------------------------------------------------------
# What is asked

DOMAINS = ["a.test", "b.test", "c.b.test", "d.test", "e.test", "f.test"]
HOSTS = ["h1.test", "h2.test", "mail.a.test", "x.h1.test", "none.test",
         "nothing.h3.test", "slow.test", "alias.test", "alias2.test"]
V4 = ["192.0.2.1", "192.0.2.2", "192.0.2.130", "198.51.100.7", "10.0.0.1"]
V6 = ["2001:db8::1", "2001:db8::2:1", "2001:db8:1::7", "fe80::1"]
LOCALS = ["user", "first.last", "strong-bad", "a+b=c", "x_y", "o'neil", "1-2-3"]
DELIMITERS = ["", "", "", "-", "+", ".-", "=", "_", ",", "/"]


def macro(r, letters="slodipvhSLODIPVH"):
    if r.random() < 0.1:
        return r.choice(["%_", "%-"])
    return "%{" + r.choice(letters) + r.choice(["", "", "1", "2", "3", "12"]) \
        + r.choice(["", "", "r"]) + r.choice(DELIMITERS) + "}"


def domain_spec(r):
    k = r.random()
    if k < 0.4:
        return r.choice(HOSTS)
    if k < 0.6:
        return r.choice(DOMAINS)
    if k < 0.7:
        return r.choice(HOSTS) + "."
    if k < 0.8:
        return macro(r)
    if k < 0.9:
        return macro(r) + "." + r.choice(DOMAINS)
    return "m." + macro(r) + "." + macro(r) + ".test"


def length(r, top):
    return r.choice(["", "", f"/{r.randrange(top + 1)}", "/0", f"/{top}"])


def dual(r):
    six = length(r, 128)
    return length(r, 32) + ("/" + six if six else "")


def directive(r, own):
    q = r.choice(["", "", "", "-", "~", "?", "+"])
    k = r.random()
    if k < 0.12:
        term = f"ip4:{r.choice(V4)}{length(r, 32)}"
    elif k < 0.22:
        term = f"ip6:{r.choice(V6)}{length(r, 128)}"
    elif k < 0.42:
        term = "a" + r.choice(["", ":" + domain_spec(r)]) + dual(r)
    elif k < 0.55:
        term = "mx" + r.choice(["", ":" + domain_spec(r)]) + dual(r)
    elif k < 0.65:
        term = "ptr" + r.choice(["", ":" + domain_spec(r)])
    elif k < 0.78:
        term = "exists:" + domain_spec(r)
    elif k < 0.92:
        # To itself is refused there even if it is not reached.
        term = "include:" + r.choice([d for d in DOMAINS + ["none.test"]
                                      if d != own])
    else:
        term = "all"
    name, rest = re.match(r"([a-z0-9]+)(.*)", term).groups()
    return q + r.choice([name, name, name.upper(), name.title()]) + rest


def record(r, own):
    terms = [directive(r, own) for _ in range(r.choice([1, 2, 3, 4, 12]))]
    if r.random() < 0.3:
        terms.append("redirect=" + r.choice(DOMAINS + ["%{d}", "none.test"]))
    if r.random() < 0.4:
        terms.append("exp=" + r.choice(["x1.test", "x2.test", "none.test",
                                        "slow.test"]))
    if r.random() < 0.1:
        terms.append("other=" + macro(r))
    if r.random() < 0.3:
        r.shuffle(terms)
    if r.random() < 0.6:
        terms.append(r.choice(["-all", "~all", "?all"]))
    return r.choice(["v=spf1", "V=spf1"]) + " " + \
        r.choice([" ", " ", "  "]).join(terms)


# What pyspf is known to read in another way: braces with anything in them, a
# count of zero, "R" for "r", "%%" at an end or in front of another "%", modifiers
# in capital letters or twice, and names of modifiers that it gives a meaning.
GOOD_MACRO = re.compile(r"%(?:[_-]|\{[slodipvhSLODIPVH](?!0+(?:r|[^0-9]))"
                        r"[0-9]*r?[.\-+,/_=]*\})")


def comparable(text):
    terms = text.split(" ")
    names = [t.split("=")[0] for t in terms if re.match(r"[A-Za-z][\w.-]*=", t)]
    return "%{" not in GOOD_MACRO.sub("", text) and "%%" not in text \
        and len(set(n.lower() for n in names)) == len(names) \
        and not any(n != n.lower() for n in names) \
        and not any(re.match(r"(?i)(op|default)=", t) for t in terms)


def mutate(r, text):
    """A few letters changed, behind the version."""
    chars = list(text)
    for _ in range(r.choice([1, 1, 2])):
        at = r.randrange(7, len(chars) + 1)
        k = r.random()
        letter = r.choice("ac1024.:/%{}=-_+~?, rdxp\\;!\x80\xe9")
        if k < 0.4 or at == len(chars):
            chars.insert(at, letter)
        elif k < 0.7:
            del chars[at]
        else:
            chars[at] = letter
    return "".join(chars)


EXPLANATIONS = ["No mail from %{c} for %{d}.", "See http://x.test/?s=%{S}&i=%{i}",
                "%{p} is not %{h}", "%{o1r} %{lr-} %{r}", "100% sure", "%{x}",
                "plain", "", "caf\xe9", "%{ir}.%{v}.arpa"]


def txt(text):
    strings = [text[i:i + 100] for i in range(0, len(text), 100)]
    return {"type": "TXT", "strings": strings or [""]}


def addresses(r):
    four = [{"type": "A", "value": a} for a in r.sample(V4, r.randrange(3))]
    six = [{"type": "AAAA", "value": a} for a in r.sample(V6, r.randrange(3))]
    return four + six


def mx_records(r):
    return [{"type": "MX", "pref": r.randrange(3), "host": r.choice(HOSTS + [""])}
            for _ in range(r.choice([0, 0, 1, 2, 3, 10, 11]))]


def reverse(address):
    import ipaddress
    return ipaddress.ip_address(address).reverse_pointer


def zone(r, make):
    names = {}
    for d in DOMAINS:
        names[d] = addresses(r) + mx_records(r)
        if r.random() < 0.9:
            names[d].append(txt(make(r, d)))
        if r.random() < 0.03:
            names[d].append(txt("v=spf1 -all"))
        if r.random() < 0.1:
            names[d].append(txt("v=spf10 -all"))
        if r.random() < 0.05:
            names[d].append({"type": "TIMEOUT"})
    for h in HOSTS[:4]:
        names[h] = addresses(r) + mx_records(r)
    names["slow.test"] = [{"type": "TIMEOUT"}]
    names["alias.test"] = [{"type": "CNAME", "value": r.choice(HOSTS[:4])}]
    names["alias2.test"] = [{"type": "CNAME", "value": "alias.test"}]
    for x in ("x1.test", "x2.test"):
        names[x] = [txt(r.choice(EXPLANATIONS))
                    for _ in range(r.choice([1, 1, 1, 1, 2]))]
    for a in V4 + V6:
        names[reverse(a)] = [{"type": "PTR", "value": r.choice(HOSTS + DOMAINS)}
                             for _ in range(r.choice([0, 1, 2, 11]))]
        if r.random() < 0.05:
            names[reverse(a)] = [{"type": "TIMEOUT"}]
    return {n: v for n, v in names.items() if v}


def question(r):
    client = r.choice(V4 + V4 + V6)
    if client in V4 and r.random() < 0.2:
        client = "::ffff:" + client
    sender = f"{r.choice(LOCALS)}@{r.choice(DOMAINS)}"
    return {"host": client, "helo": r.choice(DOMAINS + HOSTS),
            "mailfrom": r.choice([sender, sender, sender, ""])}


# ---------------------------------------------------------------------------
# Answers

def ours(scenarios):
    lines = "".join(json.dumps(
        {"zone": [{"name": n, "records": v} for n, v in z.items()],
         "tests": tests}) + "\n" for z, tests in scenarios)
    out = subprocess.run([CHECK], input=lines.encode(), stdout=subprocess.PIPE,
                         check=True).stdout.decode("utf-8", "replace")
    answers = iter(out.split("\n"))
    return [[next(answers).split("\t") for _ in tests]
            for _, tests in scenarios]


def lookup(names):
    def value(record):
        kind = record["type"]
        if kind == "TXT":
            return [s.encode() for s in record["strings"]]
        return (record["pref"], record["host"]) if kind == "MX" \
            else record["value"]

    def dns(name, kind, strict=True, timeout=None):
        records = names.get(name.lower(), [])
        found = [((name, kind), value(x)) for x in records if x["type"] == kind]
        found += [((name, "CNAME"), value(x)) for x in records
                  if x["type"] == "CNAME"]
        if not found and any(x["type"] == "TIMEOUT" for x in records):
            raise spf.TempError("no answer")
        return found
    return dns


def theirs(names, test):
    spf.DNSLookup = lookup(names)
    q = Oracle(i=test["host"], s=test["mailfrom"], h=test["helo"])
    result, _, why = q.check()
    own = result == "fail" and why != spf.EXPLANATIONS["fail"]
    return result, why if own else "", q.lookups, why


def compare(scenarios):
    results = collections.Counter()
    wrong = []
    for (names, tests), got in zip(scenarios, ours(scenarios)):
        for test, (result, lookups, voids, why, problem) in zip(tests, got):
            want, want_why, want_lookups, said = theirs(names, test)
            results[want] += 1
            if (result, why) != (want, want_why):
                records = [(n, "".join(x["strings"])) for n, v in names.items()
                           for x in v if x["type"] == "TXT"]
                wrong.append((test, (want, want_why, want_lookups, said),
                              (result, why, lookups, voids, problem), records))
    return results, wrong


@pytest.mark.parametrize("seed", range(8))
def test_policies(seed):
    """Records of all kinds, and broken ones among them."""
    r = random.Random(seed)

    def make(r, own):
        text = record(r, own)
        if r.random() < 0.15:
            text = mutate(r, text)
        return text if comparable(text) else record(r, own)

    scenarios = [(zone(r, make), [question(r) for _ in range(5)])
                 for _ in range(300)]
    results, wrong = compare(scenarios)
    assert not wrong, wrong[:3]
    assert min(results[x] for x in ("pass", "fail", "softfail", "neutral",
                                    "none", "permerror", "temperror")) > 10


@pytest.mark.parametrize("seed", range(4))
def test_syntax(seed):
    """Which records are malformed."""
    r = random.Random(1000 + seed)

    def make(r, own):
        text = f"v=spf1 all {directive(r, own)} {directive(r, own)}"
        text = mutate(r, text)
        return text if comparable(text) else "v=spf1 all"

    scenarios = [(zone(r, make), [question(r)]) for _ in range(1000)]
    results, wrong = compare(scenarios)
    assert not wrong, wrong[:3]
    assert results["permerror"] > 100 and results["pass"] > 100
