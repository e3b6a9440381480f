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

bool
backend_probe(struct site *s, const struct site_account *acc,
    enum site_backend_proto proto, struct err *e)
{
	struct backend_login l = {
		.site = s, .account = acc, .hops = BACKEND_HOPS
	};

	switch (proto) {
	case SITE_BACKEND_IMAP:
		return imap_probe(&l, e);
	case SITE_BACKEND_POP3:
		return pop3_probe(&l, e);
	case SITE_BACKEND_LMTP:
		return lmtp_probe(&l, e);
	case SITE_BACKEND_SIEVE:
		return sieve_probe(&l, e);
	}
	return false;
}
