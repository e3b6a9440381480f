/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <libxml/relaxng.h>

#include "base/test.h"
#include "mailauth/report.h"

static const struct aggregate_reason reasons[] = {
	{ STR("local_policy"), STR("arc=pass & <more>") },
	{ STR("other"), STR_NULL },
};
static const struct aggregate_dkim dkims[] = {
	{ STR("example.com"), STR("s1"), STR("pass"), STR_NULL },
	{ STR("esp.test"), STR_NULL, STR("fail"), STR("body \"hash\"") },
};
static const struct aggregate_spf spfs[] = {
	{ STR("example.com"), STR("mfrom"), STR("softfail"), STR_NULL },
};
static const struct aggregate_row rows[] = {
	{ .source_ip = STR("192.0.2.1"),
	    .count = 12,
	    .disposition = STR("none"),
	    .dkim = STR("pass"),
	    .spf = STR("fail"),
	    .reasons = reasons,
	    .nreasons = 2,
	    .envelope_to = STR("b.example"),
	    .envelope_from = STR("example.com"),
	    .header_from = STR("example.com"),
	    .dkim_results = dkims,
	    .ndkim = 2,
	    .spf_results = spfs,
	    .nspf = 1 },
	{ .source_ip = STR("2001:db8::1"),
	    .count = 1,
	    .disposition = STR("reject"),
	    .dkim = STR("fail"),
	    .spf = STR("fail"),
	    .header_from = STR("example.com") },
};
static const struct str errors[] = { STR("one"), STR("two") };

static const struct aggregate older = {
	.version = STR("1.0"),
	.org_name = STR("B & Sons"),
	.email = STR("dmarc@b.example"),
	.extra_contact = STR("https://b.example/?a=1&b=2"),
	.report_id = STR("2026-1"),
	.begin = 1700000000,
	.end = 1700086399,
	.errors = errors,
	.nerrors = 2,
	.domain = STR("example.com"),
	.adkim = STR("s"),
	.p = STR("reject"),
	.pct = STR("50"),
	.rows = rows,
	.nrows = 2,
};

static struct aggregate
newer(void)
{
	struct aggregate r = older;

	r.pct = STR_NULL;
	r.sp = STR("quarantine");
	r.np = STR("reject");
	r.testing = STR("y");
	r.discovery = STR("treewalk");
	r.generator = STR("Mailstead");
	return r;
}

/* ------------------------------------------------------------------------
 * Round trip
 */

static void
check_row(const struct aggregate_row *got)
{
	assert_true(str_eq(got->source_ip, rows[0].source_ip));
	assert_int_equal(got->count, 12);
	assert_int_equal(got->nreasons, 2);
	assert_true(str_eq(got->reasons[0].comment, reasons[0].comment));
	assert_int_equal(got->reasons[1].comment.n, 0);
	assert_int_equal(got->ndkim, 2);
	assert_int_equal(got->dkim_results[1].selector.n, 0);
	assert_true(
	    str_eq(got->dkim_results[1].human_result, dkims[1].human_result));
	assert_int_equal(got->nspf, 1);
	assert_true(str_eqc(got->spf_results[0].result, "softfail"));
}

static void
round_trip(const struct aggregate *r)
{
	struct buf xml = { 0 }, again = { 0 };
	struct aggregate got;
	struct err e = ERR_INIT;

	aggregate_write(&xml, r);
	assert_true(aggregate_parse(arena, buf_str(&xml), &got, &e));
	assert_true(str_eq(got.org_name, r->org_name));
	assert_true(str_eq(got.extra_contact, r->extra_contact));
	assert_int_equal(got.nerrors, 2);
	assert_true(str_eq(got.errors[1], errors[1]));
	assert_int_equal(got.begin, r->begin);
	assert_true(str_eq(got.np, r->np));
	assert_true(str_eq(got.testing, r->testing));
	assert_int_equal(got.nrows, 2);
	check_row(&got.rows[0]);
	aggregate_write(&again, &got);
	assert_true(str_eq(buf_str(&xml), buf_str(&again)));
	buf_fini(&xml);
	buf_fini(&again);
}

static void
test_round_trip(void **state)
{
	struct aggregate bis = newer();

	(void)state;
	round_trip(&older);
	round_trip(&bis);
}

/* ------------------------------------------------------------------------
 * Against the schema of RFC 7489, appendix C, as a RELAX NG of our own
 */

#define TOKEN(name) "<element name='" name "'><text/></element>"
#define ONE_OF(name, values)                                                   \
	"<element name='" name "'><data type='token'><param name='pattern'>"   \
	"(" values ")</param></data></element>"
#define NUMBER(name)                                                           \
	"<element name='" name "'><data type='nonNegativeInteger'/></element>"
#define MAYBE(what) "<optional>" what "</optional>"
#define MANY(what) "<zeroOrMore>" what "</zeroOrMore>"
#define SOME(what) "<oneOrMore>" what "</oneOrMore>"
#define GROUP(name, what) "<element name='" name "'>" what "</element>"
#define POLICY "none|quarantine|reject"

static const char schema[] =
    "<element name='feedback' xmlns='http://relaxng.org/ns/structure/1.0'"
    " datatypeLibrary='http://www.w3.org/2001/XMLSchema-datatypes'>"
    "<element name='version'><data type='decimal'/></element>" GROUP(
	"report_metadata",
	TOKEN("org_name") TOKEN("email") MAYBE(TOKEN("extra_contact_info"))
	    TOKEN("report_id")
		GROUP("date_range", NUMBER("begin") NUMBER("end"))
		    MANY(TOKEN("error"))) GROUP("policy_published",
	"<interleave>" TOKEN("domain") MAYBE(ONE_OF("adkim", "r|s")) MAYBE(
	    ONE_OF("aspf", "r|s")) ONE_OF("p", POLICY) ONE_OF("sp", POLICY)
	    NUMBER("pct") TOKEN("fo") "</interleave>") SOME(GROUP("record",
	GROUP("row",
	    ONE_OF("source_ip", "[0-9.]+|[0-9a-fA-F:.]+") NUMBER("count") GROUP(
		"policy_evaluated",
		ONE_OF("disposition", POLICY) ONE_OF("dkim",
		    "pass|fail") ONE_OF("spf", "pass|fail") MANY(GROUP("reason",
		    ONE_OF("type", "forwarded|sampled_out|trusted_"
				   "forwarder|mailing_list|local_"
				   "policy|other") MAYBE(TOKEN("comment"))))))
	    GROUP("identifiers",
		MAYBE(TOKEN("envelope_to")) TOKEN("envelope_from")
		    TOKEN("header_from")) GROUP("auth_results",
		MANY(GROUP("dkim",
		    TOKEN("domain") MAYBE(TOKEN("selector")) ONE_OF("result",
			"none|pass|fail|policy|neutral|"
			"temperror|permerror") MAYBE(TOKEN("human_result"))))
		    SOME(GROUP("spf",
			TOKEN("domain") ONE_OF("scope", "helo|mfrom") ONE_OF(
			    "result", "none|neutral|pass|fail|softfail|"
				      "temperror|permerror")))))) "</element>";

static bool
is_valid(struct str xml)
{
	xmlRelaxNGParserCtxtPtr parser =
	    xmlRelaxNGNewMemParserCtxt(schema, sizeof(schema) - 1);
	xmlRelaxNGPtr grammar = xmlRelaxNGParse(parser);
	xmlRelaxNGValidCtxtPtr valid = xmlRelaxNGNewValidCtxt(grammar);
	xmlDocPtr doc = xmlReadMemory(xml.p, (int)xml.n, NULL, NULL, 0);
	bool ok = grammar && doc && xmlRelaxNGValidateDoc(valid, doc) == 0;

	xmlFreeDoc(doc);
	xmlRelaxNGFreeValidCtxt(valid);
	xmlRelaxNGFree(grammar);
	xmlRelaxNGFreeParserCtxt(parser);
	return ok;
}

static void
test_schema(void **state)
{
	struct aggregate bis = newer();
	struct buf xml = { 0 };

	(void)state;
	aggregate_write(&xml, &older);
	assert_true(is_valid(buf_str(&xml)));
	buf_clear(&xml);
	aggregate_write(&xml, &bis); /* which is another form */
	assert_false(is_valid(buf_str(&xml)));
	buf_fini(&xml);
}

/* ------------------------------------------------------------------------
 * As they come
 */

#define POLICIES "<policy_published><domain>a.b</domain></policy_published>"

static const struct {
	const char *xml;
	bool ok;
} texts[] = {
	{ "<feedback>" POLICIES "</feedback>", true },
	{ "\xef\xbb\xbf\n <?xml version='1.0'?><feedback>" POLICIES
	  "</feedback>\n\n",
	    true },
	{ "<x:feedback xmlns:x='urn:ietf:params:xml:ns:dmarc-2.0'>"
	  "<x:policy_published><x:domain>A.B </x:domain></x:policy_published>"
	  "</x:feedback>",
	    true },
	{ "<?xml version='1.0' encoding='ISO-8859-1'?><feedback>" POLICIES
	  "<report_metadata><org_name>\xe9</org_name></report_metadata>"
	  "</feedback>",
	    true },
	{ "<feedback><?pi x?><!-- c -->" POLICIES "</feedback>", true },
	{ "<feedback/>", false },
	{ "<feed>" POLICIES "</feed>", false },
	{ "<x><feedback>" POLICIES "</feedback></x>", false },
	{ "<feedback>" POLICIES, false },
	{ "<feedback>" POLICIES "</feedback><feedback/>", false },
	{ "", false },
	{ "hello", false },
	{ "<!DOCTYPE feedback [<!ENTITY a 'b'>]><feedback>" POLICIES
	  "</feedback>",
	    false },
	{ "<feedback>" POLICIES "&a;</feedback>", false },
};

static void
test_texts(void **state)
{
	struct aggregate r;
	struct err e;

	(void)state;
	for (size_t i = 0; i < LEN(texts); i++) {
		bool ok = aggregate_parse(arena, str_of(texts[i].xml), &r, &e);

		print_message("%s: %s\n", texts[i].xml, ok ? "" : e.msg);
		assert_int_equal(ok, texts[i].ok);
		assert_true(!ok || str_eqc(r.domain, "a.b"));
	}
	assert_true(aggregate_parse(arena, str_of(texts[3].xml), &r, &e));
	assert_true(str_eqc(r.org_name, "\xc3\xa9"));
}

/* A document type that a search does not see: in UTF-16. */
static void
test_utf16(void **state)
{
	static const char ascii[] =
	    "<!DOCTYPE feedback [<!ENTITY a 'b'>]><feedback>" POLICIES
	    "</feedback>";
	struct buf wide = { 0 };
	struct aggregate r;
	struct err e;

	(void)state;
	BUF_LIT(&wide, "\xff\xfe");
	for (size_t i = 0; i < sizeof(ascii) - 1; i++) {
		buf_putc(&wide, ascii[i]);
		buf_putc(&wide, '\0');
	}
	assert_false(aggregate_parse(arena, buf_str(&wide), &r, &e));
	buf_fini(&wide);
}

static void
test_odd_values(void **state)
{
	struct aggregate r;
	struct err e;

	(void)state;
	assert_true(aggregate_parse(arena,
	    STR("<feedback><record><auth_results><spf><result>PASS</result>"
		"<what><domain>no</domain></what></spf><dkim/></auth_results>"
		"<row><count> 7.5</count><source_ip>\n192.0.2.1\n</source_ip>"
		"</row></record><record/><report_metadata><date_range>"
		"<begin>x</begin><end>99999999999999999999</end></date_range>"
		"</report_metadata></feedback>"),
	    &r, &e));
	assert_int_equal(r.nrows, 2);
	assert_int_equal(r.rows[0].count, 7);
	assert_true(str_eqc(r.rows[0].source_ip, "192.0.2.1"));
	assert_int_equal(r.rows[0].nspf, 1);
	assert_true(str_eqc(r.rows[0].spf_results[0].result, "pass"));
	assert_int_equal(r.rows[0].spf_results[0].domain.n, 0);
	assert_int_equal(r.rows[0].ndkim, 1);
	assert_int_equal(r.rows[1].nspf, 0);
	assert_int_equal(r.begin, 0);
	assert_int_equal(r.end, 0);
}

static void
repeat(struct buf *out, const char *what, size_t n)
{
	while (n-- > 0)
		buf_puts(out, what);
}

static void
test_limits(void **state)
{
	struct buf xml = { 0 };
	struct aggregate r;
	struct err e;

	(void)state;
	BUF_LIT(&xml, "<feedback><record><auth_results>");
	repeat(&xml, "<dkim/>", 1000);
	BUF_LIT(&xml, "</auth_results></record></feedback>");
	assert_true(aggregate_parse(arena, buf_str(&xml), &r, &e));
	assert_int_equal(r.rows[0].ndkim, 20);
	buf_clear(&xml);
	BUF_LIT(&xml, "<feedback>");
	repeat(&xml, "<record/>", REPORT_MAX_ROWS + 1);
	BUF_LIT(&xml, "</feedback>");
	assert_false(aggregate_parse(arena, buf_str(&xml), &r, &e));
	buf_clear(&xml);
	BUF_LIT(&xml, "<feedback>");
	repeat(&xml, "<x>", 100);
	assert_false(aggregate_parse(arena, buf_str(&xml), &r, &e));
	buf_clear(&xml);
	BUF_LIT(&xml, "<feedback><version>");
	repeat(&xml, "x", 100000);
	BUF_LIT(&xml, "</version>" POLICIES "</feedback>");
	assert_true(aggregate_parse(arena, buf_str(&xml), &r, &e));
	assert_int_equal(r.version.n, 4096);
	buf_fini(&xml);
}

/* What we were told ends no element. */
static void
test_hostile_values(void **state)
{
	struct aggregate r = older, got;
	struct buf xml = { 0 };
	struct err e;

	(void)state;
	r.org_name = STR("</org_name><p>x</p>]]>\x01\xff\"");
	aggregate_write(&xml, &r);
	assert_true(aggregate_parse(arena, buf_str(&xml), &got, &e));
	assert_true(str_eqc(got.org_name, "</org_name><p>x</p>]]>\""));
	buf_fini(&xml);
}

/* ------------------------------------------------------------------------
 * Mail
 */

static void
test_mail(void **state)
{
	struct aggregate r = older, got;
	struct buf mail = { 0 }, name = { 0 };
	struct str text;
	struct err e;

	(void)state;
	r.report_id = STR("id/../<1>@x");
	aggregate_filename(&name, &r, STR("b.example"));
	assert_string_equal(buf_cstr(&name),
	    "b.example!example.com!1700000000!1700086399!id..1x.xml.gz");
	aggregate_mail(&mail, &r, STR("b.example"), STR("dmarc@b.example"),
	    STR("rua@example.com"), 1700090000);
	buf_cstr(&mail);
	assert_non_null(strstr(mail.p,
	    "\r\nSubject: Report Domain: example.com Submitter: b.example"));
	assert_non_null(strstr(mail.p, " <id..1@b.example>\r\n"));
	assert_non_null(strstr(mail.p, "\r\nTo: <rua@example.com>\r\n"));
	assert_non_null(strstr(mail.p, "Content-Type: application/gzip"));
	assert_int_equal(
	    report_find(arena, buf_str(&mail), &text, &e), REPORT_AGGREGATE);
	assert_true(aggregate_parse(arena, text, &got, &e));
	assert_int_equal(got.nrows, 2);
	buf_fini(&mail);
	buf_fini(&name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_schema),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_utf16),
		cmocka_unit_test(test_odd_values),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_hostile_values),
		cmocka_unit_test(test_mail),
	};

	return cmocka_run_group_tests(tests, arena_up, arena_down);
}
