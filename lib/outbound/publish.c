/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbound/publish.h"

#include <inttypes.h>

#include "base/codec.h"

#define ID_OCTETS (STS_MAX_ID / 2) /* of the hash of a policy, in hex */
#define TXT_STRING 255             /* octets in one string of a TXT record */

/* ------------------------------------------------------------------------
 * The policy of MTA-STS
 */

static void
write_policy(const struct publish *p, struct buf *out)
{
	struct str rest = p->mx, name;

	buf_printf(
	    out, "version: STSv1\r\nmode: %.*s\r\n", STR_ARG(p->sts_mode));
	while (str_split(&rest, ' ', &name)) {
		if (name.n > 0)
			buf_printf(out, "mx: %.*s\r\n", STR_ARG(name));
	}
	buf_printf(out, "max_age: %" PRIu64 "\r\n",
	    p->sts_max_age < STS_MAX_AGE ? p->sts_max_age : STS_MAX_AGE);
}

bool
publish_policy(
    struct arena *a, const struct publish *p, struct str *out, struct err *e)
{
	struct sts_policy policy;
	struct buf text = { 0 };
	bool ok;

	*e = (struct err)ERR_INIT;
	if (str_eqc(p->sts_mode, "off"))
		return false;
	write_policy(p, &text);
	*out = arena_str(a, buf_str(&text));
	buf_fini(&text);
	/* Others read it as we would. */
	ok = sts_policy_parse(a, *out, &policy, e);
	if (!ok)
		err_prefix(e, "the policy that mta_sts.mx makes");
	return ok;
}

/* It changes when the policy does (section 3.1). */
static struct str
policy_id(struct arena *a, struct str policy)
{
	uint8_t hash[SHA256_LEN];
	struct buf id = { 0 };
	struct str out;

	sha256(policy, hash);
	hex_encode(&id, hash, ID_OCTETS);
	out = arena_str(a, buf_str(&id));
	buf_fini(&id);
	return out;
}

/* ------------------------------------------------------------------------
 * Records
 */

struct making {
	struct arena *a;
	const struct publish *p;
	struct publish_record *list;
	size_t n, cap;
};

static struct publish_record *
add(struct making *m, enum publish_kind kind, enum dns_type type,
    const char *prefix, struct str data)
{
	m->list = arena_grow(m->a, m->list, m->n, &m->cap, sizeof(*m->list));
	m->list[m->n] = (struct publish_record){
		.kind = kind,
		.type = type,
		.name =
		    arena_printf(m->a, "%s%.*s", prefix, STR_ARG(m->p->domain)),
		.data = data,
	};
	return &m->list[m->n++];
}

/* Each host of the setting, in its order; a pattern names none. */
static void
add_mx(struct making *m)
{
	struct str rest = m->p->mx, name;
	unsigned preference = 0;

	while (str_split(&rest, ' ', &name)) {
		if (name.n > 0 && !str_starts(name, STR("*.")))
			add(m, PUBLISH_MX, DNS_MX, "",
			    arena_printf(m->a, "%u %.*s.", preference += 10,
				STR_ARG(name)));
	}
	if (preference == 0)
		add(m, PUBLISH_MX, DNS_MX, "",
		    arena_printf(m->a, "10 %.*s.", STR_ARG(m->p->hostname)));
}

static void
add_keys(struct making *m)
{
	for (size_t i = 0; i < m->p->nkeys; i++) {
		const struct publish_key *k = &m->p->keys[i];
		struct publish_record *r =
		    add(m, PUBLISH_DKIM, DNS_TXT, "", k->record);

		r->key = k->key;
		r->name = arena_printf(m->a, "%.*s._domainkey.%.*s",
		    STR_ARG(k->key->selector), STR_ARG(k->key->domain));
	}
}

static void
add_texts(struct making *m)
{
	struct str dmarc = m->p->dmarc_reports, tls = m->p->tls_reports;

	add(m, PUBLISH_SPF, DNS_TXT, "", STR("v=spf1 mx -all"));
	add_keys(m);
	add(m, PUBLISH_DMARC, DNS_TXT, "_dmarc.",
	    dmarc.n ? arena_printf(m->a, "v=DMARC1; p=none; rua=mailto:%.*s",
			  STR_ARG(dmarc))
		    : STR("v=DMARC1; p=none"));
	if (tls.n > 0)
		add(m, PUBLISH_TLSRPT, DNS_TXT, "_smtp._tls.",
		    arena_printf(
			m->a, "v=TLSRPTv1; rua=mailto:%.*s", STR_ARG(tls)));
}

static bool
add_sts(struct making *m, struct err *e)
{
	struct str policy;

	if (!publish_policy(m->a, m->p, &policy, e))
		return !*e->msg;
	add(m, PUBLISH_STS, DNS_TXT, "_mta-sts.",
	    arena_printf(
		m->a, "v=STSv1; id=%.*s;", STR_ARG(policy_id(m->a, policy))));
	add(m, PUBLISH_STS_HOST, DNS_CNAME, "mta-sts.",
	    arena_printf(m->a, "%.*s.", STR_ARG(m->p->hostname)));
	return true;
}

static void
add_tlsa(struct making *m)
{
	struct publish_record *r;

	if (m->p->tlsa.n == 0)
		return;
	r = add(m, PUBLISH_TLSA, DNS_TLSA, "",
	    arena_printf(m->a, "3 1 1 %.*s", STR_ARG(m->p->tlsa)));
	r->name = arena_printf(m->a, "_25._tcp.%.*s", STR_ARG(m->p->hostname));
}

/* RFC 6186, RFC 8314, RFC 5804: as clients look for them. */
static const struct {
	const char *prefix;
	unsigned port;
} services[] = {
	{ "_imaps._tcp.", 993 },
	{ "_submissions._tcp.", 465 },
	{ "_pop3s._tcp.", 995 },
	{ "_sieve._tcp.", 4190 },
};

static void
add_services(struct making *m)
{
	for (size_t i = 0; i < LEN(services); i++)
		add(m, PUBLISH_SRV, DNS_SRV, services[i].prefix,
		    arena_printf(m->a, "0 1 %u %.*s.", services[i].port,
			STR_ARG(m->p->hostname)));
}

bool
publish_records(struct arena *a, const struct publish *p,
    struct publish_record **list, size_t *n, struct err *e)
{
	struct making m = { .a = a, .p = p };

	add_mx(&m);
	add_texts(&m);
	if (!add_sts(&m, e))
		return false;
	add_tlsa(&m);
	add_services(&m);
	*list = m.list;
	*n = m.n;
	return true;
}

/* ------------------------------------------------------------------------
 * A zone file
 */

void
publish_line(const struct publish_record *r, struct buf *out)
{
	buf_printf(
	    out, "%.*s. IN %s", STR_ARG(r->name), dns_type_name(r->type));
	if (r->type != DNS_TXT) {
		buf_printf(out, " %.*s", STR_ARG(r->data));
		return;
	}
	for (size_t at = 0; at < r->data.n; at += TXT_STRING) {
		buf_putc(out, ' ');
		buf_put_quoted(out, str_sub(r->data, at, TXT_STRING));
	}
}
