/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DNS_ZONE_H
#define DNS_ZONE_H

#include "base/err.h"
#include "dns/resolver.h"

/*
 * A resolver that answers from a table: for tests, and to try out what a
 * domain plans to publish. A name that is not there, and none below it, is
 * DNS_NXDOMAIN. CNAMEs are followed.
 */

struct zone;
struct zone *zone_new(void);
void zone_free(struct zone **z);
struct resolver *zone_resolver(struct zone *z);

/* TEXT as a zone file has it: an address, "10 mail.example", a name; of TXT the
 * text itself, cut into strings of 255 octets. */
bool zone_add(struct zone *z, struct str name, enum dns_type type,
    struct str text, struct err *e);
/* A TXT record of these strings. */
void zone_add_txt(
    struct zone *z, struct str name, const struct str *strings, size_t n);
/* Every question for this name fails that none of its records answers. */
void zone_add_timeout(struct zone *z, struct str name);
/* All answers are (not) proven by DNSSEC from now on. */
void zone_set_secure(struct zone *z, bool secure);
/* How many questions were asked. */
unsigned zone_asked(const struct zone *z);

#endif
