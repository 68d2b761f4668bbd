/*
 * POST /v1/domains/NAME/look: DNS is looked at now, not at the next turn.
 *
 * It changes nothing that an admin set, so it leaves no event. What was last
 * seen is the answer; the look is over when "looked" is later than "asked".
 */
#include "daemon/api.h"
#include "daemon/json_view.h"
#include "store/reached.h"
#include "store/watch.h"

bool api_domain_look(struct api_call *call, struct err *err)
{
	struct store *s = call->parts->store;
	struct domain d;
	struct watch w;

	if (!api_domain(call, &d, err) || !store_begin(s, err))
		return false;
	if (!watch_of(s, &d, &w, err)) {
		store_rollback(s);
		return false;
	}
	if (!watch_now(s, d.id, call->now, err) ||
	    !reached_soon(s, d.id, call->now, err)) {
		store_rollback(s);
		return false;
	}
	call->answer = json_pack("{s:s, s:o, s:o}", "name", d.name, "asked",
				 view_instant(call->now), "looked",
				 view_instant(w.looked_at));
	return store_commit(s, err);
}
