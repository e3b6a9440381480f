/* SPDX-License-Identifier: BSD-2-Clause */
#include "lmtpd/envelope.h"

#include <string.h>

#include "deliver/deliver.h"
#include "deliver/dsn.h"

bool
is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------------
 * Paths
 */

/* "FROM:" or "TO:", which some write with spaces behind. */
static bool
take_keyword(struct str *rest, struct str keyword)
{
	if (!str_istarts(*rest, keyword))
		return false;
	*rest = str_sub(*rest, keyword.n, STR_NPOS);
	while (rest->n > 0 && rest->p[0] == ' ')
		*rest = str_sub(*rest, 1, STR_NPOS);
	return true;
}

/* Where the path that begins with "<" ends; quoted strings may hold ">". */
static size_t
path_end(struct str s)
{
	bool quoted = false;

	for (size_t i = 1; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < ' ' || c == 0x7f)
			return STR_NPOS;
		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (c == '>' && !quoted)
			return i;
		else if (c == ' ' && !quoted)
			return STR_NPOS;
	}
	return STR_NPOS;
}

/* Source routes are to be ignored (RFC 5321, appendix C). */
static struct str
without_route(struct str path)
{
	size_t colon = str_chr(path, ':');

	if (path.n == 0 || path.p[0] != '@' || colon == STR_NPOS)
		return path;
	return str_sub(path, colon + 1, STR_NPOS);
}

static bool
take_path(struct str *rest, struct str *out)
{
	size_t end;

	if (rest->n == 0 || rest->p[0] != '<')
		return false;
	end = path_end(*rest);
	if (end == STR_NPOS)
		return false;
	*out = without_route(str_sub(*rest, 1, end - 1));
	*rest = str_sub(*rest, end + 1, STR_NPOS);
	if (rest->n > 0 && rest->p[0] != ' ')
		return false;
	return out->n <= DELIVER_MAX_NAME && str_is_utf8(*out);
}

/* ------------------------------------------------------------------------
 * Parameters
 */

struct context {
	struct arena *arena;
	struct mail_args *mail;
	struct rcpt_args *rcpt;
};

static bool
param_size(struct context *x, struct str v)
{
	return v.n > 0 && v.n <= 20 && str_u64(v, &x->mail->size);
}

static bool
param_body(struct context *x, struct str v)
{
	static const char *const words[] = { "7BIT", "8BITMIME", "BINARYMIME" };

	for (unsigned i = 0; i < 3; i++) {
		if (str_ieqc(v, words[i])) {
			x->mail->body = (enum mail_body)i;
			return true;
		}
	}
	return false;
}

static bool
param_utf8(struct context *x, struct str v)
{
	x->mail->utf8 = true;
	return v.p == NULL;
}

static bool
param_ret(struct context *x, struct str v)
{
	x->mail->ret = v;
	return str_ieqc(v, "FULL") || str_ieqc(v, "HDRS");
}

static bool
param_envid(struct context *x, struct str v)
{
	return v.n > 0 && v.n <= 100 &&
	       xtext_decode(x->arena, v, &x->mail->envid);
}

/* Who sent it says the MTA, and we have no use for it (RFC 4954, section 5). */
static bool
param_auth(struct context *x, struct str v)
{
	struct str ignored;

	return v.n > 0 && xtext_decode(x->arena, v, &ignored);
}

static bool
param_by(struct context *x, struct str v)
{
	struct mail_by *by = &x->mail->by;
	size_t semicolon = str_chr(v, ';');
	struct str time = str_sub(v, 0, semicolon), mode;
	bool sign = time.n > 0 && (time.p[0] == '-' || time.p[0] == '+');
	uint64_t n;

	if (semicolon == STR_NPOS)
		return false;
	mode = str_sub(v, semicolon + 1, STR_NPOS);
	by->trace = mode.n == 2 && ascii_upper(mode.p[1]) == 'T';
	by->refuse = str_istarts(mode, STR("R"));
	by->set = mode.n == 1U + by->trace &&
		  (by->refuse || str_istarts(mode, STR("N")));
	time = str_sub(time, sign, STR_NPOS);
	if (!by->set || time.n == 0 || time.n > 9 || !str_u64(time, &n))
		return false;
	by->seconds = v.p[0] == '-' ? -(int32_t)n : (int32_t)n;
	return !by->refuse || by->seconds > 0;
}

static bool
param_notify(struct context *x, struct str v)
{
	static const char *const words[] = { "NEVER", "SUCCESS", "FAILURE",
		"DELAY" };
	struct str word;

	x->rcpt->notify_words = v;
	while (str_split(&v, ',', &word)) {
		unsigned bit = 0;

		for (unsigned i = 0; i < 4; i++) {
			if (str_ieqc(word, words[i]))
				bit = 1U << i;
		}
		if (!bit)
			return false;
		x->rcpt->notify |= bit;
	}
	/* NEVER stands alone. */
	return x->rcpt->notify != 0 && (!(x->rcpt->notify & NOTIFY_NEVER) ||
					   x->rcpt->notify == NOTIFY_NEVER);
}

static bool
param_orcpt(struct context *x, struct str v)
{
	return dsn_orcpt_parse(
	    x->arena, v, &x->rcpt->orcpt_full, &x->rcpt->orcpt);
}

enum { OF_MAIL = 1, OF_RCPT = 2 };

static const struct {
	const char *name;
	unsigned of;
	bool (*set)(struct context *x, struct str value); /* P NULL: no "=" */
} params[] = {
	/* clang-format off */
	{ "AUTH", OF_MAIL, param_auth },
	{ "BODY", OF_MAIL, param_body },
	{ "BY", OF_MAIL, param_by },
	{ "ENVID", OF_MAIL, param_envid },
	{ "NOTIFY", OF_RCPT, param_notify },
	{ "ORCPT", OF_RCPT, param_orcpt },
	{ "RET", OF_MAIL, param_ret },
	{ "SIZE", OF_MAIL, param_size },
	{ "SMTPUTF8", OF_MAIL, param_utf8 },
	/* clang-format on */
};

static enum args_rc
set_param(struct context *x, unsigned of, struct str word)
{
	size_t equals = str_chr(word, '=');
	struct str name = str_sub(word, 0, equals), value = STR_NULL;

	if (equals != STR_NPOS)
		value = str_sub(word, equals + 1, STR_NPOS);
	for (size_t i = 0; i < LEN(params); i++) {
		if ((params[i].of & of) && str_ieqc(name, params[i].name))
			return params[i].set(x, value) ? ARGS_OK : ARGS_VALUE;
	}
	return ARGS_UNKNOWN;
}

static enum args_rc
take_params(struct context *x, unsigned of, struct str rest)
{
	enum args_rc rc = ARGS_OK;
	struct str word;

	while (rc == ARGS_OK && str_split(&rest, ' ', &word)) {
		if (word.n > 0)
			rc = set_param(x, of, word);
	}
	return rc;
}

enum args_rc
mail_args_parse(struct arena *a, struct str args, struct mail_args *out)
{
	struct context x = { .arena = a, .mail = out };

	*out = (struct mail_args){ 0 };
	if (!take_keyword(&args, STR("FROM:")))
		return ARGS_SYNTAX;
	if (!take_path(&args, &out->from))
		return ARGS_ADDRESS;
	return take_params(&x, OF_MAIL, args);
}

enum args_rc
rcpt_args_parse(struct arena *a, struct str args, struct rcpt_args *out)
{
	struct context x = { .arena = a, .rcpt = out };

	*out = (struct rcpt_args){ 0 };
	if (!take_keyword(&args, STR("TO:")))
		return ARGS_SYNTAX;
	if (!take_path(&args, &out->to) || out->to.n == 0)
		return ARGS_ADDRESS;
	return take_params(&x, OF_RCPT, args);
}

enum args_rc
bdat_args_parse(struct str args, uint64_t *size, bool *last)
{
	struct str number;

	args = str_trim(args);
	if (!str_split(&args, ' ', &number) || number.n > 19 ||
	    !str_u64(number, size))
		return ARGS_SYNTAX;
	args = str_trim(args);
	*last = args.n > 0;
	return args.n == 0 || str_ieqc(args, "LAST") ? ARGS_OK : ARGS_SYNTAX;
}
