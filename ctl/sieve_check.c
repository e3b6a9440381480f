/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/sieve_verbs.h"

#include <stdio.h>
#include <stdlib.h>

#include "ctl/sieve_source.h"

/* mailstead sieve check: does it compile? */

static json_t *
diag_json(const struct sieve_diag *d)
{
	return json_pack("{s:s, s:o, s:i, s:i, s:o}", "severity",
	    d->severity == SIEVE_ERROR ? "error" : "warning", "script",
	    json_str(d->script), "line", (int)d->line, "column", (int)d->column,
	    "text", json_str(d->text));
}

static json_t *
caps_json(const struct sieve_program *p)
{
	struct sieve_caps caps = sieve_program_caps(p);
	json_t *list = json_array();

	for (int cap = CAP_BASE + 1; cap < CAP_COUNT; cap++) {
		if (sieve_caps_has(caps, (enum sieve_cap)cap))
			json_array_append_new(list,
			    json_str(sieve_cap_name((enum sieve_cap)cap)));
	}
	return list;
}

static void
print_check(
    struct ctl *c, const struct sieve_diags *d, const struct sieve_program *p)
{
	json_t *list = json_array(), *out;
	struct buf text = { 0 };

	for (size_t i = 0; i < d->n; i++)
		json_array_append_new(list, diag_json(&d->v[i]));
	out =
	    json_pack("{s:b, s:o}", "good", (int)(p != NULL), "messages", list);
	if (p)
		json_object_set_new(out, "extensions", caps_json(p));
	sieve_diags_print(&text, d);
	if (c->json)
		out_done(c, out, "%s", "");
	else {
		fwrite(text.n ? text.p : "", 1, text.n, stdout);
		json_decref(out);
	}
	buf_fini(&text);
}

int
cmd_sieve_check(struct ctl *c)
{
	struct sieve_folders folders = {
		.arena = c->arena,
		.personal = sieve_path_folder(ctl_arg(c, 0)),
		.global = str_of(ctl_option(c, "global")),
		.bare = true,
	};
	struct sieve_compiler o = {
		.load = sieve_folders_load,
		.load_arg = &folders,
		.storing = true,
	};
	struct sieve_diags diags = { 0 };
	struct sieve_program *p;
	struct str source;
	int status;

	if ((status = sieve_extensions_given(c, &o.caps)) != 0)
		return status;
	if (!sieve_source_read(c->arena, ctl_arg(c, 0), &source, &c->err))
		return ctl_fail(c, EX_NOINPUT, NULL);
	p = sieve_compile(&o, ctl_arg(c, 0), source, c->arena, &diags);
	print_check(c, &diags, p);
	status = p ? 0 : EXIT_FAILURE;
	sieve_program_unref(&p);
	return status;
}
