/*
 * How the policy that a reporter quotes stands to ours.
 */
#ifndef STORE_REPORT_STANDING_H
#define STORE_REPORT_STANDING_H

/* The numbers are stored. */
enum report_standing {
	REPORT_NO_STS,	/* another policy than MTA-STS, or none */
	REPORT_UNTOLD,	/* MTA-STS, but which policy is not said */
	REPORT_CURRENT, /* the version that was ours when the window began */
	REPORT_OLD,	/* one that had been replaced by then */
	REPORT_FOREIGN	/* none that was ever published here */
};

/* "no-sts", "untold", "current", "old", "foreign". */
const char *report_standing_name(enum report_standing standing);

#endif
