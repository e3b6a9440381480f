/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * The TLS contexts of a server: one for clients that name no host we know,
 * and one per name of Server Name Indication (RFC 6066, section 3) for which
 * the callback has a certificate. Any thread; connections keep the context
 * they began with when a reload swaps it.
 */
struct tls;

struct tls_options {
	const char *cert, *key; /* PEM files; NULL or "": none. An empty key
				 * means that it stands in the same file. */
	const char *min;        /* "1.2" or "1.3" */
	bool (*certificate)(
	    void *arg, struct str name, struct buf *chain, struct buf *key);
	void *arg;
	bool ask_clients; /* for a certificate, which they need not have */
	/* PEM files: the authorities that a certificate of a client is
	 * trusted from, and what these revoked; NULL or "": none. */
	const char *client_ca, *client_crl;
};

bool tls_new(const struct tls_options *o, struct tls **out, struct err *e);
void tls_free(struct tls **t);
/* Read the files again and forget the names; on failure nothing changes. */
bool tls_reload(struct tls *t, struct err *e);
/* Is there any certificate to serve? */
bool tls_available(const struct tls *t);
/* A server's half on FD, ready for SSL_do_handshake(). */
SSL *tls_accept(struct tls *t, int fd);
/* The reason of the last failure of this thread, for the log. */
void tls_error(char *out, size_t n);

#endif
