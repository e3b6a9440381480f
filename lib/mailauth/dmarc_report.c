/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/dmarc_internal.h"

/*
 * Does somebody want our reports about a domain that is not his (RFC 7489,
 * section 7.1)? Without the question, a record could send them to anybody.
 */

static struct str
host_of(struct arena *a, struct str address)
{
	size_t at = str_rchr(address, '@');

	if (at == STR_NPOS)
		return STR_NULL;
	return domain_to_ascii(a, str_sub(address, at + 1, STR_NPOS));
}

/* Those at HOST only: it speaks for itself. */
static void
keep_at(
    struct arena *a, struct str host, const struct dmarc_uri **list, size_t *n)
{
	struct dmarc_uri *kept = arena_array(a, *n, sizeof(*kept));
	size_t count = 0;

	for (size_t i = 0; i < *n; i++) {
		if (str_eq(host_of(a, (*list)[i].address), host))
			kept[count++] = (*list)[i];
	}
	*list = kept;
	*n = count;
}

static bool
is_own(const struct psl *p, struct arena *a, struct str host, struct str domain)
{
	return dmarc_aligned(p, a, domain, host, false);
}

/* Several records of which one agrees are enough. */
static enum dns_rc
ask(struct resolver *r, struct arena *a, struct str name, struct str *text)
{
	struct dns_answer answer;

	dns_ask(r, a, name, DNS_TXT, &answer);
	for (size_t i = 0; i < answer.n; i++) {
		if (dns_rdata_txt(a, answer.rdata[i], text) &&
		    dmarc_record_is(*text))
			return DNS_OK;
	}
	return answer.rc == DNS_OK ? DNS_NODATA : answer.rc;
}

enum dns_rc
dmarc_report_allowed(struct resolver *r, const struct psl *p, struct arena *a,
    struct str domain, const struct dmarc_uri *uri, struct dmarc_record *theirs)
{
	struct str d = domain_to_ascii(a, domain);
	struct str host = host_of(a, uri->address), text, why;
	struct dmarc_record record = { 0 };
	enum dns_rc rc = DNS_OK;
	bool valid;

	if (d.n == 0 || host.n == 0)
		return DNS_NXDOMAIN;
	if (!is_own(p, a, host, d)) {
		rc = ask(r, a,
		    arena_printf(a, "%.*s._report._dmarc.%.*s", STR_ARG(d),
			STR_ARG(host)),
		    &text);
		if (rc == DNS_OK) {
			dmarc_record_tags(a, text, &record, &valid, &why);
			keep_at(a, host, &record.rua, &record.nrua);
			keep_at(a, host, &record.ruf, &record.nruf);
		}
	}
	if (theirs)
		*theirs = record;
	return rc;
}
