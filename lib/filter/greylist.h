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
 * his place may send without delay as long as it keeps sending, whoever it is
 * from and to.
 *
 *	             too early
 *	              +----+
 *	              v    |     in time
 *	never seen --> waits ---------------> known --+ sends
 *	              ^    |                  ^  |    |
 *	              +----+                  +--|----+
 *	              too late                   | not for a lifetime
 *	      ^                                  |
 *	      +----------------------------------+
 *
 * Everything is in memory, 16 octets of a SHA-256 in place of each text; what
 * changed goes to filter.db after a moment, on its thread. What a crash loses
 * of that costs a minute of waiting.
 *
 * Letters are compared without case. In senders' local parts that differ from
 * one message to the next the difference does not count:
 *
 *  - tags of BATV are left out: prvs=TAG=ann, btv1==TAG==ann are ann;
 *  - so are hash and day of SRS0, and of SRS1 all but the first domain;
 *  - a word (of letters and digits) with a digit in it is "#", and so is one of
 *    four letters or more that are all a to f, as words of hash values are.
 *    Several of them with one other character between count as one:
 *    bounce-123.4f2e-list and bounce-77-list are bounce-#-list.
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
	GREYLIST_NEW,      /* never seen, or too long ago: wait */
	GREYLIST_EARLY,    /* came again too early: wait */
};
const char *greylist_answer_name(enum greylist_answer a);

struct greylist;
/*
 * Reads what DB has and has not expired; if it cannot, that is logged, and
 * nobody is known. ENTRIES: the most that are kept of each kind (strangers that
 * wait, places, correspondents, domains), about 70 octets each. Then those go
 * first that were seen first, or not for longest if they are known; so a flood
 * of strangers makes nobody unknown. DB must outlive it.
 */
struct greylist *greylist_new(
    struct filter_db *db, unsigned entries, int64_t now);
void greylist_free(struct greylist **g);

/* *wait: seconds until it pays to come again. Any thread. */
enum greylist_answer greylist_ask(struct greylist *g,
    const struct greylist_query *q, const struct greylist_rules *rules,
    unsigned *wait);

/* What greylist_ask() would answer. Changes nothing. */
enum greylist_answer greylist_peek(struct greylist *g,
    const struct greylist_query *q, const struct greylist_rules *rules,
    unsigned *wait);

/*
 * Known without waiting: a correspondent (one of our accounts wrote to
 * ADDRESS), or a domain that sent with SPF or DKIM pass before. Each is noted
 * when it happens and asked for before greylist_ask(). They stay so for a time
 * since they were noted last. Any thread.
 */
#define GREYLIST_CORRESPONDENT_DAYS 180
#define GREYLIST_DOMAIN_DAYS 60
void greylist_note_correspondent(
    struct greylist *g, struct str address, int64_t now);
void greylist_note_domain(struct greylist *g, struct str domain, int64_t now);
bool greylist_is_correspondent(
    struct greylist *g, struct str address, int64_t now);
bool greylist_is_domain(struct greylist *g, struct str domain, int64_t now);

struct greylist_counts {
	unsigned strangers, places, correspondents, domains;
	size_t bytes; /* of memory, for all of them */
};
void greylist_count(struct greylist *g, struct greylist_counts *out);

/* For people: places that wait or are known, of each at most GREYLIST_LIST_MAX,
 * those that last longest. COUNT and LAST may be a minute behind. */
#define GREYLIST_LIST_MAX 10000
struct greylist_row {
	struct str place, sender,
	    recipient; /* the ones it was first seen with */
	bool known;
	int64_t first, last;
	int64_t expires; /* known, or in time, until then */
	uint64_t count;
};
enum sq_rc greylist_list(struct filter_db *db, struct arena *a,
    struct greylist_row **list, size_t *count, struct err *e);

#endif
