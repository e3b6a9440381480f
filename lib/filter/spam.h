/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_SPAM_H
#define FILTER_SPAM_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/*
 * What others think of a message: SpamAssassin's spamd (SPAMC 1.5) or rspamd
 * (HTTP). Both give a score and the names of the rules that made it, and learn.
 */

enum spam_engine { SPAM_SPAMD, SPAM_RSPAMD };

struct spam_options {
	enum spam_engine engine;
	const char *server;   /* "unix:/PATH" or "HOST:PORT" */
	unsigned timeout;     /* seconds, for all of it */
	const char *password; /* of rspamd's controller, for learning; or NULL.
			       * The controller checks as well */
};

/* What is known of the message beside its text: rspamd asks for it. */
struct spam_message {
	struct str raw;
	struct str user; /* whose preferences and Bayes; empty: the site's */
	struct str client, helo, sender, queue_id;
	struct str hostname; /* of the client, looked up */
	struct str login;    /* who submits it; empty: nobody logged in */
	const struct str *recipients;
	size_t nrecipients;
};

struct spam_verdict {
	bool spam; /* as the engine sees it: rspamd goes by its action, which
		    * may be "add header" far below the threshold */
	double score, threshold;
	struct str rules; /* "BAYES_99,GTUBE"; in the arena */
};

/* As settings have it. */
int64_t spam_thousandths(const struct spam_verdict *v);

bool spam_check(const struct spam_options *o, struct arena *a,
    const struct spam_message *m, struct spam_verdict *out, struct err *e);

enum spam_lesson { SPAM_IS_SPAM, SPAM_IS_HAM, SPAM_FORGET };
/*
 * *known: it had learned that before; to forget, that there was something to
 * forget. spamd cannot tell that from having no Bayes at all. rspamd does not
 * forget: that fails, and to learn the opposite is the way.
 */
bool spam_learn(const struct spam_options *o, const struct spam_message *m,
    enum spam_lesson lesson, bool *known, struct err *e);

/* Does it answer? */
bool spam_ping(const struct spam_options *o, struct err *e);

/* The text that every engine calls spam (GTUBE): for tests of the way. */
bool spam_is_gtube(struct str raw);

#endif
