/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_BLOB_H
#define STORE_BLOB_H

#include "base/buf.h"
#include "base/codec.h"
#include "store/tx.h"

/*
 * Blobs: immutable bytes by SHA-256, compressed when that pays. Large ones
 * are cut into frames of BLOB_FRAME bytes, each compressed alone, so that a
 * part can be read without the rest. What costs time (hashing, compressing,
 * writing and syncing a file) happens in blob_prepare(), before the account's
 * write lock is taken.
 */

#define BLOB_FRAME (256 * 1024)

enum blob_codec { /* kept in the database by number */
	BLOB_RAW = 0,
	BLOB_ZSTD = 1,
};

struct blob {
	struct str raw;
	uint8_t hash[SHA256_LEN];
	enum blob_codec codec;
	struct buf data;   /* compressed; unused with BLOB_RAW */
	struct buf frames; /* u32 ends; empty with one frame */
	char *tmp;         /* file written and synced, not yet in place */
};

enum store_rc blob_prepare(
    struct account *a, struct str raw, struct blob *out, struct err *e);
/* Removes a file that was not put. */
void blob_fini(struct blob *b);

/* A reference to the blob, stored if it is new. */
enum store_rc blob_put(
    struct tx *tx, struct blob *b, int64_t *id, struct err *e);
enum store_rc blob_ref(struct tx *tx, int64_t id, struct err *e);
/* Drop a reference; the last one removes it. */
enum store_rc blob_unref(struct tx *tx, int64_t id, struct err *e);

/* Append [offset, offset + length) of the blob to OUT, clamped. */
enum store_rc blob_read(struct account *a, struct sq *q, int64_t id,
    uint64_t offset, uint64_t length, struct buf *out, struct err *e);

#endif
