/* SPDX-License-Identifier: BSD-2-Clause */
#include <opendkim/dkim.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "dns/zone.h"
#include "mailauth/arc.h"
#include "mailauth/dkim.h"

/*
 * DKIM and ARC for test_dkim_oracle.py and test_arc_oracle.py, which have the
 * messages: one on the standard input, in CRLF. KEY is a file in PEM. ZONE is a
 * file of lines "NAME TEXT": TXT records.
 */

struct job {
	struct arena *a;
	struct zone *zone;
	struct str raw, body;
	struct fields fields;
	char **args;
};

static const char usage[] = "usage: mailauth_tool COMMAND ... <MESSAGE\n"
			    "	record KEY\n"
			    "	sign KEY DOMAIN SELECTOR HEADER/BODY\n"
			    "	verify ZONE\n"
			    "	arc-verify ZONE\n"
			    "	seal KEY DOMAIN SELECTOR ZONE\n"
			    "	libopendkim-sign KEY DOMAIN SELECTOR ALG C\n"
			    "	libopendkim-verify ZONE\n";

static void
die(const char *what)
{
	fprintf(stderr, "mailauth_tool: %s\n", what);
	exit(2);
}

static struct str
read_file(struct job *j, const char *path)
{
	struct buf b = { 0 };
	struct err e = ERR_INIT;
	struct str s;

	if (!fs_read(path, (size_t)64 << 20, &b, &e))
		die(e.msg);
	s = arena_str(j->a, buf_str(&b));
	buf_fini(&b);
	return s;
}

static void
read_zone(struct job *j, const char *path)
{
	struct str rest = read_file(j, path), line;
	struct err e = ERR_INIT;

	j->zone = zone_new();
	while (str_split(&rest, '\n', &line)) {
		size_t sp = str_chr(line, ' ');

		if (sp != STR_NPOS &&
		    !zone_add(j->zone, str_sub(line, 0, sp), DNS_TXT,
			str_sub(line, sp + 1, STR_NPOS), &e))
			die(e.msg);
	}
}

static struct private_key *
read_key(struct job *j, const char *path)
{
	struct private_key *k;
	struct err e = ERR_INIT;

	if (!private_key_parse(read_file(j, path), &k, &e))
		die(e.msg);
	return k;
}

/* The header may be folded by LF. */
static void
put_field(const char *name, struct str value)
{
	struct buf b = { 0 };

	canon_field(&b, CANON_SIMPLE, str_of(name), value);
	fwrite(b.p, 1, b.n, stdout);
	buf_fini(&b);
}

static void
put_message(struct job *j)
{
	fwrite(j->raw.p, 1, j->raw.n, stdout);
}

/* ------------------------------------------------------------------------
 * DKIM
 */

static void
run_record(struct job *j)
{
	struct private_key *k = read_key(j, j->args[0]);
	struct buf b = { 0 };

	private_key_record(k, &b);
	puts(buf_cstr(&b));
	buf_fini(&b);
	private_key_free(&k);
}

static enum canon
canon_of(const char *s)
{
	return strncmp(s, "relaxed", 7) == 0 ? CANON_RELAXED : CANON_SIMPLE;
}

static void
run_sign(struct job *j)
{
	struct private_key *k = read_key(j, j->args[0]);
	struct signer_options o = { .domain = str_of(j->args[1]),
		.selector = str_of(j->args[2]),
		.header = canon_of(j->args[3]),
		.body = canon_of(strchr(j->args[3], '/') + 1) };
	struct signer *s;
	struct buf b = { 0 };
	struct err e = ERR_INIT;

	if (!signer_new(j->a, &j->fields, k, &o, &s, &e))
		die(e.msg);
	signer_body(s, j->body);
	if (!signer_end(s, &b, &e))
		die(e.msg);
	put_field("DKIM-Signature", buf_str(&b));
	put_message(j);
	signer_free(&s);
	buf_fini(&b);
	private_key_free(&k);
}

static void
run_verify(struct job *j)
{
	const struct signature *list;
	struct verifier *v;
	size_t n;

	read_zone(j, j->args[0]);
	v = verifier_new(j->a, zone_resolver(j->zone), &j->fields, NULL);
	verifier_body(v, j->body);
	verifier_end(v, &list, &n);
	for (size_t i = 0; i < n; i++)
		printf("%s %.*s %.*s %.*s\n",
		    signature_result_name(list[i].result),
		    STR_ARG(list[i].domain), STR_ARG(list[i].selector),
		    STR_ARG(list[i].why));
	verifier_free(&v);
}

/* ------------------------------------------------------------------------
 * ARC
 */

static struct arc_verdict
arc_verify(struct job *j)
{
	struct arc_verdict out;
	struct arc_verifier *v =
	    arc_verifier_new(j->a, zone_resolver(j->zone), &j->fields);

	arc_verifier_body(v, j->body);
	arc_verifier_end(v, &out);
	arc_verifier_free(&v);
	return out;
}

static void
run_arc_verify(struct job *j)
{
	struct arc_verdict v;

	read_zone(j, j->args[0]);
	v = arc_verify(j);
	printf("%s %.*s\n", arc_result_name(v.result), STR_ARG(v.why));
}

static void
run_seal(struct job *j)
{
	struct private_key *k = read_key(j, j->args[0]);
	struct arc_seal o = { .domain = str_of(j->args[1]),
		.selector = str_of(j->args[2]),
		.authserv_id = str_of(j->args[1]),
		.results = STR("spf=pass smtp.mailfrom=a.example") };
	struct arc_sealer *s;
	struct arc_fields out;
	struct arc_verdict v;
	struct err e = ERR_INIT;

	read_zone(j, j->args[3]);
	v = arc_verify(j);
	s = arc_sealer_new(j->a, &j->fields, k, &o);
	arc_sealer_body(s, j->body);
	if (!arc_sealer_end(s, &v, &out, &e))
		die(e.msg);
	put_field("ARC-Seal", buf_str(&out.seal));
	put_field("ARC-Message-Signature", buf_str(&out.signature));
	put_field("ARC-Authentication-Results", buf_str(&out.results));
	put_message(j);
	arc_fields_fini(&out);
	arc_sealer_free(&s);
	private_key_free(&k);
}

/* ------------------------------------------------------------------------
 * libopendkim as it is, which opendkim(8) runs on
 */

static void
feed(struct job *j, DKIM *d)
{
	for (size_t i = 0; i < j->fields.n; i++) {
		struct buf b = { 0 };

		canon_field(&b, CANON_SIMPLE, j->fields.v[i].name,
		    j->fields.v[i].value);
		dkim_header(d, (u_char *)b.p, b.n - 2);
		buf_fini(&b);
	}
	dkim_eoh(d);
	if (j->body.n)
		dkim_body(d, (u_char *)(uintptr_t)j->body.p, j->body.n);
}

static void
run_libopendkim_sign(struct job *j)
{
	DKIM_LIB *lib = dkim_init(NULL, NULL);
	struct str pem = read_file(j, j->args[0]);
	const char *c = j->args[4];
	u_char *value;
	size_t n;
	DKIM_STAT st;
	DKIM *d = dkim_sign(lib, (const u_char *)"-", NULL,
	    (dkim_sigkey_t)(uintptr_t)pem.p, (u_char *)j->args[2],
	    (u_char *)j->args[1], (dkim_canon_t)canon_of(c),
	    (dkim_canon_t)canon_of(strchr(c, '/') + 1),
	    strcmp(j->args[3], "ed25519") == 0 ? DKIM_SIGN_ED25519SHA256
					       : DKIM_SIGN_RSASHA256,
	    -1, &st);

	if (!d)
		die(dkim_getresultstr(st));
	feed(j, d);
	st = dkim_eom(d, NULL);
	if (st != DKIM_STAT_OK ||
	    dkim_getsighdr_d(d, strlen("DKIM-Signature: "), &value, &n) !=
		DKIM_STAT_OK)
		die(dkim_getresultstr(st));
	put_field("DKIM-Signature",
	    arena_printf(j->a, " %.*s", (int)n, (const char *)value));
	put_message(j);
	dkim_free(d);
	dkim_close(lib);
}

/* It reads the keys from such a file itself. */
static void
run_libopendkim_verify(struct job *j)
{
	DKIM_LIB *lib = dkim_init(NULL, NULL);
	dkim_query_t method = DKIM_QUERY_FILE;
	DKIM_SIGINFO **sigs;
	DKIM_STAT st;
	DKIM *d = dkim_verify(lib, (const u_char *)"-", NULL, &st);
	int n = 0;

	dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_QUERYMETHOD, &method,
	    sizeof(method));
	dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_QUERYINFO, j->args[0],
	    strlen(j->args[0]) + 1);
	feed(j, d);
	dkim_eom(d, NULL);
	if (dkim_getsiglist(d, &sigs, &n) != DKIM_STAT_OK)
		n = 0;
	for (int i = 0; i < n; i++)
		printf("%s %s\n", DKIM_SIG_CHECK(sigs[i]) ? "pass" : "fail",
		    dkim_sig_geterrorstr(dkim_sig_geterror(sigs[i])));
	dkim_free(d);
	dkim_close(lib);
}

/* ------------------------------------------------------------------------
 * The program
 */

static const struct {
	const char *name;
	int args;
	void (*run)(struct job *j);
} commands[] = {
	{ "record", 1, run_record },
	{ "sign", 4, run_sign },
	{ "verify", 1, run_verify },
	{ "arc-verify", 1, run_arc_verify },
	{ "seal", 4, run_seal },
	{ "libopendkim-sign", 5, run_libopendkim_sign },
	{ "libopendkim-verify", 1, run_libopendkim_verify },
};

static void
read_message(struct job *j)
{
	size_t body;

	j->raw = read_file(j, "/dev/stdin");
	j->fields = fields_of(j->a, j->raw, &body);
	j->body = str_sub(j->raw, body, STR_NPOS);
}

int
main(int argc, char **argv)
{
	struct job j = { .a = arena_new(), .args = argv + 2 };

	for (size_t i = 0; i < LEN(commands); i++) {
		if (argc < 2 || strcmp(argv[1], commands[i].name) != 0)
			continue;
		if (argc != commands[i].args + 2)
			break;
		if (commands[i].run != run_record)
			read_message(&j);
		commands[i].run(&j);
		zone_free(&j.zone);
		arena_free(&j.a);
		return 0;
	}
	arena_free(&j.a);
	fputs(usage, stderr);
	return 2;
}
