# SPDX-License-Identifier: BSD-2-Clause
"""What is measured on a mailbox of many small messages: order, threads, subjects.

Each command runs once before it is measured, so that Dovecot's cache file has
the headers and ours has them in memory."""

import corpus
from load import loop, repeated, session

MANY = 58  # account
TIMES = 5  # messages for each of bench.messages


def need_many(bench, server):
    """The account with many small messages in its INBOX."""
    if (server.name, "many") in bench.made:
        return
    mail = bench.work / "many.mail"
    if not mail.exists():
        corpus.write(mail, 3, bench.messages * TIMES, 700)
    loop(bench, server, "append", server.imap_port, first=MANY, mail=mail, count=bench.messages * TIMES, seconds=0,
         timeout=900)
    server.settle()
    bench.made.add((server.name, "many"))


def measure(bench, server, row, command):
    need_many(bench, server)
    with session(bench, server, MANY) as load:
        load.run("SELECT INBOX")
        first = load.run(command)
        if not first["hits"] and first["bytes"] < bench.messages * TIMES * 2:
            raise RuntimeError(f"{server.name}: {command} gave {first['bytes']} bytes")
        return {row: repeated(load, [command], 5)}


def sort(bench, server):
    return measure(bench, server, "sort", "SORT (DATE) UTF-8 ALL")


def sort_subject(bench, server):
    return measure(bench, server, "sort-subject", "SORT (SUBJECT) UTF-8 ALL")


def thread(bench, server):
    return measure(bench, server, "thread", "THREAD REFERENCES UTF-8 ALL")


def search_subject(bench, server):
    return measure(bench, server, "search-subject", "SEARCH SUBJECT orchard")
