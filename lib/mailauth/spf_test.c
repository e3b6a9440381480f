/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/spf.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "base/test.h"
#include "dns/zone.h"

static struct in6_addr
address(const char *text)
{
	struct in6_addr a;
	char mapped[64] = "::ffff:";

	if (!strchr(text, ':'))
		text = strcat(mapped, text);
	assert_int_equal(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

/* ------------------------------------------------------------------------
 * Policies
 */

#define V4 "192.0.2.3"
#define V6 "2001:db8::cb01"

static const struct {
	const char *name;
	enum dns_type type;
	const char *text;
} zone[] = {
	{ "a.example", DNS_A, V4 },
	{ "a.example", DNS_AAAA, V6 },
	{ "near.example", DNS_A, "192.0.2.200" },
	{ "near.example", DNS_AAAA, "2001:db8::ffff:1" },
	{ "mx.example", DNS_MX, "20 a.example" },
	{ "mx.example", DNS_MX, "10 near.example" },
	{ "nullmx.example", DNS_MX, "0 ." },
	{ "pass.example", DNS_TXT, "v=spf1 +all" },
	{ "fail.example", DNS_TXT, "v=spf1 -all exp=no.example" },
	{ "no.example", DNS_TXT, "no" },
	{ "bad.example", DNS_TXT, "v=spf1 all oops" },
	{ "plain.example", DNS_TXT, "v=spf2 all" },
	{ "two.example", DNS_TXT, "v=spf1 all" },
	{ "two.example", DNS_TXT, "v=spf1 -all" },
	{ "again.example", DNS_TXT, "v=spf1 include:again.example" },
	{ "alias.example", DNS_CNAME, "pass.example" },
	{ "3.2.0.192.in-addr.arpa", DNS_PTR, "liar.example" },
	{ "3.2.0.192.in-addr.arpa", DNS_PTR, "slow.example" },
	{ "3.2.0.192.in-addr.arpa", DNS_PTR, "mail.d.example" },
	{ "mail.d.example", DNS_A, V4 },
	{ "c.in-addr.x.example", DNS_A, "127.0.0.2" },
	{ "http.example", DNS_TXT, "%{D}/%{L}?%{c}%_%{r}" },
	{ "odd.example", DNS_TXT, "\1" },
	{ "high.example", DNS_TXT, "%{h}" },
	{ "p.example", DNS_TXT, "%{p} %{v}" },
};

static const struct {
	const char *client;
	const char *record; /* of d.example */
	enum spf_result result;
	const char *mechanism;   /* NULL: none */
	const char *explanation; /* NULL: none */
} policies[] = {
	{ V4, "v=spf1", SPF_NEUTRAL, NULL, NULL },
	{ V4, "v=spf1 -all", SPF_FAIL, "-all", NULL },
	{ V4, "v=spf1 ?all -all", SPF_NEUTRAL, "?all", NULL },
	{ V4, "v=spf1 ~all", SPF_SOFTFAIL, "~all", NULL },
	{ V4, "v=spf1 A:a.example", SPF_PASS, "A:a.example", NULL },
	{ V6, "v=spf1 a:a.example", SPF_PASS, "a:a.example", NULL },
	{ V4, "v=spf1 a:near.example -all", SPF_FAIL, "-all", NULL },
	{ V4, "v=spf1 a:near.example/24 -all", SPF_PASS, "a:near.example/24",
	    NULL },
	{ V4, "v=spf1 a:near.example/25 -all", SPF_FAIL, "-all", NULL },
	{ V6, "v=spf1 a:near.example/24 -all", SPF_FAIL, "-all", NULL },
	{ V6, "v=spf1 a:near.example//96 -all", SPF_PASS, "a:near.example//96",
	    NULL },
	{ V6, "v=spf1 a:near.example//97 -all", SPF_FAIL, "-all", NULL },
	{ V4, "v=spf1 mx:mx.example", SPF_PASS, "mx:mx.example", NULL },
	{ V4, "v=spf1 mx:nullmx.example", SPF_NEUTRAL, NULL, NULL },
	{ V4, "v=spf1 mx:a.example -all", SPF_FAIL, "-all", NULL },
	{ V4, "v=spf1 ptr -all", SPF_PASS, "ptr", NULL },
	{ V4, "v=spf1 ptr:example", SPF_PERMERROR, NULL, NULL },
	{ V4, "v=spf1 ptr:liar.example -all", SPF_FAIL, "-all", NULL },
	{ V4, "v=spf1 ptr:l.d.example -all", SPF_FAIL, "-all", NULL },
	{ V4, "v=spf1 ip4:192.0.2.2/31", SPF_PASS, "ip4:192.0.2.2/31", NULL },
	{ V4, "v=spf1 ip4:192.0.2.4/31", SPF_NEUTRAL, NULL, NULL },
	{ V4, "v=spf1 ip4:10.0.0.0/0", SPF_PASS, "ip4:10.0.0.0/0", NULL },
	{ V6, "v=spf1 ip4:10.0.0.0/0", SPF_NEUTRAL, NULL, NULL },
	{ V6, "v=spf1 ip6:::/0", SPF_PASS, "ip6:::/0", NULL },
	{ V4, "v=spf1 ip6:::/0", SPF_NEUTRAL, NULL, NULL },
	{ V4, "v=spf1 ip6:::ffff:" V4, SPF_NEUTRAL, NULL, NULL },
	{ V6, "v=spf1 ip6:2001:db8::/32", SPF_PASS, "ip6:2001:db8::/32", NULL },
	{ V6, "v=spf1 exists:a.example", SPF_PASS, "exists:a.example", NULL },
	{ V4, "v=spf1 include:pass.example", SPF_PASS, "include:pass.example",
	    NULL },
	{ V4, "v=spf1 include:alias.example", SPF_PASS, "include:alias.example",
	    NULL },
	{ V4, "v=spf1 include:fail.example ~all", SPF_SOFTFAIL, "~all", NULL },
	{ V4, "v=spf1 include:bad.example all", SPF_PERMERROR, NULL, NULL },
	{ V4, "v=spf1 include:plain.example all", SPF_PERMERROR, NULL, NULL },
	{ V4, "v=spf1 include:two.example all", SPF_PERMERROR, NULL, NULL },
	{ V4, "v=spf1 include:slow.example all", SPF_TEMPERROR, NULL, NULL },
	{ V4, "v=spf1 include:a..example all", SPF_PERMERROR, NULL, NULL },
	{ V4, "v=spf1 include:again.example", SPF_PERMERROR, NULL, NULL },
	{ V4, "v=spf1 all include:again.example", SPF_PASS, "all", NULL },
	{ V4, "v=spf1 a:a..example all", SPF_PASS, "all", NULL },
	{ V4, "v=spf1 a:slow.example all", SPF_TEMPERROR, NULL, NULL },
	{ V4, "v=spf1 mx:slow.example all", SPF_TEMPERROR, NULL, NULL },
	{ V4, "v=spf1 exists:slow.example all", SPF_TEMPERROR, NULL, NULL },
	{ V4, "v=spf1 redirect=fail.example", SPF_FAIL, "-all", "no" },
	{ V4, "v=spf1 redirect=fail.example ?all", SPF_NEUTRAL, "?all", NULL },
	{ V4, "v=spf1 redirect=plain.example", SPF_PERMERROR, NULL, NULL },
	{ V4, "v=spf1 redirect=a..example", SPF_PERMERROR, NULL, NULL },
	{ V4, "v=spf1 redirect=slow.example", SPF_TEMPERROR, NULL, NULL },
	{ V4, "v=spf1 redirect=%{d}", SPF_PERMERROR, NULL, NULL },
	{ V4, "v=spf1 -include:pass.example exp=no.example", SPF_FAIL,
	    "-include:pass.example", "no" },
	{ V4, "v=spf1 -all EXP=http.example", SPF_FAIL, "-all",
	    "d.example/strong-bad?" V4 " unknown" },
	{ V4, "v=spf1 -all exp=odd.example", SPF_FAIL, "-all", NULL },
	{ V4, "v=spf1 -all exp=high.example", SPF_FAIL, "-all", NULL },
	{ V4, "v=spf1 -all exp=slow.example", SPF_FAIL, "-all", NULL },
	{ V4, "v=spf1 -all exp=nowhere.example", SPF_FAIL, "-all", NULL },
	{ V4, "v=spf1 -all exp=p.example", SPF_FAIL, "-all",
	    "mail.d.example in-addr" },
	{ V6, "v=spf1 -all exp=p.example", SPF_FAIL, "-all", "unknown ip6" },
	{ V4, "v=spf1 ~all exp=no.example", SPF_SOFTFAIL, "~all", NULL },
	{ V4, "v=spf1 all oops", SPF_PERMERROR, NULL, NULL },
	{ V4, "v=spf1 exists:c.%{v}.x.example -all", SPF_PASS,
	    "exists:c.%{v}.x.example", NULL },
};

static struct zone *
make_zone(const char *record)
{
	struct zone *z = zone_new();
	struct err e = ERR_INIT;

	for (size_t i = 0; i < LEN(zone); i++)
		assert_true(zone_add(z, str_of(zone[i].name), zone[i].type,
		    str_of(zone[i].text), &e));
	zone_add_timeout(z, STR("slow.example"));
	if (record)
		zone_add(z, STR("d.example"), DNS_TXT, str_of(record), &e);
	return z;
}

static struct spf_query
query(const char *client)
{
	return (struct spf_query){ .client = address(client),
		.helo = STR("h\377.example"),
		.sender = STR("strong-bad@d.example"),
		.now = 1700000000 };
}

static void
assert_text(const char *want, struct str got)
{
	assert_true(str_eq(str_of(want), got));
}

static void
test_policies(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(policies); i++) {
		struct zone *z = make_zone(policies[i].record);
		struct spf_query q = query(policies[i].client);
		struct spf_verdict v;

		spf_check(zone_resolver(z), arena, &q, NULL, &v);
		print_message("%s: %s %.*s %.*s\n", policies[i].record,
		    spf_result_name(v.result), STR_ARG(v.explanation),
		    STR_ARG(v.problem));
		assert_int_equal(v.result, policies[i].result);
		assert_text(policies[i].mechanism, v.mechanism);
		assert_text(policies[i].explanation, v.explanation);
		assert_text("d.example", v.domain);
		assert_int_equal(v.problem.n > 0, v.result >= SPF_TEMPERROR);
		zone_free(&z);
	}
}

/* ------------------------------------------------------------------------
 * Macros: the examples of section 7.4, and more
 */

static const struct {
	const char *client, *text, *expanded;
} macros[] = {
	{ V4, "%{s}", "strong-bad@email.example.com" },
	{ V4, "%{o}", "email.example.com" },
	{ V4, "%{d}", "email.example.com" },
	{ V4, "%{d4}", "email.example.com" },
	{ V4, "%{d3}", "email.example.com" },
	{ V4, "%{d2}", "example.com" },
	{ V4, "%{d1}", "com" },
	{ V4, "%{dr}", "com.example.email" },
	{ V4, "%{d2r}", "example.email" },
	{ V4, "%{l}", "strong-bad" },
	{ V4, "%{l-}", "strong.bad" },
	{ V4, "%{lr}", "strong-bad" },
	{ V4, "%{lr-}", "bad.strong" },
	{ V4, "%{l1r-}", "strong" },
	{ V4, "%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com" },
	{ V4, "%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com" },
	{ V4, "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}",
	    "bad.strong.lp.3.2.0.192.in-addr._spf.example.com" },
	{ V4, "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}",
	    "3.2.0.192.in-addr.strong.lp._spf.example.com" },
	{ V4, "%{d2}.trusted-domains.example.net",
	    "example.com.trusted-domains.example.net" },
	{ V6, "%{ir}.%{v}._spf.%{d2}",
	    "1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2."
	    "ip6._spf.example.com" },
	{ V6, "%{c}", V6 },
	{ V4, "%{c} %{r} %{t} %{h}", V4 " mx.example 1700000000 helo.example" },
	{ V4, "%{S}%%%_%-", "strong-bad%40email.example.com% %20" },
	{ V4, "%{s-@}", NULL },
	{ V4, "%{d.-}", "email.example.com" },
	{ V4, "%{h2r.e}", NULL },
	{ V4, "%{l9r-}", "bad.strong" },
	{ V4, "%{O1}", "com" },
};

static void
test_macros(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(macros); i++) {
		struct zone *z = make_zone(NULL);
		struct spf_query q = query(macros[i].client);
		struct err e = ERR_INIT;
		struct spf_verdict v;

		q.sender = STR("strong-bad@email.example.com");
		q.helo = STR("helo.example");
		q.receiver = STR("mx.example");
		zone_add(z, STR("email.example.com"), DNS_TXT,
		    STR("v=spf1 -all exp=x.%{d}"), &e);
		zone_add(z, STR("x.email.example.com"), DNS_TXT,
		    str_of(macros[i].text), &e);
		spf_check(zone_resolver(z), arena, &q, NULL, &v);
		print_message(
		    "%s: %.*s\n", macros[i].text, STR_ARG(v.explanation));
		assert_text(macros[i].expanded, v.explanation);
		zone_free(&z);
	}
}

/* A name that is too long loses labels on the left; and a stranger's text is
 * cut. */
static void
test_lengths(void **state)
{
	static const char label[] = "%{o}%{o}%{o}%{o}%{o}%{o}%{o}";
	struct zone *z = make_zone("v=spf1 -all exp=x.%{d}");
	struct spf_query q = query(V4);
	struct spf_verdict v;
	struct buf b = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < 100; i++)
		buf_puts(&b, label);
	zone_add(z, STR("x.d.example"), DNS_TXT, buf_str(&b), &e);
	spf_check(zone_resolver(z), arena, &q, NULL, &v);
	assert_int_equal(v.explanation.n, 512);
	zone_free(&z);
	buf_clear(&b);
	buf_puts(&b, "v=spf1 exists:");
	for (size_t i = 0; i < 60; i++)
		buf_puts(&b, "%{d}.");
	buf_puts(&b, "y.example -all");
	z = make_zone(buf_cstr(&b));
	/* One label more, and it has 257 octets. */
	buf_clear(&b);
	for (size_t i = 0; i < 24; i++)
		buf_puts(&b, "d.example.");
	buf_puts(&b, "y.example");
	assert_int_equal(b.n, 249);
	zone_add(z, buf_str(&b), DNS_A, STR("127.0.0.1"), &e);
	spf_check(zone_resolver(z), arena, &q, NULL, &v);
	assert_int_equal(v.result, SPF_PASS);
	zone_free(&z);
	buf_fini(&b);
}

/* ------------------------------------------------------------------------
 * Limits (section 4.6.4)
 */

static const struct {
	const char *record;
	unsigned mx, ptr; /* records of the client and of many.example */
	enum spf_result result;
} limits[] = {
	{ "v=spf1 a:a.example exists:n.example ~all", 0, 0, SPF_SOFTFAIL },
	{ "v=spf1 a:n.example mx:n.example -all", 0, 0, SPF_FAIL },
	{ "v=spf1 a:n.example mx:n.example a:m.example -all", 0, 0,
	    SPF_PERMERROR },
	{ "v=spf1 a:n..example a:m..example a:l..example -all", 0, 0,
	    SPF_FAIL },
	{ "v=spf1 a:n.example mx:n.example -all exp=n.example", 0, 0,
	    SPF_FAIL },
	{ "v=spf1 mx:many.example -all", 10, 0, SPF_FAIL },
	{ "v=spf1 mx:many.example -all", 11, 0, SPF_PERMERROR },
	{ "v=spf1 ptr:good.example -all", 0, 9, SPF_PASS },
	{ "v=spf1 ptr:good.example -all", 0, 10, SPF_FAIL },
};

static void
add_many(struct zone *z, unsigned mx, unsigned ptr)
{
	struct err e;

	for (unsigned i = 0; i < mx; i++)
		zone_add(z, STR("many.example"), DNS_MX,
		    arena_printf(arena, "%u near.example", i), &e);
	for (unsigned i = 0; i < ptr; i++)
		zone_add(z, STR("9.2.0.192.in-addr.arpa"), DNS_PTR,
		    arena_printf(arena, "p%u.example", i), &e);
	zone_add(
	    z, STR("9.2.0.192.in-addr.arpa"), DNS_PTR, STR("good.example"), &e);
	zone_add(z, STR("good.example"), DNS_A, STR("192.0.2.9"), &e);
}

static void
test_limits(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(limits); i++) {
		struct zone *z = make_zone(limits[i].record);
		struct spf_query q = query("192.0.2.9");
		struct spf_verdict v;

		add_many(z, limits[i].mx, limits[i].ptr);
		spf_check(zone_resolver(z), arena, &q, NULL, &v);
		print_message("%s: %s (%.*s)\n", limits[i].record,
		    spf_result_name(v.result), STR_ARG(v.problem));
		assert_int_equal(v.result, limits[i].result);
		zone_free(&z);
	}
}

/* Ten terms, also if includes and a redirect have them; or as many as the
 * caller says. */
static void
test_lookups(void **state)
{
	struct spf_limits few = { .lookups = 3 };
	struct zone *z = make_zone("v=spf1 include:i.example a:near.example "
				   "a:near.example redirect=r.example");
	struct spf_query q = query("10.0.0.1");
	struct spf_verdict v;
	struct err e;

	(void)state;
	zone_add(z, STR("i.example"), DNS_TXT,
	    STR("v=spf1 a:near.example a:near.example a:near.example"), &e);
	zone_add(z, STR("r.example"), DNS_TXT,
	    STR("v=spf1 a:near.example a:near.example a:near.example "
		"redirect=s.example"),
	    &e);
	zone_add(z, STR("s.example"), DNS_TXT, STR("v=spf1 -all"), &e);
	spf_check(zone_resolver(z), arena, &q, NULL, &v);
	assert_int_equal(v.lookups, 10);
	assert_int_equal(v.result, SPF_PERMERROR);
	q.client = address("192.0.2.200");
	spf_check(zone_resolver(z), arena, &q, NULL, &v);
	assert_int_equal(v.result, SPF_PASS);
	assert_int_equal(v.lookups, 2);
	q.client = address("10.0.0.1");
	spf_check(zone_resolver(z), arena, &q, &few, &v);
	assert_int_equal(v.result, SPF_PERMERROR);
	assert_int_equal(v.lookups, 3);
	few.lookups = 11;
	spf_check(zone_resolver(z), arena, &q, &few, &v);
	assert_int_equal(v.result, SPF_FAIL);
	zone_free(&z);
}

/* ------------------------------------------------------------------------
 * Whose policy it is
 */

static const struct {
	enum spf_identity identity;
	const char *helo, *sender;
	enum spf_result result;
	const char *domain, *explanation;
} identities[] = {
	{ SPF_MAILFROM, "x", "u@id.example", SPF_FAIL, "id.example",
	    "u@id.example" },
	{ SPF_MAILFROM, "x", "id.example", SPF_FAIL, "id.example",
	    "postmaster@id.example" },
	{ SPF_MAILFROM, "x", "@id.example.", SPF_FAIL, "id.example",
	    "postmaster@id.example." },
	{ SPF_MAILFROM, "x", "\"a@b\"@id.example", SPF_FAIL, "id.example",
	    "\"a@b\"@id.example" },
	{ SPF_MAILFROM, "id.example", "", SPF_FAIL, "id.example",
	    "postmaster@id.example" },
	{ SPF_HELO, "id.example", "u@other.example", SPF_FAIL, "id.example",
	    "postmaster@id.example" },
	{ SPF_HELO, "localhost", "u@id.example", SPF_NONE, "localhost", NULL },
	{ SPF_HELO, "[192.0.2.9]", "", SPF_NONE, "[192.0.2.9]", NULL },
	{ SPF_HELO, "", "u@id.example", SPF_NONE, NULL, NULL },
	{ SPF_MAILFROM, "x", "u@a..example", SPF_NONE, "a..example", NULL },
	{ SPF_MAILFROM, "x", "u@\377.example", SPF_NONE, "\377.example", NULL },
	{ SPF_MAILFROM, "x", "u@none.example", SPF_NONE, "none.example", NULL },
	{ SPF_MAILFROM, "x", "u@plain.example", SPF_NONE, "plain.example",
	    NULL },
	{ SPF_MAILFROM, "x", "u@two.example", SPF_PERMERROR, "two.example",
	    NULL },
	{ SPF_MAILFROM, "x", "u@slow.example", SPF_TEMPERROR, "slow.example",
	    NULL },
	/* RFC 8616, section 4 */
	{ SPF_MAILFROM, "x", "u@b\303\274cher.example", SPF_FAIL,
	    "xn--bcher-kva.example", "u@xn--bcher-kva.example" },
	{ SPF_MAILFROM, "x", "\303\274@local.example", SPF_FAIL,
	    "local.example", NULL },
	{ SPF_MAILFROM, "x", "u@local.example", SPF_PASS, "local.example",
	    NULL },
};

static void
test_identities(void **state)
{
	struct zone *z = make_zone(NULL);
	struct err e;

	(void)state;
	zone_add(z, STR("id.example"), DNS_TXT,
	    STR("v=spf1 -all exp=x.example"), &e);
	zone_add(z, STR("xn--bcher-kva.example"), DNS_TXT,
	    STR("v=spf1 -all exp=x.example"), &e);
	zone_add(z, STR("x.example"), DNS_TXT, STR("%{s}"), &e);
	zone_add(z, STR("local.example"), DNS_TXT,
	    STR("v=spf1 a:%{o}.%{L}.%{l}.example a:%{l9r+}.example -all "
		"exp=%{l}.example"),
	    &e);
	zone_add(z, STR("u.example"), DNS_A, STR("192.0.2.9"), &e);
	for (size_t i = 0; i < LEN(identities); i++) {
		struct spf_query q = { .client = address("192.0.2.9"),
			.identity = identities[i].identity,
			.helo = str_of(identities[i].helo),
			.sender = str_of(identities[i].sender) };
		struct spf_verdict v;

		print_message(
		    "%s %s\n", identities[i].helo, identities[i].sender);
		spf_check(zone_resolver(z), arena, &q, NULL, &v);
		assert_int_equal(v.result, identities[i].result);
		assert_text(identities[i].domain, v.domain);
		assert_text(identities[i].explanation, v.explanation);
	}
	zone_free(&z);
}

/* ------------------------------------------------------------------------
 * Received-SPF
 */

static void
test_received(void **state)
{
	struct spf_query q = query(V6);
	struct spf_verdict v = { .result = SPF_PASS,
		.domain = STR("d.example"),
		.mechanism = STR("a:a.example//64") };
	struct buf b = { 0 };

	(void)state;
	q.receiver = STR("mx.example");
	q.sender = STR("\"o(\\\"\n\377\"@d.example");
	q.helo = STR("h.example");
	spf_received(&b, &q, &v);
	assert_string_equal(buf_cstr(&b),
	    "pass (mx.example:\n\tdomain of "
	    "\"o\\(\\\\\"?\?\"@d.example designates " V6 " as permitted sender)"
	    "\n\treceiver=mx.example;\n\tclient-ip=\"" V6 "\";"
	    "\n\tenvelope-from=\"\\\"o(\\\\\\\"?\?\\\"@d.example\";"
	    "\n\thelo=h.example;\n\tidentity=mailfrom;"
	    "\n\tmechanism=\"a:a.example//64\";");
	buf_clear(&b);
	q = query(V4);
	q.identity = SPF_HELO;
	q.sender = STR_NULL;
	v = (struct spf_verdict){ .result = SPF_PERMERROR,
		.domain = STR("h.example"),
		.problem = STR("a \"b") };
	spf_received(&b, &q, &v);
	assert_string_equal(buf_cstr(&b),
	    "permerror (unknown:\n\tpermanent error in processing domain of "
	    "h.example)\n\treceiver=unknown;\n\tclient-ip=" V4 ";"
	    "\n\tenvelope-from=\"\";\n\thelo=\"h?.example\";"
	    "\n\tidentity=helo;\n\tproblem=\"a \\\"b\";");
	buf_fini(&b);
}

static void
test_names(void **state)
{
	enum spf_result r;

	(void)state;
	for (int i = SPF_NONE; i <= SPF_PERMERROR; i++) {
		assert_true(spf_result_parse(
		    str_of(spf_result_name((enum spf_result)i)), &r));
		assert_int_equal(r, i);
	}
	assert_true(spf_result_parse(STR("SoftFail"), &r));
	assert_false(spf_result_parse(STR("hardfail"), &r));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_macros),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_lookups),
		cmocka_unit_test(test_identities),
		cmocka_unit_test(test_received),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, arena_up, arena_down);
}
