/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_QUARANTINE_INTERNAL_H
#define FILTER_QUARANTINE_INTERNAL_H

#include <pthread.h>

#include "base/codec.h"
#include "filter/quarantine.h"
#include "sqlite/sq.h"

/* How the files of the quarantine share it. What comes into it is rare beside
 * what goes by, so one connection behind a lock is enough for a process; what
 * takes long, such as writing files, is done without it. */

#define QUARANTINE_BUSY_MS 10000 /* wait so long for others' locks */

struct quarantine {
	struct site *site;
	char *data_dir;
	char *dir; /* of the files */
	pthread_mutex_t lock;
	struct sq *q;
};

/* SQ_DONE is as good as SQ_OK. */
enum quarantine_rc quarantine_rc_of(enum sq_rc rc);

/* quarantine_file.c: NAME is that of a file in the folder. */
#define QUARANTINE_NAME 37 /* 32 digits, ".zst" and a NUL */
bool quarantine_file_write(
    const char *dir, struct str raw, char name[QUARANTINE_NAME], struct err *e);
/* Appends SIZE octets to OUT, or nothing. */
bool quarantine_file_read(const char *dir, struct str name, uint64_t size,
    const uint8_t hash[SHA256_LEN], struct buf *out, struct err *e);
/* One that is not there is fine. */
bool quarantine_file_remove(const char *dir, struct str name, struct err *e);
bool quarantine_file_is(const char *name);

/* quarantine_care.c: remove the files that the last deletions left over. With
 * the lock. */
bool quarantine_tidy(struct quarantine *q, struct err *e);

#endif
