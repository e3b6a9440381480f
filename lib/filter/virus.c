/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/internal.h"

/* The virus scanner sees a message as it comes, if anybody who gets it wants
 * that. */

static bool
is_wanted(const struct message *m)
{
	for (size_t i = 0; i < m->nrecipients; i++) {
		if (policy_scans(&m->recipients[i].policy))
			return true;
	}
	return false;
}

void
virus_begin(struct filter_session *s)
{
	struct message *m = &s->m;
	struct buf header = { 0 };

	if (!*s->rules.antivirus.server || !is_wanted(m))
		return;
	m->scan = scan_new(s->f->antivirus, &s->rules.antivirus);
	header_write(&header, &m->header);
	BUF_LIT(&header, "\r\n");
	scan_add(m->scan, buf_str(&header));
	buf_fini(&header);
}

void
virus_body(struct message *m, struct str chunk)
{
	if (m->scan)
		scan_add(m->scan, chunk);
}

/* clamd's words for what it may or could not look into. */
static bool
is_encrypted(struct str name)
{
	return str_starts(name, STR("Heuristics.Encrypted."));
}

static bool
is_over_limits(struct str name)
{
	return str_starts(name, STR("Heuristics.Limits.Exceeded"));
}

void
virus_end(struct filter_session *s)
{
	struct message *m = &s->m;
	struct virus_facts *v = &m->virus;
	struct err e = ERR_INIT;
	char name[128];

	if (!m->scan)
		return;
	v->result = scan_end(m->scan, name, &e);
	v->name = arena_str(m->arena, str_of(name));
	v->why = arena_str(m->arena, str_of(e.msg));
	v->encrypted = is_encrypted(v->name);
	if (is_over_limits(v->name))
		v->result = SCAN_TOO_LARGE;
	m->facts.virus = v;
}

void
virus_fini(struct message *m)
{
	scan_free(&m->scan);
}
