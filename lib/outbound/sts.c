/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbound/sts.h"

#include "dns/resolver.h"

static const char *const modes[] = {
	[STS_NONE] = "none",
	[STS_TESTING] = "testing",
	[STS_ENFORCE] = "enforce",
};

const char *
sts_mode_name(enum sts_mode m)
{
	return modes[m];
}

static bool
alnum(char c)
{
	char l = ascii_lower(c);

	return ascii_digit(c) || (l >= 'a' && l <= 'z');
}

bool
sts_is_host(struct str name)
{
	struct str last = str_sub(name, str_rchr(name, '.') + 1, STR_NPOS);
	bool letter = false;

	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!alnum(c) && c != '-' && c != '_' && c != '.')
			return false;
	}
	for (size_t i = 0; i < last.n; i++)
		letter |= !ascii_digit(last.p[i]);
	return letter && str_chr(name, '.') != STR_NPOS && dns_is_name(name);
}

/* ------------------------------------------------------------------------
 * The record: "v=STSv1; id=20160831085700Z;"
 */

static bool
is_id(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!alnum(s.p[i]))
			return false;
	}
	return s.n > 0 && s.n <= STS_MAX_ID;
}

bool
sts_record_parse(struct str txt, struct str *id)
{
	struct str field, name;

	*id = STR_NULL;
	if (!str_split(&txt, ';', &field) ||
	    !str_starts(field, STR("v=STSv1")) ||
	    str_trim(field).n != sizeof("v=STSv1") - 1)
		return false;
	while (str_split(&txt, ';', &field)) {
		if (!str_split(&field, '=', &name) ||
		    !str_eqc(str_trim(name), "id"))
			continue;
		field = str_trim(field);
		*id = is_id(field) ? field : STR_NULL;
		break; /* of several the first counts (section 3.1) */
	}
	return true;
}

/* ------------------------------------------------------------------------
 * The policy: lines of "key: value"
 */

struct reading {
	struct sts_policy *p;
	struct str *mx;
	bool version, mode, max_age;
	struct err *e;
};

static bool
read_version(struct reading *r, struct str value)
{
	if (r->version || str_eqc(value, "STSv1"))
		return r->version = true;
	err_set(r->e, "its version is not STSv1");
	return false;
}

static bool
read_mode(struct reading *r, struct str value)
{
	if (r->mode)
		return true;
	for (int m = STS_NONE; m <= STS_ENFORCE; m++) {
		if (str_eqc(value, modes[m])) {
			r->p->mode = (enum sts_mode)m;
			return r->mode = true;
		}
	}
	err_set(r->e, "it has an unknown mode");
	return false;
}

static bool
read_max_age(struct reading *r, struct str value)
{
	uint64_t n;

	if (r->max_age)
		return true;
	if (value.n > 10 || !str_u64(value, &n)) {
		err_set(r->e, "its max_age is not a number");
		return false;
	}
	r->p->max_age = (uint32_t)(n < STS_MAX_AGE ? n : STS_MAX_AGE);
	return r->max_age = true;
}

static bool
read_mx(struct reading *r, struct str value)
{
	struct str host =
	    str_starts(value, STR("*.")) ? str_sub(value, 2, STR_NPOS) : value;

	if (r->p->n == STS_MAX_MX) {
		err_set(r->e, "it has more than %d patterns", STS_MAX_MX);
		return false;
	}
	if (!sts_is_host(host)) {
		err_set(r->e, "one of its patterns is not a host");
		return false;
	}
	r->mx[r->p->n++] = value;
	return true;
}

static const struct {
	const char *key;
	bool (*read)(struct reading *r, struct str value);
} keys[] = {
	{ "max_age", read_max_age },
	{ "mode", read_mode },
	{ "mx", read_mx },
	{ "version", read_version },
};

/* Keys that are not known are for others. */
static bool
read_line(struct reading *r, struct str line)
{
	struct str key;

	if (str_trim(line).n == 0)
		return true;
	if (str_chr(line, ':') == STR_NPOS) {
		err_set(r->e, "a line has no colon");
		return false;
	}
	str_split(&line, ':', &key);
	for (size_t i = 0; i < LEN(keys); i++) {
		if (str_eqc(key, keys[i].key))
			return keys[i].read(r, str_trim(line));
	}
	return true;
}

static bool
complete(const struct reading *r)
{
	const char *missing = !r->version   ? "version"
			      : !r->mode    ? "mode"
			      : !r->max_age ? "max_age"
					    : "mx";

	if (r->version && r->mode && r->max_age &&
	    (r->p->n > 0 || r->p->mode == STS_NONE))
		return true;
	err_set(r->e, "it has no %s", missing);
	return false;
}

bool
sts_policy_parse(
    struct arena *a, struct str text, struct sts_policy *out, struct err *e)
{
	struct reading r = { .p = out, .e = e };
	struct str line;

	*out = (struct sts_policy){ .mode = STS_NONE };
	if (text.n > STS_MAX_POLICY) {
		err_set(e, "it is longer than %d octets", STS_MAX_POLICY);
		return false;
	}
	text = arena_str(a, text);
	out->mx = r.mx = arena_array(a, STS_MAX_MX, sizeof(*r.mx));
	while (str_split(&text, '\n', &line)) {
		if (!read_line(&r, line))
			return false;
	}
	return complete(&r);
}

/* ------------------------------------------------------------------------
 * Hosts
 */

bool
sts_policy_covers(const struct sts_policy *p, struct str host)
{
	size_t dot = str_chr(host, '.');

	for (size_t i = 0; i < p->n; i++) {
		struct str mx = p->mx[i];

		if (str_ieq(mx, host) ||
		    (str_starts(mx, STR("*.")) && dot != STR_NPOS && dot > 0 &&
			str_ieq(str_sub(mx, 1, STR_NPOS),
			    str_sub(host, dot, STR_NPOS))))
			return true;
	}
	return false;
}

void
sts_policy_match(const struct sts_policy *p, struct buf *out)
{
	for (size_t i = 0; i < p->n; i++) {
		bool wild = str_starts(p->mx[i], STR("*."));

		buf_puts(out, i ? ":" : "");
		buf_putstr(out, str_sub(p->mx[i], wild, STR_NPOS));
	}
}
