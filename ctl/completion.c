/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "ctl/verbs.h"

/*
 * Both scripts hold the verb table as a list of "verb|options" lines, so that
 * completing needs no call of the program.
 */

static void
put_words(void)
{
	for (const struct verb *v = verbs; v->name; v++) {
		printf("%s|", v->name);
		for (const struct option_def *o = v->options; o && o->name; o++)
			printf("--%s ", o->name);
		for (const struct option_def *o = common_options; o->name; o++)
			printf("--%s%s", o->name, o[1].name ? " " : "\n");
	}
}

static const char bash_head[] = "# bash completion for mailstead\n"
				"_mailstead_verbs='\n";

static const char bash_tail[] =
    "'\n"
    "_mailstead()\n"
    "{\n"
    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} given= word line verb\n"
    "\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
    "\t\t[[ $word == -* ]] || given+=\"$word \"\n"
    "\tdone\n"
    "\tlocal words=\n"
    "\twhile IFS= read -r line; do\n"
    "\t\tverb=${line%%|*}\n"
    "\t\tif [[ -n $verb && \"$given\" == \"$verb \"* ]]; then\n"
    "\t\t\twords=${line#*|}\n"
    "\t\t\tbreak\n"
    "\t\telif [[ -n $verb && \"$verb \" == \"$given\"* ]]; then\n"
    "\t\t\tverb=${verb#\"$given\"}\n"
    "\t\t\twords+=\" ${verb%% *}\"\n"
    "\t\tfi\n"
    "\tdone <<< \"$_mailstead_verbs\"\n"
    "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
    "\t[[ $cur == -* || ${#COMPREPLY[@]} -gt 0 ]] ||\n"
    "\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
    "}\n"
    "complete -F _mailstead mailstead\n";

static const char zsh_head[] = "#compdef mailstead\n"
			       "_mailstead_verbs='\n";

static const char zsh_tail[] =
    "'\n"
    "_mailstead()\n"
    "{\n"
    "\tlocal given= word line verb\n"
    "\tlocal -a choices\n"
    "\tfor word in ${words[2,CURRENT-1]}; do\n"
    "\t\t[[ $word == -* ]] || given+=\"$word \"\n"
    "\tdone\n"
    "\tfor line in ${(f)_mailstead_verbs}; do\n"
    "\t\tverb=${line%%|*}\n"
    "\t\tif [[ \"$given\" == \"$verb \"* ]]; then\n"
    "\t\t\tchoices=(${=line#*|})\n"
    "\t\t\tbreak\n"
    "\t\telif [[ \"$verb \" == \"$given\"* ]]; then\n"
    "\t\t\tverb=${verb#\"$given\"}\n"
    "\t\t\tchoices+=(${verb%% *})\n"
    "\t\tfi\n"
    "\tdone\n"
    "\tcompadd -- ${(u)choices} || _files\n"
    "}\n"
    "_mailstead \"$@\"\n";

int
cmd_completion(struct ctl *c)
{
	bool bash = strcmp(c->argv[0], "bash") == 0;

	if (!bash && strcmp(c->argv[0], "zsh") != 0)
		return ctl_failf(
		    c, EX_USAGE, NULL, "completion is for bash or zsh");
	fputs(bash ? bash_head : zsh_head, stdout);
	put_words();
	fputs(bash ? bash_tail : zsh_tail, stdout);
	return 0;
}
