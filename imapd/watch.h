/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_WATCH_H
#define IMAPD_WATCH_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "net/server.h"
#include "store/store.h"

/*
 * Who waits for changes of which account: the store says "account X changed"
 * on a thread of its own, and the connections that wait for X are woken.
 */
struct watch;

/* Embedded in a session; zeroed at first. */
struct watcher {
	struct conn *conn;
	struct waiters *of; /* NULL: does not wait */
	struct watcher *prev, *next;
};

bool watch_new(struct store *st, struct watch **out, struct err *e);
/* The store must be closed before. */
void watch_free(struct watch **w);

/* From now on CONN is woken when ACCOUNT may have changed. A change before
 * the call is the caller's to look for. */
void watch_add(
    struct watch *w, struct watcher *m, struct conn *conn, struct str account);
/* Wake those who wait for ACCOUNT, for what its store does not tell. */
void watch_wake(struct watch *w, struct str account);
/* After it returns CONN is not woken any more. */
void watch_remove(struct watch *w, struct watcher *m);

#endif
