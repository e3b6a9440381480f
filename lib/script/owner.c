/* SPDX-License-Identifier: BSD-2-Clause */
#include "script/host.h"

#include <stdlib.h>

#include "script/rules.h"
#include "site/setting.h"

/* What the settings and the directory say of the owner of a script. */

static struct str
text(struct script_host *h, const char *key)
{
	return site_setting(h->site, h->arena, key, site_scope_of(h->owner));
}

struct sieve_user
script_user(struct script_host *h)
{
	return (struct sieve_user){
		.address = h->owner->address,
		.name = h->owner->address,
		.delimiters = text(h, "address.separators"),
	};
}

struct sieve_sender
script_sender(struct script_host *h)
{
	struct str postmaster = text(h, "mta.postmaster");

	if (postmaster.n == 0)
		postmaster = arena_printf(
		    h->arena, "postmaster@%.*s", STR_ARG(h->owner->domain));
	return (struct sieve_sender){
		.hostname = str_of(h->hostname),
		.postmaster = postmaster,
		.redirect_from = text(h, "sieve.redirect_from"),
		.vacation_subject = text(h, "sieve.vacation_subject"),
		.vacation_original_recipient = true,
	};
}

/* "X-Spam-Score", what is a whole of it, and how it is written. */
static struct sieve_score
score(struct script_host *h, const char *field, const char *max,
    const char *pattern)
{
	struct str most = text(h, max);

	return (struct sieve_score){
		.field = text(h, field),
		.pattern = text(h, pattern),
		.form = SIEVE_SCORE_NUMBER,
		.max = strtod(arena_cstr(h->arena, most), NULL),
	};
}

static struct str *
words(struct script_host *h, const char *key, size_t *count)
{
	struct str rest = text(h, key), word, *list = NULL;
	size_t cap = 0;

	*count = 0;
	while (rest.n && str_split(&rest, ' ', &word)) {
		if (word.n == 0)
			continue;
		list = arena_grow(h->arena, list, *count, &cap, sizeof(*list));
		list[(*count)++] = word;
	}
	return list;
}

void
script_input(struct script_host *h, struct sieve_input *in)
{
	in->user = script_user(h);
	in->domain = h->owner->domain;
	in->hostname = str_of(h->hostname);
	in->spam = score(
	    h, "sieve.spam_header", "sieve.spam_max", "sieve.spam_pattern");
	in->virus = score(
	    h, "sieve.virus_header", "sieve.virus_max", "sieve.virus_pattern");
	in->protected_fields =
	    words(h, "sieve.protected_headers", &in->nprotected);
}
