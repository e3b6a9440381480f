/* SPDX-License-Identifier: BSD-2-Clause */
#include <config.h>

#include "imapd/id.h"

#include <sys/utsname.h>

static struct utsname *
system_name(void)
{
	static _Thread_local struct utsname u;

	uname(&u);
	return &u;
}

/* What we know of ourselves. */
static struct str
known(struct str field)
{
	if (str_ieqc(field, "name"))
		return STR("Mailstead");
	if (str_ieqc(field, "version"))
		return STR(PACKAGE_VERSION);
	if (str_ieqc(field, "os"))
		return str_of(system_name()->sysname);
	if (str_ieqc(field, "os-version"))
		return str_of(system_name()->release);
	return STR_NULL;
}

/* A word, or what stands in quotes. */
static bool
take_word(struct str *spec, struct str *out)
{
	size_t end;

	*spec = str_trim(*spec);
	if (spec->n == 0)
		return false;
	if (spec->p[0] != '"')
		return str_split(spec, ' ', out);
	*spec = str_sub(*spec, 1, STR_NPOS);
	end = str_chr(*spec, '"');
	if (end == STR_NPOS)
		return false;
	*out = str_sub(*spec, 0, end);
	*spec = str_sub(*spec, end + 1, STR_NPOS);
	return true;
}

bool
id_next(struct str *spec, struct str *field, struct str *value)
{
	if (!take_word(spec, field) || !take_word(spec, value))
		return false;
	if (field->n == 0 || field->n > ID_FIELD || value->n > ID_VALUE)
		return false;
	if (str_eqc(*value, "*"))
		*value = known(*field);
	return true;
}

bool
id_listed(struct str list, struct str field)
{
	struct str word;

	while (list.n && str_split(&list, ' ', &word)) {
		if (str_eqc(word, "*") || (word.n && str_ieq(word, field)))
			return true;
	}
	return false;
}
