/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_THREAD_H
#define IMAPD_THREAD_H

#include "imapd/parse.h"
#include "imapd/search.h"

/*
 * THREAD (RFC 5256, section 3), and REFS of draft-ietf-morg-inthread. The
 * References of all messages are in memory as numbers (store/keys.h), so
 * nothing is read.
 *
 *	thread.c          forests: who answers whom, and in which order
 *	thread_refs.c     parents by References
 *	thread_subject.c  parents by base subject
 */

enum thread_algorithm {
	THREAD_ORDEREDSUBJECT,
	THREAD_REFERENCES,
	THREAD_REFS, /* no subjects; the thread with the newest message last */
};

bool thread_parse(struct parse *p, enum thread_algorithm *out);
/* Texts of keys that it needs, as bits. */
unsigned thread_texts(enum thread_algorithm how);

#define NO_NODE UINT32_MAX

/* A message, or a dummy for one that is known by its id only. */
struct thread_node {
	uint32_t seq; /* 0: dummy */
	uint32_t parent;
	uint32_t child, last;        /* of its children, in order */
	uint32_t next;               /* sibling */
	const struct email_key *key; /* NULL of dummies and damaged messages */
	int64_t date;
};

struct forest {
	struct thread_node *v; /* messages first, in the order of SEQS */
	size_t n, cap;
	size_t messages;
	uint32_t *order;      /* messages by date, then number */
	uint32_t first, last; /* roots */
};

/* Thread N messages with ascending numbers; in memory until forest_fini(). */
void thread_build(struct forest *f, enum thread_algorithm how,
    const struct search_scope *sc, const struct keys *keys,
    const uint32_t *seqs, size_t n);
void forest_fini(struct forest *f);

/* "(2)(3 6 (4 23)(44 7 96))", as UIDs if V is not NULL. */
void forest_put(struct buf *out, const struct forest *f, const struct view *v);

/* ------------------------------------------------------------------------
 * For thread_*.c
 */

uint32_t forest_dummy(struct forest *f);
/* Make lists of children and roots from the parents, all by date. Dummies
 * below others, or with fewer than two children, vanish. */
void forest_link(struct forest *f);
/* The message that stands for it: itself, or the first child of a dummy. */
uint32_t forest_face(const struct forest *f, uint32_t node);

/* Set parents by References (steps 1 to 3 of REFERENCES). */
void thread_by_references(struct forest *f);
/* Join roots of the same subject (step 5); the forest is linked. */
void thread_join_subjects(struct forest *f);
/* ORDEREDSUBJECT. */
void thread_by_subject(struct forest *f);

#endif
