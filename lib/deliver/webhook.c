/* SPDX-License-Identifier: BSD-2-Clause */
#include "deliver/webhook.h"

#include <jansson.h>
#include <stdlib.h>
#include <time.h>

/* What is not UTF-8 is left out: JSON cannot say it. */
static json_t *
text(struct str s)
{
	return str_is_utf8(s) ? json_stringn(s.p ? s.p : "", s.n)
			      : json_string("");
}

static json_t *
time_text(int64_t now)
{
	time_t t = (time_t)now;
	char out[32];
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, sizeof(out), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(out);
}

static json_t *
options(struct arena *a, const struct sieve_action *action)
{
	json_t *out = json_object();

	for (size_t i = 0; i < action->notify.noptions; i++) {
		struct str one = action->notify.options[i];
		size_t eq = str_chr(one, '=');

		if (eq != STR_NPOS && str_is_utf8(one))
			json_object_set_new(out,
			    arena_cstr(a, str_sub(one, 0, eq)),
			    text(str_sub(one, eq + 1, STR_NPOS)));
	}
	return out;
}

struct str
webhook_document(struct arena *a, const struct site_account *owner,
    const struct sieve_envelope *envelope, const struct sieve_action *action,
    int64_t now)
{
	static const char *const importances[] = { "normal", "high", "normal",
		"low" };
	unsigned i = action->notify.importance;
	json_t *doc = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o}",
	    "event", "notify", "time", time_text(now), "account",
	    text(owner->address), "recipient", text(envelope->to), "sender",
	    text(envelope->from), "from", text(action->notify.from),
	    "importance", importances[i <= 3 ? i : 0], "message",
	    text(action->notify.message), "options", options(a, action));
	char *dump = json_dumps(doc, JSON_COMPACT);
	struct str out = arena_str(a, str_of(dump));

	free(dump);
	json_decref(doc);
	return out;
}
