# SPDX-License-Identifier: BSD-2-Clause
"""An SMTP server that keeps what it is sent and answers as a test wants."""

import socket
import threading

EXTENSIONS = ("8BITMIME", "SIZE 10000000", "SMTPUTF8", "DSN", "DELIVERBY 60")


class Message:
    def __init__(self):
        self.mail, self.rcpts, self.data = "", [], b""


class Sink:
    """answer(command line) may return a reply; None is the usual one. hold is
    a semaphore that the last reply waits for."""

    def __init__(self, port=0, extensions=EXTENSIONS):
        self.messages, self.lines = [], []
        self.answer = lambda line: None
        self.at_end = None
        self.got_data = threading.Event()
        self.extensions = extensions
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen(50)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                c, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.converse, args=(c,), daemon=True).start()

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # closed before
        self.listener.close()

    def converse(self, c):
        f = c.makefile("rb")

        def say(text):
            c.sendall(text.encode() + b"\r\n")

        m = Message()
        try:
            say(self.answer("connect") or "220 sink ready")
            for line in f:
                line = line.decode("utf-8", "replace").rstrip("\r\n")
                self.lines.append(line)
                verb = line.split(" ")[0].upper()
                special = self.answer(line)
                if special:
                    say(special)
                elif verb == "EHLO":
                    names = ("sink",) + tuple(self.extensions)
                    for i, name in enumerate(names):
                        say("250" + (" " if i == len(names) - 1 else "-") + name)
                elif verb == "MAIL":
                    m = Message()
                    m.mail = line
                    say("250 2.1.0 ok")
                elif verb == "RCPT":
                    m.rcpts.append(line)
                    say("250 2.1.5 ok")
                elif verb == "DATA":
                    say("354 go on")
                    data = b""
                    for part in f:
                        if part == b".\r\n":
                            break
                        data += part[1:] if part.startswith(b".") else part
                    else:
                        return
                    m.data = data
                    self.got_data.set()
                    reply = self.at_end() if self.at_end else "250 2.0.0 queued"
                    if reply.startswith("2"):
                        self.messages.append(m)
                    say(reply)
                elif verb == "QUIT":
                    say("221 bye")
                    return
                else:
                    say("502 5.5.1 what?")
        except OSError:
            pass
        finally:
            f.close()
            c.close()
