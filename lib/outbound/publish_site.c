/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbound/publish.h"
#include "site/setting.h"

/* The first word of WORDS, or with LAST the last. */
static struct str
word_of(struct str words, bool last)
{
	struct str word, found = STR_NULL;

	while (str_split(&words, ' ', &word)) {
		if (word.n > 0 && (last || found.n == 0))
			found = word;
	}
	return found;
}

/* report.receive has local parts and addresses. */
static struct str
address_of(struct arena *a, struct str word, struct str domain)
{
	if (word.n == 0 || str_chr(word, '@') != STR_NPOS)
		return word;
	return arena_printf(a, "%.*s@%.*s", STR_ARG(word), STR_ARG(domain));
}

void
publish_read(struct site *s, struct arena *a, struct str domain,
    const char *hostname, struct publish *out)
{
	struct site_value v[] = {
		{ .key = "mta_sts.mode" },
		{ .key = "mta_sts.max_age" },
		{ .key = "mta_sts.mx" },
		{ .key = "report.receive" },
	};

	site_settings_read(
	    s, a, (struct site_scope){ .domain = domain }, v, LEN(v));
	*out = (struct publish){
		.domain = domain,
		.hostname = str_of(hostname),
		.sts_mode = v[0].text,
		.sts_max_age = v[1].number,
		.mx = str_trim(v[2].text).n ? v[2].text : str_of(hostname),
		.dmarc_reports =
		    address_of(a, word_of(v[3].text, false), domain),
		.tls_reports = address_of(a, word_of(v[3].text, true), domain),
	};
}
