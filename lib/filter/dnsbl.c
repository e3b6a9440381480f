/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/dnsbl.h"

#include <arpa/inet.h>

/* ------------------------------------------------------------------------
 * The setting
 */

/* "2", "2-11", "*" */
static bool
parse_octet(struct str text, uint8_t *from, uint8_t *to)
{
	size_t dash = str_chr(text, '-');
	uint32_t a, b;

	if (str_eqc(text, "*")) {
		*from = 0;
		*to = 255;
		return true;
	}
	if (!str_u32(str_sub(text, 0, dash), &a))
		return false;
	b = a;
	if (dash != STR_NPOS && !str_u32(str_sub(text, dash + 1, SIZE_MAX), &b))
		return false;
	*from = (uint8_t)a;
	*to = (uint8_t)b;
	return a <= b && b <= 255;
}

static bool
parse_pattern(struct str text, struct dnsbl_list *l)
{
	struct str octet;

	l->filtered = true;
	for (int i = 0; i < 4; i++) {
		if (!str_split(&text, '.', &octet) ||
		    !parse_octet(octet, &l->octets[i].from, &l->octets[i].to))
			return false;
	}
	return !text.p && l->octets[0].from == 127 && l->octets[0].to == 127;
}

/* "*5" or "*-5" at the end of *word. One that is an octet of a pattern has a
 * dot before it, or nothing behind it. */
static bool
take_weight(struct str *word, int *weight)
{
	size_t star = str_rchr(*word, '*');
	struct str number = str_sub(*word, star + 1, SIZE_MAX);
	bool minus = str_starts(number, STR("-"));
	uint32_t n;

	*weight = 1;
	if (star == STR_NPOS || number.n == 0 ||
	    str_chr(number, '.') != STR_NPOS)
		return true;
	if (!str_u32(str_sub(number, minus, SIZE_MAX), &n) ||
	    n > DNSBL_WEIGHT_MAX)
		return false;
	*weight = minus ? -(int)n : (int)n;
	*word = str_sub(*word, 0, star);
	return true;
}

static bool
parse_list(struct str word, struct dnsbl_list *l)
{
	size_t equals;

	*l = (struct dnsbl_list){ .names = str_starts(word, STR("rhs:")) };
	if (l->names)
		word = str_sub(word, 4, SIZE_MAX);
	if (!take_weight(&word, &l->weight))
		return false;
	equals = str_chr(word, '=');
	l->zone = dns_undotted(str_sub(word, 0, equals));
	return dns_is_name(l->zone) && str_chr(l->zone, '*') == STR_NPOS &&
	       (equals == STR_NPOS ||
		   parse_pattern(str_sub(word, equals + 1, SIZE_MAX), l));
}

bool
dnsbl_parse(struct str text, struct dnsbl_set *out, struct err *e)
{
	struct str word;
	bool ok = true;

	out->n = 0;
	while (text.p && str_split(&text, ' ', &word)) {
		word = str_trim(word);
		if (word.n == 0)
			continue;
		if (out->n < DNSBL_LISTS_MAX &&
		    parse_list(word, &out->v[out->n])) {
			out->n++;
			continue;
		}
		if (ok)
			err_set(e,
			    out->n < DNSBL_LISTS_MAX
				? "\"%.*s\" is not ZONE[=PATTERN][*WEIGHT]"
				: "\"%.*s\" is one list too many",
			    STR_ARG(word));
		ok = false;
	}
	return ok;
}

/* ------------------------------------------------------------------------
 * Questions
 */

static struct str
question_about(struct arena *a, const struct dnsbl_list *l,
    const struct dnsbl_query *q, size_t i)
{
	if (!l->names)
		return dns_reversed(a, &q->client, l->zone);
	return arena_printf(
	    a, "%.*s.%.*s", STR_ARG(q->names[i]), STR_ARG(l->zone));
}

/* How many questions LIST is asked. */
static size_t
subjects(const struct dnsbl_list *l, const struct dnsbl_query *q)
{
	size_t n = 0;

	if (!l->names)
		return 1;
	while (n < DNSBL_NAMES_MAX && q->names[n].n > 0)
		n++;
	return n;
}

void
dnsbl_prefetch(struct resolver *r, struct arena *a, const struct dnsbl_set *s,
    const struct dnsbl_query *q)
{
	for (size_t i = 0; i < s->n; i++) {
		for (size_t k = 0; k < subjects(&s->v[i], q); k++)
			dns_prefetch(
			    r, question_about(a, &s->v[i], q, k), DNS_A);
	}
}

/* ------------------------------------------------------------------------
 * Answers
 */

static bool
fits(const struct dnsbl_list *l, const uint8_t *octets)
{
	for (int i = 0; i < 4; i++) {
		if (octets[i] < l->octets[i].from ||
		    octets[i] > l->octets[i].to)
			return false;
	}
	return true;
}

static bool
is_listing(const struct dnsbl_list *l, const uint8_t *o)
{
	bool odd = o[1] == 0 && o[2] == 0 && (o[3] == 1 || o[3] == 255);

	if (o[0] != 127 || (o[1] == 255 && o[2] == 255))
		return false;
	return l->filtered ? fits(l, o) : !odd;
}

static bool
answer_of(struct arena *a, const struct dnsbl_list *l, struct str rdata,
    struct str *out)
{
	struct in6_addr addr;
	char text[INET_ADDRSTRLEN];

	if (rdata.n != 4 || !dns_rdata_addr(rdata, &addr) ||
	    !is_listing(l, addr.s6_addr + 12))
		return false;
	inet_ntop(AF_INET, addr.s6_addr + 12, text, sizeof(text));
	*out = arena_str(a, str_of(text));
	return true;
}

static struct str
client_text(struct arena *a, const struct in6_addr *client)
{
	bool v4 = IN6_IS_ADDR_V4MAPPED(client);
	char text[INET6_ADDRSTRLEN];

	inet_ntop(v4 ? AF_INET : AF_INET6,
	    v4 ? client->s6_addr + 12 : client->s6_addr, text, sizeof(text));
	return arena_str(a, str_of(text));
}

/* Does the list know the subject with number I? */
static bool
ask_one(struct resolver *r, struct arena *a, const struct dnsbl_list *l,
    const struct dnsbl_query *q, size_t i, struct dnsbl_hit *hit)
{
	struct dnsbl_hit found = { .list = l };
	struct dns_answer answer;

	found.question = question_about(a, l, q, i);
	dns_ask(r, a, found.question, DNS_A, &answer);
	for (size_t k = 0; answer.rc == DNS_OK && k < answer.n; k++) {
		if (!answer_of(a, l, answer.rdata[k], &found.answer))
			continue;
		found.subject =
		    l->names ? q->names[i] : client_text(a, &q->client);
		*hit = found;
		return true;
	}
	return false;
}

static bool
ask_list(struct resolver *r, struct arena *a, const struct dnsbl_list *l,
    const struct dnsbl_query *q, struct dnsbl_hit *hit)
{
	for (size_t i = 0; i < subjects(l, q); i++) {
		if (ask_one(r, a, l, q, i, hit))
			return true;
	}
	return false;
}

void
dnsbl_ask(struct resolver *r, struct arena *a, const struct dnsbl_set *s,
    const struct dnsbl_query *q, struct dnsbl_facts *out)
{
	bool good = false;

	*out = (struct dnsbl_facts){ .n = 0 };
	dnsbl_prefetch(r, a, s, q);
	for (size_t i = 0; i < s->n; i++) {
		if (!ask_list(r, a, &s->v[i], q, &out->hits[out->n]))
			continue;
		out->n++;
		out->score += s->v[i].weight;
		good |= s->v[i].weight < 0;
	}
	out->white = good && out->score < 0;
}

/* ------------------------------------------------------------------------
 * Reasons
 */

const struct dnsbl_hit *
dnsbl_heaviest(const struct dnsbl_facts *f)
{
	const struct dnsbl_hit *heaviest = NULL;

	for (size_t i = 0; i < f->n; i++) {
		int weight = f->hits[i].list->weight;

		if (weight > (heaviest ? heaviest->list->weight : 0))
			heaviest = &f->hits[i];
	}
	return heaviest;
}

void
dnsbl_explain(struct resolver *r, struct arena *a, struct dnsbl_facts *f)
{
	const struct dnsbl_hit *hit = dnsbl_heaviest(f);
	struct dns_answer answer;

	if (!hit || f->text.n > 0)
		return;
	dns_ask(r, a, hit->question, DNS_TXT, &answer);
	if (answer.rc != DNS_OK || answer.n == 0 ||
	    !dns_rdata_txt(a, answer.rdata[0], &f->text))
		f->text = STR_NULL;
}
