/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MAILAUTH_FIELD_H
#define MAILAUTH_FIELD_H

#include "base/arena.h"
#include "base/str.h"

/*
 * The header of a message as a list, top to bottom. A value is what stands
 * after the colon, its first space too; its lines are folded by "\r\n" or "\n"
 * (a milter gets the latter), and it has no final line end.
 */
struct field {
	struct str name, value;
};
struct fields {
	const struct field *v;
	size_t n;
};

/* Of a message: the fields, and where its body begins. In A; slices of RAW. */
struct fields fields_of(struct arena *a, struct str raw, size_t *body);
/* The field of that name after the first I, or NULL; *i moves past it. */
const struct field *fields_next(
    const struct fields *f, const char *name, size_t *i);
size_t fields_count(const struct fields *f, const char *name);

/*
 * The author of a message for DMARC (RFC 7489, section 6.6.1): the domain of
 * From, in lower case and A-labels. False, with the reason in *why, if From is
 * missing, there are several, it names nobody or authors of different domains.
 */
bool author_domain(struct arena *a, const struct fields *f, struct str *domain,
    const char **why);

#endif
