/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MAILAUTH_TEST_H
#define MAILAUTH_TEST_H

/* Keys, and a zone that publishes them; included after cmocka.h. */

#include "dns/zone.h"
#include "mailauth/key.h"

/* RFC 8463, appendix A.2. */
#define ED_PUBLIC "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define ED "k=ed25519; p=" ED_PUBLIC
static const char ed_private[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
    "-----END PRIVATE KEY-----\n";

struct site {
	struct arena *a;
	struct zone *z;
	struct private_key *ed, *rsa;
};

static inline void
publish(
    struct zone *z, const char *domain, const char *selector, const char *text)
{
	struct buf name = { 0 };
	struct err e = ERR_INIT;

	buf_printf(&name, "%s._domainkey.%s", selector, domain);
	assert_true(zone_add(z, buf_str(&name), DNS_TXT, str_of(text), &e));
	buf_fini(&name);
}

/* The keys of DOMAIN have selectors that say what is special about them. */
static inline void
site_up(struct site *s, const char *domain)
{
	static const char *const special[][2] = {
		{ "ed", ED },
		{ "testing", "t=y; " ED },
		{ "strict", "t=s; " ED },
		{ "sha1", "h=sha1; " ED },
		{ "calendar", "s=calendar; " ED },
		{ "revoked", "k=ed25519; p=" },
		{ "version", "v=DKIM2; " ED },
	};
	struct buf text = { 0 };
	struct err e = ERR_INIT;

	s->a = arena_new();
	s->z = zone_new();
	assert_true(private_key_parse(str_of(ed_private), &s->ed, &e));
	assert_true(private_key_generate(KEY_RSA, 2048, &s->rsa, &e));
	private_key_record(s->rsa, &text);
	publish(s->z, domain, "rsa", buf_cstr(&text));
	for (size_t i = 0; i < LEN(special); i++)
		publish(s->z, domain, special[i][0], special[i][1]);
	publish(s->z, "xn--bcher-kva.example", "ed", ED);
	buf_clear(&text);
	buf_printf(&text, "slow._domainkey.%s", domain);
	zone_add_timeout(s->z, buf_str(&text));
	buf_fini(&text);
}

static inline int
site_down(void **state)
{
	struct site *s = *state;

	private_key_free(&s->ed);
	private_key_free(&s->rsa);
	zone_free(&s->z);
	arena_free(&s->a);
	return 0;
}

#endif
