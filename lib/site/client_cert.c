/* SPDX-License-Identifier: BSD-2-Clause */
#include "site/client_cert.h"

#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "base/codec.h"
#include "site/internal.h"

static const struct site_scope whole_site;

/* ------------------------------------------------------------------------
 * The list of an account
 */

static struct str
bytes(const uint8_t fingerprint[CLIENT_CERT_HASH])
{
	return (struct str){ (const char *)fingerprint, CLIENT_CERT_HASH };
}

enum site_rc
site_client_cert_add(struct site *s, const struct site_by *by, struct str id,
    const uint8_t fingerprint[CLIENT_CERT_HASH], struct str label,
    struct err *e)
{
	struct sq *q;
	int64_t n;
	enum site_rc rc = site_change_begin(s, &q, e);

	if (rc != SITE_OK)
		return rc;
	if ((rc = account_number(q, id, &n, e)) == SITE_OK)
		rc = site_insert_rc(
		    sq_run(q, e,
			"INSERT INTO client_certificates VALUES (?, ?, ?, ?)",
			SQ_B(bytes(fingerprint)), SQ_I(n), SQ_T(label),
			SQ_I(clock_now())),
		    e, STR("this certificate of the account"));
	return site_change_end(s, rc, by, "client_cert.add", id, label, e);
}

enum site_rc
site_client_cert_list(struct site *s, struct arena *a, struct str id,
    struct site_client_cert **list, size_t *count, struct err *e)
{
	struct sqlite3_stmt *st;
	struct reader_slot *r;
	struct buf rows = { 0 };
	enum site_rc rc = site_reader(s, &r, e);
	enum sq_rc sq;

	if (rc != SITE_OK)
		return rc;
	sq = sq_start(r->q, &st, e,
	    "SELECT fingerprint, label, created FROM client_certificates"
	    " WHERE account = (SELECT n FROM accounts WHERE id = ?)"
	    " ORDER BY created, fingerprint",
	    SQ_T(id));
	while (sq == SQ_OK && (sq = sq_step(st, e)) == SQ_ROW) {
		struct str blob = sq_blob(st, 0);
		struct site_client_cert c = {
			.label = sq_dup(a, st, 1),
			.created = sq_int(st, 2),
		};

		if (blob.n == CLIENT_CERT_HASH)
			memcpy(c.fingerprint, blob.p, CLIENT_CERT_HASH);
		buf_put(&rows, &c, sizeof(c));
		sq = SQ_OK;
	}
	site_reader_done(s, r);
	*list = site_rows(a, &rows, sizeof(**list), count);
	return site_rc_of(sq);
}

enum site_rc
site_client_cert_remove(struct site *s, const struct site_by *by, struct str id,
    const uint8_t fingerprint[CLIENT_CERT_HASH], struct err *e)
{
	struct sq *q;
	int64_t n;
	enum site_rc rc = site_change_begin(s, &q, e);

	if (rc != SITE_OK)
		return rc;
	if ((rc = account_number(q, id, &n, e)) == SITE_OK)
		rc = site_rc_of(sq_run(q, e,
		    "DELETE FROM client_certificates"
		    " WHERE fingerprint = ? AND account = ?",
		    SQ_B(bytes(fingerprint)), SQ_I(n)));
	if (rc == SITE_OK && sq_changes(q) == 0)
		rc = site_fail(e, SITE_NOTFOUND,
		    "the account has no such client certificate");
	return site_change_end(
	    s, rc, by, "client_cert.remove", id, STR_NULL, e);
}

static bool
hash_of(const X509 *cert, uint8_t out[CLIENT_CERT_HASH])
{
	unsigned n = 0;

	return X509_digest(cert, EVP_sha256(), out, &n) == 1 &&
	       n == CLIENT_CERT_HASH;
}

static bool
hash_of_pem(struct str pem, uint8_t out[CLIENT_CERT_HASH])
{
	BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
	X509 *cert = b ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL;
	bool ok = cert && hash_of(cert, out);

	X509_free(cert);
	BIO_free(b);
	return ok;
}

bool
site_client_cert_fingerprint(struct str text, uint8_t out[CLIENT_CERT_HASH])
{
	char hex[2 * CLIENT_CERT_HASH];
	size_t n = 0;

	if (str_find(text, STR("-----BEGIN")) != STR_NPOS)
		return hash_of_pem(text, out);
	text = str_trim(text);
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == ':')
			continue;
		if (n == sizeof(hex))
			return false;
		hex[n++] = text.p[i];
	}
	return hex_decode((struct str){ hex, n }, out, CLIENT_CERT_HASH);
}

/* ------------------------------------------------------------------------
 * Whose certificate it is
 */

struct users {
	struct arena *arena;
	struct str *list;
	size_t count;
};

static void
add_user(struct users *u, struct str name)
{
	if (u->count < CLIENT_CERT_USERS && name.n > 0 && str_is_utf8(name))
		u->list[u->count++] = arena_str(u->arena, name);
}

static struct str
asn1_text(const ASN1_STRING *s)
{
	return (struct str){ (const char *)ASN1_STRING_get0_data(s),
		(size_t)ASN1_STRING_length(s) };
}

/* SmtpUTF8Mailbox (RFC 9598): an address with more than ASCII in it. */
static void
add_other_name(struct users *u, const OTHERNAME *other)
{
	char oid[64];

	OBJ_obj2txt(oid, sizeof(oid), other->type_id, 1);
	if (strcmp(oid, "1.3.6.1.5.5.7.8.9") == 0 &&
	    other->value->type == V_ASN1_UTF8STRING)
		add_user(u, asn1_text(other->value->value.utf8string));
}

static void
add_addresses(struct users *u, const X509 *cert)
{
	GENERAL_NAMES *names =
	    X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);

		if (n->type == GEN_EMAIL)
			add_user(u, asn1_text(n->d.rfc822Name));
		else if (n->type == GEN_OTHERNAME)
			add_other_name(u, n->d.otherName);
	}
	GENERAL_NAMES_free(names);
}

static void
add_common_names(struct users *u, const X509 *cert)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	int at = -1;

	while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >=
	       0) {
		unsigned char *utf8 = NULL;
		int n = ASN1_STRING_to_UTF8(&utf8,
		    X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));

		if (n > 0)
			add_user(u, (struct str){ (char *)utf8, (size_t)n });
		OPENSSL_free(utf8);
	}
}

static const struct {
	const char *word; /* in login.certificate_names */
	void (*add)(struct users *u, const X509 *cert);
} kinds[] = {
	{ "email", add_addresses },
	{ "cn", add_common_names },
};

static void
add_names(struct site *s, struct users *u, const X509 *cert)
{
	struct str rest =
	    site_setting(s, u->arena, "login.certificate_names", whole_site);
	struct str word;

	while (str_split(&rest, ' ', &word)) {
		for (size_t i = 0; i < LEN(kinds); i++) {
			if (str_ieqc(word, kinds[i].word))
				kinds[i].add(u, cert);
		}
	}
}

static enum site_rc
add_listed(struct site *s, struct users *u, const X509 *cert, struct err *e)
{
	uint8_t fingerprint[CLIENT_CERT_HASH];
	struct sqlite3_stmt *st;
	struct reader_slot *r;
	enum site_rc rc;
	enum sq_rc sq;

	if (!hash_of(cert, fingerprint))
		return SITE_OK;
	if ((rc = site_reader(s, &r, e)) != SITE_OK)
		return rc;
	sq = sq_start(r->q, &st, e,
	    "SELECT a.address FROM client_certificates c"
	    " JOIN accounts a ON a.n = c.account WHERE c.fingerprint = ?"
	    " ORDER BY c.account LIMIT ?",
	    SQ_B(bytes(fingerprint)), SQ_I(CLIENT_CERT_USERS));
	while (sq == SQ_OK && (sq = sq_step(st, e)) == SQ_ROW) {
		add_user(u, sq_str(st, 0));
		sq = SQ_OK;
	}
	site_reader_done(s, r);
	return site_rc_of(sq);
}

/* The connection may be older than the end of it. */
static bool
valid_today(const X509 *cert)
{
	return X509_cmp_current_time(X509_get0_notBefore(cert)) < 0 &&
	       X509_cmp_current_time(X509_get0_notAfter(cert)) > 0;
}

enum site_rc
site_client_cert_users(struct site *s, struct arena *a, const X509 *cert,
    bool trusted, struct str users[CLIENT_CERT_USERS], size_t *count,
    bool *listed, struct err *e)
{
	struct users u = { .arena = a, .list = users };
	enum site_rc rc = SITE_OK;

	*listed = false;
	if (cert && valid_today(cert)) {
		rc = add_listed(s, &u, cert, e);
		*listed = u.count > 0;
		if (rc == SITE_OK && u.count == 0 && trusted)
			add_names(s, &u, cert);
	}
	*count = u.count;
	return rc;
}
