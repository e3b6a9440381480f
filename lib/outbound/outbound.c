/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbound/outbound.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "outbound/dane.h"
#include "outbound/sts_cache.h"
#include "outbound/sts_fetch.h"
#include "site/setting.h"

struct outbound {
	struct outbound_options o;
	struct sts_cache *policies;
};

static const struct site_scope everywhere;

/* One question. */
struct question {
	struct outbound *o;
	struct arena *a;
	struct str domain; /* in lower case */
	struct resolver *resolver;
	struct str dane, mta_sts; /* the settings */
	struct err *e;
};

static bool
fetcher(void *arg, struct str domain, struct buf *text, struct err *e)
{
	struct outbound *o = arg;

	return sts_fetch(o->o.site, o->o.resolver, domain, text, e);
}

struct outbound *
outbound_new(const struct outbound_options *options)
{
	struct outbound *o = mem_zalloc(sizeof(*o));

	o->o = *options;
	o->policies = sts_cache_new(options->db, fetcher, o);
	return o;
}

void
outbound_free(struct outbound **o)
{
	if (*o)
		sts_cache_free(&(*o)->policies);
	free(*o);
	*o = NULL;
}

/* ------------------------------------------------------------------------
 * MTA-STS
 */

/* Several records are as good as none (RFC 8461, section 3.1). */
static struct str
record_id(struct question *q)
{
	struct str name =
	    arena_printf(q->a, "_mta-sts.%.*s", STR_ARG(q->domain));
	struct str text, id, found = STR_NULL;
	struct dns_answer answer;
	size_t n = 0;

	dns_ask(q->resolver, q->a, name, DNS_TXT, &answer);
	for (size_t i = 0; answer.rc == DNS_OK && i < answer.n; i++) {
		if (!dns_rdata_txt(q->a, answer.rdata[i], &text) ||
		    !sts_record_parse(text, &id))
			continue;
		found = id;
		n++;
	}
	return n == 1 ? found : STR_NULL;
}

static bool
obeys(const struct question *q, const struct sts_policy *p)
{
	if (p->mode == STS_ENFORCE && !str_eqc(q->mta_sts, "enforce"))
		log_info("sts_not_enforced", LOG_STR("domain", q->domain));
	return p->mode == STS_ENFORCE && str_eqc(q->mta_sts, "enforce");
}

/* OUTBOUND_POLICY: *out is to be enforced. */
static enum outbound_rc
ask_sts(struct question *q, struct sts_policy *out)
{
	int64_t deadline = clock_mono_ms() + OUTBOUND_WAIT_MS;

	if (str_eqc(q->mta_sts, "off"))
		return OUTBOUND_NONE;
	switch (sts_cache_get(
	    q->o->policies, q->a, q->domain, record_id(q), deadline, out)) {
	case STS_FOUND:
		return obeys(q, out) ? OUTBOUND_POLICY : OUTBOUND_NONE;
	case STS_UNKNOWN:
		return OUTBOUND_NONE;
	case STS_PENDING:
		break;
	}
	err_set(q->e, "the MTA-STS policy is still being fetched");
	return OUTBOUND_LATER;
}

/* ------------------------------------------------------------------------
 * Both
 */

static void
put_secure(const struct sts_policy *policy, struct buf *out)
{
	buf_puts(out, "secure match=");
	sts_policy_match(policy, out);
	buf_puts(out, " servername=hostname");
}

static enum outbound_rc
secure(struct question *q, struct buf *out)
{
	struct sts_policy policy;
	enum outbound_rc rc = ask_sts(q, &policy);

	if (rc == OUTBOUND_POLICY)
		put_secure(&policy, out);
	return rc;
}

/* The hosts without records may be an attacker's, if the domain promises by
 * MTA-STS that there are none such; "dane" would let them pass. */
static enum outbound_rc
mixed(struct question *q, struct buf *out)
{
	struct sts_policy policy;
	enum outbound_rc rc = ask_sts(q, &policy);

	if (rc == OUTBOUND_LATER)
		return rc;
	if (rc == OUTBOUND_NONE)
		buf_puts(out, "dane");
	else if (str_eqc(q->dane, "dane-only"))
		buf_puts(out, "dane-only");
	else
		put_secure(&policy, out);
	return OUTBOUND_POLICY;
}

static enum outbound_rc
decide(struct question *q, struct buf *out)
{
	enum dane_result dane =
	    str_eqc(q->dane, "off")
		? DANE_NONE
		: dane_find(q->resolver, q->a, q->domain, q->e);

	switch (dane) {
	case DANE_ALL:
		buf_putstr(out, q->dane);
		return OUTBOUND_POLICY;
	case DANE_SOME:
		return mixed(q, out);
	case DANE_NONE:
		return secure(q, out);
	case DANE_FAILED:
		break;
	}
	return OUTBOUND_LATER;
}

static struct str
lowered(struct arena *a, struct str s)
{
	char *p = arena_cstr(a, s);

	for (size_t i = 0; i < s.n; i++)
		p[i] = ascii_lower(p[i]);
	return (struct str){ p, s.n };
}

static struct dns_budget *
budget_of(const struct outbound *o)
{
	return dns_budget_new(o->o.resolver, OUTBOUND_DNS_QUERIES,
	    clock_mono_ms() + OUTBOUND_DNS_MS);
}

enum outbound_rc
outbound_policy(struct outbound *o, struct arena *a, struct str nexthop,
    struct buf *out, struct err *e)
{
	struct question q = { .o = o, .a = a, .e = e };
	struct dns_budget *budget;
	enum outbound_rc rc;

	q.domain = lowered(a, dns_undotted(nexthop));
	if (!sts_is_host(q.domain))
		return OUTBOUND_NONE;
	q.dane = site_setting(o->o.site, a, "outbound.dane", everywhere);
	q.mta_sts = site_setting(o->o.site, a, "outbound.mta_sts", everywhere);
	budget = budget_of(o);
	q.resolver = dns_budget_resolver(budget);
	rc = decide(&q, out);
	dns_budget_free(&budget);
	return rc;
}

/* ------------------------------------------------------------------------
 * For reports
 */

static enum outbound_promised
sts_promise(struct question *q, struct sts_policy *out)
{
	struct str id = record_id(q);
	int64_t deadline = clock_mono_ms() + OUTBOUND_WAIT_MS;

	switch (
	    sts_cache_get(q->o->policies, q->a, q->domain, id, deadline, out)) {
	case STS_FOUND:
		return out->mode == STS_NONE ? PROMISED_NONE : PROMISED_STS;
	case STS_PENDING:
		return PROMISED_UNKNOWN;
	case STS_UNKNOWN:
		break;
	}
	return id.n > 0 ? PROMISED_STS_UNKNOWN : PROMISED_NONE;
}

static enum outbound_promised
promised(struct question *q, struct sts_policy *sts)
{
	switch (dane_find(q->resolver, q->a, q->domain, q->e)) {
	case DANE_ALL:
	case DANE_SOME:
		return PROMISED_DANE;
	case DANE_FAILED:
		return PROMISED_UNKNOWN;
	case DANE_NONE:
		break;
	}
	return sts_promise(q, sts);
}

void
outbound_promise(struct outbound *o, struct arena *a, struct str domain,
    struct outbound_promise *out)
{
	struct err e = ERR_INIT;
	struct question q = { .o = o, .a = a, .e = &e, .domain = domain };
	struct dns_budget *budget = budget_of(o);

	*out = (struct outbound_promise){ .kind = PROMISED_NONE };
	q.resolver = dns_budget_resolver(budget);
	if (sts_is_host(domain))
		out->kind = promised(&q, &out->sts);
	dns_budget_free(&budget);
}

bool
outbound_refresh(void *arg, int64_t now, struct err *e)
{
	struct outbound *o = arg;

	return sts_cache_refresh(o->policies, now, e);
}
