# SPDX-License-Identifier: BSD-2-Clause
"""Mail for the benchmark: the same bytes at every run.

Sizes are log-normal with a median of 10 KB and a mean of about 19 KB, as in
ordinary mailboxes. Kinds: plain text, text with HTML beside it, attachments
in base64, an image inside HTML; 7bit, quoted-printable and base64 text;
threads. RARE stands in the text of one message in a hundred.

A file of messages repeats "SIZE\\n" and SIZE bytes (bench/load.c reads it).
"""

import base64
import bisect
import email.utils
import itertools
import math
import quopri
import random

RARE = "consignment"
RARE_EVERY = 100
SERIAL = "@" * 16  # bench/load writes a number over it

WORDS = """the of and to in a is that for it as was with be by on not he his but at are this have from or had an they
which one you were her all she there would their we him been has when who will more no if out so said what up its about
into than them can only other new some could time these two may then do first any my now such like our over man me even
most made after also did many before must through back years where much your way well down should because each just
those people how too little state good very make world still own see men work long get here between both life being
under never day same another know while last might us great old year off come since against go came right used take
three states himself few house use during without again place around however home small found thought went say part
once general high upon school every least does got united left number course war until always away something fact
though water less public put think almost hand enough far took head yet government system better set told nothing
night end why called eyes find going look asked later knew point next program city business give group toward young
days let room president side social given present several order national possible rather second face per among form
important often things looked early white case large need big four within felt children along saw best church ever
least power development light thing seemed family interest want members mind country area others done turned although
open god service certain kind problem began different door thus help sense means whole matter report meeting budget
invoice project schedule customer delivery garden printer contract question answer minutes railway summer winter
harbour kitchen library engineer teacher doctor window mountain river bicycle lantern copper velvet orchard quarter
planning review request approval payment account transfer shipment warehouse supplier inspection maintenance manual
version release branch patch crash memory thread buffer socket server client network packet latency storage backup
restore archive folder message header signature attachment calendar holiday weekend ticket flight hotel station
restaurant breakfast dinner recipe butter cheese onion pepper tomato potato basket market village cottage bridge
castle museum theatre concert violin piano trumpet novel chapter sentence paragraph grammar language translation
dictionary alphabet number fraction triangle circle square gravity oxygen carbon hydrogen molecule protein enzyme
neuron muscle kidney shoulder stomach finger bandage medicine pharmacy hospital insurance lawyer judge jury witness
evidence statute treaty embassy minister election ballot candidate campaign journal editor column headline weather
thunder lightning sunshine drizzle blizzard glacier volcano earthquake island peninsula continent ocean anchor vessel
captain sailor cargo freight locomotive carriage platform timetable passenger luggage passport customs border""".split()
FOREIGN = "Grüße Straße können für über möchte Änderung naïve façade déjà été Łódź żółw señor mañana größer".split()
GIVEN = "Anna Ben Carla David Eva Felix Greta Hugo Ines Jan Klara Lars Mia Nils Olga Paul Rosa Sven Tina Udo".split()
FAMILY = "Adler Becker Conrad Dietz Ernst Fuchs Grimm Haas Imhof Jung Krüger Lenz Möller Novak Otto Pohl Roth".split()
HOSTS = ["example.org", "example.net", "mail.example.com", "lists.example.org", "corp.example.test"]
EPOCH = 1_700_000_000


class Corpus:
    """Makes messages one after the other; the seed decides everything."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        weights = [1.0 / (rank + 3) for rank in range(len(WORDS))]
        self.weights = list(itertools.accumulate(weights))
        self.sentences = [self.make_sentence() for _ in range(20000)]
        self.foreign = [self.make_sentence(FOREIGN) for _ in range(2000)]
        self.threads = []
        self.number = 0

    def word(self):
        at = bisect.bisect(self.weights, self.random.random() * self.weights[-1])
        return WORDS[min(at, len(WORDS) - 1)]

    def make_sentence(self, more=None):
        words = [self.word() for _ in range(self.random.randint(6, 18))]
        if more:
            words.append(self.random.choice(more))
        if self.random.random() < 0.15:
            words.append(str(self.random.randint(10, 99999)))
        return " ".join(words).capitalize() + "."

    def person(self):
        r = self.random
        given, family = r.choice(GIVEN), r.choice(FAMILY)
        address = f"{given.lower()}.{r.randint(1, 400)}@{r.choice(HOSTS)}"
        name = f"{given} {family}"
        if not name.isascii():
            name = "=?utf-8?q?" + name.replace(" ", "_").replace("ü", "=C3=BC").replace("ö", "=C3=B6") + "?="
        return f"{name} <{address}>"

    def lines(self, size):
        """About SIZE bytes of text in lines of at most 76 characters."""
        out, line, total = [], "", 0
        foreign = 0.15 if self.random.random() < 0.3 else 0
        while total < size:
            pool = self.foreign if self.random.random() < foreign else self.sentences
            for word in self.random.choice(pool).split():
                if len(line) + len(word) > 74:
                    out.append(line)
                    total += len(line) + 2
                    line = word
                else:
                    line = f"{line} {word}" if line else word
            if self.random.random() < 0.12:
                out += [line, ""]
                total += len(line) + 4
                line = ""
        return out + [line]

    def text_part(self, size, kind, rare):
        """Headers and body of a text part, encoded as such parts are."""
        text = self.lines(size * 0.75 if kind == "html" else size)
        if rare:
            text[len(text) // 2] = f"The {RARE} is late."
        if kind == "html":
            text = ["<html><body style=\"font-family: sans-serif\">"] + [
                f"<p class=\"c{i % 7}\">{line}</p>" if line else "<br>" for i, line in enumerate(text)
            ] + ["<a href=\"https://www.example.org/r/%x\">link</a></body></html>" % self.random.getrandbits(64)]
        body = "\r\n".join(text) + "\r\n"
        encoding = "7bit" if body.isascii() else self.random.choice(["quoted-printable", "quoted-printable", "base64"])
        if encoding == "quoted-printable":
            raw = quopri.encodestring(body.replace("\r\n", "\n").encode()).replace(b"\n", b"\r\n")
        elif encoding == "base64":
            raw = base64.encodebytes(body.encode()).replace(b"\n", b"\r\n")
        else:
            raw = body.encode()
        head = f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n"
        return head.encode() + b"\r\n" + raw.replace(b"\n.", b"\n .")

    def attachment(self, size):
        r = self.random
        kind, name = r.choice([("application/pdf", "report"), ("image/jpeg", "photo"), ("application/zip", "files"),
                               ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "letter")])
        raw = base64.encodebytes(r.randbytes(max(size * 3 // 4, 60))).replace(b"\n", b"\r\n")
        head = (f"Content-Type: {kind}; name=\"{name}-{r.randint(1, 999)}\"\r\nContent-Transfer-Encoding: base64\r\n"
                f"Content-Disposition: attachment; filename=\"{name}\"\r\n\r\n")
        return head.encode() + raw

    def multipart(self, kind, parts, extra=""):
        boundary = "=_%024x" % self.random.getrandbits(96)
        head = f"Content-Type: multipart/{kind}; {extra}boundary=\"{boundary}\"\r\n\r\n".encode()
        mark = b"--" + boundary.encode()
        return head + b"".join(mark + b"\r\n" + p + b"\r\n" for p in parts) + mark + b"--\r\n"

    def body(self, size, rare):
        shape = self.random.random()
        if size > 24000:
            text = self.text_part(self.random.randint(1000, 5000), "plain", rare)
            return self.multipart("mixed", [text, self.attachment(size - len(text))])
        if shape < 0.4:
            return self.text_part(size, "plain", rare)
        plain = self.text_part(size * 0.35, "plain", rare)
        html = self.text_part(size * 0.5, "html", False)
        both = self.multipart("alternative", [plain, html])
        if shape < 0.85:
            return both
        picture = self.attachment(max(size - len(both), 400))
        return self.multipart("related", [both, picture], "type=\"multipart/alternative\"; ")

    def subject(self):
        words = self.random.choice(self.sentences).rstrip(".").split()[:7]
        if self.random.random() < 0.15:
            words.append(self.random.choice(FOREIGN))
        text = " ".join(words)
        if text.isascii():
            return text
        return "=?utf-8?b?" + base64.b64encode(text.encode()).decode() + "?="

    def thread(self):
        """Message-ID, subject, and what it answers."""
        r, host = self.random, self.random.choice(HOSTS)
        own = f"<{EPOCH + self.number * 600}.{r.getrandbits(40):x}@{host}>"
        if self.threads and r.random() < 0.55:
            at = r.randrange(max(0, len(self.threads) - 300), len(self.threads))
            subject, ids = self.threads[at]
            if not subject.startswith("Re: "):
                subject = "Re: " + subject
            self.threads[at] = (subject, ids[-8:] + [own])
            return own, subject, ids[-8:]
        subject = self.subject()
        self.threads.append((subject, [own]))
        return own, subject, []

    def message(self, size=None, serial=False):
        r = self.random
        self.number += 1
        rare = not serial and self.number % RARE_EVERY == 7
        size = size or min(int(10200 * math.exp(r.gauss(0, 1.13))), 2_000_000)
        own, subject, refs = self.thread()
        if serial:
            own = f"<{SERIAL}@bench.example.test>"
        date = email.utils.formatdate(EPOCH + self.number * 600)
        head = ["Return-Path: <bounce-%d@example.org>" % r.randint(1, 9999)]
        head[0:0] = [f"Message-ID: {own}"] if serial else []
        for hop in range(r.randint(1, 3)):
            head.append(f"Received: from mx{hop}.example.org (mx{hop}.example.org [192.0.2.{r.randint(1, 254)}])\r\n"
                        f"\tby relay{hop}.example.net (Postfix) with ESMTPS id {r.getrandbits(40):010X}\r\n"
                        f"\tfor <someone@example.test>; {date}")
        head.append("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org;\r\n\ts=s1; "
                    "h=from:to:subject:date:message-id; bh=" + base64.b64encode(r.randbytes(32)).decode() + ";\r\n\tb="
                    + "\r\n\t ".join(base64.b64encode(r.randbytes(48)).decode() for _ in range(4)))
        head += [f"From: {self.person()}", "To: " + ",\r\n\t".join(self.person() for _ in range(r.randint(1, 3)))]
        if r.random() < 0.3:
            head.append("Cc: " + ",\r\n\t".join(self.person() for _ in range(r.randint(1, 4))))
        head += [f"Subject: {subject}", f"Date: {date}"]
        if not serial:
            head.append(f"Message-ID: {own}")
        if refs:
            head += [f"In-Reply-To: {refs[-1]}", "References: " + "\r\n\t".join(refs)]
        if r.random() < 0.2:
            head += ["List-Id: <talk.lists.example.org>", "List-Unsubscribe: <mailto:leave@lists.example.org>"]
        head += ["MIME-Version: 1.0", f"X-Mailer: Bench {r.randint(1, 20)}.{r.randint(0, 9)}"]
        raw = ("\r\n".join(head) + "\r\n").encode()
        return raw + self.body(max(size - len(raw) - 250, 300), rare)


def write(path, seed, count, size=None, serial=False):
    """Write COUNT messages; their number of bytes."""
    corpus, total = Corpus(seed), 0
    with open(path, "wb") as f:
        for _ in range(count):
            raw = corpus.message(size, serial)
            f.write(b"%d\n" % len(raw))
            f.write(raw)
            total += len(raw)
    return total
