/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "authd/http_request.h"
#include "authd/netstring.h"
#include "authd/proto.h"
#include "net/proxy.h"

/*
 * What the MTA and load balancers send: lines of the auth protocol, netstrings,
 * PROXY headers and requests of nginx. Checked beyond memory: nothing is taken
 * that is not there, a header is understood the same whatever follows, and what
 * is written can be read.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "not true: %s\n", what);
		abort();
	}
}

static void
check_auth_line(struct str in)
{
	struct arena *a = arena_new();
	struct auth_line line;

	auth_parse(a, str_sub(in, 0, AUTH_MAX_LINE), &line);
	check(line.command != AUTH_AUTH || line.mechanism.n > 0,
	    "AUTH has a mechanism");
	check(line.has_data || line.data.n == 0, "no data out of nothing");
	arena_free(&a);
}

static void
check_netstring(struct str in)
{
	struct str out, again;
	size_t used;
	struct buf b = { 0 };

	if (netstring_take(in, 10000, &out, &used) == NETSTRING_OK) {
		check(used <= in.n && out.n < used && out.n <= 10000,
		    "no more than there is");
		netstring_put(&b, out);
		check(netstring_take(buf_str(&b), 10000, &again, &used) ==
			      NETSTRING_OK &&
			  str_eq(out, again),
		    "what is written can be read");
	}
	buf_fini(&b);
}

static void
check_proxy(struct str in)
{
	struct proxy whole, part;

	if (proxy_parse(in, &whole) != PROXY_OK)
		return;
	check(whole.length <= in.n && whole.length <= PROXY_MAX,
	    "no more than there is");
	check(proxy_parse(str_sub(in, 0, whole.length), &part) == PROXY_OK &&
		  part.length == whole.length && part.port == whole.port,
	    "the header alone says the same");
	check(proxy_parse(str_sub(in, 0, whole.length - 1), &part) ==
		  PROXY_PARTIAL,
	    "and less of it is a part");
}

static void
check_http(struct str in)
{
	struct arena *a = arena_new();
	struct http_request r;

	if (http_request_parse(a, in, &r))
		check(
		    r.user.n <= in.n && r.password.n <= in.n && r.client.n > 0,
		    "no more than there is");
	arena_free(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };

	check_auth_line(in);
	check_netstring(in);
	check_proxy(in);
	check_http(in);
	return 0;
}
