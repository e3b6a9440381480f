/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_SCAN_CACHE_H
#define FILTER_SCAN_CACHE_H

#include "base/codec.h"
#include "filter/antivirus.h"

/*
 * Verdicts of one scanner by the hash of the message. They are good as long as
 * the scanner has the signatures it had: when its version changes, all are
 * forgotten, what was found too, as that may have been a mistake that is now
 * corrected. So are they after an hour: clamd's version tells of the official
 * signatures only, not of those that others add. The table is of one size, and
 * what comes takes the place of what was there. Any thread.
 */
struct scan_cache;

#define SCAN_CACHE_MAX (1 << 20)

struct scan_cache *scan_cache_new(void);
void scan_cache_free(struct scan_cache **c);

/* What a verdict belongs to; 0: nothing is known, so neither remember nor ask.
 * Finds out about the scanner's version, at most once a minute. */
uint64_t scan_cache_age(
    struct scan_cache *c, const struct antivirus_options *o);

bool scan_cache_get(struct scan_cache *c, uint64_t age,
    const uint8_t hash[static SHA256_LEN], enum scan_result *r,
    char name[static 128]);
/* Nothing, if AGE is over; only SCAN_CLEAN and SCAN_FOUND are verdicts. */
void scan_cache_put(struct scan_cache *c, uint64_t age,
    const uint8_t hash[static SHA256_LEN], enum scan_result r,
    const char *name);

#endif
