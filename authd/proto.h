/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef AUTHD_PROTO_H
#define AUTHD_PROTO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/*
 * The lines of the Dovecot auth-client protocol, version 1.x, as Postfix and
 * Exim speak it: fields separated by tabs, a line ends in LF. Inside a field
 * \001 introduces NUL, \001, tab, CR and LF.
 *
 *	C: VERSION 1 1, CPID pid
 *	S: VERSION 1 2, MECH name flags..., SPID, CUID, COOKIE, DONE
 *	C: AUTH id mechanism service=smtp rip=... secured resp=base64
 *	S: CONT id base64    C: CONT id base64
 *	S: OK id user=name   S: FAIL id user=name reason=text
 *	C: CANCEL id
 */

#define AUTH_MAX_LINE 16384

enum auth_command {
	AUTH_MALFORMED,
	AUTH_OTHER, /* not known: ignored, as the protocol wants it */
	AUTH_VERSION,
	AUTH_CPID,
	AUTH_AUTH,
	AUTH_CONT,
	AUTH_CANCEL,
};

struct auth_line {
	enum auth_command command;
	uint32_t number; /* the id; of VERSION the major version */
	struct str mechanism, service, rip;
	bool secured;
	bool has_data;   /* initial response or continuation is there */
	struct str data; /* decoded from base64 */
};

/* LINE without its LF. Slices point into LINE or ARENA. */
void auth_parse(struct arena *a, struct str line, struct auth_line *out);

/* "\tKEY=VALUE", escaped. */
void auth_put_field(struct buf *out, const char *key, struct str value);

#endif
