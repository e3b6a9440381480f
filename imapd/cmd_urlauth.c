/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * URLAUTH (RFC 4467; URLAUTH=BINARY of RFC 5524): URLs that let somebody else
 * read one message. Such a URL ends in an HMAC of what stands before it, under
 * a key of the mailbox; taking the key away makes its URLs worthless.
 */
#include <inttypes.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rnd.h"
#include "imapd/place.h"
#include "imapd/url_read.h"
#include "site/scram.h"
#include "site/setting.h"
#include "store/collection.h"

#define KIND STR("urlauth")
#define KEY_LEN 32
/* A byte that names the algorithm, and the HMAC (RFC 4467, section 3). */
#define TOKEN_LEN 33
#define ALGORITHM 1
#define MAX_URLS 100

/* ------------------------------------------------------------------------
 * Keys and tokens
 */

static struct str
key_name(struct arena *a, int64_t mailbox)
{
	return arena_printf(a, "%" PRId64, mailbox);
}

/* STORE_NOTFOUND: there is none, and no URL holds. */
static enum store_rc
get_key(struct session *s, struct account *a, int64_t mailbox,
    uint8_t key[KEY_LEN], struct err *e)
{
	struct buf b = { 0 };
	enum store_rc rc =
	    document_get(a, KIND, key_name(s->arena, mailbox), &b, e);

	if (rc == STORE_OK && b.n != KEY_LEN)
		rc = STORE_NOTFOUND;
	for (size_t i = 0; rc == STORE_OK && i < KEY_LEN; i++)
		key[i] = (uint8_t)b.p[i];
	buf_fini(&b);
	return rc;
}

static enum store_rc
make_key(
    struct session *s, int64_t mailbox, uint8_t key[KEY_LEN], struct err *e)
{
	rnd_bytes(key, KEY_LEN);
	return document_put(s->account, KIND, key_name(s->arena, mailbox),
	    (struct str){ (const char *)key, KEY_LEN }, e);
}

static void
make_token(
    const uint8_t key[KEY_LEN], struct str rump, uint8_t token[TOKEN_LEN])
{
	token[0] = ALGORITHM;
	scram_hmac(SCRAM_SHA256, key, rump, token + 1);
}

/* ------------------------------------------------------------------------
 * Whose URL, for whom
 */

static bool
access_known(struct str access)
{
	return str_ieqc(access, "anonymous") || str_ieqc(access, "authuser") ||
	       (str_istarts(access, STR("user+")) && access.n > 5) ||
	       (str_istarts(access, STR("submit+")) && access.n > 7);
}

/* A server that sends mail for its users may read what they let it
 * (RFC 4467, section 5). */
static bool
is_submission_server(const struct session *s)
{
	return site_setting_bool(
	    s->d->site, "imap.urlauth_submit", session_scope(s));
}

static bool
allowed(const struct session *s, struct str access)
{
	if (str_istarts(access, STR("user+")))
		return place_is_user(s, str_sub(access, 5, access.n));
	if (str_istarts(access, STR("submit+")))
		return is_submission_server(s);
	return true; /* anonymous and authuser: we are logged in */
}

/* ------------------------------------------------------------------------
 * GENURLAUTH, RESETKEY
 */

static enum store_rc
sign(struct session *s, struct str rump, int64_t mailbox, struct err *e)
{
	struct buf *out = conn_out(s->conn), url = { 0 };
	uint8_t key[KEY_LEN], token[TOKEN_LEN];
	enum store_rc rc = get_key(s, s->account, mailbox, key, e);

	if (rc == STORE_NOTFOUND)
		rc = make_key(s, mailbox, key, e);
	if (rc != STORE_OK)
		return rc;
	make_token(key, rump, token);
	mem_wipe(key, sizeof(key));
	buf_putstr(&url, rump);
	BUF_LIT(&url, ":internal:");
	hex_encode(&url, token, sizeof(token));
	buf_putc(out, ' ');
	write_astring(out, buf_str(&url));
	buf_fini(&url);
	return STORE_OK;
}

static enum reply
generate_one(struct session *s, struct cmd *c, struct str rump)
{
	struct imap_url u;
	struct mailbox m;
	struct err e = ERR_INIT;
	enum store_rc rc;

	if (!imap_url_parse(s->arena, rump, &u) || !u.absolute || !u.user.n ||
	    u.mechanism.n || !access_known(u.access))
		return bad(c, "That is no URL to be authorised");
	if (!place_is_user(s, url_owner(s->arena, &u)))
		return no(c, NULL, "That is not your mailbox");
	rc = mailbox_find(s->account, s->arena, u.mailbox, &m, &e);
	if (rc == STORE_OK)
		rc = sign(s, rump, m.id, &e);
	return rc == STORE_OK ? REPLY_OK : store_failed(s, c, rc, &e);
}

static bool
take_mechanism(struct parse *p)
{
	return parse_try_word(p, "INTERNAL") ||
	       parse_fail(p, "unknown mechanism");
}

enum reply
cmd_genurlauth(struct session *s, struct cmd *c)
{
	struct buf *out = conn_out(s->conn);
	size_t start = out->n;
	enum reply r = REPLY_OK;
	struct str rump;

	BUF_LIT(out, "* GENURLAUTH");
	do {
		if (!parse_sp(&c->p) || !parse_astring(&c->p, &rump) ||
		    !parse_sp(&c->p) || !take_mechanism(&c->p))
			r = bad(c, c->p.error);
		else
			r = generate_one(s, c, rump);
	} while (r == REPLY_OK && parse_peek(&c->p) == ' ');
	if (r == REPLY_OK && !parse_end(&c->p))
		r = bad(c, c->p.error);
	if (r != REPLY_OK)
		out->n = start;
	else
		BUF_LIT(out, "\r\n");
	return r;
}

static enum store_rc
reset_all(struct session *s, struct err *e)
{
	struct document *list;
	size_t n;
	enum store_rc rc =
	    document_list(s->account, s->arena, KIND, &list, &n, e);

	for (size_t i = 0; i < n && rc == STORE_OK; i++)
		rc = document_delete(s->account, KIND, list[i].name, e);
	return rc;
}

static enum store_rc
reset_one(struct session *s, struct str path, struct err *e)
{
	struct mailbox m;
	enum store_rc rc = mailbox_find(s->account, s->arena, path, &m, e);

	if (rc != STORE_OK)
		return rc;
	rc = document_delete(s->account, KIND, key_name(s->arena, m.id), e);
	return rc == STORE_NOTFOUND ? STORE_OK : rc;
}

/* RESETKEY [mailbox [mechanism ...]] */
enum reply
cmd_resetkey(struct session *s, struct cmd *c)
{
	bool one = parse_peek(&c->p) == ' ';
	struct err e = ERR_INIT;
	struct str path;
	enum store_rc rc;

	if (one) {
		EXPECT(c, parse_sp(&c->p) && parse_mailbox(&c->p, &path));
		while (parse_try(&c->p, ' '))
			EXPECT(c, take_mechanism(&c->p));
	}
	EXPECT(c, parse_end(&c->p));
	rc = one ? reset_one(s, path, &e) : reset_all(s, &e);
	if (rc != STORE_OK)
		return store_failed(s, c, rc, &e);
	c->code = STR("URLMECH INTERNAL");
	return REPLY_OK;
}

/* ------------------------------------------------------------------------
 * URLFETCH
 */

struct wish {
	struct str url;
	bool extended; /* items were named */
	bool form[3];  /* by enum url_form */
};

static const char *const form_names[] = {
	[URL_BODY] = "BODY",
	[URL_BINARY] = "BINARY",
	[URL_PART_STRUCTURE] = "BODYPARTSTRUCTURE",
};

static bool
take_form(struct parse *p, struct wish *w)
{
	for (size_t i = 0; i < 3; i++) {
		if (parse_try_word(p, form_names[i])) {
			w->form[i] = true;
			return true;
		}
	}
	return parse_fail(p, "unknown item");
}

/* url, or "(url BINARY BODYPARTSTRUCTURE)" */
static bool
take_wish(struct parse *p, struct wish *w)
{
	*w = (struct wish){ .extended = parse_try(p, '(') };
	if (!parse_astring(p, &w->url))
		return false;
	if (!w->extended) {
		w->form[URL_BODY] = true;
		return true;
	}
	while (parse_try(p, ' ')) {
		if (!take_form(p, w))
			return false;
	}
	return parse_char(p, ')');
}

/* The mailbox, if the URL holds; else STORE_NOTFOUND. */
static enum store_rc
authorise(struct session *s, const struct wish *w, struct imap_url *u,
    struct account **a, int64_t *mailbox, struct err *e)
{
	uint8_t key[KEY_LEN], want[TOKEN_LEN], token[TOKEN_LEN];
	struct site_account owner;
	struct mailbox m;
	enum store_rc rc;
	bool same;

	if (!imap_url_parse(s->arena, w->url, u) || !u->absolute ||
	    !u->user.n || !str_ieqc(u->mechanism, "internal") ||
	    !hex_decode(u->token, token, sizeof(token)) ||
	    (u->expire && u->expire < clock_now()) || !allowed(s, u->access) ||
	    site_account_find(s->d->site, s->arena, url_owner(s->arena, u),
		&owner, e) != SITE_OK)
		return STORE_NOTFOUND;
	if ((rc = place_account(s, str_of(owner.id), a, e)) != STORE_OK ||
	    (rc = mailbox_find(*a, s->arena, u->mailbox, &m, e)) != STORE_OK ||
	    (rc = get_key(s, *a, m.id, key, e)) != STORE_OK)
		return rc;
	make_token(key, str_sub(w->url, 0, u->signed_length), want);
	mem_wipe(key, sizeof(key));
	same = mem_ct_cmp(want, token, sizeof(want)) == 0;
	*mailbox = m.id;
	return same ? STORE_OK : STORE_NOTFOUND;
}

static void
put_octets(struct buf *out, struct str text)
{
	if (str_chr(text, '\0') != STR_NPOS)
		buf_putc(out, '~');
	buf_putc(out, '{');
	buf_putu(out, text.n);
	BUF_LIT(out, "}\r\n");
	buf_putstr(out, text);
}

/* One item; NIL if it cannot be had. */
static void
put_form(struct session *s, struct account *a, int64_t mailbox,
    const struct imap_url *u, enum url_form form)
{
	struct buf *out = conn_out(s->conn), text = { 0 };
	struct err e = ERR_INIT;
	enum store_rc rc =
	    a ? url_read(s->arena, a, mailbox, u, form, &text, &e)
	      : STORE_NOTFOUND;

	if (rc != STORE_OK && rc != STORE_NOTFOUND && rc != STORE_INVALID)
		log_error("cannot read what a URL names",
		    LOG_CSTR("session", conn_id(s->conn)), LOG_ERR(&e));
	if (rc != STORE_OK)
		BUF_LIT(out, "NIL");
	else if (form >= URL_PART_STRUCTURE)
		buf_putstr(out, buf_str(&text));
	else
		put_octets(out, buf_str(&text));
	buf_fini(&text);
}

static void
put_wish(struct session *s, const struct wish *w)
{
	static const enum url_form order[] = { URL_PART_STRUCTURE, URL_BODY,
		URL_BINARY };
	struct buf *out = conn_out(s->conn);
	struct account *a = NULL;
	struct imap_url u;
	struct err e = ERR_INIT;
	int64_t mailbox = 0;

	BUF_LIT(out, "* URLFETCH ");
	write_astring(out, w->url);
	if (authorise(s, w, &u, &a, &mailbox, &e) != STORE_OK) {
		BUF_LIT(out, " NIL\r\n");
		return;
	}
	for (size_t i = 0; i < 3; i++) {
		if (!w->form[order[i]])
			continue;
		buf_putc(out, ' ');
		if (w->extended) {
			buf_putc(out, '(');
			buf_puts(out, form_names[order[i]]);
			buf_putc(out, ' ');
		}
		put_form(s, a, mailbox, &u,
		    order[i] == URL_PART_STRUCTURE && w->form[URL_BINARY]
			? URL_DECODED_STRUCTURE
			: order[i]);
		if (w->extended)
			buf_putc(out, ')');
	}
	BUF_LIT(out, "\r\n");
}

struct urlfetch {
	struct wish v[MAX_URLS];
	size_t n, at;
};

static bool
take_wishes(struct parse *p, struct urlfetch *f)
{
	do {
		if (f->n == MAX_URLS)
			return parse_fail(p, "too many URLs");
		if (!parse_sp(p) || !take_wish(p, &f->v[f->n++]))
			return false;
	} while (parse_peek(p) == ' ');
	return parse_end(p);
}

static enum reply
urlfetch_step(struct session *s, struct cmd *c)
{
	struct urlfetch *f = c->data;

	while (f->at < f->n) {
		put_wish(s, &f->v[f->at++]);
		if (f->at < f->n && conn_out_full(s->conn))
			return REPLY_MORE;
	}
	return REPLY_OK;
}

enum reply
cmd_urlfetch(struct session *s, struct cmd *c)
{
	struct urlfetch *f = ARENA_NEW(s->arena, struct urlfetch);

	EXPECT(c, take_wishes(&c->p, f));
	c->data = f;
	c->step = urlfetch_step;
	return urlfetch_step(s, c);
}
