/* SPDX-License-Identifier: BSD-2-Clause */
#include "authd/http_request.h"

#include "base/codec.h"

/* "%20" and its kind, which nginx makes of what would break a line. */
static bool
decode(struct arena *a, struct str in, struct str *out)
{
	char *p = arena_alloc(a, in.n + 1);

	out->p = p;
	out->n = 0;
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] != '%') {
			p[out->n++] = in.p[i];
			continue;
		}
		if (!hex_decode(str_sub(in, i + 1, 2), &p[out->n], 1))
			return false;
		out->n++;
		i += 2;
	}
	return true;
}

static bool
take_field(
    struct arena *a, struct str name, struct str value, struct http_request *r)
{
	if (str_ieqc(name, "Auth-Method"))
		r->method = value;
	else if (str_ieqc(name, "Auth-Protocol"))
		r->protocol = value;
	else if (str_ieqc(name, "Client-IP"))
		r->client = value;
	else if (str_ieqc(name, "Auth-SSL"))
		r->tls = str_ieqc(value, "on");
	else if (str_ieqc(name, "Auth-User"))
		return decode(a, value, &r->user);
	else if (str_ieqc(name, "Auth-Pass"))
		return decode(a, value, &r->password);
	return true;
}

bool
http_request_parse(struct arena *a, struct str text, struct http_request *out)
{
	struct str line;

	*out = (struct http_request){ .tls = false };
	if (!str_starts(text, STR("GET ")) || !str_split(&text, '\n', &line))
		return false;
	while (text.n && str_split(&text, '\n', &line)) {
		size_t colon = str_chr(line, ':');

		if (colon == STR_NPOS ||
		    !take_field(a, str_sub(line, 0, colon),
			str_trim(str_sub(line, colon + 1, STR_NPOS)), out))
			return false;
	}
	return out->method.n && out->protocol.n && out->client.n;
}
