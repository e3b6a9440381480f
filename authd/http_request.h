/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef AUTHD_HTTP_REQUEST_H
#define AUTHD_HTTP_REQUEST_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

/* A request of nginx's mail proxy: what its header fields say. */
struct http_request {
	struct str method; /* "plain" */
	struct str protocol;
	struct str user, password; /* decoded */
	struct str client;         /* its address */
	bool tls;                  /* the client's connection to nginx */
};

/* TEXT is the head, each line ended by CRLF. False: not such a request. */
bool http_request_parse(
    struct arena *a, struct str text, struct http_request *out);

#endif
