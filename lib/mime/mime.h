/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MIME_MIME_H
#define MIME_MIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/*
 * The structure of a message (RFC 5322, RFC 2045 to 2049): a tree of parts
 * with exact octet offsets, made by one linear scan, and what IMAP says about
 * it. Pure: bytes in, structs out. Slices point into the message or the
 * arena; both must outlive the tree.
 *
 * A line ends at LF; a CR before it belongs to the line end, any other CR is
 * an ordinary octet. No input is refused: what is broken is read the way mail
 * programs usually do, and what exceeds a limit becomes content of the part it
 * stands in.
 */

enum mime_cte {
	MIME_7BIT,
	MIME_8BIT,
	MIME_BINARY,
	MIME_QP,
	MIME_BASE64,
	MIME_CTE_UNKNOWN, /* BINARY answers UNKNOWN-CTE */
};

/* A parameter as written: unquoted, but RFC 2231 and 2047 not decoded. */
struct mime_param {
	struct str name, value;
};
struct mime_params {
	const struct mime_param *v;
	size_t n;
};

struct mime_part {
	struct mime_part *parent, *next, *child; /* child: the first */
	/*
	 * Offsets in the message: [header, body) is the header block with the
	 * empty line that ends it, [body, end) the content. The line end
	 * before a boundary delimiter belongs to the delimiter.
	 */
	size_t header, body, end;
	uint32_t header_lines, lines; /* LFs in the header block, the body */
	/* As written; "text" "plain" when missing or unreadable. */
	struct str type, subtype;
	struct mime_params params;
	bool type_missing; /* no usable Content-Type: the default applies */
	enum mime_cte cte;
	struct str encoding; /* Content-Transfer-Encoding, empty if missing */
	struct str id, description, md5, location; /* unfolded, trimmed */
	struct str disposition;                    /* empty if missing */
	struct mime_params disposition_params;
	const struct str *languages;
	size_t nlanguages;
	bool multipart;  /* children are its body parts (at least one) */
	bool message;    /* the one child is the message contained */
	bool is_message; /* this IS a message: the root, or a message's child */
};

struct mime_message {
	struct str raw;
	struct mime_part *root;
	size_t nparts;
	bool truncated; /* a limit was met: see mime_limits */
};

struct mime_limits {
	unsigned depth;  /* deeper parts are leaves; 0: 64 */
	unsigned parts;  /* 0: 10000 */
	unsigned params; /* per header field; 0: 256 */
	size_t field;    /* longest structured field looked into; 0: 64 KiB */
};

/* LIMITS NULL: the defaults. Never NULL. */
struct mime_message *mime_parse(
    struct arena *a, struct str raw, const struct mime_limits *limits);

/* The slices of a part. */
struct str mime_part_header(
    const struct mime_message *m, const struct mime_part *p);
struct str mime_part_body(
    const struct mime_message *m, const struct mime_part *p);

/* Next part in document order, NULL at the end; start with m->root. */
const struct mime_part *mime_part_next(const struct mime_part *p);

bool mime_part_is(const struct mime_part *p, const char *type,
    const char *subtype /* NULL: any */);

/*
 * A parameter in UTF-8: RFC 2231 continuations and charsets, RFC 2047 words
 * (which mail programs write although they must not), raw 8-bit. Empty if it
 * is missing.
 */
struct str mime_param(
    struct arena *a, const struct mime_params *params, const char *name);
/* Content-Disposition's filename or Content-Type's name, in UTF-8. */
struct str mime_part_filename(struct arena *a, const struct mime_part *p);
/* A file for people: disposition attachment, or named and not shown inline. */
bool mime_part_is_attachment(const struct mime_part *p);

/* ------------------------------------------------------------------------
 * What IMAP sends (RFC 9051, section 7.5.2)
 */

/* ENVELOPE of the message, with its parentheses; may hold {n} literals. */
void mime_envelope(struct buf *out, const struct mime_message *m);
/* The same for the message that PART is (part->is_message). */
void mime_envelope_of(struct buf *out, const struct mime_message *m,
    const struct mime_part *part);
/* BODYSTRUCTURE with all extension data. */
void mime_bodystructure(struct buf *out, const struct mime_message *m);
/*
 * The non-extended BODY from what mime_bodystructure() wrote. False if that
 * is damaged; OUT is then unchanged.
 */
bool mime_body_of(struct buf *out, struct str bodystructure);

/* The structure of part PATH (N numbers; 0: the whole) in what
 * mime_bodystructure() wrote. False if there is none. */
bool mime_bodystructure_part(
    struct str bodystructure, const uint32_t *path, size_t n, struct str *out);
/* The same of a part that is no multipart, as if its content were DECODED, with
 * nothing left to undo (RFC 5524). */
bool mime_bodystructure_decoded(
    struct buf *out, struct str bodystructure, struct str decoded);

/* ------------------------------------------------------------------------
 * Layout: the part tree as a compact record, to answer FETCH BODY[...] and
 * BINARY[...] from the stored message without parsing it
 */

void mime_layout(struct buf *out, const struct mime_message *m);

struct mime_range {
	uint64_t at, n;
};

/* What a section's forms mean (RFC 9051, section 6.4.5). */
struct mime_span {
	struct mime_range body;   /* BODY[1.2], BODY[] */
	struct mime_range mime;   /* BODY[1.2.MIME]; empty for n == 0 */
	struct mime_range header; /* BODY[1.2.HEADER], BODY[HEADER] */
	struct mime_range text;   /* BODY[1.2.TEXT], BODY[TEXT] */
	bool message;             /* header and text are legal here */
	bool multipart;           /* BINARY of it has no decoded form */
	enum mime_cte cte;
	struct str charset; /* in LAYOUT; empty if not given */
};

/*
 * SECTION of N part numbers; N == 0 is the whole message. False if there is
 * no such part or the layout is damaged. For a section that is not a message
 * (message is false) header and text are empty.
 */
bool mime_layout_find(struct str layout, const uint32_t *section, size_t n,
    struct mime_span *out);

/* The header blocks of all parts, in order; how many. None if the layout is
 * damaged. */
size_t mime_layout_headers(
    struct arena *a, struct str layout, struct mime_range **out);

/* ------------------------------------------------------------------------
 * What the store keeps
 */

#define MIME_REFERENCES 32
#define MIME_PREVIEW 200 /* characters (RFC 8970) */

struct mime_digest {
	struct str envelope, bodystructure, layout;
	struct str preview; /* UTF-8, one line */
	struct str msgid;   /* without <>; empty if none */
	/*
	 * References, then In-Reply-To, each once, oldest first. Of more than
	 * MIME_REFERENCES the first and the newest ones stay.
	 */
	const struct str *references;
	size_t nreferences;
	struct str subject; /* base subject (RFC 5256), folded UTF-8 */
	bool is_reply;      /* the subject says so (Re:, Fwd: ...) */
	int64_t sent;       /* Date:, seconds since 1970 UTC; 0: none */
	uint64_t size;
	bool has_attachment;
	bool i18n; /* clients that know no UTF-8 headers need it downgraded: */
	uint64_t downgraded; /* then so many octets (downgrade.h) */
};

/* Parse once and fill OUT; everything in it lives in the arena. */
void mime_digest(struct arena *a, struct str raw, struct mime_digest *out);

struct mime_text_limits {
	size_t part;    /* octets of text from one part; 0: 4 MiB */
	size_t total;   /* of each of the two buffers; 0: 4 MiB */
	bool no_markup; /* of HTML only what people see */
};

/*
 * What a search looks at, as decoded UTF-8, not folded. HEADERS gets
 * "Name: value" lines of the message, of contained messages and of all parts;
 * BODY gets the text of text parts (HTML as its text, then its markup, so
 * that both what people see and what RFC 9051 calls the body is found) and
 * the names of attachments. LIMITS NULL: the defaults.
 */
void mime_search_text(struct buf *headers, struct buf *body,
    const struct mime_message *m, const struct mime_text_limits *limits);

#endif
