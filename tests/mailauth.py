# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of DKIM and ARC against other implementations share: keys,
messages made by chance, and our own program."""

import base64
import os
import random
import subprocess

from conftest import BUILD

TOOL = BUILD / "tests" / "mailauth_tool"
DOMAIN = "a.example"


def run(*args, message=b"", leaks=True):
    """LEAKS: a sanitizer looks for them. Libraries of others may have some."""
    env = dict(os.environ)
    if not leaks:
        env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    done = subprocess.run([TOOL, *args], input=message, capture_output=True, timeout=60, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Keys:
    """One of each kind, their records in the form of mailauth_tool's ZONE."""

    def __init__(self, folder):
        self.folder = folder
        self.zone = folder / "zone"
        self.records = {}
        self.make("rsa", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
        self.make("rsa4096", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096")
        self.make("ed25519", "-algorithm", "ED25519")
        self.zone.write_text("".join(f"{name} {text}\n" for name, text in self.records.items()))

    def make(self, selector, *how):
        subprocess.run(["openssl", "genpkey", *how, "-out", self.pem(selector)],
                       check=True, capture_output=True)
        self.records[f"{selector}._domainkey.{DOMAIN}"] = \
            run("record", self.pem(selector)).decode().strip()

    def pem(self, selector):
        return self.folder / f"{selector}.pem"

    def seed(self, selector):
        """An Ed25519 key as dkimpy wants it."""
        der = subprocess.run(["openssl", "pkey", "-in", self.pem(selector), "-outform", "DER"],
                             check=True, capture_output=True).stdout
        return base64.b64encode(der[-32:])

    def lookup(self, name, timeout=5):
        """dkimpy's dnsfunc."""
        text = self.records.get(name.decode().rstrip(".").lower())
        return text.encode() if text else None


WORDS = ["a", "Mail", "  two", "tab\t", "\tx", "=20", ".", "..", "From x", "\u00fc", " ", "-- ",
         "long" * 40, "\u20ac 5"]


def text(rnd, n):
    return " ".join(rnd.choice(WORDS) for _ in range(rnd.randrange(n)))


def message(rnd):
    """With what canonical forms are about: white space, folding, empty lines."""
    fields = [f"From: {text(rnd, 3)} <x@{DOMAIN}>", "To: bob@b.example"]
    for name in ("Subject", "SUBJECT", "Date", "Message-ID", "X-Other", "References",
                 "List-Id", "content-type", "Cc"):
        if rnd.random() < 0.6:
            value = text(rnd, 6).replace("\t", "\r\n\t" if rnd.random() < 0.5 else "\t")
            fields.append(f"{name}:{rnd.choice(['', ' ', '  '])}{value}".rstrip("\r\n\t "))
    rnd.shuffle(fields)
    lines = [text(rnd, 8) for _ in range(rnd.randrange(8))]
    lines += [""] * rnd.randrange(3)
    body = "".join(line + "\r\n" for line in lines)
    return ("\r\n".join(fields) + "\r\n\r\n" + body).encode()


def changed(rnd, raw):
    """One octet of the body, or a word of the header."""
    head, _, body = raw.partition(b"\r\n\r\n")
    if body.strip():
        return head + b"\r\n\r\n" + b"!" + body
    return raw.replace(b"bob@b.example", b"eve@e.example")
