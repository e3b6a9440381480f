/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/codec.h"
#include "mime/decode.h"
#include "mime/mime.h"

/*
 * What lib/mime costs per message: generated messages, each function in a
 * loop of about SECONDS (argument, default 1), the best of five rounds.
 */

static const char text[] =
    "The committee met on Tuesday to go through the list of open points; most "
    "of them\r\nwere settled at once. What remains is the question of who "
    "pays for the garden.\r\n\r\n> On Monday you wrote that this was "
    "decided. It was not, as the minutes show.\r\n";
static const char german[] = "Sch\xc3\xb6ne Gr\xc3\xbc\xc3\x9f"
			     "e aus K\xc3\xb6ln; die Stra\xc3\x9f"
			     "e ist f\xc3\xbcr Fu\xc3\x9f"
			     "g\xc3\xa4nger gesperrt.\r\n";
static const char header[] =
    "Return-Path: <ann@example.org>\r\n"
    "Received: from mx.example.org (mx.example.org [192.0.2.1])\r\n"
    "\tby mail.example.test (Postfix) with ESMTPS id 4F1A22\r\n"
    "\tfor <bob@example.test>; Sun, 22 Nov 2026 17:00:00 +0000 (UTC)\r\n"
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org;\r\n"
    "\ts=s1; h=from:to:subject:date:message-id; bh=47DEQpj8HBSa+/TImW+5JCeu"
    "QeRkm5NMpJWZG3hSuFU=;\r\n\tb=dzdVyOfAKCdLXdJOc9G2q8LoXSlEniSbav+yuU4z"
    "GeeruD00lszZVoG4ZHRNiYzR\r\n"
    "Message-ID: <20261122170000.12345@example.org>\r\n"
    "Date: Sun, 22 Nov 2026 18:00:00 +0100\r\n"
    "From: =?utf-8?Q?Ann_M=C3=BCller?= <ann@example.org>\r\n"
    "To: Bob Builder <bob@example.test>, \"Doe, Jane\" <jane@example.com>\r\n"
    "Cc: list@example.net\r\n"
    "References: <a1@example.org> <b2@example.test>\r\n"
    "In-Reply-To: <b2@example.test>\r\n"
    "Subject: Re: [garden] The question of who pays\r\n"
    "MIME-Version: 1.0\r\n";

static void
fill(struct buf *b, const char *with, size_t size)
{
	size_t end = b->n + size;

	while (b->n < end)
		buf_puts(b, with);
}

static void
plain(struct buf *b, const char *with, size_t size)
{
	buf_puts(b, header);
	buf_puts(b, "Content-Type: text/plain; charset=utf-8\r\n"
		    "Content-Transfer-Encoding: 8bit\r\n\r\n");
	fill(b, with, size);
}

static void
multipart(struct buf *b)
{
	struct buf pdf = { 0 };

	buf_puts(b, header);
	buf_puts(b, "Content-Type: multipart/mixed; boundary=\"outer=_1\"\r\n"
		    "\r\n--outer=_1\r\n"
		    "Content-Type: multipart/alternative; boundary=in\r\n\r\n"
		    "--in\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
	fill(b, text, 5000);
	buf_puts(b, "\r\n--in\r\nContent-Type: text/html; charset=utf-8\r\n"
		    "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
	fill(b,
	    "<p class=3D\"x\">The committee met on <b>Tuesday</b> to go "
	    "thr=\r\nough the list &amp; more.</p>\r\n",
	    10000);
	buf_puts(b, "\r\n--in--\r\n--outer=_1\r\n"
		    "Content-Type: application/pdf; name=\"a file.pdf\"\r\n"
		    "Content-Disposition: attachment; filename=a.pdf\r\n"
		    "Content-Transfer-Encoding: base64\r\n\r\n");
	fill(&pdf, text, 25000);
	for (size_t i = 0; i < pdf.n; i += 57) {
		base64_encode(b, str_sub(buf_str(&pdf), i, 57));
		buf_puts(b, "\r\n");
	}
	buf_puts(b, "--outer=_1--\r\n");
	buf_fini(&pdf);
}

static void
run_parse(struct arena *a, struct str raw, struct buf *x, struct buf *y)
{
	(void)x;
	(void)y;
	mime_parse(a, raw, NULL);
}

static void
run_digest(struct arena *a, struct str raw, struct buf *x, struct buf *y)
{
	struct mime_digest digest;

	(void)x;
	(void)y;
	mime_digest(a, raw, &digest);
}

static void
run_search(struct arena *a, struct str raw, struct buf *x, struct buf *y)
{
	mime_search_text(x, y, mime_parse(a, raw, NULL), NULL);
}

static void
run_fold(struct arena *a, struct str raw, struct buf *x, struct buf *y)
{
	(void)a;
	(void)y;
	mime_fold(x, raw);
}

static void
measure(const char *message, struct str raw, const char *name,
    void (*run)(struct arena *, struct str, struct buf *, struct buf *),
    double seconds)
{
	struct arena *a = arena_new();
	struct buf x = { 0 }, y = { 0 };
	double best = 0;

	for (int round = 0; round < 5; round++) {
		int64_t start = clock_mono_us(), now = start;
		unsigned n = 0;
		double ns;

		while ((double)(now - start) < seconds / 5 * 1e6) {
			for (int i = 0; i < 50; i++, n++) {
				arena_reset(a);
				buf_clear(&x);
				buf_clear(&y);
				run(a, raw, &x, &y);
			}
			now = clock_mono_us();
		}
		ns = (double)(now - start) * 1e3 / n;
		if (round == 0 || ns < best)
			best = ns;
	}
	printf("%-12s %7zu octets  %-8s %9.0f ns  %7.0f MB/s\n", message, raw.n,
	    name, best, (double)raw.n * 1e3 / best);
	buf_fini(&x);
	buf_fini(&y);
	arena_free(&a);
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(
		    struct arena *, struct str, struct buf *, struct buf *);
	} runs[] = { { "parse", run_parse }, { "digest", run_digest },
		{ "search", run_search }, { "fold", run_fold } };
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 1;
	const char *names[] = { "plain-10k", "german-10k", "multi-50k" };
	struct buf messages[3] = { { 0 } };

	plain(&messages[0], text, 9000);
	plain(&messages[1], german, 9000);
	multipart(&messages[2]);
	for (size_t i = 0; i < 3; i++) {
		for (size_t k = 0; k < LEN(runs); k++)
			measure(names[i], buf_str(&messages[i]), runs[k].name,
			    runs[k].run, seconds);
		buf_fini(&messages[i]);
	}
	return 0;
}
