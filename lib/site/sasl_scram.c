/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/codec.h"
#include "base/mem.h"
#include "base/rnd.h"
#include "site/sasl_mech.h"

/*
 * SCRAM (RFC 5802):
 *
 *	C: n,,n=user,r=cnonce            client-first: gs2 header and bare part
 *	S: r=cnonce+snonce,s=salt,i=n    server-first
 *	C: c=binding,r=nonce,p=proof     client-final
 *	S: v=signature                   with the success
 *
 * An unknown user gets a salt too, always the same one, and fails at the
 * proof like a wrong password.
 */

#define NONCE_LEN 18
#define NONCE_MAX 256
#define FAKE_ITERATIONS 10000

/* "k=value" up to the next comma. */
static bool
take_attr(struct str *rest, char k, struct str *value)
{
	struct str part;

	if (!str_split(rest, ',', &part) || part.n < 2 || part.p[0] != k ||
	    part.p[1] != '=')
		return false;
	*value = str_sub(part, 2, part.n);
	return true;
}

/* Nothing else may follow "=". */
bool
sasl_unescape_name(struct arena *a, struct str in, struct str *out)
{
	char *p = arena_alloc(a, in.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];

		if (c == '=') {
			struct str code = str_sub(in, i, 3);

			if (str_eqc(code, "=2C"))
				c = ',';
			else if (!str_eqc(code, "=3D"))
				return false;
			i += 2;
		}
		p[n++] = c;
	}
	*out = (struct str){ p, n };
	return true;
}

static const char *
choose_binding(struct sasl *x, struct str type)
{
	struct buf bytes = { 0 };
	size_t i = 0;

	while (sasl_binding_types[i] && !str_eqc(type, sasl_binding_types[i]))
		i++;
	if (!sasl_binding_types[i] || !x->o.binding ||
	    !x->o.binding(x->o.binding_arg, sasl_binding_types[i], &bytes))
		return "the connection has no channel binding of that type";
	x->binding = arena_str(x->arena, buf_str(&bytes));
	buf_fini(&bytes);
	return NULL;
}

/* The gs2 flag: "n" no binding, "y" the client thinks we have none, "p=type" */
static const char *
check_gs2_flag(struct sasl *x, struct str flag)
{
	if (str_starts(flag, STR("p="))) {
		if (!x->mech->plus)
			return "channel binding without -PLUS";
		return choose_binding(x, str_sub(flag, 2, flag.n));
	}
	if (x->mech->plus)
		return "-PLUS without channel binding";
	/* "y" while we do offer it: somebody took -PLUS off our list. */
	if (str_eqc(flag, "y") && sasl_can_bind(&x->o))
		return "the offer of channel binding was taken away";
	return str_eqc(flag, "n") || str_eqc(flag, "y") ? NULL
							: "malformed header";
}

static const char *
take_gs2(struct sasl *x, struct str *in, struct str *authzid)
{
	struct str flag, a, whole = *in;
	const char *wrong;

	if (!str_split(in, ',', &flag) || !str_split(in, ',', &a) || !in->p)
		return "malformed header";
	if ((wrong = check_gs2_flag(x, flag)))
		return wrong;
	*authzid = STR_NULL;
	if (a.n &&
	    (!str_starts(a, STR("a=")) ||
		!sasl_unescape_name(x->arena, str_sub(a, 2, a.n), authzid)))
		return "malformed authorisation identity";
	x->gs2 =
	    arena_str(x->arena, str_sub(whole, 0, (size_t)(in->p - whole.p)));
	return NULL;
}

/* A verifier nobody has the password of, stable for the user name. */
static enum sasl_rc
fake_verifier(struct sasl *x)
{
	uint8_t salt[32];

	x->result = site_secret_for(x->o.site, x->login.user, salt, &x->err);
	if (x->result != SITE_OK)
		return SASL_FAIL;
	x->verifier = (struct scram_verifier){
		.iterations = FAKE_ITERATIONS,
		.salt_len = 16,
	};
	memcpy(x->verifier.salt, salt, 16);
	rnd_bytes(x->verifier.stored_key, sizeof(x->verifier.stored_key));
	return SASL_CONTINUE;
}

static enum sasl_rc
send_first(struct sasl *x, struct str client_nonce, struct buf *out)
{
	struct buf raw = { 0 };
	char nonce[NONCE_LEN];

	rnd_bytes(nonce, sizeof(nonce));
	buf_putstr(&raw, client_nonce);
	base64_encode(&raw, (struct str){ nonce, sizeof(nonce) });
	x->nonce = arena_str(x->arena, buf_str(&raw));
	buf_fini(&raw);
	BUF_LIT(out, "r=");
	buf_putstr(out, x->nonce);
	BUF_LIT(out, ",s=");
	base64_encode(
	    out, (struct str){ x->verifier.salt, x->verifier.salt_len });
	buf_printf(out, ",i=%u", x->verifier.iterations);
	x->server_first = arena_str(x->arena, buf_str(out));
	x->state = 1;
	return SASL_CONTINUE;
}

static enum sasl_rc
client_first(struct sasl *x, struct str in, struct buf *out)
{
	struct str authzid, name, nonce, user;
	const char *wrong = take_gs2(x, &in, &authzid);

	if (wrong)
		return sasl_malformed(x, wrong);
	x->client_bare = arena_str(x->arena, in);
	if (!take_attr(&in, 'n', &name) || !take_attr(&in, 'r', &nonce) ||
	    nonce.n == 0 || nonce.n > NONCE_MAX ||
	    !sasl_unescape_name(x->arena, name, &user) || user.n == 0)
		return sasl_malformed(x, "malformed first message");
	x->hash = strcmp(x->mech->setting, "SCRAM-SHA-1") == 0 ? SCRAM_SHA1
							       : SCRAM_SHA256;
	if (sasl_begin_login(x, user, authzid, x->mech->setting) == SASL_FAIL)
		return SASL_FAIL;
	if (!scram_parse(x->hash, x->login.verifier, &x->verifier) &&
	    fake_verifier(x) == SASL_FAIL)
		return SASL_FAIL;
	return send_first(x, nonce, out);
}

/* c= must repeat the gs2 header, followed by the channel binding bytes. */
static bool
binding_matches(struct sasl *x, struct str c)
{
	struct buf want = { 0 }, got = { 0 };
	bool same;

	buf_putstr(&want, x->gs2);
	if (x->mech->plus)
		buf_putstr(&want, x->binding);
	same = base64_decode(&got, c) && str_eq(buf_str(&want), buf_str(&got));
	buf_fini(&want);
	buf_fini(&got);
	return same;
}

static struct str
auth_message(struct sasl *x, struct str without_proof)
{
	return arena_printf(x->arena, "%.*s,%.*s,%.*s", STR_ARG(x->client_bare),
	    STR_ARG(x->server_first), STR_ARG(without_proof));
}

/* H(proof XOR HMAC(StoredKey, message)) must be StoredKey. */
static bool
proof_matches(struct sasl *x, struct str message, struct str proof)
{
	size_t n = scram_key_len(x->hash);
	uint8_t key[SCRAM_MAX_KEY], digest[SCRAM_MAX_KEY];
	struct buf raw = { 0 };
	bool ok = base64_decode(&raw, proof) && raw.n == n;

	if (ok) {
		scram_hmac(x->hash, x->verifier.stored_key, message, key);
		for (size_t i = 0; i < n; i++)
			key[i] ^= (uint8_t)raw.p[i];
		scram_digest(
		    x->hash, (struct str){ (const char *)key, n }, digest);
		ok = mem_ct_cmp(digest, x->verifier.stored_key, n) == 0;
		mem_wipe(key, sizeof(key));
	}
	buf_fini(&raw);
	return ok;
}

static enum sasl_rc
client_final(struct sasl *x, struct str in, struct buf *out)
{
	struct str rest = in, binding, nonce, proof, message;
	size_t comma = str_rchr(in, ',');
	uint8_t signature[SCRAM_MAX_KEY];

	if (comma == STR_NPOS || !take_attr(&rest, 'c', &binding) ||
	    !take_attr(&rest, 'r', &nonce))
		return sasl_malformed(x, "malformed final message");
	proof = str_sub(in, comma + 1, in.n);
	if (!str_starts(proof, STR("p=")))
		return sasl_malformed(x, "the proof is missing");
	if (!binding_matches(x, binding))
		return sasl_malformed(x, "the channel binding differs");
	if (!str_eq(nonce, x->nonce))
		return sasl_malformed(x, "the nonce differs");
	message = auth_message(x, str_sub(in, 0, comma));
	if (sasl_verdict(x, proof_matches(x, message,
				str_sub(proof, 2, proof.n))) == SASL_FAIL)
		return SASL_FAIL;
	scram_hmac(x->hash, x->verifier.server_key, message, signature);
	BUF_LIT(out, "v=");
	base64_encode(out,
	    (struct str){ (const char *)signature, scram_key_len(x->hash) });
	return SASL_OK;
}

enum sasl_rc
sasl_step_scram(struct sasl *x, struct str in, struct buf *out)
{
	if (x->state == 1)
		return client_final(x, in, out);
	if (!in.p)
		return SASL_CONTINUE; /* an empty challenge asks for it */
	return client_first(x, in, out);
}
