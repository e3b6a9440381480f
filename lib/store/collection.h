/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_COLLECTION_H
#define STORE_COLLECTION_H

#include "store/store.h"

/*
 * Collections and their items: calendars, task lists, address books, notes.
 * The store keeps an item's bytes as the client wrote them and the index rows
 * its caller extracted; it knows nothing of iCalendar or vCard. Changes take
 * numbers of the account's one modseq line, so a collection's modseq serves
 * as a sync token (RFC 6578) or sync key.
 */

enum collection_kind {      /* kept in the database by number */
	COLLECTION_ANY = 0, /* only to ask */
	COLLECTION_CALENDAR = 1,
	COLLECTION_TASKS = 2,
	COLLECTION_ADDRESSBOOK = 3,
	COLLECTION_NOTES = 4,
};

struct collection {
	int64_t id;
	enum collection_kind kind;
	struct str name;    /* last segment of its address; 1 to 255 octets */
	struct str display; /* name for people */
	struct str properties; /* a JSON object of the caller's */
	uint64_t modseq;       /* of the last change to it or an item */
	uint64_t items, size;
};

enum store_rc collection_create(struct account *a, enum collection_kind kind,
    struct str name, struct str display, struct str properties, int64_t *id,
    struct err *e);
enum store_rc collection_list(struct account *a, struct arena *arena,
    enum collection_kind kind, struct collection **list, size_t *count,
    struct err *e);
enum store_rc collection_find(struct account *a, struct arena *arena,
    enum collection_kind kind, struct str name, struct collection *out,
    struct err *e);
enum store_rc collection_set(struct account *a, int64_t id, struct str display,
    struct str properties, struct err *e);
/* With all its items. */
enum store_rc collection_delete(struct account *a, int64_t id, struct err *e);

struct resource {
	int64_t id;
	struct str name; /* last segment of its address */
	struct str uid, type, etag;
	uint64_t modseq, size;
	int64_t created, changed; /* seconds since 1970 UTC */
};

/* An occurrence: [lo, hi) in seconds UTC, and its RECURRENCE-ID or "". */
struct resource_instance {
	int64_t lo, hi;
	struct str recurrence;
};
/* Something to find it by: ("EMAIL", "a@example.test"), folded. */
struct resource_value {
	struct str property, value;
};

struct resource_put {
	struct str name, uid, type, raw;
	/*
	 * Only if the item has this etag now (If-Match); ETAG_NONE: only if
	 * there is none (If-None-Match: *); empty: in any case.
	 */
	struct str if_etag;
	const struct resource_instance *instances;
	size_t ninstances;
	const struct resource_value *values;
	size_t nvalues;
};
#define ETAG_NONE STR("*none*")

/*
 * STORE_EXISTS: the condition failed, or another item of the collection has
 * the UID. OUT (in ARENA) is the item as stored; CREATED may be NULL.
 */
enum store_rc resource_put(struct account *a, struct arena *arena,
    int64_t collection, const struct resource_put *put, struct resource *out,
    bool *created, struct err *e);
/* RAW may be NULL. */
enum store_rc resource_get(struct account *a, struct arena *arena,
    int64_t collection, struct str name, struct resource *out, struct buf *raw,
    struct err *e);
/* The condition as in resource_put. */
enum store_rc resource_delete(struct account *a, int64_t collection,
    struct str name, struct str if_etag, struct err *e);

/* All items, by name. */
enum store_rc resource_list(struct account *a, struct arena *arena,
    int64_t collection, struct resource **list, size_t *count, struct err *e);
/* Items with an occurrence that overlaps [lo, hi). */
enum store_rc resource_in_range(struct account *a, struct arena *arena,
    int64_t collection, int64_t lo, int64_t hi, struct resource **list,
    size_t *count, struct err *e);
/* Items with exactly this indexed value. */
enum store_rc resource_with_value(struct account *a, struct arena *arena,
    int64_t collection, struct str property, struct str value,
    struct resource **list, size_t *count, struct err *e);

/* The different values of a property, in order; up to LIMIT. */
enum store_rc resource_values(struct account *a, struct arena *arena,
    int64_t collection, struct str property, size_t limit, struct str **list,
    size_t *count, struct err *e);

struct collection_changes {
	struct resource *changed; /* made or changed, and still there */
	size_t nchanged;
	struct str *gone; /* names that went and did not come back */
	size_t ngone;
	uint64_t modseq; /* the state this brings the caller to */
	bool complete;   /* false: SINCE is too old, list everything */
};
enum store_rc collection_changes(struct account *a, struct arena *arena,
    int64_t collection, uint64_t since, struct collection_changes *out,
    struct err *e);

/* ------------------------------------------------------------------------
 * Shares: what others may do with a mailbox or collection (RFC 4314)
 */

struct share {
	struct str identifier; /* account id or "anyone"; "-" before: denied */
	struct str rights;     /* letters of RFC 4314 */
};
/* Empty RIGHTS end the share. */
enum store_rc share_set(struct account *a, int64_t object,
    struct str identifier, struct str rights, struct err *e);
enum store_rc share_list(struct account *a, struct arena *arena, int64_t object,
    struct share **list, size_t *count, struct err *e);

/* ------------------------------------------------------------------------
 * Documents: named values that need no index of their own (identities, keys,
 * device sync states)
 */

struct document {
	struct str name;
	uint64_t modseq;
	int64_t changed;
	uint64_t size;
};
enum store_rc document_put(struct account *a, struct str kind, struct str name,
    struct str value, struct err *e);
enum store_rc document_get(struct account *a, struct str kind, struct str name,
    struct buf *value, struct err *e);
enum store_rc document_delete(
    struct account *a, struct str kind, struct str name, struct err *e);
enum store_rc document_list(struct account *a, struct arena *arena,
    struct str kind, struct document **list, size_t *count, struct err *e);

#endif
