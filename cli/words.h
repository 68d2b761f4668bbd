/*
 * A growing list of texts.
 */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

#include <stddef.h>

struct words {
	char **item;	/* owned, each too */
	size_t count;
	size_t room;
};

void words_add(struct words *w, const char *text);
void words_add_some(struct words *w, const char *text, size_t len);
void words_release(struct words *w);

/*
 * The word in `candidates` that `word` was probably meant to be: at most two
 * letters away, or begun with it. NULL if there is none.
 */
const char *words_nearest(const char *word, const char *const *candidates,
			  size_t count);

#endif
