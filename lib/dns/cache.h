/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DNS_CACHE_H
#define DNS_CACHE_H

#include "dns/internal.h"

/*
 * Answers by question. The one that was not asked for the longest time goes
 * when there are too many. One thread at a time.
 */

struct dns_cache;
struct dns_cache *dns_cache_new(size_t max_entries, size_t max_bytes);
void dns_cache_free(struct dns_cache **c);
size_t dns_cache_count(const struct dns_cache *c);
void dns_cache_clear(struct dns_cache *c);

/* NOW in milliseconds, as of one clock. */
bool dns_cache_get(struct dns_cache *c, const struct dns_key *key, int64_t now,
    struct arena *a, struct dns_answer *out);
bool dns_cache_has(
    const struct dns_cache *c, const struct dns_key *key, int64_t now);
/* For ANSWER->ttl seconds. */
void dns_cache_put(struct dns_cache *c, const struct dns_key *key, int64_t now,
    const struct dns_answer *answer);

#endif
