/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/outgoing.h"

#include "ctl/doctor.h"
#include "ctl/outgoing.h"
#include "outbox/outbox.h"

struct counting {
	struct ctl *c;
	uint64_t rows;
};

static bool
count_account(void *arg, struct str id, int64_t stamp)
{
	struct counting *k = arg;
	struct outgoing_state left;
	struct account *a;

	(void)stamp;
	if (account_open(k->c->store, id, &a, &k->c->err) != STORE_OK)
		return true; /* one that is just removed; check tells of others
			      */
	if (outgoing_state(a, &left, &k->c->err) == STORE_OK)
		k->rows += left.count;
	account_close(&a);
	return true;
}

uint64_t
count_outgoing(struct ctl *c)
{
	struct counting k = { .c = c };

	if (ctl_open_store(c) == 0 &&
	    outgoing_accounts(c->store, count_account, &k, &c->err) != STORE_OK)
		ctl_warn(c, "%s", c->err.msg);
	return k.rows;
}

void
doctor_outgoing(struct doctor *d)
{
	struct buf where = { 0 };
	struct err e = ERR_INIT;

	if (!d->c->site)
		return;
	if (outbox_probe(d->c->site, conf_hostname(d->c->conf), &where, &e))
		doctor_report(d, HEALTH_OK, NULL, "the MTA at %s answers",
		    buf_cstr(&where));
	else
		doctor_report(d, HEALTH_BAD,
		    "mailstead setting set mta.submission HOST:PORT",
		    "the MTA that takes the mail that accounts send cannot be "
		    "used: %s",
		    e.msg);
	buf_fini(&where);
}
