/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_SPAM_ENGINE_H
#define FILTER_SPAM_ENGINE_H

#include "base/buf.h"
#include "filter/spam.h"

/* What the engines of spam.h are made of: one table each. */
struct spam_functions {
	bool (*check)(const struct spam_options *o, struct arena *a,
	    const struct spam_message *m, struct spam_verdict *out,
	    struct err *e);
	bool (*learn)(const struct spam_options *o,
	    const struct spam_message *m, enum spam_lesson lesson, bool *known,
	    struct err *e);
	bool (*ping)(const struct spam_options *o, struct err *e);
};
extern const struct spam_functions spamd_functions, rspamd_functions;

/* VALUE as that of a field of a request: no control character gets in, and at
 * most SPAM_VALUE_MAX octets. */
#define SPAM_VALUE_MAX 1000
void spam_put_value(struct buf *out, struct str value);

/* One more of the names of rules in OUT, with a comma between; what does not
 * fit into SPAM_RULES_MAX octets is left out. A name is printable ASCII
 * without commas. */
#define SPAM_RULES_MAX 4096
void spam_add_rule(struct buf *out, struct str name);

#endif
