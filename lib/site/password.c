/* SPDX-License-Identifier: BSD-2-Clause */
#include "site/password.h"

#include <argon2.h>
#include <crypt.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/mem.h"
#include "base/rnd.h"
#include "site/scram.h"

#define SALT_LEN 16
#define HASH_LEN 32
/* A stored hash may ask for any amount; this is what we give. */
#define ARGON2_MAX_KIB (1024 * 1024)
#define PBKDF2_MAX_ROUNDS 10000000

enum encoding { AS_TEXT, AS_BASE64, AS_HEX };

struct scheme {
	const char *name;
	enum password_rc (*verify)(const struct scheme *s, struct str data,
	    enum encoding how, struct str plain);
	const char *digest; /* OpenSSL's name, for the digest schemes */
	bool salted;
};

static enum password_rc
matches(bool equal)
{
	return equal ? PASSWORD_OK : PASSWORD_WRONG;
}

static bool
equal_bytes(struct str a, const void *b, size_t n)
{
	return a.n == n && (n == 0 || mem_ct_cmp(a.p, b, n) == 0);
}

/* DATA in the encoding its scheme says, else AS_TEXT as it is. */
static bool
decode(struct str data, enum encoding how, struct buf *out)
{
	char *p;

	switch (how) {
	case AS_TEXT:
		buf_putstr(out, data);
		return true;
	case AS_BASE64:
		return base64_decode(out, data);
	case AS_HEX:
		if (data.n % 2)
			return false;
		p = buf_reserve(out, data.n / 2);
		if (!hex_decode(data, p, data.n / 2))
			return false;
		out->n += data.n / 2;
		return true;
	}
	return false;
}

/* ------------------------------------------------------------------------
 * Schemes
 */

static enum password_rc
verify_plain(const struct scheme *s, struct str data, enum encoding how,
    struct str plain)
{
	struct buf raw = { 0 };
	enum password_rc rc = PASSWORD_UNSUPPORTED;

	(void)s;
	if (decode(data, how, &raw))
		rc = matches(equal_bytes(plain, raw.p, raw.n));
	if (raw.p)
		mem_wipe(raw.p, raw.n);
	buf_fini(&raw);
	return rc;
}

static enum password_rc
verify_crypt(const struct scheme *s, struct str data, enum encoding how,
    struct str plain)
{
	struct crypt_data *cd;
	struct buf setting = { 0 }, phrase = { 0 };
	enum password_rc rc = PASSWORD_WRONG;
	const char *got;

	(void)s;
	if (how != AS_TEXT || data.n == 0)
		return PASSWORD_UNSUPPORTED;
	/* crypt(3) ends a phrase at NUL: a longer one must not match it. */
	if (plain.n && memchr(plain.p, 0, plain.n))
		return PASSWORD_WRONG;
	buf_putstr(&setting, data);
	buf_putstr(&phrase, plain);
	cd = mem_zalloc(sizeof(*cd));
	got = crypt_r(buf_cstr(&phrase), buf_cstr(&setting), cd);
	if (got && got[0] != '*')
		rc = matches(equal_bytes(data, got, strlen(got)));
	mem_wipe(cd, sizeof(*cd));
	free(cd);
	mem_wipe(phrase.p, phrase.n);
	buf_fini(&phrase);
	buf_fini(&setting);
	return rc;
}

/*
 * Unsalted and salted digests: base64 is what LDAP and Dovecot write, hex is
 * told by its length, a salt follows the digest.
 */
static enum password_rc
verify_digest(const struct scheme *s, struct str data, enum encoding how,
    struct str plain)
{
	const EVP_MD *md = EVP_get_digestbyname(s->digest);
	size_t len = (size_t)EVP_MD_get_size(md);
	uint8_t got[EVP_MAX_MD_SIZE];
	struct buf raw = { 0 }, text = { 0 };
	enum password_rc rc = PASSWORD_UNSUPPORTED;

	if (how == AS_TEXT)
		how = data.n == 2 * len && !s->salted ? AS_HEX : AS_BASE64;
	if (decode(data, how, &raw) &&
	    (s->salted ? raw.n > len : raw.n == len)) {
		buf_putstr(&text, plain);
		buf_put(&text, raw.p + len, raw.n - len);
		EVP_Digest(buf_cstr(&text), text.n, got, NULL, md, NULL);
		rc = matches(mem_ct_cmp(got, raw.p, len) == 0);
		mem_wipe(text.p, text.n);
	}
	buf_fini(&text);
	buf_fini(&raw);
	return rc;
}

/* {MD5} is crypt(3) form, hex or base64, whoever wrote it. */
static enum password_rc
verify_md5(const struct scheme *s, struct str data, enum encoding how,
    struct str plain)
{
	if (str_starts(data, STR("$1$")))
		return verify_crypt(s, data, how, plain);
	return verify_digest(s, data, how, plain);
}

static enum password_rc
pbkdf2(const char *digest, struct str salt, struct str rounds, struct str hash,
    struct str plain)
{
	uint8_t got[EVP_MAX_MD_SIZE];
	uint32_t n;

	if (!str_u32(rounds, &n) || n == 0 || n > PBKDF2_MAX_ROUNDS ||
	    hash.n == 0 || hash.n > sizeof(got))
		return PASSWORD_UNSUPPORTED;
	PKCS5_PBKDF2_HMAC(plain.p ? plain.p : "", (int)plain.n,
	    (const uint8_t *)salt.p, (int)salt.n, (int)n,
	    EVP_get_digestbyname(digest), (int)hash.n, got);
	return matches(mem_ct_cmp(got, hash.p, hash.n) == 0);
}

/* passlib's base64: '.' for '+', no padding. */
static bool
decode_ab64(struct str s, struct buf *out)
{
	struct buf text = { 0 };
	bool ok;

	for (size_t i = 0; i < s.n; i++)
		buf_putc(&text, s.p[i] == '.' ? '+' : s.p[i]);
	while (text.n % 4)
		buf_putc(&text, '=');
	ok = base64_decode(out, buf_str(&text));
	buf_fini(&text);
	return ok;
}

/* "$1$salt$rounds$hex": Dovecot's, SHA-1. */
static enum password_rc
verify_pbkdf2_dovecot(struct str data, struct str plain)
{
	struct str salt, rounds, hex;
	struct buf raw = { 0 };
	enum password_rc rc = PASSWORD_UNSUPPORTED;

	data = str_sub(data, 3, data.n);
	if (str_split(&data, '$', &salt) && str_split(&data, '$', &rounds) &&
	    str_split(&data, '$', &hex) && decode(hex, AS_HEX, &raw))
		rc = pbkdf2("SHA1", salt, rounds, buf_str(&raw), plain);
	buf_fini(&raw);
	return rc;
}

/* "$pbkdf2-sha256$rounds$salt$hash": passlib's. */
static enum password_rc
verify_pbkdf2_passlib(struct str data, struct str plain)
{
	static const struct {
		const char *name, *digest;
	} names[] = { { "pbkdf2", "SHA1" }, { "pbkdf2-sha1", "SHA1" },
		{ "pbkdf2-sha256", "SHA256" }, { "pbkdf2-sha512", "SHA512" } };
	struct str name, rounds, salt, hash;
	struct buf s = { 0 }, h = { 0 };
	enum password_rc rc = PASSWORD_UNSUPPORTED;

	data = str_sub(data, 1, data.n);
	if (!str_split(&data, '$', &name) || !str_split(&data, '$', &rounds) ||
	    !str_split(&data, '$', &salt) || !str_split(&data, '$', &hash))
		return rc;
	for (size_t i = 0; i < LEN(names); i++) {
		if (str_eqc(name, names[i].name) && decode_ab64(salt, &s) &&
		    decode_ab64(hash, &h))
			rc = pbkdf2(names[i].digest, buf_str(&s), rounds,
			    buf_str(&h), plain);
	}
	buf_fini(&s);
	buf_fini(&h);
	return rc;
}

static enum password_rc
verify_pbkdf2(const struct scheme *s, struct str data, enum encoding how,
    struct str plain)
{
	(void)s;
	if (how == AS_TEXT && str_starts(data, STR("$1$")))
		return verify_pbkdf2_dovecot(data, plain);
	if (how == AS_TEXT && str_starts(data, STR("$pbkdf2")))
		return verify_pbkdf2_passlib(data, plain);
	return PASSWORD_UNSUPPORTED;
}

static bool
argon2_params_of(struct str data, struct argon2_params *p)
{
	struct str rest = data, part, value;
	uint32_t *const field[] = { &p->memory_kib, &p->passes, &p->lanes };
	static const char *const name[] = { "m=", "t=", "p=" };

	/* "" argon2id v=19 m=...,t=...,p=... */
	for (int i = 0; i < 4; i++) {
		if (!str_split(&rest, '$', &part))
			return false;
	}
	for (int i = 0; i < 3; i++) {
		if (!str_split(&part, ',', &value) ||
		    !str_starts(value, str_of(name[i])) ||
		    !str_u32(str_sub(value, 2, value.n), field[i]))
			return false;
	}
	return true;
}

static enum password_rc
verify_argon2(const struct scheme *s, struct str data, enum encoding how,
    struct str plain)
{
	struct argon2_params p;
	struct buf text = { 0 };
	argon2_type type;
	int rc;

	(void)s;
	if (str_starts(data, STR("$argon2id$")))
		type = Argon2_id;
	else if (str_starts(data, STR("$argon2i$")))
		type = Argon2_i;
	else
		return PASSWORD_UNSUPPORTED;
	if (how != AS_TEXT || !argon2_params_of(data, &p) ||
	    p.memory_kib > ARGON2_MAX_KIB)
		return PASSWORD_UNSUPPORTED;
	buf_putstr(&text, data);
	rc = argon2_verify(
	    buf_cstr(&text), plain.p ? plain.p : "", plain.n, type);
	buf_fini(&text);
	return rc == ARGON2_OK                ? PASSWORD_OK
	       : rc == ARGON2_VERIFY_MISMATCH ? PASSWORD_WRONG
					      : PASSWORD_UNSUPPORTED;
}

static enum password_rc
verify_scram(const struct scheme *s, struct str data, enum encoding how,
    struct str plain)
{
	enum scram_hash h =
	    strcmp(s->digest, "SHA1") == 0 ? SCRAM_SHA1 : SCRAM_SHA256;
	struct scram_verifier want, got;
	struct buf prepared = { 0 };

	if (how != AS_TEXT || !scram_parse(h, data, &want))
		return PASSWORD_UNSUPPORTED;
	scram_saslprep(plain, &prepared);
	scram_derive(h, buf_str(&prepared),
	    (struct str){ want.salt, want.salt_len }, want.iterations, &got);
	if (prepared.p)
		mem_wipe(prepared.p, prepared.n);
	buf_fini(&prepared);
	return matches(
	    mem_ct_cmp(want.stored_key, got.stored_key, scram_key_len(h)) == 0);
}

static enum password_rc
verify_cram_md5(const struct scheme *s, struct str data, enum encoding how,
    struct str plain)
{
	struct buf hex = { 0 };
	enum password_rc rc = PASSWORD_UNSUPPORTED;

	(void)s;
	cram_md5_make(plain, &hex);
	if (how != AS_BASE64 && data.n == hex.n)
		rc = matches(mem_ct_cmp(data.p, hex.p, hex.n) == 0);
	mem_wipe(hex.p, hex.n);
	buf_fini(&hex);
	return rc;
}

static const struct scheme schemes[] = {
	/* clang-format off */
	{ "ARGON2",        verify_argon2, NULL, false },
	{ "ARGON2I",       verify_argon2, NULL, false },
	{ "ARGON2ID",      verify_argon2, NULL, false },
	{ "BLF-CRYPT",     verify_crypt, NULL, false },
	{ "CLEAR",         verify_plain, NULL, false },
	{ "CLEARTEXT",     verify_plain, NULL, false },
	{ "CRAM-MD5",      verify_cram_md5, NULL, false },
	{ "CRYPT",         verify_crypt, NULL, false },
	{ "DES-CRYPT",     verify_crypt, NULL, false },
	{ "LDAP-MD5",      verify_digest, "MD5", false },
	{ "MD5",           verify_md5, "MD5", false },
	{ "MD5-CRYPT",     verify_crypt, NULL, false },
	{ "PBKDF2",        verify_pbkdf2, NULL, false },
	{ "PLAIN",         verify_plain, NULL, false },
	{ "PLAIN-MD5",     verify_digest, "MD5", false },
	{ "SCRAM-SHA-1",   verify_scram, "SHA1", false },
	{ "SCRAM-SHA-256", verify_scram, "SHA256", false },
	{ "SHA",           verify_digest, "SHA1", false },
	{ "SHA1",          verify_digest, "SHA1", false },
	{ "SHA256",        verify_digest, "SHA256", false },
	{ "SHA256-CRYPT",  verify_crypt, NULL, false },
	{ "SHA512",        verify_digest, "SHA512", false },
	{ "SHA512-CRYPT",  verify_crypt, NULL, false },
	{ "SMD5",          verify_digest, "MD5", true },
	{ "SSHA",          verify_digest, "SHA1", true },
	{ "SSHA256",       verify_digest, "SHA256", true },
	{ "SSHA512",       verify_digest, "SHA512", true },
	/* clang-format on */
};

static const struct scheme *
find_scheme(struct str name)
{
	for (size_t i = 0; i < LEN(schemes); i++) {
		if (str_ieqc(name, schemes[i].name))
			return &schemes[i];
	}
	return NULL;
}

/* The scheme of STORED, what comes after its prefix and how that is coded. */
static const struct scheme *
take_scheme(struct str stored, struct str *data, enum encoding *how)
{
	static const struct {
		const char *suffix;
		enum encoding how;
	} suffixes[] = { { ".B64", AS_BASE64 }, { ".BASE64", AS_BASE64 },
		{ ".HEX", AS_HEX } };
	size_t end = str_chr(stored, '}');
	struct str name;

	*how = AS_TEXT;
	*data = stored;
	if (str_starts(stored, STR("$argon2")))
		return find_scheme(STR("ARGON2ID"));
	if (str_starts(stored, STR("$pbkdf2")))
		return find_scheme(STR("PBKDF2"));
	if (str_starts(stored, STR("$")))
		return find_scheme(STR("CRYPT"));
	if (!str_starts(stored, STR("{")) || end == STR_NPOS)
		return NULL;
	name = str_sub(stored, 1, end - 1);
	*data = str_sub(stored, end + 1, stored.n);
	for (size_t i = 0; i < LEN(suffixes); i++) {
		struct str suffix = str_of(suffixes[i].suffix);

		if (str_iends(name, suffix)) {
			*how = suffixes[i].how;
			name = str_sub(name, 0, name.n - suffix.n);
			break;
		}
	}
	return find_scheme(name);
}

enum password_rc
password_verify(struct str stored, struct str plain)
{
	enum encoding how;
	struct str data;
	const struct scheme *s = take_scheme(stored, &data, &how);

	if (!s)
		return PASSWORD_UNSUPPORTED;
	if (plain.n > PASSWORD_MAX)
		return PASSWORD_WRONG;
	return s->verify(s, data, how, plain);
}

bool
password_supported(struct str stored)
{
	enum encoding how;
	struct str data;
	const struct scheme *s = take_scheme(stored, &data, &how);
	struct buf text = { 0 };
	int c;

	if (!s || data.n == 0)
		return false;
	if (s->verify != verify_crypt)
		return s->verify(s, data, how, STR("")) != PASSWORD_UNSUPPORTED;
	buf_putstr(&text, data);
	c = crypt_checksalt(buf_cstr(&text));
	buf_fini(&text);
	return c != CRYPT_SALT_INVALID && c != CRYPT_SALT_METHOD_DISABLED;
}

/* ------------------------------------------------------------------------
 * Making
 */

bool
password_hash(const struct argon2_params *p, struct str plain, struct buf *out)
{
	uint8_t salt[SALT_LEN];
	size_t n = argon2_encodedlen(
	    p->passes, p->memory_kib, p->lanes, SALT_LEN, HASH_LEN, Argon2_id);
	char *text = buf_reserve(out, n);
	int rc;

	rnd_bytes(salt, sizeof(salt));
	rc = argon2id_hash_encoded(p->passes, p->memory_kib, p->lanes,
	    plain.p ? plain.p : "", plain.n, salt, SALT_LEN, HASH_LEN, text, n);
	if (rc == ARGON2_OK)
		out->n += strlen(text);
	return rc == ARGON2_OK;
}

bool
password_current(struct str stored, const struct argon2_params *p)
{
	struct argon2_params has;

	return str_starts(stored, STR("$argon2id$v=19$")) &&
	       argon2_params_of(stored, &has) &&
	       has.memory_kib == p->memory_kib && has.passes == p->passes &&
	       has.lanes == p->lanes;
}
