/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_CONTEXT_H
#define IMAPD_CONTEXT_H

#include "imapd/search.h"
#include "imapd/sort.h"

/*
 * Contexts (RFC 5267): a SEARCH or SORT with RETURN (UPDATE) stays with the
 * selected mailbox, and the client is told what joins its result and what
 * leaves it. Messages that changed, came or went are the only ones looked at;
 * which those are says the difference between two views, so an update costs
 * what changed.
 *
 *	context.c         the life of a context
 *	context_update.c  what changes in it
 *
 * Message numbers, "$" and "*" alone stand for the messages they meant when
 * the search was made. RETURN (CONTEXT) is a hint that needs nothing here:
 * what a search needs is kept in memory anyway.
 */

#define CONTEXTS 16                 /* in a session */
#define CONTEXT_MESSAGES (1u << 18) /* in all their results */
#define CONTEXT_AGE 2               /* seconds between looks at ages */

struct context {
	struct context *next;
	struct arena *arena; /* what was asked for */
	struct str tag;
	bool uid;
	bool flags;   /* what changes of a message matters, such as flags */
	bool aging;   /* time alone can change the result (RFC 5032) */
	int64_t aged; /* when that was looked for the last time */
	struct search_program prog;
	struct sort_program sort; /* n is 0: a SEARCH */
	uint32_t *uids;           /* the result, ascending */
	uint32_t *order;          /* and as SORT has it; else NULL */
	size_t n;
	/* Between the two halves of an update: */
	struct context_change *change;
};

/* An active context has this tag. */
bool context_has(const struct session *s, struct str tag);
/*
 * Keep the finished search RUN of command C up to date; TEXT is its arguments,
 * which are parsed again. If that cannot be the client is told so.
 */
void context_keep(struct session *s, const struct cmd *c,
    const struct search_run *run, struct str text);
/* "* NO [NOUPDATE "tag"]": the client will hear nothing more of it. */
void context_refuse(struct session *s, struct str tag, const char *why);
/* Of the mailbox that is being left. */
void contexts_free(struct session *s);

/* Ages are to be looked at, although no message changed. */
bool contexts_due(const struct session *s);
bool context_due(const struct context *x);
/*
 * The client is about to be told of the changes from sel.view to NEW. First it
 * hears what leaves the results, while numbers are still those of sel.view;
 * after the changes, when sel.view is NEW, what joins them.
 */
void contexts_before(struct session *s, struct view *new);
void contexts_after(struct session *s);

/* ------------------------------------------------------------------------
 * Between context.c and context_update.c
 */

/* Without it from now on; X is no longer there. */
void context_drop(struct session *s, struct context *x, const char *why);
/* There is room for N messages more. */
bool context_room(const struct session *s, size_t n);
void context_change_free(struct context *x);

#endif
