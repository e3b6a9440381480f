/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
err_set(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return;
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
}

/* Put ": TAIL" behind the first N octets; what does not fit is cut. */
static void
put_tail(struct err *e, int n, const char *tail)
{
	size_t at = n < 0 ? 0 : (size_t)n, len = strlen(tail);
	size_t room;

	if (at + 2 >= sizeof(e->msg))
		return;
	memcpy(e->msg + at, ": ", 2);
	at += 2;
	room = sizeof(e->msg) - at - 1;
	if (len > room)
		len = room;
	memcpy(e->msg + at, tail, len);
	e->msg[at + len] = '\0';
}

void
err_prefix(struct err *e, const char *fmt, ...)
{
	struct err old;
	va_list ap;
	int n;

	if (!e)
		return;
	old = *e;
	va_start(ap, fmt);
	n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	put_tail(e, n, old.msg);
}

void
err_errno(struct err *e, const char *fmt, ...)
{
	int saved = errno;
	const char *why = strerrordesc_np(saved);
	va_list ap;
	int n;

	if (!e)
		return;
	va_start(ap, fmt);
	n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	put_tail(e, n, why ? why : "unknown error");
	errno = saved;
}
