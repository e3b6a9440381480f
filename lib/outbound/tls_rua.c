/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbound/tls_rua.h"

static bool
is_report_uri(struct str uri)
{
	for (size_t i = 0; i < uri.n; i++) {
		if (uri.p[i] <= ' ' || uri.p[i] > '~')
			return false;
	}
	return (str_istarts(uri, STR("mailto:")) &&
		   str_chr(uri, '@') != STR_NPOS) ||
	       str_istarts(uri, STR("https://"));
}

static void
add_uris(struct str list, struct tls_rua *out)
{
	struct str uri;

	while (out->n < TLS_RUA_MAX && str_split(&list, ',', &uri)) {
		uri = str_trim(uri);
		if (is_report_uri(uri))
			out->uris[out->n++] = uri;
	}
}

bool
tls_rua_parse(struct str txt, struct tls_rua *out)
{
	struct str rest = txt, field, name;

	*out = (struct tls_rua){ .n = 0 };
	if (!str_split(&rest, ';', &field) ||
	    !str_eqc(str_trim(field), "v=TLSRPTv1"))
		return false;
	while (str_split(&rest, ';', &field)) {
		if (str_split(&field, '=', &name) &&
		    str_eqc(str_trim(name), "rua"))
			add_uris(field, out);
	}
	return out->n > 0;
}

enum dns_rc
tls_rua_find(
    struct resolver *r, struct arena *a, struct str domain, struct tls_rua *out)
{
	struct str name = arena_printf(a, "_smtp._tls.%.*s", STR_ARG(domain));
	struct dns_answer answer;
	size_t n = 0;

	dns_ask(r, a, name, DNS_TXT, &answer);
	if (answer.rc != DNS_OK)
		return answer.rc;
	for (size_t i = 0; i < answer.n; i++) {
		struct tls_rua one;
		struct str text;

		if (!dns_rdata_txt(a, answer.rdata[i], &text) ||
		    !str_starts(text, STR("v=TLSRPTv1")))
			continue;
		n++;
		if (tls_rua_parse(text, &one))
			*out = one;
		else
			out->n = 0;
	}
	return n == 1 && out->n > 0 ? DNS_OK : DNS_NODATA;
}
