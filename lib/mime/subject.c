/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/header.h"

#include "mime/internal.h"

/*
 * RFC 5256, section 2.1:
 *
 *	subj-trailer = "(fwd)" / WSP
 *	subj-leader  = (*subj-blob subj-refwd) / WSP
 *	subj-blob    = "[" *BLOBCHAR "]" *WSP
 *	subj-refwd   = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
 *	subj-fwd     = "[fwd:" subject "]"
 */

static struct str
skip_space(struct str s)
{
	while (s.n && mime_is_space(s.p[0]))
		s = str_sub(s, 1, SIZE_MAX);
	return s;
}

/* Past a subj-blob; S itself if there is none. */
static struct str
skip_blob(struct str s)
{
	if (s.n == 0 || s.p[0] != '[')
		return s;
	for (size_t i = 1; i < s.n && s.p[i] != '['; i++) {
		if (s.p[i] == ']')
			return skip_space(str_sub(s, i + 1, SIZE_MAX));
	}
	return s;
}

/* Past subj-refwd; false if there is none. */
static bool
skip_refwd(struct str *s)
{
	struct str rest;

	if (str_istarts(*s, STR("fwd")))
		rest = str_sub(*s, 3, SIZE_MAX);
	else if (str_istarts(*s, STR("re")) || str_istarts(*s, STR("fw")))
		rest = str_sub(*s, 2, SIZE_MAX);
	else
		return false;
	rest = skip_blob(skip_space(rest));
	if (rest.n == 0 || rest.p[0] != ':')
		return false;
	*s = str_sub(rest, 1, SIZE_MAX);
	return true;
}

/* One subj-leader: any blobs, then a refwd. */
static bool
skip_leader(struct str *s)
{
	struct str rest = *s, next;

	while ((next = skip_blob(rest)).n != rest.n)
		rest = next;
	if (!skip_refwd(&rest))
		return false;
	*s = rest;
	return true;
}

static struct str
strip_trailers(struct str s, bool *refwd)
{
	for (s = str_trim(s); str_iends(s, STR("(fwd)")); s = str_trim(s)) {
		s.n -= 5;
		*refwd = true;
	}
	return s;
}

/*
 * Steps 2 to 5. Once no leader is left none can appear: a leader begins with
 * any number of blobs, so the blobs then go without looking for one again,
 * and this stays linear.
 */
static struct str
strip(struct str s, bool *refwd)
{
	struct str rest;

	s = skip_space(strip_trailers(s, refwd));
	while (skip_leader(&s)) {
		*refwd = true;
		s = skip_space(s);
	}
	while ((rest = skip_blob(s)).n != s.n && rest.n)
		s = rest;
	return s;
}

bool
mime_base_subject(struct buf *out, struct str subject)
{
	bool refwd = false;
	struct str s = strip(subject, &refwd);
	char last = '\0';

	while (str_istarts(s, STR("[fwd:")) && s.p[s.n - 1] == ']') {
		refwd = true;
		s = strip(str_sub(s, 5, s.n - 6), &refwd);
	}
	for (size_t i = 0; i < s.n; i++) { /* step 1: white space */
		char c = mime_is_space(s.p[i]) ? ' ' : s.p[i];

		if (c != ' ' || last != ' ')
			buf_putc(out, c);
		last = c;
	}
	return refwd;
}
