/* SPDX-License-Identifier: BSD-2-Clause */
#include "milterd/address.h"

#include "net/server.h"

static void
put_unix(struct buf *out, struct str name, const char *run_dir)
{
	buf_puts(out, "unix:");
	if (name.p[0] != '/')
		buf_printf(out, "%s/", run_dir);
	buf_putstr(out, name);
}

static void
put_inet(struct buf *out, struct str host, struct str port)
{
	bool brackets = host.n > 2 && host.p[0] == '[';

	if (brackets)
		host = str_sub(host, 1, host.n - 2);
	buf_puts(out, brackets ? "inet6:" : "inet:");
	buf_putstr(out, port);
	if (!str_eqc(host, "*")) {
		buf_putc(out, '@');
		buf_putstr(out, host);
	}
}

static bool
put(struct buf *out, struct str spec, const char *run_dir)
{
	size_t colon = str_rchr(spec, ':');
	struct str port = str_sub(spec, colon + 1, SIZE_MAX);
	uint32_t n;

	if (str_starts(spec, STR("unix:")) && spec.n > 5) {
		put_unix(out, str_sub(spec, 5, SIZE_MAX), run_dir);
		return true;
	}
	if (colon == STR_NPOS || colon == 0 || !str_u32(port, &n) || n == 0 ||
	    n > 65535)
		return false;
	put_inet(out, str_sub(spec, 0, colon), port);
	return true;
}

bool
milter_address(struct str spec, const char *run_dir, struct milter_address *out,
    struct err *e)
{
	struct str rest = str_trim(spec), where = STR_NULL;
	bool ok = rest.n > 0 && str_split(&rest, '?', &where) &&
		  put(&out->text, where, run_dir) &&
		  (!rest.p || net_mode_parse(rest, &out->mode));

	buf_putc(&out->text, '\0');
	if (ok)
		return true;
	buf_fini(&out->text);
	err_set(e,
	    "milterd.listen: \"%.*s\" is neither unix:NAME, unix:NAME?mode=0660"
	    " nor HOST:PORT",
	    STR_ARG(spec));
	return false;
}
