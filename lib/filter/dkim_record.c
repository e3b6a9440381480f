/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/dkim_record.h"

#include <time.h>

#include "base/mem.h"

#define TXT_STRING 255 /* octets in one string of a TXT record */

/* ------------------------------------------------------------------------
 * New ones
 */

/* "20261126-rsa": old enough to tell which is which. */
static struct str
selector_of(struct arena *a, enum key_type type, int64_t now)
{
	time_t t = (time_t)now;
	struct tm tm;
	char day[16];

	gmtime_r(&t, &tm);
	strftime(day, sizeof(day), "%Y%m%d", &tm);
	return arena_printf(a, "%s-%s", day, key_type_name(type));
}

bool
dkim_generate(struct arena *a, struct str domain, struct str selector,
    enum key_type type, unsigned bits, int64_t now, struct site_dkim_key *out,
    struct err *e)
{
	struct private_key *key;
	struct buf pem = { 0 };

	if (!private_key_generate(type, bits, &key, e))
		return false;
	private_key_pem(key, &pem);
	private_key_free(&key);
	*out = (struct site_dkim_key){
		.domain = domain,
		.selector =
		    selector.n > 0 ? selector : selector_of(a, type, now),
		.algorithm = str_of(key_type_name(type)),
		.pem = arena_str(a, buf_str(&pem)),
	};
	mem_wipe(pem.p, pem.n);
	buf_fini(&pem);
	return true;
}

/* ------------------------------------------------------------------------
 * Records
 */

bool
dkim_record(const struct site_dkim_key *k, struct buf *text, struct err *e)
{
	struct private_key *key;

	if (!private_key_parse(k->pem, &key, e))
		return false;
	private_key_record(key, text);
	private_key_free(&key);
	return true;
}

bool
dkim_zone_line(const struct site_dkim_key *k, struct buf *line, struct err *e)
{
	struct buf text = { 0 };
	bool ok = dkim_record(k, &text, e);

	if (ok) {
		buf_printf(line, "%.*s._domainkey.%.*s. IN TXT (",
		    STR_ARG(k->selector), STR_ARG(k->domain));
		for (size_t at = 0; at < text.n; at += TXT_STRING)
			buf_printf(line, " \"%.*s\"",
			    STR_ARG(str_sub(buf_str(&text), at, TXT_STRING)));
		buf_puts(line, " )");
	}
	buf_fini(&text);
	return ok;
}

/* ------------------------------------------------------------------------
 * The DNS
 */

const char *
dkim_shown_name(enum dkim_shown s)
{
	static const char *const names[] = {
		[DKIM_SHOWN] = "published",
		[DKIM_MISSING] = "missing",
		[DKIM_DIFFERENT] = "different",
		[DKIM_UNKNOWN] = "unknown",
	};

	return names[s];
}

static bool
is_ours(struct arena *a, const struct site_dkim_key *k,
    const struct key_record *theirs)
{
	struct buf text = { 0 }, one = { 0 }, other = { 0 };
	struct key_record ours = { 0 };
	struct err e;
	struct str why;
	bool same;

	same = dkim_record(k, &text, &e) &&
	       key_record_parse(a, buf_str(&text), &ours, &why) == KEY_OK;
	if (same) {
		public_key_base64(ours.key, &one);
		public_key_base64(theirs->key, &other);
		same = ours.type == theirs->type &&
		       str_eq(buf_str(&one), buf_str(&other));
	}
	public_key_free(&ours.key);
	buf_fini(&text);
	buf_fini(&one);
	buf_fini(&other);
	return same;
}

enum dkim_shown
dkim_look(struct resolver *r, struct arena *a, const struct site_dkim_key *k,
    struct str *why)
{
	struct key_record theirs;
	enum key_rc rc = key_lookup(r, a, k->selector, k->domain, &theirs, why);
	bool same = rc == KEY_OK && is_ours(a, k, &theirs);

	public_key_free(&theirs.key);
	if (rc == KEY_FAILED)
		return DKIM_UNKNOWN;
	if (rc == KEY_NONE)
		return DKIM_MISSING;
	if (rc == KEY_OK && !same)
		*why = STR("the record there is another key's");
	return same ? DKIM_SHOWN : DKIM_DIFFERENT;
}
