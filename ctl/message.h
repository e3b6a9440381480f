/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CTL_MESSAGE_H
#define CTL_MESSAGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "store/store.h"

/*
 * Messages outside the store: Maildir and mbox keep flags in file names and
 * header fields, lines end in LF. Pure functions; no file is touched.
 */

/* A message on its way in or out, with flags by their names. */
struct mail {
	struct str raw; /* as the store wants it: CRLF lines */
	uint64_t bits;  /* FLAG_SEEN ... */
	struct str *keywords;
	size_t nkeywords;
	int64_t received; /* 0: not known */
	struct str uidl;  /* POP3 unique-id of a server before; or empty */
};

/* Names of all flags, system ones as in IMAP ("\Seen"). */
size_t flag_names(struct arena *a, const struct flags *f,
    const struct str *keywords, uint32_t count, struct str **names);

/*
 * Lines. Every bare LF becomes CRLF; with FAITHFUL, a text whose first line
 * ends in CRLF is taken to be in the store's form already. The other way, a
 * message that would not come back the same stays in its CRLF form.
 */
void lines_to_crlf(struct str in, bool faithful, struct buf *out);
void lines_to_lf(struct str in, struct buf *out);

/* ------------------------------------------------------------------------
 * Maildir: "UNIQUE,S=size:2,FLAGS". Letters a to z are the keywords 0 to 25
 * of the file dovecot-keywords ("0 $Forwarded").
 */

#define MAILDIR_KEYWORDS 26

struct maildir_name {
	struct str unique; /* before the flags; the same as long as it lives */
	uint64_t bits;
	uint32_t letters; /* bit i: keyword letter 'a' + i */
};
void maildir_parse(struct str file, struct maildir_name *out);
/* Append ":2," and the letters. */
void maildir_put_flags(struct buf *out, uint64_t bits, uint32_t letters);
/* The lines of dovecot-keywords; NAMES has MAILDIR_KEYWORDS entries. */
void maildir_parse_keywords(struct str text, struct str *names);

/*
 * Maildir++ folders: ".Archive.2024" is Archive/2024, names in modified
 * UTF-7. False for what is no such name.
 */
bool maildir_folder_path(struct arena *a, struct str folder, struct str *path);
struct str maildir_path_folder(struct arena *a, struct str path);

/* ------------------------------------------------------------------------
 * mbox, in the mboxrd form: "From " lines between messages, and any number of
 * '>' before "From " gets one more.
 */

/* Does a line separate messages? Its date goes to *received if readable. */
bool mbox_is_from(struct str line, int64_t *received);
/*
 * One message without its From line, as it stands in the file, to M: quoting
 * undone, flags taken from Status, X-Status and X-Keywords, and the unique-id
 * from X-UIDL, which are left out with X-UID and X-IMAP*.
 */
void mbox_parse(
    struct arena *a, struct str text, struct mail *m, struct buf *raw);
/* Append M with its From line and the empty line after it. */
void mbox_write(struct buf *out, const struct mail *m);

#endif
