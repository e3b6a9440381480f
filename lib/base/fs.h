/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_FS_H
#define BASE_FS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

struct buf;

/* The whole file, at most MAX bytes, appended to OUT. */
bool fs_read(const char *path, size_t max, struct buf *out, struct err *e);

/*
 * Write PATH so that after a power cut it is there whole or not at all:
 * a temporary file beside it, synced, renamed, and its folder synced.
 */
bool fs_write_durable(
    const char *path, struct str data, mode_t mode, struct err *e);

/* mkdir -p; the folders made are synced into their parents. */
bool fs_mkdirs(const char *path, mode_t mode, struct err *e);
bool fs_sync_dir(const char *path, struct err *e);
/* A file that a library wrote: give it MODE (0: leave it) and sync it. */
bool fs_sync_file(const char *path, mode_t mode, struct err *e);
/* Remove a folder with all it holds; one that is not there is fine. */
bool fs_remove_tree(const char *path, struct err *e);

#endif
