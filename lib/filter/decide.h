/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_DECIDE_H
#define FILTER_DECIDE_H

#include "filter/action.h"
#include "filter/antivirus.h"
#include "filter/attachment.h"
#include "filter/client.h"
#include "filter/spam.h"
#include "mailauth/arc.h"
#include "mailauth/dmarc.h"

/*
 * The decision about a message: facts and a policy in, an action and its
 * reasons out. Pure: no clock, no database, no network. The reply to the
 * client, the log, the header and who asks later all have their words from
 * here.
 */

/* Of other libraries, where somebody wants to know (filter.compare). */
struct opinions {
	bool has_spf, has_dmarc, has_dkim;
	enum spf_result spf;
	/* Of the signature where it is another, or else the last. */
	enum signature_result dkim;
	const struct signature *dkim_ours;
	enum dmarc_result dmarc;
	enum dmarc_policy policy;
};

/* What the checks found out. Pointers may be NULL: not looked at. */
/* What the virus scanner said. */
struct virus_facts {
	enum scan_result result;
	struct str name; /* of what was found */
	bool encrypted;  /* it found no more than that it cannot look inside */
	struct str why;  /* it failed */
};

/* What the spam engine said. */
struct spam_facts {
	bool known; /* false: it failed */
	struct spam_verdict verdict;
	struct str why;
};

/* Somebody has sent too much. */
struct limit_facts {
	enum filter_action action;
	struct str text;
};

struct facts {
	/* By an account of ours, or from a host that we trust: others' ways to
	 * prove who sent it do not apply. */
	bool outgoing;
	bool large_header; /* more of it than filter.max_header: it is not
			    * known whole */
	bool not_kept;     /* there is no room for it */
	const struct limit_facts *limit;
	const struct client_facts *client;
	/* What the lists of this recipient say of client and sender. */
	const struct list_match *listed;
	const struct spf_verdict *helo, *spf;
	const struct signature *signatures;
	size_t nsignatures;
	const struct dmarc_verdict *dmarc;
	const char *author; /* why From names no author; NULL: it does */
	const struct arc_verdict *arc;
	/* A trusted sealer of a chain that holds says that the message passed
	 * DMARC when it came to him; empty: none does. */
	struct str vouched;
	const struct attachment *attachments;
	size_t nattachments;
	const struct virus_facts *virus; /* NULL: nobody was asked */
	const struct spam_facts *spam;   /* the same */
	unsigned greylist_wait; /* seconds, of this recipient; 0: welcome */
	struct opinions others; /* they decide nothing */
};

/* What the settings of a recipient (or the site) want done. */
struct policy {
	enum filter_action spf_helo_fail, spf_fail, spf_softfail, spf_error;
	enum filter_action dmarc_reject, dmarc_quarantine, dmarc_temperror;
	enum filter_action author;
	enum filter_action blocked, failed_logins;
	enum filter_action no_ptr, ptr_mismatch, helo_invalid, helo_ours;
	/* From such a score on, in thousandths; 0: never. */
	int64_t dnsbl_tag, dnsbl_quarantine, dnsbl_reject;
	enum filter_action greylist;
	enum filter_action attachment;
	struct str attachment_patterns;
	enum filter_action virus, virus_encrypted, virus_too_large,
	    virus_failed;
	/* From such a score on, in thousandths; 0: never. */
	int64_t spam_tag, spam_quarantine, spam_reject;
	enum filter_action spam_failed;
};

/* Somebody who wants to hear nothing of malware is not bothered by a scanner
 * that fails, either. */
static inline bool
policy_scans(const struct policy *p)
{
	return p->virus != FILTER_OFF || p->virus_encrypted != FILTER_OFF;
}

/* One thing that was found. */
struct reason {
	const char *check; /* "spf", "dmarc" ... */
	enum filter_action action;
	unsigned code;      /* of a reply for a refusal (RFC 5321) */
	const char *status; /* RFC 3463, RFC 7372 */
	struct str text;    /* a sentence without a full stop */
	bool junk; /* it makes it unwanted mail: for the Junk mailbox */
};

#define DECISION_REASONS 32
struct decision {
	enum filter_action action;
	const struct reason *by; /* the reason of ACTION; NULL: none */
	bool junk;               /* one of them is */
	struct reason reasons[DECISION_REASONS];
	size_t n;
};

/* Texts live in A. */
void filter_decide(struct arena *a, const struct facts *f,
    const struct policy *p, struct decision *out);

/*
 * Of several recipients: a message can be refused to all of them only. If
 * everybody wants that, the weakest refusal is *action. If not, nobody whose
 * settings refuse it gets it as if nothing were: what should be rejected is
 * kept APART for him, what should come later comes tagged. FATES has what is
 * done for each, and *action is the strongest of those who get it, or to
 * quarantine if nobody does. The answer is the decision that gives the reasons.
 * N is not 0. Where nothing can be kept apart it comes tagged.
 */
const struct decision *filter_decide_common(const struct decision *list,
    size_t n, bool apart, enum filter_action *fates,
    enum filter_action *action);

#endif
