/*
 * Text of strangers (what a CA said, what a zone holds) on its way to a
 * terminal: nothing in it may move the cursor, forge a line or turn the
 * reading direction. What may becomes \xNN or \u{NNNN}; other UTF-8 stays.
 */
#ifndef CLI_CLEAN_H
#define CLI_CLEAN_H

#include <jansson.h>

/* Always UTF-8, whatever the text is. The caller frees. */
char *clean_text(const char *text);

/* A new JSON string: the text as it is if that is UTF-8, and else cleaned. */
json_t *clean_new(const char *text);

/*
 * Every string in it, but for "body" and "pem", which are lines by nature and
 * made by the daemon itself.
 */
void clean_json(json_t *value);

#endif
