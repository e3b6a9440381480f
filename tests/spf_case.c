/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/spf_case.h"

#include <arpa/inet.h>

static struct str
string(const json_t *object, const char *key)
{
	const json_t *j = json_object_get(object, key);

	if (!json_is_string(j))
		return STR_NULL;
	return (struct str){ json_string_value(j), json_string_length(j) };
}

/* ------------------------------------------------------------------------
 * The zone
 */

static void
add_strings(
    struct zone *z, struct arena *a, struct str name, const json_t *strings)
{
	size_t n = json_array_size(strings);
	struct str *list = arena_array(a, n, sizeof(*list));

	for (size_t i = 0; i < n; i++) {
		const json_t *s = json_array_get(strings, i);

		list[i] =
		    (struct str){ json_string_value(s), json_string_length(s) };
	}
	zone_add_txt(z, name, list, n);
}

static const struct {
	const char *name;
	enum dns_type type;
} types[] = { { "A", DNS_A }, { "AAAA", DNS_AAAA }, { "PTR", DNS_PTR },
	{ "CNAME", DNS_CNAME } };

/* A name that cannot be in the DNS leads nowhere. */
static void
add_record(
    struct zone *z, struct arena *a, struct str name, const json_t *record)
{
	struct str type = string(record, "type");
	struct err e = ERR_INIT;

	for (size_t i = 0; i < LEN(types); i++) {
		if (str_eqc(type, types[i].name))
			zone_add(z, name, types[i].type,
			    string(record, "value"), &e);
	}
	if (str_eqc(type, "TXT"))
		add_strings(z, a, name, json_object_get(record, "strings"));
	if (str_eqc(type, "TIMEOUT"))
		zone_add_timeout(z, name);
	if (str_eqc(type, "MX"))
		zone_add(z, name, DNS_MX,
		    arena_printf(a, "%lld %.*s",
			json_integer_value(json_object_get(record, "pref")),
			STR_ARG(string(record, "host"))),
		    &e);
}

struct zone *
spf_case_zone(struct arena *a, const json_t *names)
{
	struct zone *z = zone_new();
	const json_t *name, *record;
	size_t i, k;

	json_array_foreach(names, i, name)
	{
		json_array_foreach(json_object_get(name, "records"), k, record)
		    add_record(z, a, string(name, "name"), record);
	}
	return z;
}

/* ------------------------------------------------------------------------
 * The question
 */

static struct in6_addr
address(struct arena *a, struct str text)
{
	struct in6_addr addr = IN6ADDR_ANY_INIT;

	if (str_chr(text, ':') == STR_NPOS)
		text = arena_printf(a, "::ffff:%.*s", STR_ARG(text));
	inet_pton(AF_INET6, arena_cstr(a, text), &addr);
	return addr;
}

struct spf_query
spf_case_query(struct arena *a, const json_t *test)
{
	return (struct spf_query){
		.client = address(a, string(test, "host")),
		.helo = string(test, "helo"),
		.sender = string(test, "mailfrom"),
	};
}
