/* SPDX-License-Identifier: BSD-2-Clause */
#include "deliver/warning.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "mime/compose.h"

#define ONCE_A_DAY 86400

static const unsigned levels[] = { 100, 90, 80 };

/* Account id -> the level it was told of, for those above the first. */
struct warnings {
	pthread_mutex_t lock;
	struct map *told;
};

struct warnings *
warnings_new(void)
{
	struct warnings *w = mem_zalloc(sizeof(*w));

	pthread_mutex_init(&w->lock, NULL);
	w->told = map_new();
	return w;
}

void
warnings_free(struct warnings **w)
{
	if (!*w)
		return;
	map_free(&(*w)->told);
	pthread_mutex_destroy(&(*w)->lock);
	free(*w);
	*w = NULL;
}

/* The highest level that USED of LIMIT reaches; 0: none. */
static unsigned
level_of(uint64_t used, uint64_t limit)
{
	for (size_t i = 0; limit && i < LEN(levels); i++) {
		if ((double)used >= (double)limit * levels[i] / 100)
			return levels[i];
	}
	return 0;
}

/* Note the level; is it one to tell of? */
static bool
rises_to(struct warnings *w, const char *id, unsigned level)
{
	struct str key = str_of(id);
	uintptr_t old;

	pthread_mutex_lock(&w->lock);
	old = (uintptr_t)map_get(w->told, key);
	if (level)
		map_set(w->told, key, (void *)(uintptr_t)level);
	else if (old)
		map_del(w->told, key);
	pthread_mutex_unlock(&w->lock);
	return level > old;
}

static void
put_size(struct buf *b, uint64_t n)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB",
		"TiB" };
	double v = (double)n;
	size_t i = 0;

	for (; v >= 1024 && i < 4; i++)
		v /= 1024;
	buf_printf(b, i ? "%.1f %s" : "%.0f %s", v, units[i]);
}

static void
put_text(struct buf *b, const struct site_account *acc, const struct usage *u,
    unsigned level)
{
	if (level >= 100)
		BUF_LIT(b, "Your mailbox is full. New mail cannot be stored "
			   "until you delete messages\r\n"
			   "or get more space.\r\n\r\n");
	else
		buf_printf(b,
		    "Your mailbox is %u %% full. When it is full, new mail "
		    "cannot be stored any more.\r\n\r\n",
		    level);
	if (acc->quota_bytes) {
		BUF_LIT(b, "Storage: ");
		put_size(b, u->bytes);
		BUF_LIT(b, " of ");
		put_size(b, acc->quota_bytes);
		BUF_LIT(b, "\r\n");
	}
	if (acc->quota_messages)
		buf_printf(b, "Messages: %llu of %llu\r\n",
		    (unsigned long long)u->messages,
		    (unsigned long long)acc->quota_messages);
}

static void
compose(struct buf *out, const struct site_account *acc, const struct usage *u,
    unsigned level)
{
	struct buf text = { 0 };
	struct compose c;
	char subject[64];

	compose_init(&c, out);
	buf_printf(&text, "postmaster@%.*s", STR_ARG(acc->domain));
	compose_address(&c, "From", STR("Mail system"), buf_str(&text));
	compose_address(&c, "To", acc->name, acc->address);
	snprintf(subject, sizeof(subject),
	    level >= 100 ? "Your mailbox is full"
			 : "Your mailbox is %u %% full",
	    level);
	compose_text(&c, "Subject", str_of(subject));
	compose_date(&c, clock_now(), 0);
	compose_msgid(&c, acc->domain);
	compose_raw(&c, "Auto-Submitted", STR("auto-generated"));
	buf_clear(&text);
	put_text(&text, acc, u, level);
	compose_body(&c, buf_str(&text));
	compose_finish(&c);
	buf_fini(&text);
}

/* Past the quota: this one message must get in. */
static void
tell(struct account *a, const struct site_account *acc, const struct usage *u,
    unsigned level)
{
	struct buf raw = { 0 };
	struct arena *arena = arena_new();
	struct mailbox inbox;
	struct appended done;
	struct err e = ERR_INIT;
	char key[32];
	struct append item;
	enum store_rc rc;

	compose(&raw, acc, u, level);
	snprintf(key, sizeof(key), "quota-warning %u", level);
	item = (struct append){
		.raw = buf_str(&raw), .key = str_of(key), .window = ONCE_A_DAY
	};
	rc = mailbox_find_role(a, arena, ROLE_INBOX, &inbox, &e);
	if (rc == STORE_OK)
		rc = account_append(a, inbox.id, &item, 1, NULL, &done, &e);
	if (rc != STORE_OK)
		log_error("quota_warning", LOG_CSTR("account", acc->id),
		    LOG_UINT("level", level), LOG_ERR(&e));
	else if (!done.duplicate)
		log_info("quota_warning", LOG_CSTR("account", acc->id),
		    LOG_UINT("level", level));
	arena_free(&arena);
	buf_fini(&raw);
}

void
warnings_check(struct warnings *w, struct account *a,
    const struct site_account *acc, bool full)
{
	struct usage u;
	struct err e = ERR_INIT;
	unsigned level, other;

	if (!acc->quota_bytes && !acc->quota_messages)
		return;
	if (account_usage(a, &u, &e) != STORE_OK) {
		log_error(
		    "quota_usage", LOG_CSTR("account", acc->id), LOG_ERR(&e));
		return;
	}
	level = level_of(u.bytes, acc->quota_bytes);
	other = level_of(u.messages, acc->quota_messages);
	if (other > level)
		level = other;
	if (full)
		level = 100;
	if (rises_to(w, acc->id, level))
		tell(a, acc, &u, level);
}
