/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "dns/zone.h"
#include "mailauth/dkim.h"

/* Messages with signatures of whoever sent them, and our own on top. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TXT "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
static const char pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
    "-----END PRIVATE KEY-----\n";

static struct zone *zone;
static struct private_key *key;

static void
set_up(void)
{
	struct err e = ERR_INIT;

	zone = zone_new();
	if (!zone_add(
		zone, STR("s._domainkey.a.example"), DNS_TXT, STR(TXT), &e) ||
	    !private_key_parse(str_of(pem), &key, &e))
		abort();
	zone_add_timeout(zone, STR("t._domainkey.a.example"));
}

static size_t
verify(struct arena *a, struct str raw, const struct signature **list)
{
	size_t body, n;
	struct fields f = fields_of(a, raw, &body);
	struct verifier *v = verifier_new(a, zone_resolver(zone), &f, NULL);

	verifier_body(v, str_sub(raw, body, 7));
	verifier_body(v, str_sub(raw, body + 7, STR_NPOS));
	verifier_end(v, list, &n);
	verifier_free(&v);
	return n;
}

/* P == NULL: it cannot be signed, or would go on with our field. */
static struct str
sign(struct arena *a, struct str raw, unsigned form)
{
	struct signer_options o = { .domain = STR("a.example"),
		.selector = STR("s"),
		.header = form & 1 ? CANON_RELAXED : CANON_SIMPLE,
		.body = form & 2 ? CANON_RELAXED : CANON_SIMPLE };
	struct buf value = { 0 };
	struct str out = STR_NULL;
	struct signer *s;
	struct err e = ERR_INIT;
	size_t body;
	struct fields f = fields_of(a, raw, &body);

	if (raw.n == 0 || raw.p[0] == ' ' || raw.p[0] == '\t' ||
	    !signer_new(a, &f, key, &o, &s, &e))
		return out;
	signer_body(s, str_sub(raw, body, STR_NPOS));
	if (!signer_end(s, &value, &e))
		abort();
	out = arena_printf(a, "DKIM-Signature:%.*s\r\n%.*s",
	    STR_ARG(buf_str(&value)), STR_ARG(raw));
	buf_fini(&value);
	signer_free(&s);
	return out;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str raw = { (const char *)data, size };
	const struct signature *list;
	struct arena *a = arena_new();

	if (!zone)
		set_up();
	verify(a, raw, &list);
	raw = sign(a, raw, size ? data[0] : 0);
	if (raw.p && (verify(a, raw, &list) == 0 || !list[0].domain.p))
		abort();
	arena_free(&a);
	return 0;
}
