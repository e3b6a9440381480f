/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/codec.h"
#include "mailauth/dmarc.h"
#include "outbound/publish.h"

/* What we want to be in the DNS, and what is there. */

const char *
publish_state_name(enum publish_state s)
{
	static const char *const names[] = {
		[PUBLISH_OK] = "ok",
		[PUBLISH_MISSING] = "missing",
		[PUBLISH_DIFFERS] = "differs",
		[PUBLISH_UNKNOWN] = "unknown",
	};

	return names[s];
}

struct looking {
	struct arena *a;
	const struct publish *p;
	const struct publish_record *want;
	struct dns_answer answer;
	struct str why;
};

static enum publish_state
differs(struct looking *l, struct str why)
{
	l->why = why;
	return PUBLISH_DIFFERS;
}

/* ------------------------------------------------------------------------
 * TXT
 */

/* How many there are that begin with TAG; *text: the last of them. */
static size_t
count_tagged(struct looking *l, struct str tag, struct str *text)
{
	size_t n = 0;

	for (size_t i = 0; i < l->answer.n; i++) {
		struct str t;

		if (dns_rdata_txt(l->a, l->answer.rdata[i], &t) &&
		    str_istarts(t, tag)) {
			*text = t;
			n++;
		}
	}
	return n;
}

/* Exactly one that begins with TAG. */
static enum publish_state
look_tagged(struct looking *l, struct str tag, struct str *text)
{
	size_t n = count_tagged(l, tag, text);

	if (n == 0)
		return PUBLISH_MISSING;
	if (n > 1)
		return differs(
		    l, arena_printf(l->a,
			   "leave only one of the records that begin with %.*s",
			   STR_ARG(tag)));
	return PUBLISH_OK;
}

static enum publish_state
look_spf(struct looking *l)
{
	struct str text;

	return look_tagged(l, STR("v=spf1"), &text);
}

static enum publish_state
look_tlsrpt(struct looking *l)
{
	struct str text;

	return look_tagged(l, STR("v=TLSRPTv1"), &text);
}

static enum publish_state
look_dmarc(struct looking *l)
{
	struct dmarc_record record;
	struct str text, why;
	enum publish_state s = look_tagged(l, STR("v=DMARC1"), &text);

	if (s == PUBLISH_OK && !dmarc_record_parse(l->a, text, &record, &why))
		return differs(
		    l, arena_printf(l->a, "correct it: %.*s", STR_ARG(why)));
	return s;
}

static enum publish_state
look_sts(struct looking *l)
{
	struct str text, id, ours;
	enum publish_state s = look_tagged(l, STR("v=STSv1"), &text);

	if (s != PUBLISH_OK)
		return s;
	sts_record_parse(l->want->data, &ours);
	if (!sts_record_parse(text, &id) || !str_eq(id, ours))
		return differs(
		    l, STR("replace it: the policy has another id now"));
	return PUBLISH_OK;
}

static enum publish_state
look_text(struct looking *l)
{
	struct str text;

	for (size_t i = 0; i < l->answer.n; i++) {
		if (dns_rdata_txt(l->a, l->answer.rdata[i], &text) &&
		    str_eq(text, l->want->data))
			return PUBLISH_OK;
	}
	return differs(l, STR("replace it"));
}

/* ------------------------------------------------------------------------
 * Hosts
 */

/* The last word of the record's data, without its final dot. */
static struct str
wanted_host(const struct looking *l)
{
	struct str data = l->want->data;

	return dns_undotted(str_sub(data, str_rchr(data, ' ') + 1, STR_NPOS));
}

/* A host that others would not send to, since our policy does not name it. */
static bool
is_forbidden(struct looking *l, struct str host)
{
	struct sts_policy policy;
	struct str text;
	struct err e;

	return publish_policy(l->a, l->p, &text, &e) &&
	       sts_policy_parse(l->a, text, &policy, &e) &&
	       policy.mode != STS_NONE && !sts_policy_covers(&policy, host);
}

static enum publish_state
look_mx(struct looking *l)
{
	struct str host, want = wanted_host(l);
	bool found = false;
	uint16_t preference;

	for (size_t i = 0; i < l->answer.n; i++) {
		if (!dns_rdata_mx(l->a, l->answer.rdata[i], &preference, &host))
			return differs(l, STR("correct it: it is malformed"));
		if (is_forbidden(l, host))
			return differs(
			    l, arena_printf(l->a,
				   "add %.*s to mta_sts.mx, or remove it here",
				   STR_ARG(host)));
		found |= str_ieq(host, want);
	}
	return found ? PUBLISH_OK
		     : differs(l, STR("add it: mail goes to other hosts"));
}

static enum publish_state
look_srv(struct looking *l)
{
	struct str data = l->want->data, host, field;
	uint32_t want = 0;
	uint16_t port;

	for (size_t i = 0; i < 3 && str_split(&data, ' ', &field); i++)
		str_u32(field, &want);
	for (size_t i = 0; i < l->answer.n; i++) {
		if (dns_rdata_srv(l->a, l->answer.rdata[i], &port, &host) &&
		    port == want && str_ieq(host, wanted_host(l)))
			return PUBLISH_OK;
	}
	return differs(l, STR("clients are sent elsewhere; replace it"));
}

static enum publish_state
look_tlsa(struct looking *l)
{
	uint8_t want[3 + SHA256_LEN] = { 3, 1, 1 };

	if (!hex_decode(l->p->tlsa, want + 3, SHA256_LEN))
		return differs(l, STR("the certificate has no digest"));
	for (size_t i = 0; i < l->answer.n; i++) {
		if (str_eq(l->answer.rdata[i],
			(struct str){ (const char *)want, sizeof(want) }))
			return PUBLISH_OK;
	}
	return differs(
	    l, STR("add it now: the key is another one, mail is refused"));
}

static enum publish_state
look_host(struct looking *l)
{
	(void)l;
	return PUBLISH_OK; /* it has an address */
}

/* ------------------------------------------------------------------------
 * All of them
 */

static const struct {
	enum dns_type type; /* asked for */
	enum publish_state (*look)(struct looking *l);
} looks[] = {
	[PUBLISH_MX] = { DNS_MX, look_mx },
	[PUBLISH_SPF] = { DNS_TXT, look_spf },
	[PUBLISH_DKIM] = { DNS_TXT, look_text },
	[PUBLISH_DMARC] = { DNS_TXT, look_dmarc },
	[PUBLISH_STS] = { DNS_TXT, look_sts },
	[PUBLISH_STS_HOST] = { DNS_A, look_host },
	[PUBLISH_TLSRPT] = { DNS_TXT, look_tlsrpt },
	[PUBLISH_TLSA] = { DNS_TLSA, look_tlsa },
	[PUBLISH_SRV] = { DNS_SRV, look_srv },
};

static void
ask(struct resolver *r, struct looking *l)
{
	enum publish_kind kind = l->want->kind;

	dns_ask(r, l->a, l->want->name, looks[kind].type, &l->answer);
	if (kind == PUBLISH_STS_HOST && l->answer.rc == DNS_NODATA)
		dns_ask(r, l->a, l->want->name, DNS_AAAA, &l->answer);
}

enum publish_state
publish_look(struct resolver *r, struct arena *a, const struct publish *p,
    const struct publish_record *record, struct str *why)
{
	struct looking l = { .a = a, .p = p, .want = record };
	enum publish_state s = PUBLISH_MISSING;

	ask(r, &l);
	if (l.answer.rc == DNS_FAILED) {
		*why = arena_printf(
		    a, "try again: the DNS failed (%s)", l.answer.why);
		return PUBLISH_UNKNOWN;
	}
	if (l.answer.rc == DNS_OK)
		s = looks[record->kind].look(&l);
	*why = s == PUBLISH_MISSING ? STR("publish it") : l.why;
	return s;
}
