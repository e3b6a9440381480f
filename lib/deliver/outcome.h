/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DELIVER_OUTCOME_H
#define DELIVER_OUTCOME_H

#include "deliver/notice.h"
#include "sieve/sieve.h"
#include "site/site.h"
#include "store/delivery.h"

/*
 * What a run of scripts comes to: the sink for sieve_execute(), which collects,
 * and the one transaction that does all of it. Only programs are started at
 * once.
 *
 *	o = outcome_new(&options, arena);
 *	sink = outcome_sink(o);
 *	rc = sieve_execute(run, &sender, &sink);
 *	if (rc != SIEVE_TEMPORARY)
 *		rc = outcome_apply(o, &key, &result, e);
 *	if (result.queued)
 *		outbox_wake(outbox, account_id(account));
 *
 * All that the actions name must live until it is applied, as what belongs to
 * the run and its programs does. The result is in the arena.
 *
 * A sender who wants to know of success gets one answer (RFC 3461, section
 * 5.2.7). The request goes along with the one redirect of a message that is
 * not stored; else it is answered here, with "expanded" if there are several,
 * and redirects lose it. A script is the recipient's agent, so what it discards
 * or starts a program with is delivered; and so is what it redirects with
 * another reverse-path, which is a new message to everybody behind.
 *
 * Programs are not part of the transaction: ask account_delivered() before the
 * scripts run, or a redelivery starts them again.
 */

/*
 * Of an IMAP event (RFC 6785): the message is there already. To keep it is to
 * leave it where it is, with other flags perhaps; who neither keeps it nor
 * fails makes it \Deleted. Scripts cannot change it (section 3.1).
 */
struct outcome_original {
	int64_t mailbox; /* 0: it is a delivery */
	uint32_t uid;
	struct flags flags; /* as the scripts saw them */
	int64_t received;   /* so are copies of it */
	struct str raw;
};

struct outcome_options {
	struct site *site;
	struct account *account;
	const struct site_account *owner;
	const struct sieve_envelope *envelope;
	const char *hostname;
	bool may_refuse; /* the session can still say no */
	bool create;     /* mailboxes that are missing, unasked */
	int64_t inbox;   /* where it is kept if no script says; 0: INBOX */
	struct outcome_original original;
	/* What the sender wants to be told of a success; NULL: nothing. */
	const struct notice *notice;
	/* What became of an action, for log and trace; may be NULL. */
	void (*done)(void *arg, const struct sieve_action *a, struct str how);
	void *arg;
};

struct outcome;
/* Lives in ARENA; O too. */
struct outcome *outcome_new(
    const struct outcome_options *o, struct arena *arena);
struct sieve_sink outcome_sink(struct outcome *o);

/* How a redelivery is recognised, and what may be stored: see struct delivery.
 */
struct outcome_terms {
	struct str key;
	uint32_t window, msgid_window;
	const struct quota *quota;
};
struct outcome_result {
	const struct filed *filed;
	size_t nfiled;
	bool duplicate; /* nothing was done, it had been */
	bool queued;    /* there is something to send */
	bool deleted;   /* the original was */
	struct str
	    refusal; /* what to refuse the message with, if P is not NULL */
};
enum store_rc outcome_apply(struct outcome *o, const struct outcome_terms *t,
    struct outcome_result *out, struct err *e);

#endif
