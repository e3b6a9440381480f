/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SCRIPT_NOTE_H
#define SCRIPT_NOTE_H

#include "sieve/sieve.h"
#include "store/store.h"

/*
 * The last failure of an account's script, for its owner: ManageSieve tells it
 * with the script, `mailstead sieve list` and the API too. A script that is
 * stored anew or removed leaves its note behind, which then counts no more.
 */

/* Note that a script with HASH failed so. The same failure is written at most
 * once an hour. Failing to note it is logged only. */
void script_note_put(struct account *a, struct str name, const uint8_t hash[32],
    const struct sieve_diag *why);

/* Is there one of the script as it is now? TEXT gets a sentence with time,
 * line and cause; may be NULL. */
enum store_rc script_note_get(struct account *a, struct str name,
    const uint8_t hash[32], bool *found, struct buf *text, struct err *e);

#endif
