/* SPDX-License-Identifier: BSD-2-Clause */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "sieve/match.h"

#include <pcre2.h>
#include <stdlib.h>

#include "base/mem.h"

/*
 * Regular expressions by PCRE2, which counts its steps: a pattern that would
 * run for ever meets a limit. What it adds to the extended expressions of
 * POSIX does no harm to those that are written in them.
 */

#define PATTERN_MAX 4096
#define DEPTH_LIMIT 1000
#define HEAP_LIMIT 4096 /* KiB */

struct sieve_regex {
	pcre2_code *code;
};

static pcre2_code *
compile(struct str pattern, bool caseless, struct buf *why)
{
	uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF |
			   PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY |
			   (caseless ? PCRE2_CASELESS : 0);
	PCRE2_UCHAR text[256];
	PCRE2_SIZE at;
	int rc;
	pcre2_code *code = pcre2_compile(
	    (PCRE2_SPTR)pattern.p, pattern.n, options, &rc, &at, NULL);

	if (code)
		return code;
	pcre2_get_error_message(rc, text, sizeof(text));
	buf_printf(why, "%s (at character %zu)", (const char *)text, at);
	return NULL;
}

struct sieve_regex *
sieve_regex_new(struct str pattern, bool caseless, struct buf *why)
{
	struct sieve_regex *re;
	pcre2_code *code;

	if (pattern.n > PATTERN_MAX) {
		buf_printf(why, "it is longer than the limit of %d octets",
		    PATTERN_MAX);
		return NULL;
	}
	code = compile(pattern.p ? pattern : STR(""), caseless, why);
	if (!code)
		return NULL;
	re = mem_alloc(sizeof(*re));
	re->code = code;
	return re;
}

void
sieve_regex_free(struct sieve_regex **re)
{
	if (!*re)
		return;
	pcre2_code_free((*re)->code);
	free(*re);
	*re = NULL;
}

static int
match(const struct sieve_regex *re, struct str value, uint64_t steps,
    pcre2_match_data *data)
{
	pcre2_match_context *context = pcre2_match_context_create(NULL);
	int rc;

	pcre2_set_match_limit(context, (uint32_t)steps);
	pcre2_set_depth_limit(context, DEPTH_LIMIT);
	pcre2_set_heap_limit(context, HEAP_LIMIT);
	rc = pcre2_match(re->code, (PCRE2_SPTR)(value.p ? value.p : ""),
	    value.n, 0, 0, data, context);
	pcre2_match_context_free(context);
	return rc;
}

static struct str
group(pcre2_match_data *data, struct str value, size_t i)
{
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(data);

	if (at[2 * i] == PCRE2_UNSET || at[2 * i] > at[2 * i + 1])
		return STR("");
	return str_sub(value, at[2 * i], at[2 * i + 1] - at[2 * i]);
}

static void
publish(struct sieve_run *r, pcre2_match_data *data, struct str value, int n)
{
	sieve_match_clear(r);
	for (int i = 0; i < n; i++)
		sieve_match_add(r, group(data, value, (size_t)i));
}

enum sieve_answer
sieve_regex_match(
    struct sieve_run *r, const struct sieve_regex *re, struct str value)
{
	pcre2_match_data *data =
	    pcre2_match_data_create_from_pattern(re->code, NULL);
	int rc = match(re, value, r->limits->regex, data);

	if (rc > 0)
		publish(r, data, value, rc);
	pcre2_match_data_free(data);
	if (rc > 0)
		return SIEVE_YES;
	if (rc == PCRE2_ERROR_NOMATCH)
		return SIEVE_NO;
	sieve_fail(r, SIEVE_LIMIT,
	    "the regular expression takes too long: more than the limit of "
	    "%" PRIu64 " steps",
	    r->limits->regex);
	return SIEVE_FAILED;
}

bool
sieve_regex_group(
    const struct sieve_regex *re, struct str value, struct str *out)
{
	pcre2_match_data *data =
	    pcre2_match_data_create_from_pattern(re->code, NULL);
	int rc = match(re, value, sieve_limits_default.regex, data);

	if (rc > 0)
		*out = group(data, value, rc > 1 ? 1 : 0);
	pcre2_match_data_free(data);
	return rc > 0;
}
