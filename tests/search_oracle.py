# SPDX-License-Identifier: BSD-2-Clause
"""SEARCH, SORT and THREAD as the RFCs tell them, written for clearness alone: what the
server answers is compared with this."""

import datetime
import re
import time
import unicodedata

WORDS = ["apple", "banana", "cherry", "Zebra", "gr\u00fc\u00df", "\u00c9clair", "na\u00efve", "delta"]
PEOPLE = [("Alice Adams", "alice@one.test"), ("B\u00f6rge", "borge@two.test"), ("", "carol@one.test"),
          ("Dora, the \"D\"", "dora@three.test"), ("alice", "ALICE@two.test"), ("", "zed@one.test")]
KEYWORDS = ["$one", "$two"]
EPOCH = int(datetime.datetime(2026, 11, 1, 12, 0, tzinfo=datetime.timezone.utc).timestamp())
FLAGS = ["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"]


def encode(text):
    if text.isascii():
        return text
    return "=?utf-8?q?" + "".join(f"={b:02X}" for b in text.encode()) + "?="


def mailbox_text(name, address):
    if not name:
        return address
    if not name.isascii():
        return f"{encode(name)} <{address}>"
    escaped = name.replace('"', '\\"')
    return f'"{escaped}" <{address}>'


def fold(text):
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def casemap(text):
    """RFC 5051: titlecase, then decomposition."""
    out = ""
    for c in text:
        title = c.title() if len(c.title()) == 1 else c
        out += unicodedata.normalize("NFKD", title)
    return out.encode()


class Message:
    """One at random; what is needed to answer is kept beside its text."""

    def __init__(self, rnd, number, ids):
        self.number = number
        self.uid = 0
        self.id = rnd.choice([f"<m{number}@x.test>"] * 9 + [None, "<same@x.test>"])
        known = [i for i in ids if i] + [f"<lost{n}@x.test>" for n in range(4)]
        self.refs = [rnd.choice(known) for _ in range(rnd.choice([0, 0, 0, 1, 1, 2, 3, 5]))]
        self.by_reply = len(self.refs) == 1 and rnd.random() < 0.5
        words = [rnd.choice(WORDS) for _ in range(rnd.randint(0, 2))]
        self.subject = (rnd.choice(["", "", "", "Re: ", "RE: Re: ", "Fwd: ", "re : ", "[list] ", "Re[2]: ",
                                    "[list] Re: ", "fw:  [a] [b] "])
                        + rnd.choice(["", "\t"]) + " ".join(words) + rnd.choice(["", "", " (fwd)", " "]))
        if rnd.random() < 0.05:
            self.subject = f"[fwd: {self.subject}]"
        if rnd.random() < 0.05:
            self.subject = None
        self.fields = {}
        for name, share in (("From", 0.95), ("To", 0.9), ("Cc", 0.4), ("Bcc", 0.1)):
            if rnd.random() < share:
                self.fields[name] = [rnd.choice(PEOPLE) for _ in range(rnd.randint(1, 2))]
        base = datetime.datetime.fromtimestamp(EPOCH, datetime.timezone.utc)
        zone = datetime.timezone(datetime.timedelta(hours=rnd.choice([-11, -5, 0, 1, 14])))
        self.sent = (base + datetime.timedelta(hours=rnd.randint(0, 90))).astimezone(zone)
        self.date = self.sent.strftime("%a, %d %b %Y %H:%M:%S %z")
        if rnd.random() < 0.1:
            self.sent, self.date = None, rnd.choice([None, "yesterday"])
        self.received = base + datetime.timedelta(hours=rnd.randint(0, 90))
        self.body = " ".join(rnd.choice(WORDS) for _ in range(rnd.randint(0, 12)))
        self.flags = {f for f in FLAGS + KEYWORDS if rnd.random() < 0.3}
        self.raw = self.compose()

    def compose(self):
        lines = []
        if self.id:
            lines.append(f"Message-ID: {self.id}")
        if self.by_reply:
            lines.append(f"In-Reply-To: {self.refs[0]}")
        elif self.refs:
            lines.append("References: " + "\r\n ".join(self.refs))
        if self.subject is not None:
            lines.append("Subject: " + self.wire_subject())
        for name, people in self.fields.items():
            lines.append(f"{name}: " + ", ".join(mailbox_text(*p) for p in people))
        if self.date:
            lines.append(f"Date: {self.date}")
        lines += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"]
        return ("\r\n".join(lines) + "\r\n\r\n" + self.body + "\r\n").encode()

    def wire_subject(self):
        return " ".join(encode(word) if not word.isascii() else word for word in self.subject.split(" "))

    def when(self):
        return self.sent or self.received

    def text_of(self, name):
        return "\n".join(f"{n} {a}" for n, a in self.fields[name])


def base_subject(text):
    """RFC 5256, section 2.1: the base, and whether it is a reply or forward."""
    text = re.sub(r"\s+", " ", text)
    blob = r"\[[^\[\]]*\]\s*"
    reply = False
    while True:
        while True:
            shorter = re.sub(r"(?i)(\(fwd\)|\s)$", "", text)
            reply |= len(text) - len(shorter) > 1
            if shorter == text:
                break
            text = shorter
        while True:
            leader = re.match(rf"(?i)(?:(?:{blob})*(?:re|fwd?)\s*(?:{blob})?:|\s)", text)
            if leader:
                reply |= ":" in leader[0]
                text = text[leader.end():]
                continue
            prefix = re.match(blob, text)
            if prefix and text[prefix.end():]:
                text = text[prefix.end():]
                continue
            break
        wrapped = re.fullmatch(r"(?i)\[fwd:(.*)\]", text)
        if not wrapped:
            return text, reply
        text, reply = wrapped[1], True


def joined_subject(m):
    """White space between two encoded words vanishes (RFC 2047)."""
    if m.subject is None:
        return ""
    out, previous = "", True
    for i, word in enumerate(m.subject.split(" ")):
        plain = word.isascii()
        out += ("" if i == 0 or (not plain and not previous) else " ") + word
        if word:
            previous = plain
    return out


# -- SORT ---------------------------------------------------------------------

def first_mailbox(m, name):
    return casemap(m.fields[name][0][1].split("@")[0] if name in m.fields else "")


def display(m, name):
    if name not in m.fields:
        return b""
    person, address = m.fields[name][0]
    return casemap(person or address)


SORTS = {
    "ARRIVAL": lambda m: m.received, "DATE": lambda m: m.when(), "SIZE": lambda m: len(m.raw),
    "SUBJECT": lambda m: casemap(base_subject(joined_subject(m))[0]),
    "FROM": lambda m: first_mailbox(m, "From"), "TO": lambda m: first_mailbox(m, "To"),
    "CC": lambda m: first_mailbox(m, "Cc"), "DISPLAYFROM": lambda m: display(m, "From"),
    "DISPLAYTO": lambda m: display(m, "To"),
}


def sort(messages, program):
    """PROGRAM: pairs of name and reverse; the last decides least."""
    out = sorted(messages, key=lambda m: m.number)
    for name, reverse in reversed(program):
        out.sort(key=SORTS[name], reverse=reverse)
    return out


# -- THREAD -------------------------------------------------------------------

class Node:
    def __init__(self, message=None):
        self.message, self.parent, self.children = message, None, []

    def face(self):
        return self.message or self.children[0].face()

    def depends_on(self, other):
        node = self
        while node and node is not other:
            node = node.parent
        return node is other

    def move(self, parent):
        if self.parent:
            self.parent.children.remove(self)
        self.parent = parent
        if parent:
            parent.children.append(self)

    def sort(self, key):
        for child in self.children:
            child.sort(key)
        self.children.sort(key=lambda n: (key(n.face()), n.face().number))

    def nested(self):
        """As the response has it: numbers, then lists for branches."""
        out = [self.message.number] if self.message else []
        if len(self.children) == 1:
            return out + self.children[0].nested()
        return out + [child.nested() for child in self.children]

    def all(self):
        return [self] + [n for child in self.children for n in child.all()]


def references_forest(messages):
    nodes, own = {}, []
    for m in messages:
        node = Node(m)
        own.append(node)
        if m.id:
            nodes.setdefault(m.id, node)
    for node in own:
        chain = [nodes.setdefault(ref, Node()) for ref in node.message.refs]
        for parent, child in zip(chain, chain[1:]):
            if not child.parent and not parent.depends_on(child):
                child.move(parent)
        node.move(None)
        if chain and not chain[-1].depends_on(node):
            node.move(chain[-1])
    root = Node()
    for node in list(nodes.values()) + [n for n in own if n not in nodes.values()]:
        if not node.parent:
            node.move(root)
    prune(root, True)
    return root


def prune(node, is_root):
    for child in list(node.children):
        prune(child, False)
        if child.message:
            continue
        if not child.children:
            child.move(None)
        elif not is_root or len(child.children) == 1:
            for grandchild in list(child.children):
                grandchild.move(node)
            child.move(None)


def join_subjects(root):
    table = {}
    about = lambda node: base_subject(joined_subject(node.face()))
    key = lambda node: casemap(about(node)[0])
    for node in root.children:
        if not key(node):
            continue
        there = table.get(key(node))
        if not there or (not node.message and there.message) or (about(there)[1] and not about(node)[1]):
            table[key(node)] = node
    for node in list(root.children):
        there = table.get(key(node))
        if not key(node) or there is node:
            continue
        if not there.message and not node.message:
            for child in list(node.children):
                child.move(there)
            node.move(None)
        elif not there.message or (about(node)[1] and not about(there)[1]):
            if node.message:
                node.move(there)
            else:
                for child in list(node.children):
                    child.move(there)
                node.move(None)
        else:
            dummy = Node()
            table[key(node)] = dummy
            there.move(dummy)
            node.move(dummy)
            dummy.move(root)


def thread(messages, how):
    if how == "ORDEREDSUBJECT":
        root, first = Node(), {}
        for m in sorted(messages, key=lambda m: (m.when(), m.number)):
            node, subject = Node(m), casemap(base_subject(joined_subject(m))[0])
            node.move(first.get(subject, root))
            first.setdefault(subject, node)
        return [node.nested() for node in root.children]
    root = references_forest(messages)
    if how == "REFS":
        root.sort(lambda m: m.received)
        root.children.sort(key=lambda n: max((x.message.received, x.message.number) for x in n.all() if x.message))
    else:
        root.sort(lambda m: m.when())
        join_subjects(root)
        root.sort(lambda m: m.when())
    return [node.nested() for node in root.children]


def parse_threads(line):
    """"* THREAD (1)(2 (3)(4))" as nested lists."""
    stack = [[]]
    for token in re.findall(r"\(|\)|\d+", line[len("* THREAD"):]):
        if token == "(":
            stack.append([])
        elif token == ")":
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(int(token))
    assert len(stack) == 1
    return stack[0]


# -- SEARCH -------------------------------------------------------------------

def has(text, needle):
    return fold(needle) in fold(text)


def day(when):
    return when.date()


def stored_key(rnd, messages):
    """Of what the server gave to messages."""
    other, today = rnd.choice(messages), datetime.datetime.now(datetime.timezone.utc).date()
    tomorrow = (today + datetime.timedelta(days=2)).strftime("%d-%b-%Y").lstrip("0")
    name = rnd.choice(["EMAILID", "THREADID", "MODSEQ", "SAVEDBEFORE", "SAVEDSINCE", "SAVEDATESUPPORTED"])
    return {"EMAILID": (f"EMAILID {other.email}", lambda m: m.email == other.email),
            "THREADID": (f"THREADID {other.thread}", lambda m: m.thread == other.thread),
            "MODSEQ": (f"MODSEQ {other.modseq}", lambda m: m.modseq >= other.modseq),
            "SAVEDBEFORE": (f"SAVEDBEFORE {tomorrow}", lambda m: True),
            "SAVEDSINCE": (f"SAVEDSINCE {tomorrow}", lambda m: False),
            "SAVEDATESUPPORTED": ("SAVEDATESUPPORTED", lambda m: True)}[name]


def random_key(rnd, messages, depth=0):
    """A key as sent, and what it means."""
    count = len(messages)
    kind = rnd.randint(0, 25 if depth < 3 else 21)
    needle = rnd.choice(WORDS + ["an", "e", "x", "lta", "\u00fc"])
    who = rnd.choice(["alice", "one.test", "B\u00f6r", "@t", "ADAMS", "zed@one"])
    when = datetime.date(2026, 11, 1) + datetime.timedelta(days=rnd.randint(0, 5))
    on = when.strftime("%d-%b-%Y").lstrip("0")
    compare = rnd.choice([("BEFORE", lambda a: a < when), ("ON", lambda a: a == when), ("SINCE", lambda a: a >= when)])
    number = rnd.randint(1, count)
    flag = rnd.choice(FLAGS)
    if kind == 0:
        return "ALL", lambda m: True
    if kind == 1:
        return flag[1:], lambda m: flag in m.flags
    if kind == 2:
        return "UN" + flag[1:], lambda m: flag not in m.flags
    if kind == 3:
        word = rnd.choice(KEYWORDS)
        return "KEYWORD " + word, lambda m: word in m.flags
    if kind == 4:
        return f"{compare[0]} {on}", lambda m: compare[1](day(m.received))
    if kind == 5:
        return f"SENT{compare[0]} {on}", lambda m: compare[1](day(m.when()))
    if kind in (6, 7):
        return f'SUBJECT "{needle}"', lambda m: m.subject is not None and has(joined_subject(m), needle)
    if kind in (8, 9):
        name = rnd.choice(["From", "To", "Cc", "Bcc"])
        return f'{name.upper()} "{who}"', lambda m: name in m.fields and has(m.text_of(name), who)
    if kind == 10:
        name = rnd.choice(["Subject", "To", "Date", "X-None"])
        present = {"Subject": lambda m: m.subject is not None, "To": lambda m: "To" in m.fields,
                   "Date": lambda m: m.date is not None, "X-None": lambda m: False}[name]
        return f'HEADER {name} ""', present
    if kind in (11, 12):
        return f'BODY "{needle}"', lambda m: has(m.body, needle)
    if kind == 13:
        size = rnd.randint(150, 500)
        return (f"LARGER {size}", lambda m: len(m.raw) > size) if rnd.random() < 0.5 else (
            f"SMALLER {size}", lambda m: len(m.raw) < size)
    if kind == 14:
        other = rnd.randint(1, count)
        lo, hi = min(number, other), max(number, other)
        return f"{number}:{other}", lambda m: lo <= m.number <= hi
    if kind == 15:
        return f"UID {number}:*", lambda m: m.number >= number
    if kind == 16:
        word = rnd.choice(["cherry", "zebra", "\u00e9clair"])
        return f'TEXT "{word}"', lambda m: has(m.body, word) or has(joined_subject(m), word)
    if kind in (17, 18):
        return stored_key(rnd, messages)
    if kind == 19:
        # All times of arrival are full hours; the clock goes on meanwhile.
        age = int(time.time()) - EPOCH - rnd.randint(0, 90) * 3600 - 1800
        limit = datetime.datetime.fromtimestamp(time.time() - age, datetime.timezone.utc)
        return (f"OLDER {age}", lambda m: m.received <= limit) if rnd.random() < 0.5 else (
            f"YOUNGER {age}", lambda m: m.received >= limit)
    if kind == 20:
        word = rnd.choice(KEYWORDS + ["$never"])
        return "UNKEYWORD " + word, lambda m: word not in m.flags
    if kind == 21:
        return {"NEW": ("NEW", lambda m: "\\Seen" not in m.flags), "OLD": ("OLD", lambda m: False),
                "RECENT": ("RECENT", lambda m: True)}[rnd.choice(["NEW", "OLD", "RECENT"])]
    if kind in (22, 23):
        keys = [random_key(rnd, messages, depth + 1) for _ in range(rnd.randint(1, 3))]
        return "(" + " ".join(k for k, _ in keys) + ")", lambda m: all(f(m) for _, f in keys)
    one, two = random_key(rnd, messages, depth + 1), random_key(rnd, messages, depth + 1)
    if kind == 24:
        return f"OR {one[0]} {two[0]}", lambda m: one[1](m) or two[1](m)
    return f"NOT {one[0]}", lambda m: not one[1](m)
