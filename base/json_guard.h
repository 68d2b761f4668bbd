/*
 * How large a JSON text is, before anything is built of it: a parser that
 * makes a tree turns 5 MB of nested arrays into 386 MB.
 *
 * One pass, no recursion, no memory. It counts and judges nothing else:
 * whether the text is JSON at all, the parser says. Of a text that a parser
 * takes the counts are exact; of one that it gives up on, they are no less
 * than what it will have built by then.
 *
 * No I/O, no clock. Any thread.
 */
#ifndef BASE_JSON_GUARD_H
#define BASE_JSON_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * What a tree costs in jansson 2.14, measured: a number 45 bytes, a string 95
 * and its own, a member's name 95 and its own, an array 140, an object 240.
 */
struct json_size {
	size_t values;	   /* names of members, and containers, too */
	size_t containers; /* arrays and objects */
	size_t depth;	   /* of containers within each other */
};

/*
 * ERR_REFUSED: over a limit, the text says which. ERR_INPUT: it is empty,
 * ends within a string or a container, or closes what it never opened.
 * *seen, if not NULL, is what was counted until then.
 */
bool json_guard(const char *text, size_t len, const struct json_size *limit,
		struct json_size *seen, struct err *err);

#endif
