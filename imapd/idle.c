/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IDLE (RFC 2177). The session registers with the watch and then looks, so a
 * change is either seen by the look or wakes it. No thread and no buffer is
 * held while it sleeps. Every two minutes it looks by itself, for a writer that
 * was killed before it could tell, and says something, so that routers in
 * between remember the connection.
 */
#include "base/clock.h"
#include "imapd/command.h"
#include "imapd/metadata.h"
#include "imapd/notify.h"

#define STILL_HERE_MS (110 * 1000)

static enum reply
idle_done(struct session *s, struct cmd *c, struct str line)
{
	watch_remove(s->d->watch, &s->watcher);
	conn_set_timeout(s->conn, s->d->timeout);
	if (!str_ieqc(line, "DONE"))
		return bad(c, "Expected DONE");
	c->text = "IDLE terminated";
	return REPLY_OK;
}

static bool
idle_look(struct session *s, struct cmd *c)
{
	struct buf *out = conn_out(s->conn);
	int64_t *last = c->data, now = clock_mono_ms();
	size_t before = out->n;
	bool more = false;

	if (notify_active(s)) { /* RFC 5465: its rules count in IDLE too */
		more = notify_look(s);
	} else if (s->state == ST_SELECTED && !sel_sync(s, true, NULL)) {
		s->expired = true;
	}
	if (!s->expired)
		metadata_tell(s);
	if (s->expired)
		return false;
	if (out->n == before && now - *last < STILL_HERE_MS)
		return more;
	if (out->n == before)
		write_untagged(out, "OK Still here");
	*last = now;
	return more;
}

static void
idle_fini(struct session *s, struct cmd *c)
{
	(void)c;
	watch_remove(s->d->watch, &s->watcher);
}

enum reply
cmd_idle(struct session *s, struct cmd *c)
{
	unsigned check = s->d->timeout < 120 ? s->d->timeout : 120;
	int64_t *last = ARENA_NEW(s->arena, int64_t);
	bool more;

	BUF_LIT(conn_out(s->conn), "+ idling\r\n");
	*last = clock_mono_ms();
	c->data = last;
	c->line = idle_done;
	c->wake = idle_look;
	c->fini = idle_fini;
	watch_add(s->d->watch, &s->watcher, s->conn,
	    str_of(s->state == ST_SELECTED ? s->sel.owner : s->user));
	conn_set_timeout(s->conn, check);
	more = idle_look(s, c);
	if (s->expired)
		return REPLY_ABORT;
	if (!more)
		return REPLY_WAIT;
	/* The command itself is read; it goes on as after a wake-up. */
	frame_reset(&s->frame);
	s->frame.plain = true;
	return REPLY_MORE;
}
