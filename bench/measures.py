# SPDX-License-Identifier: BSD-2-Clause
"""What is measured: one function each, listed in MEASURES with its bar.

A function takes the bench and one server, measures once and returns
{row: (value, CPU seconds, operations)}; the bench calls it for our server and
theirs in turn."""

import dataclasses

import corpus
import order
import sessions
import sieve
from load import RECEIVERS, loop, once, rate, repeated, session

# Accounts: 1 to RECEIVERS receive, the others have one task each; those after
# APPENDS to APPENDS + 3 are in order.py, sessions.py and sieve.py.
ONE, BIG, EXPUNGES, APPENDS = 51, 52, 53, 54
ACCOUNTS = sieve.LAST


# ---------------------------------------------------------------------------
# LMTP


def settle(bench, server, row, messages):
    """Wait for the search index; its time and CPU are rows of their own."""
    seconds, cpu = server.settle()
    if server is bench.ours:
        bench.indexing.append((row, messages, seconds, cpu))


def lmtp(bench, server, row, per=1, **options):
    result = loop(bench, server, "lmtp", server.lmtp_port, mail=bench.ten, **options)
    settle(bench, server, row, result["ops"] * per)
    return {row: rate(result)}


def lmtp_many(bench, server):
    return lmtp(bench, server, "lmtp", clients=4, accounts=RECEIVERS)


def lmtp_one(bench, server):
    return lmtp(bench, server, "lmtp-one", clients=16, accounts=1, first=ONE)


def lmtp_recipients(bench, server):
    return lmtp(bench, server, "lmtp-rcpt", per=RECEIVERS, accounts=RECEIVERS, recipients=RECEIVERS)


# ---------------------------------------------------------------------------
# Logins


def login(bench, server):
    row = "login-reuse" if server is bench.reuse else "login"
    result = loop(bench, server, "login", server.imap_port, clients=4, accounts=RECEIVERS)
    return {row: rate(result)} if server is not bench.ours else {"login": rate(result), "login-reuse": rate(result)}


# ---------------------------------------------------------------------------
# Reading a large mailbox

METADATA = "FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE)"


def need_big(bench, server):
    """The account with the corpus in its INBOX."""
    if (server.name, "big") in bench.made:
        return
    loop(bench, server, "append", server.imap_port, first=BIG, mail=bench.corpus, count=bench.messages, seconds=0,
         timeout=600)
    server.settle()
    bench.made.add((server.name, "big"))


def check(what, wanted, got):
    if wanted != got:
        raise RuntimeError(f"{what}: {got} instead of {wanted}; the measurement would mean nothing")


def fetch(bench, load):
    result = load.run(METADATA)
    check("FETCH responses", bench.messages, result["fetches"])
    return result


def fetch_warm(bench, server):
    need_big(bench, server)
    with session(bench, server, BIG) as load:
        load.run("SELECT INBOX")
        fetch(bench, load)
        return {"fetch-warm": repeated(load, [METADATA], 5)}


def cold(bench, server):
    """SELECT and FETCH after a restart, nothing in the page cache."""
    server.restart()
    bench.drop_caches()
    with session(bench, server, BIG) as load:
        select, result = load.run("SELECT INBOX"), fetch(bench, load)
        return (select["seconds"] + result["seconds"]) * 1000, select["cpu"] + result["cpu"], 1


def fetch_first(bench, server):
    need_big(bench, server)
    server.forget_cache(BIG)
    return {"fetch-first": cold(bench, server)}


def fetch_cold(bench, server):
    need_big(bench, server)
    with session(bench, server, BIG) as load:  # so that Dovecot's cache file has it
        load.run("SELECT INBOX")
        fetch(bench, load)
    return {"fetch-cold": cold(bench, server)}


def fetch_bodies(bench, server):
    need_big(bench, server)
    with session(bench, server, BIG) as load:
        load.run("SELECT INBOX")
        load.run("FETCH 1:* BODY.PEEK[]")  # into the page cache
        result = load.run("FETCH 1:* BODY.PEEK[]")
        if result["bytes"] < bench.corpus_bytes:
            raise RuntimeError(f"{server.name}: FETCH gave {result['bytes']} bytes")
        return {"fetch-bodies": (result["bytes"] / 1e6 / result["seconds"], result["cpu"], bench.messages)}


def rare_hits(bench):
    return sum(1 for n in range(1, bench.messages + 1) if n % corpus.RARE_EVERY == 7)


def search(bench, server):
    need_big(bench, server)
    with session(bench, server, BIG) as load:
        load.run("SELECT INBOX")
        command = f"SEARCH TEXT {corpus.RARE}"
        check(f"{server.name}: SEARCH hits", rare_hits(bench), load.run(command)["hits"])
        return {"search": repeated(load, [command], 3 if server is not bench.ours else 20)}


def pop3(bench, server):
    """RETR of the first 1,000 messages, for as long as they last."""
    need_big(bench, server)
    return {"pop3": rate(loop(bench, server, "pop3", server.pop3_port, first=BIG, messages=1000, count=1000, seconds=0))}


# ---------------------------------------------------------------------------
# Changing


def store_one(bench, server):
    need_big(bench, server)
    return {"store": rate(loop(bench, server, "store", server.imap_port, first=BIG, messages=bench.messages))}


def store_all(bench, server):
    need_big(bench, server)
    with session(bench, server, BIG) as load:
        load.run("SELECT INBOX")
        commands = [f"STORE 1:* {sign}FLAGS.SILENT (\\Answered)" for sign in "+-"]
        load.run(commands[0]), load.run(commands[1])
        return {"store-all": repeated(load, commands, 10)}


def append(bench, server, row, clients):
    result = loop(bench, server, "append", server.imap_port, mail=bench.ten, clients=clients, first=APPENDS,
                  accounts=clients)
    settle(bench, server, row, result["ops"])
    return {row: rate(result)}


def append_one(bench, server):
    return append(bench, server, "append", 1)


def append_four(bench, server):
    return append(bench, server, "append-4", 4)


def copy(bench, server):
    need_big(bench, server)
    with session(bench, server, BIG) as load:
        load.run("SELECT INBOX")
        load.run("CREATE Copies")
        result = load.run("COPY 1:1000 Copies")
        load.run("DELETE Copies")
        return {"copy": once(result)}


def expunge(bench, server):
    """Messages that are in no other mailbox."""
    loop(bench, server, "append", server.imap_port, first=EXPUNGES, mail=bench.ten, count=1000, seconds=0)
    server.settle()
    with session(bench, server, EXPUNGES) as load:
        load.run("SELECT INBOX")
        load.run("STORE 1:* +FLAGS.SILENT (\\Deleted)")
        return {"expunge": once(load.run("EXPUNGE"))}


# ---------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the table. BAR: ours against theirs, as a ratio of speed
    ("x2": at least twice as fast) or as a limit in the row's unit ("<30")."""

    name: str
    run: object
    text: str
    unit: str
    bar: str
    higher: bool = True  # more is better
    op: str = "operation"  # what CPU time is counted per
    against: str = "theirs"  # or "reuse", "sieve": another set-up of theirs
    once: bool = False  # one measurement is enough
    wants: tuple = ()  # environment variables without which it is left out


MEASURES = [
    Row("lmtp", lmtp_many, "LMTP 10 KB, 4 sessions, 50 accounts", "msg/s", "x2", op="message"),
    Row("lmtp-one", lmtp_one, "LMTP 10 KB, 16 sessions, 1 account", "msg/s", "x3", op="message"),
    Row("lmtp-rcpt", lmtp_recipients, "LMTP 10 KB, 50 recipients each", "txn/s", "x2", op="transaction"),
    Row("lmtp-sieve", sieve.lmtp, "LMTP 10 KB, 4 sessions, 50 accounts, each a script of 60 rules", "msg/s", "x2",
        op="message", against="sieve"),
    Row("sieve-time", sieve.lmtp, "its time in per cent of one without the script", "%", "<115", False,
        against="sieve"),
    Row("sieve-cpu", sieve.lmtp, "its server CPU in per cent of one without the script", "%", "<115", False,
        against="sieve"),
    Row("sieve-compile", sieve.compile_many, "compiling a script of 1,000 rules", "ms", "<20", False, against="sieve"),
    Row("login", login, "connect, LOGIN, LOGOUT, 4 clients; stock Dovecot", "per s", "x10", op="login"),
    Row("login-reuse", login, "the same; Dovecot with process reuse", "per s", "x1", op="login", against="reuse"),
    Row("fetch-warm", fetch_warm, "FETCH 1:* metadata, 10,000, warm", "ms", "x1", False),
    Row("fetch-first", fetch_first, "the same, first time, restarted, page cache dropped", "ms", "x5", False),
    Row("fetch-cold", fetch_cold, "the same, fetched before, restarted, page cache dropped", "ms", "x5", False),
    Row("fetch-bodies", fetch_bodies, "FETCH 1:* BODY.PEEK[]", "MB/s", "x1", op="message"),
    Row("pop3", pop3, "POP3 RETR of 1,000, one by one", "msg/s", "x1", op="message"),
    Row("search", search, "SEARCH TEXT on 10,000, 100 hits", "ms", "x50", False),
    Row("sort", order.sort, "SORT (DATE) on 50,000", "ms", "x2", False),
    Row("sort-subject", order.sort_subject, "SORT (SUBJECT) on 50,000", "ms", "x2", False),
    Row("thread", order.thread, "THREAD REFERENCES on 50,000", "ms", "x2", False),
    Row("search-subject", order.search_subject, "SEARCH SUBJECT on 50,000", "ms", "x2", False),
    Row("store", store_one, "STORE of one message, 1 client", "cmd/s", "x1", op="command"),
    Row("append", append_one, "APPEND 10 KB, 1 client", "msg/s", "x1", op="message"),
    Row("append-4", append_four, "APPEND 10 KB, 4 clients, 4 accounts", "msg/s", "x1", op="message"),
    Row("copy", copy, "COPY of 1,000", "ms", "x1", False),
    Row("store-all", store_all, "STORE 1:* of one flag on 10,000", "ms", "<30", False),
    Row("expunge", expunge, "EXPUNGE of 1,000", "ms", "<30", False),
    Row("push", sessions.push, "LMTP reply to EXISTS in IDLE, median", "ms", "<5", False, once=True),
    Row("push-p99", sessions.push, "the same, 99 of 100", "ms", "<50", False, once=True),
    Row("mix", sessions.mix, "ImapTest's mix, 20 clients, 30 s", "cmd/s", "x3", op="command", once=True,
        wants=sessions.IMAPTEST_WANTS),
    Row("mix-stay", sessions.mix_stay, "the same with logout=0", "cmd/s", "x1.5", op="command", once=True,
        wants=sessions.IMAPTEST_WANTS),
    Row("mix-200", sessions.mix_200, "ImapTest's mix, 200 clients, 30 s", "cmd/s", "x1", op="command", once=True,
        wants=sessions.IMAPTEST_WANTS),
    Row("mix-200-p99", sessions.mix_200, "STORE of one more client meanwhile, 99 of 100", "ms", "", False, once=True,
        wants=sessions.IMAPTEST_WANTS),
    Row("memory", sessions.memory, "memory of a logged-in connection", "KiB", "<40", False, once=True),
    Row("memory-idle", sessions.memory_idle, "memory of a connection in IDLE on INBOX", "KiB", "<30", False, once=True),
    Row("memory-tls", sessions.memory_tls, "the same with TLS, 10,000 connections", "KiB", "<60", False, once=True),
    Row("resync", sessions.resync, "SELECT with QRESYNC, 100 changes in 100,000, and UNSELECT", "ms", "x1", False),
    Row("select-first", sessions.select_first, "SELECT of 1,000,000, first after a restart", "ms", "<100", False, once=True),
    Row("select", sessions.select_first, "SELECT of 1,000,000, and UNSELECT, later", "ms", "x1", False, once=True),
]
