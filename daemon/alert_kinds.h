/*
 * The kinds of alerts: stable words, listed in mtastsctl(1).
 */
#ifndef DAEMON_ALERT_KINDS_H
#define DAEMON_ALERT_KINDS_H

#define KIND_CERT      "cert.expiring"
#define KIND_SERVED    "cert.not-served"
#define KIND_DOMAIN    "domain.failing"
#define KIND_CA	       "ca.down"
#define KIND_UNPROVEN "ca.unproven"
#define KIND_ALIKE	 "validations.failing"
#define KIND_ACCOUNT   "account.trouble"
#define KIND_STALLED   "schedule.stalled"
#define KIND_FORGOTTEN "schedule.forgotten"
#define KIND_CLOCK	    "box.clock"
#define KIND_STORE     "store.health"
#define KIND_ZONE      "zone.unpublished"
#define KIND_BACKUP	    "backup.failed"
#define KIND_MX	       "policy.mx-drift"
#define KIND_REFUSED	 "policy.mx-refused"
#define KIND_UNANNOUNCED "policy.not-announced"
#define KIND_READY     "domain.ready"
#define KIND_REMOVABLE "domain.removable"
#define KIND_REPORT_FAILING "report.failing"
#define KIND_REPORT_SHARE   "report.share"
#define KIND_REPORT_SILENT  "report.silent"
#define KIND_REPORT_OLD	    "report.old-version"
#define KIND_REPORT_SHED    "report.shed"
#define KIND_SINK      "alert.sink-down"
#define KIND_TEST      "alert.test"

/* Those that can be silenced: all but the last. */
#define ALERT_KINDS                                                            \
	{                                                                      \
		KIND_CERT, KIND_SERVED, KIND_DOMAIN, KIND_CA, KIND_UNPROVEN,   \
			KIND_ALIKE, KIND_ACCOUNT, KIND_STALLED,                \
			KIND_FORGOTTEN, KIND_CLOCK, KIND_STORE, KIND_ZONE,     \
			KIND_BACKUP, KIND_SINK, KIND_MX, KIND_REFUSED,         \
			KIND_UNANNOUNCED, KIND_READY, KIND_REMOVABLE,          \
			KIND_REPORT_FAILING, KIND_REPORT_SHARE,                \
			KIND_REPORT_SILENT, KIND_REPORT_OLD, KIND_REPORT_SHED  \
	}

#endif
