/*
 * Alerts about what TLS reports tell of a domain: failures, their share, that
 * none come any more, a reporter that goes by an old version of its policy.
 *
 * Judged when a report was stored, and at each look at DNS, by which they end.
 * Inside a transaction; control thread only.
 */
#ifndef DAEMON_REPORT_ALERTS_H
#define DAEMON_REPORT_ALERTS_H

#include "daemon/config.h"
#include "store/domain.h"

#define REPORT_SHARE_SESSIONS 20 /* of fewer a share says nothing */
#define REPORT_SILENT_DAYS    7	 /* asked for, and none came */
#define REPORT_USUAL_DAYS     3	 /* in the week before: they used to come */

bool report_alerts_judge(struct store *s, const struct domain *d,
			 const struct config *config, time_t now,
			 struct err *err);

/*
 * No report ever came, though DNS asks for them here: *since says since when it
 * does at least, as far as is known. 0 if one did, or nobody asks, or not for so
 * long. The alert is of level info then: small domains may never have one.
 */
bool report_unheard_since(struct store *s, const struct domain *d, time_t now,
			  time_t *since, struct err *err);

#endif
