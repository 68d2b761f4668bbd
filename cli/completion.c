#include "cli/completion.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/command.h"

/* ---- what the words of options are ---- */

enum value { VALUE_NONE, VALUE_FILE, VALUE_CHOICE, VALUE_OWN };

static const struct {
	enum option_id id;
	const char *words;
} choices[] = {
	{ OPT_MODE, "testing enforce none" },
	{ OPT_FORMAT, "csv json text zone nsupdate" },
	{ OPT_PRESET, "m365 google" },
	{ OPT_STATE, "waiting-for-dns issuing live removing handing-over" },
	{ OPT_TRACK_MX, "yes no" },
};

static const char *choice_of(enum option_id id)
{
	for (size_t i = 0; i < ARRAY_LEN(choices); i++)
		if (choices[i].id == id)
			return choices[i].words;
	return NULL;
}

static enum value value_of(enum option_id id)
{
	const char *value = option_about(id)->value;

	if (!value)
		return VALUE_NONE;
	if (choice_of(id))
		return VALUE_CHOICE;
	return streq(value, "FILE") || streq(value, "PATH") ? VALUE_FILE
							    : VALUE_OWN;
}

/* "--file|--key)", for a `case`. */
static void print_pattern(FILE *to, enum value kind)
{
	const char *before = "";

	for (unsigned id = 0; id < OPT_COUNT; id++) {
		if (value_of((enum option_id)id) != kind)
			continue;
		fprintf(to, "%s--%s", before,
			option_about((enum option_id)id)->name);
		before = "|";
	}
	fputs(")", to);
}

/* ---- in single quotes ---- */

static void print_quoted(FILE *to, const char *text)
{
	for (; *text; text++)
		if (*text == '\'')
			fputs("'\\''", to);
		else
			fputc(*text, to);
}

/* zsh's _describe: "word:what it is". */
static void print_described(FILE *to, const char *word, const char *about)
{
	fprintf(to, " '%s:", word);
	print_quoted(to, about);
	fputs("'", to);
}

/* ---- both shells walk over the words before the one to be completed ---- */

static void print_walk(FILE *to, const char *word, const char *first,
		       const char *past)
{
	fprintf(to,
		"\tfor ((at = %s; at < %s; at++)); do\n"
		"\t\tword=%s\n"
		"\t\tcase $word in\n\t\t",
		first, past, word);
	print_pattern(to, VALUE_FILE);
	fputs(" ((++at)) ;;\n\t\t", to);
	print_pattern(to, VALUE_CHOICE);
	fputs(" ((++at)) ;;\n\t\t", to);
	print_pattern(to, VALUE_OWN);
	fputs(" ((++at)) ;;\n"
	      "\t\t-*|help) ;;\n"
	      "\t\t*) if [[ -z $noun ]]; then noun=$word\n"
	      "\t\t   elif [[ -z $verb ]]; then verb=$word; fi ;;\n"
	      "\t\tesac\n"
	      "\tdone\n",
	      to);
}

/* ---- rows ---- */

static bool is_first_of_noun(size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (streq(command_at(k)->noun, command_at(i)->noun))
			return false;
	return true;
}

struct shell {
	const char *name;
	void (*print)(FILE *to, const struct shell *shell);
	void (*word)(FILE *to, const char *word, const char *about);
	const char *list, *end; /* around the words of a list */
};

static void print_nouns(FILE *to, const struct shell *s)
{
	const struct command *c;

	for (size_t i = 0; (c = command_at(i)) != NULL; i++)
		if (is_first_of_noun(i))
			s->word(to, c->noun, c->verb ? "..." : c->about);
	s->word(to, "help", "what there is");
}

static void print_verbs(FILE *to, const struct shell *s, const char *noun)
{
	const struct command *c;

	fprintf(to, "\t%s) %s", noun, s->list);
	for (size_t i = 0; (c = command_at(i)) != NULL; i++)
		if (streq(c->noun, noun) && c->verb)
			s->word(to, c->verb, c->about);
	fprintf(to, "%s ;;\n", s->end);
}

static void print_all_verbs(FILE *to, const struct shell *s)
{
	const struct command *c;

	fputs("\tcase $noun in\n", to);
	for (size_t i = 0; (c = command_at(i)) != NULL; i++)
		if (is_first_of_noun(i) && c->verb)
			print_verbs(to, s, c->noun);
	fputs("\tesac\n", to);
}

static void print_options(FILE *to, const struct shell *s,
			  const struct command *c)
{
	unsigned long long takes = c->options | OPTIONS_ALWAYS;

	fprintf(to, "\t'%s %s') %s", c->noun, c->verb ? c->verb : "", s->list);
	for (unsigned id = 0; id < OPT_COUNT; id++) {
		const struct option_about *o = option_about((enum option_id)id);
		char word[40];

		snprintf(word, sizeof(word), "--%s", o->name);
		if (takes & OPTION_BIT(id))
			s->word(to, word, o->about);
	}
	fprintf(to, "%s ;;\n", s->end);
}

/* What stands behind a noun without verbs is no verb. */
static void print_all_options(FILE *to, const struct shell *s)
{
	const struct command *c;

	fputs("\tcase $noun in\n\t", to);
	for (size_t i = 0; (c = command_at(i)) != NULL; i++)
		if (!c->verb)
			fprintf(to, "%s%s", i ? "|" : "", c->noun);
	fputs(") verb= ;;\n\tesac\n\tcase \"$noun $verb\" in\n", to);
	for (size_t i = 0; (c = command_at(i)) != NULL; i++)
		print_options(to, s, c);
	fputs("\tesac\n", to);
}

static void print_choices(FILE *to, const char *before, const char *after)
{
	for (size_t i = 0; i < ARRAY_LEN(choices); i++)
		fprintf(to, "\t--%s) %s%s%s; return ;;\n",
			option_about(choices[i].id)->name, before,
			choices[i].words, after);
}

/* ---- bash ---- */

static void bash_word(FILE *to, const char *word, const char *about)
{
	(void)about;
	fprintf(to, " %s", word);
}

static void bash(FILE *to, const struct shell *s)
{
	fputs("# bash completion of mtastsctl: made by `mtastsctl completion "
	      "bash`\n\n"
	      "_mtastsctl()\n{\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} noun= verb= words= word "
	      "at\n\n"
	      "\tCOMPREPLY=()\n"
	      "\tcase ${COMP_WORDS[COMP_CWORD - 1]} in\n\t",
	      to);
	print_pattern(to, VALUE_FILE);
	fputs(" COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n", to);
	print_choices(to, "COMPREPLY=($(compgen -W '", "' -- \"$cur\"))");
	fputs("\t", to);
	print_pattern(to, VALUE_OWN);
	fputs(" return ;;\n\tesac\n", to);
	print_walk(to, "${COMP_WORDS[at]}", "1", "COMP_CWORD");
	fputs("\tif [[ -z $noun ]]; then\n\twords='", to);
	print_nouns(to, s);
	fputs("'\n\telif [[ -z $verb && $cur != -* ]]; then\n", to);
	print_all_verbs(to, s);
	fputs("\tfi\n\tif [[ $cur == -* ]]; then\n", to);
	print_all_options(to, s);
	fputs("\tfi\n"
	      "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	      "}\n\n"
	      "complete -o default -F _mtastsctl mtastsctl\n",
	      to);
}

/* ---- zsh ---- */

static void zsh(FILE *to, const struct shell *s)
{
	fputs("#compdef mtastsctl\n"
	      "# zsh completion of mtastsctl: made by `mtastsctl completion "
	      "zsh`\n\n"
	      "_mtastsctl()\n{\n"
	      "\tlocal noun= verb= word= cur=$words[CURRENT]\n"
	      "\tinteger at\n"
	      "\tlocal -a list\n\n"
	      "\tcase $words[CURRENT-1] in\n\t",
	      to);
	print_pattern(to, VALUE_FILE);
	fputs(" _files; return ;;\n", to);
	print_choices(to, "compadd -- ", "");
	fputs("\t", to);
	print_pattern(to, VALUE_OWN);
	fputs(" _message value; return ;;\n\tesac\n", to);
	print_walk(to, "$words[at]", "2", "CURRENT");
	fputs("\tif [[ -z $noun ]]; then\n\tlist=(", to);
	print_nouns(to, s);
	fputs(")\n\telif [[ -z $verb && $cur != -* ]]; then\n", to);
	print_all_verbs(to, s);
	fputs("\tfi\n\tif [[ $cur == -* ]]; then\n", to);
	print_all_options(to, s);
	fputs("\tfi\n"
	      "\tif (( $#list )); then _describe word list; else _files; fi\n"
	      "}\n\n"
	      "_mtastsctl \"$@\"\n",
	      to);
}

static const struct shell shells[] = {
	{ "bash", bash, bash_word, "words='", "'" },
	{ "zsh", zsh, print_described, "list=(", ")" },
};

bool completion_print(FILE *to, const char *shell)
{
	for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
		if (!streq(shell, shells[i].name))
			continue;
		shells[i].print(to, &shells[i]);
		return true;
	}
	return false;
}
