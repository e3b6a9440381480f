/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_INTERNAL_H
#define FILTER_INTERNAL_H

#include "base/spool.h"
#include "dns/resolver.h"
#include "filter/blocked.h"
#include "filter/filter.h"
#include "filter/greylist.h"
#include "filter/limit_hook.h"
#include "filter/limits.h"
#include "filter/policy.h"
#include "filter/score.h"
#include "filter/signing.h"
#include "mailauth/authres.h"

/* How a message goes through the filter: inside of lib/filter. */

struct filter {
	struct filter_options o;
	struct signing *signing;
	struct antivirus *antivirus;
	struct turns turns;        /* at the spam engine */
	struct greylist *greylist; /* NULL: nobody is a stranger */
	struct lists *lists;
	struct blocked *blocked;
	struct limits *limits;   /* NULL: there are none */
	struct limit_hook *hook; /* the same */
};

struct recipient {
	struct str address;
	struct str account; /* the own address of his account, or ADDRESS */
	struct site_scope scope; /* whose settings apply */
	struct policy policy;
	const struct list_match *listed; /* NULL: no list says anything */
	struct stranger stranger;
};

/* One message. All of it lives in the arena. */
struct message {
	struct arena *arena;
	struct filter_envelope envelope;
	struct site_scope sender_scope; /* of who logged in */
	struct str sender_account;      /* his own address */
	struct recipient *recipients;
	size_t nrecipients, recipients_cap;
	struct field *fields;
	size_t nfields, fields_cap;
	size_t header_size;
	struct fields header; /* once it is complete */
	uint64_t size;        /* of the body */
	struct spool spool;
	bool spooled;
	size_t body_at; /* in the raw message */
	struct str raw; /* once it is complete */

	struct dns_budget *budget;
	struct resolver *resolver; /* the budget's */
	struct spf_query spf_query;
	struct spf_verdict spf;
	struct verifier *verifier;
	struct arc_verifier *arc_verifier;
	struct arc_verdict arc;
	struct dmarc_verdict dmarc;
	struct str author;
	struct facts facts;
	bool junk; /* for all who get it */

	struct scan *scan;
	struct virus_facts virus;
	struct attachment *attachments;
	struct spam_facts spam;

	const struct signing_keys *signing;
	struct signer **signers; /* one for each key */
	size_t nsigners;
	struct arc_seal seal;
	struct arc_sealer *sealer;
};

struct filter_session {
	struct filter *f;
	struct arena *arena; /* of the connection */
	struct filter_client client;
	struct conn_peer peer; /* the same as text */
	struct site_rules rules;
	struct str authserv_id;
	bool trusted; /* the client is one of our own hosts */
	struct client_facts facts;
	bool named; /* its name was looked for */
	struct dnsbl_set *dnsbl;
	bool too_many; /* connections: */
	struct limit_over over;
	struct str helo;
	struct spf_query helo_query;
	struct spf_verdict helo_spf;
	bool helo_checked;
	struct message m;
};

/* session.c */
bool message_same_scope(const struct site_scope *a, const struct site_scope *b);
/* What the facts mean for this one. */
void message_decide(
    struct filter_session *s, const struct recipient *r, struct decision *out);
/* "mailstead filter check" may name no recipient: then the site's settings
 * count. */
void message_add_anybody(struct filter_session *s);

/* client.c: where does it come from? */
void client_connect(struct filter_session *s);
/* By too many failed logins. The facts of the client are known from now on. */
bool client_is_blocked(struct filter_session *s);
/* After auth_envelope(). */
void client_mail(struct filter_session *s);
/* What the lists of SCOPE say of client and sender; NULL: nothing. */
const struct list_match *client_listed(
    struct filter_session *s, struct site_scope scope);
/* Who is no stranger to greylisting in SCOPE, whatever it remembers; NULL. */
const struct list_match *client_known(
    struct filter_session *s, struct site_scope scope);
/* Get better words for a refusal; true: decide again. */
bool client_explain(struct filter_session *s, const struct decision *d);

/* limit_check.c: has somebody sent too much? */
void limits_connect(struct filter_session *s);
/* False: the facts have why. */
bool limits_mail(struct filter_session *s);
/* NULL: there is room for one more. */
const struct limit_facts *limits_rcpt(struct filter_session *s);
/* The client was refused for good. */
void limits_refused(struct filter_session *s);

/* auth.c: who sent it? In the order of the message. */
void auth_envelope(struct filter_session *s);
void auth_header(struct filter_session *s);
void auth_body(struct filter_session *s, struct str chunk);
void auth_end(struct filter_session *s);
void auth_fini(struct message *m);

/* body.c: the message as a whole. */
void body_begin(struct message *m);
void body_add(struct message *m, struct str chunk);
void body_end(struct message *m);
/* The files in it. */
void body_attachments(struct filter_session *s);
void body_fini(struct message *m);

/* virus.c: what the virus scanner says. In the order of the message. */
void virus_begin(struct filter_session *s);
void virus_body(struct message *m, struct str chunk);
void virus_end(struct filter_session *s);
void virus_fini(struct message *m);

/* score.c: what the spam engine says. */
void score_end(struct filter_session *s);

/* apart.c: False: it cannot be put into quarantine. */
bool apart_keep(struct filter_session *s, const struct filter_outcome *out);

/* strangers.c: who may send without waiting, and whom that makes known. */
void strangers_at_rcpt(struct filter_session *s, struct recipient *r);
void strangers_at_end(struct filter_session *s);
/* It is taken. */
void strangers_note(struct filter_session *s);

/* compare.c: what other libraries say. */
void compare(struct filter_session *s, const struct dmarc_query *q);

/* dmarc_seen.c: what is told to the domain of the author. At the end. */
void dmarc_seen(struct filter_session *s, const struct decision *d,
    enum filter_action action);

/* failure_seen.c: what is told to it at once. At the end. */
/* The Auth-Failure (RFC 6591) of what the record's fo= asks for; NULL: there is
 * no such failure. S: the message's signature, a broken one first; or NULL. */
const char *failure_type(const struct dmarc_verdict *v, enum spf_result spf,
    const struct signature *s);
void failure_seen(struct filter_session *s, const struct decision *d,
    enum filter_action action);

/* arrivals.c: reports that others send us, and ours that come back. At the
 * end. */
void arrivals_read(struct filter_session *s, enum filter_action action);

/* sign.c: our signatures of outgoing mail. In the order of the message. */
void sign_header(struct filter_session *s);
void sign_body(struct filter_session *s, struct str chunk);
void sign_end(struct filter_session *s, struct edits *e);
void sign_fini(struct message *m);

/* seal.c: our seal of mail from outside. In the order of the message. */
void seal_header(struct filter_session *s);
void seal_body(struct filter_session *s, struct str chunk);
void seal_end(struct filter_session *s, struct edits *e);
void seal_fini(struct message *m);

/* fields.c: what the header of the message says of all that. */
void fields_remove_forged(struct filter_session *s, struct edits *e);
void fields_add(struct filter_session *s, const struct decision *d,
    enum filter_action action, struct edits *e);
/* The value of our Authentication-Results. */
void fields_results(struct filter_session *s, struct buf *out);

#endif
