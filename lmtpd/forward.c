/* SPDX-License-Identifier: BSD-2-Clause */
#include "lmtpd/forward.h"

#include "backend/backend.h"
#include "lmtpd/session.h"

static enum deliver_rc
rc_of_code(unsigned code)
{
	if (code == 250)
		return DELIVER_OK;
	if (code == 452)
		return DELIVER_FULL_TEMP;
	if (code == 552)
		return DELIVER_FULL_PERM;
	return code >= 500 ? DELIVER_REFUSED : DELIVER_TEMP;
}

enum deliver_rc
forward_message(struct site *s, const struct site_account *acc,
    const struct deliver_message *m, struct str to, struct str head,
    struct err *e)
{
	struct backend_message b = { .from = m->from,
		.to = to,
		.head = head,
		.raw = m->raw,
		.utf8 = str_starts(str_of(m->with), STR("UTF8")),
		.hostname = lmtp.hostname };

	return rc_of_code(backend_lmtp(s, acc, &b, e));
}
