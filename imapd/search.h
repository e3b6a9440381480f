/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_SEARCH_H
#define IMAPD_SEARCH_H

#include "imapd/command.h"
#include "imapd/search_key.h"
#include "store/keys.h"

/*
 * A search of a mailbox: what its keys mean (search.c, search_index.c,
 * search_read.c), and how a whole mailbox is gone through (search_run.c).
 *
 * It goes in three grades. What the view knows is asked first, of every
 * message. Where that leaves doubts, the index and the keys in memory are
 * asked; and what they cannot settle is read, message by message.
 */

/* The messages that are searched. */
struct search_scope {
	struct account *account;
	/* Numbers are those of `view`; flags and what is gone those of
	 * `latest`, which may be the same. */
	struct view *view, *latest;
	const struct session *s;
	bool selected; /* it is the mailbox that S has selected */
};

/* The mailbox selected. */
struct search_scope search_selected(struct session *s);
/* As sel_row(). */
const struct view_row *scope_row(
    const struct search_scope *sc, uint32_t seq, bool *gone);

enum search_rc {
	SEARCH_READY,
	SEARCH_BAD_SET, /* a message set in it is malformed */
	SEARCH_FAILED,  /* *rc of the store */
};

/* Resolve sets, keywords, ids and needles; order keys by what they cost. */
enum search_rc search_prepare(const struct search_scope *sc, struct arena *a,
    struct search_program *prog, enum store_rc *rc, struct err *e);
/* The same, and the reply if it fails. */
bool search_ready(struct session *s, struct cmd *c,
    const struct search_scope *sc, struct search_program *prog,
    enum reply *reply);

/* Do we know the charset, and may the client name it? Else *R is the reply. */
bool search_charset(struct session *s, struct cmd *c,
    const struct search_program *prog, enum reply *r);

enum verdict { VERDICT_NO, VERDICT_YES, VERDICT_MAYBE };

struct search_run {
	struct search_scope sc;
	struct search_program *prog;
	struct arena *arena;
	/* Messages still to be decided or found; ascending, until SORT puts
	 * what was found in order. */
	uint32_t *seqs;
	uint8_t *verdicts; /* enum verdict */
	size_t n, at;
	uint8_t *scores; /* of what was found, if the program asks for them */
	enum { RUN_CHEAP, RUN_NARROW, RUN_READ, RUN_SCORE, RUN_DONE } grade;
	struct keys *keys; /* or NULL */
	size_t hint;       /* in keys */
	bool failed;       /* some messages could not be read */
	bool gone;         /* some were expunged, and so not looked at */
};

/* All messages, or the N numbers of SEQS (ascending) if that is not NULL. */
void search_run_init(struct search_run *run, const struct search_scope *sc,
    struct search_program *prog, struct arena *a, const uint32_t *seqs,
    size_t n);
/* Go on for a while; at RUN_DONE seqs are the messages found. Between steps
 * nothing is held but memory: the place to tell how far it is. */
enum store_rc search_run_step(struct search_run *run, struct err *e);
void search_run_fini(struct search_run *run);
/* The numbers found, or their UIDs. */
uint32_t *search_numbers(const struct search_run *run, bool uid);
/* The highest modseq of what RET returns (RFC 7162, section 3.1.5). */
uint64_t search_modseq(
    const struct search_run *run, const struct search_return *ret);
/* RETURN (SAVE), RFC 5182: "$" becomes what was found of what RET returns, or
 * nothing if that FAILED. */
void search_save(struct session *s, const struct search_run *run,
    const struct search_return *ret, bool failed);
/* A search that should have saved something was refused with NO. */
void search_unsave(struct session *s, const struct search_return *ret);

/* By the view and, once there, index and keys. */
enum verdict search_cheap(struct search_run *run, const struct search_key *k,
    uint32_t seq, const struct view_row *row);
/* Ask the index about every needle it knows. */
enum store_rc search_narrow(
    const struct search_run *run, struct search_key *k, struct err *e);
/* By reading the message, if it must be. */
enum store_rc search_full(struct search_run *run, const struct search_key *k,
    uint32_t seq, const struct view_row *row, struct reader *r, bool *yes,
    struct err *e);
/* How well a message that was found matches, from 1 to 100. */
enum store_rc search_score(struct search_run *run, uint32_t seq,
    const struct view_row *row, struct reader *r, uint8_t *score,
    struct err *e);
/* A needle as FOLD has it. */
struct str search_folded(struct arena *a,
    void (*fold)(struct buf *out, struct str utf8), struct str utf8);
/* Of the key: the memory of keys knows it. */
bool search_is_subject(const struct search_key *k);
/* OP between a value and what is asked for. */
bool search_compare(enum search_op op, int64_t value, int64_t with);
int64_t search_day(int64_t epoch);

#endif
