# SPDX-License-Identifier: BSD-2-Clause
"""A ManageSieve client for tests: what is sent, and what comes back taken apart."""

import base64
import collections
import re
import socket
import ssl

# A response: lists of words of the lines before it, its status, code and text.
Reply = collections.namedtuple("Reply", "lines status code text")


class Atom(str):
    """A word that is no string of the protocol."""


def b64(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


def plain(user, password, authzid=""):
    return b64(f"{authzid}\0{user}\0{password}")


def literal(data):
    data = data if isinstance(data, bytes) else data.encode()
    return b"{%d+}\r\n%s" % (len(data), data)


class Sieve:
    """Connected, greeted, and with USER logged in by SASL PLAIN."""

    def __init__(self, site, user=None, password=None, port=None, timeout=10):
        self.sock = socket.create_connection((site.host, port or site.sieve_port), timeout)
        self.file = self.sock.makefile("rb")
        self.greeting = self.reply()
        if user:
            self.login(user, password)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def words(self):
        """One line with its literals."""
        out = []
        while True:
            line = self.file.readline()
            if not line:
                raise EOFError
            assert line.endswith(b"\r\n"), line
            text = line[:-2]
            if (m := re.search(rb"\{(\d+)\}$", text)) and not self.in_quotes(text):
                self.split(text[:m.start()], out)
                out.append(self.file.read(int(m[1])).decode("utf-8", "surrogateescape"))
                continue
            self.split(text, out)
            return out

    @staticmethod
    def in_quotes(text):
        return len(re.findall(rb'(?<!\\)(?:\\\\)*"', text)) % 2 == 1

    @staticmethod
    def split(text, out):
        text = text.decode("utf-8", "surrogateescape")
        for quoted, atom in re.findall(r'"((?:[^"\\]|\\.)*)"|([()]|[^\s()"]+)', text):
            out.append(Atom(atom) if atom else re.sub(r"\\(.)", r"\1", quoted))
            assert len(out[-1].encode()) <= 1024

    def reply(self):
        lines = []
        while True:
            words = self.words()
            if words and isinstance(words[0], Atom) and words[0] in ("OK", "NO", "BYE"):
                code = None
                if len(words) > 1 and isinstance(words[1], Atom):
                    end = next(i for i, w in enumerate(words) if isinstance(w, Atom) and w == ")")
                    code, words = words[2:end], words[:1] + words[end + 1:]
                return Reply(lines, words[0], " ".join(code) if code else None, words[1] if len(words) > 1 else None)
            lines.append(words)

    def command(self, text):
        self.send((text.encode() if isinstance(text, str) else text) + b"\r\n")
        return self.reply()

    def ok(self, text, code=None):
        reply = self.command(text)
        assert reply.status == "OK" and reply.code == code, (text, reply)
        return reply

    def no(self, text, code=None):
        reply = self.command(text)
        assert reply.status == "NO" and reply.code == code, (text, reply)
        return reply.text

    def login(self, user, password):
        return self.ok(f'AUTHENTICATE "PLAIN" "{plain(user, password)}"')

    def capabilities(self):
        return {x[0]: x[1] if len(x) > 1 else None for x in self.ok("CAPABILITY").lines}

    def starttls(self, **options):
        self.ok("STARTTLS")
        context = options.get("context") or ssl._create_unverified_context()
        self.file.close()
        self.sock = context.wrap_socket(self.sock, server_hostname="localhost")
        self.file = self.sock.makefile("rb")
        self.greeting = self.reply()

    def put(self, name, script, code=None):
        return self.ok(b"PUTSCRIPT " + literal(name) + b" " + literal(script), code)

    def get(self, name):
        (line,) = self.ok(b"GETSCRIPT " + literal(name)).lines
        return line[0]

    def scripts(self):
        """Names; the active one with a star before it."""
        return ["*" * (len(x) == 2 and x[1] == "ACTIVE") + x[0] for x in self.ok("LISTSCRIPTS").lines]

    def closed(self):
        return self.file.read() == b""
