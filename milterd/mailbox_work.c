/* SPDX-License-Identifier: BSD-2-Clause */
#include "milterd/mailbox_work.h"

#include <stdlib.h>

#include "base/mem.h"
#include "deliver/deliver.h"
#include "filter/digest.h"
#include "filter/train.h"
#include "site/setting.h"

struct mailbox_work {
	struct site *site;
	struct store *store;
	struct quarantine *quarantine;
	struct deliver *deliver;
};

static bool
open_store(struct mailbox_work *w, const struct conf *c, struct err *e)
{
	const struct site_scope everywhere = { .domain = STR_NULL };
	const struct store_options o = {
		.data_dir = conf_get(c, "data_dir"),
		.run_dir = conf_get(c, "run_dir"),
		.max_open = 16, /* few at a time, and seldom the same */
		.blob_threshold = site_setting_uint(
		    w->site, "store.blob_threshold", everywhere),
		.no_indexer = true,
	};

	return store_open(&o, &w->store, e) == STORE_OK;
}

bool
mailbox_work_open(const struct conf *c, struct site *s,
    struct mailbox_work **out, struct err *e)
{
	struct mailbox_work *w = mem_zalloc(sizeof(*w));
	struct deliver_options o = { .site = s, .hostname = conf_hostname(c) };

	w->site = s;
	*out = w;
	if (!open_store(w, c, e) ||
	    !quarantine_open(conf_get(c, "data_dir"), s, &w->quarantine, e)) {
		mailbox_work_close(out);
		return false;
	}
	o.store = w->store;
	w->deliver = deliver_new(&o);
	return true;
}

void
mailbox_work_close(struct mailbox_work **w)
{
	if (!*w)
		return;
	deliver_free(&(*w)->deliver);
	quarantine_close(&(*w)->quarantine);
	store_close(&(*w)->store);
	free(*w);
	*w = NULL;
}

struct quarantine *
mailbox_work_quarantine(struct mailbox_work *w)
{
	return w->quarantine;
}

bool
mailbox_work_sweep(void *arg, int64_t now, struct err *e)
{
	struct mailbox_work *w = arg;

	return quarantine_sweep(w->quarantine, now, e);
}

bool
mailbox_work_digest(void *arg, int64_t now, struct err *e)
{
	struct mailbox_work *w = arg;
	const struct digest d = { w->quarantine, w->site, w->deliver };

	return digest_send(&d, now, NULL, e);
}

bool
mailbox_work_train(void *arg, int64_t now, struct err *e)
{
	struct mailbox_work *w = arg;
	const struct trainer t = { w->site, w->store, w->quarantine };

	return train(&t, now, NULL, e);
}
