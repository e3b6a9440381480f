/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/internal.h"

#include "base/log.h"

/*
 * The message as a whole, for those who must see all of it: scanners, the
 * quarantine, readers of reports. A large one is not kept in memory.
 */

static void
add(struct message *m, struct str piece)
{
	struct err e = ERR_INIT;

	spool_put(&m->spool, piece);
	if (spool_must_write(&m->spool) && !spool_write(&m->spool, &e))
		log_error("filter", LOG_STR("queue", m->envelope.queue_id),
		    LOG_ERR(&e));
}

void
body_begin(struct message *m)
{
	struct buf header = { 0 };

	header_write(&header, &m->header);
	BUF_LIT(&header, "\r\n");
	spool_init(&m->spool);
	m->spooled = true;
	m->body_at = header.n;
	add(m, buf_str(&header));
	buf_fini(&header);
}

void
body_add(struct message *m, struct str chunk)
{
	add(m, chunk);
}

void
body_end(struct message *m)
{
	struct err e = ERR_INIT;

	if (spool_finish(&m->spool, &m->raw, &e))
		return;
	log_error(
	    "filter", LOG_STR("queue", m->envelope.queue_id), LOG_ERR(&e));
	m->facts.not_kept = true;
}

void
body_attachments(struct filter_session *s)
{
	struct message *m = &s->m;

	for (size_t i = 0; i < m->nrecipients; i++) {
		if (m->recipients[i].policy.attachment == FILTER_OFF)
			continue;
		m->facts.nattachments =
		    attachment_list(m->arena, m->raw, &m->attachments);
		m->facts.attachments = m->attachments;
		return;
	}
}

void
body_fini(struct message *m)
{
	if (m->spooled)
		spool_reset(&m->spool);
	m->spooled = false;
}
