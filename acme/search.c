#include "acme/search.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define MARKS "~+!"

bool search_takes(const char *url)
{
	for (const char *p = url; *p; p++)
		if (*p <= ' ' || *p > '~')
			return false;
	return str_starts(url, "https://") || str_starts(url, "http://");
}

void search_push(char list[static ORDER_SEEK_SIZE], const char *marks,
		 const char *url)
{
	size_t used = strlen(list);
	size_t need = strlen(marks) + strlen(url) + 1;

	if (search_takes(url) && used + need < ORDER_SEEK_SIZE)
		snprintf(list + used, ORDER_SEEK_SIZE - used, "%s%s\n", marks,
			 url);
}

bool search_first(const char *list, char out[static URL_SIZE])
{
	const char *from = list + strspn(list, MARKS);
	size_t len = strcspn(from, "\n");

	if (!len || len >= URL_SIZE)
		return false;
	memcpy(out, from, len);
	out[len] = '\0';
	return true;
}

void search_pop(char *list)
{
	const char *rest = list + strcspn(list, "\n");

	if (*rest)
		rest++;
	memmove(list, rest, strlen(rest) + 1);
}

bool search_has(const char *list, const char *url)
{
	size_t len = strlen(url);
	const char *at = list;

	if (!search_takes(url))
		return true;
	while ((at = strstr(at, url)) && at[len] != '\n')
		at += len;
	return at != NULL;
}

bool search_has_mark(const char *list, char mark)
{
	return memchr(list, mark, strspn(list, MARKS)) != NULL;
}

size_t search_errors(const char *list)
{
	size_t n = 0;

	for (size_t i = 0; i < strspn(list, MARKS); i++)
		n += list[i] == '!';
	return n;
}

void search_note_good(char list[static ORDER_SEEK_SIZE])
{
	size_t len = strlen(list);

	if (!len || *list == '~' || len + 2 > ORDER_SEEK_SIZE)
		return;
	memmove(list + 1, list, len + 1);
	*list = '~';
}
