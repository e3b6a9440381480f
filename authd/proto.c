/* SPDX-License-Identifier: BSD-2-Clause */
#include "authd/proto.h"

#include "base/codec.h"

static const struct {
	char raw, code;
} escapes[] = { { '\0', '0' }, { '\001', '1' }, { '\t', 't' }, { '\r', 'r' },
	{ '\n', 'n' } };
#define ESCAPES LEN(escapes)

static struct str
unescape(struct arena *a, struct str in)
{
	char *p;
	size_t n = 0;

	if (str_chr(in, '\001') == STR_NPOS)
		return in;
	p = arena_alloc(a, in.n + 1);
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];

		if (c == '\001' && i + 1 < in.n) {
			c = in.p[++i];
			for (size_t j = 0; j < ESCAPES; j++) {
				if (escapes[j].code == in.p[i])
					c = escapes[j].raw;
			}
		}
		p[n++] = c;
	}
	return (struct str){ p, n };
}

void
auth_put_field(struct buf *out, const char *key, struct str value)
{
	buf_printf(out, "\t%s=", key);
	for (size_t i = 0; i < value.n; i++) {
		char code = 0;

		for (size_t j = 0; j < ESCAPES; j++) {
			if (escapes[j].raw == value.p[i])
				code = escapes[j].code;
		}
		if (code)
			buf_putc(out, '\001');
		buf_putc(out, code ? code : value.p[i]);
	}
}

/* A lone "=" is how SMTP writes an empty initial response (RFC 4954). */
static bool
take_data(struct arena *a, struct str text, struct auth_line *out)
{
	struct buf raw = { 0 };
	bool ok = str_eqc(text, "=") || base64_decode(&raw, text);

	out->has_data = true;
	out->data = arena_str(a, buf_str(&raw));
	buf_fini(&raw);
	return ok;
}

static bool
take_param(struct arena *a, struct str field, struct auth_line *out)
{
	size_t eq = str_chr(field, '=');
	struct str key = str_sub(field, 0, eq);
	struct str value = eq == STR_NPOS
			       ? STR_NULL
			       : unescape(a, str_sub(field, eq + 1, field.n));

	if (str_eqc(key, "resp"))
		return take_data(a, value, out);
	if (str_eqc(key, "service"))
		out->service = value;
	else if (str_eqc(key, "rip"))
		out->rip = value;
	else if (str_eqc(key, "secured"))
		out->secured = true;
	return true;
}

static bool
parse_auth(struct arena *a, struct str rest, struct auth_line *out)
{
	struct str field;

	if (!str_split(&rest, '\t', &out->mechanism) || out->mechanism.n == 0)
		return false;
	while (str_split(&rest, '\t', &field)) {
		if (!take_param(a, field, out))
			return false;
	}
	return true;
}

void
auth_parse(struct arena *a, struct str line, struct auth_line *out)
{
	static const struct {
		const char *name;
		enum auth_command command;
	} names[] = { { "VERSION", AUTH_VERSION }, { "CPID", AUTH_CPID },
		{ "AUTH", AUTH_AUTH }, { "CONT", AUTH_CONT },
		{ "CANCEL", AUTH_CANCEL } };
	struct str name, number;
	bool ok = true;

	*out = (struct auth_line){ .command = AUTH_OTHER };
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (!str_split(&line, '\t', &name))
		return;
	for (size_t i = 0; i < LEN(names); i++) {
		if (str_eqc(name, names[i].name))
			out->command = names[i].command;
	}
	if (out->command == AUTH_OTHER)
		return;
	ok = str_split(&line, '\t', &number) && str_u32(number, &out->number);
	if (ok && out->command == AUTH_AUTH)
		ok = parse_auth(a, line, out);
	if (ok && out->command == AUTH_CONT)
		ok = take_data(a, line, out);
	if (!ok)
		out->command = AUTH_MALFORMED;
}
