/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include "base/fs.h"
#include "base/spool.h"
#include "ctl/message.h"
#include "ctl/resolver.h"
#include "ctl/verbs.h"
#include "filter/filter.h"

/*
 * mailstead filter check: a message goes through the filter as if it came from
 * that client, and every result is shown. Nothing is changed or sent.
 */

struct trial {
	struct ctl *c;
	struct ctl_resolver dns;
	struct filter_db *db;
	struct filter *filter;
	struct filter_client client;
	struct buf raw;
};

/* ------------------------------------------------------------------------
 * Making ready
 */

static int
read_file(struct trial *t, const char *path)
{
	struct buf in = { 0 };
	bool ok = str_eqc(str_of(path), "-")
		      ? fs_read("/dev/stdin", SIZE_MAX / 2, &in, &t->c->err)
		      : fs_read(path, SIZE_MAX / 2, &in, &t->c->err);

	if (ok)
		lines_to_crlf(buf_str(&in), true, &t->raw);
	buf_fini(&in);
	return ok ? 0 : ctl_fail(t->c, EX_NOINPUT, NULL);
}

static int
read_client(struct trial *t)
{
	const char *address = ctl_option(t->c, "client-ip");

	t->client.local = !address;
	if (!address || addr_parse(str_of(address), &t->client.address))
		return 0;
	return ctl_failf(
	    t->c, EX_USAGE, NULL, "\"%s\" is not an IP address", address);
}

static int
open_filter(struct trial *t)
{
	struct ctl *c = t->c;
	struct filter_options o = {
		.hostname = conf_hostname(c->conf),
		.quiet = true,
		.compare = ctl_switch(c, "compare"),
	};
	int status = ctl_open_site(c);

	if (status != 0)
		return status;
	if ((status = ctl_open_resolver(c, &t->dns)) != 0)
		return status;
	spool_configure(
	    conf_get(c->conf, "data_dir"), SIZE_MAX, FILTER_HEADROOM);
	if (filter_db_open(conf_get(c->conf, "data_dir"), &t->db, &c->err))
		o.db = t->db;
	else
		ctl_warn(c, "greylisting is left out: %s", c->err.msg);
	o.site = c->site;
	o.psl = t->dns.psl;
	o.resolver = dns_resolver(t->dns.dns);
	t->filter = filter_new(&o);
	return 0;
}

static struct str
option(const struct trial *t, const char *name)
{
	return str_of(ctl_option(t->c, name));
}

static void
feed(struct trial *t, struct filter_session *s)
{
	struct str raw = buf_str(&t->raw);
	const struct filter_envelope e = {
		.sender = option(t, "from"),
		.login = option(t, "login"),
	};
	struct fields header;
	size_t body, at = 0;
	const char *to;

	header = fields_of(t->c->arena, raw, &body);
	filter_helo(s, option(t, "helo"));
	filter_mail(s, &e);
	while ((to = ctl_option_next(t->c, "to", &at)))
		filter_rcpt(s, str_of(to));
	if (!ctl_option(
		t->c, "to")) /* somebody, with the settings of the site */
		filter_rcpt(s, STR_NULL);
	for (size_t i = 0; i < header.n; i++)
		filter_field(s, header.v[i].name, header.v[i].value);
	filter_header_end(s);
	filter_body(s, str_sub(raw, body, SIZE_MAX));
}

/* ------------------------------------------------------------------------
 * Telling
 */

static const struct column columns[] = {
	{ "check", "CHECK", COL_TEXT },
	{ "result", "RESULT", COL_TEXT },
	{ "detail", "DETAIL", COL_TEXT },
	{ NULL, NULL, COL_TEXT },
};

static void row(json_t *rows, const char *check, const char *result,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static void
row(json_t *rows, const char *check, const char *result, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(
	    rows, json_pack("{s:s, s:s, s:o}", "check", check, "result", result,
		      "detail", json_str(str_of(text))));
}

static void
tell_spf(json_t *rows, const char *check, const struct spf_verdict *v)
{
	if (!v)
		return;
	row(rows, check, spf_result_name(v->result),
	    "%.*s%s%.*s%s%.*s, %u lookups", STR_ARG(v->domain),
	    v->mechanism.n ? ": " : "", STR_ARG(v->mechanism),
	    v->problem.n ? ": " : "", STR_ARG(v->problem), v->lookups);
}

static void
tell_signatures(json_t *rows, const struct facts *f)
{
	for (size_t i = 0; i < f->nsignatures; i++) {
		const struct signature *s = &f->signatures[i];

		row(rows, "dkim", signature_result_name(s->result),
		    "%.*s._domainkey.%.*s, %.*s, %u bits%s%.*s",
		    STR_ARG(s->selector), STR_ARG(s->domain),
		    STR_ARG(s->algorithm), s->bits, s->why.n ? ": " : "",
		    STR_ARG(s->why));
	}
	if (f->nsignatures == 0 && !f->outgoing)
		row(rows, "dkim", "none", "no signature");
}

static void
tell_arc(json_t *rows, const struct facts *f)
{
	const struct arc_verdict *v = f->arc;

	if (!v)
		return;
	row(rows, "arc", arc_result_name(v->result), "%zu sets%s%.*s%s%.*s",
	    v->n, v->why.n ? ": " : "", STR_ARG(v->why),
	    f->vouched.n ? ", vouched for by " : "", STR_ARG(f->vouched));
}

static void
tell_dmarc(json_t *rows, const struct facts *f)
{
	const struct dmarc_verdict *v = f->dmarc;

	if (f->author)
		row(rows, "from", "fail", "%s", f->author);
	if (!v)
		return;
	row(rows, "dmarc", dmarc_result_name(v->result), "%.*s: %.*s%s%.*s",
	    STR_ARG(v->record_domain.n ? v->record_domain : v->organizational),
	    STR_ARG(v->text), v->why.n ? ": " : "", STR_ARG(v->why));
}

static void
tell_client(json_t *rows, const struct facts *f)
{
	const struct client_facts *c = f->client;

	if (!c)
		return;
	row(rows, "ptr", ptr_result_name(c->ptr), "%.*s", STR_ARG(c->name));
	row(rows, "greeting", helo_result_name(c->helo), "%.*s%s%s",
	    STR_ARG(c->helo_name), c->helo_why && *c->helo_why ? " " : "",
	    c->helo_why ? c->helo_why : "");
	if (c->blocked > 0)
		row(rows, "logins", "blocked", "for %lld more seconds",
		    (long long)c->blocked);
	for (size_t i = 0; i < c->dnsbl.n; i++)
		row(rows, "dnsbl", "listed", "%.*s: %.*s, which weighs %d",
		    STR_ARG(c->dnsbl.hits[i].question),
		    STR_ARG(c->dnsbl.hits[i].answer),
		    c->dnsbl.hits[i].list->weight);
}

/* What the lists say to those whose settings are asked. */
static void
tell_listed(json_t *rows, const struct filter_outcome *out)
{
	for (size_t i = 0; i < out->n; i++) {
		const struct list_match *m = out->listed[i];

		if (m)
			row(rows, "list", site_list_kind_name(m->kind),
			    "%.*s, for %.*s", STR_ARG(m->entry),
			    STR_ARG(out->recipients[i].n > 0
					? out->recipients[i]
					: STR("anybody")));
	}
}

/* What is printed; NULL: that there is nothing to say. */
static const struct {
	const char *result, *detail;
} greylisting[] = {
	[STRANGER_OFF] = { "off", "by the settings" },
	[STRANGER_ALLOWED] = { "allowed", "on a list: " },
	[STRANGER_WHITE] = { "allowed", "a list in the DNS vouches for it" },
	[STRANGER_CORRESPONDENT] = { "known", "an account wrote to " },
	[STRANGER_DOMAIN] = { "known", "has sent with a proof before: " },
	[STRANGER_KNOWN] = { "known", "has come again before" },
	[STRANGER_RETURNED] = { "returned", "comes again in time" },
	[STRANGER_NEW] = { "waits", "has not come before" },
	[STRANGER_EARLY] = { "waits", "comes again too early" },
};

static void
tell_strangers(json_t *rows, const struct filter_outcome *out)
{
	for (size_t i = 0; i < out->n; i++) {
		const struct stranger *s = &out->strangers[i];

		if (greylisting[s->result].result)
			row(rows, "greylist", greylisting[s->result].result,
			    "for %.*s: %s%.*s",
			    STR_ARG(out->recipients[i].n ? out->recipients[i]
							 : STR("anybody")),
			    greylisting[s->result].detail, STR_ARG(s->by));
	}
}

static void
tell_others(json_t *rows, const struct facts *f)
{
	static const char agrees[] = "agrees", differs[] = "does not agree";
	const struct opinions *o = &f->others;

	if (o->has_spf)
		row(rows, "libspf2", spf_result_name(o->spf), "%s",
		    o->spf == f->spf->result ? agrees : differs);
	if (o->has_dkim)
		row(rows, "libopendkim", signature_result_name(o->dkim), "%s",
		    o->dkim == o->dkim_ours->result ? agrees : differs);
	if (o->has_dmarc)
		row(rows, "libopendmarc", dmarc_result_name(o->dmarc), "%s",
		    o->dmarc == f->dmarc->result ? agrees : differs);
}

static void
tell_content(json_t *rows, const struct facts *f)
{
	for (size_t i = 0; i < f->nattachments; i++)
		row(rows, "attachment", "found", "\"%.*s\", %.*s%s%s",
		    STR_ARG(f->attachments[i].name),
		    STR_ARG(f->attachments[i].type),
		    f->attachments[i].content ? ", in truth " : "",
		    f->attachments[i].content ? f->attachments[i].content : "");
	if (f->virus)
		row(rows, "virus", scan_result_name(f->virus->result),
		    "%.*s%.*s", STR_ARG(f->virus->name),
		    STR_ARG(f->virus->why));
	if (f->spam && f->spam->known)
		row(rows, "spam", f->spam->verdict.spam ? "yes" : "no",
		    "score %.1f: %.*s", f->spam->verdict.score,
		    STR_ARG(f->spam->verdict.rules));
	else if (f->spam)
		row(rows, "spam", "failed", "%.*s", STR_ARG(f->spam->why));
}

static void
tell_decisions(json_t *rows, const struct filter_outcome *out)
{
	for (size_t i = 0; i < out->n; i++) {
		const struct decision *d = &out->decisions[i];

		for (size_t k = 0; k < d->n; k++)
			row(rows, d->reasons[k].check,
			    filter_action_name(d->reasons[k].action),
			    "for %.*s: %.*s",
			    STR_ARG(out->recipients[i].n ? out->recipients[i]
							 : STR("anybody")),
			    STR_ARG(d->reasons[k].text));
	}
	if (out->refusal)
		row(rows, "decision", filter_action_name(out->action),
		    "%u %s %.*s", out->refusal->code, out->refusal->status,
		    STR_ARG(out->refusal->text));
	else
		row(rows, "decision", filter_action_name(out->action),
		    "the message is delivered");
}

static void
tell_edits(json_t *rows, const struct filter_outcome *out)
{
	for (size_t i = 0; i < out->edits.n; i++) {
		const struct edit *e = &out->edits.v[i];

		if (e->delete)
			row(rows, "header", "remove", "%.*s number %u",
			    STR_ARG(e->name), e->delete);
		else
			row(rows, "header", "add", "%.*s:%.*s",
			    STR_ARG(e->name), STR_ARG(e->value));
	}
}

static int
tell(struct ctl *c, const struct filter_outcome *out)
{
	json_t *rows = json_array();
	const struct facts *f = &out->facts;

	row(rows, "client", f->outgoing ? "ours" : "outside", "%s",
	    f->outgoing ? "not asked who sent it" : "asked who sent it");
	tell_client(rows, f);
	tell_listed(rows, out);
	tell_spf(rows, "helo", f->helo);
	tell_spf(rows, "spf", f->spf);
	tell_signatures(rows, f);
	tell_arc(rows, f);
	tell_dmarc(rows, f);
	tell_strangers(rows, out);
	tell_others(rows, f);
	tell_content(rows, f);
	tell_decisions(rows, out);
	tell_edits(rows, out);
	return out_rows(c, columns, rows);
}

static int
check(struct trial *t)
{
	struct filter_outcome out;
	struct filter_session *s;
	int status = read_file(t, t->c->argv[0]);

	if (status == 0)
		status = read_client(t);
	if (status == 0)
		status = open_filter(t);
	if (status != 0)
		return status;
	s = filter_session_new(t->filter, &t->client);
	feed(t, s);
	filter_end(s, STR_NULL, &out);
	status = tell(t->c, &out);
	filter_session_free(&s);
	return status;
}

int
cmd_filter_check(struct ctl *c)
{
	struct trial t = { .c = c };
	int status = check(&t);

	filter_free(&t.filter);
	filter_db_close(&t.db);
	ctl_close_resolver(&t.dns);
	buf_fini(&t.raw);
	return status;
}
