/* SPDX-License-Identifier: BSD-2-Clause */
#include "oauth/config.h"

#include <stddef.h>

#include "site/setting.h"

/* AUTHORITY: what decides which tokens are believed. */
static const struct {
	const char *key;
	size_t at;
	bool authority;
} texts[] = {
	/* clang-format off */
	{ "oauth.jwks",               offsetof(struct oauth_config, jwks), true },
	{ "oauth.introspection",      offsetof(struct oauth_config, introspection), true },
	{ "oauth.issuer",             offsetof(struct oauth_config, issuer), true },
	{ "oauth.audience",           offsetof(struct oauth_config, audience), true },
	{ "oauth.claims",             offsetof(struct oauth_config, claims), true },
	{ "oauth.scopes",             offsetof(struct oauth_config, scopes), true },
	{ "oauth.client_id",          offsetof(struct oauth_config, client_id), false },
	{ "oauth.client_secret_file", offsetof(struct oauth_config, client_secret_file), false },
	{ "oauth.ca_file",            offsetof(struct oauth_config, ca_file), false },
	/* clang-format on */
};
#define TEXTS LEN(texts)

static struct str *
text_at(struct oauth_config *c, size_t i)
{
	return (struct str *)((char *)c + texts[i].at);
}

static const struct str *
text_of(const struct oauth_config *c, size_t i)
{
	return (const struct str *)((const char *)c + texts[i].at);
}

void
oauth_config_read(struct site *s, struct arena *a, struct str domain,
    struct oauth_config *out)
{
	struct site_scope scope = { .domain = domain };
	uint64_t timeout;

	for (size_t i = 0; i < TEXTS; i++)
		*text_at(out, i) =
		    arena_str(a, site_setting(s, a, texts[i].key, scope));
	out->leeway = (int64_t)site_setting_uint(s, "oauth.leeway", scope);
	out->cache_time =
	    (int64_t)site_setting_uint(s, "oauth.cache_time", scope);
	out->remember = (int64_t)site_setting_uint(
	    s, "auth.cache_time", (struct site_scope){ 0 });
	timeout = site_setting_uint(s, "oauth.timeout", scope);
	out->timeout = timeout < 1 ? 1 : timeout > 60 ? 60 : (unsigned)timeout;
}

bool
oauth_config_agree(const struct oauth_config *x, const struct oauth_config *y)
{
	for (size_t i = 0; i < TEXTS; i++) {
		if (texts[i].authority &&
		    !str_eq(*text_of(x, i), *text_of(y, i)))
			return false;
	}
	return true;
}
