/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/mailto.h"
#include "sieve/match.h"

/* notify and its tests (RFC 5435), methods mailto (RFC 5436) and those that
 * the caller knows. */

static const struct sieve_tag notify_tags[] = {
	{ "from", CAP_ENOTIFY, SLOT_FROM, 's', 0 },
	{ "importance", CAP_ENOTIFY, SLOT_IMPORTANCE, 's', 0 },
	{ "options", CAP_ENOTIFY, SLOT_OPTIONS, 'l', 0 },
	{ "message", CAP_ENOTIFY, SLOT_MESSAGE, 's', 0 },
	{ NULL, CAP_BASE, 0, 0, 0 },
};

static struct str
scheme_of(struct str uri)
{
	size_t colon = str_chr(uri, ':');

	return colon == STR_NPOS ? STR_NULL : str_sub(uri, 0, colon);
}

static bool
valid_uri(struct str uri, const char **why)
{
	struct str scheme = scheme_of(uri);
	struct arena *a;
	struct sieve_mailto mailto;
	bool good;

	*why = "expected a URI such as mailto:user@example.org";
	if (scheme.n == 0)
		return false;
	if (!str_ieqc(scheme, "mailto"))
		return true;
	a = arena_new();
	good = sieve_mailto_parse(a, uri, &mailto, why);
	arena_free(&a);
	return good;
}

static bool
known_scheme(struct str scheme, const struct str *list, size_t n)
{
	if (str_ieqc(scheme, "mailto"))
		return true;
	for (size_t i = 0; i < n; i++) {
		if (str_ieq(scheme, list[i]))
			return true;
	}
	return false;
}

/* Section 3.7. */
static bool
valid_option(struct str s, const char **why)
{
	size_t eq = str_chr(s, '=');

	*why = "expected name=value";
	if (eq == STR_NPOS || eq == 0)
		return false;
	*why = "the name is made of letters, digits, '.', '-' and '_', and "
	       "begins with a letter or digit";
	for (size_t i = 0; i < eq; i++) {
		char c = ascii_lower(s.p[i]);
		bool word = ascii_digit(c) || (c >= 'a' && c <= 'z');

		if (!word && (i == 0 || str_chr(STR(".-_"), c) == STR_NPOS))
			return false;
	}
	*why = "the value contains a line end";
	return str_chr(s, '\r') == STR_NPOS && str_chr(s, '\n') == STR_NPOS;
}

static bool
valid_importance(struct str s, const char **why)
{
	*why = "expected \"1\", \"2\" or \"3\"";
	return s.n == 1 && s.p[0] >= '1' && s.p[0] <= '3';
}

static bool
check_uri(struct sieve_checker *c, const struct sieve_arg *arg)
{
	const struct sieve_compiler *o = c->compiler;
	struct str uri = sieve_constant(arg);

	if (!uri.p)
		return true;
	if (!sieve_check_strings(c, arg, "notification URI", valid_uri))
		return false;
	if (known_scheme(scheme_of(uri), o->notify_methods, o->nnotify_methods))
		return true;
	sieve_error(c, arg->at, "unknown notification method '%.*s'",
	    STR_ARG(scheme_of(uri)));
	return false;
}

static bool
check_notify(struct sieve_checker *c, struct sieve_node *n)
{
	const struct sieve_arg *uri = sieve_arg(n, SLOT_1);
	struct str constant = sieve_constant(uri);
	bool mail = constant.p && str_ieqc(scheme_of(constant), "mailto");

	if (c->limits->notifications == 0) {
		sieve_error(c, n->at,
		    "local policy prohibits the use of a notify action");
		return false;
	}
	if (mail && !sieve_check_strings(c, sieve_tag_arg(n, SLOT_FROM),
			"address", sieve_valid_address))
		return false;
	return sieve_fcc_check(c, n) &&
	       sieve_check_strings(c, sieve_tag_arg(n, SLOT_IMPORTANCE),
		   "importance", valid_importance) &&
	       sieve_check_strings(
		   c, sieve_tag_arg(n, SLOT_OPTIONS), "option", valid_option) &&
	       check_uri(c, uri);
}

/* Of a URI that is known only now. */
static bool
usable(struct sieve_run *r, struct str uri, const char **why)
{
	*why = "its method is unknown here";
	return valid_uri(uri, why) &&
	       known_scheme(scheme_of(uri), r->in->notify_methods,
		   r->in->nnotify_methods);
}

static enum sieve_flow
run_notify(struct sieve_run *r, const struct sieve_node *n)
{
	struct str importance =
	    sieve_string(r, sieve_tag_arg(n, SLOT_IMPORTANCE));
	struct strs options = sieve_list(r, sieve_tag_arg(n, SLOT_OPTIONS));
	struct sieve_action a = { .kind = SIEVE_ACT_NOTIFY };
	const char *why = "its method is unknown here";

	a.notify.uri = sieve_string(r, sieve_arg(n, SLOT_1));
	a.notify.from = sieve_string(r, sieve_tag_arg(n, SLOT_FROM));
	a.notify.message = sieve_string(r, sieve_tag_arg(n, SLOT_MESSAGE));
	a.notify.importance = 2;
	if (importance.n == 1 && importance.p[0] >= '1' &&
	    importance.p[0] <= '3')
		a.notify.importance = (unsigned)(importance.p[0] - '0');
	a.notify.options = options.v;
	a.notify.noptions = options.n;
	a.notify.fcc = sieve_fcc(r, n, &a.notify.place);
	if (!usable(r, a.notify.uri, &why))
		return sieve_fault(
		    r, "cannot notify '%.*s': %s", STR_ARG(a.notify.uri), why);
	return sieve_action_add(r, n, &a) ? FLOW_NEXT : FLOW_FAILED;
}

static enum sieve_answer
test_valid_notify_method(struct sieve_run *r, const struct sieve_node *n)
{
	struct strs uris = sieve_list(r, sieve_arg(n, SLOT_1));
	const char *why;

	for (size_t i = 0; i < uris.n; i++) {
		if (!usable(r, uris.v[i], &why))
			return SIEVE_NO;
	}
	return SIEVE_YES;
}

static bool
check_capability(struct sieve_checker *c, struct sieve_node *n)
{
	return sieve_match_check(c, n, sieve_arg(n, SLOT_3));
}

/* Section 5: "online" is the capability that is standardised; nobody can say
 * it of mail (RFC 5436, section 2.4). */
static enum sieve_answer
test_notify_capability(struct sieve_run *r, const struct sieve_node *n)
{
	const struct sieve_host *h = r->in->host;
	struct str uri = sieve_string(r, sieve_arg(n, SLOT_1));
	struct str name = sieve_string(r, sieve_arg(n, SLOT_2));
	struct buf value = { 0 };
	struct sieve_match m;
	const char *why;

	if (!str_ieqc(name, "online") || !usable(r, uri, &why))
		return SIEVE_NO;
	if (!h->notify_capability ||
	    h->notify_capability(h->arg, uri, name, &value) != SIEVE_YES) {
		buf_clear(&value);
		BUF_LIT(&value, "maybe");
	}
	sieve_match_init(&m, r, n, sieve_arg(n, SLOT_3));
	sieve_match_value(&m, arena_str(r->arena, buf_str(&value)));
	buf_fini(&value);
	return sieve_match_end(&m);
}

const struct sieve_verb sieve_verbs_notify[] = {
	{ .name = "notify",
	    .cap = CAP_ENOTIFY,
	    .params = { { 's', "method" } },
	    .tags = { notify_tags, sieve_tags_fcc, sieve_tags_place },
	    .check = check_notify,
	    .run = run_notify },
	{ .name = "valid_notify_method",
	    .cap = CAP_ENOTIFY,
	    .params = { { 'l', "notification URIs" } },
	    .test = test_valid_notify_method },
	{ .name = "notify_method_capability",
	    .cap = CAP_ENOTIFY,
	    .params = { { 's', "notification URI" },
		{ 's', "notification capability" }, { 'l', "key list" } },
	    .tags = { sieve_tags_match },
	    .check = check_capability,
	    .test = test_notify_capability },
	{ .name = NULL },
};
