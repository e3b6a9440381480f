/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_PROXY_H
#define NET_PROXY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "net/addr.h"

/*
 * The PROXY protocol, versions 1 and 2 (haproxy's proxy-protocol.txt): what
 * a load balancer says about the client before the client's own bytes.
 */

#define PROXY_MAX 4096 /* longest header taken, TLVs included */

enum proxy_rc {
	PROXY_OK,
	PROXY_PARTIAL, /* so far right; more bytes are needed */
	PROXY_BAD,
};

struct proxy {
	size_t length; /* of the header */
	bool local;    /* no client to tell of: a health check */
	struct addr src;
	uint16_t port;
};

enum proxy_rc proxy_parse(struct str in, struct proxy *out);

#endif
