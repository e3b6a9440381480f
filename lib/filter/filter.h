/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_FILTER_H
#define FILTER_FILTER_H

#include "dns/resolver.h"
#include "filter/db.h"
#include "filter/decide.h"
#include "filter/edit.h"
#include "filter/quarantine.h"
#include "net/addr.h"
#include "site/site.h"

/*
 * The filter: a message as an MTA gets it, step by step, in; what to answer and
 * how to change its header out. milterd feeds it from an MTA, `mailstead filter
 * check` from a file.
 *
 * A filter is for the whole process. A session is one connection to the MTA;
 * its calls come one after the other, on any thread.
 */

struct filter_options {
	struct site *site;
	struct resolver *resolver;
	const struct psl *psl;
	const char *hostname;
	/* What is remembered from one message to the next; NULL: nothing is,
	 * and nobody is a stranger. */
	struct filter_db *db;
	/* NULL: what is to be kept apart comes tagged. */
	struct quarantine *quarantine;
	bool quiet;   /* log no message, and refuse none before its end:
		       * somebody only wants to know */
	bool compare; /* with the other libraries, whatever filter.compare says
		       */
};
/* So much room there must be in front of a message: of spool_configure(), which
 * comes before the first one. */
#define FILTER_HEADROOM 4096

struct filter;
/* Everything O names must outlive it. */
struct filter *filter_new(const struct filter_options *o);
void filter_free(struct filter **f);

struct filter_client {
	struct addr address;
	bool local; /* no connection: the sendmail command, or the MTA itself */
	struct str name; /* proven by the DNS; empty: none is */
};
struct filter_session;
struct filter_session *filter_session_new(
    struct filter *f, const struct filter_client *client);
void filter_session_free(struct filter_session **s);

void filter_helo(struct filter_session *s, struct str name);
struct filter_envelope {
	struct str sender;   /* without <>; empty: the null one */
	struct str login;    /* who logged in at the MTA; empty: nobody */
	struct str queue_id; /* may be empty until the end */
};
/* Begins a message. What came before is forgotten. The answer is NULL, or a
 * refusal for now or for good; the message has then ended. */
const struct reason *filter_mail(
    struct filter_session *s, const struct filter_envelope *e);
/* The same for one recipient, who is then none of the message's. */
const struct reason *filter_rcpt(struct filter_session *s, struct str address);
/* The MTA has refused a recipient for good: that is held against the client, as
 * client.block_after has it. */
void filter_rcpt_refused(struct filter_session *s);
/* As in mailauth/field.h; copied. */
void filter_field(struct filter_session *s, struct str name, struct str value);
/* After the last field. */
void filter_header_end(struct filter_session *s);
void filter_body(struct filter_session *s, struct str chunk);

/* What greylisting says of the sender to one recipient. */
enum stranger_result {
	STRANGER_UNASKED, /* the message was refused before */
	STRANGER_OFF,     /* so are the recipient's settings */
	STRANGER_ALLOWED,
	STRANGER_WHITE, /* a list in the DNS vouches for the client */
	STRANGER_CORRESPONDENT,
	STRANGER_DOMAIN, /* a domain that sent before with SPF or DKIM pass */
	STRANGER_KNOWN,  /* a place; and as enum greylist_answer has it: */
	STRANGER_RETURNED,
	STRANGER_NEW,
	STRANGER_EARLY,
};
struct stranger {
	enum stranger_result result;
	struct str by; /* entry, address, domain or place; may be empty */
	unsigned wait; /* seconds until it pays to come again; 0: welcome */
};

struct filter_outcome {
	enum filter_action action;
	const struct reason *refusal; /* of tempfail and reject */
	struct edits edits;           /* of the others */
	/* For people who want to know: all that was found. */
	struct facts facts;
	/* By recipient. Those whose fate is to be in quarantine are not to get
	 * it by the MTA. */
	const struct decision *decisions;
	const enum filter_action *fates;
	const struct str *recipients;
	const struct list_match *const *listed; /* NULL: no list knows it */
	const struct stranger *strangers;       /* of mail from outside */
	size_t n;
};
/* Good until the next message. Logs one line. */
void filter_end(
    struct filter_session *s, struct str queue_id, struct filter_outcome *out);
/* The message will not come to its end. */
void filter_abort(struct filter_session *s);

#endif
