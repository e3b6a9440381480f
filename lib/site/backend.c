/* SPDX-License-Identifier: BSD-2-Clause */
#include "site/backend.h"

#include "site/setting.h"

/* Ports by enum backend_tls; LMTP's is a setting. */
static const struct {
	const char *name;
	uint16_t port, tls_port;
} protos[] = {
	[SITE_BACKEND_IMAP] = { "imap", 143, 993 },
	[SITE_BACKEND_LMTP] = { "lmtp", 24, 24 },
	[SITE_BACKEND_POP3] = { "pop3", 110, 995 },
	[SITE_BACKEND_SIEVE] = { "sieve", 4190, 4190 },
};
#define PROTOS LEN(protos)

const char *
site_backend_proto_name(enum site_backend_proto proto)
{
	return protos[proto].name;
}

/* ------------------------------------------------------------------------
 * The text
 */

static bool
host_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

static bool
valid_host(struct str host, bool bracketed)
{
	for (size_t i = 0; i < host.n; i++) {
		if (!host_char(host.p[i]) && !(bracketed && host.p[i] == ':'))
			return false;
	}
	return host.n > 0 && host.n < 256;
}

/* HOST[:PORT] */
static bool
parse_place(struct str text, struct str *host, uint16_t *port)
{
	bool bracketed = str_starts(text, STR("["));
	size_t end = str_chr(text, bracketed ? ']' : ':');
	uint32_t n = 0;

	*port = 0;
	*host = str_sub(
	    text, bracketed, end == STR_NPOS ? text.n : end - bracketed);
	if (bracketed && end == STR_NPOS)
		return false;
	text = end == STR_NPOS ? STR_NULL
			       : str_sub(text, end + bracketed, STR_NPOS);
	if (text.n > 0) {
		if (text.p[0] != ':' ||
		    !str_u32(str_sub(text, 1, STR_NPOS), &n) || n == 0 ||
		    n > UINT16_MAX)
			return false;
		*port = (uint16_t)n;
	}
	return valid_host(*host, bracketed);
}

/* "imap=..."; false: there is no such protocol. *proto PROTOS: any. */
static bool
parse_word(struct str word, size_t *proto, struct str *host, uint16_t *port)
{
	size_t eq = str_chr(word, '=');

	*proto = PROTOS;
	if (eq == STR_NPOS)
		return parse_place(word, host, port);
	for (size_t i = 0; i < PROTOS; i++) {
		if (str_ieqc(str_sub(word, 0, eq), protos[i].name)) {
			*proto = i;
			return parse_place(
			    str_sub(word, eq + 1, STR_NPOS), host, port);
		}
	}
	return false;
}

bool
site_backend_valid(struct str text)
{
	bool seen[PROTOS + 1] = { false };
	struct str word, host;
	uint16_t port;
	size_t proto;

	while (text.n && str_split(&text, ' ', &word)) {
		if (word.n == 0)
			continue;
		if (!parse_word(word, &proto, &host, &port) || seen[proto])
			return false;
		seen[proto] = true;
	}
	return true;
}

bool
site_backend_find(struct str text, enum site_backend_proto proto,
    struct str *host, uint16_t *port)
{
	struct str word, h;
	bool found = false;
	uint16_t n;
	size_t p;

	while (text.n && str_split(&text, ' ', &word)) {
		if (word.n == 0 || !parse_word(word, &p, &h, &n))
			continue;
		if (p != PROTOS && p != proto)
			continue;
		*host = h;
		*port = p == proto || proto == SITE_BACKEND_IMAP ? n : 0;
		if (p == proto)
			return true;
		found = true;
	}
	return found;
}

/* ------------------------------------------------------------------------
 * With the settings
 */

static enum backend_tls
tls_mode(struct str word)
{
	return str_eqc(word, "tls")        ? BACKEND_TLS
	       : str_eqc(word, "starttls") ? BACKEND_STARTTLS
					   : BACKEND_NO_TLS;
}

static uint16_t
usual_port(struct site *s, enum site_backend_proto proto, enum backend_tls tls)
{
	if (proto == SITE_BACKEND_LMTP)
		return (uint16_t)site_setting_uint(s, "backend.lmtp_port",
		    (struct site_scope){ .domain = STR_NULL });
	return tls == BACKEND_TLS ? protos[proto].tls_port : protos[proto].port;
}

bool
site_backend(struct site *s, struct arena *a, const struct site_account *acc,
    enum site_backend_proto proto, struct site_backend *out)
{
	struct site_scope scope = site_scope_of(acc);

	*out = (struct site_backend){ .port = 0 };
	if (!site_backend_find(acc->backend, proto, &out->host, &out->port))
		return false;
	out->tls = tls_mode(site_setting(s, a, "backend.tls", scope));
	if (out->port == 0)
		out->port = usual_port(s, proto, out->tls);
	out->verify = site_setting_bool(s, "backend.verify", scope);
	out->ca_file = site_setting(s, a, "backend.ca_file", scope);
	out->timeout = (unsigned)site_setting_uint(s, "backend.timeout", scope);
	out->idle_timeout =
	    (unsigned)site_setting_uint(s, "backend.idle_timeout", scope);
	out->master_user = site_setting(s, a, "backend.master_user", scope);
	out->master_password_file =
	    site_setting(s, a, "backend.master_password_file", scope);
	out->master_separator =
	    site_setting(s, a, "backend.master_separator", scope);
	return true;
}
