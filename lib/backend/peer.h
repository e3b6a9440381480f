/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BACKEND_PEER_H
#define BACKEND_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "site/backend.h"

struct conn;

/*
 * Our side of a conversation with another server, in lines. It blocks and is
 * for workers (gate.h); all of it, from connecting to the last line, must be
 * done within the backend's timeout. A failure leaves a sentence that names the
 * server, and the peer is good for peer_free() only.
 */
struct peer;

#define PEER_MAX_LINE 65536

/* Connects, with TLS where it comes first. WHAT is what sentences call it,
 * a string that lasts; peer_connect() says "backend". */
bool peer_connect_to(const char *what, const struct site_backend *b,
    struct peer **out, struct err *e);
bool peer_connect(
    const struct site_backend *b, struct peer **out, struct err *e);
void peer_free(struct peer **p);

/* With the certificate checked if the backend's settings say so. */
bool peer_start_tls(struct peer *p, struct err *e);
bool peer_tls(const struct peer *p);

bool peer_send(struct peer *p, struct str text, struct err *e);
/* The next line without its end; valid until the next call. */
bool peer_line(struct peer *p, struct str *line, struct err *e);

/* From here on every wait may take so long, not all of them together. */
void peer_patience(struct peer *p, unsigned seconds);

/* E says that the server said something that is not of the protocol. */
bool peer_confused(struct peer *p, struct str line, struct err *e);

/* From another thread: what it waits for fails. Not once it may be freed. */
void peer_interrupt(struct peer *p);

/* From run() of C: give it the connection, with what was read ahead. */
void peer_relay(struct peer **p, struct conn *c);

#endif
