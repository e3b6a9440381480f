/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/greylist_key.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

/* ------------------------------------------------------------------------
 * Places
 */

static void
put_network(struct buf *out, const struct in6_addr *client)
{
	char text[INET6_ADDRSTRLEN] = "";
	struct in6_addr net = *client;

	if (IN6_IS_ADDR_V4MAPPED(client)) {
		net.s6_addr[15] = 0;
		inet_ntop(AF_INET, &net.s6_addr[12], text, sizeof(text));
		buf_printf(out, "%s/24", text);
	} else {
		memset(&net.s6_addr[8], 0, 8);
		inet_ntop(AF_INET6, &net, text, sizeof(text));
		buf_printf(out, "%s/64", text);
	}
}

void
greylist_put_folded(struct buf *out, struct str s)
{
	char *p = buf_reserve(out, s.n);

	for (size_t i = 0; i < s.n; i++)
		p[i] = ascii_lower(s.p[i]);
	out->n += s.n;
}

/* A domain that looks like a network is not taken for one. */
void
greylist_put_place(
    struct buf *out, const struct in6_addr *client, struct str spf_domain)
{
	if (spf_domain.n && spf_domain.p[spf_domain.n - 1] == '.')
		spf_domain.n--;
	if (spf_domain.n && str_chr(spf_domain, '/') == STR_NPOS)
		greylist_put_folded(out, spf_domain);
	else
		put_network(out, client);
}

/* ------------------------------------------------------------------------
 * Senders that are new each time
 */

/* Tags of BATV, and what stands between them and the local part. */
static const struct {
	const char *prefix, *end;
} batv[] = {
	{ "prvs=", "=" },    /* draft-levine-smtp-batv */
	{ "msprvs1=", "=" }, /* SparkPost */
	{ "btv1==", "==" },  /* Barracuda */
};

static struct str
without_batv(struct str local)
{
	for (size_t i = 0; i < LEN(batv); i++) {
		struct str prefix = str_of(batv[i].prefix);
		struct str end = str_of(batv[i].end);
		struct str rest = str_sub(local, prefix.n, STR_NPOS);
		size_t at = str_find(rest, end);

		if (str_istarts(local, prefix) && at != STR_NPOS)
			return str_sub(rest, at + end.n, STR_NPOS);
	}
	return local;
}

#define SRS_TAG 5 /* "SRS0=" */

static bool
has_srs_tag(struct str local, const char *tag)
{
	return local.n > SRS_TAG && str_istarts(local, str_of(tag)) &&
	       memchr("=+-", local.p[SRS_TAG - 1], 3);
}

/* SRS0=hash=day=domain=local: without hash and day. SRS1=hash=domain=...: only
 * the domain, whose own hash and day follow. */
static struct str
without_srs(struct str local)
{
	struct str rest = str_sub(local, SRS_TAG, STR_NPOS), part;

	if (has_srs_tag(local, "SRS0") && str_split(&rest, '=', &part) &&
	    str_split(&rest, '=', &part))
		return rest;
	if (has_srs_tag(local, "SRS1") && str_split(&rest, '=', &part) &&
	    str_split(&rest, '=', &part))
		return part;
	return local;
}

static bool
in_word(char c)
{
	return ascii_digit(c) ||
	       (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
	       (unsigned char)c >= 0x80;
}

#define HEX_WORD 4 /* letters that may be by chance all of a to f */

static bool
is_number(struct str word)
{
	bool hex = word.n >= HEX_WORD;

	for (size_t i = 0; i < word.n; i++) {
		if (ascii_digit(word.p[i]))
			return true;
		hex = hex && ascii_hex(word.p[i]) >= 0;
	}
	return hex;
}

/* "1-2" is a number as "1" is; FROM is where the local part begins. */
static void
put_number(struct buf *out, size_t from)
{
	if (out->n - from >= 2 && out->p[out->n - 2] == '#')
		out->n--;
	else
		buf_putc(out, '#');
}

static void
put_local(struct buf *out, struct str local)
{
	size_t from = out->n, end;

	for (size_t i = 0; i < local.n; i = end) {
		for (end = i; end < local.n && in_word(local.p[end]);)
			end++;
		if (end == i)
			buf_putc(out, local.p[end++]);
		else if (is_number(str_sub(local, i, end - i)))
			put_number(out, from);
		else
			greylist_put_folded(out, str_sub(local, i, end - i));
	}
}

void
greylist_put_sender(struct buf *out, struct str sender)
{
	size_t at = str_rchr(sender, '@');

	put_local(out, without_srs(without_batv(str_sub(sender, 0, at))));
	if (at != STR_NPOS)
		greylist_put_folded(out, str_sub(sender, at, STR_NPOS));
}

/* ------------------------------------------------------------------------
 * Keys
 */

static EVP_MD *sha256;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* To look an algorithm up takes longer than to run it. */
static void
fetch_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

struct greylist_id
greylist_id_of(struct str text)
{
	uint8_t digest[EVP_MAX_MD_SIZE] = { 0 };
	struct greylist_id id;

	pthread_once(&once, fetch_sha256);
	EVP_Digest(text.p ? text.p : "", text.n, digest, NULL, sha256, NULL);
	memcpy(&id, digest, sizeof(id));
	return id;
}

/* Each text ends in NUL, so that no two keys look alike. */
void
greylist_key_init(struct greylist_key *k, const struct greylist_query *q)
{
	size_t ends[KEY_TEXTS], from = 0;

	*k = (struct greylist_key){ 0 };
	greylist_put_place(&k->buf, &q->client, q->spf_domain);
	ends[KEY_PLACE] = k->buf.n;
	buf_putc(&k->buf, '\0');
	greylist_put_sender(&k->buf, q->sender);
	ends[KEY_SENDER] = k->buf.n;
	buf_putc(&k->buf, '\0');
	greylist_put_folded(&k->buf, q->recipient);
	ends[KEY_RECIPIENT] = k->buf.n;
	for (size_t i = 0; i < KEY_TEXTS; from = ends[i++] + 1)
		k->texts[i] = str_sub(buf_str(&k->buf), from, ends[i] - from);
	k->place = greylist_id_of(k->texts[KEY_PLACE]);
	k->stranger = greylist_id_of(buf_str(&k->buf));
}

void
greylist_key_fini(struct greylist_key *k)
{
	buf_fini(&k->buf);
}
