/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "filter/greylist_key.h"

/* The domain that SPF vouches for, the sender, and the recipient: a line each,
 * behind the octets of the client's address. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str
upper(struct buf *b, struct str s)
{
	size_t from = b->n;

	for (size_t i = 0; i < s.n; i++)
		buf_putc(b, ascii_upper(s.p[i]));
	return str_sub(buf_str(b), from, s.n);
}

static void
expect(bool ok)
{
	if (!ok)
		abort();
}

/* No longer than what it was made of, and in lower case. */
static void
check(const struct greylist_key *k, const struct greylist_query *q)
{
	expect(k->texts[KEY_SENDER].n <= q->sender.n);
	expect(k->texts[KEY_RECIPIENT].n == q->recipient.n);
	expect(k->texts[KEY_PLACE].n <= q->spf_domain.n + 64);
	for (size_t i = 0; i < k->buf.n; i++)
		expect(k->buf.p[i] < 'A' || k->buf.p[i] > 'Z');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = { (const char *)data, size };
	struct greylist_query q = { 0 }, shouted;
	struct greylist_key k, same;
	struct buf b = { 0 };

	if (size < sizeof(q.client))
		return 0;
	memcpy(&q.client, data, sizeof(q.client));
	rest = str_sub(rest, sizeof(q.client), STR_NPOS);
	str_split(&rest, '\n', &q.spf_domain);
	str_split(&rest, '\n', &q.sender);
	q.recipient = rest;
	greylist_key_init(&k, &q);
	check(&k, &q);

	shouted = q;
	buf_reserve(&b, size);
	shouted.spf_domain = upper(&b, q.spf_domain);
	shouted.sender = upper(&b, q.sender);
	shouted.recipient = upper(&b, q.recipient);
	greylist_key_init(&same, &shouted);
	expect(memcmp(&k.stranger, &same.stranger, sizeof(k.stranger)) == 0);
	expect(memcmp(&k.place, &same.place, sizeof(k.place)) == 0);
	greylist_key_fini(&k);
	greylist_key_fini(&same);
	buf_fini(&b);
	return 0;
}
