/*
 * What of a look at DNS goes into the trail: that a name leads elsewhere, that
 * another id is announced, that the mail hosts are others.
 *
 * Who changes DNS, or answers differently each time, does not fill the trail:
 * the same is said once an hour, and of each kind six things at most. What is
 * left out is counted (watch->untold_*), and told with the next; at the end of
 * it the trail says what is so.
 */
#ifndef DAEMON_WATCH_NEWS_H
#define DAEMON_WATCH_NEWS_H

#include "daemon/watch_merge.h"

/* `news` as watch_merge() gave it. Changes *k; inside a transaction. */
bool watch_news_tell(struct store *s, const struct domain *d, struct watch *k,
		     unsigned news, time_t now, struct err *err);

#endif
