# SPDX-License-Identifier: BSD-2-Clause
"""A bare IMAP connection for tests: what is sent and what comes back, with
nothing in between that could mend or hide it."""

import re
import socket


class Imap:
    def __init__(self, site, user=None, password=None, timeout=10):
        self.sock = socket.create_connection((site.host, site.imap_port), timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.sock.makefile("rb")
        self.tag = 0
        self.greeting = self.line()
        if user:
            self.ok(f"LOGIN {user} {password}")

    def close(self):
        self.file.close()
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def line(self):
        """One response, its literals included, without the last CRLF."""
        out = b""
        while True:
            line = self.file.readline()
            if not line:
                raise EOFError(out)
            out += line
            literal = re.search(rb"\{(\d+)\}\r\n$", line)
            if not literal:
                assert out.endswith(b"\r\n"), out
                return out[:-2].decode("utf-8", "surrogateescape")
            out += self.file.read(int(literal[1]))

    def command(self, text):
        """Untagged responses, and the tagged one without its tag."""
        self.tag += 1
        tag = f"t{self.tag}"
        self.send(f"{tag} {text}\r\n" if isinstance(text, str) else tag.encode() + b" " + text + b"\r\n")
        return self.until(tag)

    def until(self, tag):
        untagged = []
        while True:
            line = self.line()
            if line.startswith(tag + " "):
                return untagged, line[len(tag) + 1:]
            untagged.append(line)

    def ok(self, text):
        untagged, tagged = self.command(text)
        assert tagged.startswith("OK"), (text, untagged, tagged)
        return untagged

    def no(self, text, code=None):
        untagged, tagged = self.command(text)
        assert tagged.startswith("NO"), (text, untagged, tagged)
        if code:
            assert f"[{code}]" in tagged, tagged
        return tagged

    def bad(self, text):
        untagged, tagged = self.command(text)
        assert tagged.startswith("BAD"), (text, untagged, tagged)
        return tagged

    def append(self, mailbox, message, args=""):
        """The UID given."""
        if isinstance(message, str):
            message = message.encode()
        self.tag += 1
        tag = f"t{self.tag}"
        self.send(f"{tag} APPEND {mailbox} {args + ' ' if args else ''}{{{len(message)}+}}\r\n".encode()
                  + message + b"\r\n")
        _, tagged = self.until(tag)
        done = re.match(r"OK \[APPENDUID \d+ (\d+)\]", tagged)
        assert done, tagged
        return int(done[1])

    def idle(self):
        self.send("idle IDLE\r\n")
        while not self.line().startswith("+ "):
            pass

    def done(self):
        self.send("DONE\r\n")
        untagged, tagged = self.until("idle")
        assert tagged.startswith("OK"), tagged
        return untagged


def message(n=1, body="Hello\r\n", **headers):
    fields = {"From": "Alice <alice@example.test>", "To": "bob@example.test",
              "Subject": f"message {n}", "Date": "Mon, 02 Nov 2026 10:00:00 +0100",
              "Message-ID": f"<{n}@example.test>"}
    fields.update({k.replace("_", "-"): v for k, v in headers.items()})
    return "".join(f"{k}: {v}\r\n" for k, v in fields.items()) + "\r\n" + body
