/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_LIMITS_H
#define FILTER_LIMITS_H

#include "filter/db.h"

/*
 * How much somebody may send in a time. Each limit is a setting that has how
 * often something may happen within a window that slides: what happened in the
 * last whole minute, hour or day counts by the part of it that the window still
 * covers, and the current one in full. So nobody gets twice as much around the
 * turn of the hour, and a counter is two numbers, however large.
 *
 * Counters are in memory. Those of an hour or a day also go to filter.db as
 * they change, so that a restart begins nothing anew.
 */

enum limit_what {
	LIMIT_CONNECTIONS,
	LIMIT_MESSAGES,
	LIMIT_RECIPIENTS,
	LIMIT_REFUSALS,
};

enum limit_subject {
	LIMIT_CLIENT,  /* a stranger's address */
	LIMIT_NETWORK, /* its /24 or /64 */
	LIMIT_ACCOUNT, /* who logged in */
	LIMIT_DOMAIN,  /* that of the account */
	LIMIT_HOST,    /* where he, or one of our hosts, sends from */
	LIMIT_SUBJECTS,
};

struct limit {
	const char *setting;
	enum limit_what what;
	enum limit_subject subject;
	unsigned window; /* seconds */
};
#define LIMITS 21
extern const struct limit limits_table[LIMITS];
/* NULL: there is none. */
const struct limit *limit_find(struct str setting);
/* Of mail that our accounts and hosts send, or else of strangers'. */
bool limit_is_outgoing(const struct limit *l);

/*
 * At most LIMITS_MAX counters are kept of strangers, and as many of our own, so
 * that strangers cannot push those out; about 200 octets each. Then those go
 * that were used least recently.
 */
#define LIMITS_MAX 50000
struct limits;
/* DB may be NULL: a restart begins anew. It must outlive the limits. */
struct limits *limits_new(struct filter_db *db, int64_t now);
void limits_free(struct limits **l);

/* What was counted so far does not count. */
void limits_reset(struct limits *l, const struct limit *limit,
    struct str subject, int64_t now);

struct limit_ask {
	const struct limit *limit;
	struct str subject;
	uint64_t max; /* of the setting; 0: no limit */
};
struct limit_over {
	const struct limit *limit;
	struct str subject; /* of the question */
	uint64_t max;
	unsigned wait; /* seconds until there is room for one */
	bool first;    /* in this window: somebody should be told */
};
/* Count one more for all of LIST. False, and nothing is counted, if one has no
 * room: *over. Any thread. */
bool limits_take(struct limits *l, const struct limit_ask *list, size_t n,
    int64_t now, struct limit_over *over);

/* For people: what filter.db has, by subject. */
#define LIMITS_LIST_MAX 10000
struct limit_row {
	const struct limit *limit;
	struct str subject;
	uint64_t used;
};
/* SUBJECT empty: all. */
enum sq_rc limits_list(struct filter_db *db, struct arena *a,
    struct str subject, int64_t now, struct limit_row **list, size_t *count,
    struct err *e);

#endif
