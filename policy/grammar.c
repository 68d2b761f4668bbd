#include "policy/grammar.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define FIELD_NAME_MAX 32
#define QUOTE_MAX      60

bool grammar_is_field_name(const char *name)
{
	size_t len = strlen(name);

	return len >= 1 && len <= FIELD_NAME_MAX &&
	       strspn(name, GRAMMAR_ALNUM) > 0 &&
	       strspn(name, GRAMMAR_ALNUM "_-.") == len;
}

bool grammar_refuse(const char *given, const char *why, const char *hint,
		    struct err *err)
{
	char *shown = str_quoted(given, QUOTE_MAX);

	err_set(err, ERR_INPUT, "%s %s", shown, why);
	free(shown);
	return err_hint(err, "%s", hint);
}
