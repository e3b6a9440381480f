/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "dns/zone.h"
#include "mailauth/arc.h"

/* Chains of whoever sent the message, and ours upon them. */

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

static void
seal(struct arena *a, const struct fields *f, struct str body,
    const struct arc_verdict *v)
{
	struct arc_seal o = { .domain = STR("a.example"),
		.selector = STR("s"),
		.authserv_id = STR("a.example") };
	struct arc_sealer *s;
	struct arc_fields out;
	struct err e = ERR_INIT;

	s = arc_sealer_new(a, f, key, &o);
	arc_sealer_body(s, body);
	if (!arc_sealer_end(s, v, &out, &e) && *e.msg && v->result == ARC_PASS)
		abort();
	arc_fields_fini(&out);
	arc_sealer_free(&s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str raw = { (const char *)data, size }, body;
	struct arena *a = arena_new();
	struct arc_verifier *v;
	struct arc_verdict verdict;
	struct fields f;
	size_t at;

	if (!zone)
		set_up();
	f = fields_of(a, raw, &at);
	body = str_sub(raw, at, STR_NPOS);
	v = arc_verifier_new(a, zone_resolver(zone), &f);
	arc_verifier_body(v, body);
	arc_verifier_end(v, &verdict);
	arc_verifier_free(&v);
	if ((verdict.result == ARC_FAIL) != (verdict.why.n > 0) ||
	    verdict.n > ARC_MAX_SETS)
		abort();
	seal(a, &f, body, &verdict);
	arena_free(&a);
	return 0;
}
