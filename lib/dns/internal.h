/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DNS_INTERNAL_H
#define DNS_INTERNAL_H

#include "base/buf.h"
#include "dns/resolver.h"

/* What the resolvers of this folder share. */

#define DNS_LABEL_MAX 63
#define DNS_NAME_MAX 253 /* octets, without the final dot */

/* A question as a key: equal for equal questions, whatever the case. */
struct dns_key {
	char text[2 + DNS_NAME_MAX];
	size_t n;
};
/* NAME is one, and undotted. */
struct dns_key dns_key(struct str name, enum dns_type type);
static inline struct str
dns_key_str(const struct dns_key *k)
{
	return (struct str){ k->text, k->n };
}

/* The same answer, living in A. */
void dns_answer_copy(
    struct arena *a, const struct dns_answer *from, struct dns_answer *to);
/* The same in one block, of *bytes octets, that free() takes. */
struct dns_answer *dns_answer_pack(
    const struct dns_answer *from, size_t *bytes);
/* Answer that there is no answer, because of WHY, which must stay. */
void dns_fail(struct dns_answer *out, const char *why);

/* NAME as people write it: odd octets as "\\DDD". */
#define DNS_ESCAPED_MAX (4 * DNS_NAME_MAX + 1)
void dns_escape(struct str name, char out[DNS_ESCAPED_MAX]);

/* NAME as on the wire, not compressed; false if it is none. */
bool dns_wire_name(struct buf *out, struct str name);

#endif
