/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/capability.h"

static const char *const names[CAP_COUNT] = {
	[CAP_BASE] = "",
	[CAP_FILEINTO] = "fileinto",
	[CAP_ENVELOPE] = "envelope",
	[CAP_ENCODED_CHARACTER] = "encoded-character",
	[CAP_CMP_OCTET] = "comparator-i;octet",
	[CAP_CMP_ASCII_CASEMAP] = "comparator-i;ascii-casemap",
	[CAP_CMP_ASCII_NUMERIC] = "comparator-i;ascii-numeric",
	[CAP_CMP_UNICODE_CASEMAP] = "comparator-i;unicode-casemap",
	[CAP_BODY] = "body",
	[CAP_COPY] = "copy",
	[CAP_DATE] = "date",
	[CAP_DUPLICATE] = "duplicate",
	[CAP_EDITHEADER] = "editheader",
	[CAP_ENCLOSE] = "enclose",
	[CAP_ENOTIFY] = "enotify",
	[CAP_ENVELOPE_DELIVERBY] = "envelope-deliverby",
	[CAP_ENVELOPE_DSN] = "envelope-dsn",
	[CAP_ENVIRONMENT] = "environment",
	[CAP_EREJECT] = "ereject",
	[CAP_EXTLISTS] = "extlists",
	[CAP_EXTRACTTEXT] = "extracttext",
	[CAP_FCC] = "fcc",
	[CAP_FOREVERYPART] = "foreverypart",
	[CAP_IHAVE] = "ihave",
	[CAP_IMAP4FLAGS] = "imap4flags",
	[CAP_IMAPSIEVE] = "imapsieve",
	[CAP_INCLUDE] = "include",
	[CAP_INDEX] = "index",
	[CAP_MAILBOX] = "mailbox",
	[CAP_MAILBOXID] = "mailboxid",
	[CAP_MBOXMETADATA] = "mboxmetadata",
	[CAP_MIME] = "mime",
	[CAP_REDIRECT_DELIVERBY] = "redirect-deliverby",
	[CAP_REDIRECT_DSN] = "redirect-dsn",
	[CAP_REGEX] = "regex",
	[CAP_REJECT] = "reject",
	[CAP_RELATIONAL] = "relational",
	[CAP_REPLACE] = "replace",
	[CAP_SERVERMETADATA] = "servermetadata",
	[CAP_SPAMTEST] = "spamtest",
	[CAP_SPAMTESTPLUS] = "spamtestplus",
	[CAP_SPECIAL_USE] = "special-use",
	[CAP_SUBADDRESS] = "subaddress",
	[CAP_VACATION] = "vacation",
	[CAP_VACATION_SECONDS] = "vacation-seconds",
	[CAP_VARIABLES] = "variables",
	[CAP_VIRUSTEST] = "virustest",
	[CAP_DOVECOT_DEBUG] = "vnd.dovecot.debug",
	[CAP_DOVECOT_ENVIRONMENT] = "vnd.dovecot.environment",
	[CAP_DOVECOT_EXECUTE] = "vnd.dovecot.execute",
	[CAP_DOVECOT_FILTER] = "vnd.dovecot.filter",
	[CAP_DOVECOT_PIPE] = "vnd.dovecot.pipe",
	[CAP_DOVECOT_REPORT] = "vnd.dovecot.report",
	[CAP_DOVECOT_TESTSUITE] = "vnd.dovecot.testsuite",
};

_Static_assert(CAP_COUNT <= 64, "a set of capabilities is 64 bits");

struct sieve_caps
sieve_caps_default(void)
{
	static const enum sieve_cap except[] = { CAP_DOVECOT_EXECUTE,
		CAP_DOVECOT_FILTER, CAP_DOVECOT_PIPE, CAP_DOVECOT_REPORT,
		CAP_DOVECOT_TESTSUITE };
	struct sieve_caps caps = { 0 };

	for (enum sieve_cap c = CAP_BASE + 1; c < CAP_COUNT; c++)
		sieve_caps_add(&caps, c);
	for (size_t i = 0; i < LEN(except); i++)
		sieve_caps_remove(&caps, except[i]);
	return caps;
}

struct sieve_caps
sieve_caps_delivery(struct sieve_caps caps)
{
	sieve_caps_remove(&caps, CAP_IMAPSIEVE);
	return caps;
}

struct sieve_caps
sieve_caps_event(struct sieve_caps caps)
{
	static const enum sieve_cap inapplicable[] = { CAP_EREJECT, CAP_REJECT,
		CAP_VACATION, CAP_VACATION_SECONDS };

	for (size_t i = 0; i < LEN(inapplicable); i++)
		sieve_caps_remove(&caps, inapplicable[i]);
	return caps;
}

bool
sieve_cap_find(struct str name, enum sieve_cap *out)
{
	if (str_eqc(name, "vnd.dovecot.duplicate")) {
		*out = CAP_DUPLICATE;
		return true;
	}
	for (enum sieve_cap c = CAP_BASE + 1; c < CAP_COUNT; c++) {
		if (!str_eqc(name, names[c]))
			continue;
		*out = c;
		return true;
	}
	return false;
}

struct str
sieve_cap_name(enum sieve_cap cap)
{
	return str_of(names[cap]);
}

void
sieve_caps_print(struct buf *out, struct sieve_caps caps)
{
	sieve_caps_remove(&caps, CAP_CMP_OCTET);
	sieve_caps_remove(&caps, CAP_CMP_ASCII_CASEMAP);
	for (enum sieve_cap c = CAP_BASE + 1; c < CAP_COUNT; c++) {
		if (!sieve_caps_has(caps, c))
			continue;
		if (out->n > 0)
			buf_putc(out, ' ');
		buf_puts(out, names[c]);
	}
}
