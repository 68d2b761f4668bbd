#include "daemon/metrics.h"

#include "base/mem.h"
#include "daemon/metrics_parts.h"

/* What there is whatever has become of the store, and what it takes one for. */
static const struct {
	void (*add)(struct metrics *m);
	bool needs_store;
} subjects[] = {
	{ metrics_box, false },	  { metrics_serving, false },
	{ metrics_store, true },  { metrics_domains, true },
	{ metrics_cas, true },	  { metrics_reports, true },
	{ metrics_alerts, true },
};

char *metrics_text(const struct admin_parts *parts, time_t now)
{
	struct metrics m = { .parts = parts, .now = now };

	if (parts->meter)
		m.reading = meter_read(parts->meter);
	exposition_init(&m.out);
	for (size_t i = 0; i < ARRAY_LEN(subjects); i++)
		if (parts->store || !subjects[i].needs_store)
			subjects[i].add(&m);
	return exposition_take(&m.out);
}
