/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdint.h>
#include <stdlib.h>

#include "milterd/protocol.h"

/* Packets of an MTA. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
read_packet(const struct milter_packet *p)
{
	struct milter_options o;
	struct milter_client c;
	struct str rest = p->data, text;
	size_t texts = 0;

	milter_options_parse(p->data, &o);
	if (milter_client_parse(p->data, &c) && c.host.n > p->data.n)
		abort();
	while (milter_text(&rest, &text))
		texts += text.n + 1;
	if (texts + rest.n != p->data.n)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str rest = { (const char *)data, n };
	struct milter_packet p;
	size_t taken = 0;

	while (milter_take(&rest, &p) == MILTER_WHOLE) {
		taken += 5 + p.data.n;
		read_packet(&p);
	}
	if (taken + rest.n != n)
		abort();
	return 0;
}
