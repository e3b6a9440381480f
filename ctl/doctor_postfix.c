/* SPDX-License-Identifier: BSD-2-Clause */
#include <resolv.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "ctl/doctor.h"

/*
 * Postfix is asked through postconf(1), so that what it believes is compared,
 * not what a file says.
 */

#define MAX_OUTPUT (1u << 20)

extern char **environ;

/* Run postconf with ARGS (ended by NULL); false if that is not possible. */
static bool
postconf(struct doctor *d, const char *const *args, struct buf *out)
{
	const char *dir = ctl_option(d->c, "postfix");
	const char *argv[8] = { "postconf" };
	posix_spawn_file_actions_t actions;
	int fds[2], n = 1, status = -1;
	ssize_t got;
	pid_t pid;

	if (dir) {
		argv[n++] = "-c";
		argv[n++] = dir;
	}
	while (*args && n < 7)
		argv[n++] = *args++;
	if (pipe2(fds, 0) != 0)
		return false;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, fds[0]);
	posix_spawn_file_actions_addopen(
	    &actions, STDERR_FILENO, "/dev/null", 2 /* O_RDWR */, 0);
	if (posix_spawnp(&pid, "postconf", &actions, NULL,
		(char *const *)(uintptr_t)argv, environ) != 0)
		pid = -1;
	close(fds[1]);
	do {
		got = read(fds[0], buf_reserve(out, 4096), 4096);
		out->n += got > 0 ? (size_t)got : 0;
	} while (got > 0 && out->n < MAX_OUTPUT);
	close(fds[0]);
	posix_spawn_file_actions_destroy(&actions);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* The value of a parameter with $names expanded, in the command's arena. */
static struct str
value_of(struct doctor *d, const char *name)
{
	const char *const args[] = { "-xh", name, NULL };
	struct buf out = { 0 };
	struct str value = STR_NULL;

	if (postconf(d, args, &out))
		value = arena_str(d->c->arena, str_trim(buf_str(&out)));
	buf_fini(&out);
	return value;
}

static bool
has_word(struct str list, struct str word)
{
	size_t from = 0;

	for (size_t i = 0; i <= list.n; i++) {
		if (i < list.n && !strchr(" ,\t\n", list.p[i]))
			continue;
		if (str_ieq(str_sub(list, from, i - from), word))
			return true;
		from = i + 1;
	}
	return false;
}

static const char *
set_command(struct doctor *d, const char *name, const char *value)
{
	const char *dir = ctl_option(d->c, "postfix");

	return doctor_text(d, "postconf%s%s -e '%s = %s' && postfix%s%s reload",
	    dir ? " -c " : "", dir ? dir : "", name, value, dir ? " -c " : "",
	    dir ? dir : "");
}

/* ------------------------------------------------------------------------
 * Parameters
 */

static void
expect(struct doctor *d, const char *name, const char *want, bool among,
    enum health otherwise)
{
	struct str value = value_of(d, name);

	if (among ? has_word(value, str_of(want)) : str_eqc(value, want))
		doctor_report(d, HEALTH_OK, NULL, "Postfix: %s = %.*s", name,
		    STR_ARG(value));
	else
		doctor_report(d, otherwise, set_command(d, name, want),
		    "Postfix: %s is \"%.*s\"", name, STR_ARG(value));
}

static const struct {
	const char *parameter, *map;
	enum health otherwise;
} maps[] = {
	{ "virtual_mailbox_domains", "domains", HEALTH_BAD },
	{ "virtual_mailbox_maps", "mailboxes", HEALTH_BAD },
	{ "virtual_alias_maps", "aliases", HEALTH_BAD },
	{ "smtpd_sender_login_maps", "senders", HEALTH_WARN },
};

static void
check_maps(struct doctor *d)
{
	const char *at = doctor_endpoint(d, "authd.listen_map");

	if (!at)
		return;
	for (size_t i = 0; i < LEN(maps); i++)
		expect(d, maps[i].parameter,
		    doctor_text(d, "socketmap:%s:%s", at, maps[i].map), true,
		    maps[i].otherwise);
}

static void
check_sasl(struct doctor *d)
{
	const char *const services[] = { "-P", "*/inet/smtpd_sasl_auth_enable",
		NULL };
	const char *at = doctor_endpoint(d, "authd.listen");
	struct buf out = { 0 };
	bool on;

	expect(d, "smtpd_sasl_type", "dovecot", false, HEALTH_BAD);
	if (at)
		expect(d, "smtpd_sasl_path", at, false, HEALTH_BAD);
	on = str_eqc(value_of(d, "smtpd_sasl_auth_enable"), "yes") ||
	     (postconf(d, services, &out) &&
		 str_find(buf_str(&out), STR("= yes")) != STR_NPOS);
	buf_fini(&out);
	if (!on)
		doctor_report(d, HEALTH_WARN,
		    set_command(d, "smtpd_sasl_auth_enable", "yes"),
		    "Postfix: no service offers AUTH");
}

/* A socket of ours in Postfix's syntax: "lmtp:unix:/path". */
static void
check_transport(struct doctor *d)
{
	const char *at = doctor_endpoint(d, "lmtpd.listen");

	if (at)
		expect(d, "virtual_transport", doctor_text(d, "lmtp:%s", at),
		    false, HEALTH_BAD);
}

/* A site may do without the filter, or have other milters beside it. */
static void
check_milter(struct doctor *d)
{
	const char *at = doctor_endpoint(d, "milterd.listen");

	if (!at)
		return;
	expect(d, "smtpd_milters", at, true, HEALTH_WARN);
	expect(d, "non_smtpd_milters", at, true, HEALTH_WARN);
}

/* ------------------------------------------------------------------------
 * Mail to other domains
 */

enum validation { VALIDATES, DOES_NOT, NO_ANSWER };

/* Does the resolver that Postfix asks prove what is signed? The root is. */
static enum validation
ask_resolver(void)
{
	struct __res_state state = { .options = 0 };
	unsigned char answer[4096];
	enum validation v = NO_ANSWER;

	if (res_ninit(&state) != 0)
		return v;
	state.options |= RES_USE_EDNS0 | RES_USE_DNSSEC | RES_TRUSTAD;
	if (res_nquery(&state, ".", ns_c_in, ns_t_ns, answer, sizeof(answer)) >
	    0)
		v = ((const HEADER *)(const void *)answer)->ad ? VALIDATES
							       : DOES_NOT;
	res_nclose(&state);
	return v;
}

/* Only dane-only makes mail wait for a resolver that does not validate. */
static void
check_dnssec(struct doctor *d, bool only)
{
	enum health otherwise = only ? HEALTH_BAD : HEALTH_WARN;

	expect(d, "smtp_dns_support_level", "dnssec", false, otherwise);
	if (ctl_switch(d->c, "no-dns"))
		return;
	switch (ask_resolver()) {
	case VALIDATES:
		doctor_report(d, HEALTH_OK, NULL,
		    "Postfix: its resolver validates DNSSEC");
		break;
	case DOES_NOT:
		doctor_report(d, otherwise,
		    "apt install unbound, and name 127.0.0.1 in "
		    "/etc/resolv.conf",
		    only
			? "Postfix: mail to domains with DANE waits, since its "
			  "resolver does not validate DNSSEC"
			: "Postfix: DANE is not used, since its resolver does "
			  "not validate DNSSEC");
		break;
	case NO_ANSWER:
		doctor_report(d, HEALTH_WARN, "correct /etc/resolv.conf",
		    "Postfix: its resolver does not answer");
	}
}

static void
check_outbound(struct doctor *d)
{
	const char *at = doctor_endpoint(d, "authd.listen_map");
	struct str dane;

	if (!at || !d->c->site)
		return;
	expect(d, "smtp_tls_policy_maps",
	    doctor_text(d, "socketmap:%s:tls_policy", at), true, HEALTH_WARN);
	dane = site_setting(d->c->site, d->c->arena, "outbound.dane",
	    (struct site_scope){ STR_NULL, STR_NULL });
	if (str_find(value_of(d, "smtp_tls_policy_maps"), STR(":tls_policy")) !=
		STR_NPOS &&
	    !str_eqc(dane, "off"))
		check_dnssec(d, str_eqc(dane, "dane-only"));
}

static void
check_delimiter(struct doctor *d)
{
	struct str value = value_of(d, "recipient_delimiter");
	struct str ours;

	if (!d->c->site)
		return;
	ours = site_setting(d->c->site, d->c->arena, "address.separators",
	    (struct site_scope){ STR_NULL, STR_NULL });
	if (!str_eq(value, ours))
		doctor_report(d, HEALTH_WARN,
		    set_command(d, "recipient_delimiter",
			arena_cstr(d->c->arena, ours)),
		    "Postfix: recipient_delimiter is \"%.*s\", our "
		    "address.separators \"%.*s\"",
		    STR_ARG(value), STR_ARG(ours));
}

/* A domain that Postfix takes for local never reaches us. */
static void
check_classes(struct doctor *d)
{
	static const char *const lists[] = { "mydestination", "relay_domains",
		"virtual_alias_domains" };
	struct site_domain *domains;
	size_t count = 0;

	if (!d->c->site || site_domain_list(d->c->site, d->c->arena, &domains,
			       &count, &d->c->err) != SITE_OK)
		return;
	for (size_t i = 0; i < LEN(lists); i++) {
		struct str value = value_of(d, lists[i]);

		for (size_t k = 0; k < count; k++) {
			if (has_word(value, domains[k].name))
				doctor_report(d, HEALTH_BAD,
				    doctor_text(d,
					"take %.*s out of %s in main.cf",
					STR_ARG(domains[k].name), lists[i]),
				    "Postfix: %.*s is also in %s",
				    STR_ARG(domains[k].name), lists[i]);
		}
	}
}

/* ------------------------------------------------------------------------
 * chroot: Debian runs smtpd in the queue directory, where it cannot see a
 * socket elsewhere.
 */

static bool
any_chroot(struct doctor *d)
{
	const char *const args[] = { "-F", "*/*/chroot", NULL };
	struct buf out = { 0 };
	struct str rest, line;
	bool yes = false;

	if (postconf(d, args, &out)) {
		rest = buf_str(&out);
		while (str_split(&rest, '\n', &line)) {
			bool ours = str_find(line, STR("/inet/")) != STR_NPOS ||
				    str_starts(line, STR("cleanup/")) ||
				    str_starts(line, STR("smtp/unix/")) ||
				    str_starts(line, STR("lmtp/"));

			yes |= ours && str_iends(line, STR("= y"));
		}
	}
	buf_fini(&out);
	return yes;
}

static void
check_chroot(struct doctor *d)
{
	static const char *const keys[] = { "authd.listen", "authd.listen_map",
		"lmtpd.listen", "milterd.listen" };
	struct str queue = value_of(d, "queue_directory");

	if (!any_chroot(d))
		return;
	for (size_t i = 0; i < LEN(keys); i++) {
		const char *at = doctor_endpoint(d, keys[i]);

		if (!at || strncmp(at, "unix:/", 6) != 0 ||
		    str_starts(str_of(at + 5), queue))
			continue;
		doctor_report(d, HEALTH_BAD,
		    doctor_text(d,
			"postconf -F '*/*/chroot = n' && postfix reload; or "
			"put the socket below %.*s",
			STR_ARG(queue)),
		    "Postfix: services run in a chroot and cannot reach %s",
		    at + 5);
		return;
	}
}

void
doctor_postfix(struct doctor *d)
{
	struct str version;

	if (ctl_switch(d->c, "no-postfix"))
		return;
	version = value_of(d, "mail_version");
	if (version.n == 0) {
		doctor_report(d, HEALTH_WARN,
		    "install it, or name its folder with --postfix DIR",
		    "Postfix was not found");
		return;
	}
	doctor_report(d, HEALTH_OK, NULL, "Postfix %.*s", STR_ARG(version));
	check_maps(d);
	check_transport(d);
	check_sasl(d);
	check_milter(d);
	check_outbound(d);
	check_delimiter(d);
	check_classes(d);
	check_chroot(d);
}
