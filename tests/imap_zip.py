# SPDX-License-Identifier: BSD-2-Clause
"""A bare IMAP connection that compresses (RFC 4978)."""

import io
import zlib

from imap_raw import Imap


class ZipSocket(io.RawIOBase):
    """Deflates what is sent, inflates what is read. `flush` is how what is
    sent ends; `step` cuts it into pieces."""

    def __init__(self, sock, flush=zlib.Z_SYNC_FLUSH, step=None):
        self.sock, self.how, self.step = sock, flush, step
        self.deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
        self.inflater = zlib.decompressobj(-15)
        self.came = b""
        self.sent = self.received = 0

    def sendall(self, data):
        out = self.deflater.compress(data) + self.deflater.flush(self.how)
        self.sent += len(out)
        step = self.step or len(out)
        for at in range(0, len(out), step):
            self.sock.sendall(out[at:at + step])

    def readable(self):
        return True

    def readinto(self, into):
        while not self.came:
            more = self.sock.recv(65536)
            if not more:
                return 0
            self.received += len(more)
            self.came = self.inflater.decompress(more)
        n = min(len(into), len(self.came))
        into[:n] = self.came[:n]
        self.came = self.came[n:]
        return n


class ZipImap(Imap):
    clear = None

    def compress(self, **how):
        self.ok("COMPRESS DEFLATE")
        self.clear = self.sock
        self.sock = ZipSocket(self.sock, **how)
        self.file = io.BufferedReader(self.sock)

    def uncompress(self):
        """Both sides have said that they end it."""
        assert not self.sock.came
        self.sock = self.clear
        self.file = self.sock.makefile("rb")

    def close(self):
        super().close()
        if self.clear:
            self.clear.close()
