/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MILTERD_MAILBOX_WORK_H
#define MILTERD_MAILBOX_WORK_H

#include "base/chores.h"
#include "base/conf.h"
#include "filter/quarantine.h"

/*
 * What milterd does beside the filter, with the quarantine and the stores of
 * accounts: delete what has expired, tell owners what is new, and let the spam
 * engine learn.
 */

#define SWEEP_EVERY 3600
#define DIGEST_EVERY 300
#define TRAIN_EVERY 60

struct mailbox_work;
/* S must outlive it. */
bool mailbox_work_open(const struct conf *c, struct site *s,
    struct mailbox_work **out, struct err *e);
void mailbox_work_close(struct mailbox_work **w);
struct quarantine *mailbox_work_quarantine(struct mailbox_work *w);

/* Chores; their argument is the struct mailbox_work. */
bool mailbox_work_sweep(void *w, int64_t now, struct err *e);
bool mailbox_work_digest(void *w, int64_t now, struct err *e);
bool mailbox_work_train(void *w, int64_t now, struct err *e);

#endif
