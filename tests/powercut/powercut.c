/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two ends of the power-cut test. "work DIR SEED" makes an account and
 * changes it, writing a line to DIR/acks before (intent) and after each
 * change that was acknowledged. "verify DIR ACKS" opens what was left of it
 * after a cut and checks that everything acknowledged by then holds.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/fs.h"
#include "base/map.h"
#include "store/check.h"
#include "store/store.h"

#define ID STR("00000000000000cc")
#define MAX_UID 4096
#define THRESHOLD 20000 /* octets; larger messages become files */

static struct err err;
static struct store *st;
static struct account *account;
static struct arena *arena;
static int64_t boxes[2]; /* INBOX, Archive */

static void
die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, err.msg);
	exit(1);
}

#define OK(call)                                                               \
	do {                                                                   \
		if ((call) != STORE_OK)                                        \
			die(#call);                                            \
	} while (0)

static void
open_store(const char *dir)
{
	struct store_options o = { .data_dir = dir,
		.blob_threshold = THRESHOLD };

	arena = arena_new();
	OK(store_open(&o, &st, &err));
}

static void
open_account(void)
{
	struct mailbox m;

	OK(account_open(st, ID, &account, &err));
	OK(mailbox_find(account, arena, STR("INBOX"), &m, &err));
	boxes[0] = m.id;
	OK(mailbox_find(account, arena, STR("Archive"), &m, &err));
	boxes[1] = m.id;
}

/* ------------------------------------------------------------------------
 * Work
 */

static int ack_fd;
static pthread_mutex_t ack_lock = PTHREAD_MUTEX_INITIALIZER;
/* Under ack_lock: UIDs on record, and up to which there is no hole. */
static bool told[2][MAX_UID];
static uint32_t told_upto[2];
static unsigned next_number; /* of a message: its content follows from it */
/* "append", or "beside" for those of the second thread: only what the thread
 * that sets flags did before them tells that they are settled. */
static _Thread_local const char *append_word = "append";

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void
say(const char *fmt, ...)
{
	char line[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (write(ack_fd, line, (size_t)n) != n)
		die("cannot write acknowledgement");
}

/* Message NUMBER; every seventh is larger than the threshold. */
static void
compose(struct buf *b, unsigned number)
{
	unsigned x = number * 2654435761u + 1;
	size_t n = number % 7 == 6 ? 45000 : 200 + x % 3000;

	buf_printf(b, "Subject: number %u\r\nMessage-ID: <%u@x>\r\n\r\n",
	    number, number);
	while (b->n < n) {
		x = x * 1664525 + 1013904223;
		buf_printf(b, "%08x%08x\r\n", x, x ^ number);
	}
}

static void
mark_told(int box, uint32_t uid)
{
	pthread_mutex_lock(&ack_lock);
	told[box][uid] = true;
	while (told[box][told_upto[box] + 1])
		told_upto[box]++;
	pthread_mutex_unlock(&ack_lock);
}

static void
work_append(unsigned *seed)
{
	struct append item = { .flags.bits = (uint64_t)rand_r(seed) & 7 };
	struct buf b = { 0 };
	struct appended got;
	int box = rand_r(seed) % 4 == 0;
	unsigned number;

	pthread_mutex_lock(&ack_lock);
	number = next_number++;
	pthread_mutex_unlock(&ack_lock);
	compose(&b, number);
	item.raw = buf_str(&b);
	OK(account_append(account, boxes[box], &item, 1, NULL, &got, &err));
	say("%s %d %u %u %llu %lld\n", append_word, box, got.uid, number,
	    (unsigned long long)item.flags.bits, (long long)got.email);
	mark_told(box, got.uid);
	buf_fini(&b);
}

/* UIDs whose arrival is on record, so that what follows is unambiguous. */
static struct uids
some_uids(int box, unsigned *seed)
{
	struct uid_range *r = arena_alloc(arena, sizeof(*r));
	uint32_t last;

	pthread_mutex_lock(&ack_lock);
	last = told_upto[box];
	pthread_mutex_unlock(&ack_lock);
	r->lo = 1 + (unsigned)rand_r(seed) % (last + 1);
	r->hi = r->lo + (unsigned)rand_r(seed) % 5;
	if (r->hi > last)
		r->hi = last;
	return (struct uids){ r, r->lo <= r->hi };
}

static void
work_flags(unsigned *seed)
{
	struct flags flags = { .bits = (uint64_t)rand_r(seed) & 15 };
	struct uids u = some_uids(0, seed);
	uint64_t modseq;

	say("intent flags %u %u %llu\n", u.r[0].lo, u.r[0].hi,
	    (unsigned long long)flags.bits);
	OK(account_store_flags(account, boxes[0], u, FLAGS_REPLACE, &flags,
	    NO_UNCHANGEDSINCE, arena, NULL, &modseq, &err));
	say("flags %u %u %llu %llu\n", u.r[0].lo, u.r[0].hi,
	    (unsigned long long)flags.bits, (unsigned long long)modseq);
}

static void
work_expunge(unsigned *seed)
{
	int box = rand_r(seed) % 2;
	struct uids u = some_uids(box, seed), gone;

	say("intent expunge %d %u %u\n", box, u.r[0].lo, u.r[0].hi);
	OK(account_expunge(account, boxes[box], u, false, arena, &gone, &err));
	/* One line a range that was there; the last one may be cut off. */
	for (size_t i = 0; i < gone.n; i++)
		say("expunge %d %u %u\n", box, gone.r[i].lo, gone.r[i].hi);
}

static void
work_copy(unsigned *seed)
{
	bool move = rand_r(seed) % 2;
	struct uids u = some_uids(0, seed);
	struct copied c;

	if (move)
		say("intent expunge 0 %u %u\n", u.r[0].lo, u.r[0].hi);
	OK(account_copy(
	    account, boxes[0], u, boxes[1], move, NULL, arena, &c, &err));
	if (!c.to.n)
		return;
	/* FROM and TO run in parallel, though cut into other ranges. */
	say("copy %u", move);
	for (size_t i = 0; i < c.from.n; i++)
		say(" %u:%u", c.from.r[i].lo, c.from.r[i].hi);
	say(" to %u\n", c.to.r[0].lo);
	for (size_t i = 0; i < c.to.n; i++) {
		for (uint32_t uid = c.to.r[i].lo; uid <= c.to.r[i].hi; uid++)
			mark_told(1, uid);
	}
}

static void *
append_beside(void *arg)
{
	unsigned seed = *(unsigned *)arg + 1;

	append_word = "beside";
	for (int i = 0; i < 60; i++) {
		work_append(&seed);
		usleep(2000);
	}
	return NULL;
}

static int
work(const char *dir, unsigned seed)
{
	static void (*const kinds[])(unsigned *) = { work_append, work_append,
		work_append, work_flags, work_flags, work_expunge, work_copy };
	struct buf path = { 0 };
	pthread_t beside;

	open_store(dir);
	OK(account_create(st, ID, &err));
	open_account();
	buf_printf(&path, "%s/acks", dir);
	ack_fd = open(buf_cstr(&path), O_WRONLY | O_CREAT | O_APPEND, 0600);
	say("created\n");
	pthread_create(&beside, NULL, append_beside, &seed);
	for (int i = 0; i < 250; i++) {
		kinds[(unsigned)rand_r(&seed) % 7](&seed);
		/* Let the syncer have its turns. */
		if (i % 50 == 49)
			usleep(600000);
	}
	pthread_join(beside, NULL);
	account_close(&account);
	store_close(&st);
	arena_free(&arena);
	buf_fini(&path);
	return 0;
}

/* ------------------------------------------------------------------------
 * Verify
 */

/* What the acknowledgements say about one UID. */
struct known {
	bool acked, gone, maybe_gone;
	unsigned number;
	uint64_t flags[64]; /* values it may have, the last durable first */
	unsigned nflags;
};
static struct known known[2][MAX_UID];
static uint64_t max_modseq;
static uint32_t max_uid[2];

static void
allow_flags(struct known *k, uint64_t bits)
{
	if (k->nflags < 64)
		k->flags[k->nflags++] = bits;
}

static void
acked(int box, uint32_t uid, unsigned number, uint64_t bits)
{
	struct known *k = &known[box][uid];

	k->acked = true;
	k->number = number;
	k->nflags = 0;
	allow_flags(k, bits);
	if (uid > max_uid[box])
		max_uid[box] = uid;
}

/* A durable acknowledgement: relaxed changes before it are on disk too. */
static void
settle(void)
{
	for (int box = 0; box < 2; box++) {
		for (uint32_t uid = 0; uid <= max_uid[box]; uid++) {
			struct known *k = &known[box][uid];

			if (k->nflags > 1) {
				k->flags[0] = k->flags[k->nflags - 1];
				k->nflags = 1;
			}
		}
	}
}

static void
note_modseq(uint64_t modseq)
{
	if (modseq > max_modseq)
		max_modseq = modseq;
}

static void
mark_gone(int box, uint32_t lo, uint32_t hi, bool sure)
{
	for (uint32_t uid = lo; uid <= hi && uid < MAX_UID; uid++) {
		known[box][uid].maybe_gone = true;
		known[box][uid].gone = known[box][uid].gone || sure;
	}
}

static void
read_copy(char *line)
{
	bool move = line[5] == '1';
	uint32_t uids[64], n = 0, to = 0, lo, hi;
	char *save, *word = strtok_r(line + 6, " \n", &save);

	for (; word && strcmp(word, "to"); word = strtok_r(NULL, " \n", &save))
		if (sscanf(word, "%u:%u", &lo, &hi) == 2)
			while (lo <= hi && n < 64)
				uids[n++] = lo++;
	word = strtok_r(NULL, " \n", &save);
	if (!word)
		return; /* the line was cut */
	to = (uint32_t)atoi(word);
	for (uint32_t i = 0; i < n; i++, to++) {
		struct known *from = &known[0][uids[i]];

		/* An append beside us may be acknowledged only later. */
		known[1][to].acked = from->acked;
		known[1][to].number = from->number;
		if (to > max_uid[1])
			max_uid[1] = to;
	}
	if (move)
		for (uint32_t i = 0; i < n; i++)
			mark_gone(0, uids[i], uids[i], true);
}

static void
read_line(char *line)
{
	unsigned box, lo, hi, number;
	unsigned long long bits, modseq;

	char word[8];

	if (sscanf(line, "%7s %u %u %u %llu %llu", word, &box, &lo, &number,
		&bits, &modseq) == 6) {
		if (strcmp(word, "append") == 0)
			settle();
		acked((int)box, lo, number, bits);
		note_modseq(modseq);
	} else if (sscanf(line, "intent flags %u %u %llu", &lo, &hi, &bits) ==
		   3) {
		for (; lo <= hi && lo < MAX_UID; lo++)
			allow_flags(&known[0][lo], bits);
	} else if (sscanf(line, "flags %u %u %llu %llu", &lo, &hi, &bits,
		       &modseq) == 4) {
		note_modseq(modseq);
	} else if (sscanf(line, "intent expunge %u %u %u", &box, &lo, &hi) ==
		   3) {
		mark_gone((int)box, lo, hi, false);
	} else if (sscanf(line, "expunge %u %u %u", &box, &lo, &hi) == 3) {
		settle();
		mark_gone((int)box, lo, hi, true);
	} else if (strncmp(line, "copy ", 5) == 0) {
		settle();
		read_copy(line);
	}
}

static unsigned failures;

static void wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void
wrong(const char *fmt, ...)
{
	va_list ap;

	failures++;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static void
verify_content(struct reader *r, const struct view_row *row, int box)
{
	struct buf want = { 0 }, got = { 0 };

	compose(&want, known[box][row->uid].number);
	if (email_read(r, row->email, 0, UINT64_MAX, &got, &err) != STORE_OK)
		wrong("box %d UID %u: %s", box, row->uid, err.msg);
	else if (!str_eq(buf_str(&want), buf_str(&got)))
		wrong("box %d UID %u: other content", box, row->uid);
	buf_fini(&want);
	buf_fini(&got);
}

static void
verify_flags(const struct view_row *row)
{
	const struct known *k = &known[0][row->uid];

	for (unsigned i = 0; i < k->nflags; i++) {
		if (k->flags[i] == row->flags.bits)
			return;
	}
	wrong("UID %u: flags %llu were never set or are long replaced",
	    row->uid, (unsigned long long)row->flags.bits);
}

static void
verify_box(struct reader *r, int box)
{
	struct view *v;

	OK(view_current(account, boxes[box], &v, &err));
	for (uint32_t uid = 1; uid <= max_uid[box]; uid++) {
		const struct known *k = &known[box][uid];
		uint32_t seq = view_seq(v, uid);

		if (seq && k->gone)
			wrong("box %d UID %u came back", box, uid);
		if (!seq && k->acked && !k->maybe_gone)
			wrong("box %d UID %u is lost", box, uid);
		if (seq && k->acked) {
			verify_content(r, view_at(v, seq), box);
			if (box == 0)
				verify_flags(view_at(v, seq));
		}
	}
	if (view_uidnext(v) <= max_uid[box])
		wrong("box %d would use UID %u again", box, view_uidnext(v));
	view_unref(&v);
}

static void
show_problem(void *arg, const char *problem, bool repaired)
{
	(void)arg;
	(void)repaired;
	wrong("check: %s", problem);
}

static int
verify(const char *dir, const char *acks)
{
	char line[256];
	bool created = false;
	struct reader *r;
	struct check out;
	struct append item = { .raw = STR("Subject: after\r\n\r\n") };
	struct appended got;
	FILE *f = fopen(acks, "r");

	while (f && fgets(line, sizeof(line), f)) {
		created = created || !strcmp(line, "created\n");
		read_line(line);
	}
	if (f)
		fclose(f);
	if (!created)
		return 0; /* the account itself was not acknowledged */
	open_store(dir);
	open_account();
	OK(reader_begin(account, &r, &err));
	verify_box(r, 0);
	verify_box(r, 1);
	reader_end(&r);
	OK(account_append(account, boxes[0], &item, 1, NULL, &got, &err));
	if ((uint64_t)got.email <= max_modseq)
		wrong("modseq %lld was used before (up to %llu)",
		    (long long)got.email, (unsigned long long)max_modseq);
	OK(account_check(account, false, show_problem, NULL, &out, &err));
	account_close(&account);
	store_close(&st);
	arena_free(&arena);
	return failures ? 1 : 0;
}

int
main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "work"))
		return work(argv[2], (unsigned)atoi(argv[3]));
	if (argc == 4 && !strcmp(argv[1], "verify"))
		return verify(argv[2], argv[3]);
	fprintf(stderr, "usage: powercut work DIR SEED | verify DIR ACKS\n");
	return 2;
}
