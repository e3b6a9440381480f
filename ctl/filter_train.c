/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/train.h"

#include "base/clock.h"
#include "ctl/verbs.h"

/* mailstead filter train: at once what milterd does each minute. */

int
cmd_filter_train(struct ctl *c)
{
	struct trainer t = { 0 };
	size_t learned = 0;
	bool ok;
	int status = ctl_open_store(c);

	if (status != 0)
		return status;
	t.site = c->site;
	t.store = c->store;
	if (!quarantine_open(
		conf_get(c->conf, "data_dir"), c->site, &t.quarantine, &c->err))
		return ctl_fail(c, EX_IOERR, NULL);
	ok = train(&t, clock_now(), &learned, &c->err);
	quarantine_close(&t.quarantine);
	if (!ok)
		return ctl_fail(c, EX_TEMPFAIL,
		    "what is not learned is tried again; see spam.server");
	return out_done(c, json_pack("{s:I}", "learned", (json_int_t)learned),
	    "%zu messages learned", learned);
}
