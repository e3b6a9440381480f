/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/language.h"

#include <pthread.h>
#include <stdlib.h>

#define WORDS 128

static const struct sieve_verb *const tables[] = {
	sieve_verbs_control,
	sieve_verbs_action,
	sieve_verbs_logic,
	sieve_verbs_address,
	sieve_verbs_header,
	sieve_verbs_body,
	sieve_verbs_date,
	sieve_verbs_variables,
	sieve_verbs_flags,
	sieve_verbs_include,
	sieve_verbs_mailbox,
	sieve_verbs_environment,
	sieve_verbs_editheader,
	sieve_verbs_parts,
	sieve_verbs_reject,
	sieve_verbs_vacation,
	sieve_verbs_notify,
	sieve_verbs_score,
	sieve_verbs_duplicate,
	sieve_verbs_program,
	sieve_verbs_abuse,
};

/* All of them by name, tests after commands. */
static const struct sieve_verb *words[WORDS];
static size_t nwords;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int
compare(const void *a, const void *b)
{
	const struct sieve_verb *v = *(const struct sieve_verb *const *)a;
	const struct sieve_verb *w = *(const struct sieve_verb *const *)b;
	int c = str_icmp(str_of(v->name), str_of(w->name));

	return c ? c : (v->test != NULL) - (w->test != NULL);
}

static void
sort_words(void)
{
	for (size_t i = 0; i < LEN(tables); i++) {
		for (const struct sieve_verb *v = tables[i]; v->name; v++) {
			if (nwords == WORDS)
				abort(); /* make the table larger */
			words[nwords++] = v;
		}
	}
	qsort(words, nwords, sizeof(*words), compare);
}

static const struct sieve_verb *
find_standard(struct str name, bool test)
{
	size_t lo = 0, hi;

	pthread_once(&once, sort_words);
	hi = nwords;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		const struct sieve_verb *v = words[mid];
		int c = str_icmp(name, str_of(v->name));

		if (c == 0)
			c = test - (v->test != NULL);
		if (c == 0)
			return v;
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

const struct sieve_verb *
sieve_verb_find(const struct sieve_language *extra, struct str name, bool test)
{
	const struct sieve_verb *v = extra ? extra->verbs : NULL;

	for (; v && v->name; v++) {
		if (str_ieqc(name, v->name) && test == (v->test != NULL))
			return v;
	}
	return find_standard(name, test);
}
