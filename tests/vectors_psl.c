/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/psl.h"
#include "tests/vectors.h"

/* "name<TAB>registrable domain or null" */
static void
check_line(
    struct vectors *v, const struct psl *p, struct arena *a, struct str line)
{
	struct str name, want, got;

	str_split(&line, '\t', &name);
	want = str_eqc(line, "null") ? STR_NULL : domain_to_ascii(a, line);
	got = psl_organizational(p, a, name);
	vectors_case(v, "psl", arena_cstr(a, name), str_eq(want, got),
	    "expected %.*s, got %.*s", STR_ARG(line), STR_ARG(got));
}

void
vectors_psl(struct vectors *v)
{
	struct arena *a = arena_new();
	struct str text = vectors_file(v, a, "psl/test_psl.tsv"), line;
	struct psl *p;
	struct err e;

	if (!psl_open(NULL, &p, &e)) {
		vectors_case(v, "psl", "list", false, "%s", e.msg);
		arena_free(&a);
		return;
	}
	while (str_split(&text, '\n', &line)) {
		if (line.n > 0 && line.p[0] != '#')
			check_line(v, p, a, line);
	}
	psl_close(&p);
	arena_free(&a);
}
