/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/internal.h"

/* The fields that tell what the filter found; and those that only claim to. */

static bool
always(const struct filter_session *s, const struct field *f)
{
	(void)s;
	(void)f;
	return true;
}

/* Of mail that our accounts send nothing has been authenticated before. */
static bool
if_it_claims_to_be_ours(const struct filter_session *s, const struct field *f)
{
	return s->m.facts.outgoing ||
	       authres_claims(s->m.arena, f->value, s->authserv_id);
}

static const struct kind {
	const char *name;
	bool (*is_forged)(
	    const struct filter_session *s, const struct field *f);
} kinds[] = {
	{ "Authentication-Results", if_it_claims_to_be_ours },
	{ "X-Mailstead-Verdict", always },
	{ "X-Spam-Flag", always },
	{ "X-Spam-Level", always },
	{ "X-Spam-Score", always },
	{ "X-Spam-Status", always },
	{ "X-Virus-Score", always },
};
#define KINDS LEN(kinds)

static size_t
kind_of(struct str name)
{
	size_t i = 0;

	while (i < KINDS && !str_ieqc(name, kinds[i].name))
		i++;
	return i;
}

void
fields_remove_forged(struct filter_session *s, struct edits *e)
{
	const struct fields *h = &s->m.header;
	unsigned count[KINDS + 1] = { 0 };

	for (size_t i = 0; i < h->n; i++) {
		size_t k = kind_of(h->v[i].name);

		count[k]++;
		if (k < KINDS && kinds[k].is_forged(s, &h->v[i]))
			edits_delete(s->m.arena, e, h->v[i].name, count[k], i);
	}
	edits_deleted(e);
}

/* ------------------------------------------------------------------------
 * Authentication-Results
 */

static void
write_spf(struct authres_writer *w, const struct filter_session *s)
{
	const struct facts *f = &s->m.facts;

	authres_method(w, "spf", spf_result_name(f->spf->result));
	if (s->m.envelope.sender.n > 0)
		authres_property(w, "smtp", "mailfrom", s->m.envelope.sender);
	else
		authres_property(w, "smtp", "helo", s->helo);
	authres_comment(w, f->spf->problem);
	if (s->m.envelope.sender.n == 0 || f->helo->result == SPF_NONE)
		return;
	authres_method(w, "spf", spf_result_name(f->helo->result));
	authres_property(w, "smtp", "helo", s->helo);
}

static void
write_signature(
    struct authres_writer *w, struct arena *a, const struct signature *sig)
{
	authres_method(w, "dkim", signature_result_name(sig->result));
	if (sig->bits > 0 && sig->result == SIGNATURE_PASS)
		authres_comment(w, arena_printf(a, "%u-bit key", sig->bits));
	authres_reason(w, sig->why);
	authres_property(w, "header", "d", sig->domain);
	authres_property(w, "header", "i", sig->identity);
	authres_property(w, "header", "s", sig->selector);
	authres_property(w, "header", "a", sig->algorithm);
	authres_property(w, "header", "b", sig->b);
}

static void
write_dkim(struct authres_writer *w, const struct filter_session *s)
{
	const struct facts *f = &s->m.facts;

	for (size_t i = 0; i < f->nsignatures; i++)
		write_signature(w, s->m.arena, &f->signatures[i]);
	if (f->nsignatures == 0)
		authres_method(w, "dkim", "none");
}

static void
write_dmarc(struct authres_writer *w, const struct filter_session *s)
{
	const struct dmarc_verdict *v = s->m.facts.dmarc;

	if (!v) {
		authres_method(w, "dmarc", "permerror");
		authres_reason(w, str_of(s->m.facts.author));
		return;
	}
	authres_method(w, "dmarc", dmarc_result_name(v->result));
	if (v->has_record)
		authres_comment(w, arena_printf(s->m.arena, "p=%s",
				       dmarc_policy_name(v->published)));
	if (s->m.facts.vouched.n > 0 && v->result == DMARC_FAIL)
		authres_comment(
		    w, arena_printf(s->m.arena, "vouched for by %.*s",
			   STR_ARG(s->m.facts.vouched)));
	authres_property(w, "header", "from", s->m.author);
}

static void
write_arc(struct authres_writer *w, const struct filter_session *s)
{
	const struct arc_verdict *v = s->m.facts.arc;

	if (v->result == ARC_NONE)
		return;
	authres_method(w, "arc", arc_result_name(v->result));
	authres_reason(w, v->why);
	if (v->n > 0)
		authres_comment(
		    w, arena_printf(s->m.arena, "i=%u sealed by %.*s",
			   v->sets[v->n - 1].instance,
			   STR_ARG(v->sets[v->n - 1].domain)));
}

void
fields_results(struct filter_session *s, struct buf *out)
{
	struct authres_writer w;

	authres_begin(&w, out, s->authserv_id);
	if (s->m.envelope.login.n > 0) {
		authres_method(&w, "auth", "pass");
		authres_property(&w, "smtp", "auth", s->m.envelope.login);
	}
	if (!s->m.facts.outgoing) {
		write_spf(&w, s);
		write_dkim(&w, s);
		write_dmarc(&w, s);
		write_arc(&w, s);
	}
	authres_end(&w);
}

/* "tag; dmarc: nothing proves ...; spf: ..." */
static void
write_verdict(
    const struct decision *d, enum filter_action action, struct buf *out)
{
	buf_printf(out, " %s", filter_action_name(action));
	for (size_t i = 0; i < d->n; i++)
		buf_printf(out, ";\n\t%s: %.*s", d->reasons[i].check,
		    STR_ARG(d->reasons[i].text));
}

/* ------------------------------------------------------------------------
 * For people, their programs, and Sieve's spamtest and virustest
 */

/* The highest threshold of those who get it: nobody is told that something is
 * spam that is none for him. 0: nobody has one. */
static int64_t
threshold(const struct message *m)
{
	int64_t highest = 0;

	for (size_t i = 0; i < m->nrecipients; i++) {
		if (m->recipients[i].policy.spam_tag > highest)
			highest = m->recipients[i].policy.spam_tag;
	}
	return highest;
}

static void
add_score(struct filter_session *s, struct edits *e)
{
	const struct spam_facts *f = s->m.facts.spam;
	struct arena *a = s->m.arena;
	struct buf value = { 0 };
	int64_t limit = threshold(&s->m);
	bool yes;

	if (!f || !f->known)
		return;
	yes = limit > 0 && spam_thousandths(&f->verdict) >= limit;
	buf_printf(&value, " %s, score=%.1f required=%.1f\n\ttests=%.*s",
	    yes ? "Yes" : "No", f->verdict.score, (double)limit / 1000,
	    STR_ARG(f->verdict.rules.n > 0 ? f->verdict.rules : STR("none")));
	edits_insert(a, e, "X-Spam-Status", &value);
	buf_printf(&value, " %.1f", f->verdict.score);
	edits_insert(a, e, "X-Spam-Score", &value);
}

static void
add_flag(struct filter_session *s, struct edits *e)
{
	struct buf value = { 0 };

	if (!s->m.junk)
		return;
	BUF_LIT(&value, " YES");
	edits_insert(s->m.arena, e, "X-Spam-Flag", &value);
}

/* From 0 to sieve.virus_max, which is 5. */
static void
add_virus(struct filter_session *s, struct edits *e)
{
	const struct virus_facts *v = s->m.facts.virus;
	struct buf value = { 0 };

	if (!v || v->result == SCAN_FAILED || v->result == SCAN_TOO_LARGE)
		return;
	if (v->result == SCAN_CLEAN)
		BUF_LIT(&value, " 0");
	else
		buf_printf(&value, " %d (%.*s)", v->encrypted ? 3 : 5,
		    STR_ARG(v->name));
	edits_insert(s->m.arena, e, "X-Virus-Score", &value);
}

/* ------------------------------------------------------------------------
 * All of them
 */

void
fields_add(struct filter_session *s, const struct decision *d,
    enum filter_action action, struct edits *e)
{
	struct buf value = { 0 };

	if (action == FILTER_TAG || action == FILTER_QUARANTINE) {
		write_verdict(d, action, &value);
		edits_insert(s->m.arena, e, "X-Mailstead-Verdict", &value);
	}
	add_virus(s, e);
	add_score(s, e);
	add_flag(s, e);
	if (s->m.facts.spf) {
		spf_received(&value, &s->m.spf_query, &s->m.spf);
		edits_insert(s->m.arena, e, "Received-SPF", &value);
	}
	if (s->m.facts.outgoing && s->m.envelope.login.n == 0)
		return;
	fields_results(s, &value);
	edits_insert(s->m.arena, e, "Authentication-Results", &value);
}
