/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/login.h"

#include "base/codec.h"
#include "base/fs.h"
#include "base/mem.h"

enum backend_rc
login_connect(const struct backend_login *l, struct arena *a,
    enum site_backend_proto proto, struct site_backend *b, struct peer **out,
    struct err *e)
{
	*out = NULL;
	if (!site_backend(l->site, a, l->account, proto, b)) {
		err_set(e, "the backend of %.*s has no %s",
		    STR_ARG(l->account->address),
		    site_backend_proto_name(proto));
		return BACKEND_DOWN;
	}
	if (l->hops == 0) {
		err_set(e, "%.*s: fronts lead to each other in a loop",
		    STR_ARG(l->account->address));
		return BACKEND_DOWN;
	}
	return peer_connect(b, out, e) ? BACKEND_OK : BACKEND_DOWN;
}

/* "user*master", the way of servers that know no authorisation identity. */
static struct str
suffixed(const struct backend_login *l, const struct site_backend *b,
    struct arena *a)
{
	return arena_printf(a, "%.*s%.*s%.*s", STR_ARG(l->account->address),
	    STR_ARG(b->master_separator), STR_ARG(b->master_user));
}

static bool
master_password(const struct site_backend *b, struct arena *a, struct str *out,
    struct err *e)
{
	struct buf text = { 0 };
	const char *path = arena_cstr(a, b->master_password_file);

	if (!fs_read(path, 4096, &text, e))
		return false;
	*out = arena_str(a, str_trim(buf_str(&text)));
	mem_wipe(text.p, text.n);
	buf_fini(&text);
	return true;
}

bool
login_as(const struct backend_login *l, const struct site_backend *b,
    struct arena *a, struct login_as *out, struct err *e)
{
	*out = (struct login_as){ .user = l->account->address,
		.password = l->password };
	if (!b->master_user.n || l->own) {
		if (out->password.n)
			return true;
		err_set(e,
		    "%.*s logged in without telling the password, which its "
		    "backend needs: set backend.master_user",
		    STR_ARG(l->account->address));
		return false;
	}
	if (b->master_separator.n) {
		out->user = suffixed(l, b, a);
	} else {
		out->user = b->master_user;
		out->authzid = l->account->address;
	}
	return master_password(b, a, &out->password, e);
}

struct str
login_plain(struct arena *a, const struct login_as *as)
{
	struct buf message = { 0 }, text = { 0 };
	struct str out;

	buf_putstr(&message, as->authzid);
	buf_putc(&message, '\0');
	buf_putstr(&message, as->user);
	buf_putc(&message, '\0');
	buf_putstr(&message, as->password);
	base64_encode(&text, buf_str(&message));
	out = arena_str(a, buf_str(&text));
	mem_wipe(message.p, message.n);
	mem_wipe(text.p, text.n);
	buf_fini(&message);
	buf_fini(&text);
	return out;
}

bool
login_has_word(struct str text, const char *word)
{
	struct str w;

	while (text.n && str_split(&text, ' ', &w)) {
		if (str_ieqc(w, word))
			return true;
	}
	return false;
}
