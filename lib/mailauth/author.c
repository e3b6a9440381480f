/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/field.h"

#include "mailauth/psl.h"
#include "mime/header.h"

/*
 * Who is the author? Whatever a mail program might show instead of what we
 * look at is somebody's way around DMARC, so all doubt is an error: a second
 * From field, an author of another domain, one without any.
 */

#define MAX_AUTHORS 1000 /* fewer than mime_addresses() ever leaves out */

/* The one From field; NULL, with the reason, if there is not exactly one. */
static const struct field *
the_from(const struct fields *f, const char **why)
{
	size_t n = fields_count(f, "From"), i = 0;

	*why = n == 0 ? "no From field" : "several From fields";
	return n == 1 ? fields_next(f, "From", &i) : NULL;
}

static struct str
domain_of(struct arena *a, const struct mime_address *m)
{
	bool literal = m->host.n > 0 && m->host.p[0] == '[';

	return literal ? STR_NULL : domain_to_ascii(a, m->host);
}

/* Take M for an author, too. LAST is the host written last. */
static bool
add_author(struct arena *a, const struct mime_address *m, struct str *last,
    struct str *domain, const char **why)
{
	struct str d;

	if (domain->n > 0 && str_ieq(m->host, *last))
		return true;
	d = domain_of(a, m);
	if (d.n == 0)
		*why = "an author without a domain";
	else if (domain->n > 0 && !str_eq(d, *domain))
		*why = "authors of different domains";
	else
		*why = NULL;
	*last = m->host;
	*domain = d;
	return !*why;
}

static bool
same_domain(
    struct arena *a, struct str from, struct str *domain, const char **why)
{
	struct mime_address *list;
	struct str last = STR_NULL;
	size_t n = mime_addresses(a, from, &list);
	if (n > MAX_AUTHORS) {
		*why = "too many authors";
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (list[i].kind == MIME_MAILBOX &&
		    !add_author(a, &list[i], &last, domain, why))
			return false;
	}
	*why = domain->n > 0 ? NULL : "no author in From";
	return domain->n > 0;
}

bool
author_domain(struct arena *a, const struct fields *f, struct str *domain,
    const char **why)
{
	const struct field *from = the_from(f, why);

	*domain = STR_NULL;
	if (from && same_domain(a, from->value, domain, why))
		return true;
	*domain = STR_NULL;
	return false;
}
