/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SCAND_CANARY_H
#define SCAND_CANARY_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

/*
 * A sample that must be found. libclamav fails open: without space for its
 * temporary files it calls what it could not unpack clean. So a scanner scans
 * this, a text in a zip in a MIME message, after it has given up all that it
 * may not do, and serves only if the text was found. The signature is our
 * own and loaded beside the databases, so whatever they hold does not matter.
 */
#define CANARY_NAME "Mailstead.Canary"

/* Write the database with its signature. */
bool canary_write(const char *path, struct err *e);
struct str canary_sample(void);

#endif
