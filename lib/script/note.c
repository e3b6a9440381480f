/* SPDX-License-Identifier: BSD-2-Clause */
#include "script/note.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "store/collection.h"

#define KIND STR("sieve.note")
#define PAUSE 3600

/* A note is the hash in hexadecimal, the time in seconds and the sentence,
 * separated by spaces. */
struct note {
	struct str hash, text;
	uint64_t at;
};

static bool
parse(struct str value, struct note *out)
{
	struct str at;

	return str_split(&value, ' ', &out->hash) &&
	       str_split(&value, ' ', &at) && str_u64(at, &out->at) &&
	       ((out->text = value).n > 0);
}

static void
put_hash(struct buf *out, const uint8_t hash[32])
{
	hex_encode(out, hash, SHA256_LEN);
}

/* Of the script as it is now. */
static bool
is_of(const struct note *n, const uint8_t hash[32])
{
	struct buf hex = { 0 };
	bool same;

	put_hash(&hex, hash);
	same = str_eq(n->hash, buf_str(&hex));
	buf_fini(&hex);
	return same;
}

static bool
said_lately(struct account *a, struct str name, const uint8_t hash[32],
    struct str text, int64_t now)
{
	struct buf value = { 0 };
	struct err e = ERR_INIT;
	struct note n;
	bool said = document_get(a, KIND, name, &value, &e) == STORE_OK &&
		    parse(buf_str(&value), &n) && is_of(&n, hash) &&
		    str_eq(n.text, text) && now - (int64_t)n.at < PAUSE;

	buf_fini(&value);
	return said;
}

void
script_note_put(struct account *a, struct str name, const uint8_t hash[32],
    const struct sieve_diag *why)
{
	struct buf text = { 0 }, value = { 0 };
	int64_t now = clock_now();
	struct err e = ERR_INIT;

	if (why->line > 0)
		buf_printf(&text, "line %u: ", why->line);
	buf_putstr(&text, why->text);
	if (!said_lately(a, name, hash, buf_str(&text), now)) {
		put_hash(&value, hash);
		buf_printf(&value, " %lld ", (long long)now);
		buf_putstr(&value, buf_str(&text));
		if (document_put(a, KIND, name, buf_str(&value), &e) !=
		    STORE_OK)
			log_error("cannot note the failure of a Sieve script",
			    LOG_STR("account", account_id(a)),
			    LOG_STR("script", name), LOG_ERR(&e));
	}
	buf_fini(&text);
	buf_fini(&value);
}

enum store_rc
script_note_get(struct account *a, struct str name, const uint8_t hash[32],
    bool *found, struct buf *text, struct err *e)
{
	struct buf value = { 0 };
	enum store_rc rc = document_get(a, KIND, name, &value, e);
	char when[32];
	struct tm tm;
	struct note n;
	time_t at;

	*found =
	    rc == STORE_OK && parse(buf_str(&value), &n) && is_of(&n, hash);
	if (*found && text) {
		at = (time_t)n.at;
		gmtime_r(&at, &tm);
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M UTC", &tm);
		buf_printf(
		    text, "it failed at %s, %.*s", when, STR_ARG(n.text));
	}
	buf_fini(&value);
	return rc == STORE_NOTFOUND ? STORE_OK : rc;
}
