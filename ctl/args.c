/* SPDX-License-Identifier: BSD-2-Clause */
#include <config.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "ctl/ctl.h"

const struct option_def common_options[] = {
	{ "config", "FILE", "configuration file (also -c)" },
	{ "json", NULL, "write JSON" },
	{ "help", NULL, "show this help (also -h)" },
	{ NULL, NULL, NULL },
};

/* ------------------------------------------------------------------------
 * Help
 */

static void
help_options(const struct option_def *o)
{
	for (; o && o->name; o++) {
		char left[64];

		snprintf(left, sizeof(left), "--%s%s%s", o->name,
		    o->arg ? " " : "", o->arg ? o->arg : "");
		printf("  %-24s %s\n", left, o->help);
	}
}

void
ctl_help(const struct verb *v)
{
	if (v) {
		printf("usage: mailstead %s %s%s\n\n%s\n\n", v->name, v->args,
		    v->options ? " [OPTION ...]" : "", v->help);
		help_options(v->options);
		help_options(common_options);
		return;
	}
	printf("usage: mailstead VERB [ARGUMENT ...] [OPTION ...]\n\n");
	for (v = verbs; v->name; v++)
		printf("  %-20s %s\n", v->name, v->help);
	printf("\nEvery verb:\n");
	help_options(common_options);
	printf("\n\"mailstead VERB --help\" tells more; so does "
	       "mailstead(1).\n");
}

/* ------------------------------------------------------------------------
 * Finding the verb: up to three words, as many as there is a verb of
 */

#define VERB_WORDS 3

static const struct verb *
find_verb(char *const *words, int n)
{
	struct buf name = { 0 };
	const struct verb *found = NULL;

	for (int i = 0; i < n; i++)
		buf_printf(&name, "%s%s", i ? " " : "", words[i]);
	for (const struct verb *v = verbs; !found && v->name; v++) {
		if (strcmp(v->name, buf_cstr(&name)) == 0)
			found = v;
	}
	buf_fini(&name);
	return found;
}

static bool
is_group(const char *word)
{
	size_t n = strlen(word);

	for (const struct verb *v = verbs; v->name; v++) {
		if (strncmp(v->name, word, n) == 0 && v->name[n] == ' ')
			return true;
	}
	return false;
}

static int
no_verb(struct ctl *c)
{
	if (c->argc == 0) {
		ctl_help(NULL);
		return EX_USAGE;
	}
	if (!is_group(c->argv[0]))
		return ctl_failf(c, EX_USAGE, "\"mailstead help\" lists them",
		    "there is no verb \"%s\"", c->argv[0]);
	fprintf(stderr, "mailstead %s what?\n", c->argv[0]);
	for (const struct verb *v = verbs; v->name; v++) {
		if (strncmp(v->name, c->argv[0], strlen(c->argv[0])) == 0)
			fprintf(
			    stderr, "  mailstead %s %s\n", v->name, v->args);
	}
	return EX_USAGE;
}

/* Keys are a domain's, and so are their verbs; who looks for them at the
 * filter, which signs with them, finds them there, too. */
static void
leave_filter_out(struct ctl *c)
{
	if (c->argc < 2 || strcmp(c->argv[0], "filter") != 0 ||
	    strcmp(c->argv[1], "dkim") != 0)
		return;
	c->argv++;
	c->argc--;
}

static bool
take_verb(struct ctl *c)
{
	int words;

	leave_filter_out(c);
	words = c->argc < VERB_WORDS ? c->argc : VERB_WORDS;
	while (words > 0 && !(c->verb = find_verb(c->argv, words)))
		words--;
	c->argv += words;
	c->argc -= words;
	return words > 0;
}

/* ------------------------------------------------------------------------
 * Options
 */

/* Words of the command line; options may stand anywhere. */
struct words {
	char **argv;
	int argc, at;
};

static int
give(struct ctl *c, const char *name, const char *value)
{
	if (c->ngiven == MAX_OPTIONS)
		return ctl_failf(c, EX_USAGE, NULL, "too many options");
	c->given[c->ngiven].name = name;
	c->given[c->ngiven++].value = value;
	return 0;
}

/* "--name", "--name=value" or "--name value": which is known with the verb,
 * so at first only what takes a value in any verb is told apart. */
static const struct option_def *
find_option(const struct option_def *o, struct str name)
{
	for (; o && o->name; o++) {
		if (str_eqc(name, o->name))
			return o;
	}
	return NULL;
}

static const struct option_def *
any_option(struct str name)
{
	const struct option_def *o = find_option(common_options, name);

	for (const struct verb *v = verbs; !o && v->name; v++)
		o = find_option(v->options, name);
	return o;
}

static int
take_long(struct ctl *c, struct words *w, const char *text)
{
	struct str name = str_of(text), value = STR_NULL;
	size_t eq = str_chr(name, '=');
	const struct option_def *o;

	if (eq != STR_NPOS) {
		value = str_sub(name, eq + 1, name.n);
		name = str_sub(name, 0, eq);
	}
	o = any_option(name);
	if (!o)
		return ctl_failf(c, EX_USAGE, "see \"mailstead help\"",
		    "there is no option --%.*s", STR_ARG(name));
	if (!o->arg)
		return value.p ? ctl_failf(c, EX_USAGE, NULL,
				     "--%s takes no value", o->name)
			       : give(c, o->name, "");
	if (value.p)
		return give(c, o->name, value.p);
	if (w->at == w->argc)
		return ctl_failf(c, EX_USAGE, NULL, "--%s needs a value: %s",
		    o->name, o->arg);
	return give(c, o->name, w->argv[w->at++]);
}

static int
take_short(struct ctl *c, struct words *w, const char *text)
{
	if (strcmp(text, "-h") == 0)
		return give(c, "help", "");
	if (strcmp(text, "-V") == 0)
		return give(c, "version", "");
	if (strncmp(text, "-c", 2) != 0)
		return ctl_failf(
		    c, EX_USAGE, NULL, "there is no option %s", text);
	if (text[2])
		return give(c, "config", text + 2);
	if (w->at == w->argc)
		return ctl_failf(c, EX_USAGE, NULL, "-c needs a FILE");
	return give(c, "config", w->argv[w->at++]);
}

static int
take_words(struct ctl *c, struct words *w)
{
	bool plain = false;
	int status = 0;

	c->argv = arena_array(c->arena, (size_t)w->argc + 1, sizeof(char *));
	while (status == 0 && w->at < w->argc) {
		char *word = w->argv[w->at++];

		if (!plain && strcmp(word, "--") == 0)
			plain = true;
		else if (!plain && strncmp(word, "--", 2) == 0)
			status = take_long(c, w, word + 2);
		else if (!plain && word[0] == '-' && word[1])
			status = take_short(c, w, word);
		else
			c->argv[c->argc++] = word;
	}
	return status;
}

static int
check_options(struct ctl *c)
{
	for (size_t i = 0; i < c->ngiven; i++) {
		struct str name = str_of(c->given[i].name);

		if (!find_option(common_options, name) &&
		    !find_option(c->verb->options, name))
			return ctl_failf(c, EX_USAGE,
			    "its options are shown by --help",
			    "%s has no option --%s", c->verb->name, name.p);
	}
	if (c->argc < c->verb->min ||
	    (c->verb->max >= 0 && c->argc > c->verb->max))
		return ctl_failf(c, EX_USAGE, NULL, "usage: mailstead %s %s",
		    c->verb->name, c->verb->args);
	return 0;
}

int
ctl_parse(struct ctl *c, int argc, char **argv)
{
	struct words w = { argv + 1, argc - 1, 0 };
	bool help;
	int status = take_words(c, &w);

	c->json = ctl_switch(c, "json");
	c->conf_path = ctl_option(c, "config");
	if (status != 0)
		return status;
	if (ctl_switch(c, "version")) {
		printf("mailstead %s\n", PACKAGE_VERSION);
		return 0;
	}
	help = ctl_switch(c, "help");
	if (c->argc > 0 && strcmp(c->argv[0], "help") == 0) {
		help = true;
		c->argc--;
		c->argv++;
	}
	if (take_verb(c) && !help)
		return check_options(c);
	if (!c->verb && (c->argc > 0 || !help))
		return no_verb(c);
	ctl_help(c->verb);
	c->verb = NULL;
	return 0;
}

const char *
ctl_option_next(const struct ctl *c, const char *name, size_t *at)
{
	while (*at < c->ngiven) {
		size_t i = (*at)++;

		if (strcmp(c->given[i].name, name) == 0)
			return c->given[i].value;
	}
	return NULL;
}

const char *
ctl_option(const struct ctl *c, const char *name)
{
	const char *value = NULL, *v;
	size_t at = 0;

	while ((v = ctl_option_next(c, name, &at)))
		value = v;
	return value;
}

bool
ctl_switch(const struct ctl *c, const char *name)
{
	return ctl_option(c, name) != NULL;
}
