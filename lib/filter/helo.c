/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/helo.h"

#include <string.h>

#include "dns/resolver.h"

const char *
helo_result_name(enum helo_result r)
{
	static const char *const names[] = {
		[HELO_OK] = "ok",
		[HELO_INVALID] = "invalid",
		[HELO_OURS] = "ours",
	};

	return names[r];
}

/* Underscores are no part of host names, but of many that work. */
static bool
is_label(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);

		if ((c < 'a' || c > 'z') && !ascii_digit(c) && c != '_' &&
		    (c != '-' || i == 0 || i + 1 == s.n))
			return false;
	}
	return s.n > 0;
}

static bool
is_number(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!ascii_digit(s.p[i]))
			return false;
	}
	return true;
}

/* In full: with a dot, and not an address without its brackets. */
static bool
is_host(struct str name)
{
	struct str rest = dns_undotted(name), label = STR_NULL;
	size_t labels = 0;

	if (!dns_is_name(name))
		return false;
	for (; str_split(&rest, '.', &label); labels++) {
		if (!is_label(label))
			return false;
	}
	return labels > 1 && !is_number(label);
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]" */
static bool
literal(struct str helo, struct addr *out)
{
	struct str text = str_sub(helo, 1, helo.n - 2);
	bool v6 = str_istarts(text, STR("IPv6:"));

	if (helo.p[helo.n - 1] != ']')
		return false;
	if (v6)
		text = str_sub(text, 5, SIZE_MAX);
	return addr_parse(text, out) && v6 == (str_chr(text, ':') != STR_NPOS);
}

enum helo_result
helo_look(struct str helo, const struct addr *client, const char **why)
{
	struct addr claimed;

	*why = "";
	if (helo.n == 0) /* the MTA's to ask for */
		return HELO_OK;
	if (helo.n > 2 && helo.p[0] == '[') {
		if (!literal(helo, &claimed))
			*why = "is no address";
		else if (memcmp(claimed.b, client->b, sizeof(client->b)) != 0)
			*why = "is not its address";
	} else if (!is_host(helo)) {
		*why = "is not a full host name";
	}
	return **why ? HELO_INVALID : HELO_OK;
}
