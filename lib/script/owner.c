/* SPDX-License-Identifier: BSD-2-Clause */
#include "script/host.h"

#include <stdlib.h>
#include <string.h>

#include "script/rules.h"
#include "site/setting.h"

/* What the settings and the directory say of the owner of a script. */

enum setting {
	CREATE = RULES_SETTINGS, /* after those of rules.h */
	SEPARATORS,
	POSTMASTER,
	PROTECTED,
	REDIRECT_FROM,
	SPAM_HEADER,
	SPAM_MAX,
	SPAM_PATTERN,
	VACATION_SUBJECT,
	VIRUS_HEADER,
	VIRUS_MAX,
	VIRUS_PATTERN,
	WANTED,
};
static const struct site_value wanted[WANTED] = {
	[CREATE] = { .key = "sieve.create_mailboxes" },
	[SEPARATORS] = { .key = "address.separators" },
	[POSTMASTER] = { .key = "mta.postmaster" },
	[PROTECTED] = { .key = "sieve.protected_headers" },
	[REDIRECT_FROM] = { .key = "sieve.redirect_from" },
	[SPAM_HEADER] = { .key = "sieve.spam_header" },
	[SPAM_MAX] = { .key = "sieve.spam_max" },
	[SPAM_PATTERN] = { .key = "sieve.spam_pattern" },
	[VACATION_SUBJECT] = { .key = "sieve.vacation_subject" },
	[VIRUS_HEADER] = { .key = "sieve.virus_header" },
	[VIRUS_MAX] = { .key = "sieve.virus_max" },
	[VIRUS_PATTERN] = { .key = "sieve.virus_pattern" },
};

/* All at the first question. */
static const struct site_value *
value(struct script_host *h, enum setting which)
{
	struct site_value *v = h->settings;

	if (!v) {
		v = arena_array(h->arena, WANTED, sizeof(*v));
		memcpy(v, wanted, sizeof(wanted));
		memcpy(v, rules_settings, sizeof(rules_settings));
		site_settings_read(
		    h->site, h->arena, site_scope_of(h->owner), v, WANTED);
		h->settings = v;
	}
	return &v[which];
}

static struct str
text(struct script_host *h, enum setting which)
{
	return value(h, which)->text;
}

const struct script_source *
script_host_source(struct script_host *h)
{
	if (!h->source) {
		h->source = ARENA_NEW(h->arena, struct script_source);
		*h->source = (struct script_source){
			.site = h->site,
			.account = h->account,
			.domain = h->owner->domain,
		};
		rules_from(value(h, 0), &h->source->rules);
	}
	return h->source;
}

bool
script_creates(struct script_host *h)
{
	return value(h, CREATE)->number != 0;
}

struct sieve_user
script_user(struct script_host *h)
{
	return (struct sieve_user){
		.address = h->owner->address,
		.name = h->owner->address,
		.delimiters = text(h, SEPARATORS),
	};
}

struct sieve_sender
script_sender(struct script_host *h)
{
	struct str postmaster = text(h, POSTMASTER);

	if (postmaster.n == 0)
		postmaster = arena_printf(
		    h->arena, "postmaster@%.*s", STR_ARG(h->owner->domain));
	return (struct sieve_sender){
		.hostname = str_of(h->hostname),
		.postmaster = postmaster,
		.redirect_from = text(h, REDIRECT_FROM),
		.vacation_subject = text(h, VACATION_SUBJECT),
		.vacation_original_recipient = true,
	};
}

/* "X-Spam-Score", what is a whole of it, and how it is written. */
static struct sieve_score
score(struct script_host *h, enum setting field, enum setting max,
    enum setting pattern)
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
words(struct script_host *h, enum setting which, size_t *count)
{
	struct str rest = text(h, which), word, *list = NULL;
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
	in->spam = score(h, SPAM_HEADER, SPAM_MAX, SPAM_PATTERN);
	in->virus = score(h, VIRUS_HEADER, VIRUS_MAX, VIRUS_PATTERN);
	in->protected_fields = words(h, PROTECTED, &in->nprotected);
}
