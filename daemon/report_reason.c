#include "daemon/report_reason.h"

#include "base/mem.h"
#include "base/str.h"

/*
 * What errors begin with, of policy/tls_report.c and what that is made of, and
 * what is said of them; NULL: just that.
 */
static const struct {
	const char *begins, *says;
} known[] = {
	{ "the report is JSON, but no object", NULL },
	{ "the report is not JSON", NULL },
	{ "the report has no start-datetime", NULL },
	{ "the report has no end-datetime", NULL },
	{ "the start-datetime of the report is no date", NULL },
	{ "the end-datetime of the report is no date", NULL },
	{ "the report ends before it begins", NULL },
	{ "the report is longer than", "the report is longer than 2 MiB" },
	{ "the report is of more than", "the report is of more than 31 days" },
	{ "the JSON closes more than it opens", NULL },
	{ "the JSON ends within a string", NULL },
	{ "the JSON ends before what it has begun", NULL },
	{ "the JSON is empty", NULL },
	{ "the JSON is nested deeper than", "the JSON is nested too deep" },
	{ "the JSON has more than", "the JSON has too many values" },
	{ "inflated it is more than", "the report is longer than 2 MiB" },
	{ "it inflates to more than", "the gzip data inflates to too much" },
	{ "the gzip data is cut off", NULL },
	{ "the gzip data is damaged", NULL },
	{ "the gzip data is too long", NULL },
	{ "the days that it tells of have not come yet", NULL },
	{ "too many reports wait to be read", NULL },
};

#define OVER_LIMIT                                                             \
	"the report is over a limit: 1,000 policies, 5,000 failure details"

static const char *const usual[] = {
	[INTAKE_STORED] = "it is stored",
	[INTAKE_KNOWN] = "it is known, and counts once",
	[INTAKE_EMPTY] = "it is a report, and tells of no policy",
	[INTAKE_NOT_OURS] = "none of its policies is of this domain",
	[INTAKE_NO_REPORT] = "this is no TLS report (RFC 8460)",
	[INTAKE_OVER_LIMIT] = OVER_LIMIT,
	[INTAKE_TOO_MANY] = "too many reports of late",
	[INTAKE_LATER] = "no report can be taken just now",
};

const char *report_reason(const struct intake_answer *a)
{
	for (size_t i = 0; a->err.kind && i < ARRAY_LEN(known); i++)
		if (str_starts(a->err.text, known[i].begins))
			return known[i].says ? known[i].says : known[i].begins;
	return usual[a->outcome];
}
