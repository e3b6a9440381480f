/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MAILAUTH_REPORT_H
#define MAILAUTH_REPORT_H

#include "base/buf.h"
#include "base/err.h"
#include "mailauth/dmarc.h"

/*
 * What sites tell each other of their authentication: DMARC's aggregate
 * reports (RFC 7489, appendix C, and DMARCbis' form), its failure reports
 * (RFC 6591, which is RFC 5965 with fields of its own) and TLS reports
 * (RFC 8460). Bytes in, structs out, and back. All of a struct that was read
 * lives in the arena it was read into.
 *
 * What is read is hostile: sizes are limited, XML has no entities.
 */

#define REPORT_MAX_TEXT (32 * 1024 * 1024) /* unpacked */
#define REPORT_MAX_ROWS 100000

/* Unpack gzip, or the one file of a zip, or take it as it is. False: too
 * large, or damaged. */
bool report_unpack(
    struct arena *a, struct str packed, struct str *out, struct err *e);
void report_gzip(struct buf *out, struct str text);

/* ------------------------------------------------------------------------
 * DMARC's aggregate reports
 */

struct aggregate_reason {
	struct str type, comment; /* "local_policy" ... */
};
struct aggregate_dkim {
	struct str domain, selector, result, human_result;
};
struct aggregate_spf {
	struct str domain, scope, result, human_result; /* scope: mfrom, helo */
};
struct aggregate_row {
	struct str source_ip;
	uint64_t count;
	struct str disposition, dkim, spf; /* policy_evaluated */
	const struct aggregate_reason *reasons;
	size_t nreasons;
	struct str envelope_to, envelope_from, header_from;
	const struct aggregate_dkim *dkim_results;
	size_t ndkim;
	const struct aggregate_spf *spf_results;
	size_t nspf;
};
struct aggregate {
	struct str version;
	struct str org_name, email, extra_contact, report_id, generator;
	int64_t begin, end;
	const struct str *errors;
	size_t nerrors;
	/* policy_published, as text; empty: not given */
	struct str domain, adkim, aspf, p, sp, np, pct, fo, testing, discovery,
	    version_published;
	const struct aggregate_row *rows;
	size_t nrows;
};

bool aggregate_parse(
    struct arena *a, struct str xml, struct aggregate *out, struct err *e);
void aggregate_write(struct buf *out, const struct aggregate *r);
/* "receiver!domain!begin!end!id.xml.gz" and its mail (RFC 7489, 7.2.1.1): the
 * message for the MTA, from FROM to TO. */
void aggregate_filename(
    struct buf *out, const struct aggregate *r, struct str receiver);
void aggregate_mail(struct buf *out, const struct aggregate *r,
    struct str receiver, struct str from, struct str to, int64_t now);

/* ------------------------------------------------------------------------
 * Feedback reports: abuse (RFC 5965) and authentication failures (RFC 6591)
 */

struct feedback_field {
	struct str name, value; /* unfolded */
};
struct feedback {
	struct str type, user_agent, version; /* "abuse", "auth-failure" */
	int64_t arrival;                      /* 0: not given */
	struct str source_ip, reporting_mta;
	struct str mail_from;
	const struct str *rcpt_to, *reported_domains, *reported_uris, *results;
	size_t nrcpt_to, nreported_domains, nreported_uris, nresults;
	uint64_t incidents; /* 1 if not given */
	struct str envelope_id, source_port;
	/* RFC 6591 */
	struct str auth_failure, delivery_result, identity_alignment;
	struct str dkim_domain, dkim_identity, dkim_selector, dkim_selector_dns,
	    dkim_canonicalized_header, dkim_canonicalized_body, spf_dns;
	const struct feedback_field *fields; /* all, in order */
	size_t nfields;
	struct str message; /* what it is about, as far as it came with it; with
			     * only a header headers_only is true */
	bool headers_only;
};

/* RAW: the mail. False if it is no multipart/report of feedback. */
bool feedback_parse(
    struct arena *a, struct str raw, struct feedback *out, struct err *e);

struct failure {
	struct str reporting_mta, from, to;
	int64_t now;
	struct str author_domain; /* reported */
	struct str source_ip, mail_from, rcpt_to;
	struct str results; /* our Authentication-Results' value */
	/* "dmarc", "dkim", "spf", "signature", "bodyhash", "revoked" */
	const char *auth_failure;
	const char *delivery_result;    /* "reject", "spam", "delivered", ... */
	const char *identity_alignment; /* "none", "dkim", "spf", "dkim, spf" */
	const struct signature *signature; /* that failed; NULL: none */
	struct str spf_record;
	struct str header; /* of the message; local parts of others are redacted
			    * in what is sent (RFC 6590) */
	struct str redact_key; /* of the site: equal ones stay equal */
};
/* The whole mail for the MTA. */
void failure_mail(struct arena *a, struct buf *out, const struct failure *f);

/* ------------------------------------------------------------------------
 * TLS reports
 */

struct tls_failure {
	struct str result_type, sending_mta_ip, receiving_mx_hostname,
	    receiving_mx_helo, receiving_ip, additional_information,
	    failure_reason_code;
	uint64_t count;
};
struct tls_policy {
	struct str type; /* "sts", "tlsa", "no-policy-found" */
	struct str domain;
	const struct str *strings, *mx_hosts;
	size_t nstrings, nmx_hosts;
	uint64_t successes, failures;
	const struct tls_failure *details;
	size_t ndetails;
};
struct tls_report {
	struct str organization, contact, report_id;
	int64_t begin, end;
	const struct tls_policy *policies;
	size_t n;
};
bool tls_report_parse(
    struct arena *a, struct str json, struct tls_report *out, struct err *e);
void tls_report_write(struct buf *out, const struct tls_report *r);
/* RFC 8460, section 5.3; DOMAIN: whom it is about. */
void tls_report_mail(struct buf *out, const struct tls_report *r,
    struct str domain, struct str submitter, struct str from, struct str to,
    int64_t now);

/* ------------------------------------------------------------------------
 * Mail that brings one
 */

enum report_kind { REPORT_NONE, REPORT_AGGREGATE, REPORT_FEEDBACK, REPORT_TLS };
/* Which one does the message bring; *text is the unpacked report (of feedback:
 * RAW itself). */
enum report_kind report_find(
    struct arena *a, struct str raw, struct str *text, struct err *e);

#endif
