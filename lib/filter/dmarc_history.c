/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/dmarc_history.h"

#include <string.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/mem.h"

#define TEXT_MAX 512 /* octets of a value */

/* The texts of a note, one after the other; from SOURCE on they are the row's,
 * in the order of its columns. */
enum text {
	DOMAIN,
	RECORD,
	DISCOVERY,
	SOURCE,
	DISPOSITION,
	DKIM,
	SPF,
	REASON,
	COMMENT,
	HEADER_FROM,
	ENVELOPE_FROM,
	SIGNATURES,
	SPF_DOMAIN,
	SPF_SCOPE,
	SPF_RESULT,
	TEXTS,
};

struct note_job {
	struct filter_job job;
	int64_t begin, end, now;
	uint8_t key[SHA256_LEN];
	size_t lengths[TEXTS];
	char texts[];
};

/* ------------------------------------------------------------------------
 * Writing, on the thread of filter.db
 */

static void
read_texts(const struct note_job *j, struct str texts[TEXTS])
{
	const char *p = j->texts;

	for (unsigned i = 0; i < TEXTS; p += j->lengths[i++])
		texts[i] = (struct str){ p, j->lengths[i] };
}

static enum sq_rc
put_period(
    struct sq *q, const struct note_job *j, const struct str *t, struct err *e)
{
	return sq_run(q, e,
	    "INSERT INTO dmarc_periods (domain, begin, end, created, record,"
	    " discovery) SELECT ?, ?, ?, ?, ?, ?"
	    " WHERE (SELECT ifnull(max(id), 0) FROM dmarc_periods)"
	    " - (SELECT ifnull(min(id), 0) FROM dmarc_periods"
	    " WHERE done IS NULL) < ?"
	    " ON CONFLICT (domain, begin, end) DO UPDATE"
	    " SET record = excluded.record, discovery = excluded.discovery",
	    SQ_T(t[DOMAIN]), SQ_I(j->begin), SQ_I(j->end), SQ_I(j->now),
	    SQ_T(t[RECORD]), SQ_T(t[DISCOVERY]), SQ_I(HISTORY_PERIODS));
}

/* 0: there is none, or its report is already sent. */
static enum sq_rc
find_period(struct sq *q, const struct note_job *j, const struct str *t,
    int64_t *id, int64_t *rows, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(q, &s, e,
	    "SELECT id, rows FROM dmarc_periods"
	    " WHERE domain = ? AND begin = ? AND end = ? AND done IS NULL",
	    SQ_T(t[DOMAIN]), SQ_I(j->begin), SQ_I(j->end));

	*id = rc == SQ_ROW ? sq_int(s, 0) : 0;
	*rows = rc == SQ_ROW ? sq_int(s, 1) : 0;
	if (rc == SQ_ROW)
		sq_reset(s);
	return rc == SQ_ROW || rc == SQ_DONE ? SQ_OK : rc;
}

static enum sq_rc
add_row(struct sq *q, const struct note_job *j, int64_t id, const struct str *t,
    struct err *e)
{
	struct sq_value v[TEXTS + 3] = { SQ_I(id),
		SQ_B(((struct str){ (const char *)j->key, SHA256_LEN })) };
	unsigned n = 2;
	enum sq_rc rc;

	for (unsigned i = SOURCE; i < TEXTS; i++)
		v[n++] = SQ_T(t[i]);
	rc = sq_runv(q,
	    "INSERT INTO dmarc_rows VALUES"
	    " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
	    v, e);
	if (rc == SQ_OK)
		rc = sq_run(q, e,
		    "UPDATE dmarc_periods SET rows = rows + 1 WHERE id = ?",
		    SQ_I(id));
	return rc;
}

static enum sq_rc
count_row(struct sq *q, const struct note_job *j, int64_t id, int64_t rows,
    const struct str *t, struct err *e)
{
	struct str key = { (const char *)j->key, SHA256_LEN };
	enum sq_rc rc = sq_run(q, e,
	    "UPDATE dmarc_rows SET count = count + 1"
	    " WHERE period = ? AND key = ?",
	    SQ_I(id), SQ_B(key));

	if (rc != SQ_OK || sq_changes(q) > 0)
		return rc;
	if (rows < HISTORY_ROWS)
		return add_row(q, j, id, t, e);
	return sq_run(q, e,
	    "UPDATE dmarc_periods SET lost = lost + 1 WHERE id = ?", SQ_I(id));
}

static enum sq_rc
apply(struct sq *q, const struct filter_job *job, struct err *e)
{
	const struct note_job *j = (const struct note_job *)job;
	struct str t[TEXTS];
	int64_t id, rows;
	enum sq_rc rc;

	read_texts(j, t);
	rc = put_period(q, j, t, e);
	if (rc == SQ_OK)
		rc = find_period(q, j, t, &id, &rows, e);
	return rc == SQ_OK && id ? count_row(q, j, id, rows, t, e) : rc;
}

/* ------------------------------------------------------------------------
 * Noting
 */

/* Words of strangers become one word: nothing in it separates. */
static void
put_word(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n && i < TEXT_MAX; i++) {
		unsigned char c = (unsigned char)s.p[i];

		buf_putc(out, c <= ' ' || c == 0x7f ? '?' : s.p[i]);
	}
	if (s.n == 0)
		buf_putc(out, '-');
}

static void
put_signatures(struct buf *out, const struct dmarc_note *n)
{
	for (size_t i = 0; i < n->nsignatures && i < HISTORY_SIGNATURES; i++) {
		const struct signature *s = &n->signatures[i];

		put_word(out, s->domain);
		buf_putc(out, ' ');
		put_word(out, s->selector);
		buf_printf(out, " %s\n", signature_result_name(s->result));
	}
}

static const char *
pass(bool yes)
{
	return yes ? "pass" : "fail";
}

static struct note_job *
make_job(const struct str t[TEXTS])
{
	struct note_job *j;
	size_t n = 0;

	for (unsigned i = 0; i < TEXTS; i++)
		n += t[i].n;
	j = mem_zalloc(sizeof(*j) + n);
	n = 0;
	for (unsigned i = 0; i < TEXTS; n += t[i++].n) {
		j->lengths[i] = t[i].n;
		if (t[i].n)
			memcpy(j->texts + n, t[i].p, t[i].n);
	}
	return j;
}

static void
make_key(struct note_job *j)
{
	struct sha256 *h = sha256_new();
	struct str t[TEXTS];

	read_texts(j, t);
	for (unsigned i = SOURCE; i < TEXTS; i++) {
		sha256_add(h, t[i]);
		sha256_add(h, (struct str){ "", 1 });
	}
	sha256_final(&h, j->key);
}

void
dmarc_history_note(struct filter_db *db, const struct dmarc_note *n,
    int64_t now, unsigned period)
{
	struct buf signatures = { 0 };
	struct note_job *j;

	put_signatures(&signatures, n);
	j = make_job((const struct str[TEXTS]){
	    [DOMAIN] = str_sub(n->domain, 0, TEXT_MAX),
	    [RECORD] = n->record,
	    [DISCOVERY] = str_of(n->discovery),
	    [SOURCE] = str_of(n->source_ip),
	    [DISPOSITION] = str_of(n->disposition),
	    [DKIM] = str_of(pass(n->dkim)),
	    [SPF] = str_of(pass(n->spf)),
	    [REASON] = str_of(n->reason),
	    [COMMENT] = str_sub(n->comment, 0, TEXT_MAX),
	    [HEADER_FROM] = str_sub(n->header_from, 0, TEXT_MAX),
	    [ENVELOPE_FROM] = str_sub(n->envelope_from, 0, TEXT_MAX),
	    [SIGNATURES] = buf_str(&signatures),
	    [SPF_DOMAIN] = str_sub(n->spf_domain, 0, TEXT_MAX),
	    [SPF_SCOPE] = str_of(n->spf_scope),
	    [SPF_RESULT] = str_of(n->spf_result),
	});
	buf_fini(&signatures);
	make_key(j);
	j->job.apply = apply;
	j->now = now;
	j->begin = now - now % (int64_t)period;
	j->end = j->begin + (int64_t)period;
	filter_db_put(db, &j->job);
}
