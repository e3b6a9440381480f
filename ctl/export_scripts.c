/* SPDX-License-Identifier: BSD-2-Clause */
/* The scripts of an exported account, where Dovecot's Sieve has them: one file
 * each in the folder sieve, and a link to the active one. */
#include <unistd.h>

#include "base/fs.h"
#include "ctl/verbs.h"
#include "store/script.h"

#define MAX_FILE_NAME 200 /* of the 255 octets that file systems take */

/* NAME.sieve; a name that is too long for a file is cut and numbered. */
static const char *
file_name(struct arena *a, const struct script *s)
{
	size_t n = MAX_FILE_NAME;

	if (s->name.n <= n)
		return arena_printf(a, "sieve/%.*s.sieve", STR_ARG(s->name)).p;
	while (n > 0 && ((unsigned char)s->name.p[n] & 0xc0) == 0x80)
		n--;
	return arena_printf(
	    a, "sieve/%.*s-%lld.sieve", (int)n, s->name.p, (long long)s->id)
	    .p;
}

static int
export_script(
    struct ctl *c, struct account *a, const char *dest, const struct script *s)
{
	const char *name = file_name(c->arena, s);
	const char *path = arena_printf(c->arena, "%s/%s", dest, name).p;
	const char *link = arena_printf(c->arena, "%s/.dovecot.sieve", dest).p;
	struct buf text = { 0 };
	bool ok;
	enum store_rc rc =
	    script_get(a, c->arena, s->name, NULL, &text, &c->err);

	if (rc != STORE_OK) {
		buf_fini(&text);
		return ctl_store_failed(c, rc, NULL);
	}
	ok = fs_write_durable(path, buf_str(&text), 0600, &c->err);
	buf_fini(&text);
	if (ok && s->active && symlink(name, link) != 0) {
		err_errno(&c->err, "cannot make the link %s", link);
		ok = false;
	}
	return ok ? 0 : ctl_fail(c, EX_CANTCREAT, NULL);
}

int
export_scripts(
    struct ctl *c, struct account *a, const char *dest, size_t *count)
{
	const char *dir = arena_printf(c->arena, "%s/sieve", dest).p;
	struct script *list;
	int status = 0;
	enum store_rc rc = script_list(a, c->arena, &list, count, &c->err);

	if (rc != STORE_OK)
		return ctl_store_failed(c, rc, NULL);
	if (*count && !fs_mkdirs(dir, 0700, &c->err))
		return ctl_fail(c, EX_CANTCREAT, NULL);
	for (size_t i = 0; status == 0 && i < *count; i++)
		status = export_script(c, a, dest, &list[i]);
	return status;
}
