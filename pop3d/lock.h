/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef POP3D_LOCK_H
#define POP3D_LOCK_H

#include "base/err.h"
#include "base/str.h"

/*
 * The lock on a maildrop (RFC 1939, section 4): one POP3 session at a time,
 * whichever process serves it. Nobody else is kept out: a session works on a
 * view, so IMAP and delivery go on.
 *
 * One file in the run directory has a byte for every account there could be;
 * a session holds a lock on that byte. It goes with the process, however
 * that ends. Any thread may call.
 */
struct locks;

enum lock_rc { LOCK_OK, LOCK_IN_USE, LOCK_FAILED };

bool locks_open(const char *run_dir, struct locks **out, struct err *e);
void locks_close(struct locks **l);

/* ID is an account's: 16 hex digits. */
enum lock_rc locks_take(struct locks *l, struct str id, struct err *e);
void locks_give(struct locks *l, struct str id);

#endif
