/* SPDX-License-Identifier: BSD-2-Clause */
#include "pop3d/line.h"

struct str
line_keyword(struct str line, struct args *args)
{
	size_t space = str_chr(line, ' ');

	*args = (struct args){ .text = STR("") };
	if (space == STR_NPOS)
		return line;
	args->text = str_sub(line, space + 1, STR_NPOS);
	args->given = true;
	return str_sub(line, 0, space);
}

/* Digits only. Those too large for a number stand for OTHERWISE. */
static bool
number(struct str s, uint64_t otherwise, uint64_t *out)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!ascii_digit(s.p[i]))
			return false;
	}
	if (!str_u64(s, out))
		*out = otherwise;
	return s.n > 0;
}

static bool
message(struct str s, uint32_t *out)
{
	uint64_t v;

	if (!number(s, 0, &v))
		return false;
	*out = v <= UINT32_MAX ? (uint32_t)v : 0;
	return true;
}

static bool
message_and_lines(struct str s, struct args *args)
{
	size_t space = str_chr(s, ' ');

	return space != STR_NPOS && message(str_sub(s, 0, space), &args->msg) &&
	       number(str_trim(str_sub(s, space, STR_NPOS)), UINT64_MAX - 1,
		   &args->lines);
}

bool
line_args(enum shape shape, struct args *args)
{
	struct str text = str_trim(args->text);

	switch (shape) {
	case ARGS_NONE:
		return text.n == 0;
	case ARGS_MSG_OPT:
		args->given = text.n > 0;
		return !args->given || message(text, &args->msg);
	case ARGS_MSG:
		return message(text, &args->msg);
	case ARGS_MSG_LINES:
		return message_and_lines(text, args);
	case ARGS_TEXT:
		return args->text.n > 0;
	case ARGS_TEXT_OPT:
		args->given = text.n > 0;
		return true;
	}
	return false;
}
