/* SPDX-License-Identifier: BSD-2-Clause */
#include "script/rules.h"

#include <limits.h>
#include <string.h>

/* The names of extensions are in lower case, those of a setting in any. */
static bool
find(struct str word, enum sieve_cap *out)
{
	char name[64];

	if (word.n > sizeof(name))
		return false;
	for (size_t i = 0; i < word.n; i++)
		name[i] = ascii_lower(word.p[i]);
	return sieve_cap_find((struct str){ name, word.n }, out);
}

struct sieve_caps
rules_extensions(struct str text)
{
	struct sieve_caps caps = { 0 };
	enum sieve_cap cap;
	struct str word;

	while (text.n && str_split(&text, ' ', &word)) {
		bool minus = word.n && word.p[0] == '-';

		if (str_eqc(word, "*"))
			caps.bits |= sieve_caps_default().bits;
		else if (!find(str_sub(word, minus, word.n), &cap))
			continue;
		else if (minus)
			sieve_caps_remove(&caps, cap);
		else
			sieve_caps_add(&caps, cap);
	}
	return caps;
}

static unsigned
limit(uint64_t v)
{
	return v < UINT_MAX ? (unsigned)v : UINT_MAX;
}

/* Which of them a URL may have says lib/outbox/post.h. */
static const struct str methods[] = { { "https", 5 }, { "http", 4 } };

enum { EXTENSIONS, SCRIPT_SIZE, REDIRECTS, SCRIPTS, STORAGE, WEBHOOKS };

const struct site_value rules_settings[RULES_SETTINGS] = {
	[EXTENSIONS] = { .key = "sieve.extensions" },
	[SCRIPT_SIZE] = { .key = "sieve.max_script_size" },
	[REDIRECTS] = { .key = "sieve.max_redirects" },
	[SCRIPTS] = { .key = "sieve.max_scripts" },
	[STORAGE] = { .key = "sieve.max_storage" },
	[WEBHOOKS] = { .key = "notify.webhooks" },
};

void
rules_from(const struct site_value v[RULES_SETTINGS], struct rules *out)
{
	*out = (struct rules){ .limits = sieve_limits_default };
	out->caps = rules_extensions(v[EXTENSIONS].text);
	out->limits.script = (size_t)v[SCRIPT_SIZE].number;
	out->limits.redirects = limit(v[REDIRECTS].number);
	out->store.scripts = v[SCRIPTS].number;
	out->store.bytes = v[STORAGE].number;
	out->methods = methods;
	out->nmethods = v[WEBHOOKS].text.n > 0 ? 2 : 0;
}

void
rules_of(struct site *s, struct site_scope scope, struct rules *out)
{
	struct site_value v[RULES_SETTINGS];
	struct arena *a = arena_new();

	memcpy(v, rules_settings, sizeof(v));
	site_settings_read(s, a, scope, v, RULES_SETTINGS);
	rules_from(v, out);
	arena_free(&a);
}
