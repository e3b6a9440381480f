/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/mem.h"
#include "mailauth/canon.h"

/*
 * Line ends and white space are held back until something follows, since at
 * the end they may not count. So a chunk can end anywhere.
 */
struct body_hash {
	struct sha256 *sha;
	enum canon canon;
	uint64_t left, length;
	bool more;      /* beyond LEFT */
	bool text;      /* something was put */
	bool cr, space; /* held back: one CR, white space of the line */
	uint64_t lines; /* held back: line ends */
	size_t n;       /* in OUT, for the next piece of SHA */
	char out[4096];
};

struct body_hash *
body_hash_new(enum canon c, uint64_t limit)
{
	struct body_hash *h = mem_alloc(sizeof(*h));

	memset(h, 0, offsetof(struct body_hash, out));
	h->sha = sha256_new();
	h->canon = c;
	h->left = limit;
	return h;
}

void
body_hash_free(struct body_hash **h)
{
	uint8_t sum[SHA256_LEN];

	if (!*h)
		return;
	if ((*h)->sha)
		sha256_final(&(*h)->sha, sum);
	free(*h);
	*h = NULL;
}

static void
flush(struct body_hash *h)
{
	sha256_add(h->sha, (struct str){ h->out, h->n });
	h->n = 0;
}

/* What counts, in canonical form. */
static void
put(struct body_hash *h, const char *p, size_t n)
{
	h->text = true;
	if (n > h->left) {
		h->more = true;
		n = (size_t)h->left;
	}
	h->left -= n;
	h->length += n;
	if (n > sizeof(h->out) - h->n)
		flush(h);
	if (n > sizeof(h->out)) {
		sha256_add(h->sha, (struct str){ p, n });
		return;
	}
	memcpy(h->out + h->n, p, n);
	h->n += n;
}

static void
put_text(struct body_hash *h, const char *p, size_t n)
{
	for (; h->lines; h->lines--)
		put(h, "\r\n", 2);
	if (h->space)
		put(h, " ", 1);
	h->space = false;
	put(h, p, n);
}

/* What can be passed on as it stands. */
static bool
is_plain(const struct body_hash *h, char c)
{
	return c != '\r' &&
	       (h->canon == CANON_SIMPLE || (c != ' ' && c != '\t'));
}

/* White space at the end of a line does not count when relaxed; only there is
 * it held back. */
static void
end_line(struct body_hash *h)
{
	h->cr = false;
	h->space = false;
	h->lines++;
}

/* One space between two words stands as it is, so that runs are lines. */
static bool
is_lone_space(const struct body_hash *h, const char *p, size_t n)
{
	return n > 1 && p[0] == ' ' && is_plain(h, p[1]);
}

/* Of text that begins with what is plain. */
static size_t
plain_run(const struct body_hash *h, const char *p, size_t n)
{
	size_t i = 1;
	const char *cr;

	if (h->canon == CANON_SIMPLE) {
		cr = memchr(p, '\r', n);
		return cr ? (size_t)(cr - p) : n;
	}
	while (i < n && (is_plain(h, p[i]) || is_lone_space(h, p + i, n - i)))
		i++;
	return i;
}

/* Without the CR, which the last octet may have been. */
static size_t
add_some(struct body_hash *h, const char *p, size_t n)
{
	size_t run;

	if (h->cr && *p == '\n') {
		end_line(h);
		return 1;
	}
	if (h->cr) { /* alone: it is text */
		h->cr = false;
		put_text(h, "\r", 1);
	}
	if (*p == '\r') {
		h->cr = true;
		return 1;
	}
	if (!is_plain(h, *p)) {
		h->space = true;
		return 1;
	}
	run = plain_run(h, p, n);
	put_text(h, p, run);
	return run;
}

void
body_hash_add(struct body_hash *h, struct str chunk)
{
	while (chunk.n) {
		size_t n = add_some(h, chunk.p, chunk.n);

		chunk.p += n;
		chunk.n -= n;
	}
}

/* A body that does not end a line gets the CRLF; so does an empty one when
 * simple. */
void
body_hash_end(
    struct body_hash *h, unsigned char out[32], uint64_t *length, bool *more)
{
	if (h->cr)
		put_text(h, "\r", 1);
	if (h->text || h->canon == CANON_SIMPLE)
		put(h, "\r\n", 2);
	flush(h);
	sha256_final(&h->sha, out);
	*length = h->length;
	*more = h->more;
}
