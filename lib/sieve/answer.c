/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/answer.h"

#include <string.h>

#include "base/codec.h"
#include "mime/compose.h"
#include "mime/decode.h"

/* The answer of `vacation`. */

#define SUBJECT_MAX 256 /* characters of the subject that is quoted */

struct str
sieve_header_of(struct sieve_run *r, struct sieve_message *m, const char *name)
{
	struct sieve_fields *f = sieve_message_fields(m);

	for (size_t i = 0; i < f->n; i++) {
		if (str_ieqc(f->v[i].name, name))
			return sieve_field_decoded(r->arena, &f->v[i]);
	}
	return STR("");
}

/* ------------------------------------------------------------------------
 * Whom not to answer
 */

static bool
has_header(struct sieve_message *m, const char *name)
{
	struct sieve_fields *f = sieve_message_fields(m);

	for (size_t i = 0; i < f->n; i++) {
		if (str_ieqc(f->v[i].name, name))
			return true;
	}
	return false;
}

static bool
from_a_list(struct sieve_message *m)
{
	static const char *const names[] = { "List-Id", "List-Owner",
		"List-Subscribe", "List-Post", "List-Unsubscribe", "List-Help",
		"List-Archive" };

	for (size_t i = 0; i < LEN(names); i++) {
		if (has_header(m, names[i]))
			return true;
	}
	return false;
}

/* The first word of a value that may go on with parameters. */
static struct str
first_word(struct str value)
{
	size_t n = 0;

	while (n < value.n && str_chr(STR(" \t;,("), value.p[n]) == STR_NPOS)
		n++;
	return str_sub(value, 0, n);
}

static bool
is_bulk(struct sieve_run *r, struct sieve_message *m)
{
	struct str word = first_word(sieve_header_of(r, m, "Precedence"));

	return str_ieqc(word, "bulk") || str_ieqc(word, "junk") ||
	       str_ieqc(word, "list");
}

static bool
is_automatic(struct sieve_run *r, struct sieve_message *m)
{
	struct str word = first_word(sieve_header_of(r, m, "Auto-Submitted"));

	return word.n > 0 && !str_ieqc(word, "no");
}

/* Microsoft's X-Auto-Response-Suppress (MS-OXCMAIL). */
static bool
suppressed(struct sieve_run *r, struct sieve_message *m)
{
	struct str rest = sieve_header_of(r, m, "X-Auto-Response-Suppress");
	struct str word;

	while (str_split(&rest, ',', &word)) {
		word = str_trim(word);
		if (str_ieqc(word, "All") || str_ieqc(word, "OOF") ||
		    str_ieqc(word, "AutoReply"))
			return true;
	}
	return false;
}

/* RFC 3834, section 2: addresses of programs. */
static bool
is_system(struct str address)
{
	static const char *const names[] = { "mailer-daemon", "listserv",
		"majordomo", "postmaster-noreply" };
	size_t at = str_rchr(address, '@');
	struct str local = str_sub(address, 0, at);

	for (size_t i = 0; i < LEN(names); i++) {
		if (str_ieqc(local, names[i]))
			return true;
	}
	return str_istarts(local, STR("owner-")) ||
	       str_iends(local, STR("-request")) ||
	       str_iends(local, STR("-relay")) || local.n == 0;
}

/* ------------------------------------------------------------------------
 * The owner's addresses
 */

struct addresses {
	struct str *v;
	size_t n, cap;
};

static void
add(struct sieve_run *r, struct addresses *l, struct str text)
{
	struct str address;

	if (text.n == 0)
		return;
	if (!sieve_address_of(r->arena, text, &address))
		address = text;
	l->v = arena_grow(r->arena, l->v, l->n, &l->cap, sizeof(*l->v));
	l->v[l->n++] = address;
}

static struct addresses
own_addresses(struct sieve_run *r, const struct sieve_action *a,
    const struct sieve_sender *s)
{
	const struct sieve_input *in = r->in;
	struct addresses l = { 0 };

	add(r, &l, in->envelope.to);
	if (s->vacation_original_recipient)
		add(r, &l, in->envelope.orig_to);
	add(r, &l, in->user.address);
	for (size_t i = 0; i < in->user.naddresses; i++)
		add(r, &l, in->user.addresses[i]);
	for (size_t i = 0; i < a->vacation.naddresses; i++)
		add(r, &l, a->vacation.addresses[i]);
	return l;
}

static bool
is_own(struct sieve_run *r, const struct addresses *l, struct str address)
{
	const struct sieve_host *h = r->in->host;

	for (size_t i = 0; i < l->n; i++) {
		if (str_ieq(l->v[i], address))
			return true;
	}
	return h->owns_address && h->owns_address(h->arg, address) == SIEVE_YES;
}

/* The first address of the owner in the header. */
static bool
find_owner(struct sieve_run *r, struct sieve_message *m,
    const struct addresses *own, struct str *out)
{
	static const char *const names[] = { "To", "Cc", "Bcc", "Resent-To",
		"Resent-Cc", "Resent-Bcc" };
	struct sieve_fields *f = sieve_message_fields(m);

	for (size_t k = 0; k < LEN(names); k++) {
		for (size_t i = 0; i < f->n; i++) {
			struct mime_address *list;
			size_t n;

			if (!str_ieqc(f->v[i].name, names[k]))
				continue;
			n = sieve_field_addresses(r->arena, &f->v[i], &list);
			for (size_t j = 0; j < n; j++) {
				*out = arena_printf(r->arena, "%.*s@%.*s",
				    STR_ARG(list[j].mailbox),
				    STR_ARG(list[j].host));
				if (is_own(r, own, *out))
					return true;
			}
		}
	}
	return false;
}

const char *
sieve_vacation_refuses(struct sieve_run *r, const struct sieve_action *a,
    const struct sieve_sender *s, struct str *from)
{
	struct str sender = r->in->envelope.from;
	struct addresses own = own_addresses(r, a, s);
	struct sieve_message *m = a->message;

	if (sender.n == 0)
		return "the sender is the null reverse-path";
	if (is_own(r, &own, sender))
		return "the sender is the owner";
	if (is_system(sender))
		return "the sender is a program";
	if (from_a_list(m))
		return "the message is from a mailing list";
	if (is_bulk(r, m))
		return "the message is bulk mail";
	if (is_automatic(r, m))
		return "the message was made by a program";
	if (suppressed(r, m))
		return "the message asks for no automatic answer";
	if (find_owner(r, m, &own, from))
		return NULL;
	*from =
	    r->in->user.address.n ? r->in->user.address : r->in->envelope.to;
	return s->vacation_any_recipient
		   ? NULL
		   : "the message is not addressed to the owner";
}

/* ------------------------------------------------------------------------
 * The answer
 */

/* RFC 5230, section 4.2: answers differ by handle, or by what they say. */
struct sieve_memory
sieve_vacation_memory(struct sieve_run *r, const struct sieve_action *a)
{
	uint8_t *key = arena_alloc(r->arena, SHA256_LEN);
	struct sha256 *h = sha256_new();
	struct str sender = arena_str(r->arena, r->in->envelope.from);
	const struct str parts[] = { a->vacation.handle,
		a->vacation.handle.n ? STR_NULL : a->vacation.reason,
		a->vacation.handle.n ? STR_NULL : a->vacation.subject,
		a->vacation.handle.n ? STR_NULL : a->vacation.from,
		a->vacation.mime && !a->vacation.handle.n ? STR("mime")
							  : STR_NULL };

	for (size_t i = 0; i < sender.n; i++)
		sha256_add(
		    h, (struct str){ &(char){ ascii_lower(sender.p[i]) }, 1 });
	for (size_t i = 0; i < LEN(parts); i++) {
		sha256_add(h, (struct str){ "", 1 });
		sha256_add(h, parts[i]);
	}
	sha256_final(&h, key);
	return (struct sieve_memory){ .kind = STR("vacation"),
		.key = { (char *)key, SHA256_LEN },
		.seconds = a->vacation.seconds };
}

static struct str
decoded(struct sieve_run *r, struct str name)
{
	struct buf out = { 0 };
	struct str s;

	mime_decode_words(&out, name);
	s = arena_str(r->arena, buf_str(&out));
	buf_fini(&out);
	return s;
}

/* Names in ASCII as a quoted string, which is right for any of them. */
void
sieve_put_mailbox(struct sieve_run *r, struct compose *c, const char *field,
    struct str name, struct str address)
{
	struct buf out = { 0 };
	bool ascii = true;

	name = decoded(r, name);
	for (size_t i = 0; i < name.n; i++)
		ascii &= name.p[i] >= ' ' && (uint8_t)name.p[i] < 0x7f;
	if (name.n == 0) {
		compose_raw(c, field, address);
		return;
	}
	if (!ascii) {
		compose_address(c, field, name, address);
		return;
	}
	buf_put_quoted(&out, name);
	buf_printf(&out, " <%.*s>", STR_ARG(address));
	compose_raw(c, field, buf_str(&out));
	buf_fini(&out);
}

void
sieve_put_address(
    struct sieve_run *r, struct compose *c, const char *field, struct str text)
{
	struct mime_address *list;
	struct str address;

	if (mime_addresses(r->arena, text, &list) == 0 ||
	    !sieve_address_of(r->arena, text, &address))
		return;
	sieve_put_mailbox(r, c, field, list[0].name, address);
}

struct str
sieve_short_subject(struct sieve_run *r, struct str s)
{
	size_t n = 0, i = 0;

	while (i < s.n && n < SUBJECT_MAX) {
		i++;
		while (i < s.n && ((uint8_t)s.p[i] & 0xc0) == 0x80)
			i++;
		n++;
	}
	if (i == s.n)
		return s;
	return arena_printf(
	    r->arena, "%.*s\xe2\x80\xa6", STR_ARG(str_sub(s, 0, i)));
}

static struct str
subject_of(struct sieve_run *r, const struct sieve_action *a,
    const struct sieve_sender *s)
{
	struct str template = s->vacation_subject.n ? s->vacation_subject
						    : STR("Auto: %{subject}");
	struct str subject = sieve_header_of(r, a->message, "Subject");
	size_t at = str_find(template, STR("%{subject}"));

	if (a->vacation.subject.n > 0)
		return sieve_short_subject(r, decoded(r, a->vacation.subject));
	if (subject.n == 0)
		return s->vacation_no_subject.n ? s->vacation_no_subject
						: STR("Automated reply");
	if (at == STR_NPOS)
		return template;
	subject = arena_printf(r->arena, "%.*s%.*s%.*s",
	    STR_ARG(str_sub(template, 0, at)), STR_ARG(subject),
	    STR_ARG(str_sub(template, at + 10, SIZE_MAX)));
	return sieve_short_subject(r, subject);
}

/* RFC 5322, section 3.6.4. */
static void
put_references(struct sieve_run *r, struct compose *c, struct sieve_message *m)
{
	struct str id = sieve_header_of(r, m, "Message-ID");
	struct str references = sieve_header_of(r, m, "References");

	if (id.n == 0)
		return;
	if (references.n == 0)
		references = sieve_header_of(r, m, "In-Reply-To");
	compose_raw(c, "In-Reply-To", id);
	compose_raw(c, "References",
	    arena_printf(r->arena, "%.*s%s%.*s", STR_ARG(references),
		references.n ? " " : "", STR_ARG(id)));
}

/* From as the script has it, or the owner's address. */
static void
put_from(struct sieve_run *r, const struct sieve_action *a,
    const struct sieve_sender *s, struct compose *c, struct str from)
{
	if (a->vacation.from.n > 0) {
		sieve_put_address(r, c, "From", a->vacation.from);
		return;
	}
	if (s->vacation_from_recipient && r->in->envelope.to.n > 0)
		from = r->in->envelope.to;
	compose_raw(c, "From", from);
}

/* The sender with the name that the header gives him. */
static void
put_to(struct sieve_run *r, const struct sieve_action *a,
    const struct sieve_sender *s, struct compose *c)
{
	static const char *const names[] = { "Sender", "Resent-From", "From" };
	struct sieve_fields *f = sieve_message_fields(a->message);
	struct str sender = r->in->envelope.from, address, name = STR("");
	struct mime_address *list;

	for (size_t k = 0; k < LEN(names); k++) {
		for (size_t i = 0; i < f->n; i++) {
			if (!str_ieqc(f->v[i].name, names[k]) ||
			    sieve_field_addresses(r->arena, &f->v[i], &list) ==
				0 ||
			    list[0].kind != MIME_MAILBOX)
				continue;
			address = arena_printf(r->arena, "%.*s@%.*s",
			    STR_ARG(list[0].mailbox), STR_ARG(list[0].host));
			if (!s->vacation_to_header && !str_ieq(address, sender))
				continue;
			sender = address;
			name = list[0].name;
			goto out;
		}
	}
out:
	if (name.n > 0)
		sieve_put_mailbox(r, c, "To", name, sender);
	else
		compose_address(c, "To", name, sender);
}

void
sieve_vacation_compose(struct sieve_run *r, const struct sieve_action *a,
    const struct sieve_sender *s, struct str from, struct buf *out)
{
	struct compose c;

	compose_init(&c, out);
	BUF_LIT(out, "X-Sieve: Mailstead\r\n");
	compose_msgid(&c, s->hostname);
	compose_date(&c, r->in->now, r->in->zone);
	put_from(r, a, s, &c, from);
	put_to(r, a, s, &c);
	compose_text(&c, "Subject", subject_of(r, a, s));
	put_references(r, &c, a->message);
	compose_raw(&c, "Auto-Submitted", STR("auto-replied (vacation)"));
	compose_raw(&c, "Precedence", STR("bulk"));
	compose_raw(&c, "X-Auto-Response-Suppress", STR("All"));
	if (a->vacation.mime) {
		BUF_LIT(out, "MIME-Version: 1.0\r\n");
		buf_putstr(out, a->vacation.reason);
	} else {
		compose_body(&c, a->vacation.reason);
	}
}
