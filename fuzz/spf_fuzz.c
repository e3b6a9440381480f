/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns/internal.h"
#include "dns/zone.h"
#include "mailauth/spf.h"

/*
 * A policy and the zone around it, which strangers publish; and what stands in
 * records. Each line is a record: its type, its owner and its text, as
 * "Tdv=spf1 -all", T being one of "ATMPC6" or "S" for silence. The line "Q..."
 * is the client's name and "F..." the sender.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_QUESTIONS 130 /* 10 terms of 11, PTR, the record and exp= */

static void
check(bool ok)
{
	if (!ok)
		abort();
}

/* ------------------------------------------------------------------------
 * What stands in records
 */

static void
read_name(struct arena *a, struct str rdata)
{
	struct buf wire = { 0 };
	struct str name;

	if (dns_rdata_name(a, rdata, &name)) {
		check(dns_wire_name(&wire, name));
		check(str_eq(buf_str(&wire), rdata));
	}
	buf_fini(&wire);
}

static void
read_rdata(struct arena *a, struct str rdata)
{
	struct in6_addr addr;
	uint16_t preference;
	struct str text;

	read_name(a, rdata);
	if (dns_rdata_txt(a, rdata, &text))
		check(text.n < rdata.n);
	if (dns_rdata_mx(a, rdata, &preference, &text))
		check(text.n <= DNS_NAME_MAX);
	if (dns_rdata_addr(rdata, &addr))
		check(dns_is_name(dns_reverse_name(a, &addr)));
}

/* ------------------------------------------------------------------------
 * Policies
 */

static struct str
owner(struct arena *a, char c)
{
	if (c == '4')
		return STR("1.2.0.192.in-addr.arpa");
	if (c == '6')
		return STR("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
			   "0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
	return arena_printf(a, "%c.example", c);
}

static void
add_line(struct zone *z, struct arena *a, struct str line)
{
	static const struct {
		char c;
		enum dns_type type;
	} types[] = { { 'A', DNS_A }, { 'T', DNS_TXT }, { 'M', DNS_MX },
		{ 'P', DNS_PTR }, { 'C', DNS_CNAME }, { '6', DNS_AAAA } };
	struct err e;

	if (line.n < 2)
		return;
	if (line.p[0] == 'S')
		zone_add_timeout(z, owner(a, line.p[1]));
	for (size_t i = 0; i < LEN(types); i++) {
		if (types[i].c == line.p[0])
			zone_add(z, owner(a, line.p[1]), types[i].type,
			    str_sub(line, 2, STR_NPOS), &e);
	}
}

static void
make_zone(struct zone *z, struct arena *a, struct str rest, struct spf_query *q)
{
	struct str line;

	while (str_split(&rest, '\n', &line)) {
		if (line.n > 0 && line.p[0] == 'Q')
			q->helo = str_sub(line, 1, STR_NPOS);
		else if (line.n > 0 && line.p[0] == 'F')
			q->sender = str_sub(line, 1, STR_NPOS);
		else
			add_line(z, a, line);
	}
}

/* One field, whatever came: no octet of control but in folds. */
static void
check_field(const struct spf_query *q, const struct spf_verdict *v)
{
	struct buf out = { 0 };

	spf_received(&out, q, v);
	for (size_t i = 0; i < out.n; i++) {
		unsigned char c = (unsigned char)out.p[i];

		check(c >= ' ' || c == '\t' ||
		      (c == '\n' && i + 1 < out.n && out.p[i + 1] == '\t'));
	}
	buf_fini(&out);
}

static void
check_verdict(const struct spf_verdict *v)
{
	check(v->lookups <= 10 && v->voids <= 3);
	check(v->explanation.n <= 512);
	check(v->explanation.n == 0 || v->result == SPF_FAIL);
	for (size_t i = 0; i < v->explanation.n; i++)
		check(v->explanation.p[i] >= ' ' && v->explanation.p[i] <= '~');
}

static void
evaluate(struct arena *a, struct str text, bool ipv4)
{
	struct spf_query q = { .sender = STR("user@d.example"),
		.helo = STR("h.example") };
	struct zone *z = zone_new();
	struct spf_verdict v;
	enum spf_result second;

	check(dns_rdata_addr(ipv4 ? STR("\300\0\2\1")
				  : STR("\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1"),
	    &q.client));
	make_zone(z, a, text, &q);
	spf_check(zone_resolver(z), a, &q, NULL, &v);
	check(zone_asked(z) <= MAX_QUESTIONS);
	check_verdict(&v);
	check_field(&q, &v);
	spf_second_opinion(zone_resolver(z), a, &q, &second);
	zone_free(&z);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size }, problem;
	struct arena *a = arena_new();
	size_t at;

	read_rdata(a, text);
	if (!spf_record_check(a, text, &problem, &at))
		check(problem.n > 0 && at <= text.n);
	evaluate(a, text, true);
	evaluate(a, text, false);
	arena_free(&a);
	return 0;
}
