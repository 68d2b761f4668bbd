/*
 * What is to be looked through for an order that a lost answer may have made
 * (RFC 8555, 7.1.2.1): a text of URLs, one a line, so that it lies in the
 * order's row. Before a URL may stand marks: "+" for a page of the account's
 * list, "!" for each error that an order was met with, "~" for what comes after
 * a look that went well.
 *
 * A CA may call anything an order: what is no URL does not come in. Pure.
 */
#ifndef ACME_SEARCH_H
#define ACME_SEARCH_H

#include "store/order.h"

/* "https://" or "http://", and nothing that would break the text. */
bool search_takes(const char *url);

/* At the end; left out if it is no URL, or there is no room. */
void search_push(char list[static ORDER_SEEK_SIZE], const char *marks,
		 const char *url);

/* The URL that comes first, without its marks. False: there is none. */
bool search_first(const char *list, char out[static URL_SIZE]);
void search_pop(char *list);

/* Is it in there, or need not come in as it is no URL? */
bool search_has(const char *list, const char *url);

/* Of what comes first. */
bool search_has_mark(const char *list, char mark);
size_t search_errors(const char *list);
void search_note_good(char list[static ORDER_SEEK_SIZE]);

#endif
