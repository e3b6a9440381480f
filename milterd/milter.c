/* SPDX-License-Identifier: BSD-2-Clause */
#include "milterd/milter.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#include "base/log.h"
#include "base/mem.h"
#include "milterd/address.h"

#define ACTIONS (SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_DELRCPT)

static struct filter *filter;
static struct milter_counters counters;
static pthread_t thread;
static bool running;
static struct sockaddr_storage listening; /* family 0: not known */
static socklen_t listening_size;

struct connection {
	struct filter_session *session;
	bool leading_space;   /* values come, and go, with their first space */
	unsigned long silent; /* steps that the MTA awaits no answer of */
	struct buf value;     /* of one header field */
};

static struct connection *
connection(SMFICTX *ctx)
{
	return smfi_getpriv(ctx);
}

static struct str
macro(SMFICTX *ctx, const char *name)
{
	char copy[32];

	snprintf(copy, sizeof(copy), "%s", name);
	return str_of(smfi_getsymval(ctx, copy));
}

/* "<a@b>" as commands have it. */
static struct str
without_brackets(const char *arg)
{
	struct str s = str_trim(str_of(arg));

	if (s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
		s = str_sub(s, 1, s.n - 2);
	return s;
}

/* ------------------------------------------------------------------------
 * The connection
 */

static void
want_macros(SMFICTX *ctx, int stage, const char *names)
{
	char copy[128];

	snprintf(copy, sizeof(copy), "%s", names);
	if (smfi_setsymlist(ctx, stage, copy) != MI_SUCCESS)
		log_debug("macros", LOG_CSTR("refused", names));
}

/*
 * Steps that never end a message need no answer: the MTA sends a whole header
 * at once then. Only on Unix sockets, since TCP makes it wait for its own
 * acknowledgements (Nagle's algorithm), 40 ms each time.
 */
#define SILENT                                                                 \
	(SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_HDR | SMFIP_NR_EOH |         \
	    SMFIP_NR_BODY)

static sfsistat
go_on(const struct connection *c, unsigned long step)
{
	return c->silent & step ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps,
    unsigned long f2, unsigned long f3, unsigned long *want_actions,
    unsigned long *want_steps, unsigned long *out2, unsigned long *out3)
{
	struct connection *c = mem_zalloc(sizeof(*c));

	(void)f2;
	(void)f3;
	if ((actions & ACTIONS) != ACTIONS) {
		log_error("milter",
		    LOG_CSTR("error", "the MTA does not let headers and "
				      "recipients be changed"));
		free(c);
		return SMFIS_REJECT;
	}
	c->leading_space = (steps & SMFIP_HDR_LEADSPC) != 0;
	*want_actions = ACTIONS;
	if (listening.ss_family == AF_UNIX)
		c->silent = steps & SILENT;
	*want_steps = SMFIP_NOUNKNOWN | (steps & SMFIP_NODATA) |
		      (steps & SMFIP_HDR_LEADSPC) | c->silent;
	*out2 = *out3 = 0;
	if (actions & SMFIF_SETSYMLIST) {
		*want_actions |= SMFIF_SETSYMLIST;
		want_macros(ctx, SMFIM_CONNECT, "{client_name}");
		want_macros(ctx, SMFIM_ENVFROM, "i {auth_authen}");
		want_macros(ctx, SMFIM_EOM, "i");
	}
	smfi_setpriv(ctx, c);
	return SMFIS_CONTINUE;
}

/* Postfix says "unknown", Sendmail "[192.0.2.1]", if nothing is proven. */
static bool
is_name(struct str client_name)
{
	return !str_eqc(client_name, "unknown") &&
	       !str_starts(client_name, STR("["));
}

static sfsistat
on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *sa)
{
	struct connection *c = connection(ctx);
	struct filter_client client = { .local = true };
	uint16_t port;

	(void)host;
	if (!c)
		return SMFIS_TEMPFAIL;
	if (sa && addr_from(sa, &client.address, &port)) {
		client.local = false;
		client.name = macro(ctx, "{client_name}");
		if (!is_name(client.name))
			client.name = STR_NULL;
	}
	filter_session_free(&c->session);
	c->session = filter_session_new(filter, &client);
	metric_add(counters.connections, 1);
	return go_on(c, SMFIP_NR_CONN);
}

static sfsistat
on_helo(SMFICTX *ctx, char *name)
{
	struct connection *c = connection(ctx);

	filter_helo(c->session, str_of(name));
	return go_on(c, SMFIP_NR_HELO);
}

static sfsistat
on_close(SMFICTX *ctx)
{
	struct connection *c = connection(ctx);

	if (!c)
		return SMFIS_CONTINUE;
	smfi_setpriv(ctx, NULL);
	filter_session_free(&c->session);
	buf_fini(&c->value);
	free(c);
	return SMFIS_CONTINUE;
}

/* ------------------------------------------------------------------------
 * Answers
 */

/* libmilter takes "%" for the beginning of something. */
static void
put_reply_text(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '%')
			buf_putc(out, '%');
		buf_putc(out, text.p[i]);
	}
}

#define REPLY_TEXT 450 /* with the code within the line of RFC 5321 */

/* WHY NULL: it is not refused. */
static sfsistat
answer(SMFICTX *ctx, const struct reason *why)
{
	struct buf text = { 0 };
	char code[4], status[16];

	if (!why)
		return SMFIS_CONTINUE;
	snprintf(code, sizeof(code), "%u", why->code % 1000);
	snprintf(status, sizeof(status), "%s", why->status);
	put_reply_text(&text, str_sub(why->text, 0, REPLY_TEXT));
	buf_putc(&text, '\0');
	if (smfi_setreply(ctx, code, status, text.p) != MI_SUCCESS)
		log_warn("reply", LOG_STR("refused", why->text));
	buf_fini(&text);
	return why->action == FILTER_REJECT ? SMFIS_REJECT : SMFIS_TEMPFAIL;
}

/* ------------------------------------------------------------------------
 * A message
 */

static sfsistat
on_envfrom(SMFICTX *ctx, char **args)
{
	const struct filter_envelope e = {
		.sender = without_brackets(args[0]),
		.login = macro(ctx, "{auth_authen}"),
		.queue_id = macro(ctx, "i"),
	};

	return answer(ctx, filter_mail(connection(ctx)->session, &e));
}

static sfsistat
on_envrcpt(SMFICTX *ctx, char **args)
{
	return answer(ctx,
	    filter_rcpt(connection(ctx)->session, without_brackets(args[0])));
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	struct connection *c = connection(ctx);

	buf_clear(&c->value);
	if (!c->leading_space)
		buf_putc(&c->value, ' '); /* most probably */
	buf_puts(&c->value, value);
	filter_field(c->session, str_of(name), buf_str(&c->value));
	return go_on(c, SMFIP_NR_HDR);
}

static sfsistat
on_eoh(SMFICTX *ctx)
{
	struct connection *c = connection(ctx);

	filter_header_end(c->session);
	return go_on(c, SMFIP_NR_EOH);
}

static sfsistat
on_body(SMFICTX *ctx, unsigned char *chunk, size_t n)
{
	struct connection *c = connection(ctx);

	filter_body(c->session, (struct str){ (const char *)chunk, n });
	return go_on(c, SMFIP_NR_BODY);
}

static sfsistat
on_abort(SMFICTX *ctx)
{
	struct connection *c = connection(ctx);

	if (c && c->session)
		filter_abort(c->session);
	return SMFIS_CONTINUE;
}

/* ------------------------------------------------------------------------
 * The end
 */

static char *
cstr(struct arena *a, struct str s)
{
	return arena_cstr(a, s);
}

static bool
apply_edit(SMFICTX *ctx, struct arena *a, const struct connection *c,
    const struct edit *e)
{
	char *name = cstr(a, e->name);
	struct str value = e->value;

	if (e->delete)
		return smfi_chgheader(ctx, name, (int)e->delete, NULL) ==
		       MI_SUCCESS;
	if (!c->leading_space && value.n > 0 && value.p[0] == ' ')
		value = str_sub(value, 1, SIZE_MAX);
	return smfi_insheader(ctx, 0, name, cstr(a, value)) == MI_SUCCESS;
}

static bool
apply(SMFICTX *ctx, const struct connection *c, const struct edits *edits)
{
	struct arena *a = arena_new();
	bool ok = true;

	for (size_t i = 0; ok && i < edits->n; i++)
		ok = apply_edit(ctx, a, c, &edits->v[i]);
	arena_free(&a);
	return ok;
}

/* Those for whom it is kept apart. */
static bool
leave_out(SMFICTX *ctx, const struct filter_outcome *out)
{
	struct arena *a = arena_new();
	bool ok = true;

	for (size_t i = 0; ok && i < out->n; i++) {
		if (out->fates[i] == FILTER_QUARANTINE)
			ok = smfi_delrcpt(
				 ctx, arena_cstr(a,
					  arena_printf(a, "<%.*s>",
					      STR_ARG(out->recipients[i])))) ==
			     MI_SUCCESS;
	}
	arena_free(&a);
	return ok;
}

static sfsistat
on_eom(SMFICTX *ctx)
{
	struct connection *c = connection(ctx);
	struct filter_outcome out;

	filter_end(c->session, macro(ctx, "i"), &out);
	metric_add(counters.messages[out.action], 1);
	if (out.refusal)
		return answer(ctx, out.refusal);
	if (out.action == FILTER_QUARANTINE)
		return SMFIS_DISCARD;
	if (!apply(ctx, c, &out.edits) || !leave_out(ctx, &out)) {
		log_error("milter",
		    LOG_CSTR("error", "the MTA did not take the changes of "
				      "the message"),
		    LOG_STR("queue", macro(ctx, "i")));
		return SMFIS_TEMPFAIL;
	}
	return SMFIS_CONTINUE;
}

/* ------------------------------------------------------------------------
 * Serving
 */

static char name[] = "mailstead";

static struct smfiDesc description = {
	.xxfi_name = name,
	.xxfi_version = SMFI_VERSION,
	.xxfi_flags = ACTIONS,
	.xxfi_connect = on_connect,
	.xxfi_helo = on_helo,
	.xxfi_envfrom = on_envfrom,
	.xxfi_envrcpt = on_envrcpt,
	.xxfi_header = on_header,
	.xxfi_eoh = on_eoh,
	.xxfi_body = on_body,
	.xxfi_eom = on_eom,
	.xxfi_abort = on_abort,
	.xxfi_close = on_close,
	.xxfi_negotiate = on_negotiate,
};

/* ------------------------------------------------------------------------
 * Stopping: libmilter looks only every five seconds whether it should, or when
 * somebody connects.
 */

static void
remember_unix(const char *path)
{
	struct sockaddr_un *sa = (struct sockaddr_un *)&listening;

	sa->sun_family = AF_UNIX;
	snprintf(sa->sun_path, sizeof(sa->sun_path), "%s", path);
	listening_size = sizeof(*sa);
}

/* "25@127.0.0.1", or "25" for all addresses, of which a loopback will do. */
static void
remember_inet(const char *text)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV };
	struct str rest = str_of(text), port;
	struct arena *a = arena_new();
	struct addrinfo *list;

	str_split(&rest, '@', &port);
	if (getaddrinfo(rest.n > 0 ? arena_cstr(a, rest) : NULL,
		arena_cstr(a, port), &hints, &list) == 0) {
		memcpy(&listening, list->ai_addr, list->ai_addrlen);
		listening_size = list->ai_addrlen;
		freeaddrinfo(list);
	}
	arena_free(&a);
}

static void
remember_address(const char *text)
{
	const char *rest = strchr(text, ':') + 1;

	if (strncmp(text, "unix:", 5) == 0)
		remember_unix(rest);
	else
		remember_inet(rest);
}

static void
wake(void)
{
	int fd;

	if (listening_size == 0)
		return;
	fd = socket(listening.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)&listening, listening_size) !=
	    0)
		log_debug("milter", LOG_CSTR("error", "cannot wake libmilter"));
	close(fd);
}

bool
milter_listen(const char *spec, const char *run_dir, struct err *e)
{
	struct milter_address at = { .mode = 0660 };
	mode_t mask;
	bool ok;

	if (!milter_address(str_of(spec), run_dir, &at, e))
		return false;
	/* The mask makes it right from the first moment. */
	mask = umask(0777 & ~at.mode);
	remember_address(at.text.p);
	ok = smfi_register(description) == MI_SUCCESS &&
	     smfi_setconn(at.text.p) == MI_SUCCESS &&
	     smfi_opensocket(true) == MI_SUCCESS;
	umask(mask);
	if (!ok)
		err_set(e,
		    "cannot listen on %s: is its folder there, and may "
		    "it be written?",
		    at.text.p);
	buf_fini(&at.text);
	return ok;
}

static void *
serve(void *arg)
{
	(void)arg;
	if (smfi_main() != MI_SUCCESS) {
		log_error("milter", LOG_CSTR("error", "libmilter gave up"));
		kill(getpid(), SIGTERM);
	}
	return NULL;
}

bool
milter_start(struct filter *f, const struct milter_counters *c, struct err *e)
{
	filter = f;
	counters = *c;
	running = pthread_create(&thread, NULL, serve, NULL) == 0;
	if (!running)
		err_errno(e, "cannot start a thread");
	return running;
}

void
milter_stop(void)
{
	if (!running)
		return;
	smfi_stop();
	wake();
	pthread_join(thread, NULL);
	running = false;
}
