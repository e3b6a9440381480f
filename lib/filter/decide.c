/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/decide.h"

#include <stddef.h>

#define FILE_NAME_MAX 200 /* octets of a name in a sentence */
#define LIST_TEXT_MAX 200 /* of what a DNS list says of itself */

static const char *const names[FILTER_ACTIONS] = {
	[FILTER_OFF] = "off",
	[FILTER_TAG] = "tag",
	[FILTER_QUARANTINE] = "quarantine",
	[FILTER_TEMPFAIL] = "tempfail",
	[FILTER_REJECT] = "reject",
};

const char *
filter_action_name(enum filter_action a)
{
	return names[a];
}

bool
filter_action_parse(struct str s, enum filter_action *out)
{
	for (int i = 0; i < FILTER_ACTIONS; i++) {
		if (str_eqc(s, names[i])) {
			*out = (enum filter_action)i;
			return true;
		}
	}
	return false;
}

/* ------------------------------------------------------------------------
 * What there is to be found. A rule answers whether it applies, with the
 * action that the policy has for it and a sentence.
 */

struct finding {
	struct arena *a;
	const struct facts *f;
	const struct policy *p;
	enum filter_action action;
	struct str text;
};

/* What strangers wrote into their records goes to replies and headers. */
static struct str
printable(struct arena *a, struct str text)
{
	char *p = arena_cstr(a, text);

	for (size_t i = 0; i < text.n; i++) {
		if (p[i] < ' ' || p[i] > '~')
			p[i] = '?';
	}
	return (struct str){ p, text.n };
}

static bool
found(struct finding *at, enum filter_action action, struct str text)
{
	at->action = action;
	at->text = printable(at->a, text);
	return true;
}

static bool
spf_is(const struct spf_verdict *v, enum spf_result r)
{
	return v && v->result == r;
}

/* What is not known cannot be trusted, by nobody's settings. */
static bool
large_header(struct finding *at)
{
	return at->f->large_header &&
	       found(at, FILTER_REJECT,
		   STR("the header of the message is too large"));
}

static bool
not_kept(struct finding *at)
{
	return at->f->not_kept &&
	       found(at, FILTER_TEMPFAIL,
		   STR("there is no room for the message now"));
}

static bool
over_limit(struct finding *at)
{
	const struct limit_facts *l = at->f->limit;

	return l && found(at, l->action, l->text);
}

/* ------------------------------------------------------------------------
 * The client
 */

static bool
blocked(struct finding *at)
{
	const struct list_match *m = at->f->listed;

	return m && m->kind == SITE_LIST_BLOCK &&
	       found(at, at->p->blocked,
		   arena_printf(at->a, "mail from %.*s is not taken here",
		       STR_ARG(m->entry)));
}

static bool
failed_logins(struct finding *at)
{
	const struct client_facts *c = at->f->client;

	return c && c->blocked > 0 &&
	       found(at, at->p->failed_logins,
		   arena_printf(at->a,
		       "%.*s is blocked after too many failures: please come "
		       "again in %lld seconds",
		       STR_ARG(c->address), (long long)c->blocked));
}

static enum filter_action
by_score(int64_t score, int64_t tag, int64_t quarantine, int64_t reject)
{
	if (reject != 0 && score >= reject)
		return FILTER_REJECT;
	if (quarantine != 0 && score >= quarantine)
		return FILTER_QUARANTINE;
	return tag != 0 && score >= tag ? FILTER_TAG : FILTER_OFF;
}

static bool
in_dnsbl(struct finding *at)
{
	const struct client_facts *c = at->f->client;
	const struct dnsbl_hit *hit = c ? dnsbl_heaviest(&c->dnsbl) : NULL;
	const struct policy *p = at->p;

	if (!hit)
		return false;
	return found(at,
	    by_score(INT64_C(1000) * c->dnsbl.score, p->dnsbl_tag,
		p->dnsbl_quarantine, p->dnsbl_reject),
	    arena_printf(at->a, "%.*s is listed by %.*s%s (score %d)%s%.*s",
		STR_ARG(hit->subject), STR_ARG(hit->list->zone),
		c->dnsbl.n > 1 ? " and others" : "", c->dnsbl.score,
		c->dnsbl.text.n > 0 ? ": " : "",
		STR_ARG(str_sub(c->dnsbl.text, 0, LIST_TEXT_MAX))));
}

static bool
no_ptr(struct finding *at)
{
	const struct client_facts *c = at->f->client;

	return c && c->ptr == PTR_NONE &&
	       found(at, at->p->no_ptr,
		   arena_printf(at->a, "%.*s has no name in the DNS",
		       STR_ARG(c->address)));
}

static bool
ptr_mismatch(struct finding *at)
{
	const struct client_facts *c = at->f->client;

	return c && c->ptr == PTR_MISMATCH &&
	       found(at, at->p->ptr_mismatch,
		   arena_printf(at->a,
		       "the name of %.*s in the DNS, %.*s, does not lead back "
		       "to it",
		       STR_ARG(c->address), STR_ARG(c->name)));
}

static bool
helo_invalid(struct finding *at)
{
	const struct client_facts *c = at->f->client;

	return c && c->helo == HELO_INVALID &&
	       found(at, at->p->helo_invalid,
		   arena_printf(at->a,
		       "what the client calls itself, \"%.*s\", %s",
		       STR_ARG(str_sub(c->helo_name, 0, FILE_NAME_MAX)),
		       c->helo_why));
}

static bool
helo_ours(struct finding *at)
{
	const struct client_facts *c = at->f->client;

	return c && c->helo == HELO_OURS &&
	       found(at, at->p->helo_ours,
		   arena_printf(at->a,
		       "the client calls itself %.*s, which is our own name",
		       STR_ARG(c->helo_name)));
}

/* ------------------------------------------------------------------------
 * The message
 */

static bool
helo_fail(struct finding *at)
{
	const struct spf_verdict *v = at->f->helo;

	return spf_is(v, SPF_FAIL) &&
	       found(at, at->p->spf_helo_fail,
		   arena_printf(at->a,
		       "%.*s, which the client calls itself, does not allow "
		       "this address to use its name (SPF)",
		       STR_ARG(v->domain)));
}

static bool
spf_fail(struct finding *at)
{
	const struct spf_verdict *v = at->f->spf;

	return spf_is(v, SPF_FAIL) &&
	       found(at, at->p->spf_fail,
		   arena_printf(at->a,
		       "%.*s does not allow this address to send its mail "
		       "(SPF)",
		       STR_ARG(v->domain)));
}

static bool
spf_softfail(struct finding *at)
{
	const struct spf_verdict *v = at->f->spf;

	return spf_is(v, SPF_SOFTFAIL) &&
	       found(at, at->p->spf_softfail,
		   arena_printf(at->a,
		       "%.*s probably does not allow this address to send its "
		       "mail (SPF softfail)",
		       STR_ARG(v->domain)));
}

static bool
spf_error(struct finding *at)
{
	const struct spf_verdict *v = at->f->spf;

	return spf_is(v, SPF_PERMERROR) &&
	       found(at, at->p->spf_error,
		   arena_printf(at->a,
		       "the SPF record of %.*s cannot be used: %.*s",
		       STR_ARG(v->domain), STR_ARG(v->problem)));
}

static bool
no_author(struct finding *at)
{
	return at->f->author &&
	       found(at, at->p->author,
		   arena_printf(at->a, "the From header: %s", at->f->author));
}

/* "SPF pass for other.example, DKIM fail": what there was to align. */
static struct str
what_passed(const struct finding *at)
{
	const struct facts *f = at->f;
	const char *dkim = "none";

	for (size_t i = 0; i < f->nsignatures; i++) {
		dkim = signature_result_name(f->signatures[i].result);
		if (f->signatures[i].result == SIGNATURE_PASS)
			break;
	}
	return arena_printf(at->a, "SPF %s, DKIM %s",
	    f->spf ? spf_result_name(f->spf->result) : "none", dkim);
}

static bool
dmarc_fail(struct finding *at)
{
	const struct dmarc_verdict *v = at->f->dmarc;
	bool reject;

	if (!v || v->result != DMARC_FAIL || v->policy == DMARC_P_NONE ||
	    at->f->vouched.n > 0)
		return false;
	reject = v->policy == DMARC_P_REJECT;
	return found(at, reject ? at->p->dmarc_reject : at->p->dmarc_quarantine,
	    arena_printf(at->a,
		"nothing proves that it is from %.*s (%.*s), whose DMARC "
		"policy is %s",
		STR_ARG(v->record_domain), STR_ARG(what_passed(at)),
		dmarc_policy_name(v->policy)));
}

static bool
stranger(struct finding *at)
{
	return at->f->greylist_wait > 0 &&
	       found(at, at->p->greylist,
		   arena_printf(at->a,
		       "greylisted: please come again in %u seconds",
		       at->f->greylist_wait));
}

static bool
dmarc_temperror(struct finding *at)
{
	const struct dmarc_verdict *v = at->f->dmarc;

	return v && v->result == DMARC_TEMPERROR &&
	       found(at, at->p->dmarc_temperror,
		   arena_printf(at->a,
		       "the DNS does not tell now whether it is from its "
		       "author: %.*s",
		       STR_ARG(v->why)));
}

static bool
virus(struct finding *at)
{
	const struct virus_facts *v = at->f->virus;

	return v && v->result == SCAN_FOUND && !v->encrypted &&
	       found(at, at->p->virus,
		   arena_printf(
		       at->a, "it contains malware: %.*s", STR_ARG(v->name)));
}

static bool
virus_encrypted(struct finding *at)
{
	const struct virus_facts *v = at->f->virus;

	return v && v->result == SCAN_FOUND && v->encrypted &&
	       found(at, at->p->virus_encrypted,
		   arena_printf(at->a,
		       "it contains something encrypted, which cannot be "
		       "scanned: %.*s",
		       STR_ARG(v->name)));
}

static bool
virus_too_large(struct finding *at)
{
	const struct virus_facts *v = at->f->virus;

	return v && v->result == SCAN_TOO_LARGE && policy_scans(at->p) &&
	       found(at, at->p->virus_too_large,
		   STR("it is too large to be scanned for malware"));
}

static bool
virus_failed(struct finding *at)
{
	const struct virus_facts *v = at->f->virus;

	return v && v->result == SCAN_FAILED && policy_scans(at->p) &&
	       found(at, at->p->virus_failed,
		   STR("it cannot be scanned for malware now"));
}

static bool
unwanted_file(struct finding *at)
{
	const struct attachment *file;
	struct str pattern;

	if (at->p->attachment == FILTER_OFF)
		return false;
	file = attachment_match(at->f->attachments, at->f->nattachments,
	    at->p->attachment_patterns, &pattern);
	return file &&
	       found(at, at->p->attachment,
		   arena_printf(at->a,
		       "files such as \"%.*s\" are not taken here (%.*s)",
		       STR_ARG(str_sub(file->name, 0, FILE_NAME_MAX)),
		       STR_ARG(pattern)));
}

static bool
spam(struct finding *at)
{
	const struct spam_facts *f = at->f->spam;
	const struct policy *p = at->p;

	if (!f || !f->known)
		return false;
	return found(at,
	    by_score(spam_thousandths(&f->verdict), p->spam_tag,
		p->spam_quarantine, p->spam_reject),
	    arena_printf(
		at->a, "it looks like spam (score %.1f)", f->verdict.score));
}

static bool
spam_failed(struct finding *at)
{
	const struct spam_facts *f = at->f->spam;

	return f && !f->known &&
	       found(at, at->p->spam_failed,
		   STR("it cannot be looked at for spam now"));
}

/* For whom the recipient's lists allow, some rules are not. */
enum exempt {
	NOBODY,
	IF_CLIENT, /* a client; a sender could be anybody */
	IF_LISTED, /* a client or a sender */
};

static const struct rule {
	const char *check;
	bool outgoing; /* it applies to our own mail, too */
	enum exempt exempt;
	bool junk;
	unsigned code;
	const char *status;
	bool (*met)(struct finding *at);
} rules[] = {
	/* clang-format off */
	{ "header",     true,  NOBODY,    false, 552, "5.3.4",  large_header },
	{ "room",       true,  NOBODY,    false, 452, "4.3.1",  not_kept },
	{ "limit",      true,  NOBODY,    false, 550, "5.7.1",  over_limit },
	{ "blocked",    false, NOBODY,    false, 550, "5.7.1",  blocked },
	{ "logins",     false, IF_CLIENT, false, 550, "5.7.1",  failed_logins },
	{ "dnsbl",      false, IF_LISTED, true,  550, "5.7.1",  in_dnsbl },
	{ "ptr",        false, IF_CLIENT, false, 550, "5.7.25", no_ptr },
	{ "ptr",        false, IF_CLIENT, false, 550, "5.7.25", ptr_mismatch },
	{ "helo",       false, IF_CLIENT, false, 550, "5.7.1",  helo_invalid },
	{ "helo",       false, IF_CLIENT, false, 550, "5.7.1",  helo_ours },
	{ "helo",       false, IF_CLIENT, false, 550, "5.7.23", helo_fail },
	{ "spf",        false, IF_CLIENT, false, 550, "5.7.23", spf_fail },
	{ "spf",        false, IF_CLIENT, false, 550, "5.7.23", spf_softfail },
	{ "spf",        false, IF_CLIENT, false, 550, "5.7.24", spf_error },
	{ "from",       false, NOBODY,    false, 550, "5.7.1",  no_author },
	{ "dmarc",      false, IF_CLIENT, true,  550, "5.7.26", dmarc_fail },
	{ "dmarc",      false, IF_CLIENT, false, 451, "4.7.24", dmarc_temperror },
	{ "greylist",   false, IF_LISTED, false, 451, "4.7.1",  stranger },
	{ "attachment", true,  NOBODY,    false, 554, "5.7.1",  unwanted_file },
	{ "virus",      true,  NOBODY,    false, 554, "5.7.1",  virus },
	{ "virus",      true,  NOBODY,    false, 554, "5.7.1",  virus_encrypted },
	{ "virus",      true,  NOBODY,    false, 554, "5.7.1",  virus_too_large },
	{ "virus",      true,  NOBODY,    false, 451, "4.7.1",  virus_failed },
	{ "spam",       true,  IF_LISTED, true,  554, "5.7.1",  spam },
	{ "spam",       true,  IF_LISTED, false, 451, "4.7.1",  spam_failed },
	/* clang-format on */
};
#define RULES LEN(rules)
_Static_assert(RULES <= DECISION_REASONS, "one reason a rule");

static void
note(struct decision *d, const struct rule *r, const struct finding *at)
{
	struct reason *why = &d->reasons[d->n++];

	*why = (struct reason){
		.check = r->check,
		.action = at->action,
		.code = r->code,
		.status = r->status,
		.text = at->text,
		.junk = r->junk,
	};
	d->junk |= r->junk;
	if (at->action == FILTER_TEMPFAIL && r->code >= 500) {
		why->code = 451;
		why->status = "4.7.1";
	}
	if (at->action <= d->action)
		return;
	d->action = at->action;
	d->by = why;
}

static bool
is_exempt(const struct rule *r, const struct facts *f)
{
	if (!f->listed || f->listed->kind != SITE_LIST_ALLOW)
		return false;
	return r->exempt == IF_LISTED ||
	       (r->exempt == IF_CLIENT && !f->listed->forgeable);
}

void
filter_decide(struct arena *a, const struct facts *f, const struct policy *p,
    struct decision *out)
{
	*out = (struct decision){ .action = FILTER_OFF };
	for (size_t i = 0; i < RULES; i++) {
		struct finding at = { .a = a, .f = f, .p = p };

		if ((rules[i].outgoing || !f->outgoing) &&
		    !is_exempt(&rules[i], f) && rules[i].met(&at) &&
		    at.action != FILTER_OFF)
			note(out, &rules[i], &at);
	}
}

static bool
refuses(const struct decision *d)
{
	return d->action >= FILTER_TEMPFAIL;
}

/* Where somebody else gets the message. */
static enum filter_action
fate(const struct decision *d, bool apart)
{
	switch (d->action) {
	case FILTER_REJECT:
	case FILTER_QUARANTINE:
		return apart ? FILTER_QUARANTINE : FILTER_TAG;
	case FILTER_TEMPFAIL:
		return FILTER_TAG;
	default:
		return d->action;
	}
}

static const struct decision *
weakest_of(const struct decision *list, size_t n)
{
	const struct decision *weakest = &list[0];

	for (size_t i = 1; i < n; i++) {
		if (list[i].action < weakest->action)
			weakest = &list[i];
	}
	return weakest;
}

const struct decision *
filter_decide_common(const struct decision *list, size_t n, bool apart,
    enum filter_action *fates, enum filter_action *action)
{
	const struct decision *weakest = weakest_of(list, n), *by = NULL;

	*action = weakest->action;
	for (size_t i = 0; i < n; i++)
		fates[i] =
		    refuses(weakest) ? weakest->action : fate(&list[i], apart);
	if (refuses(weakest))
		return weakest;
	*action = FILTER_OFF;
	for (size_t i = 0; i < n; i++) {
		if (fates[i] == FILTER_QUARANTINE ||
		    (by && fates[i] <= *action))
			continue;
		*action = fates[i];
		by = &list[i];
	}
	if (by)
		return by;
	*action = FILTER_QUARANTINE;
	return weakest;
}
