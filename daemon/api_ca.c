/*
 * /v1/cas: the certificate authorities, in order of preference, and what
 * stands between them and an order.
 */
#include "daemon/api.h"
#include "daemon/json_view.h"

bool api_ca_list(struct api_call *call, struct err *err)
{
	struct engine *engine = call->parts->engine;
	struct engine_ca_status ca;
	json_t *list = json_array();

	(void)err;
	for (size_t i = 0; i < engine_ca_count(engine); i++) {
		engine_ca_status(engine, i, &ca);
		json_array_append_new(list, view_ca(&ca));
	}
	call->answer = json_pack("{s:o}", "cas", list);
	return true;
}
