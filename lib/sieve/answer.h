/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIEVE_ANSWER_H
#define SIEVE_ANSWER_H

#include "sieve/run.h"

/* Mail that actions make: inside lib/sieve, for execute.c. */

/*
 * Whether `vacation` answers (RFC 5230, section 4; RFC 3834). NULL: yes, FROM
 * is the address of the owner that the message was sent to. Otherwise why
 * not, for the log.
 */
const char *sieve_vacation_refuses(struct sieve_run *r,
    const struct sieve_action *a, const struct sieve_sender *s,
    struct str *from);
/* What keeps one from being answered again: sender and text. */
struct sieve_memory sieve_vacation_memory(
    struct sieve_run *r, const struct sieve_action *a);
void sieve_vacation_compose(struct sieve_run *r, const struct sieve_action *a,
    const struct sieve_sender *s, struct str from, struct buf *out);

/* The report of a refused message (RFC 5429, section 2.2; RFC 8098). */
void sieve_reject_compose(struct sieve_run *r, const struct sieve_action *a,
    const struct sieve_sender *s, struct buf *out);

/* A report of abuse (RFC 5965). */
void sieve_report_compose(struct sieve_run *r, const struct sieve_action *a,
    const struct sieve_sender *s, struct buf *out);

/* Does RFC 5436 forbid to notify of this message? */
bool sieve_notify_forbidden(const struct sieve_action *a);
struct sieve_mailto;
void sieve_notify_compose(struct sieve_run *r, const struct sieve_action *a,
    const struct sieve_sender *s, const struct sieve_mailto *to,
    struct buf *out);

/* The decoded value of the first such field; empty if there is none. */
struct str sieve_header_of(
    struct sieve_run *r, struct sieve_message *m, const char *name);

/* The subject cut to a length that is bearable, with an ellipsis. */
struct str sieve_short_subject(struct sieve_run *r, struct str s);
/* A field with one mailbox; NAME may have encoded words, or be empty. */
struct compose;
void sieve_put_mailbox(struct sieve_run *r, struct compose *c,
    const char *field, struct str name, struct str address);
/* The same of a mailbox as a script says it. */
void sieve_put_address(
    struct sieve_run *r, struct compose *c, const char *field, struct str text);

/* A reverse-path as struct sieve_sender names it. */
struct str sieve_reverse_path(struct sieve_run *r, const struct sieve_sender *s,
    struct str how, struct str otherwise);

#endif
