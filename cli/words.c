#include "cli/words.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define WORD_MAX 32	/* longer words are nobody's typing error */
#define FAR	 3	/* this many letters changed: another word */

void words_add_some(struct words *w, const char *text, size_t len)
{
	if (w->count == w->room) {
		w->room = w->room ? w->room * 2 : 8;
		w->item = xrealloc_array(w->item, w->room, sizeof(*w->item));
	}
	w->item[w->count++] = xstrndup(text, len);
}

void words_add(struct words *w, const char *text)
{
	words_add_some(w, text, strlen(text));
}

void words_release(struct words *w)
{
	for (size_t i = 0; i < w->count; i++)
		free(w->item[i]);
	free(w->item);
	*w = (struct words){ 0 };
}

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Letters to insert, drop or change between them (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], len = strlen(b);

	if (strlen(a) > WORD_MAX || len > WORD_MAX)
		return FAR;
	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 1; *a; i++, a++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= len; j++) {
			size_t above = row[j];

			row[j] = least(above + 1, row[j - 1] + 1,
				       corner + (*a != b[j - 1]));
			corner = above;
		}
	}
	return row[len];
}

const char *words_nearest(const char *word, const char *const *candidates,
			  size_t count)
{
	const char *nearest = NULL;
	size_t best = FAR;

	if (!*word)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t far = str_starts(candidates[i], word)
				     ? 1
				     : distance(word, candidates[i]);

		if (far >= best || far >= strlen(candidates[i]))
			continue;
		best = far;
		nearest = candidates[i];
	}
	return nearest;
}
