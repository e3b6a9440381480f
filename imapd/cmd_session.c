/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands about the session itself. */
#include "imapd/event_script.h"
#include "imapd/metadata.h"
#include "imapd/place.h"
#include "imapd/tell.h"
#include "site/setting.h"

static const char *const capabilities[] = {
	"IMAP4rev1",
	"IMAP4rev2",
	"SASL-IR",
	"ID",
	"ENABLE",
	"IDLE",
	"NAMESPACE",
	"CHILDREN",
	"UIDPLUS",
	"UNSELECT",
	"MOVE",
	"SPECIAL-USE",
	"CREATE-SPECIAL-USE",
	"LIST-EXTENDED",
	"LIST-STATUS",
	"STATUS=SIZE",
	"ESEARCH",
	"SEARCHRES",
	"WITHIN",
	"SAVEDATE",
	"PARTIAL",
	"SORT",
	"SORT=DISPLAY",
	"ESORT",
	"CONTEXT=SEARCH",
	"CONTEXT=SORT",
	"MULTISEARCH",
	"SEARCH=FUZZY",
	"LANGUAGE",
	"I18NLEVEL=1",
	"I18NLEVEL=2",
	"THREAD=ORDEREDSUBJECT",
	"THREAD=REFERENCES",
	"THREAD=REFS",
	"CONDSTORE",
	"QRESYNC",
	"OBJECTID",
	"NOTIFY",
	"UIDBATCHES",
	"BINARY",
	"MULTIAPPEND",
	"CATENATE",
	"URL-PARTIAL",
	"URLAUTH",
	"URLAUTH=BINARY",
	"REPLACE",
	"UTF8=ACCEPT",
	"PREVIEW",
	"INPROGRESS",
	"UIDONLY",
	"ACL",
	"METADATA",
	"LIST-METADATA",
	"LIST-MYRIGHTS",
	"QUOTA",
	"QUOTASET",
	"QUOTA=RES-STORAGE",
	"QUOTA=RES-MESSAGE",
	"QUOTA=RES-MAILBOX",
	"RIGHTS=kxte",
};

static void
put_mechanisms(const struct session *s, struct buf *out)
{
	struct sasl_options o = session_sasl(s);
	struct arena *a = arena_new();
	struct str names = sasl_mechanisms(&o, a), name;

	while (names.n && str_split(&names, ' ', &name)) {
		BUF_LIT(out, " AUTH=");
		buf_putstr(out, name);
	}
	arena_free(&a);
}

static bool
compress_allowed(const struct session *s)
{
	return site_setting_bool(s->d->site, "imap.compress", session_scope(s));
}

void
put_capabilities(const struct session *s, struct buf *out)
{
	size_t n = LEN(capabilities);

	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_putc(out, ' ');
		buf_puts(out, capabilities[i]);
	}
	/* One of the two (RFC 7888, section 5). */
	buf_puts(out, s->d->literal_minus ? " LITERAL-" : " LITERAL+");
	BUF_LIT(out, " APPENDLIMIT=");
	buf_putu(out, s->d->max_literal);
	if (s->d->message_limit) {
		BUF_LIT(out, " MESSAGELIMIT=");
		buf_putu(out, s->d->message_limit);
	}
	if (event_script_allowed(s)) {
		BUF_LIT(out, " IMAPSIEVE=");
		buf_puts(out, s->d->sieve_url);
	}
	if (s->state != ST_NEW) {
		if (compress_allowed(s) && !conn_compressed(s->conn))
			BUF_LIT(out, " COMPRESS=DEFLATE");
		if (unauthenticate_allowed(s))
			BUF_LIT(out, " UNAUTHENTICATE");
		return;
	}
	if (!conn_tls(s->conn) && conn_starttls_available(s->conn))
		BUF_LIT(out, " STARTTLS");
	if (session_insecure(s))
		BUF_LIT(out, " LOGINDISABLED");
	put_mechanisms(s, out);
}

enum reply
cmd_capability(struct session *s, struct cmd *c)
{
	struct buf *out = conn_out(s->conn);

	(void)c;
	BUF_LIT(out, "* CAPABILITY ");
	put_capabilities(s, out);
	BUF_LIT(out, "\r\n");
	return REPLY_OK;
}

enum reply
cmd_noop(struct session *s, struct cmd *c)
{
	(void)s;
	(void)c;
	return REPLY_OK;
}

enum reply
cmd_logout(struct session *s, struct cmd *c)
{
	(void)c;
	write_untagged(conn_out(s->conn), "BYE Logging out");
	return REPLY_CLOSE;
}

enum reply
cmd_starttls(struct session *s, struct cmd *c)
{
	if (conn_tls(s->conn) || !conn_starttls_available(s->conn))
		return bad(c, "TLS is not available");
	c->text = "Begin TLS negotiation";
	return REPLY_TLS;
}

/* RFC 4978. TLS does not compress here. */
enum reply
cmd_compress(struct session *s, struct cmd *c)
{
	struct str algorithm;

	EXPECT(c, parse_sp(&c->p) && parse_atom(&c->p, &algorithm) &&
		      parse_end(&c->p));
	if (!str_ieqc(algorithm, "DEFLATE") || !compress_allowed(s))
		return bad(c, "Unknown algorithm");
	if (conn_compressed(s->conn))
		return no(c, "COMPRESSIONACTIVE", "DEFLATE active already");
	conn_compress(s->conn, true);
	c->text = "DEFLATE active";
	return REPLY_OK;
}

void
enable_condstore(struct session *s)
{
	if (s->enabled & EN_CONDSTORE)
		return;
	s->enabled |= EN_CONDSTORE;
	/* RFC 7162, section 3.1.2.1: now the client wants to know it. */
	if (s->state == ST_SELECTED)
		tell_modseq(s);
}

/* What ENABLE knows (RFC 5161); other names are ignored. */
static const struct {
	const char *name;
	unsigned bits;
} enables[] = {
	{ "CONDSTORE", EN_CONDSTORE },
	{ "IMAP4REV2", EN_REV2 },
	{ "METADATA", EN_METADATA },
	{ "QRESYNC", EN_QRESYNC | EN_CONDSTORE },
	{ "UIDONLY", EN_UIDONLY },
	{ "UTF8=ACCEPT", EN_UTF8 },
};

/* False: nobody knows it. */
static bool
enable_bits(struct str name, unsigned *bits)
{
	for (size_t i = 0; i < LEN(enables); i++) {
		if (!str_ieqc(name, enables[i].name))
			continue;
		*bits |= enables[i].bits;
		return true;
	}
	return false;
}

static void
enable(struct session *s, unsigned bits)
{
	if (bits & EN_CONDSTORE)
		enable_condstore(s);
	if (bits & ~s->enabled & EN_METADATA)
		s->metadata_since = UINT64_MAX;
	s->enabled |= bits;
	metadata_tell(s); /* so far */
}

/* All or, if it is malformed, nothing. */
enum reply
cmd_enable(struct session *s, struct cmd *c)
{
	struct buf *out = conn_out(s->conn), names = { 0 };
	unsigned bits = 0;
	struct str word;
	bool ok;

	do {
		ok = parse_sp(&c->p) && parse_atom(&c->p, &word);
		if (ok && enable_bits(word, &bits)) {
			buf_putc(&names, ' ');
			buf_putstr(&names, word);
		}
	} while (ok && parse_peek(&c->p) == ' ');
	if (ok && parse_end(&c->p)) {
		enable(s, bits);
		BUF_LIT(out, "* ENABLED");
		buf_putstr(out, buf_str(&names));
		BUF_LIT(out, "\r\n");
	} else {
		bad(c, c->p.error);
		ok = false;
	}
	buf_fini(&names);
	return ok ? REPLY_OK : REPLY_BAD;
}

void
put_namespace(struct session *s)
{
	struct buf *out = conn_out(s->conn);

	BUF_LIT(out, "* NAMESPACE ((\"\" \"/\")) ");
	if (s->others) {
		BUF_LIT(out, "((");
		write_mailbox(out, str_of(s->others), session_utf8(s));
		BUF_LIT(out, " \"/\"))");
	} else {
		BUF_LIT(out, "NIL");
	}
	BUF_LIT(out, " NIL\r\n");
}

enum reply
cmd_namespace(struct session *s, struct cmd *c)
{
	(void)c;
	put_namespace(s);
	return REPLY_OK;
}
