/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbound/tls_log.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "outbound/tls_rua.h"

/* The lines are Postfix 3.7's. */
#define LOG(pid, text) "Nov 26 20:23:28 mail postfix/smtp[" pid "]: " text "\n"
#define TO(who, relay, how)                                                    \
	"C8460A7CB9A: to=<" who ">, relay=" relay                              \
	", delay=0.08, delays=0.02/0.02/0.05/0, " how
#define SENT "dsn=2.0.0, status=sent (250 taken)"
#define MX "mx.b.example[192.0.2.1]"
#define CIPHER ":25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)"
#define UNVERIFIED                                                             \
	"dsn=4.7.5, status=deferred (Server certificate not verified)"

static const struct {
	const char *log, *told; /* a line for each session */
} cases[] = {
	{ LOG("1", "Verified TLS connection established to " MX CIPHER)
		LOG("1", TO("a@B.example", MX ":25", SENT))
		    LOG("1", TO("c@b.example", MX ":25", SENT)),
	    "b.example mx.b.example 192.0.2.1  trusted\n" },
	{ LOG("1", "Untrusted TLS connection established to " MX CIPHER)
		LOG("1", TO("a@b.example", MX ":25", SENT)),
	    "b.example mx.b.example 192.0.2.1  \n" },
	/* Words of another process. */
	{ LOG("1", "Trusted TLS connection established to " MX CIPHER)
		LOG("2", TO("a@b.example", MX ":25", SENT)),
	    "b.example mx.b.example 192.0.2.1 starttls-not-supported \n" },
	/* A session that goes on, and one that does not. */
	{ LOG("1", "Trusted TLS connection established to " MX CIPHER)
		LOG("1", TO("a@b.example", MX ":25", SENT))
		    LOG("1", "D1: to=<a@b.example>, relay=" MX
			     ":25, conn_use=2, delay=1, delays=0/0/0/1, " SENT)
			LOG("1", "D2: to=<a@b.example>, relay=" MX
				 ":25, delay=1, delays=0/0/0/1, " SENT),
	    "b.example mx.b.example 192.0.2.1  trusted\n"
	    "b.example mx.b.example 192.0.2.1 starttls-not-supported \n" },
	{ LOG("1", "server certificate verification failed for " MX
		   ":25: num=62:hostname mismatch")
		LOG("1", "Untrusted TLS connection established to " MX CIPHER)
		    LOG("1", TO("a@b.example", MX ":25", UNVERIFIED))
			LOG("1", TO("c@b.example", MX ":25", UNVERIFIED)),
	    "b.example mx.b.example 192.0.2.1 certificate-host-mismatch \n" },
	{ LOG("1", "certificate verification failed for " MX
		   ":25: self-signed certificate")
		LOG("1", "Untrusted TLS connection established to " MX CIPHER)
		    LOG("1", TO("a@b.example", MX ":25", UNVERIFIED)),
	    "b.example mx.b.example 192.0.2.1 certificate-not-trusted \n" },
	{ LOG("1", "certificate verification failed for " MX
		   ":25: certificate has expired")
		LOG("1", "Untrusted TLS connection established to " MX CIPHER)
		    LOG("1", TO("a@b.example", MX ":25", UNVERIFIED)),
	    "b.example mx.b.example 192.0.2.1 certificate-expired \n" },
	{ LOG("1", "Untrusted TLS connection established to " MX CIPHER)
		LOG("1", TO("a@b.example", MX ":25", UNVERIFIED)),
	    "b.example mx.b.example 192.0.2.1 certificate-not-trusted \n" },
	{ LOG("1",
	      TO("a@b.example", MX ":25",
		  "dsn=4.7.4, status=deferred (TLS is required, but was not "
		  "offered by host " MX ")")),
	    "b.example mx.b.example 192.0.2.1 starttls-not-supported \n" },
	{ LOG("1", "SSL_connect error to " MX ":25: -1") LOG("1",
	      "warning: TLS library problem: error:0A00010B:SSL "
	      "routines::wrong version number")
		LOG("1", TO("a@b.example", MX ":25",
			     "dsn=4.7.5, status=deferred (Cannot start TLS: "
			     "handshake failure)")),
	    "b.example mx.b.example 192.0.2.1 validation-failure \n" },
	/* The first host fails, the second does not. */
	{ LOG("1", "certificate verification failed for " MX
		   ":25: certificate has expired") LOG("1",
	      "Untrusted TLS connection established to " MX CIPHER)
		LOG("1", "C8460A7CB9A: Server certificate not verified") LOG(
		    "1", "Verified TLS connection established to "
			 "mx2.b.example[2001:db8::1]" CIPHER) LOG("1",
		    TO("a@b.example", "mx2.b.example[2001:db8::1]:25", SENT)),
	    "b.example mx.b.example 192.0.2.1 certificate-expired \n"
	    "b.example mx2.b.example 2001:db8::1  trusted\n" },
	{ LOG("1",
	      "C8460A7CB9A: TLS is required, but was not offered by host " MX)
		LOG("1", TO("a@b.example", "none",
			     "dsn=4.4.1, status=deferred (connect to x)")),
	    "b.example mx.b.example 192.0.2.1 starttls-not-supported \n" },
	/* It has nothing to do with TLS. */
	{ LOG("1", TO("a@b.example", "none",
		       "dsn=4.4.1, status=deferred (connect to " MX
		       ":25: Connection refused)")),
	    "" },
	{ LOG("1", TO("a@b.example", MX ":25",
		       "dsn=4.0.0, status=deferred (host " MX
		       " refused to talk to me: 421 busy)")),
	    "" },
	{ LOG("1", TO("a@b.example", MX ":25",
		       "dsn=5.1.1, status=bounced (host " MX
		       " said: 550 nobody (in reply to RCPT TO command))")),
	    "b.example mx.b.example 192.0.2.1 starttls-not-supported \n" },
	/* Other daemons, other forms of the time, and what is no line. */
	{ "Nov 26 20:23:28 mail postfix/lmtp[1]: X: to=<a@b.example>, relay=" MX
	  ":25, " SENT "\n",
	    "" },
	{ "2026-11-26T20:23:28.123456+00:00 mail postfix/relay/smtp[7]: "
	  "Trusted "
	  "TLS connection established to " MX CIPHER
	  "\n2026-11-26T20:23:28.2+00:00 mail postfix/relay/smtp[7]: X1: "
	  "to=<a@b.example>, orig_to=<o@x>, relay=" MX ":25, x, " SENT "\n",
	    "b.example mx.b.example 192.0.2.1  trusted\n" },
	{ "/smtp[", "" },
	{ LOG("x", "Trusted TLS connection established to " MX), "" },
	{ LOG("1", "X1: to=<a@>, relay=" MX ":25, " SENT), "" },
	{ LOG("1", "X1: to=<a@b.example>, relay=[]:25, status=sent"), "" },
};

static void
on_session(void *arg, const struct tls_session *s)
{
	buf_printf(arg, "%.*s %.*s %.*s %s %s\n", STR_ARG(s->domain),
	    STR_ARG(s->mx), STR_ARG(s->ip), tls_result_name(s->result),
	    s->trusted ? "trusted" : "");
}

static void
read_all(struct tls_log *l, const char *log)
{
	struct str rest = str_of(log), line;

	while (str_split(&rest, '\n', &line))
		tls_log_line(l, line);
}

static void
test_log(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct buf told = { 0 };
		struct tls_log *l = tls_log_new(on_session, &told);

		print_message("%zu: %s", i, cases[i].log);
		read_all(l, cases[i].log);
		assert_string_equal(buf_cstr(&told), cases[i].told);
		tls_log_free(&l);
		buf_fini(&told);
	}
}

/* However many processes there are, what is remembered is bounded. */
static void
test_many_processes(void **state)
{
	struct buf told = { 0 };
	struct tls_log *l = tls_log_new(on_session, &told);
	char line[300];

	(void)state;
	for (unsigned i = 0; i < 3 * TLS_LOG_PROCESSES; i++) {
		snprintf(line, sizeof(line),
		    "x postfix/smtp[%u]: Trusted TLS connection established "
		    "to " MX CIPHER,
		    i);
		tls_log_line(l, str_of(line));
	}
	read_all(l, LOG("2999", TO("a@b.example", MX ":25", SENT)));
	assert_string_equal(
	    buf_cstr(&told), "b.example mx.b.example 192.0.2.1  trusted\n");
	tls_log_free(&l);
	buf_fini(&told);
}

static const struct {
	const char *txt;
	size_t n;
	const char *first;
} records[] = {
	{ "v=TLSRPTv1;rua=mailto:r@b.example", 1, "mailto:r@b.example" },
	{ "v=TLSRPTv1; rua=https://b.example/x , mailto:r@b.example;", 2,
	    "https://b.example/x" },
	{ "v=TLSRPTv1; x=y; rua=mailto:r@b.example!10m", 1,
	    "mailto:r@b.example!10m" },
	{ "v=TLSRPTv1;", 0, NULL },
	{ "v=TLSRPTv1; rua=http://b.example/x", 0, NULL },
	{ "v=TLSRPTv1; rua=mailto:nobody", 0, NULL },
	{ "v=TLSRPTv1; rua=mailto:a b@b.example", 0, NULL },
	{ "v=TLSRPTv2; rua=mailto:r@b.example", 0, NULL },
	{ "rua=mailto:r@b.example; v=TLSRPTv1", 0, NULL },
	{ "v=TLSRPTv1; rua=mailto:1@x,mailto:2@x,mailto:3@x,mailto:4@x,mailto:"
	  "5@x",
	    TLS_RUA_MAX, "mailto:1@x" },
	{ "", 0, NULL },
};

static void
test_records(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(records); i++) {
		struct tls_rua rua;

		print_message("%s\n", records[i].txt);
		assert_int_equal(tls_rua_parse(str_of(records[i].txt), &rua),
		    records[i].n > 0);
		assert_int_equal(rua.n, records[i].n);
		if (rua.n > 0)
			assert_true(str_eqc(rua.uris[0], records[i].first));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_many_processes),
		cmocka_unit_test(test_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
