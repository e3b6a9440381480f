/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OUTBOUND_STS_CACHE_H
#define OUTBOUND_STS_CACHE_H

#include "filter/db.h"
#include "outbound/sts.h"

/*
 * The MTA-STS policies that we know: in memory, and in filter.db, so that a
 * restart forgets none. A policy counts until its max_age is over, whatever
 * becomes of the record and the file meanwhile (RFC 8461, section 5.1): to make
 * it go away takes more than to be in the way of one look-up.
 *
 * One thread fetches a domain's policy; others that want it wait.
 */

#define STS_CACHE_MAX 10000        /* in memory; any goes that is too many */
#define STS_CACHE_ROWS 100000      /* in filter.db; the oldest go */
#define STS_RETRY 300              /* seconds until a fetch is tried again */
#define STS_REFRESH (24 * 60 * 60) /* seconds until it is renewed unasked */
#define STS_REFRESH_AT_ONCE 200    /* domains, each time */

/* Append the policy file of DOMAIN. May take its time; any thread. */
typedef bool sts_fetcher(
    void *arg, struct str domain, struct buf *text, struct err *e);

enum sts_rc {
	STS_FOUND,
	STS_UNKNOWN, /* none that can be had for now */
	STS_PENDING, /* it is still being fetched, and none is known */
};

struct sts_cache;
struct sts_cache *sts_cache_new(
    struct filter_db *db, sts_fetcher *fetcher, void *arg);
void sts_cache_free(struct sts_cache **c);

/*
 * The policy of DOMAIN, in lower case. ID is what its record says, empty if
 * there is none: then only what is known counts. One that is not known, or has
 * another id, is fetched. Waits for another thread's fetch until DEADLINE
 * (clock_mono_ms()).
 */
enum sts_rc sts_cache_get(struct sts_cache *c, struct arena *a,
    struct str domain, struct str id, int64_t deadline, struct sts_policy *out);

/* Renew what was fetched long ago, forget what is over. */
bool sts_cache_refresh(struct sts_cache *c, int64_t now, struct err *e);

#endif
