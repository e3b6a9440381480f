/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_GREYLIST_H
#define FILTER_GREYLIST_H

#include <netinet/in.h>

#include "filter/db.h"

/*
 * Greylisting: a stranger is asked to come again after a minute; a mail server
 * does, most senders of spam do not.
 *
 * A stranger is a sender to a recipient from a place: the network of the client
 * (/24 or /64), or, if SPF passes, the domain that vouches for it, since large
 * senders come again from another host. Who has once come again is known:
 * his place may send without delay as long as it keeps sending.
 *
 * Everything is in memory; what changed goes to filter.db after a moment, on
 * its thread. What a crash loses of that costs a minute of waiting.
 */

struct greylist_rules {
	unsigned delay;    /* seconds until a retry counts; 60 */
	unsigned retry;    /* until it does not count any more; 2 days */
	unsigned lifetime; /* how long a known place stays so; 36 days */
};

struct greylist_query {
	struct in6_addr client; /* IPv4 mapped */
	struct str spf_domain;  /* empty: SPF did not pass */
	struct str sender, recipient;
	int64_t now;
};

enum greylist_answer {
	GREYLIST_KNOWN,    /* may send */
	GREYLIST_RETURNED, /* came again in time: known from now on */
	GREYLIST_NEW,      /* never seen: wait */
	GREYLIST_EARLY,    /* came again too early: wait */
};
const char *greylist_answer_name(enum greylist_answer a);

struct greylist;
/* Reads what DB has. ENTRIES: the most that are kept, the oldest go first. */
bool greylist_new(struct filter_db *db, unsigned entries, struct greylist **out,
    struct err *e);
void greylist_free(struct greylist **g);

/* *wait: seconds until it pays to come again. Any thread. */
enum greylist_answer greylist_ask(struct greylist *g,
    const struct greylist_query *q, const struct greylist_rules *rules,
    unsigned *wait);

/*
 * Known without waiting: a correspondent (one of our accounts wrote to
 * ADDRESS), or a domain that sent with SPF or DKIM pass before. Each is noted
 * when it happens and asked for before greylist_ask().
 */
void greylist_note_correspondent(
    struct greylist *g, struct str address, int64_t now);
void greylist_note_domain(struct greylist *g, struct str domain, int64_t now);
bool greylist_is_correspondent(struct greylist *g, struct str address);
bool greylist_is_domain(struct greylist *g, struct str domain);

/* For people: places that wait or are known. */
struct greylist_row {
	struct str place, sender, recipient;
	bool known;
	int64_t first, last;
	uint64_t count;
};
enum sq_rc greylist_list(struct filter_db *db, struct arena *a,
    struct greylist_row **list, size_t *count, struct err *e);

#endif
