/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbox/post.h"

#include "fetch/fetch.h"

#define SECONDS 10
#define MAX_URL 1000

/* ------------------------------------------------------------------------
 * Where to
 */

static bool
is_beginning(struct str word, struct str url)
{
	struct str rest = str_sub(url, word.n, STR_NPOS);

	if (!str_starts(url, word))
		return false;
	return word.p[word.n - 1] == '/' || rest.n == 0 || rest.p[0] == '/' ||
	       rest.p[0] == '?';
}

/* What climbs out of a folder again, by whatever spelling. */
static bool
climbs(struct str url)
{
	for (size_t i = 0; i + 2 < url.n; i++) {
		struct str at = str_sub(url, i, 3);

		if (str_starts(at, STR("/.")) || str_ieqc(at, "%2e") ||
		    at.p[0] == '\\')
			return true;
	}
	return false;
}

static bool
has_user(struct str url)
{
	return str_chr(post_host(url), '@') != STR_NPOS;
}

enum post_rule
post_rule(struct str list, struct str url)
{
	bool https = str_istarts(url, STR("https://"));
	bool any = false;
	struct str word;

	if ((!https && !str_istarts(url, STR("http://"))) || url.n > MAX_URL ||
	    climbs(url) || has_user(url))
		return POST_REFUSED;
	while (list.p && str_split(&list, ' ', &word)) {
		any |= str_eqc(word, "*");
		if (word.n > 0 && is_beginning(word, url))
			return POST_ALLOWED;
	}
	return any && https ? POST_PUBLIC : POST_REFUSED;
}

static enum post_rule
rule_of(struct site *s, struct site_scope scope, struct str url)
{
	struct arena *a = arena_new();
	enum post_rule rule =
	    post_rule(site_setting(s, a, "notify.webhooks", scope), url);

	arena_free(&a);
	return rule;
}

bool
post_allowed(struct site *s, struct site_scope scope, struct str url)
{
	return rule_of(s, scope, url) != POST_REFUSED;
}

struct str
post_host(struct str url)
{
	size_t scheme = str_find(url, STR("://"));
	size_t from = scheme == STR_NPOS ? 0 : scheme + 3, i = from;

	while (
	    i < url.n && url.p[i] != '/' && url.p[i] != '?' && url.p[i] != '#')
		i++;
	return str_sub(url, 0, i);
}

/* ------------------------------------------------------------------------
 * Sending
 */

static bool
is_later(unsigned status)
{
	return status == 0 || status == 408 || status == 425 || status == 429 ||
	       status >= 500;
}

static struct verdict
post(struct sending *s, struct str url, enum post_rule rule)
{
	struct str host = post_host(url);
	bool refused = false;
	struct fetch f = { .url = arena_cstr(s->arena, url),
		.ca_file = "",
		.timeout = SECONDS,
		.post = arena_cstr(s->arena, s->raw),
		.type = "application/json",
		.name = arena_cstr(s->arena, host),
		.http = rule == POST_ALLOWED,
		.public_only = rule == POST_PUBLIC,
		.refused = &refused };
	struct buf body = { 0 };
	struct err e = ERR_INIT;
	unsigned status = fetch_any(&f, &body, &e);

	buf_fini(&body);
	if (status >= 200 && status < 300)
		return (struct verdict){ .fate = FATE_SENT };
	return (struct verdict){ is_later(status) && !refused ? FATE_LATER
							      : FATE_FAILED,
		arena_str(s->arena, str_of(e.msg)) };
}

void
send_post(struct sending *s, struct site_scope scope)
{
	for (size_t i = 0; i < s->what->nto; i++) {
		struct str url = s->what->to[i];
		enum post_rule rule = rule_of(s->site, scope, url);

		if (rule == POST_REFUSED)
			s->verdicts[i] = (struct verdict){ FATE_FAILED,
				STR("The setting notify.webhooks does not "
				    "allow it") };
		else
			s->verdicts[i] = post(s, url, rule);
	}
}
