# SPDX-License-Identifier: BSD-2-Clause
"""Measurements of many sessions and of large mailboxes: idle connections,
push, resynchronisation, ImapTest's mix. Listed in measures.py."""

import imaplib
import os
import pathlib
import random
import re
import subprocess
import threading
import time

import load
import servers

RESYNC, MILLION, PUSH, MIX = 61, 62, 63, 64  # accounts; MIX to MIX + 4
MIX_USERS = 5
LAST = MIX + MIX_USERS - 1

# ---------------------------------------------------------------------------
# Large mailboxes


def client(server, account):
    c = imaplib.IMAP4("127.0.0.1", server.imap_port, timeout=300)
    c.login(servers.user(account), servers.PASSWORD)
    return c


def ok(answer):
    if answer[0] != "OK":
        raise RuntimeError(f"the server refused: {answer}")
    return answer[1]


def need_many(bench, server, account, wanted):
    """An account with so many messages in its INBOX, which COPY makes."""
    if (server.name, account) in bench.made:
        return
    load.loop(bench, server, "append", server.imap_port, first=account, mail=bench.ten, count=1000, seconds=0)
    c = client(server, account)
    ok(c.select("INBOX"))
    have = 1000
    while have < wanted:
        some = min(have, wanted - have, 50000)
        ok(c.copy(f"1:{some}", "INBOX"))
        have += some
    c.logout()
    bench.made.add((server.name, account))


def select_first(bench, server):
    """The first SELECT after a restart; what it needs is in the page cache.
    Our server indexes meanwhile what need_many() made."""
    need_many(bench, server, MILLION, bench.messages * 100)
    with load.session(bench, server, MILLION) as s:
        s.run("SELECT INBOX")
    time.sleep(3)  # what a server keeps for later, it keeps now
    server.restart()
    with load.session(bench, server, MILLION) as s:
        first = s.run("SELECT INBOX")
        s.run("UNSELECT")
        return {"select-first": load.once(first), "select": load.repeated(s, ["SELECT INBOX", "UNSELECT"], 20)}


def change(server, wanted, seed):
    """A hundred changes here and there; the state a client has from before."""
    rng = random.Random(seed)
    c = client(server, RESYNC)
    ok(c.select("INBOX"))
    status = ok(c.status("INBOX", "(UIDVALIDITY HIGHESTMODSEQ UIDNEXT)"))[0].decode()
    validity, modseq, uidnext = (int(re.search(rf"{word} (\d+)", status)[1])
                                 for word in ("UIDVALIDITY", "HIGHESTMODSEQ", "UIDNEXT"))
    uids = rng.sample(range(uidnext - wanted * 9 // 10, uidnext), 100)
    for uid in uids[:75]:
        ok(c.uid("STORE", str(uid), "+FLAGS.SILENT", f"changed{seed}"))
    for uid in uids[75:]:
        ok(c.uid("STORE", str(uid), "+FLAGS.SILENT", "\\Deleted"))
    ok(c.expunge())
    c.logout()
    return validity, modseq


def resync(bench, server):
    many = bench.messages * 10
    need_many(bench, server, RESYNC, many)
    server.settle(600)
    validity, modseq = change(server, many, time.monotonic_ns())
    with load.session(bench, server, RESYNC) as s:
        s.run("ENABLE QRESYNC")
        commands = [f"SELECT INBOX (QRESYNC ({validity} {modseq}))", "UNSELECT"]
        changed = s.run(commands[0])["fetches"]
        if changed != 75:
            raise RuntimeError(f"{server.name}: told of {changed} changed messages instead of 75")
        s.run(commands[1])
        return {"resync": load.repeated(s, commands, 40)}


# ---------------------------------------------------------------------------
# Connections that wait


def hold(bench, server, row, port, count, **options):
    """KiB per connection beyond what the server has without them."""
    server.restart()
    with load.session(bench, server, 1) as s:
        s.run("NOOP")
    time.sleep(1)
    before = server.pss()
    with load.Load(bench, server, "hold", port, count=count, clients=4, accounts=load.RECEIVERS, timeout=300, **options):
        time.sleep(1)
        return {row: ((server.pss() - before) / 1024 / count, 0, 0)}


def memory(bench, server):
    return hold(bench, server, "memory", server.imap_port, bench.connections)


def memory_idle(bench, server):
    return hold(bench, server, "memory-idle", server.imap_port, bench.connections, idle=1)


def memory_tls(bench, server):
    count = bench.connections * (10 if server is bench.ours else 1)
    return hold(bench, server, "memory-tls", server.imaps_port, count, idle=1, tls=1)


def push(bench, server):
    """From LMTP's 250 to the untagged EXISTS of a client in IDLE, one delivery
    every 20 ms."""
    result = load.loop(bench, server, "push", server.imap_port, first=PUSH, mail=bench.ten, lmtp_port=server.lmtp_port,
                       pause=20, count=100, seconds=0)
    return {"push": (result["p50_ms"], result["cpu"], result["ops"]), "push-p99": (result["p99_ms"], 0, 0)}


# ---------------------------------------------------------------------------
# ImapTest, where the environment names one and an mbox file of its messages

IMAPTEST_WANTS = ("IMAPTEST", "IMAPTEST_MBOX")



def imaptest(bench, server, seconds, clients, *options):
    """Commands a second of ImapTest's mix, CPU seconds, commands."""
    mbox = os.environ["IMAPTEST_MBOX"]
    argv = [os.environ["IMAPTEST"], "host=127.0.0.1", f"port={server.imap_port}", f"user=user%d@{servers.DOMAIN}",
            f"users={MIX}-{LAST}", f"pass={servers.PASSWORD}", f"mbox={mbox}", f"clients={clients}", f"secs={seconds}",
            "msgs=100", "seed=1", *options]
    cpu = server.cpu()
    done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds + 60)
    cpu = server.cpu() - cpu
    pathlib.Path(bench.work, f"imaptest-{server.name}.log").write_text(done.stdout + done.stderr)
    errors = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith(("Error", "BUG", "Fatal"))]
    if done.returncode or errors:
        raise RuntimeError(f"ImapTest: {errors[0] if errors else done.returncode}")
    counts = [int(n) for n in done.stdout.split("Totals:")[1].strip().splitlines()[-1].split()]
    return sum(counts) / seconds, cpu, sum(counts)


def mix(bench, server):
    return {"mix": imaptest(bench, server, 30, 20)}


def mix_stay(bench, server):
    return {"mix-stay": imaptest(bench, server, 30, 20, "logout=0")}


def mix_200(bench, server):
    """And how long one more client, with an account of its own, waits for
    STORE meanwhile: 99 of 100."""
    load.loop(bench, server, "append", server.imap_port, first=PUSH, mail=bench.ten, count=100, seconds=0)
    waits = {}
    probe = threading.Thread(target=lambda: waits.update(load.loop(
        bench, server, "store", server.imap_port, first=PUSH, messages=100, pause=20, seconds=25)))
    probe.start()
    try:
        result = imaptest(bench, server, 30, 200)
    finally:
        probe.join()
    if not waits:
        raise RuntimeError(f"{server.name}: the client that measures its waits failed")
    return {"mix-200": result, "mix-200-p99": (waits["p99_ms"], 0, 0)}
