/*
 * Why libcurl got no answer, in words: whose fault it is, what happened, and
 * where one exists the remedy. ERR_AGAIN for the network's troubles,
 * ERR_REFUSED for those of certificates, which do not pass by themselves.
 */
#ifndef BASE_FETCH_ERROR_H
#define BASE_FETCH_ERROR_H

#include <curl/curl.h>

#include "base/err.h"

/*
 * `where` is "host:port", `says` what CURLOPT_ERRORBUFFER holds. `easy` still
 * holds what happened.
 */
void fetch_error(struct err *err, CURLcode code, CURL *easy, const char *where,
		 const char *says);

#endif
