/* SPDX-License-Identifier: BSD-2-Clause */
#include "authd/sts_file.h"

#include "base/log.h"
#include "outbound/publish.h"

bool
sts_file_wanted(struct str request)
{
	return str_starts(request, STR("GET /.well-known/mta-sts.txt "));
}

/* What stands behind "Host:", without a port. */
static struct str
host_of(struct str request)
{
	struct str line, name;

	while (str_split(&request, '\n', &line)) {
		str_split(&line, ':', &name);
		if (line.p && str_ieqc(name, "Host")) {
			line = str_trim(line);
			str_split(&line, ':', &name);
			return name;
		}
	}
	return STR_NULL;
}

static bool
find_policy(struct site *s, struct arena *a, const char *hostname,
    struct str host, struct str *text)
{
	struct site_domain d;
	struct publish p;
	struct err e = ERR_INIT;

	if (!str_istarts(host, STR("mta-sts.")) ||
	    site_domain_get(s, a,
		str_sub(host, sizeof("mta-sts.") - 1, STR_NPOS), &d,
		&e) != SITE_OK)
		return false;
	publish_read(s, a, d.name, hostname, &p);
	if (publish_policy(a, &p, text, &e))
		return true;
	if (*e.msg)
		log_error(
		    "mta-sts policy", LOG_STR("domain", d.name), LOG_ERR(&e));
	return false;
}

void
sts_file_answer(struct site *s, struct arena *a, const char *hostname,
    struct str request, struct buf *out)
{
	struct str text = STR_NULL;
	bool found = find_policy(s, a, hostname, host_of(request), &text);

	buf_printf(out,
	    "HTTP/1.1 %s\r\nConnection: close\r\nContent-Type: text/plain\r\n"
	    "Content-Length: %zu\r\n\r\n",
	    found ? "200 OK" : "404 Not Found", text.n);
	buf_putstr(out, text);
}
