#include "check/tls_words.h"

#include <string.h>

#include "base/mem.h"

bool tls_words_are_old(const char *says)
{
	static const char *const words[] = { "unsupported protocol",
					     "protocol version" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strstr(says, words[i]))
			return true;
	return false;
}
