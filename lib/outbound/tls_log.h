/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OUTBOUND_TLS_LOG_H
#define OUTBOUND_TLS_LOG_H

#include "base/str.h"

/*
 * How Postfix's SMTP client fared with TLS, read from its mail log (with
 * smtp_tls_loglevel = 1): the lines of one process belong together, and the
 * delivery of a recipient says whose session it was.
 *
 * A session that is used again (conn_use=) is told of once, a message that
 * fails at several hosts once for each.
 */

/* What a report says of a session (RFC 8460, section 4.3). */
enum tls_result {
	TLS_SUCCESS,
	TLS_NOT_SUPPORTED, /* starttls-not-supported */
	TLS_HOST_MISMATCH, /* certificate-host-mismatch */
	TLS_EXPIRED,       /* certificate-expired */
	TLS_NOT_TRUSTED,   /* certificate-not-trusted */
	TLS_INVALID,       /* validation-failure */
	TLS_STS_FETCH,     /* sts-policy-fetch-error */
};
const char *tls_result_name(enum tls_result r); /* of success: "" */

struct tls_session {
	struct str domain; /* of the recipient, in lower case */
	struct str mx, ip;
	enum tls_result result;
	/* Of a success: is the certificate of an authority that the MTA knows,
	 * whether or not it was asked to look? */
	bool trusted;
};
typedef void tls_tell(void *arg, const struct tls_session *s);

#define TLS_LOG_PROCESSES 1000 /* that are remembered */

struct tls_log;
struct tls_log *tls_log_new(tls_tell *tell, void *arg);
void tls_log_free(struct tls_log **l);
/* LINE without its end. What is of no interest is skipped. */
void tls_log_line(struct tls_log *l, struct str line);

#endif
