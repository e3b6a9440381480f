/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/dkim.h"

/* cmocka.h needs these */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "mailauth/signed.h"
#include "mailauth/test.h"

static const char header[] = "From: Ann <ann@a.example>\n"
			     "To: bob@b.example\n"
			     "Subject: a  long\n"
			     " subject \n"
			     "Date: Fri, 1 Jan 2027 00:00:00 +0000\n"
			     "X-Other: y\n";
static const char body[] = "Hello  Bob,\r\n \r\nbye \r\n\r\n";

static int
set_up(void **state)
{
	static struct site s;

	site_up(&s, "a.example");
	*state = &s;
	return 0;
}

/* ------------------------------------------------------------------------
 * Sign and verify
 */

static struct str
sign(struct site *s, struct str head, struct str text,
    const struct private_key *k, const struct signer_options *o)
{
	size_t end;
	struct fields f = fields_of(s->a, head, &end);
	struct buf value = { 0 };
	struct signer *signer;
	struct err e = ERR_INIT;
	struct str signed_head;

	assert_true(signer_new(s->a, &f, k, o, &signer, &e));
	signer_body(signer, text);
	assert_true(signer_end(signer, &value, &e));
	signer_free(&signer);
	signed_head = arena_printf(s->a, "DKIM-Signature:%.*s\n%.*s",
	    STR_ARG(buf_str(&value)), STR_ARG(head));
	buf_fini(&value);
	return signed_head;
}

/* The list of signatures; the body in chunks of N octets. */
static const struct signature *
verify(struct site *s, struct str head, struct str text, size_t n,
    const struct verifier_options *o, size_t *count)
{
	size_t end;
	struct fields *f = ARENA_NEW(s->a, struct fields);
	const struct signature *list;
	struct verifier *v;

	*f = fields_of(s->a, head, &end);
	v = verifier_new(s->a, zone_resolver(s->z), f, o);
	for (size_t i = 0; i < text.n; i += n)
		verifier_body(v, str_sub(text, i, n));
	verifier_end(v, &list, count);
	verifier_free(&v);
	return list;
}

static unsigned opinions;

/* What libopendkim says of a signature that we count is what we say. */
static void
compare(struct site *s, struct str head, struct str text,
    const struct signature *ours)
{
	enum signature_result theirs;
	size_t end;
	struct fields f = fields_of(s->a, head, &end);

	if ((ours->result != SIGNATURE_PASS &&
		ours->result != SIGNATURE_FAIL) ||
	    !signature_second_opinion(
		zone_resolver(s->z), s->a, &f, text, 0, &theirs))
		return;
	assert_int_equal(theirs, ours->result);
	opinions++;
}

static void
expect(struct site *s, struct str head, struct str text,
    enum signature_result r, const char *why)
{
	size_t n;
	const struct signature *sig = verify(s, head, text, 1000, NULL, &n);

	assert_true(n > 0);
	print_message("%s: %.*s\n", signature_result_name(sig->result),
	    STR_ARG(sig->why));
	assert_int_equal(sig->result, r);
	assert_int_equal(sig->why.n > 0, r != SIGNATURE_PASS);
	if (why)
		assert_true(str_find(sig->why, str_of(why)) != STR_NPOS);
	compare(s, head, text, sig);
}

static const char *const bodies[] = { body, "", "\r\n\r\n", "no end",
	"\r\nx\r\n", "a \t b \r\n", "tab\t\r\n\r\nlast  ", " ", "a\r" };

static void
test_round_trip(void **state)
{
	struct site *s = *state;

	for (unsigned form = 0; form < 8; form++) {
		struct private_key *k = form & 4 ? s->rsa : s->ed;
		struct signer_options o = {
			.domain = STR("a.example"),
			.selector = str_of(form & 4 ? "rsa" : "ed"),
			.header = (enum canon)(form & 1),
			.body = (enum canon)(form >> 1 & 1),
			.now = clock_now(),
			.lifetime = 3600,
			.identity = STR("ann@a.example"),
		};
		for (size_t i = 0; i < LEN(bodies); i++) {
			struct str text = str_of(bodies[i]);
			struct str head = sign(s, STR(header), text, k, &o);

			print_message("%u %zu\n", form, i);
			for (size_t n = 1; n < 4; n++) {
				size_t count;
				const struct signature *sig =
				    verify(s, head, text, n, NULL, &count);

				assert_int_equal(count, 1);
				assert_int_equal(sig->result, SIGNATURE_PASS);
			}
		}
	}
}

/* What is told of a signature. */
static void
test_told(void **state)
{
	struct site *s = *state;
	struct signer_options o = { .domain = STR("a.example"),
		.selector = STR("rsa"),
		.header = CANON_RELAXED };
	struct str head = sign(s, STR(header), STR(body), s->rsa, &o);
	const struct signature *sig;
	size_t n;

	zone_set_secure(s->z, true);
	sig = verify(s, head, STR(body), 99, NULL, &n);
	zone_set_secure(s->z, false);
	assert_int_equal(n, 1);
	assert_true(str_eqc(sig->domain, "a.example"));
	assert_true(str_eqc(sig->selector, "rsa"));
	assert_true(str_eqc(sig->identity, "@a.example"));
	assert_true(str_eqc(sig->algorithm, "rsa-sha256"));
	assert_int_equal(sig->b.n, 8);
	assert_true(str_find(head, sig->b) != STR_NPOS);
	assert_int_equal(sig->bits, 2048);
	assert_true(sig->secure);
	assert_false(sig->testing);
	assert_false(sig->partial);
	assert_true(str_find(head, STR("t=")) == STR_NPOS);
	for (size_t i = 0, line = 0; i < head.n; i++) {
		line = head.p[i] == '\n' ? 0 : line + 1;
		assert_true(line <= 78);
	}
}

/* ------------------------------------------------------------------------
 * Changes on the way
 */

static struct str
replaced(struct site *s, struct str text, const char *from, const char *to)
{
	size_t at = str_find(text, str_of(from));

	assert_true(at != STR_NPOS);
	return arena_printf(s->a, "%.*s%s%.*s", STR_ARG(str_sub(text, 0, at)),
	    to, STR_ARG(str_sub(text, at + strlen(from), STR_NPOS)));
}

#define OTHER "the header was changed"

static const struct {
	const char *from, *to;
	enum signature_result result;
	const char *why;
} changes[] = {
	{ "Subject: a  long\n", "SUBJECT:\ta long\r\n", SIGNATURE_PASS, NULL },
	{ "X-Other: y", "X-Other: z", SIGNATURE_PASS, NULL },
	{ "X-Other: y\n", "X-Other: y\nReceived: z\n", SIGNATURE_PASS, NULL },
	{ "X-Other: y\n", "List-Id: <l.example>\n", SIGNATURE_PASS, NULL },
	{ "a  long", "a short", SIGNATURE_FAIL, OTHER },
	{ "a  long", "along", SIGNATURE_FAIL, OTHER },
	{ "X-Other: y\n", "From: eve@e.example\n", SIGNATURE_FAIL, OTHER },
	{ "X-Other: y\n", "Cc: eve@e.example\n", SIGNATURE_FAIL, OTHER },
	{ "X-Other: y\n", "Subject: z\n", SIGNATURE_FAIL, OTHER },
	{ "X-Other: y\n", "From: e@e\nFrom: f@f\n", SIGNATURE_POLICY,
	    "does not cover" },
	{ "d=a.example", "d=a.example; x=9", SIGNATURE_POLICY, "expired" },
	{ "d=a.example", "d=a.example; y=9", SIGNATURE_FAIL, OTHER },
	{ "c=relaxed/", "c=simple/", SIGNATURE_FAIL, OTHER },
	{ "c=relaxed/", "c=nofws/", SIGNATURE_PERMERROR, "c=" },
	{ "a=ed25519-sha256", "a=rsa-sha1", SIGNATURE_POLICY, "rsa-sha1" },
	{ "a=ed25519-sha256", "a=rsa-sha256", SIGNATURE_PERMERROR,
	    "another type" },
	{ "a=ed25519-sha256", "a=x", SIGNATURE_PERMERROR, "a=" },
	{ "v=1", "v=2", SIGNATURE_PERMERROR, "v=" },
	{ "v=1", "v=1; v=1", SIGNATURE_NEUTRAL, "v= twice" },
	{ "v=1;", "", SIGNATURE_NEUTRAL, "v= is missing" },
	{ "v=1", "v=1; i=@b.example", SIGNATURE_PERMERROR, "outside" },
	{ "v=1", "v=1; q=x", SIGNATURE_PERMERROR, "q=" },
	{ "v=1", "v", SIGNATURE_NEUTRAL, "=" },
	{ "; b=", "; b=*", SIGNATURE_NEUTRAL, "b= is not base64" },
	{ "bh=", "bh=*", SIGNATURE_NEUTRAL, "bh= is not base64" },
	{ "s=ed", "s=none", SIGNATURE_PERMERROR, "no key" },
	{ "s=ed", "s=slow", SIGNATURE_TEMPERROR, "could not be asked" },
};

static void
test_changes(void **state)
{
	struct site *s = *state;
	struct signer_options o = { .domain = STR("a.example"),
		.selector = STR("ed"),
		.header = CANON_RELAXED,
		.body = CANON_RELAXED };
	struct str head = sign(s, STR(header), STR(body), s->ed, &o);

	head = replaced(s, head, ";\n\tb=", "; b=");
	for (size_t i = 0; i < LEN(changes); i++) {
		print_message("%s -> %s: ", changes[i].from, changes[i].to);
		expect(s, replaced(s, head, changes[i].from, changes[i].to),
		    STR(body), changes[i].result, changes[i].why);
	}
	expect(s, head, STR("Hello Bob,\r\n\r\nbye\r\n"), SIGNATURE_PASS, NULL);
	expect(
	    s, head, STR("Hello Bob,\r\n\r\nbye!\r\n"), SIGNATURE_FAIL, "body");
	expect(s, head, STR(""), SIGNATURE_FAIL, "body");
	expect(s, arena_str(s->a, STR("DKIM-Signature: \0v=1\nFrom: a\n")),
	    STR(""), SIGNATURE_NEUTRAL, NULL);
}

/* A NUL hides nothing of what is signed. */
static void
test_nul(void **state)
{
	struct site *s = *state;
	struct signer_options o = { .domain = STR("a.example"),
		.selector = STR("ed"),
		.header = CANON_RELAXED };
	struct str head =
	    sign(s, STR("From: a\nSubject: b\n"), STR(body), s->ed, &o);
	struct buf b = { 0 };

	buf_putstr(&b, str_sub(head, 0, head.n - 1));
	buf_put(&b, "\0more\n", 6);
	expect(s, buf_str(&b), STR(body), SIGNATURE_FAIL, "header");
	buf_fini(&b);
}

/* ------------------------------------------------------------------------
 * Signatures that our signer does not make
 */

/* TAGS with bh= and b= behind it. */
static struct str
craft(struct site *s, const char *tags, struct str text, uint64_t limit,
    const char *head)
{
	struct body_hash *h = body_hash_new(CANON_RELAXED, limit);
	struct field self = { STR("DKIM-Signature"), STR_NULL };
	struct buf value = { 0 };
	struct err e = ERR_INIT;
	struct str out = str_of(head), why;
	struct tag_writer w;
	struct tags t;
	uint8_t hash[32];
	uint64_t length;
	bool more;
	size_t end;
	struct fields f = fields_of(s->a, out, &end);

	body_hash_add(h, text);
	body_hash_end(h, hash, &length, &more);
	body_hash_free(&h);
	tags_begin(&w, &value);
	buf_printf(&value, " c=relaxed/relaxed; %s", tags);
	tags_put_base64(&w, "bh", (struct str){ (char *)hash, 32 });
	tags_put_b(&w);
	assert_true(tags_parse(s->a, str_of(tags), &t, &why));
	self.value = buf_str(&value);
	header_hash(header_index(s->a, &f), tags_get(&t, "h"), &self,
	    CANON_RELAXED, hash);
	assert_true(tags_sign(&w, s->ed, hash, true, &e));
	out = arena_printf(s->a, "DKIM-Signature:%.*s\n%.*s",
	    STR_ARG(buf_str(&value)), STR_ARG(out));
	buf_fini(&value);
	return out;
}

#define BASE "v=1; a=ed25519-sha256; d=a.example; h=from:subject; "

static const struct {
	const char *tags;
	uint64_t limit; /* of bh= */
	enum signature_result result;
	const char *why;
} crafted[] = {
	{ BASE "s=ed", UINT64_MAX, SIGNATURE_PASS, NULL },
	{ BASE "s=ed; q=dns/txt", UINT64_MAX, SIGNATURE_PASS, NULL },
	{ BASE "s=ed; q=x : dns/txt", UINT64_MAX, SIGNATURE_PASS, NULL },
	{ BASE "s=ed; zz=unknown", UINT64_MAX, SIGNATURE_PASS, NULL },
	{ BASE "s=ed; i=ann@a.example", UINT64_MAX, SIGNATURE_PASS, NULL },
	{ BASE "s=ed; i=@SUB.A.example", UINT64_MAX, SIGNATURE_PASS, NULL },
	{ "v=1; a=ed25519-sha256; d=b\xc3\xbc"
	  "cher.example; h=from; s=ed; "
	  "i=@x.xn--bcher-kva.example",
	    UINT64_MAX, SIGNATURE_PASS, NULL },
	{ BASE "s=ed; i=@ba.example", UINT64_MAX, SIGNATURE_PERMERROR,
	    "outside" },
	{ BASE "s=ed; i=ann", UINT64_MAX, SIGNATURE_NEUTRAL, "i=" },
	{ BASE "s=testing", UINT64_MAX, SIGNATURE_PASS, NULL },
	{ BASE "s=strict; i=x@a.example", UINT64_MAX, SIGNATURE_PASS, NULL },
	{ BASE "s=strict; i=@sub.a.example", UINT64_MAX, SIGNATURE_PERMERROR,
	    "subdomains" },
	{ BASE "s=calendar", UINT64_MAX, SIGNATURE_PERMERROR, "mail" },
	{ BASE "s=sha1", UINT64_MAX, SIGNATURE_PERMERROR, "SHA-256" },
	{ BASE "s=revoked", UINT64_MAX, SIGNATURE_PERMERROR, "revoked" },
	{ BASE "s=version", UINT64_MAX, SIGNATURE_PERMERROR, "version" },
	{ BASE "s=rsa", UINT64_MAX, SIGNATURE_PERMERROR, "another type" },
	{ BASE "s=ed; l=21", 21, SIGNATURE_PASS, NULL },
	{ BASE "s=ed; l=11", 11, SIGNATURE_POLICY, "l=" },
	{ BASE "s=ed; l=0", 0, SIGNATURE_POLICY, "l=" },
	{ BASE "s=ed; l=22", 22, SIGNATURE_FAIL, NULL },
	{ BASE "s=ed; l=x", UINT64_MAX, SIGNATURE_NEUTRAL, "l=" },
	{ BASE "s=ed; l=-1", UINT64_MAX, SIGNATURE_NEUTRAL, "l=" },
	{ BASE "s=ed; t=x", UINT64_MAX, SIGNATURE_NEUTRAL, "t=" },
	{ BASE "s=ed; t=9999999999", UINT64_MAX, SIGNATURE_POLICY, "future" },
	{ BASE "s=ed; t=1000; x=999", UINT64_MAX, SIGNATURE_NEUTRAL, "before" },
	{ BASE "s=ed; t=1000; x=9999999999", UINT64_MAX, SIGNATURE_PASS, NULL },
	{ "v=1; a=ed25519-sha256; d=a.example; s=ed; h=subject", UINT64_MAX,
	    SIGNATURE_PERMERROR, "From" },
	{ "v=1; a=ed25519-sha256; d=a.example; s=ed; h=:from::x", UINT64_MAX,
	    SIGNATURE_PASS, NULL },
};

static void
test_crafted(void **state)
{
	struct site *s = *state;
	/* 21 octets in the relaxed form */
	struct str text = STR("Hello  Bob,\r\n \r\nbye .\r\n\r\n");

	for (size_t i = 0; i < LEN(crafted); i++) {
		print_message("%s: ", crafted[i].tags);
		expect(s,
		    craft(s, crafted[i].tags, text, crafted[i].limit, header),
		    text, crafted[i].result, crafted[i].why);
	}
	assert_true(opinions > LEN(crafted) / 4);
}

static void
test_options(void **state)
{
	struct site *s = *state;
	struct verifier_options partial = { .allow_partial = true },
				later = { .now = clock_now() + 7200 },
				strong = { .min_bits = 4096 };
	struct signer_options o = { .domain = STR("a.example"),
		.selector = STR("rsa"),
		.now = clock_now(),
		.lifetime = 3600 };
	struct str head = craft(s, BASE "s=ed; l=0", STR(body), 0, header);
	const struct signature *sig;
	size_t n;

	sig = verify(s, head, STR(body), 99, &partial, &n);
	assert_int_equal(sig->result, SIGNATURE_PASS);
	assert_true(sig->partial);
	head = sign(s, STR(header), STR(body), s->rsa, &o);
	sig = verify(s, head, STR(body), 99, &later, &n);
	assert_int_equal(sig->result, SIGNATURE_POLICY);
	sig = verify(s, head, STR(body), 99, &strong, &n);
	assert_int_equal(sig->result, SIGNATURE_POLICY);
	assert_int_equal(sig->bits, 2048);
	head = craft(s, BASE "s=testing", STR(body), UINT64_MAX, header);
	sig = verify(s, head, STR(body), 99, NULL, &n);
	assert_true(sig->testing);
}

/* l= of the first must not count for the second. */
static void
test_two_signatures(void **state)
{
	struct site *s = *state;
	struct str head = craft(s, BASE "s=ed", STR(body), UINT64_MAX, header);
	const struct signature *sig;
	size_t n;

	head = craft(s,
	    "v=1; a=ed25519-sha256; d=a.example; s=ed; l=0; "
	    "h=from:dkim-signature",
	    STR(body), 0, head.p);
	sig = verify(s, head, STR(body), 99, NULL, &n);
	assert_int_equal(n, 2);
	assert_int_equal(sig[0].result, SIGNATURE_POLICY);
	assert_int_equal(sig[1].result, SIGNATURE_PASS);
	/* The first covers the second. */
	head = replaced(s, head, BASE "s=ed", BASE "s=testing");
	sig = verify(s, head, STR(body), 99, NULL, &n);
	assert_int_equal(sig[0].result, SIGNATURE_FAIL);
	assert_int_equal(sig[1].result, SIGNATURE_FAIL);
}

/* ------------------------------------------------------------------------
 * What is signed
 */

static const struct {
	const char *head, *oversign, *h;
} lists[] = {
	{ "From: a\n", "from", "h=From:From;" },
	{ "From: a\nList-Id: b\nX: c\nTo: d\nTo: e\n", "from:x",
	    "h=From:From:To:To:List-Id:x:x;" },
	{ "From: a\n", "",
	    "h=From:From:Reply-To:To:Cc:Subject:Date:Message-ID:In-Reply-To:"
	    "References:MIME-Version:Content-Type:Content-Transfer-Encoding:"
	    "Content-Disposition;" },
};

static void
test_lists(void **state)
{
	struct site *s = *state;

	for (size_t i = 0; i < LEN(lists); i++) {
		struct signer_options o = { .domain = STR("a.example"),
			.selector = STR("ed"),
			.oversign = str_of(lists[i].oversign) };
		struct str head =
		    sign(s, str_of(lists[i].head), STR(body), s->ed, &o);
		struct buf plain = { 0 };

		expect(s, head, STR(body), SIGNATURE_PASS, NULL);
		for (size_t k = 0; k < head.n; k++) {
			if (!strchr("\n\t ", head.p[k]))
				buf_putc(&plain, head.p[k]);
		}
		print_message("%s\n", buf_cstr(&plain));
		assert_non_null(strstr(buf_cstr(&plain), lists[i].h));
		buf_fini(&plain);
	}
}

static void
test_refused(void **state)
{
	struct site *s = *state;
	struct signer_options o = { .domain = STR("a.example") };
	struct fields f = { NULL, 0 };
	struct signer *signer;
	struct err e = ERR_INIT;
	struct field from = { STR("From"), STR(" a") };

	assert_false(signer_new(s->a, &f, s->ed, &o, &signer, &e));
	assert_non_null(strstr(e.msg, "From"));
	f = (struct fields){ &from, 1 };
	assert_false(signer_new(s->a, &f, s->ed, &o, &signer, &e));
	assert_non_null(strstr(e.msg, "selector"));
}

/* ------------------------------------------------------------------------
 * What it may cost
 */

/* Thousands of signatures: eight are looked at. */
static void
test_many_signatures(void **state)
{
	struct site *s = *state;
	struct str one = craft(s, BASE "s=ed", STR(body), UINT64_MAX, "");
	unsigned asked = zone_asked(s->z);
	struct buf b = { 0 };
	size_t n;

	for (size_t i = 0; i < 5000; i++)
		buf_putstr(&b, one);
	buf_puts(&b, header);
	verify(s, buf_str(&b), STR(body), 99, NULL, &n);
	assert_int_equal(n, 8);
	assert_true(zone_asked(s->z) <= asked + 8);
	buf_fini(&b);
}

/* One that names a thousand fields of 200,000, another of the signatures, one
 * that names too many. */
static void
test_giant_header(void **state)
{
	struct site *s = *state;
	struct buf b = { 0 }, h = { 0 };
	int64_t began = clock_mono_ms();
	const struct signature *sig;
	size_t n;

	for (size_t i = 0; i < 900; i++)
		BUF_LIT(&h, ":x");
	buf_printf(&b,
	    "DKIM-Signature: " BASE "s=ed; bh=aaaa; b=aaaa\n"
	    "DKIM-Signature: v=1; a=ed25519-sha256; d=a.example; s=ed; "
	    "bh=aaaa; b=aaaa; h=from%s\n"
	    "DKIM-Signature: v=1; a=ed25519-sha256; d=a.example; s=ed; "
	    "bh=aaaa; b=aaaa; h=from%s%s%s\n"
	    "From: a\n",
	    buf_cstr(&h), h.p, h.p, h.p);
	for (size_t i = 0; i < 200000; i++)
		BUF_LIT(&b, "X: y\n");
	sig = verify(s, buf_str(&b), STR(body), 99, NULL, &n);
	assert_int_equal(n, 3);
	assert_int_equal(sig[0].result, SIGNATURE_FAIL);
	assert_int_equal(sig[1].result, SIGNATURE_FAIL);
	assert_int_equal(sig[2].result, SIGNATURE_POLICY);
	print_message("%d ms\n", (int)(clock_mono_ms() - began));
	assert_true(clock_mono_ms() - began < 5000);
	buf_fini(&b);
	buf_fini(&h);
}

/* h= that asks for more than there is, of which all is used. */
static void
test_exhausted(void **state)
{
	struct site *s = *state;
	struct str head = craft(s,
	    "v=1; a=ed25519-sha256; d=a.example; s=ed; "
	    "h=from:dkim-signature:dkim-signature:dkim-signature:x:y:from",
	    STR(body), UINT64_MAX, "From: a\n");
	size_t n;
	const struct signature *sig = verify(s, head, STR(body), 99, NULL, &n);

	assert_int_equal(n, 1);
	assert_int_equal(sig->result, SIGNATURE_PASS);
}

static void *
verify_some(void *arg)
{
	struct site mine = *(struct site *)arg;
	struct str head;

	mine.a = arena_new();
	head = craft(&mine, BASE "s=ed", STR(body), UINT64_MAX, header);
	for (size_t i = 0; i < 50; i++) {
		size_t n;
		const struct signature *sig =
		    verify(&mine, head, STR(body), 5, NULL, &n);

		if (n != 1 || sig->result != SIGNATURE_PASS)
			arg = NULL;
	}
	arena_free(&mine.a);
	return arg;
}

static void
test_threads(void **state)
{
	pthread_t threads[4];
	void *result;

	for (size_t i = 0; i < LEN(threads); i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, verify_some, *state), 0);
	for (size_t i = 0; i < LEN(threads); i++) {
		pthread_join(threads[i], &result);
		assert_non_null(result);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_crafted),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_two_signatures),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_many_signatures),
		cmocka_unit_test(test_giant_header),
		cmocka_unit_test(test_exhausted),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, set_up, site_down);
}
