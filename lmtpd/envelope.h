/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LMTPD_ENVELOPE_H
#define LMTPD_ENVELOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/*
 * The arguments of MAIL, RCPT and BDAT (RFC 5321, section 4.1; parameters of
 * RFC 1870, 2852, 3030, 3461, 4954, 6152 and 6531). Pure; slices point into the
 * line or the arena.
 */

enum args_rc {
	ARGS_OK,
	ARGS_SYNTAX,  /* 501 5.5.4: not the form of the command */
	ARGS_ADDRESS, /* 501 5.1.3 or 5.1.7: not a path */
	ARGS_UNKNOWN, /* 555 5.5.4: a parameter nobody defined */
	ARGS_VALUE,   /* 501 5.5.4: a parameter with a wrong value */
};

/* "120;RT" (RFC 2852, section 4). */
struct mail_by {
	bool set;
	bool refuse; /* mode R; the time is then more than 0 */
	bool trace;
	int32_t seconds;
};

enum mail_body { BODY_7BIT, BODY_8BITMIME, BODY_BINARYMIME };

struct mail_args {
	struct str from; /* empty: the null reverse-path */
	uint64_t size;   /* 0: not given */
	enum mail_body body;
	bool utf8;
	struct str ret;   /* FULL, HDRS, or empty */
	struct str envid; /* decoded */
	struct mail_by by;
};
enum args_rc mail_args_parse(
    struct arena *a, struct str args, struct mail_args *out);

enum {
	NOTIFY_NEVER = 1,
	NOTIFY_SUCCESS = 2,
	NOTIFY_FAILURE = 4,
	NOTIFY_DELAY = 8
};

struct rcpt_args {
	struct str to;           /* "postmaster" may come without a domain */
	unsigned notify;         /* 0: not given */
	struct str notify_words; /* the same as it was said */
	struct str orcpt;        /* the address, decoded */
	struct str orcpt_full;   /* with its type: "rfc822;ann@x.test" */
};
enum args_rc rcpt_args_parse(
    struct arena *a, struct str args, struct rcpt_args *out);

enum args_rc bdat_args_parse(struct str args, uint64_t *size, bool *last);

bool is_ascii(struct str s);

#endif
