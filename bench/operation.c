/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "bench/load.h"

/*
 * Messages come from a file that repeats "SIZE\n" and SIZE bytes. Where one
 * holds SERIAL_MARK, each sending writes a number of its own over it, so that
 * no two are the same message to the server.
 */
#define SERIAL_MARK "@@@@@@@@@@@@@@@@"

static struct str *mails;
static size_t mail_count;
static int64_t serial_base;

/* ------------------------------------------------------------------------
 * Messages and users
 */

void
mails_read(const char *path, int64_t serial)
{
	static struct buf file;
	struct err e;
	struct str rest, size;
	uint64_t n;

	serial_base = serial;
	if (!fs_read(path, SIZE_MAX / 2, &file, &e))
		die("%s", e.msg);
	rest = buf_str(&file);
	while (rest.n) {
		if (!str_split(&rest, '\n', &size) || !str_u64(size, &n) ||
		    n > rest.n)
			die("%s is not a file of messages", path);
		if (mail_count % 1024 == 0)
			mails = mem_realloc(
			    mails, (mail_count + 1024) * sizeof(*mails));
		mails[mail_count] = str_sub(rest, 0, n);
		if (str_find(mails[mail_count], STR("\n.")) != STR_NPOS)
			die("message %zu of %s has a line with a dot in front",
			    mail_count, path);
		mail_count++;
		rest = str_sub(rest, n, STR_NPOS);
	}
	if (mail_count == 0)
		die("%s is empty", path);
}

static void
put_mail(struct buf *out, long turn)
{
	struct str m = mails[(size_t)turn % mail_count];
	size_t mark = str_find(str_sub(m, 0, 4096), STR(SERIAL_MARK));
	char serial[sizeof(SERIAL_MARK)];

	if (mark != STR_NPOS) {
		snprintf(serial, sizeof(serial), "%016llx",
		    (unsigned long long)serial_base * 1000 + (uint64_t)turn);
		mark += out->n;
	}
	buf_putstr(out, m);
	if (mark != STR_NPOS)
		memcpy(out->p + mark, serial, sizeof(serial) - 1);
}

static void
put_user(struct buf *out, long n)
{
	const char *at = strstr(opt.users, "%ld");

	buf_printf(out, "%.*s%ld%s", (int)(at - opt.users), opt.users,
	    opt.first + n % opt.accounts, at + 3);
}

/* ------------------------------------------------------------------------
 * LMTP
 */

static bool
lmtp_open(struct client *c)
{
	struct conn *k = &c->conn;
	long port = opt.lmtp_port ? opt.lmtp_port : opt.port;

	return conn_open(k, opt.host, (int)port, false, (int)opt.timeout) &&
	       conn_reply(k, 220) && conn_send(k, STR("LHLO bench.test\r\n")) &&
	       conn_reply(k, 250);
}

static bool
lmtp_step(struct client *c, long turn)
{
	struct conn *k = &c->conn;
	bool ok;

	buf_clear(&c->out);
	BUF_LIT(&c->out, "MAIL FROM:<sender@elsewhere.test>\r\n");
	for (long i = 0; i < opt.recipients; i++) {
		BUF_LIT(&c->out, "RCPT TO:<");
		put_user(&c->out, turn * opt.recipients + i);
		BUF_LIT(&c->out, ">\r\n");
	}
	BUF_LIT(&c->out, "DATA\r\n");
	ok = conn_send(k, buf_str(&c->out)) && conn_reply(k, 250);
	for (long i = 0; ok && i < opt.recipients; i++)
		ok = conn_reply(k, 250);
	if (!ok || !conn_reply(k, 354))
		return false;
	buf_clear(&c->out);
	put_mail(&c->out, turn);
	c->bytes += c->out.n;
	BUF_LIT(&c->out, ".\r\n");
	ok = conn_send(k, buf_str(&c->out));
	for (long i = 0; ok && i < opt.recipients; i++)
		ok = conn_reply(k, 250);
	return ok;
}

/* ------------------------------------------------------------------------
 * IMAP
 */

bool
imap_login(struct client *c, struct conn *k, long user)
{
	struct answer a;
	struct str line;

	buf_clear(&c->out);
	BUF_LIT(&c->out, "LOGIN ");
	put_user(&c->out, user);
	buf_printf(&c->out, " %s", opt.password);
	return conn_open(
		   k, opt.host, (int)opt.port, opt.tls, (int)opt.timeout) &&
	       conn_line(k, &line) && conn_command(k, buf_cstr(&c->out), &a);
}

bool
imap_idle(struct client *c, struct conn *k)
{
	struct str line;

	(void)c;
	return conn_send(k, STR(CONN_TAG " IDLE\r\n")) && conn_line(k, &line);
}

static bool
imap_open(struct client *c)
{
	return imap_login(c, &c->conn, c->number);
}

bool
imap_select(struct client *c, struct conn *k)
{
	struct answer a;

	buf_clear(&c->out);
	buf_printf(&c->out, "SELECT %s", opt.mailbox);
	return conn_command(k, buf_cstr(&c->out), &a);
}

static bool
store_open(struct client *c)
{
	return imap_login(c, &c->conn, c->number) && imap_select(c, &c->conn);
}

static bool
login_step(struct client *c, long turn)
{
	struct answer a;
	bool ok = imap_login(c, &c->conn, turn) &&
		  conn_command(&c->conn, "LOGOUT", &a);

	conn_close(&c->conn);
	return ok;
}

static bool
append_step(struct client *c, long turn)
{
	struct answer a;
	size_t size = mails[(size_t)turn % mail_count].n;

	buf_clear(&c->out);
	buf_printf(
	    &c->out, CONN_TAG " APPEND %s {%zu+}\r\n", opt.mailbox, size);
	put_mail(&c->out, turn);
	c->bytes += size;
	BUF_LIT(&c->out, "\r\n");
	return conn_send(&c->conn, buf_str(&c->out)) &&
	       conn_answer(&c->conn, STR(CONN_TAG), &a);
}

/* One message after the other, a flag on, the next time round off. */
static bool
store_step(struct client *c, long turn)
{
	struct answer a;

	(void)turn;
	buf_clear(&c->out);
	buf_printf(&c->out, "STORE %ld %cFLAGS (\\Flagged)",
	    c->steps % opt.messages + 1,
	    c->steps / opt.messages % 2 ? '-' : '+');
	return conn_command(&c->conn, buf_cstr(&c->out), &a);
}

static bool
pop3_open(struct client *c)
{
	struct conn *k = &c->conn;

	buf_clear(&c->out);
	BUF_LIT(&c->out, "USER ");
	put_user(&c->out, c->number);
	buf_printf(&c->out, "\r\nPASS %s\r\n", opt.password);
	return conn_open(
		   k, opt.host, (int)opt.port, opt.tls, (int)opt.timeout) &&
	       conn_ok(k) && conn_send(k, buf_str(&c->out)) && conn_ok(k) &&
	       conn_ok(k);
}

/* One message after the other, each asked for when the last one is there. */
static bool
pop3_step(struct client *c, long turn)
{
	(void)turn;
	buf_clear(&c->out);
	buf_printf(&c->out, "RETR %ld\r\n", c->steps % opt.messages + 1);
	return conn_send(&c->conn, buf_str(&c->out)) && conn_ok(&c->conn) &&
	       conn_dotted(&c->conn, &c->bytes);
}

/* ------------------------------------------------------------------------
 * From the delivery to a client in IDLE
 */

static bool
push_open(struct client *c)
{
	c->watch = mem_zalloc(sizeof(*c->watch));
	if (lmtp_open(c) && imap_login(c, c->watch, c->number) &&
	    imap_select(c, c->watch) && imap_idle(c, c->watch))
		return true;
	if (c->watch->error[0])
		memcpy(c->conn.error, c->watch->error, sizeof(c->conn.error));
	return false;
}

/* The clock runs from the reply to LMTP's DATA to the untagged EXISTS. */
static bool
push_step(struct client *c, long turn)
{
	struct str line;

	if (!lmtp_step(c, turn))
		return false;
	c->began_us = clock_mono_us();
	do {
		if (!conn_line(c->watch, &line)) {
			memcpy(c->conn.error, c->watch->error,
			    sizeof(c->conn.error));
			return false;
		}
	} while (str_find(line, STR(" EXISTS")) == STR_NPOS);
	return true;
}

static const struct operation operations[] = {
	/* clang-format off */
	{ "append", imap_open,  append_step, true },
	{ "lmtp",   lmtp_open,  lmtp_step,   true },
	{ "login",  NULL,       login_step,  false },
	{ "pop3",   pop3_open,  pop3_step,   false },
	{ "push",   push_open,  push_step,   true },
	{ "store",  store_open, store_step,  false },
	/* clang-format on */
};

const struct operation *
operation_find(const char *name)
{
	for (size_t i = 0; i < LEN(operations); i++) {
		if (strcmp(name, operations[i].name) == 0)
			return &operations[i];
	}
	return NULL;
}
