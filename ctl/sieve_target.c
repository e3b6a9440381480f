/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/sieve.h"

#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "ctl/message.h"

#define MAX_FILE ((size_t)16 << 20)

/* ------------------------------------------------------------------------
 * The target
 */

static bool
of_site(const struct ctl *c)
{
	return ctl_option(c, "place") || ctl_option(c, "domain");
}

static int
site_target(struct ctl *c, struct sieve_target *t)
{
	const char *place = ctl_option(c, "place");
	const char *domain = ctl_option(c, "domain");
	int status = ctl_open_site(c);

	if (status != 0)
		return status;
	t->site.domain = str_of(domain);
	t->site.place = SITE_SCRIPT_DOMAIN;
	if (place && !site_script_place_find(str_of(place), &t->site.place))
		return ctl_failf(c, EX_USAGE,
		    "it is before, after, domain or global",
		    "there is no place \"%s\" for Sieve scripts", place);
	if (t->site.place == SITE_SCRIPT_DOMAIN && !domain)
		return ctl_failf(
		    c, EX_USAGE, "name it with --domain", "which domain?");
	return 0;
}

int
sieve_target(struct ctl *c, bool need_name, struct sieve_target *t)
{
	int at = 0, status;

	memset(t, 0, sizeof(*t));
	if (of_site(c)) {
		status = site_target(c, t);
	} else if (c->argc == 0) {
		return ctl_failf(c, EX_USAGE,
		    "or choose scripts of the site with --place or --domain",
		    "which account?");
	} else {
		status =
		    ctl_open_account(c, ctl_arg(c, at++), &t->acc, &t->account);
	}
	if (status != 0 || !need_name) {
		t->next = at;
		return status;
	}
	t->name = t->site.name = ctl_arg(c, at);
	t->next = at + 1;
	if (at >= c->argc)
		return ctl_failf(c, EX_USAGE,
		    "\"mailstead sieve list\" shows those there are",
		    "which script?");
	if (!sieve_name_valid(t->name))
		return ctl_failf(c, EX_DATAERR, NULL,
		    "a Sieve script cannot be called \"%s\"", c->argv[at]);
	return 0;
}

void
sieve_target_fini(struct sieve_target *t)
{
	account_close(&t->account);
}

void
sieve_target_source(
    struct ctl *c, const struct sieve_target *t, struct script_source *out)
{
	if (t->account) {
		script_source_of(c->site, &t->acc, t->account, out);
		return;
	}
	*out =
	    (struct script_source){ .site = c->site, .domain = t->site.domain };
	rules_of(c->site, (struct site_scope){ .domain = t->site.domain },
	    &out->rules);
}

/* ------------------------------------------------------------------------
 * Files
 */

static bool
read_stdin(struct buf *out, struct err *e)
{
	size_t n;

	do {
		n = fread(buf_reserve(out, 65536), 1, 65536, stdin);
		out->n += n;
	} while (n > 0 && out->n <= MAX_FILE);
	if (out->n > MAX_FILE)
		err_set(e, "standard input is too large for a script");
	else if (ferror(stdin))
		err_errno(e, "cannot read standard input");
	else
		return true;
	return false;
}

int
sieve_read_file(struct ctl *c, const char *path, struct buf *out)
{
	struct buf text = { 0 };
	bool ok = strcmp(path, "-") == 0
		      ? read_stdin(&text, &c->err)
		      : fs_read(path, MAX_FILE, &text, &c->err);

	if (ok)
		lines_to_crlf(buf_str(&text), false, out);
	buf_fini(&text);
	return ok ? 0 : ctl_fail(c, EX_NOINPUT, NULL);
}

/* ------------------------------------------------------------------------
 * What the compiler said
 */

void
sieve_print_diags(const struct sieve_diags *d)
{
	struct buf text = { 0 };

	sieve_diags_print(&text, d);
	fputs(buf_cstr(&text), stderr);
	buf_fini(&text);
}

json_t *
sieve_diags_json(const struct sieve_diags *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->n; i++) {
		const struct sieve_diag *v = &d->v[i];

		json_array_append_new(list,
		    json_pack("{s:s, s:o, s:I, s:I, s:o}", "severity",
			v->severity == SIEVE_ERROR ? "error" : "warning",
			"script", json_str(v->script), "line",
			(json_int_t)v->line, "column", (json_int_t)v->column,
			"text", json_str(v->text)));
	}
	return list;
}
