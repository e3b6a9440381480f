/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/syntax.h"

#include <stdio.h>

#include "mime/decode.h"

#define TEXT_MAX 1000

void
sieve_diag_addv(struct sieve_diags *d, enum sieve_severity severity,
    struct str script, struct sieve_position at, const char *fmt, va_list ap)
{
	char text[TEXT_MAX];
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	struct str s = { text, n < TEXT_MAX ? (size_t)n : TEXT_MAX - 1 };
	struct buf clean = { 0 };

	mime_to_utf8(&clean, STR("utf-8"), s); /* what scripts say may be not */
	d->v = arena_grow(d->arena, d->v, d->n, &d->cap, sizeof(*d->v));
	d->v[d->n++] = (struct sieve_diag){
		.severity = severity,
		.script = arena_str(d->arena, script),
		.line = at.line,
		.column = at.column,
		.text = arena_str(d->arena, buf_str(&clean)),
	};
	buf_fini(&clean);
	if (severity == SIEVE_ERROR)
		d->errors++;
	else
		d->warnings++;
}

void
sieve_diag_add(struct sieve_diags *d, enum sieve_severity severity,
    struct str script, struct sieve_position at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	sieve_diag_addv(d, severity, script, at, fmt, ap);
	va_end(ap);
}

void
sieve_diags_print(struct buf *out, const struct sieve_diags *d)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct sieve_diag *v = &d->v[i];

		buf_putstr(out, v->script);
		if (v->line > 0)
			buf_printf(out, ":%u:%u", v->line, v->column);
		buf_puts(out,
		    v->severity == SIEVE_ERROR ? ": error: " : ": warning: ");
		buf_putstr(out, v->text);
		buf_putc(out, '\n');
	}
}
