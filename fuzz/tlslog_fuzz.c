/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdint.h>
#include <stdlib.h>

#include "outbound/tls_log.h"
#include "outbound/tls_rua.h"

/* Lines of a mail log, in which strangers' words stand, and the record of who
 * wants reports. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
on_session(void *arg, const struct tls_session *s)
{
	(void)arg;
	if (s->domain.n == 0 || s->mx.n == 0 || s->ip.n == 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = { (const char *)data, n }, line;
	struct tls_log *l = tls_log_new(on_session, NULL);
	struct tls_rua rua;

	if (tls_rua_parse(text, &rua) != (rua.n > 0))
		abort();
	while (str_split(&text, '\n', &line))
		tls_log_line(l, line);
	tls_log_free(&l);
	return 0;
}
