/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OUTBOX_NOTE_H
#define OUTBOX_NOTE_H

#include "outbox/send.h"

/*
 * The message that tells an owner what could not be sent, to whom, and in
 * whose words. RAW is what was to be sent; only its header goes along.
 */
void note_compose(struct buf *out, const struct site_account *owner,
    const struct outgoing *what, struct str raw,
    const struct verdict *verdicts);

#endif
