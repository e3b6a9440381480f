/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef AUTHD_NETSTRING_H
#define AUTHD_NETSTRING_H

#include "base/buf.h"
#include "base/str.h"

/* Netstrings (cr.yp.to/proto/netstrings.txt): "5:hello,". */

enum netstring_rc { NETSTRING_OK, NETSTRING_PARTIAL, NETSTRING_BAD };

/* Take one of at most MAX bytes from the start of IN; *used counts all. */
enum netstring_rc netstring_take(
    struct str in, size_t max, struct str *out, size_t *used);
void netstring_put(struct buf *out, struct str s);

#endif
