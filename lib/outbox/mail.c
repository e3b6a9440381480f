/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbox/mail.h"

#include "outbox/send.h"

static enum outbox_result
result_of(enum fate fate)
{
	static const enum outbox_result results[] = {
		[FATE_LATER] = OUTBOX_DEFERRED,
		[FATE_SENT] = OUTBOX_SENT,
		[FATE_FAILED] = OUTBOX_FAILED,
	};

	return results[fate];
}

/* True: everybody's is sent. */
static bool
settle(const struct outbox_letter *l, const struct verdict *verdicts,
    struct err *e)
{
	bool ok = true;

	for (size_t i = 0; i < l->n; i++) {
		enum outbox_result r = result_of(verdicts[i].fate);

		if (l->results)
			l->results[i] = r;
		if (r == OUTBOX_SENT)
			continue;
		if (ok && verdicts[i].why.n)
			err_set(e, "%.*s: %.*s", STR_ARG(l->to[i]),
			    STR_ARG(verdicts[i].why));
		ok = false;
	}
	return ok;
}

/* What outgoing_check() does not take would not survive SMTP. */
static bool
check(const struct outbox_letter *l, const struct outgoing *what, struct err *e)
{
	if (outgoing_check(what, e) == STORE_OK)
		return true;
	for (size_t i = 0; l->results && i < l->n; i++)
		l->results[i] = OUTBOX_FAILED;
	return false;
}

bool
outbox_mail(struct site *s, const char *hostname, const struct outbox_letter *l,
    struct err *e)
{
	struct arena *a = arena_new();
	const struct outgoing what = {
		.kind = OUTGOING_MAIL,
		.from = l->sender,
		.to = l->to,
		.nto = l->n,
		.raw = l->raw,
		.envid = l->envid,
		.ret = l->envid.n > 0 ? STR("HDRS") : STR_NULL,
	};
	struct sending sending = {
		.site = s,
		.hostname = hostname,
		.arena = a,
		.what = &what,
		.raw = l->raw,
		.verdicts = arena_array(a, l->n, sizeof(struct verdict)),
	};
	bool ok = check(l, &what, e);

	if (ok) {
		ok = send_mail(&sending, e);
		ok = settle(l, sending.verdicts, e) && ok;
	}
	arena_free(&a);
	return ok;
}
