/* SPDX-License-Identifier: BSD-2-Clause */
#include <config.h>

#include "mailauth/spf.h"

#ifdef HAVE_LIBSPF2

#include <stdlib.h>
#include <string.h>

/* These first: libspf2's headers need them. */
#include <netinet/in.h>
#include <sys/types.h>

#include <arpa/nameser.h>
#include <spf2/spf.h>

#include "mailauth/spf_record.h"

/*
 * libspf2 behind our resolver. It has faults with memory that nobody mends, so
 * it sees no record that we do not find well-formed, of usual size and of
 * printable ASCII, and no explanation at all; of others it has no opinion.
 */

#define MAX_RECORD 512
#define MAX_ADDRESS 320 /* octets of a sender, and of HELO */

struct second {
	struct resolver *resolver;
	struct arena *arena;
	bool withheld; /* a record that it must not see */
};

static bool
is_printable(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------------
 * Records in the form that it wants
 */

static void
add(SPF_dns_rr_t *rr, const void *data, size_t n)
{
	int i = rr->num_rr;

	if (SPF_dns_rr_buf_realloc(rr, i, n + 1) != SPF_E_SUCCESS)
		return;
	if (n)
		memcpy(rr->rr[i], data, n);
	((char *)rr->rr[i])[n] = '\0';
	rr->num_rr++;
}

static void
add_address(SPF_dns_rr_t *rr, struct str rdata, size_t n)
{
	if (rdata.n == n)
		add(rr, rdata.p, n);
}

static void
add_name(struct second *x, SPF_dns_rr_t *rr, struct str rdata)
{
	struct str name;

	if (dns_rdata_name(x->arena, rdata, &name) && is_printable(name))
		add(rr, name.p, name.n);
}

static void
add_txt(struct second *x, SPF_dns_rr_t *rr, struct str rdata)
{
	struct spf_fault fault;
	struct spf_record r;
	struct str text;

	if (!dns_rdata_txt(x->arena, rdata, &text) || !spf_record_is(text))
		return;
	if (text.n <= MAX_RECORD && is_printable(text) &&
	    spf_record_parse(x->arena, text, &r, &fault))
		add(rr, text.p, text.n);
	else
		x->withheld = true;
}

static void
add_record(struct second *x, SPF_dns_rr_t *rr, ns_type type, struct str rdata)
{
	switch (type) {
	case ns_t_a:
		add_address(rr, rdata, 4);
		break;
	case ns_t_aaaa:
		add_address(rr, rdata, 16);
		break;
	case ns_t_mx:
		add_name(x, rr, str_sub(rdata, 2, STR_NPOS));
		break;
	case ns_t_ptr:
		add_name(x, rr, rdata);
		break;
	case ns_t_txt:
		add_txt(x, rr, rdata);
		break;
	default:
		break;
	}
}

static int
h_error_of(enum dns_rc rc)
{
	static const int codes[] = {
		[DNS_OK] = NETDB_SUCCESS,
		[DNS_NODATA] = NO_DATA,
		[DNS_NXDOMAIN] = HOST_NOT_FOUND,
		[DNS_FAILED] = TRY_AGAIN,
	};

	return codes[rc];
}

/* Records of type 99 are of the past: RFC 7208, section 3.1. */
static SPF_dns_rr_t *
lookup(SPF_dns_server_t *s, const char *domain, ns_type type, int cache)
{
	struct second *x = s->hook;
	struct dns_answer answer = { .rc = DNS_NODATA };
	SPF_dns_rr_t *rr;

	(void)cache;
	if (type != (ns_type)ns_t_spf)
		dns_ask(x->resolver, x->arena, str_of(domain),
		    (enum dns_type)type, &answer);
	rr = SPF_dns_rr_new_init(
	    s, domain, type, (int)answer.ttl, h_error_of(answer.rc));
	for (size_t i = 0; rr && i < answer.n; i++)
		add_record(x, rr, type, answer.rdata[i]);
	if (rr && answer.rc == DNS_OK && rr->num_rr == 0)
		rr->herrno = NO_DATA;
	return rr;
}

/* ------------------------------------------------------------------------
 * The question
 */

static enum spf_result
result_of(SPF_response_t *response)
{
	static const enum spf_result results[] = {
		[SPF_RESULT_INVALID] = SPF_PERMERROR,
		[SPF_RESULT_NEUTRAL] = SPF_NEUTRAL,
		[SPF_RESULT_PASS] = SPF_PASS,
		[SPF_RESULT_FAIL] = SPF_FAIL,
		[SPF_RESULT_SOFTFAIL] = SPF_SOFTFAIL,
		[SPF_RESULT_NONE] = SPF_NONE,
		[SPF_RESULT_TEMPERROR] = SPF_TEMPERROR,
		[SPF_RESULT_PERMERROR] = SPF_PERMERROR,
	};
	SPF_result_t r = SPF_response_result(response);

	if (r == SPF_RESULT_INVALID &&
	    SPF_response_errcode(response) == SPF_E_DNS_ERROR)
		return SPF_TEMPERROR;
	return results[r];
}

static void
set_client(SPF_request_t *request, const struct in6_addr *client)
{
	struct in_addr ipv4;

	if (IN6_IS_ADDR_V4MAPPED(client)) {
		memcpy(&ipv4, client->s6_addr + 12, sizeof(ipv4));
		SPF_request_set_ipv4(request, ipv4);
	} else {
		SPF_request_set_ipv6(request, *client);
	}
}

/* False if it came to none. */
static bool
query(SPF_request_t *request, struct arena *a, const struct spf_query *q,
    enum spf_result *out)
{
	SPF_response_t *response = NULL;
	bool helo = q->identity == SPF_HELO || q->sender.n == 0;

	set_client(request, &q->client);
	SPF_request_set_helo_dom(request, arena_cstr(a, q->helo));
	if (!helo)
		SPF_request_set_env_from(request, arena_cstr(a, q->sender));
	SPF_request_query_mailfrom(request, &response);
	if (!response)
		return false;
	*out = result_of(response);
	SPF_response_free(response);
	return true;
}

static bool
is_usual(struct str s)
{
	return s.n <= MAX_ADDRESS && is_printable(s);
}

bool
spf_second_opinion(struct resolver *r, struct arena *a,
    const struct spf_query *q, enum spf_result *out)
{
	struct second x = { .resolver = r, .arena = a };
	SPF_dns_server_t layer = { .lookup = lookup, .name = "", .hook = &x };
	SPF_server_t *server;
	SPF_request_t *request;
	bool known = false;

	if (!is_usual(q->helo) || !is_usual(q->sender))
		return false;
	server = SPF_server_new_dns(&layer, 0);
	request = server ? SPF_request_new(server) : NULL;
	if (request)
		known = query(request, a, q, out);
	if (request)
		SPF_request_free(request);
	if (server)
		SPF_server_free(server);
	return known && !x.withheld;
}

#else

bool
spf_second_opinion(struct resolver *r, struct arena *a,
    const struct spf_query *q, enum spf_result *out)
{
	(void)r;
	(void)a;
	(void)q;
	(void)out;
	return false;
}

#endif
