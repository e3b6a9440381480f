# SPDX-License-Identifier: BSD-2-Clause
"""A small LMTP client that shows every reply."""

import socket


class LmtpError(Exception):
    """A reply other than the one wanted; args are the code and the text."""


class Lmtp:
    def __init__(self, host, port, timeout=20, hello="LHLO client.test"):
        self.sock = socket.create_connection((host, port), timeout=timeout)
        self.file = self.sock.makefile("rb")
        self.expect(220)
        self.capabilities = self.command(hello, 250) if hello else []

    def close(self):
        self.file.close()
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def reply(self):
        """The next reply: code and lines."""
        lines = []
        while True:
            line = self.file.readline()
            if not line.endswith(b"\n"):
                raise ConnectionError("connection closed")
            lines.append(line[4:].decode(errors="replace").rstrip("\r\n"))
            if line[3:4] != b"-":
                return int(line[:3]), lines

    def expect(self, code):
        got, lines = self.reply()
        if got != code:
            raise LmtpError(got, " ".join(lines))
        return lines

    def command(self, line, code=250):
        self.send(line + "\r\n")
        return self.expect(code)

    def deliver(self, sender, recipients, raw, mail_args=""):
        """One transaction; a list of (code, text), one a recipient accepted."""
        self.command(f"MAIL FROM:<{sender}>{mail_args}")
        for recipient in recipients:
            self.command(f"RCPT TO:<{recipient}>")
        self.command("DATA", 354)
        self.send(dot_stuff(raw) + b".\r\n")
        results = []
        for _ in recipients:
            code, lines = self.reply()
            results.append((code, " ".join(lines)))
        return results


def dot_stuff(raw):
    assert raw.endswith(b"\r\n")
    return b"".join(b"." + line if line.startswith(b".") else line
                    for line in raw.splitlines(keepends=True))
