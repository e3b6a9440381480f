/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/login.h"

/* By logging in as the user, even where sessions go in as the master user. */
enum site_rc
backend_prove(struct site *s, const struct site_account *acc,
    struct str password, struct err *e)
{
	struct backend_login l = { .site = s,
		.account = acc,
		.password = password,
		.address = "local",
		.session = "check",
		.hops = BACKEND_HOPS,
		.own = true };
	struct buf capability = { 0 };
	struct peer *p;
	enum backend_rc rc = backend_imap(&l, &p, &capability, e);

	buf_fini(&capability);
	peer_free(&p);
	return rc == BACKEND_OK       ? SITE_OK
	       : rc == BACKEND_DENIED ? SITE_DENIED
				      : SITE_BUSY;
}
