/* SPDX-License-Identifier: BSD-2-Clause */
#include "site/sasl.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rnd.h"
#include "site/credentials.h"
#include "site/sasl_mech.h"
#include "site/scram.h"

/* ------------------------------------------------------------------------
 * What mechanisms have in common
 */

enum sasl_rc
sasl_malformed(struct sasl *x, const char *what)
{
	x->result = SITE_INVALID;
	err_set(&x->err, "SASL %s: %s", x->mech->name, what);
	return SASL_FAIL;
}

enum sasl_rc
sasl_begin_login(
    struct sasl *x, struct str user, struct str authzid, const char *verifier)
{
	x->login = (struct login){
		.site = x->o.site,
		.arena = x->arena,
		.peer = x->o.peer,
		.mechanism = str_of(verifier),
		.user = arena_str(x->arena, user),
		.authzid = arena_str(x->arena, authzid),
		.challenge = true,
	};
	x->user = x->login.user;
	x->result = login_find(&x->login, &x->err);
	return x->result == SITE_OK ? SASL_CONTINUE : SASL_FAIL;
}

enum sasl_rc
sasl_verdict(struct sasl *x, bool proved)
{
	x->result = login_verdict(&x->login, proved, &x->delay_ms, &x->err);
	x->account = x->login.account;
	return x->result == SITE_OK ? SASL_OK : SASL_FAIL;
}

static enum sasl_rc
check_password(
    struct sasl *x, struct str user, struct str authzid, struct str password)
{
	struct site_credentials c = {
		.mechanism = str_of(x->mech->name),
		.user = user,
		.authzid = authzid,
		.password = password,
		.peer = x->o.peer,
	};

	x->user = arena_str(x->arena, user);
	x->password = arena_str(x->arena, password);
	x->result = site_login(
	    x->o.site, x->arena, &c, &x->account, &x->delay_ms, &x->err);
	return x->result == SITE_OK ? SASL_OK : SASL_FAIL;
}

/* ------------------------------------------------------------------------
 * PLAIN and LOGIN
 */

static enum sasl_rc
step_plain(struct sasl *x, struct str in, struct buf *out)
{
	struct str authzid, user;

	(void)out;
	if (!in.p)
		return SASL_CONTINUE;
	if (!str_split(&in, '\0', &authzid) || !in.p ||
	    !str_split(&in, '\0', &user) || !in.p ||
	    str_chr(in, '\0') != STR_NPOS)
		return sasl_malformed(
		    x, "expected authzid NUL user NUL password");
	if (user.n == 0)
		return sasl_malformed(x, "the user name is empty");
	return check_password(x, user, authzid, in);
}

/* draft-murchison-sasl-login: prompts, though no client reads them. */
static enum sasl_rc
step_login(struct sasl *x, struct str in, struct buf *out)
{
	if (!in.p || (x->state == 0 && in.n == 0 && x->steps == 1)) {
		buf_puts(out, "Username:");
		return SASL_CONTINUE;
	}
	if (x->state == 0) {
		x->user = arena_str(x->arena, in);
		x->state = 1;
		buf_puts(out, "Password:");
		return SASL_CONTINUE;
	}
	return check_password(x, x->user, STR_NULL, in);
}

/* ------------------------------------------------------------------------
 * CRAM-MD5 (RFC 2195)
 */

static enum sasl_rc
answer_cram(struct sasl *x, struct str user, struct str digest)
{
	char want[33];
	bool proved;

	if (sasl_begin_login(x, user, STR_NULL, "CRAM-MD5") == SASL_FAIL)
		return SASL_FAIL;
	proved = cram_md5_answer(x->login.verifier, x->challenge, want) &&
		 digest.n == 32 && mem_ct_cmp(digest.p, want, 32) == 0;
	return sasl_verdict(x, proved);
}

static enum sasl_rc
step_cram(struct sasl *x, struct str in, struct buf *out)
{
	size_t space;

	if (x->state == 0) {
		if (in.n)
			return sasl_malformed(x, "the server speaks first");
		x->challenge = arena_printf(x->arena, "<%016llx.%lld@%s>",
		    (unsigned long long)rnd_u64(), (long long)clock_now(),
		    x->hostname);
		buf_putstr(out, x->challenge);
		x->state = 1;
		return SASL_CONTINUE;
	}
	space = str_rchr(in, ' ');
	if (space == STR_NPOS || space == 0)
		return sasl_malformed(x, "expected user and digest");
	return answer_cram(
	    x, str_sub(in, 0, space), str_sub(in, space + 1, in.n));
}

/* ------------------------------------------------------------------------
 * The table
 */

/* In the order they are offered: the strongest first. */
static const struct sasl_mech mechanisms[] = {
	/* clang-format off */
	{ "EXTERNAL",           "EXTERNAL",      sasl_step_external, SASL_FIRST, false, sasl_has_external },
	{ "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", sasl_step_scram,    SASL_MUTUAL | SASL_FIRST | SASL_DICTIONARY, true, sasl_can_bind },
	{ "SCRAM-SHA-256",      "SCRAM-SHA-256", sasl_step_scram,    SASL_MUTUAL | SASL_FIRST | SASL_DICTIONARY, false, NULL },
	{ "SCRAM-SHA-1-PLUS",   "SCRAM-SHA-1",   sasl_step_scram,    SASL_MUTUAL | SASL_FIRST | SASL_DICTIONARY, true, sasl_can_bind },
	{ "SCRAM-SHA-1",        "SCRAM-SHA-1",   sasl_step_scram,    SASL_MUTUAL | SASL_FIRST | SASL_DICTIONARY, false, NULL },
	{ "OAUTHBEARER",        "OAUTHBEARER",   sasl_step_oauthbearer, SASL_PLAINTEXT | SASL_FIRST, false, sasl_has_oauth },
	{ "XOAUTH2",            "XOAUTH2",       sasl_step_xoauth2,  SASL_PLAINTEXT | SASL_FIRST, false, sasl_has_oauth },
	{ "CRAM-MD5",           "CRAM-MD5",      step_cram,          SASL_DICTIONARY | SASL_ACTIVE, false, NULL },
	{ "PLAIN",              "PLAIN",         step_plain,         SASL_PLAINTEXT | SASL_FIRST, false, NULL },
	{ "LOGIN",              "LOGIN",         step_login,         SASL_PLAINTEXT, false, NULL },
	/* clang-format on */
};
#define COUNT LEN(mechanisms)

static const struct sasl_mech *
find(struct str name)
{
	for (size_t i = 0; i < COUNT; i++) {
		if (str_ieqc(name, mechanisms[i].name))
			return &mechanisms[i];
	}
	return NULL;
}

unsigned
sasl_flags(struct str mechanism)
{
	const struct sasl_mech *m = find(mechanism);

	return m ? m->flags : 0;
}

const char *const sasl_binding_types[] = { "tls-exporter",
	"tls-server-end-point", "tls-unique", NULL };

bool
sasl_can_bind(const struct sasl_options *o)
{
	struct buf bytes = { 0 };
	bool can = false;

	for (size_t i = 0; o->binding && sasl_binding_types[i] && !can; i++)
		can = o->binding(o->binding_arg, sasl_binding_types[i], &bytes);
	buf_fini(&bytes);
	return can;
}

static bool
usable(const struct sasl_options *o, const struct sasl_mech *m)
{
	if (m->flags & SASL_PLAINTEXT && !o->peer.tls && !o->plaintext)
		return false;
	return mechanism_on(o->site, m->setting) &&
	       (!m->possible || m->possible(o));
}

struct str
sasl_mechanisms(const struct sasl_options *o, struct arena *a)
{
	struct buf b = { 0 };
	struct str out;

	for (size_t i = 0; i < COUNT; i++) {
		if (!usable(o, &mechanisms[i]))
			continue;
		buf_puts(&b, b.n ? " " : "");
		buf_puts(&b, mechanisms[i].name);
	}
	out = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return out;
}

/* ------------------------------------------------------------------------
 * The exchange
 */

bool
sasl_start(
    const struct sasl_options *o, struct str mechanism, struct sasl **out)
{
	const struct sasl_mech *m = find(mechanism);
	struct sasl *x;

	*out = NULL;
	if (!m || !usable(o, m))
		return false;
	x = mem_zalloc(sizeof(*x));
	x->arena = arena_new();
	x->mech = m;
	x->o = *o;
	x->o.peer.address = arena_cstr(x->arena, str_of(o->peer.address));
	x->o.peer.service = arena_cstr(x->arena, str_of(o->peer.service));
	x->hostname = arena_cstr(
	    x->arena, o->hostname ? str_of(o->hostname) : STR("localhost"));
	x->result = SITE_DENIED;
	*out = x;
	return true;
}

enum sasl_rc
sasl_step(struct sasl *x, struct str in, struct buf *challenge)
{
	enum sasl_rc rc;

	buf_clear(challenge);
	x->delay_ms = 0;
	if (x->over)
		return sasl_malformed(x, "the exchange is over");
	if (in.n > SASL_MAX_MESSAGE)
		rc = sasl_malformed(x, "the message is too long");
	else if (++x->steps > SASL_MAX_STEPS)
		rc = sasl_malformed(x, "too many messages");
	else
		rc = x->mech->step(x, in, challenge);
	x->over = rc != SASL_CONTINUE;
	return rc;
}

void
sasl_free(struct sasl **x)
{
	if (!*x)
		return;
	mem_wipe((char *)(uintptr_t)(*x)->password.p, (*x)->password.n);
	arena_free(&(*x)->arena);
	mem_wipe(*x, sizeof(**x));
	free(*x);
	*x = NULL;
}

const struct site_account *
sasl_account(const struct sasl *x)
{
	return &x->account;
}

enum site_rc
sasl_result(const struct sasl *x, unsigned *delay_ms, struct err *e)
{
	*delay_ms = x->delay_ms;
	*e = x->err;
	return x->result;
}

struct str
sasl_user(const struct sasl *x)
{
	return x->user;
}

const char *
sasl_mechanism(const struct sasl *x)
{
	return x->mech->name;
}

struct str
sasl_password(const struct sasl *x)
{
	return x->password;
}
