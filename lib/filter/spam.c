/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/spam_engine.h"

#include <math.h>

static const struct spam_functions *const engines[] = {
	[SPAM_SPAMD] = &spamd_functions,
	[SPAM_RSPAMD] = &rspamd_functions,
};

#define SCORE_MAX 1e9 /* beyond it is as good as it */

int64_t
spam_thousandths(const struct spam_verdict *v)
{
	double score = v->score;

	if (score > SCORE_MAX)
		score = SCORE_MAX;
	if (!(score > -SCORE_MAX))
		score = -SCORE_MAX;
	return llround(score * 1000);
}

bool
spam_check(const struct spam_options *o, struct arena *a,
    const struct spam_message *m, struct spam_verdict *out, struct err *e)
{
	return engines[o->engine]->check(o, a, m, out, e);
}

bool
spam_learn(const struct spam_options *o, const struct spam_message *m,
    enum spam_lesson lesson, bool *known, struct err *e)
{
	return engines[o->engine]->learn(o, m, lesson, known, e);
}

bool
spam_ping(const struct spam_options *o, struct err *e)
{
	return engines[o->engine]->ping(o, e);
}

bool
spam_is_gtube(struct str raw)
{
	/* In pieces, or a mail with this source in it were spam. */
	static const char text[] = "XJS*C4JDBQADN1."
				   "NSBN3*2IDNEN*"
				   "GTUBE-STANDARD-"
				   "ANTI-UBE-TEST-EMAIL*"
				   "C.34X";

	return str_find(raw, str_of(text)) != STR_NPOS;
}

/* ------------------------------------------------------------------------
 * For the engines
 */

void
spam_put_value(struct buf *out, struct str value)
{
	value = str_sub(value, 0, SPAM_VALUE_MAX);
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		buf_putc(out, c < ' ' || c == 0x7f ? '?' : (char)c);
	}
}

void
spam_add_rule(struct buf *out, struct str name)
{
	if (name.n == 0 || out->n + 1 + name.n > SPAM_RULES_MAX)
		return;
	if (out->n > 0)
		buf_putc(out, ',');
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		buf_putc(out, c <= ' ' || c > '~' || c == ',' ? '_' : c);
	}
}
