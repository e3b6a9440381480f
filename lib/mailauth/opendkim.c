/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/opendkim.h"

#include <opendkim/dkim.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/*
 * A handle verifies one signature. It could several, but then l= of one counts
 * for all that follow, and a key may be taken from another's.
 */
struct opendkim {
	struct arena *a;
	DKIM *dkim;
	int self; /* which of the signatures that it got is the one */
	struct str record;
	DKIM_SIGINFO *sig;
};

/* Of other signatures that this one covers. Each is another hash. */
#define OTHERS_MAX 8

/* ------------------------------------------------------------------------
 * The library
 */

static DKIM_LIB *lib;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* All but ours are looked at no further. */
static DKIM_CBSTAT
prescreen(DKIM *dkim, DKIM_SIGINFO **sigs, int n)
{
	struct opendkim *o = dkim_get_user_context(dkim);

	for (int i = 0; i < n; i++) {
		if (i == o->self)
			o->sig = sigs[i];
		else
			dkim_sig_ignore(sigs[i]);
	}
	return DKIM_CBSTAT_CONTINUE;
}

static DKIM_CBSTAT
key_of(DKIM *dkim, DKIM_SIGINFO *sig, u_char *buf, size_t size)
{
	const struct opendkim *o = dkim_get_user_context(dkim);

	(void)sig;
	if (o->record.n >= size)
		return DKIM_CBSTAT_ERROR;
	memcpy(buf, o->record.p, o->record.n);
	buf[o->record.n] = '\0';
	return DKIM_CBSTAT_CONTINUE;
}

/* Keys only at the end, when they are known; malformed signatures are counted,
 * so that ours is found among them. How short a key may be is our affair. */
static void
set_up(void)
{
	u_int flags = DKIM_LIBFLAGS_DELAYSIGPROC | DKIM_LIBFLAGS_BADSIGHANDLES;
	u_int bits = 0;

	lib = dkim_init(NULL, NULL);
	if (!lib)
		abort(); /* only for want of memory */
	dkim_options(
	    lib, DKIM_OP_SETOPT, DKIM_OPTS_FLAGS, &flags, sizeof(flags));
	dkim_options(
	    lib, DKIM_OP_SETOPT, DKIM_OPTS_MINKEYBITS, &bits, sizeof(bits));
	dkim_set_prescreen(lib, prescreen);
	dkim_set_key_lookup(lib, key_of);
}

/* ------------------------------------------------------------------------
 * The header
 */

/* With CRLF where lines are folded; without one at the end. */
static DKIM_STAT
put_text(struct opendkim *o, struct str name, struct str value)
{
	struct buf text = { 0 };
	DKIM_STAT st;

	canon_field(&text, CANON_SIMPLE, name, value);
	st = dkim_header(o->dkim, (u_char *)text.p, text.n - 2);
	buf_fini(&text);
	return st;
}

/* The library takes text to end at a NUL. */
static bool
has_nul(const struct field *f)
{
	return str_chr(f->value, '\0') != STR_NPOS;
}

static bool
fail(struct str *why, const char *what)
{
	*why = str_of(what);
	return false;
}

static bool
put_field(struct opendkim *o, const struct field *f, const struct field *self,
    int *others, struct str *why)
{
	DKIM_STAT st;

	if (has_nul(f))
		return fail(why, "a field that is signed has a NUL");
	if (f == self)
		o->self = *others;
	else if (str_ieqc(f->name, DKIM_SIGNHEADER) && ++*others > OTHERS_MAX)
		return fail(why, "it covers too many other signatures");
	st = put_text(o, f->name, f->value);
	/* Of another signature the text counts, not whether it is one. */
	if (st != DKIM_STAT_OK && !str_ieqc(f->name, DKIM_SIGNHEADER))
		return fail(why, "a field that is signed cannot be read");
	return true;
}

/*
 * One more that no h= can name, since its name has a space: the library writes
 * behind its list if h= asks for another field once all are used.
 */
static bool
put_header(struct opendkim *o, const struct field *const *chosen, size_t n,
    const struct field *self, struct str *why)
{
	int others = 0;

	for (size_t i = 0; i < n; i++) {
		if (!put_field(o, chosen[i], self, &others, why))
			return false;
	}
	put_text(o, STR("not signed"), STR(" "));
	switch (dkim_eoh(o->dkim)) {
	case DKIM_STAT_OK:
		return o->sig || fail(why, "it cannot be read");
	case DKIM_STAT_NOSIG:
		return fail(why, "it cannot be read");
	default:
		*why = arena_str(o->a, str_of(dkim_geterror(o->dkim)));
		return false;
	}
}

struct opendkim *
opendkim_new(struct arena *a, const struct field *const *chosen, size_t n,
    const struct field *self, struct str *why)
{
	struct opendkim *o = ARENA_NEW(a, struct opendkim);
	DKIM_STAT st;

	pthread_once(&once, set_up);
	o->a = a;
	o->dkim = dkim_verify(lib, (const u_char *)"-", NULL, &st);
	if (!o->dkim) {
		fail(why, dkim_getresultstr(st));
		return NULL;
	}
	dkim_set_user_context(o->dkim, o);
	if (!put_header(o, chosen, n, self, why))
		opendkim_free(&o);
	return o;
}

void
opendkim_free(struct opendkim **o)
{
	if (*o)
		dkim_free((*o)->dkim);
	*o = NULL;
}

/* ------------------------------------------------------------------------
 * Body and end
 */

void
opendkim_body(struct opendkim *o, struct str chunk)
{
	if (chunk.n)
		dkim_body(o->dkim, (u_char *)(uintptr_t)chunk.p, chunk.n);
}

static struct str
record_of(struct arena *a, const struct key_record *key)
{
	struct buf b = { 0 };
	struct str record;

	buf_printf(&b, "v=DKIM1; k=%s; p=", key_type_name(key->type));
	public_key_base64(key->key, &b);
	record = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return record;
}

static enum signature_result
result_of(struct opendkim *o, struct str *why)
{
	int error = dkim_sig_geterror(o->sig);

	if (DKIM_SIG_CHECK(o->sig))
		return SIGNATURE_PASS;
	if (dkim_sig_getbh(o->sig) == DKIM_SIGBH_MISMATCH)
		*why = STR("the body was changed");
	else if (error == DKIM_SIGERROR_BADSIG)
		*why = STR("the header was changed, or the key is another");
	else
		*why = str_of(dkim_sig_geterrorstr(error));
	return error == DKIM_SIGERROR_BADSIG ||
		       error == DKIM_SIGERROR_TOOLARGE_L
		   ? SIGNATURE_FAIL
		   : SIGNATURE_NEUTRAL;
}

/* What dkim_eom() returns is about the best signature; it is asked itself. */
enum signature_result
opendkim_end(struct opendkim *o, const struct key_record *key, struct str *why)
{
	o->record = record_of(o->a, key);
	dkim_eom(o->dkim, NULL);
	return result_of(o, why);
}
