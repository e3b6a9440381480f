/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/report_bounce.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/codec.h"
#include "base/log.h"
#include "filter/report_mail.h"
#include "mime/mime.h"

#define TAG 16         /* octets */
#define WHY_MAX 200    /* octets of what the other side said */
#define LINES_MAX 1000 /* of a notification that are looked at */

/* ------------------------------------------------------------------------
 * Envelope ids
 */

bool
report_secret(
    struct filter_db *db, struct arena *a, struct str *out, struct err *e)
{
	struct sq *q = filter_db_reader(db, e);
	struct sqlite3_stmt *s;
	enum sq_rc rc;

	if (!q)
		return false;
	rc = sq_one(q, &s, e, "SELECT key FROM report_secret");
	if (rc == SQ_ROW) {
		*out = arena_str(a, sq_blob(s, 0));
		sq_reset(s);
	}
	filter_db_reader_done(db, &q);
	return rc == SQ_ROW;
}

struct str
report_envid(
    struct arena *a, struct str secret, int64_t period, struct str address)
{
	struct str what =
	    arena_printf(a, "%" PRId64 " %.*s", period, STR_ARG(address));
	unsigned char hash[EVP_MAX_MD_SIZE];
	struct buf id = { 0 };
	struct str out;

	HMAC(EVP_sha256(), secret.p, (int)secret.n,
	    (const unsigned char *)what.p, what.n, hash, NULL);
	buf_printf(&id, "report-%" PRId64 "-", period);
	hex_encode(&id, hash, TAG);
	out = arena_str(a, buf_str(&id));
	buf_fini(&id);
	return out;
}

/* ------------------------------------------------------------------------
 * Notifications
 */

struct notification {
	struct str envid, why;
	bool failed;
};

/* Is LINE the field NAME ("action:")? */
static bool
take_field(struct str line, struct str name, struct str *value)
{
	if (!str_istarts(line, name))
		return false;
	*value = str_trim(str_sub(line, name.n, SIZE_MAX));
	return true;
}

static void
read_line(struct str line, struct notification *n)
{
	struct str action;

	if (take_field(line, STR("original-envelope-id:"), &n->envid) ||
	    take_field(line, STR("diagnostic-code:"), &n->why))
		return;
	if (take_field(line, STR("action:"), &action))
		n->failed |= str_ieqc(action, "failed");
}

static bool
read_notification(struct arena *a, struct str raw, struct notification *n)
{
	struct mime_message *m = mime_parse(a, raw, NULL);
	struct str text, line;

	if (!mime_part_is(m->root, "multipart", "report"))
		return false;
	for (const struct mime_part *p = m->root->child; p; p = p->next) {
		if (!mime_part_is(p, "message", "delivery-status"))
			continue;
		text = mime_part_body(m, p);
		for (int i = 0; i < LINES_MAX && text.n; i++) {
			str_split(&text, '\n', &line);
			read_line(str_trim(line), n);
		}
	}
	return n->failed && n->envid.n > 0;
}

/* ------------------------------------------------------------------------
 * Whose is it?
 */

static bool
period_of(struct str envid, int64_t *out)
{
	struct str rest = envid, word;
	uint64_t n;

	if (!str_split(&rest, '-', &word) || !str_eqc(word, "report") ||
	    !str_split(&rest, '-', &word) || !str_u64(word, &n) ||
	    n > INT64_MAX)
		return false;
	*out = (int64_t)n;
	return true;
}

/* A report that is known to have failed is nobody's. */
static struct str
address_of(struct filter_db *db, struct arena *a, struct str secret,
    int64_t period, struct str envid, struct err *e)
{
	struct sq *q = filter_db_reader(db, e);
	struct str found = STR_NULL;
	struct sqlite3_stmt *s;

	if (!q)
		return found;
	for (enum sq_rc rc = sq_one(q, &s, e,
		 "SELECT address FROM dmarc_sent"
		 " WHERE period = ? AND state = 'sent'",
		 SQ_I(period));
	     rc == SQ_ROW; rc = sq_step(s, e)) {
		struct str address = sq_dup(a, s, 0);

		if (str_eq(report_envid(a, secret, period, address), envid))
			found = address;
	}
	filter_db_reader_done(db, &q);
	return found;
}

static void
note(struct filter_db *db, int64_t period, struct str address, struct str why,
    int64_t now)
{
	log_info(
	    "report_came_back", LOG_STR("to", address), LOG_STR("reason", why));
	filter_db_run(db,
	    "UPDATE dmarc_sent SET state = 'failed', changed = ?, why = ?"
	    " WHERE period = ? AND address = ?",
	    SQ_VALUES(SQ_I(now), SQ_T(why), SQ_I(period), SQ_T(address)));
	report_refused(db, address, why, now);
}

bool
report_came_back(
    struct filter_db *db, struct str raw, int64_t now, struct err *e)
{
	struct arena *a = arena_new();
	struct notification n = { .failed = false };
	struct str secret, address = STR_NULL;
	int64_t period;

	if (read_notification(a, raw, &n) && period_of(n.envid, &period) &&
	    report_secret(db, a, &secret, e))
		address = address_of(db, a, secret, period, n.envid, e);
	if (address.n > 0)
		note(db, period, address,
		    arena_printf(a, "it came back: %.*s",
			STR_ARG(str_sub(n.why, 0, WHY_MAX))),
		    now);
	arena_free(&a);
	return address.n > 0;
}
