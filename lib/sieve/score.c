/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "sieve/match.h"

/* spamtest and virustest (RFC 5235), from the headers that filters write. */

#define SPAM_TOP 10
#define VIRUS_TOP 5

static const struct sieve_tag percent_tags[] = {
	{ "percent", CAP_SPAMTESTPLUS, SLOT_PERCENT, 0, 0 },
	{ NULL, CAP_BASE, 0, 0, 0 },
};

static bool
check_score(struct sieve_checker *c, struct sieve_node *n)
{
	return sieve_match_check(c, n, sieve_arg(n, SLOT_1));
}

/* What PATTERN finds in the field; false: there is none. */
static bool
find_text(
    struct sieve_run *r, struct str field, struct str pattern, struct str *out)
{
	struct sieve_fields *f = sieve_message_fields(r->message);
	struct sieve_regex *re = NULL;
	struct buf why = { 0 };
	bool found = false;

	for (size_t i = 0; i < f->n && !found; i++) {
		if (!str_ieq(f->v[i].name, field))
			continue;
		*out = sieve_field_decoded(r->arena, &f->v[i]);
		found = true;
	}
	if (!found || pattern.n == 0)
		return found;
	re = sieve_regex_new(pattern, true, &why);
	found = re && sieve_regex_group(re, *out, out);
	if (!re)
		sieve_log(r, "invalid pattern of a score '%.*s': %.*s",
		    STR_ARG(pattern), STR_ARG(buf_str(&why)));
	sieve_regex_free(&re);
	buf_fini(&why);
	return found;
}

static bool
number_of(struct str text, double *out)
{
	char copy[32];
	char *end;

	text = str_trim(text);
	if (text.n == 0 || text.n >= sizeof(copy))
		return false;
	snprintf(copy, sizeof(copy), "%.*s", STR_ARG(text));
	*out = strtod(copy, &end);
	return end > copy;
}

/* Of what is 100 %. */
static bool
maximum(struct sieve_run *r, const struct sieve_score *s, double *out)
{
	struct str text;

	*out = s->max;
	if (s->max_field.n > 0 &&
	    (!find_text(r, s->max_field, s->max_pattern, &text) ||
		!number_of(text, out)))
		return false;
	return *out > 0;
}

/* Between 0 and 1. */
static double
ratio(double score, double max)
{
	return score <= 0 ? 0 : score >= max ? 1 : score / max;
}

/* The place of a text among those that are configured. */
static bool
rank_of(const struct sieve_score *s, struct str text, unsigned *rank)
{
	for (unsigned i = 0; i < sizeof(s->texts) / sizeof(*s->texts); i++) {
		if (s->texts[i].n == 0 || !str_ieq(s->texts[i], text))
			continue;
		*rank = i;
		return true;
	}
	return false;
}

struct result {
	bool tested;
	unsigned value; /* 1 to top */
	unsigned percent;
};

static struct result
evaluate(struct sieve_run *r, const struct sieve_score *s, unsigned top)
{
	struct result out = { 0 };
	struct str text;
	double score, max;

	if (s->field.n == 0 || !find_text(r, s->field, s->pattern, &text))
		return out;
	if (s->form == SIEVE_SCORE_TEXT) {
		if (!rank_of(s, text, &out.value) || out.value == 0)
			return (struct result){ 0 };
		out.tested = true;
		out.percent = (out.value - 1) * 100 / (top - 1);
		return out;
	}
	score = (double)text.n;
	if (!maximum(r, s, &max) ||
	    (s->form == SIEVE_SCORE_NUMBER && !number_of(text, &score)))
		return out;
	out.tested = true;
	out.value = 1 + (unsigned)(ratio(score, max) * (top - 1) + 1e-3);
	out.percent = (unsigned)(ratio(score, max) * 100 + 1e-3);
	return out;
}

static enum sieve_answer
test_score(struct sieve_run *r, const struct sieve_node *n,
    const struct sieve_score *s, unsigned top)
{
	struct result result = evaluate(r, s, top);
	unsigned value =
	    sieve_arg(n, SLOT_PERCENT) ? result.percent : result.value;
	struct sieve_match m;

	sieve_match_init(&m, r, n, sieve_arg(n, SLOT_1));
	/* Section 3.2: the count is 0 when nothing was tested. */
	if (m.type != MATCH_COUNT || result.tested)
		sieve_match_value(&m, arena_printf(r->arena, "%u", value));
	return sieve_match_end(&m);
}

static enum sieve_answer
test_spamtest(struct sieve_run *r, const struct sieve_node *n)
{
	return test_score(r, n, &r->in->spam, SPAM_TOP);
}

static enum sieve_answer
test_virustest(struct sieve_run *r, const struct sieve_node *n)
{
	return test_score(r, n, &r->in->virus, VIRUS_TOP);
}

const struct sieve_verb sieve_verbs_score[] = {
	{ .name = "spamtest",
	    .cap = CAP_SPAMTEST,
	    .params = { { 's', "value" } },
	    .tags = { sieve_tags_match, percent_tags },
	    .check = check_score,
	    .test = test_spamtest },
	{ .name = "virustest",
	    .cap = CAP_VIRUSTEST,
	    .params = { { 's', "value" } },
	    .tags = { sieve_tags_match },
	    .check = check_score,
	    .test = test_virustest },
	{ .name = NULL },
};
