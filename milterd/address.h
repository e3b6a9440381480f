/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MILTERD_ADDRESS_H
#define MILTERD_ADDRESS_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * Where to listen: "unix:NAME" (below RUN_DIR, or an absolute path),
 * "unix:NAME?mode=0666", "HOST:PORT", "*:PORT", "[IPv6]:PORT" as the other
 * daemons have it, in the form of libmilter: "unix:PATH", "inet:PORT@HOST".
 */
struct milter_address {
	struct buf text; /* with a NUL at its end */
	mode_t mode;     /* of a Unix socket; 0660 if not given */
};
bool milter_address(struct str spec, const char *run_dir,
    struct milter_address *out, struct err *e);

#endif
