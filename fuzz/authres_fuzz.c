/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "mailauth/authres.h"

/* Authentication-Results of anybody. What was read and is written is read
 * again, and no value of a stranger's becomes anything but that value. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
write_again(const struct authres *x, struct buf *out)
{
	struct authres_writer w;

	authres_begin(&w, out, x->authserv_id);
	for (size_t i = 0; i < x->n; i++) {
		const struct authres_result *r = &x->results[i];

		authres_method(&w, r->method.p, r->result.p);
		for (size_t k = 0; k < r->nproperties; k++)
			authres_property(&w, r->properties[k].ptype.p,
			    r->properties[k].name.p, r->properties[k].value);
	}
	authres_end(&w);
}

static void
round_trip(struct arena *a, const struct authres *x)
{
	struct buf out = { 0 };
	struct authres again;
	size_t at;

	write_again(x, &out);
	if (!authres_parse(a, buf_str(&out), &again, &at) || again.n != x->n)
		abort();
	buf_fini(&out);
}

static void
hostile(struct arena *a, struct str value)
{
	struct authres_writer w;
	struct buf out = { 0 };
	struct authres x;
	size_t at;

	authres_begin(&w, &out, STR("mx"));
	authres_method(&w, "m", "r");
	authres_reason(&w, value);
	authres_property(&w, "p", "n", str_sub(value, 0, 100));
	authres_comment(&w, value);
	authres_end(&w);
	if (!authres_parse(a, buf_str(&out), &x, &at) || x.n != 1 ||
	    x.results[0].nproperties != 1 ||
	    !authres_claims(a, buf_str(&out), STR("MX")))
		abort();
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str value = { (const char *)data, size };
	struct arena *a = arena_new();
	struct authres x;
	size_t at;

	if (authres_parse(a, value, &x, &at))
		round_trip(a, &x);
	if (at > size)
		abort();
	authres_claims(a, value, STR("mx.example.com"));
	hostile(a, value);
	arena_free(&a);
	return 0;
}
