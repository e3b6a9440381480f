/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbound/sts_fetch.h"

#include <arpa/inet.h>

#include "base/clock.h"
#include "fetch/fetch.h"
#include "outbound/sts.h"
#include "site/setting.h"

#define MAX_ADDRESSES 8
#define DNS_QUERIES 4
#define DNS_MS 10000
#define MAX_SECONDS 60

static const struct site_scope everywhere;

static void
put_address(struct buf *out, const struct in6_addr *addr)
{
	char text[INET6_ADDRSTRLEN];

	if (IN6_IS_ADDR_V4MAPPED(addr))
		buf_puts(out,
		    inet_ntop(AF_INET, addr->s6_addr + 12, text, sizeof(text)));
	else
		buf_printf(
		    out, "[%s]", inet_ntop(AF_INET6, addr, text, sizeof(text)));
}

/* As many as are appended. */
static size_t
put_addresses(struct buf *out, struct resolver *r, struct arena *a,
    struct str host, struct err *e)
{
	static const enum dns_type types[] = { DNS_A, DNS_AAAA };
	struct dns_answer answer;
	struct in6_addr addr;
	size_t n = 0;

	for (size_t t = 0; t < LEN(types); t++) {
		dns_ask(r, a, host, types[t], &answer);
		if (answer.rc != DNS_OK && n == 0)
			err_set(e, "%.*s: %s", STR_ARG(host),
			    answer.why ? answer.why : dns_rc_name(answer.rc));
		for (size_t i = 0;
		     answer.rc == DNS_OK && i < answer.n && n < MAX_ADDRESSES;
		     i++) {
			if (!dns_rdata_addr(answer.rdata[i], &addr))
				continue;
			buf_puts(out, n++ ? "," : "");
			put_address(out, &addr);
		}
	}
	return n;
}

static bool
find_host(struct resolver *from, struct arena *a, struct str host,
    struct buf *out, struct err *e)
{
	struct dns_budget *b =
	    dns_budget_new(from, DNS_QUERIES, clock_mono_ms() + DNS_MS);
	bool ok;

	buf_printf(out, "%.*s:443:", STR_ARG(host));
	ok = put_addresses(out, dns_budget_resolver(b), a, host, e) > 0;
	dns_budget_free(&b);
	return ok;
}

/* RFC 8461, section 3.3, recommends a minute. */
static unsigned
patience(struct site *s)
{
	uint64_t n = site_setting_uint(s, "outbound.fetch_time", everywhere);

	return n > 0 && n < MAX_SECONDS ? (unsigned)n : MAX_SECONDS;
}

bool
sts_fetch(struct site *s, struct resolver *r, struct str domain,
    struct buf *text, struct err *e)
{
	struct arena *a = arena_new();
	struct str host = arena_printf(a, "mta-sts.%.*s", STR_ARG(domain));
	struct buf where = { 0 };
	struct fetch f = {
		.ca_file =
		    site_setting(s, a, "outbound.mta_sts_ca_file", everywhere)
			.p,
		.timeout = patience(s),
		.accept = "text/plain",
		.max = STS_MAX_POLICY,
	};
	bool ok = find_host(r, a, host, &where, e);

	f.url = arena_printf(
	    a, "https://%.*s/.well-known/mta-sts.txt", STR_ARG(host))
		    .p;
	f.resolve = buf_cstr(&where);
	ok = ok && fetch(&f, text, e);
	buf_fini(&where);
	arena_free(&a);
	return ok;
}
