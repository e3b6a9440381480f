/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BACKEND_CONTEXT_H
#define BACKEND_CONTEXT_H

#include <openssl/ssl.h>

#include "base/err.h"
#include "base/str.h"

/*
 * TLS contexts for connections to backends. Reading the authorities costs
 * milliseconds and a megabyte, so connections share them for a minute. Any
 * thread.
 */

/* A client's half; with VERIFY it trusts CA_FILE, or the system's if that is
 * empty. NULL: E says why. */
SSL *context_ssl(bool verify, struct str ca_file, struct err *e);

#endif
