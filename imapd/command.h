/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_COMMAND_H
#define IMAPD_COMMAND_H

#include "imapd/fetch_items.h"
#include "imapd/parse.h"
#include "imapd/session.h"

struct place;

/*
 * From a framed command to its tagged reply. A command is a row of the table
 * in command.c: name, the states it is legal in, what is to be done around
 * it, the shape of its arguments, and the function that does it. That
 * function begins with what it is about; its untagged responses go to
 * conn_out(), and what it returns becomes the tagged one.
 */

enum reply {
	REPLY_OK,
	REPLY_NO,
	REPLY_BAD,
	REPLY_MORE,  /* the output is full: cmd->step goes on when it drained */
	REPLY_WAIT,  /* for the client's next line: cmd->line */
	REPLY_TLS,   /* OK, then TLS */
	REPLY_CLOSE, /* OK, then close */
	REPLY_ABORT, /* close without another word */
};

struct command {
	const char *name;
	unsigned states;
	unsigned flags;
	/* Words of: mbox, astring, set, rest; taken into cmd->arg. `rest`
	 * leaves what follows, with its space, to the function. */
	const char *sig;
	enum reply (*run)(struct session *s, struct cmd *c);
};

enum {
	F_SYNC = 1,    /* before the reply, tell what changed in the mailbox */
	F_SEQ = 2,     /* ... but no EXPUNGE (RFC 3501, section 7.4.1) */
	F_WRITE = 4,   /* not in a mailbox opened with EXAMINE */
	F_NUMBERS = 8, /* by sequence number: not in UIDONLY mode (RFC 9586) */
	/* Of too large a set (RFC 9738): do the last messages, or nothing.
	 * FETCH sees to it itself, since PARTIAL comes first. */
	F_LIMITED = 16,
	F_ATOMIC = 32,
};

#define CMD_ARGS 2

/* A command being executed; it lives in the session's arena. */
struct cmd {
	const struct command *row;
	struct str tag;
	bool uid;       /* "UID " came in front */
	struct parse p; /* behind the arguments named by the signature */
	struct str arg[CMD_ARGS];
	struct uids set;  /* the message set, with "*" resolved */
	struct str asked; /* the same as sent; empty: "$" */
	/* For the tagged reply; text NULL: "NAME completed". */
	struct str code; /* without brackets */
	const char *text;
	struct told told;   /* for the sync before the reply */
	bool quiet;         /* the mailbox was left: no sync */
	struct str limited; /* code of an OK that did not do all of the set */
	int64_t progress;   /* when it was last told; 0: not begun */
	bool modseq;        /* OK tells HIGHESTMODSEQ (RFC 7162, 3.2.7) */
	/* REPLY_MORE and REPLY_WAIT. */
	enum reply (*step)(struct session *s, struct cmd *c);
	enum reply (*line)(struct session *s, struct cmd *c, struct str line);
	/* A wake-up while it waits; NULL: none. True: the output is full; it
	 * is called again when that drained. */
	bool (*wake)(struct session *s, struct cmd *c);
	/* Also called when the connection is lost in between. */
	void (*fini)(struct session *s, struct cmd *c);
	void *data;
};

/* The framed command in s->frame. */
enum reply command_start(struct session *s);
/* RFC 9738: of more messages than a command may do, c->set keeps the last. */
void command_limit(struct session *s, struct cmd *c);
/* Write the reply and get ready for the next command. */
enum net_next command_finish(struct session *s, enum reply r);
/* Free what a command holds; for the end of a session. */
void command_drop(struct session *s);

/* For cursors, at every step: tells the client now and then that DONE of GOAL
 * are done (INPROGRESS, RFC 9585). */
void command_progress(
    struct session *s, struct cmd *c, uint64_t done, uint64_t goal);

/* Table look-up, for the test and the fuzzer. */
const struct command *command_find(struct str name);
const struct command *command_rows(size_t *n);

/* Set code (NULL: none) and text, and return REPLY_NO. */
enum reply no(struct cmd *c, const char *code, const char *text);
enum reply bad(struct cmd *c, const char *text);
enum reply uid_required(struct cmd *c); /* BAD [UIDREQUIRED] */
/* What the client is told of a failure of the store; logs it if an operator
 * should know. */
enum reply store_failed(
    struct session *s, struct cmd *c, enum store_rc rc, const struct err *e);

/* Arguments to their end, or BAD. */
#define EXPECT(c, ok)                                                          \
	do {                                                                   \
		if (!(ok))                                                     \
			return bad((c), (c)->p.error);                         \
	} while (0)

/* Names to bits of the account A; makes keywords that are new. False: *r is
 * the reply. */
bool command_flags(struct session *s, struct cmd *c, struct account *a,
    const struct str *names, size_t n, struct flags *out, enum reply *r);

/* cmd_session.c */
enum reply cmd_capability(struct session *s, struct cmd *c);
enum reply cmd_noop(struct session *s, struct cmd *c);
enum reply cmd_logout(struct session *s, struct cmd *c);
enum reply cmd_starttls(struct session *s, struct cmd *c);
enum reply cmd_compress(struct session *s, struct cmd *c);
enum reply cmd_enable(struct session *s, struct cmd *c);
enum reply cmd_namespace(struct session *s, struct cmd *c);
void put_namespace(struct session *s);
void put_capabilities(const struct session *s, struct buf *out);
void enable_condstore(struct session *s);

/* cmd_i18n.c */
enum reply cmd_comparator(struct session *s, struct cmd *c);
enum reply cmd_language(struct session *s, struct cmd *c);

/* cmd_id.c */
enum reply cmd_id(struct session *s, struct cmd *c);

/* cmd_login.c */
enum reply cmd_login(struct session *s, struct cmd *c);
enum reply cmd_authenticate(struct session *s, struct cmd *c);

/* cmd_unauthenticate.c */
enum reply cmd_unauthenticate(struct session *s, struct cmd *c);
bool unauthenticate_allowed(const struct session *s);

/* cmd_mailbox.c */
enum reply cmd_create(struct session *s, struct cmd *c);
enum reply cmd_delete(struct session *s, struct cmd *c);
enum reply cmd_rename(struct session *s, struct cmd *c);
enum reply cmd_subscribe(struct session *s, struct cmd *c);
enum reply cmd_unsubscribe(struct session *s, struct cmd *c);
enum reply cmd_status(struct session *s, struct cmd *c);

/* status.c: items of STATUS, and of LIST's RETURN (STATUS ...) */
/* Items that enable CONDSTORE when a client asks for them do so. */
void status_enable(struct session *s, unsigned items);
bool status_parse(struct parse *p, unsigned *items);
enum store_rc status_put(
    struct session *s, const struct place *p, unsigned items, struct err *e);
extern const char *const role_names[]; /* by enum mailbox_role; or NULL */
/* A role that mailboxes can be given, or ROLE_NONE. */
enum mailbox_role role_named(struct str name);

/* cmd_list.c */
enum reply cmd_list(struct session *s, struct cmd *c);
enum reply cmd_lsub(struct session *s, struct cmd *c);

/* cmd_select.c */
enum reply cmd_select(struct session *s, struct cmd *c);
enum reply cmd_examine(struct session *s, struct cmd *c);
enum reply cmd_close(struct session *s, struct cmd *c);
enum reply cmd_unselect(struct session *s, struct cmd *c);

/* cmd_message.c */
enum reply cmd_copy(struct session *s, struct cmd *c);
enum reply cmd_move(struct session *s, struct cmd *c);
enum reply cmd_expunge(struct session *s, struct cmd *c);
enum reply cmd_uid_expunge(struct session *s, struct cmd *c);

/* cmd_acl.c */
enum reply cmd_setacl(struct session *s, struct cmd *c);
enum reply cmd_deleteacl(struct session *s, struct cmd *c);
enum reply cmd_getacl(struct session *s, struct cmd *c);
enum reply cmd_listrights(struct session *s, struct cmd *c);
enum reply cmd_myrights(struct session *s, struct cmd *c);

/* cmd_quota.c */
enum reply cmd_getquota(struct session *s, struct cmd *c);
enum reply cmd_getquotaroot(struct session *s, struct cmd *c);
enum reply cmd_setquota(struct session *s, struct cmd *c);

/* cmd_metadata.c */
enum reply cmd_getmetadata(struct session *s, struct cmd *c);
enum reply cmd_setmetadata(struct session *s, struct cmd *c);

enum reply cmd_append(struct session *s, struct cmd *c);
enum reply cmd_replace(struct session *s, struct cmd *c);
enum reply cmd_fetch(struct session *s, struct cmd *c);
/*
 * FETCH of UIDS that nobody asked for: call step() until it returns other than
 * REPLY_MORE, then fini(). In the session's arena; NULL if it cannot be.
 */
struct cmd *fetch_unsolicited(
    struct session *s, const struct fetch_items *items, struct uids uids);
enum reply cmd_store(struct session *s, struct cmd *c);
enum reply cmd_search(struct session *s, struct cmd *c);
/* context.c */
enum reply cmd_cancelupdate(struct session *s, struct cmd *c);
enum reply cmd_esearch(struct session *s, struct cmd *c);
enum reply cmd_sort(struct session *s, struct cmd *c);
enum reply cmd_thread(struct session *s, struct cmd *c);
enum reply cmd_idle(struct session *s, struct cmd *c);

enum reply cmd_uidbatches(struct session *s, struct cmd *c);

/* cmd_urlauth.c */
enum reply cmd_genurlauth(struct session *s, struct cmd *c);
enum reply cmd_resetkey(struct session *s, struct cmd *c);
enum reply cmd_urlfetch(struct session *s, struct cmd *c);

/* notify.c */
enum reply cmd_notify(struct session *s, struct cmd *c);

#endif
