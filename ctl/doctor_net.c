/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/nameser.h>
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pwd.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/doctor.h"

/* ------------------------------------------------------------------------
 * Sockets
 */

static const struct {
	const char *key;
	bool mta; /* Postfix must reach it */
} listeners[] = {
	{ "lmtpd.listen", true },
	{ "authd.listen", true },
	{ "authd.listen_map", true },
	{ "milterd.listen", true },
	{ "imapd.listen", false },
	{ "imapd.listen_tls", false },
	{ "pop3d.listen", false },
	{ "pop3d.listen_tls", false },
	{ "sieved.listen", false },
	{ "sieved.listen_tls", false },
};

/* One word of a listen key, without what stands behind '?'. */
static bool
next_spec(struct str *rest, struct str *spec)
{
	while (str_split(rest, ' ', spec)) {
		*spec = str_sub(str_trim(*spec), 0, str_chr(*spec, '?'));
		if (spec->n > 0)
			return true;
	}
	return false;
}

/* The list is separated by spaces or commas. */
static struct str
specs_of(struct doctor *d, const char *key)
{
	char *text = arena_cstr(d->c->arena, str_of(conf_get(d->c->conf, key)));

	for (char *p = text; *p; p++) {
		if (*p == ',')
			*p = ' ';
	}
	return str_of(text);
}

static const char *
unix_path(struct doctor *d, struct str spec)
{
	struct str name = str_sub(spec, 5, spec.n);

	if (str_starts(name, STR("/")))
		return arena_cstr(d->c->arena, name);
	return doctor_text(
	    d, "%s/%.*s", conf_get(d->c->conf, "run_dir"), STR_ARG(name));
}

const char *
doctor_endpoint(struct doctor *d, const char *key)
{
	struct str rest = specs_of(d, key), spec;

	if (!next_spec(&rest, &spec))
		return NULL;
	if (str_starts(spec, STR("unix:")))
		return doctor_text(d, "unix:%s", unix_path(d, spec));
	if (str_starts(spec, STR("*:")))
		return doctor_text(
		    d, "inet:127.0.0.1%.*s", STR_ARG(str_sub(spec, 1, spec.n)));
	return doctor_text(d, "inet:%.*s", STR_ARG(spec));
}

static bool
connect_unix(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok;

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	ok = fd >= 0 &&
	     connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool
connect_inet(struct doctor *d, struct str spec)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	size_t colon = str_rchr(spec, ':');
	struct str host = str_sub(spec, 0, colon);
	struct addrinfo *list;
	bool ok = false;

	if (host.n > 1 && host.p[0] == '[')
		host = str_sub(host, 1, host.n - 2);
	if (str_eqc(host, "*"))
		host = STR("localhost");
	if (getaddrinfo(arena_cstr(d->c->arena, host),
		arena_cstr(d->c->arena, str_sub(spec, colon + 1, spec.n)),
		&hints, &list) != 0)
		return false;
	for (const struct addrinfo *a = list; a && !ok; a = a->ai_next) {
		int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

		ok = fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0;
		if (fd >= 0)
			close(fd);
	}
	freeaddrinfo(list);
	return ok;
}

/* May the user connect? It takes the right to write the socket. */
static bool
may_write(const struct passwd *pw, const struct stat *st)
{
	gid_t groups[64];
	int n = 64;

	if (st->st_uid == pw->pw_uid)
		return st->st_mode & S_IWUSR;
	if (getgrouplist(pw->pw_name, pw->pw_gid, groups, &n) < 0)
		n = 64;
	for (int i = 0; i < n; i++) {
		if (groups[i] == st->st_gid)
			return st->st_mode & S_IWGRP;
	}
	return st->st_mode & S_IWOTH;
}

static void
check_unix(struct doctor *d, const char *key, const char *path, bool mta)
{
	const struct passwd *pw = mta ? getpwnam("postfix") : NULL;
	struct stat st;

	if (stat(path, &st) != 0 || !connect_unix(path)) {
		doctor_report(d, HEALTH_BAD,
		    doctor_text(d, "start the daemon of \"%s\"", key),
		    "%s: nobody answers at %s", key, path);
		return;
	}
	if (pw && !may_write(pw, &st)) {
		const struct group *gr = getgrgid(st.st_gid);

		doctor_report(d, HEALTH_BAD,
		    doctor_text(d,
			"usermod -a -G %s postfix, and restart Postfix; or "
			"put ?mode=0666 behind the socket in %s",
			gr ? gr->gr_name : "GROUP", conf_path(d->c->conf)),
		    "%s: Postfix may not connect to %s", key, path);
		return;
	}
	doctor_report(d, HEALTH_OK, NULL, "%s answers at %s", key, path);
}

static void
check_listener(struct doctor *d, const char *key, bool mta)
{
	struct str rest = specs_of(d, key), spec;

	while (next_spec(&rest, &spec)) {
		if (str_starts(spec, STR("unix:")))
			check_unix(d, key, unix_path(d, spec), mta);
		else if (connect_inet(d, spec))
			doctor_report(d, HEALTH_OK, NULL, "%s answers at %.*s",
			    key, STR_ARG(spec));
		else
			doctor_report(d, HEALTH_BAD,
			    doctor_text(d,
				"start the daemon, or free the port: "
				"ss -ltnp | grep '%.*s'",
				STR_ARG(str_sub(
				    spec, str_rchr(spec, ':'), spec.n))),
			    "%s: nobody answers at %.*s", key, STR_ARG(spec));
	}
}

void
doctor_sockets(struct doctor *d)
{
	for (size_t i = 0; i < LEN(listeners); i++)
		check_listener(d, listeners[i].key, listeners[i].mta);
}

/* ------------------------------------------------------------------------
 * TLS
 */

#define SOON (14 * 86400)

static void
check_dates(struct doctor *d, const char *path, X509 *cert)
{
	time_t now = (time_t)clock_now(), soon = now + SOON;
	const char *mend = "renew it, then send the daemons SIGHUP";

	if (X509_cmp_time(X509_get0_notBefore(cert), &now) > 0)
		doctor_report(d, HEALTH_BAD, "check the clock of this host",
		    "the certificate %s is not valid yet", path);
	else if (X509_cmp_time(X509_get0_notAfter(cert), &now) < 0)
		doctor_report(d, HEALTH_BAD, mend,
		    "the certificate %s has expired", path);
	else if (X509_cmp_time(X509_get0_notAfter(cert), &soon) < 0)
		doctor_report(d, HEALTH_WARN, mend,
		    "the certificate %s expires within two weeks", path);
	else
		doctor_report(
		    d, HEALTH_OK, NULL, "the certificate %s is in date", path);
}

static void
check_pair(struct doctor *d, const char *path, X509 *cert, EVP_PKEY *key)
{
	const char *host = conf_hostname(d->c->conf);

	if (X509_check_private_key(cert, key) != 1)
		doctor_report(d, HEALTH_BAD,
		    "set tls_key to the key the certificate was made with",
		    "tls_key does not belong to the certificate %s", path);
	if (X509_check_host(cert, host, 0, 0, NULL) != 1)
		doctor_report(d, HEALTH_WARN,
		    doctor_text(d,
			"get one for %s, or set \"hostname\" to its name",
			host),
		    "the certificate %s does not name this host, %s", path,
		    host);
	check_dates(d, path, cert);
}

static void
check_key_mode(struct doctor *d, const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && st.st_mode & 0007)
		doctor_report(d, HEALTH_BAD,
		    doctor_text(d, "chmod o-rwx %s", path),
		    "everybody can read the key %s", path);
}

void
doctor_tls(struct doctor *d)
{
	const char *cert_path = conf_get(d->c->conf, "tls_cert");
	const char *key_path = conf_get(d->c->conf, "tls_key");
	FILE *cf, *kf;
	X509 *cert;
	EVP_PKEY *key;

	if (!*cert_path || !*key_path) {
		doctor_report(d, HEALTH_WARN,
		    doctor_text(d, "set tls_cert and tls_key in %s",
			conf_path(d->c->conf)),
		    "there is no certificate, so no TLS");
		return;
	}
	check_key_mode(d, key_path);
	cf = fopen(cert_path, "re");
	kf = fopen(key_path, "re");
	cert = cf ? PEM_read_X509(cf, NULL, NULL, NULL) : NULL;
	key = kf ? PEM_read_PrivateKey(kf, NULL, NULL, NULL) : NULL;
	if (cert && key)
		check_pair(d, cert_path, cert, key);
	else
		doctor_report(d, HEALTH_BAD,
		    "both must be PEM files that this user can read",
		    "cannot read %s", cert ? key_path : cert_path);
	X509_free(cert);
	EVP_PKEY_free(key);
	if (cf)
		fclose(cf);
	if (kf)
		fclose(kf);
}

/* ------------------------------------------------------------------------
 * DNS
 */

/* Names that never are in the public DNS (RFC 6761). */
static bool
reserved(struct str name)
{
	static const char *const ends[] = { ".test", ".example", ".invalid",
		".localhost", ".example.com", ".example.net", ".example.org" };

	for (size_t i = 0; i < LEN(ends); i++) {
		if (str_iends(name, str_of(ends[i])))
			return true;
	}
	return str_eqc(name, "localhost");
}

/* Does an MX of the domain name this host? -1: no answer. */
static int
mx_names(const char *domain, const char *host, char *first, size_t n)
{
	unsigned char answer[8192];
	int len = res_query(domain, ns_c_in, ns_t_mx, answer, sizeof(answer));
	ns_msg msg;
	ns_rr rr;

	*first = '\0';
	if (len < 0 || ns_initparse(answer, len, &msg) != 0)
		return -1;
	for (int i = 0; i < ns_msg_count(msg, ns_s_an); i++) {
		char name[NS_MAXDNAME];

		if (ns_parserr(&msg, ns_s_an, i, &rr) != 0 ||
		    ns_rr_type(rr) != ns_t_mx || ns_rr_rdlen(rr) < 3 ||
		    ns_name_uncompress(answer, answer + len,
			ns_rr_rdata(rr) + 2, name, sizeof(name)) < 0)
			continue;
		if (!*first)
			snprintf(first, n, "%.*s", (int)n - 1, name);
		if (str_ieqc(str_of(name), host))
			return 1;
	}
	return *first ? 0 : -1;
}

static void
check_mx(struct doctor *d, struct str domain, const char *host)
{
	const char *name = arena_cstr(d->c->arena, domain);
	char first[256];

	switch (mx_names(name, host, first, sizeof(first))) {
	case 1:
		doctor_report(
		    d, HEALTH_OK, NULL, "mail for %s comes here", name);
		break;
	case 0:
		doctor_report(d, HEALTH_WARN,
		    doctor_text(d,
			"if mail should come here: \"%s. IN MX 10 %s.\"", name,
			host),
		    "the MX of %s is %s, not %s", name, first, host);
		break;
	default:
		doctor_report(d, HEALTH_BAD,
		    doctor_text(
			d, "add \"%s. IN MX 10 %s.\" to its zone", name, host),
		    "%s has no MX record", name);
	}
}

static void
check_host(struct doctor *d, const char *host)
{
	struct addrinfo *list = NULL;
	int rc = getaddrinfo(host, NULL, NULL, &list);

	if (rc == 0)
		doctor_report(d, HEALTH_OK, NULL, "%s has an address", host);
	else
		doctor_report(d, HEALTH_BAD,
		    doctor_text(d,
			"add an A or AAAA record for %s, or set \"hostname\"",
			host),
		    "%s has no address: %s", host, gai_strerror(rc));
	if (rc == 0)
		freeaddrinfo(list);
}

void
doctor_dns(struct doctor *d)
{
	const char *host = conf_hostname(d->c->conf);
	struct ctl *c = d->c;
	struct site_domain *list;
	size_t count = 0;

	if (ctl_switch(c, "no-dns"))
		return;
	if (!strchr(host, '.'))
		doctor_report(d, HEALTH_WARN,
		    doctor_text(d, "set \"hostname\" in %s to the full name",
			conf_path(c->conf)),
		    "this host's name, \"%s\", has no domain", host);
	else if (!reserved(str_of(host)))
		check_host(d, host);
	if (!c->site || site_domain_list(c->site, c->arena, &list, &count,
			    &c->err) != SITE_OK)
		return;
	for (size_t i = 0; i < count; i++) {
		if (!list[i].disabled && !reserved(list[i].name))
			check_mx(d, list[i].name, host);
	}
}
