/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sieve2.h> /* after stdlib.h, which it wants */

#include "sieve/sieve.h"

/*
 * Random scripts of the base language over some messages: libsieve (RFC 3028)
 * and our engine (RFC 5228) must come to the same actions. What is known to
 * differ is not generated: a backslash before a character that needs none,
 * which libsieve keeps in the string, against RFC 5228, section 2.4.2.
 *
 * Usage: libsieve_test [SEED [SCRIPTS]]
 */

/* ------------------------------------------------------------------------
 * Chance
 */

static uint64_t state;

static unsigned
chance(unsigned n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % n;
}

#define PICK(list) ((list)[chance(LEN(list))])

/* ------------------------------------------------------------------------
 * Scripts
 */

static const char *const headers[] = { "Subject", "From", "To", "X-List",
	"x-priority", "Missing" };
static const char *const address_headers[] = { "From", "To", "Cc", "Sender" };
static const char *const keys[] = { "hello", "HELLO", "", "anna@example.org",
	"Anna", "example.org", "ann", "a list", "[list]", "1", "list" };
static const char *const globs[] = { "*", "*hello*", "hel?o", "a*a", "*.org",
	"?*", "*@example.*", "he*lo*", "**", "?????", "hell\\\\?", "[list]*" };
static const char *const mailboxes[] = { "Work", "Lists", "Junk/Old" };
static const char *const addresses[] = { "x@example.com", "y@example.net" };

static void
put_strings(struct buf *out, const char *const *list, size_t n)
{
	size_t count = 1 + chance(2);

	if (count == 1) {
		buf_printf(out, "\"%s\"", list[chance((unsigned)n)]);
		return;
	}
	buf_printf(out, "[\"%s\", \"%s\"]", list[chance((unsigned)n)],
	    list[chance((unsigned)n)]);
}
#define PUT(out, list) put_strings(out, list, LEN(list))

static void
put_match(struct buf *out, bool *glob)
{
	static const char *const types[] = { "", " :is", " :contains",
		" :matches" };
	unsigned type = chance(4);

	*glob = type == 3;
	buf_puts(out, types[type]);
	if (chance(3) == 0)
		buf_puts(out, " :comparator \"i;octet\"");
	buf_putc(out, ' ');
}

static void
put_keys(struct buf *out, bool glob)
{
	buf_putc(out, ' ');
	if (glob)
		PUT(out, globs);
	else
		PUT(out, keys);
}

static void put_test(struct buf *out, unsigned depth);

static void
put_tests(struct buf *out, unsigned depth)
{
	unsigned n = 1 + chance(3);

	buf_puts(out, chance(2) ? "allof (" : "anyof (");
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			buf_puts(out, ", ");
		put_test(out, depth + 1);
	}
	buf_putc(out, ')');
}

static void
put_test(struct buf *out, unsigned depth)
{
	static const char *const parts[] = { "", " :all", " :localpart",
		" :domain" };
	bool glob;

	switch (chance(depth > 3 ? 6 : 8)) {
	case 0:
		buf_puts(out, chance(2) ? "true" : "false");
		break;
	case 1:
		buf_puts(out, "exists ");
		PUT(out, headers);
		break;
	case 2:
		buf_printf(out, "size :%s %u", chance(2) ? "over" : "under",
		    chance(600));
		break;
	case 3:
		buf_printf(out, "address%s", PICK(parts));
		put_match(out, &glob);
		PUT(out, address_headers);
		put_keys(out, glob);
		break;
	case 4:
	case 5:
		buf_puts(out, "header");
		put_match(out, &glob);
		PUT(out, headers);
		put_keys(out, glob);
		break;
	case 6:
		buf_puts(out, "not ");
		put_test(out, depth + 1);
		break;
	default:
		put_tests(out, depth);
		break;
	}
}

static void put_commands(struct buf *out, unsigned depth);

static void
put_block(struct buf *out, unsigned depth)
{
	buf_puts(out, " {\r\n");
	put_commands(out, depth + 1);
	buf_puts(out, "}\r\n");
}

static void
put_if(struct buf *out, unsigned depth)
{
	buf_puts(out, "if ");
	put_test(out, 0);
	put_block(out, depth);
	while (chance(3) == 0) {
		buf_puts(out, "elsif ");
		put_test(out, 0);
		put_block(out, depth);
	}
	if (chance(2)) {
		buf_puts(out, "else");
		put_block(out, depth);
	}
}

static void
put_commands(struct buf *out, unsigned depth)
{
	unsigned n = 1 + chance(2);

	for (unsigned i = 0; i < n; i++) {
		switch (chance(depth > 3 ? 5 : 8)) {
		case 0:
			buf_puts(out, "keep;\r\n");
			break;
		case 1:
			buf_puts(out, "discard;\r\n");
			break;
		case 2:
			buf_printf(
			    out, "fileinto \"%s\";\r\n", PICK(mailboxes));
			break;
		case 3:
			buf_printf(
			    out, "redirect \"%s\";\r\n", PICK(addresses));
			break;
		case 4:
			buf_puts(out, "stop;\r\n");
			break;
		default:
			put_if(out, depth);
			break;
		}
	}
}

/* ------------------------------------------------------------------------
 * Messages
 */

static const char *const messages[] = {
	"From: Anna <anna@example.org>\r\nTo: bert@example.net\r\n"
	"Subject: hello\r\n\r\nx\r\n",
	"From: anna@example.org\r\nTo: a@example.com, b@example.org\r\n"
	"Cc: \"C. D.\" <c@sub.example.org>\r\nX-List: a list\r\n"
	"Subject: [list] HELLO again\r\nX-Priority: 1\r\n\r\nlonger text\r\n",
	"Sender: list@example.net\r\nFrom: Hello <hello@hello.org>\r\n"
	"Subject: hallo\r\nSubject: Anna\r\n\r\n\r\n",
};

/* The values of a header of MESSAGE, for libsieve's callback. */
static char **
values_of(struct arena *a, const char *message, const char *name)
{
	struct str rest = str_of(message);
	char **list = arena_array(a, 10, sizeof(char *));
	size_t n = 0;
	struct str line;

	while (str_split(&rest, '\n', &line) && line.n > 1 && n < 9) {
		size_t colon = str_chr(line, ':');

		if (colon != STR_NPOS &&
		    str_ieqc(str_sub(line, 0, colon), name))
			list[n++] = arena_cstr(
			    a, str_trim(str_sub(line, colon + 1, SIZE_MAX)));
	}
	return list;
}

/* ------------------------------------------------------------------------
 * What each comes to: a bit for every action
 */

struct outcome {
	bool failed;
	unsigned bits;
};
enum { KEEP = 1, DISCARD = 2, FILEINTO = 4, REDIRECT = 64 };

static unsigned
place(const char *const *list, size_t n, const char *name)
{
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(list[i], name) == 0)
			return 1U << i;
	}
	return 0;
}
#define PLACE(list, name) place(list, LEN(list), name)

struct theirs {
	struct arena *arena;
	const char *script, *message;
	struct outcome out;
};

static int
on_keep(sieve2_context_t *s, void *arg)
{
	(void)s;
	((struct theirs *)arg)->out.bits |= KEEP;
	return SIEVE2_OK;
}

static int
on_discard(sieve2_context_t *s, void *arg)
{
	(void)s;
	((struct theirs *)arg)->out.bits |= DISCARD;
	return SIEVE2_OK;
}

static int
on_fileinto(sieve2_context_t *s, void *arg)
{
	char name[] = "mailbox";

	((struct theirs *)arg)->out.bits |=
	    FILEINTO * PLACE(mailboxes, sieve2_getvalue_string(s, name));
	return SIEVE2_OK;
}

static int
on_redirect(sieve2_context_t *s, void *arg)
{
	char name[] = "address";

	((struct theirs *)arg)->out.bits |=
	    REDIRECT * PLACE(addresses, sieve2_getvalue_string(s, name));
	return SIEVE2_OK;
}

static int
on_error(sieve2_context_t *s, void *arg)
{
	(void)s;
	((struct theirs *)arg)->out.failed = true;
	return SIEVE2_OK;
}

static int
on_quiet(sieve2_context_t *s, void *arg)
{
	(void)s;
	(void)arg;
	return SIEVE2_OK;
}

static int
get_script(sieve2_context_t *s, void *arg)
{
	struct theirs *t = arg;
	char name[] = "script";

	sieve2_setvalue_string(
	    s, name, arena_cstr(t->arena, str_of(t->script)));
	return SIEVE2_OK;
}

static int
get_size(sieve2_context_t *s, void *arg)
{
	struct theirs *t = arg;
	char name[] = "size";

	sieve2_setvalue_int(s, name, (int)strlen(t->message));
	return SIEVE2_OK;
}

static int
get_header(sieve2_context_t *s, void *arg)
{
	struct theirs *t = arg;
	char header[] = "header", body[] = "body";

	sieve2_setvalue_stringlist(s, body,
	    values_of(t->arena, t->message, sieve2_getvalue_string(s, header)));
	return SIEVE2_OK;
}

static void
set_string(sieve2_context_t *s, const char *name, char *value)
{
	char copy[20];

	snprintf(copy, sizeof(copy), "%s", name);
	sieve2_setvalue_string(s, copy, value);
}

/* How an address is split is the caller's business. */
static int
get_subaddress(sieve2_context_t *s, void *arg)
{
	struct theirs *t = arg;
	char name[] = "address";
	struct str address = str_of(sieve2_getvalue_string(s, name));
	size_t at = str_rchr(address, '@');
	char *local = arena_cstr(t->arena, str_sub(address, 0, at));

	set_string(s, "user", local);
	set_string(s, "detail", arena_cstr(t->arena, STR("")));
	set_string(s, "localpart", local);
	set_string(s, "domain",
	    arena_cstr(t->arena, str_sub(address, at + 1, SIZE_MAX)));
	return SIEVE2_OK;
}

static struct outcome
run_theirs(struct arena *a, const char *script, const char *message)
{
	static sieve2_callback_t callbacks[] = {
		{ SIEVE2_ERRCALL_RUNTIME, on_error },
		{ SIEVE2_ERRCALL_PARSE, on_error },
		{ SIEVE2_ERRCALL_HEADER, on_quiet },
		{ SIEVE2_ERRCALL_ADDRESS, on_quiet },
		{ SIEVE2_ACTION_KEEP, on_keep },
		{ SIEVE2_ACTION_DISCARD, on_discard },
		{ SIEVE2_ACTION_FILEINTO, on_fileinto },
		{ SIEVE2_ACTION_REDIRECT, on_redirect },
		{ SIEVE2_SCRIPT_GETSCRIPT, get_script },
		{ SIEVE2_MESSAGE_GETSIZE, get_size },
		{ SIEVE2_MESSAGE_GETHEADER, get_header },
		{ SIEVE2_MESSAGE_GETSUBADDRESS, get_subaddress },
		{ 0, NULL },
	};
	struct theirs t = { .arena = a, .script = script, .message = message };
	sieve2_context_t *s = NULL;

	if (sieve2_alloc(&s) != SIEVE2_OK ||
	    sieve2_callbacks(s, callbacks) != SIEVE2_OK ||
	    sieve2_execute(s, &t) != SIEVE2_OK)
		t.out.failed = true;
	sieve2_free(&s);
	if (t.out.bits == 0)
		t.out.bits =
		    KEEP; /* it leaves the implicit one to its caller */
	return t.out;
}

static struct outcome
run_ours(struct arena *a, const char *script, const char *message)
{
	static const struct sieve_host host;
	struct sieve_compiler c = { .caps = sieve_caps_default() };
	struct sieve_input in = { .message = str_of(message), .host = &host };
	struct outcome out = { 0 };
	struct sieve_diags diags;
	struct sieve_program *p =
	    sieve_compile(&c, STR("x"), str_of(script), a, &diags);
	struct sieve_run *r = sieve_run_new(&in);
	const struct sieve_action *list;
	size_t n;

	out.failed = !p || sieve_run_next(r, p) != SIEVE_OK;
	n = p ? sieve_run_actions(r, &list) : 0;
	for (size_t i = 0; i < n; i++) {
		const char *box = arena_cstr(a, list[i].place.mailbox);

		switch (list[i].kind) {
		case SIEVE_ACT_KEEP:
			out.bits |= KEEP;
			break;
		case SIEVE_ACT_DISCARD:
			out.bits |= DISCARD;
			break;
		case SIEVE_ACT_STORE:
			out.bits |= FILEINTO * PLACE(mailboxes, box);
			break;
		case SIEVE_ACT_REDIRECT:
			out.bits |=
			    REDIRECT *
			    PLACE(addresses,
				arena_cstr(a, list[i].redirect.address));
			break;
		default:
			break;
		}
	}
	sieve_run_free(&r);
	sieve_program_unref(&p);
	return out;
}

int
main(int argc, char **argv)
{
	unsigned scripts = argc > 2 ? (unsigned)atoi(argv[2]) : 2000;
	unsigned differ = 0;

	state = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	for (unsigned i = 0; i < scripts; i++) {
		struct arena *a = arena_new();
		struct buf script = { 0 };

		buf_puts(&script, "require \"fileinto\";\r\n");
		put_commands(&script, 0);
		for (size_t k = 0; k < LEN(messages); k++) {
			const char *text = buf_cstr(&script);
			struct outcome x = run_theirs(a, text, messages[k]);
			struct outcome y = run_ours(a, text, messages[k]);

			if (x.failed == y.failed && x.bits == y.bits)
				continue;
			if (differ++ < 5)
				printf("message %zu: libsieve %u%s, ours "
				       "%u%s\n%s\n",
				    k, x.bits, x.failed ? " failed" : "",
				    y.bits, y.failed ? " failed" : "", text);
		}
		buf_fini(&script);
		arena_free(&a);
	}
	printf("%u scripts, %u differences\n", scripts, differ);
	return differ > 0;
}
