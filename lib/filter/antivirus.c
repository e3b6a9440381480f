/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/antivirus.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/mem.h"
#include "filter/answers.h"
#include "filter/scan_cache.h"
#include "filter/talk.h"

/*
 * The message goes out in blocks, and the first of them waits until it is
 * full: most messages end before that, and if one is known by then, nobody is
 * asked. Of a longer one the scanner has all but the last block when it ends;
 * if that is known, the connection is closed without the mark of the end, and
 * clamd, which scans when it has seen that, has nothing to do. So a message
 * that is known costs no scan, and any message a block of memory.
 */
#define BLOCK 65536
#define ANSWER_MAX 1024

struct antivirus {
	struct scan_cache *cache;
};

struct scan {
	struct antivirus *av;
	struct antivirus_options o;
	struct talk *talk;
	struct sha256 *sha;
	struct buf block;
	uint64_t size;
	uint64_t age; /* of the cache, before anything was asked */
	bool failed;
	struct err why;
};

const char *
scan_result_name(enum scan_result r)
{
	static const char *const names[] = {
		[SCAN_CLEAN] = "clean",
		[SCAN_FOUND] = "found",
		[SCAN_TOO_LARGE] = "too large",
		[SCAN_FAILED] = "failed",
	};

	return names[r];
}

struct antivirus *
antivirus_new(void)
{
	struct antivirus *av = mem_zalloc(sizeof(*av));

	av->cache = scan_cache_new();
	return av;
}

void
antivirus_free(struct antivirus **avp)
{
	struct antivirus *av = *avp;

	*avp = NULL;
	if (!av)
		return;
	scan_cache_free(&av->cache);
	free(av);
}

struct scan *
scan_new(struct antivirus *av, const struct antivirus_options *o)
{
	struct scan *s = mem_zalloc(sizeof(*s));

	s->av = av;
	s->o = *o;
	s->sha = sha256_new();
	s->age = scan_cache_age(av->cache, o);
	return s;
}

void
scan_free(struct scan **sp)
{
	struct scan *s = *sp;
	uint8_t hash[SHA256_LEN];

	*sp = NULL;
	if (!s)
		return;
	if (s->sha)
		sha256_final(&s->sha, hash);
	talk_free(&s->talk);
	buf_fini(&s->block);
	free(s);
}

/* ------------------------------------------------------------------------
 * Sending
 */

static bool
open_stream(struct scan *s)
{
	if (s->talk)
		return true;
	return talk_open(
		   s->o.server, s->o.timeout, ANSWER_MAX, &s->talk, &s->why) &&
	       talk_send(s->talk,
		   (struct str){ "zINSTREAM", sizeof("zINSTREAM") }, &s->why);
}

static struct str
length_of(size_t n, char out[static 4])
{
	for (size_t i = 0; i < 4; i++)
		out[i] = (char)(n >> (24 - 8 * i) & 0xff);
	return (struct str){ out, 4 };
}

static void
send_block(struct scan *s)
{
	char length[4];

	if (s->block.n > 0 && !s->failed)
		s->failed = !open_stream(s) ||
			    !talk_send(s->talk, length_of(s->block.n, length),
				&s->why) ||
			    !talk_send(s->talk, buf_str(&s->block), &s->why);
	buf_clear(&s->block);
}

static bool
too_large(const struct scan *s)
{
	return s->o.max_size > 0 && s->size > s->o.max_size;
}

void
scan_add(struct scan *s, struct str chunk)
{
	s->size += chunk.n;
	if (too_large(s)) {
		talk_free(&s->talk);
		return;
	}
	sha256_add(s->sha, chunk);
	while (chunk.n > 0) {
		struct str part = str_sub(chunk, 0, BLOCK - s->block.n);

		buf_putstr(&s->block, part);
		chunk = str_sub(chunk, part.n, STR_NPOS);
		if (s->block.n == BLOCK)
			send_block(s);
	}
}

/* ------------------------------------------------------------------------
 * The answer
 */

static enum scan_result
ask(struct scan *s, char name[static 128], struct err *e)
{
	char end[4];
	struct str line;

	send_block(s);
	if (!s->failed && open_stream(s) &&
	    talk_send(s->talk, length_of(0, end), &s->why) &&
	    talk_until(s->talk, '\0', &line, &s->why))
		return clamd_answer(s->o.server, line, name, e);
	*e = s->why;
	return SCAN_FAILED;
}

enum scan_result
scan_end(struct scan *s, char name[static 128], struct err *e)
{
	uint8_t hash[SHA256_LEN];
	enum scan_result r;

	name[0] = '\0';
	if (too_large(s)) {
		err_set(e, "%s: not asked, more than %llu octets", s->o.server,
		    (unsigned long long)s->o.max_size);
		return SCAN_TOO_LARGE;
	}
	sha256_final(&s->sha, hash);
	if (scan_cache_get(s->av->cache, s->age, hash, &r, name))
		return r;
	r = ask(s, name, e);
	scan_cache_put(s->av->cache, s->age, hash, r, name);
	return r;
}

bool
antivirus_version(
    const struct antivirus_options *o, char out[static 128], struct err *e)
{
	struct talk *t;
	struct str line;
	bool ok;

	if (!talk_open(o->server, o->timeout, ANSWER_MAX, &t, e))
		return false;
	ok = talk_send(t, (struct str){ "zVERSION", sizeof("zVERSION") }, e) &&
	     talk_until(t, '\0', &line, e) &&
	     clamd_version(o->server, line, out, e);
	talk_free(&t);
	return ok;
}
