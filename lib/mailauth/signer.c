/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "base/codec.h"
#include "base/mem.h"
#include "mailauth/dkim.h"
#include "mailauth/signed.h"

/*
 * Signing is ours, with the parts that ARC needs anyway. libopendkim parses the
 * private key for every signature, which costs more than to sign; always says
 * t=; has x= and the fields that are oversigned for all messages alike; and of
 * two fields with one name it signs the upper one first, which no verifier
 * does.
 */
struct signer {
	const struct fields *fields;
	const struct private_key *key;
	const struct signer_options *o;
	struct header *header;
	struct body_hash *body;
};

/*
 * Signed once more than they occur, so that nobody puts in another: what
 * readers see or programs act upon. Not List-*, Sender, Resent-*: those who
 * send mail on put them in for good reasons.
 */
#define OVERSIGNED                                                             \
	"From:Reply-To:To:Cc:Subject:Date:Message-ID:In-Reply-To:References:"  \
	"MIME-Version:Content-Type:Content-Transfer-Encoding:"                 \
	"Content-Disposition"

static bool
check_options(
    const struct fields *f, const struct signer_options *o, struct err *e)
{
	if (fields_count(f, "from") == 0)
		err_set(e, "there is no From to sign");
	else if (o->domain.n == 0 || o->selector.n == 0)
		err_set(e, "a signature needs a domain and a selector");
	else
		return true;
	return false;
}

bool
signer_new(struct arena *a, const struct fields *fields,
    const struct private_key *k, const struct signer_options *o,
    struct signer **out, struct err *e)
{
	struct signer *s;

	*out = NULL;
	if (!check_options(fields, o, e))
		return false;
	s = mem_zalloc(sizeof(*s));
	s->fields = fields;
	s->key = k;
	s->o = o;
	s->header = header_index(a, fields);
	s->body = body_hash_new(o->body, UINT64_MAX);
	*out = s;
	return true;
}

void
signer_body(struct signer *s, struct str chunk)
{
	body_hash_add(s->body, chunk);
}

void
signer_free(struct signer **s)
{
	if (!*s)
		return;
	body_hash_free(&(*s)->body);
	free(*s);
	*s = NULL;
}

/* ------------------------------------------------------------------------
 * The field
 */

static void
put_forms(struct signer *s, struct tag_writer *w)
{
	static const char *const names[] = { "simple", "relaxed" };
	struct buf c = { 0 };

	buf_printf(&c, "%s/%s", names[s->o->header], names[s->o->body]);
	tags_put(w, "c", buf_str(&c));
	buf_fini(&c);
}

static void
put_times(struct signer *s, struct tag_writer *w)
{
	if (s->o->now > 0)
		tags_put_number(w, "t", (uint64_t)s->o->now);
	if (s->o->now > 0 && s->o->lifetime > 0)
		tags_put_number(w, "x", (uint64_t)s->o->now + s->o->lifetime);
}

static void
put_tags(struct signer *s, struct tag_writer *w, struct str names)
{
	unsigned char hash[SHA256_LEN];
	uint64_t length;
	bool more;

	body_hash_end(s->body, hash, &length, &more);
	tags_put(w, "v", STR("1"));
	tags_put(w, "a", str_of(private_key_algorithm(s->key)));
	put_forms(s, w);
	tags_put(w, "d", s->o->domain);
	tags_put(w, "s", s->o->selector);
	if (s->o->identity.n)
		tags_put(w, "i", s->o->identity);
	put_times(s, w);
	tags_put(w, "h", names);
	tags_put_base64(w, "bh", (struct str){ (char *)hash, SHA256_LEN });
	tags_put_b(w);
}

bool
signer_end(struct signer *s, struct buf *out, struct err *e)
{
	struct field self = { STR("DKIM-Signature"), STR_NULL };
	struct buf names = { 0 }, value = { 0 };
	unsigned char hash[SHA256_LEN];
	struct tag_writer w;
	bool ok;

	names_signed(&names, s->fields,
	    s->o->oversign.n ? s->o->oversign : STR(OVERSIGNED));
	tags_begin(&w, &value);
	put_tags(s, &w, buf_str(&names));
	self.value = buf_str(&value);
	header_hash(s->header, buf_str(&names), &self, s->o->header, hash);
	ok = tags_sign(&w, s->key, hash, true, e);
	if (ok)
		buf_putstr(out, buf_str(&value));
	buf_fini(&names);
	buf_fini(&value);
	return ok;
}
