/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/report_address.h"

#include "site/setting.h"

static const struct site_scope everywhere;

static struct str
domain_of(struct str address)
{
	return str_sub(address, str_rchr(address, '@') + 1, SIZE_MAX);
}

struct str
report_from(struct site *s, struct arena *a, const char *hostname)
{
	static const char *const keys[] = { "report.from", "mta.postmaster" };

	for (size_t i = 0; i < LEN(keys); i++) {
		struct str text = site_setting(s, a, keys[i], everywhere);

		if (text.n > 0)
			return text;
	}
	return arena_printf(a, "postmaster@%s", hostname);
}

struct str
report_organization(struct site *s, struct arena *a, struct str from)
{
	struct str name = site_setting(s, a, "report.org_name", everywhere);

	return name.n > 0 ? name : domain_of(from);
}

/* WORD is an address, or what stands before its domain. */
static bool
names(struct str word, struct str address)
{
	if (str_chr(word, '@') != STR_NPOS)
		return str_ieq(word, address);
	return str_ieq(word, str_sub(address, 0, str_rchr(address, '@')));
}

bool
report_address_is_ours(
    struct site *s, struct arena *a, struct str domain, struct str address)
{
	struct site_scope scope = { .domain = domain };
	struct str list, word;

	if (domain.n == 0)
		return false;
	list = site_setting(s, a, "report.receive", scope);
	while (list.n && str_split(&list, ' ', &word)) {
		if (word.n > 0 && names(word, address))
			return true;
	}
	return false;
}
