/* SPDX-License-Identifier: BSD-2-Clause */
#include <opendkim/dkim.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "mailauth/signed.h"
#include "mailauth/verifier_check.h"

/*
 * libopendkim behind our resolver. It gets the key from us, and of the header
 * only what h= chooses. A handle verifies one signature: it could several, but
 * then l= of one counts for all that follow, and a key may be taken from
 * another's.
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
/* What it keeps of h= at most; more it would leave out in silence. */
#define NAMES_OCTETS_MAX 4000

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

/* False: it has no opinion. */
static bool
put_field(struct opendkim *o, const struct field *f, const struct field *self,
    int *others)
{
	DKIM_STAT st;

	if (has_nul(f))
		return false;
	if (f == self)
		o->self = *others;
	else if (str_ieqc(f->name, DKIM_SIGNHEADER) && ++*others > OTHERS_MAX)
		return false;
	st = put_text(o, f->name, f->value);
	/* Of another signature the text counts, not whether it is one. */
	return st == DKIM_STAT_OK || str_ieqc(f->name, DKIM_SIGNHEADER);
}

/*
 * One more that no h= can name, since its name has a space: the library writes
 * behind its list if h= asks for another field once all are used.
 */
static bool
put_header(struct opendkim *o, const struct field *const *chosen, size_t n,
    const struct field *self)
{
	int others = 0;

	for (size_t i = 0; i < n; i++) {
		if (!put_field(o, chosen[i], self, &others))
			return false;
	}
	put_text(o, STR("not signed"), STR(" "));
	return dkim_eoh(o->dkim) == DKIM_STAT_OK && o->sig;
}

static int
by_place(const void *a, const void *b)
{
	const struct field *x = *(const struct field *const *)a;
	const struct field *y = *(const struct field *const *)b;

	return (x > y) - (x < y);
}

/* What h= chooses, and the signature itself, from top to bottom. */
static size_t
choose(struct arena *a, const struct fields *fields, struct str names,
    const struct field *self, const struct field ***out)
{
	struct header *header = header_index(a, fields);
	const struct field **list =
	    arena_array(a, names_total(names) + 1, sizeof(*list));
	struct str name;
	size_t n = 0;

	list[n++] = self;
	while (str_split(&names, ':', &name)) {
		const struct field *f = header_take(header, str_trim(name));

		if (f == self)
			f = header_take(header, str_trim(name));
		if (f)
			list[n++] = f;
	}
	qsort(list, n, sizeof(*list), by_place);
	*out = list;
	return n;
}

/* ------------------------------------------------------------------------
 * The opinion
 */

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

/* Its words on why are lost: we have ours. */
static bool
result_of(const struct opendkim *o, enum signature_result *out)
{
	int error = dkim_sig_geterror(o->sig);
	bool passed = DKIM_SIG_CHECK(o->sig);

	*out = passed ? SIGNATURE_PASS : SIGNATURE_FAIL;
	return passed || dkim_sig_getbh(o->sig) == DKIM_SIGBH_MISMATCH ||
	       error == DKIM_SIGERROR_BADSIG ||
	       error == DKIM_SIGERROR_TOOLARGE_L;
}

/* What dkim_eom() returns is about the best signature; it is asked itself. */
static bool
verify(struct opendkim *o, const struct fields *f, const struct field *self,
    const struct claim *c, struct str body, enum signature_result *out)
{
	const struct field **chosen;
	size_t n = choose(o->a, f, c->names, self, &chosen);

	dkim_set_user_context(o->dkim, o);
	if (!put_header(o, chosen, n, self))
		return false;
	if (body.n > 0)
		dkim_body(o->dkim, (u_char *)(uintptr_t)body.p, body.n);
	dkim_eom(o->dkim, NULL);
	return result_of(o, out);
}

static bool
ask(struct arena *a, const struct key_record *key, const struct fields *f,
    const struct field *self, const struct claim *c, struct str body,
    enum signature_result *out)
{
	struct opendkim o = { .a = a, .record = record_of(a, key) };
	DKIM_STAT st;
	bool has_one;

	pthread_once(&once, set_up);
	o.dkim = dkim_verify(lib, (const u_char *)"-", NULL, &st);
	if (!o.dkim)
		return false;
	has_one = verify(&o, f, self, c, body, out);
	dkim_free(o.dkim);
	return has_one;
}

static const struct field *
find(const struct fields *f, size_t number)
{
	const struct field *found = NULL;
	size_t at = 0;

	for (size_t i = 0; i <= number; i++)
		found = fields_next(f, DKIM_SIGNHEADER, &at);
	return found;
}

/* It wants the last line to end. */
static bool
is_for_it(const struct claim *c, struct str body)
{
	return c->names.n <= NAMES_OCTETS_MAX &&
	       (body.n == 0 || str_iends(body, STR("\r\n")));
}

bool
signature_second_opinion(struct resolver *r, struct arena *a,
    const struct fields *f, struct str body, size_t number,
    enum signature_result *out)
{
	const struct field *self = find(f, number);
	struct key_record key = { 0 };
	struct signature ours;
	struct claim claim;
	bool has_one = false;
	enum key_rc rc;

	if (!self || !signature_parse(a, f, self, 0, &ours, &claim) ||
	    !is_for_it(&claim, body))
		return false;
	rc = key_lookup(r, a, ours.selector, ours.domain, &key, &ours.why);
	if (signature_key(rc, &key, &claim, KEY_MIN_BITS, &ours))
		has_one = ask(a, &key, f, self, &claim, body, out);
	public_key_free(&key.key);
	return has_one;
}
