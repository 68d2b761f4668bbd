#include "daemon/mx_moves.h"

#define TTL_LEAST 3600L

long mx_moves_ttl(long seen)
{
	if (seen > WATCH_TTL_MOST)
		return WATCH_TTL_MOST;
	return seen > TTL_LEAST ? seen : TTL_LEAST;
}

static time_t later(time_t a, time_t b)
{
	return a > b ? a : b;
}

bool mx_move_of(struct store *s, const struct domain *d, const struct watch *w,
		const struct policy_version *current,
		const struct sts_policy *hosts, time_t now,
		struct mx_move *move, bool *is_known, struct err *err)
{
	*move = (struct mx_move){ 0 };
	if (!policy_version_held_until(s, d, now, policy_version_refuses,
				       hosts, &move->by_all, err))
		return false;
	*is_known = move->by_all <= now;
	if (*is_known)
		return true;
	if (current->announced_at &&
	    watch_announced(w, current->sts_id) == ANNOUNCED_IN_STEP)
		move->by_id = later(current->announced_at, w->txt_since) +
			      mx_moves_ttl(w->txt_ttl);
	if (move->by_id > move->by_all)
		move->by_id = move->by_all;
	return true;
}
