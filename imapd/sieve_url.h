/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_SIEVE_URL_H
#define IMAPD_SIEVE_URL_H

#include <stdbool.h>

#include "base/buf.h"

/*
 * Put the URL of the ManageSieve server (sieveurl-server of RFC 5804, section
 * 3) that listens as the key sieved.listen says: "sieve://HOST", with a port if
 * it is another than 4190. False: it listens on no TCP port.
 */
bool sieve_url_put(struct buf *out, const char *hostname, struct str listen);

#endif
