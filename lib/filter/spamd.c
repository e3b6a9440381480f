/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <sysexits.h>

#include "filter/answers.h"
#include "filter/spam_engine.h"
#include "filter/talk.h"

/*
 * SpamAssassin's spamd: a request in the form of HTTP's, one a connection, in
 * version 1.5 of a protocol whose answers say 1.0, 1.1 or 1.5.
 */

/* ------------------------------------------------------------------------
 * Answers
 */

/* "-12.5", without regard to the locale. */
static bool
take_number(struct str *s, double *out)
{
	bool minus = s->n > 0 && *s->p == '-', point = false, any = false;
	double n = 0, unit = 1;
	size_t i = minus ? 1 : 0;

	for (; i < s->n && i < 32; i++) {
		if (s->p[i] == '.' && !point) {
			point = true;
			continue;
		}
		if (!ascii_digit(s->p[i]))
			break;
		any = true;
		n = n * 10 + (s->p[i] - '0');
		unit = point ? unit * 10 : unit;
	}
	*s = str_trim(str_sub(*s, i, STR_NPOS));
	*out = (minus ? -n : n) / unit;
	return any;
}

static bool
take_char(struct str *s, char c)
{
	if (s->n == 0 || *s->p != c)
		return false;
	*s = str_trim(str_sub(*s, 1, STR_NPOS));
	return true;
}

static void
take_rules(struct arena *a, struct str list, struct str *out)
{
	struct buf rules = { 0 };
	struct str name;

	while (str_split(&list, ',', &name))
		spam_add_rule(&rules, str_trim(name));
	*out = arena_str(a, buf_str(&rules));
	buf_fini(&rules);
}

bool
spamd_verdict(const char *server, const struct spamd_answer *r, struct arena *a,
    struct spam_verdict *out, struct err *e)
{
	struct str rest = r->spam, word;

	*out = (struct spam_verdict){ 0 };
	if (!str_split(&rest, ';', &word))
		word = STR_NULL;
	word = str_trim(word);
	rest = str_trim(rest);
	/* REPORT_IFSPAM's word is Yes. */
	out->spam = str_ieqc(word, "True") || str_ieqc(word, "Yes");
	if ((!out->spam && !str_ieqc(word, "False") && !str_ieqc(word, "No")) ||
	    !take_number(&rest, &out->score) || !take_char(&rest, '/') ||
	    !take_number(&rest, &out->threshold) || rest.n > 0) {
		talk_complain(e, server, "unexpected Spam:", r->spam);
		return false;
	}
	take_rules(a, r->body, &out->rules);
	return true;
}

/* A line without its end. */
static struct str
take_line(struct str *rest)
{
	struct str line = STR_NULL;

	str_split(rest, '\n', &line);
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

/* "SPAMD/1.1 0 EX_OK": the codes are those of sysexits.h. */
static bool
read_status(
    const char *server, struct str line, struct str *said, struct err *e)
{
	struct str rest = line, version = STR_NULL, word = STR_NULL;
	char what[64], number[12];
	uint32_t code;

	str_split(&rest, ' ', &version);
	str_split(&rest, ' ', &word);
	if (!str_starts(version, STR("SPAMD/")) || !str_u32(word, &code)) {
		talk_complain(e, server, "unexpected", line);
		return false;
	}
	*said = str_trim(rest);
	if (code == 0)
		return true;
	talk_printable(number, sizeof(number), word);
	snprintf(what, sizeof(what),
	    "%s, code %s:", code == EX_TEMPFAIL ? "failed for now" : "failed",
	    number);
	talk_complain(e, server, what, *said);
	return false;
}

static void
read_field(struct str line, struct spamd_answer *out, uint64_t *length)
{
	struct str value = line, name = STR_NULL;

	str_split(&value, ':', &name);
	value = str_trim(value);
	if (str_ieqc(name, "Spam"))
		out->spam = value;
	else if (str_ieqc(name, "Content-length"))
		str_u64(value, length);
	else if (str_ieqc(name, "DidSet") || str_ieqc(name, "DidRemove"))
		out->did = true;
}

bool
spamd_answer(const char *server, struct str text, struct spamd_answer *out,
    struct err *e)
{
	uint64_t length = 0;
	struct str line;

	*out = (struct spamd_answer){ 0 };
	if (!read_status(server, take_line(&text), &out->said, e))
		return false;
	while ((line = take_line(&text)).n > 0)
		read_field(line, out, &length);
	if (text.n < length) {
		err_set(e, "%s: the answer ends before its end", server);
		return false;
	}
	out->body = text;
	return true;
}

/* ------------------------------------------------------------------------
 * Questions
 */

/* VERB with FIELDS, each with its CRLF, and the message, if there is one. */
static void
write_request(struct buf *out, const char *verb, const char *fields,
    const struct spam_message *m)
{
	buf_printf(out, "%s SPAMC/1.5\r\n%s", verb, fields);
	if (m && m->user.n > 0) {
		BUF_LIT(out, "User: ");
		spam_put_value(out, m->user);
		BUF_LIT(out, "\r\n");
	}
	if (m)
		buf_printf(out, "Content-length: %zu\r\n", m->raw.n);
	BUF_LIT(out, "\r\n");
}

/* The answer lives as long as *T, which is to be freed in any case. */
static bool
ask(const struct spam_options *o, struct str request, struct str raw,
    struct talk **t, struct spamd_answer *out, struct err *e)
{
	struct str text;

	if (!talk_open(o->server, o->timeout, SPAMD_ANSWER_MAX, t, e) ||
	    !talk_send(*t, request, e) || !talk_send(*t, raw, e))
		return false;
	talk_done(*t);
	return talk_all(*t, &text, e) && spamd_answer(o->server, text, out, e);
}

static bool
request(const struct spam_options *o, const char *verb, const char *fields,
    const struct spam_message *m, struct talk **t, struct spamd_answer *out,
    struct err *e)
{
	struct buf head = { 0 };
	bool ok;

	write_request(&head, verb, fields, m);
	ok = ask(o, buf_str(&head), m ? m->raw : STR_NULL, t, out, e);
	buf_fini(&head);
	return ok;
}

static bool
check(const struct spam_options *o, struct arena *a,
    const struct spam_message *m, struct spam_verdict *out, struct err *e)
{
	struct spamd_answer r;
	struct talk *t;
	bool ok;

	ok = request(o, "SYMBOLS", "", m, &t, &r, e) &&
	     spamd_verdict(o->server, &r, a, out, e);
	talk_free(&t);
	return ok;
}

/* spamd says only whether it did something: it does not if it had learned the
 * same before, or has nothing to forget, or has no Bayes. */
static bool
learn(const struct spam_options *o, const struct spam_message *m,
    enum spam_lesson lesson, bool *known, struct err *e)
{
	static const char *const fields[] = {
		[SPAM_IS_SPAM] = "Message-class: spam\r\nSet: local\r\n",
		[SPAM_IS_HAM] = "Message-class: ham\r\nSet: local\r\n",
		[SPAM_FORGET] = "Remove: local\r\n",
	};
	struct spamd_answer r;
	struct talk *t;
	bool ok = request(o, "TELL", fields[lesson], m, &t, &r, e);

	if (ok)
		*known = lesson == SPAM_FORGET ? r.did : !r.did;
	talk_free(&t);
	return ok;
}

static bool
ping(const struct spam_options *o, struct err *e)
{
	struct spamd_answer r;
	struct talk *t;
	bool ok = request(o, "PING", "", NULL, &t, &r, e);

	if (ok && !str_eqc(r.said, "PONG")) {
		talk_complain(e, o->server, "unexpected", r.said);
		ok = false;
	}
	talk_free(&t);
	return ok;
}

const struct spam_functions spamd_functions = { check, learn, ping };
