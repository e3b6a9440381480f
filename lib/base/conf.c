/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/conf.h"

#include <ini.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"

static const struct conf_key keys[] = {
	/* clang-format off */
	{ "data_dir", MS_LOCALSTATEDIR "/lib/mailstead", CONF_TEXT, "site.db and the account stores" },
	{ "run_dir", MS_LOCALSTATEDIR "/run/mailstead", CONF_TEXT, "sockets, pid files and the change ring" },
	{ "user", "mailstead", CONF_TEXT, "user to run as when started by root" },
	{ "hostname", "", CONF_TEXT, "name in greetings and Received lines; empty: the system's" },
	{ "log_level", "info", CONF_TEXT, "debug, info, warn or error" },
	{ "log_format", "logfmt", CONF_TEXT, "logfmt or json" },
	{ "log_file", "", CONF_TEXT, "file to append to; empty: standard error" },
	{ "tls_cert", "", CONF_TEXT, "PEM certificate chain used when no domain's matches" },
	{ "tls_key", "", CONF_TEXT, "PEM private key of tls_cert" },
	{ "tls_min", "1.2", CONF_TEXT, "oldest TLS version: 1.2 or 1.3" },
	{ "tls_client_certs", "no", CONF_BOOL, "ask clients for certificates, to log in with SASL EXTERNAL" },
	{ "tls_client_ca", "", CONF_TEXT, "PEM file of the authorities whose certificates prove the names in them" },
	{ "tls_client_crl", "", CONF_TEXT, "PEM file of what these revoked" },
	{ "loops", "0", CONF_UINT, "event loop threads of a daemon; 0: one per core" },
	{ "workers", "0", CONF_UINT, "worker threads of a daemon; 0: eight per core" },
	{ "max_connections", "20000", CONF_UINT, "connections per daemon" },
	{ "max_connections_per_ip", "100", CONF_UINT, "connections per client address; loopback and trusted proxies are exempt" },
	{ "trusted_proxies", "", CONF_TEXT, "addresses or networks allowed to send PROXY headers" },
	{ "plaintext_auth", "no", CONF_BOOL, "allow passwords without TLS from other hosts" },
	{ "account_cache", "1000", CONF_UINT, "open account databases kept per daemon" },
	{ "lmtpd.listen", "unix:lmtp", CONF_TEXT, "sockets: unix:NAME (under run_dir), host:port" },
	{ "lmtpd.max_size", "64M", CONF_SIZE, "largest message taken" },
	{ "lmtpd.max_recipients", "1000", CONF_UINT, "recipients per transaction" },
	{ "lmtpd.spool_memory", "256M", CONF_SIZE, "memory for messages being received; beyond it they go to unnamed files in data_dir" },
	{ "lmtpd.timeout", "5m", CONF_DURATION, "idle time before a session is closed" },
	{ "imapd.listen", "*:143", CONF_TEXT, "sockets with STARTTLS" },
	{ "imapd.listen_tls", "*:993", CONF_TEXT, "sockets with TLS from the start" },
	{ "imapd.timeout", "30m", CONF_DURATION, "idle time before a logged-in session is closed" },
	{ "imapd.login_timeout", "1m", CONF_DURATION, "time to log in" },
	{ "imapd.max_literal", "64M", CONF_SIZE, "largest APPEND" },
	{ "imapd.max_line", "64K", CONF_SIZE, "longest command without its literals" },
	{ "imapd.literal_minus", "no", CONF_BOOL, "clients wait with literals over 4096 octets (LITERAL-, not LITERAL+)" },
	{ "imapd.message_limit", "0", CONF_UINT, "messages that one command may do; 0: no limit" },
	{ "pop3d.listen", "*:110", CONF_TEXT, "sockets with STLS" },
	{ "pop3d.listen_tls", "*:995", CONF_TEXT, "sockets with TLS from the start" },
	{ "pop3d.timeout", "10m", CONF_DURATION, "idle time before a logged-in session is closed" },
	{ "pop3d.login_timeout", "1m", CONF_DURATION, "time to log in" },
	{ "sieved.listen", "*:4190", CONF_TEXT, "sockets with STARTTLS" },
	{ "sieved.listen_tls", "", CONF_TEXT, "sockets with TLS from the start; empty: none" },
	{ "sieved.timeout", "30m", CONF_DURATION, "idle time before a logged-in session is closed" },
	{ "sieved.login_timeout", "1m", CONF_DURATION, "time to log in" },
	{ "milterd.listen", "unix:milter", CONF_TEXT, "socket of the mail filter: unix:NAME (under run_dir), host:port" },
	{ "milterd.dns_servers", "", CONF_TEXT, "whom to ask the DNS, separated by spaces, a port after \"@\"; empty: as the system does; root: nobody, from the root servers on" },
	{ "milterd.spool_memory", "8M", CONF_SIZE, "memory for messages that are being looked at; beyond it they go to unnamed files in data_dir" },
	{ "milterd.trust_anchor", "/usr/share/dns/root.key", CONF_TEXT, "file with the DNSSEC keys of the root; empty: no DNSSEC" },
	{ "authd.listen", "unix:auth", CONF_TEXT, "sockets of the auth protocol" },
	{ "authd.listen_map", "unix:map", CONF_TEXT, "sockets of the socketmap service" },
	{ "authd.listen_http", "", CONF_TEXT, "sockets that nginx's mail proxy asks; empty: none" },
	{ "authd.imap_server", "127.0.0.1:143", CONF_TEXT, "host:port that nginx is sent to for IMAP; empty: not served" },
	{ "authd.pop3_server", "127.0.0.1:110", CONF_TEXT, "the same for POP3" },
	{ "authd.dns_servers", "", CONF_TEXT, "whom to ask the DNS about other domains' TLS, as milterd.dns_servers" },
	{ "authd.trust_anchor", "/usr/share/dns/root.key", CONF_TEXT, "file with the DNSSEC keys of the root; empty: no DNSSEC, and so no DANE" },
	{ "authd.smtp_server", "", CONF_TEXT, "the same for submission" },
	{ "scand.listen", "unix:scand", CONF_TEXT, "sockets of the clamd protocol" },
	{ "scand.user", "", CONF_TEXT, "user to run as when started by root; empty: that of all daemons" },
	{ "scand.database", "/var/lib/clamav", CONF_TEXT, "folder of the virus databases, which freshclam keeps up to date" },
	{ "scand.temp_dir", "/tmp", CONF_TEXT, "where scanners get their private file systems, or without them their folders" },
	{ "scand.scanners", "0", CONF_UINT, "scanner processes; 0: one per core" },
	{ "scand.namespaces", "auto", CONF_TEXT, "private file system and network of scanners: yes, no, or auto (where the kernel lets us)" },
	{ "scand.timeout", "2m", CONF_DURATION, "idle time before a connection is closed" },
	{ "scand.receive_time", "10m", CONF_DURATION, "time to send one stream" },
	{ "scand.queue_time", "1m", CONF_DURATION, "time that a stream waits for a scanner" },
	{ "scand.spool_memory", "512M", CONF_SIZE, "memory for streams being received and scanned" },
	{ "scand.scanner_memory", "1G", CONF_SIZE, "memory that a scanner may take beside the signatures" },
	{ "scand.max_stream", "100M", CONF_SIZE, "longest stream taken" },
	{ "scand.max_scan_size", "400M", CONF_SIZE, "octets scanned of one stream, all that is packed in it counted" },
	{ "scand.max_file_size", "100M", CONF_SIZE, "largest file scanned in a stream" },
	{ "scand.max_files", "10000", CONF_UINT, "files scanned in a stream" },
	{ "scand.max_recursion", "17", CONF_UINT, "depth of archives in archives" },
	{ "scand.max_scan_time", "2m", CONF_DURATION, "time that one scan may take" },
	{ "scand.temp_size", "0", CONF_SIZE, "size of a scanner's private file system; 0: what the limits above can need" },
	{ "scand.alert_limits", "yes", CONF_BOOL, "a stream that exceeds the limits is a finding, not clean" },
	{ "scand.alert_encrypted", "no", CONF_BOOL, "encrypted archives and documents are findings" },
	{ "scand.alert_macros", "no", CONF_BOOL, "documents with macros are findings" },
	{ "scand.alert_unwanted", "no", CONF_BOOL, "load the signatures of potentially unwanted applications" },
	{ "scand.settle_time", "5s", CONF_DURATION, "how long a changed database must rest before it is loaded" },
	{ "scand.check_time", "10m", CONF_DURATION, "time between two looks at the databases without a notice of change" },
	{ NULL, NULL, CONF_TEXT, NULL },
	/* clang-format on */
};

struct conf {
	char *path;
	struct map *values; /* key name -> char * */
	struct err *err;    /* while loading */
};

const struct conf_key *
conf_keys(void)
{
	return keys;
}

static const struct conf_key *
find_key(const char *name)
{
	for (const struct conf_key *k = keys; k->name; k++) {
		if (strcmp(k->name, name) == 0)
			return k;
	}
	return NULL;
}

static bool
parse(const struct conf_key *k, const char *value, uint64_t *out)
{
	struct str s = str_of(value);

	switch (k->type) {
	case CONF_TEXT:
		*out = 0;
		return true;
	case CONF_BOOL:
		return str_bool(s, out);
	case CONF_UINT:
		return str_u64(s, out);
	case CONF_SIZE:
		return str_size(s, out);
	case CONF_DURATION:
		return str_duration(s, out);
	}
	return false;
}

static bool
set(struct conf *c, const char *name, const char *value, const char *where)
{
	static const char *const wanted[] = { "text", "yes or no", "a number",
		"a size such as 64M", "a duration such as 30m" };
	const struct conf_key *k = find_key(name);
	uint64_t ignored;

	if (!k) {
		err_set(c->err, "%s: unknown key \"%s\"; see mailstead.conf(5)",
		    where, name);
		return false;
	}
	if (!parse(k, value, &ignored)) {
		err_set(c->err, "%s: %s = \"%s\": expected %s", where, name,
		    value, wanted[k->type]);
		return false;
	}
	free(map_set(c->values, str_of(name), mem_strdup(value)));
	return true;
}

static int
on_line(void *user, const char *section, const char *name, const char *value)
{
	struct conf *c = user;
	struct buf key = { 0 };
	bool ok;

	if (*section)
		buf_printf(&key, "%s.", section);
	buf_puts(&key, name);
	ok = set(c, buf_cstr(&key), value, c->path);
	buf_fini(&key);
	return ok;
}

static bool
from_environment(struct conf *c)
{
	bool ok = true;

	for (const struct conf_key *k = keys; ok && k->name; k++) {
		struct buf name = { 0 };
		const char *value;

		BUF_LIT(&name, "MAILSTEAD_");
		for (const char *p = k->name; *p; p++)
			buf_putc(&name, *p == '.' ? '_' : ascii_upper(*p));
		value = getenv(buf_cstr(&name));
		if (value)
			ok = set(c, k->name, value, buf_cstr(&name));
		buf_fini(&name);
	}
	return ok;
}

static const char *
default_path(void)
{
	const char *path = getenv("MAILSTEAD_CONF");

	return path ? path : MS_SYSCONFDIR "/mailstead/mailstead.conf";
}

static bool
read_file(struct conf *c)
{
	int rc = ini_parse(c->path, on_line, c);

	if (rc == -1) {
		err_errno(c->err, "cannot read %s", c->path);
		return false;
	}
	if (rc != 0) {
		if (!*c->err->msg)
			err_set(c->err, "not \"key = value\"");
		err_prefix(c->err, "line %d", rc);
		return false;
	}
	return true;
}

bool
conf_load(const char *path, struct conf **out, struct err *e)
{
	struct conf *c = mem_zalloc(sizeof(*c));

	*e = (struct err)ERR_INIT;
	c->path = mem_strdup(path ? path : default_path());
	c->values = map_new();
	c->err = e;
	if (!read_file(c) || !from_environment(c)) {
		conf_free(&c);
		return false;
	}
	c->err = NULL;
	*out = c;
	return true;
}

void
conf_free(struct conf **c)
{
	size_t at = 0;
	void *value;

	if (!*c)
		return;
	while (map_next((*c)->values, &at, NULL, &value))
		free(value);
	map_free(&(*c)->values);
	free((*c)->path);
	free(*c);
	*c = NULL;
}

const char *
conf_get(const struct conf *c, const char *key)
{
	const char *value = map_get(c->values, str_of(key));
	const struct conf_key *k = find_key(key);

	return value ? value : k ? k->value : NULL;
}

static char machine[256] = "localhost";

static void
find_machine(void)
{
	char name[sizeof(machine)] = "";

	if (gethostname(name, sizeof(name) - 1) == 0 && *name)
		memcpy(machine, name, sizeof(machine));
}

const char *
conf_hostname(const struct conf *c)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const char *name = conf_get(c, "hostname");

	if (*name)
		return name;
	pthread_once(&once, find_machine);
	return machine;
}

static uint64_t
number(const struct conf *c, const char *key)
{
	uint64_t v = 0;

	parse(find_key(key), conf_get(c, key), &v); /* checked by set() */
	return v;
}

bool
conf_bool(const struct conf *c, const char *key)
{
	return number(c, key) != 0;
}

uint64_t
conf_uint(const struct conf *c, const char *key)
{
	return number(c, key);
}

uint64_t
conf_size(const struct conf *c, const char *key)
{
	return number(c, key);
}

uint64_t
conf_duration(const struct conf *c, const char *key)
{
	return number(c, key);
}

const char *
conf_path(const struct conf *c)
{
	return c->path;
}
