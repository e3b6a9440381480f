/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>
#include <jansson.h>

#include "filter/answers.h"
#include "filter/spam_engine.h"
#include "filter/talk.h"

/*
 * rspamd over HTTP. Its normal worker only checks; its controller checks and
 * learns, so where we learn, that is the server. What is known of a message
 * goes in fields of the request.
 */

/* The sender has a say in both: an answer lists the message's 10,240 first
 * links, and a request of 80 KiB of fields is refused. So neither may make a
 * check fail; rspamd's rules count recipients up to 50. */
#define ANSWER_MAX (8 * 1024 * 1024)
#define RECIPIENTS_MAX 32768 /* octets */

/* ------------------------------------------------------------------------
 * Answers
 */

static struct str
string_of(const json_t *j)
{
	return (struct str){ json_string_value(j), json_string_length(j) };
}

/* Of its actions, those that say that it is spam. "soft reject" only asks for
 * patience, as "greylist" does. */
static bool
is_spam_action(struct str action)
{
	static const char *const actions[] = { "reject", "add header",
		"rewrite subject", "quarantine", "discard" };

	for (size_t i = 0; i < LEN(actions); i++) {
		if (str_eqc(action, actions[i]))
			return true;
	}
	return false;
}

static void
take_symbols(json_t *symbols, struct arena *a, struct str *out)
{
	struct buf rules = { 0 };
	const char *name;
	json_t *value;

	json_object_foreach(symbols, name, value)
	    spam_add_rule(&rules, str_of(name));
	*out = arena_str(a, buf_str(&rules));
	buf_fini(&rules);
}

static bool
take_verdict(json_t *j, struct arena *a, struct spam_verdict *out)
{
	const json_t *score = json_object_get(j, "score");
	const json_t *required = json_object_get(j, "required_score");
	const json_t *action = json_object_get(j, "action");

	*out = (struct spam_verdict){ 0 };
	if (!json_is_number(score) || !json_is_number(required) ||
	    !json_is_string(action))
		return false;
	out->spam = is_spam_action(string_of(action));
	out->score = json_number_value(score);
	out->threshold = json_number_value(required);
	take_symbols(json_object_get(j, "symbols"), a, &out->rules);
	return true;
}

bool
rspamd_verdict(const char *server, struct str json, struct arena *a,
    struct spam_verdict *out, struct err *e)
{
	json_t *j = json_loadb(json.p ? json.p : "", json.n, 0, NULL);
	bool ok = take_verdict(j, a, out);

	if (!ok)
		talk_complain(e, server, "unexpected", json);
	json_decref(j);
	return ok;
}

void
rspamd_complaint(
    const char *server, unsigned status, struct str json, struct err *e)
{
	json_t *j = json_loadb(json.p ? json.p : "", json.n, 0, NULL);
	const json_t *error = json_object_get(j, "error");
	char what[32];

	snprintf(what, sizeof(what), "HTTP status %u:", status);
	talk_complain(
	    e, server, what, json_is_string(error) ? string_of(error) : json);
	json_decref(j);
}

/* Version 3.4 answers 404 and a sentence, others 208 (RFC 5842). The sentence
 * begins with the message id, which is the sender's. */
bool
rspamd_knows(unsigned status, struct str json)
{
	json_t *j = json_loadb(json.p ? json.p : "", json.n, 0, NULL);
	struct str error = string_of(json_object_get(j, "error"));
	bool known = status == 208;

	if (status == 404)
		known =
		    str_iends(error,
			STR("has been already learned as spam, ignore it")) ||
		    str_iends(error,
			STR("has been already learned as ham, ignore it"));
	json_decref(j);
	return known;
}

/* ------------------------------------------------------------------------
 * Fields of a request
 */

static void
add_field(struct curl_slist **list, const char *name, struct str value)
{
	struct buf line = { 0 };

	if (value.n > 0) {
		buf_printf(&line, "%s: ", name);
		spam_put_value(&line, value);
		*list = curl_slist_append(*list, buf_cstr(&line));
	}
	buf_fini(&line);
}

/* The empty path of a bounce is one, too. */
static void
add_path(struct curl_slist **list, const char *name, struct str address)
{
	struct buf path = { 0 };

	buf_printf(
	    &path, "<%.*s>", STR_ARG(str_sub(address, 0, SPAM_VALUE_MAX - 2)));
	add_field(list, name, buf_str(&path));
	buf_fini(&path);
}

static void
add_recipients(struct curl_slist **list, const struct spam_message *m)
{
	size_t room = RECIPIENTS_MAX;

	for (size_t i = 0; i < m->nrecipients; i++) {
		if (m->recipients[i].n > room)
			return;
		room -= m->recipients[i].n;
		add_path(list, "Rcpt", m->recipients[i]);
	}
}

static void
add_envelope(struct curl_slist **list, const struct spam_message *m)
{
	add_field(list, "IP", m->client);
	add_field(list, "Helo", m->helo);
	add_field(list, "Hostname", m->hostname);
	add_field(list, "Queue-Id", m->queue_id);
	/* It spares a message most checks, so it is not whose mail it is. */
	add_field(list, "User", m->login);
	add_path(list, "From", m->sender);
	add_recipients(list, m);
}

static struct curl_slist *
fields_of(const struct spam_options *o, const struct spam_message *m)
{
	/* Those that libcurl would add: none. */
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");

	list = curl_slist_append(list, "Content-Type:");
	add_field(&list, "Password", str_of(o->password));
	add_field(&list, "Deliver-To", m->user);
	return list;
}

/* ------------------------------------------------------------------------
 * Requests
 */

static void
start_once(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct buf *out = arg;

	if (out->n + size * n > ANSWER_MAX)
		return 0;
	buf_put(out, p, size * n);
	return size * n;
}

static bool
set_server(CURL *c, const struct spam_options *o, const char *path)
{
	struct str server = str_of(o->server), prefix = STR("unix:");
	bool local = str_starts(server, prefix);
	struct talk_address to;
	struct buf url = { 0 };

	if (!local && !talk_address(o->server, &to))
		return false;
	buf_printf(&url, "http://%s%s", local ? "localhost" : o->server, path);
	curl_easy_setopt(c, CURLOPT_URL, buf_cstr(&url));
	buf_fini(&url);
	if (local)
		curl_easy_setopt(
		    c, CURLOPT_UNIX_SOCKET_PATH, o->server + prefix.n);
	return true;
}

static void
set_options(CURL *c, const struct spam_options *o, struct buf *body)
{
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(
	    c, CURLOPT_TIMEOUT, (long)(o->timeout ? o->timeout : 1));
	curl_easy_setopt(c, CURLOPT_USERAGENT, "Mailstead");
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, body);
}

static void
set_message(CURL *c, struct str raw)
{
	curl_easy_setopt(c, CURLOPT_POST, 1L);
	curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)raw.n);
	curl_easy_setopt(c, CURLOPT_POSTFIELDS, raw.p ? raw.p : "");
}

/* Perform it; the status, or 0 with a sentence. */
static unsigned
perform(CURL *c, const struct spam_options *o, struct err *e)
{
	char why[CURL_ERROR_SIZE] = "";
	long status = 0;
	CURLcode rc;

	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
	rc = curl_easy_perform(c);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	if (rc == CURLE_OK)
		return (unsigned)status;
	err_set(e, "%s: %s", o->server, *why ? why : curl_easy_strerror(rc));
	return 0;
}

/* The status of the answer, 0 without one. MESSAGE: NULL, or what to post. */
static unsigned
request(const struct spam_options *o, const char *path,
    struct curl_slist *fields, const struct str *message, struct buf *body,
    struct err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	unsigned status = 0;
	CURL *c;

	pthread_once(&once, start_once);
	c = curl_easy_init();
	if (!c) {
		err_set(e, "libcurl could not be started");
	} else if (!set_server(c, o, path)) {
		err_set(
		    e, "%s: is neither unix:/PATH nor HOST:PORT", o->server);
	} else {
		set_options(c, o, body);
		if (message)
			set_message(c, *message);
		curl_easy_setopt(c, CURLOPT_HTTPHEADER, fields);
		status = perform(c, o, e);
	}
	curl_easy_cleanup(c);
	return status;
}

static bool
check(const struct spam_options *o, struct arena *a,
    const struct spam_message *m, struct spam_verdict *out, struct err *e)
{
	struct curl_slist *fields = fields_of(o, m);
	struct buf body = { 0 };
	unsigned status;
	bool ok = false;

	add_envelope(&fields, m);
	status = request(o, "/checkv2", fields, &m->raw, &body, e);
	if (status == 200)
		ok = rspamd_verdict(o->server, buf_str(&body), a, out, e);
	else if (status)
		rspamd_complaint(o->server, status, buf_str(&body), e);
	curl_slist_free_all(fields);
	buf_fini(&body);
	return ok;
}

static bool
learn(const struct spam_options *o, const struct spam_message *m,
    enum spam_lesson lesson, bool *known, struct err *e)
{
	struct curl_slist *fields;
	struct buf body = { 0 };
	unsigned status;

	if (lesson == SPAM_FORGET) {
		err_set(e, "%s: rspamd cannot forget, only learn the opposite",
		    o->server);
		return false;
	}
	fields = fields_of(o, m);
	status = request(o, lesson == SPAM_IS_SPAM ? "/learnspam" : "/learnham",
	    fields, &m->raw, &body, e);
	*known = status && rspamd_knows(status, buf_str(&body));
	if (status && status != 200 && !*known)
		rspamd_complaint(o->server, status, buf_str(&body), e);
	curl_slist_free_all(fields);
	buf_fini(&body);
	return status == 200 || *known;
}

static bool
ping(const struct spam_options *o, struct err *e)
{
	struct buf body = { 0 };
	unsigned status = request(o, "/ping", NULL, NULL, &body, e);
	bool ok = status == 200 && str_eqc(str_trim(buf_str(&body)), "pong");

	if (status && !ok)
		rspamd_complaint(o->server, status, buf_str(&body), e);
	buf_fini(&body);
	return ok;
}

const struct spam_functions rspamd_functions = { check, learn, ping };
