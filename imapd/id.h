/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_ID_H
#define IMAPD_ID_H

#include <stdbool.h>

#include "base/str.h"

/*
 * The setting imap.id: what the server says of itself (RFC 2971), as fields
 * and values with spaces between all of them, as Dovecot's imap_id_send is. A
 * value with spaces stands in double quotes; "*" is what we know ourselves.
 */

#define ID_FIELDS 30 /* as many as may be sent */
#define ID_FIELD 30  /* octets of a field's name */
#define ID_VALUE 1024

/*
 * Take the next field of *spec. False: there is none, or what follows makes no
 * sense. A value that is not known has p == NULL.
 */
bool id_next(struct str *spec, struct str *field, struct str *value);

/* Is FIELD among the words of LIST? "*" is all of them. */
bool id_listed(struct str list, struct str field);

#endif
