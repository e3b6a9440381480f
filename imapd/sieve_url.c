/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/sieve_url.h"

/* The port of "host:port?options"; 0: it is none of TCP. */
static uint64_t
port_of(struct str one)
{
	struct str address = str_sub(one, 0, str_chr(one, '?'));
	size_t colon = str_rchr(address, ':');
	uint64_t port;

	if (colon == STR_NPOS || str_starts(address, STR("unix:")) ||
	    !str_u64(str_sub(address, colon + 1, address.n), &port) ||
	    port > UINT16_MAX)
		return 0;
	return port;
}

bool
sieve_url_put(struct buf *out, const char *hostname, struct str listen)
{
	uint64_t port = 0;

	while (listen.n && port == 0) {
		size_t n = 0;

		while (n < listen.n &&
		       str_chr(STR(" ,\t"), listen.p[n]) == STR_NPOS)
			n++;
		port = port_of(str_sub(listen, 0, n));
		listen = str_sub(listen, n + 1, listen.n);
	}
	if (port == 0)
		return false;
	BUF_LIT(out, "sieve://");
	buf_puts(out, hostname);
	if (port != 4190) {
		buf_putc(out, ':');
		buf_putu(out, port);
	}
	return true;
}
