/* SPDX-License-Identifier: BSD-2-Clause */
#include "script/rules.h"

#include <limits.h>

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
number(struct site *s, const char *key, struct site_scope scope)
{
	uint64_t v = site_setting_uint(s, key, scope);

	return v < UINT_MAX ? (unsigned)v : UINT_MAX;
}

/* Which of them a URL may have says lib/outbox/post.h. */
static const struct str methods[] = { { "https", 5 }, { "http", 4 } };

void
rules_of(struct site *s, struct site_scope scope, struct rules *out)
{
	struct arena *a = arena_new();

	*out = (struct rules){ .limits = sieve_limits_default };
	out->caps =
	    rules_extensions(site_setting(s, a, "sieve.extensions", scope));
	out->limits.script =
	    (size_t)site_setting_uint(s, "sieve.max_script_size", scope);
	out->limits.redirects = number(s, "sieve.max_redirects", scope);
	out->store.scripts = site_setting_uint(s, "sieve.max_scripts", scope);
	out->store.bytes = site_setting_uint(s, "sieve.max_storage", scope);
	out->methods = methods;
	out->nmethods =
	    site_setting(s, a, "notify.webhooks", scope).n > 0 ? 2 : 0;
	arena_free(&a);
}
