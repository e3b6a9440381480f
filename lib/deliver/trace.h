/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DELIVER_TRACE_H
#define DELIVER_TRACE_H

#include "base/buf.h"
#include "deliver/deliver.h"

/* Trace fields (RFC 5321, section 4.4; RFC 9228 for Delivered-To). */

/* Append Return-Path, Delivered-To and Received, each ended by CRLF; at most
 * DELIVER_HEADROOM bytes. */
void trace_fields(struct buf *out, const struct deliver_message *m,
    struct str rcpt, const char *hostname, int64_t now);

/* Received alone: for a message that goes on to another server. */
void trace_received(struct buf *out, const struct deliver_message *m,
    struct str rcpt, const char *hostname, int64_t now);
/* Has HOSTNAME written such a field for RCPT already? */
bool trace_forwarded(
    struct arena *arena, struct str raw, struct str rcpt, const char *hostname);

/* What the trace fields already there tell. */
struct trace {
	unsigned received;     /* how many Received */
	struct str *delivered; /* values of Delivered-To */
	size_t ndelivered;
	struct str queue_id; /* "id" of the topmost Received */
};
void trace_read(struct arena *arena, struct str raw, struct trace *out);

/* Has it been at ADDRESS_KEY (site_address.key), or on too many hosts? */
#define TRACE_MAX_RECEIVED 100
bool trace_loops(struct arena *arena, const struct trace *t, struct str key);

#endif
