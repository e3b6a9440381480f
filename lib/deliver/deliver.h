/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DELIVER_DELIVER_H
#define DELIVER_DELIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "site/site.h"
#include "store/store.h"

/*
 * Final delivery: from an envelope and a message to rows in account stores.
 * lmtpd and `mailstead deliver` use it; any thread.
 *
 * For each recipient the message gets Return-Path, Delivered-To and Received
 * in front. A message that was at this address before is refused (a loop). A
 * redelivery, that is the same bytes from the same sender to the same
 * recipient within the setting delivery.redelivery_window, is acknowledged
 * and not stored again, so an acknowledgement that was lost does no harm.
 * What has the result DELIVER_OK is on disk, here or at the account's backend.
 *
 * The scripts of the site, the domain and the account (script/chain.h) decide
 * what happens to a message; without any it goes to INBOX. What they decide is
 * done as a whole or not at all.
 *
 * A sender who asked for it is told of the success (notice.h), by mail that is
 * queued in the same transaction; once for a recipient, and not if the message
 * goes on to somebody who will tell.
 *
 * An account that reaches 80, 90 or 100 % of its quota gets a message about
 * it in its INBOX, once each time it gets there.
 */

enum deliver_rc {
	DELIVER_OK,
	DELIVER_BAD_ADDRESS, /* not an address */
	DELIVER_UNKNOWN,     /* no such address here */
	DELIVER_DISABLED,    /* the account, alias or domain is off */
	DELIVER_ELSEWHERE,   /* leads to another host: the MTA's work */
	DELIVER_FULL_TEMP,   /* over quota, and delivery.over_quota says */
	DELIVER_FULL_PERM,   /* ... to wait, or to refuse */
	DELIVER_LOOP,
	DELIVER_REFUSED,  /* by the server that holds the account */
	DELIVER_REJECTED, /* by a script of the recipient's */
	DELIVER_EXPIRED,  /* too late: see struct deliver_by */
	DELIVER_NOSPACE,  /* the disk is full or read-only */
	DELIVER_TEMP,     /* anything else; try again later */
};
#define DELIVER_RCS (DELIVER_TEMP + 1)

/* What SMTP says: code (RFC 5321), enhanced status (RFC 3463) and a sentence
 * for people. */
struct deliver_reply {
	unsigned code;
	const char *status, *text;
};
const struct deliver_reply *deliver_reply(enum deliver_rc rc);
/* The same in the words of the server that holds an account. */
struct deliver_words {
	unsigned code; /* 0: it said nothing */
	char status[12], text[512];
};
const char *deliver_rc_name(enum deliver_rc rc); /* for logs and metrics */

struct deliver_message;

/* A message for an account that another server holds. */
struct deliver_forward {
	const struct site_account *account;
	const struct deliver_message *message;
	struct str to, head; /* HEAD goes before the message's text */
	struct str notify;   /* RFC 3461 */
	struct str orcpt;    /* the same, decoded */
	/* Filled; they come zeroed. */
	struct deliver_words words; /* why it was not taken */
	bool tells; /* the server there heeds NOTIFY and what belongs to it */
};

struct deliver_options {
	struct site *site;
	struct store *store;
	const char *hostname; /* in Received */
	/* Run task(targ, i) for all i < count at once and wait; NULL: one
	 * after the other. */
	void (*parallel)(void *arg, size_t count,
	    void (*task)(void *targ, size_t i), void *targ);
	void *parallel_arg;
	/* Hand it to the account's backend. NULL: mail for accounts with one
	 * is DELIVER_ELSEWHERE. */
	enum deliver_rc (*forward)(
	    struct site *s, struct deliver_forward *f, struct err *e);
	/* The account queued mail (store/outgoing.h). NULL: whoever looks after
	 * that finds it. */
	void (*queued)(void *arg, struct str account);
	void *queued_arg;
};
struct deliver;
/* Everything O names must outlive it. */
struct deliver *deliver_new(const struct deliver_options *o);
void deliver_free(struct deliver **d);

/* One recipient of an envelope. */
struct deliver_rcpt {
	struct str address;       /* as the MTA gave it */
	struct str original;      /* ORCPT (RFC 3461), decoded, or empty */
	struct str orcpt, notify; /* RFC 3461, decoded, or empty */
	/* Filled by deliver_check(). */
	struct str key; /* the address as it is compared */
	const struct site_target *targets;
	size_t ntargets;
	/* Filled by deliver_message(). */
	enum deliver_rc rc;
	bool duplicate;             /* was there already */
	struct deliver_words words; /* behind rc, if it is a backend's */
};

/*
 * Look a recipient up (at RCPT): find its accounts, their state and whether
 * SIZE more bytes (0: unknown) would fit. R->address is the caller's; the
 * rest lives in ARENA. E explains what is not DELIVER_OK.
 */
enum deliver_rc deliver_check(struct deliver *d, struct arena *arena,
    uint64_t size, struct deliver_rcpt *r, struct err *e);

/* When a message is late (RFC 2852). */
struct deliver_by {
	bool set;
	bool refuse; /* mode R: then it is of no use any more */
	bool trace;
	int64_t until;
};

struct deliver_message {
	/*
	 * The message, with CRLF line ends. HEADROOM bytes in front of raw.p
	 * may be overwritten, which spares a copy of large messages; 0: none.
	 */
	struct str raw;
	size_t headroom;
	struct str from;       /* reverse-path; empty: the null one */
	struct str helo;       /* what the client called itself */
	const char *peer;      /* its address; "local" */
	const char *with;      /* "LMTP", "LMTPS", "UTF8LMTP"...; "local" */
	const char *id;        /* of the session or transaction, for the logs */
	struct str queue_id;   /* the MTA's; empty: read from its Received */
	struct str ret, envid; /* RFC 3461, decoded, or empty */
	/* What a redelivery has in common, if its bytes differ; or empty. */
	struct str identity;
	struct deliver_by by;
};
#define DELIVER_HEADROOM 8192
/* Addresses and names longer than this are refused before they get here. */
#define DELIVER_MAX_NAME 1000

/*
 * Deliver M to the recipients, each of which deliver_check() found good, and
 * set their results. A recipient of several accounts is good when all were.
 * Logs one line for each account.
 */
void deliver_message(struct deliver *d, const struct deliver_message *m,
    struct deliver_rcpt *list, size_t count);

#endif
