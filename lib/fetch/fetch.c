/* SPDX-License-Identifier: BSD-2-Clause */
#include "fetch/fetch.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/mem.h"

static const struct str https = STR("https://");

static void
start_once(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* ------------------------------------------------------------------------
 * URLs and forms
 */

bool
fetch_url_ok(struct str url)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost",
		"[::1]" };
	struct str rest;

	if (str_istarts(url, https))
		return true;
	if (!str_istarts(url, STR("http://")))
		return false;
	rest = str_sub(url, sizeof("http://") - 1, url.n);
	for (size_t i = 0; i < LEN(hosts); i++) {
		struct str host = str_of(hosts[i]);

		if (str_istarts(rest, host) &&
		    (rest.n == host.n || strchr(":/?", rest.p[host.n])))
			return true;
	}
	return false;
}

void
fetch_escape(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i], l = ascii_lower(c);

		if (ascii_digit(c) || (l >= 'a' && l <= 'z') ||
		    (c && strchr("-._~", c)))
			buf_putc(out, c);
		else
			buf_printf(out, "%%%02X", (unsigned char)c);
	}
}

/* ------------------------------------------------------------------------
 * The request
 */

/* Asked with the address that the name has led to. */
static curl_socket_t
on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	(void)purpose;
	if (!fetch_is_public(&a->addr)) {
		*(bool *)arg = true;
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

struct body {
	struct buf *out;
	size_t room;
};

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct body *b = arg;

	if (size * n > b->room)
		return 0;
	b->room -= size * n;
	buf_put(b->out, p, size * n);
	return size * n;
}

static void
set_options(CURL *c, const struct fetch *f, struct body *body, char *why)
{
	curl_easy_setopt(c, CURLOPT_URL, f->url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)f->timeout);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, body);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "Mailstead");
	if (!str_istarts(str_of(f->url), https) || f->public_only)
		curl_easy_setopt(c, CURLOPT_NOPROXY, "*"); /* it is here */
	if (*f->ca_file)
		curl_easy_setopt(c, CURLOPT_CAINFO, f->ca_file);
	if (f->post)
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, f->post);
	if (f->post && f->post_size > 0)
		curl_easy_setopt(
		    c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)f->post_size);
	if (f->user && *f->user) {
		curl_easy_setopt(c, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		curl_easy_setopt(c, CURLOPT_USERNAME, f->user);
		curl_easy_setopt(c, CURLOPT_PASSWORD, f->password);
	}
}

static struct curl_slist *
headers_of(const struct fetch *f)
{
	struct curl_slist *list = NULL;
	struct buf line = { 0 };

	buf_printf(
	    &line, "Accept: %s", f->accept ? f->accept : "application/json");
	list = curl_slist_append(list, buf_cstr(&line));
	if (f->type) {
		buf_clear(&line);
		buf_printf(&line, "Content-Type: %s", f->type);
		list = curl_slist_append(list, buf_cstr(&line));
	}
	buf_fini(&line);
	return list;
}

/* Parameters behind the type do not count. */
static bool
is_accepted(CURL *c, const struct fetch *f)
{
	char *type = NULL;
	struct str given, rest;

	if (!f->accept)
		return true;
	curl_easy_getinfo(c, CURLINFO_CONTENT_TYPE, &type);
	rest = str_of(type);
	return str_split(&rest, ';', &given) &&
	       str_ieqc(str_trim(given), f->accept);
}

static unsigned
perform(CURL *c, const struct fetch *f, struct buf *out, struct err *e)
{
	struct curl_slist *headers = headers_of(f), *places = NULL;
	struct body body = { out, f->max ? f->max : FETCH_MAX };
	char why[CURL_ERROR_SIZE] = "";
	const char *name = f->name ? f->name : f->url;
	long status = 0;
	CURLcode rc;

	set_options(c, f, &body, why);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	if (f->resolve) {
		places = curl_slist_append(NULL, f->resolve);
		curl_easy_setopt(c, CURLOPT_RESOLVE, places);
	}
	if (f->public_only) {
		curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket);
		curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, f->refused);
	}
	rc = curl_easy_perform(c);
	curl_slist_free_all(headers);
	curl_slist_free_all(places);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	if (f->refused && *f->refused)
		err_set(e, "%s: its address is not public", name);
	else if (rc != CURLE_OK)
		err_set(e, "%s: %s", name, *why ? why : curl_easy_strerror(rc));
	else if (status == 200 && !is_accepted(c, f))
		err_set(e, "%s: the answer is not %s", name, f->accept);
	else
		err_set(e, "%s: HTTP status %ld", name, status);
	return rc == CURLE_OK && (status != 200 || is_accepted(c, f))
		   ? (unsigned)status
		   : 0;
}

unsigned
fetch_any(const struct fetch *f, struct buf *out, struct err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	unsigned status = 0;
	CURL *c;

	if (!f->http && !fetch_url_ok(str_of(f->url))) {
		err_set(e, "%s: only https is used, and http on this host",
		    f->name ? f->name : f->url);
		return 0;
	}
	pthread_once(&once, start_once);
	c = curl_easy_init();
	if (c)
		status = perform(c, f, out, e);
	else
		err_set(e, "libcurl could not be started");
	curl_easy_cleanup(c);
	return status;
}

bool
fetch(const struct fetch *f, struct buf *out, struct err *e)
{
	struct buf body = { 0 };
	bool ok = fetch_any(f, &body, e) == 200;

	if (ok)
		buf_putstr(out, buf_str(&body));
	buf_fini(&body);
	return ok;
}
