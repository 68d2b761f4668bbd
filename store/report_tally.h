/*
 * The kinds of tallies in table `report_tally`. Inside store/ only.
 */
#ifndef STORE_REPORT_TALLY_H
#define STORE_REPORT_TALLY_H

/* Their numbers stand in the SQL of report_tally.c as well. */
enum report_tally {
	TALLY_BOX,	/* what: 0 */
	TALLY_REPORTER, /* reporter.id */
	TALLY_DOMAIN,	/* domain.id */
	TALLY_RESULT,	/* enum tls_result; failed: as failures tell */
	TALLY_MX,	/* a mail host's name, or ''; failed: the same */
	TALLY_STANDING, /* enum report_standing */
	TALLY_STS	/* domain.id, by MTA-STS and no policy of strangers */
};

/*
 * Of rows of `report_policy` or `report_failure` that are of domain ?1 and of the
 * days from ?2 to ?3: those of reports that count. What was set aside in these
 * days is read, from an index, and nothing of other days.
 */
#define REPORT_COUNTS                                                          \
	" report_id NOT IN (SELECT id FROM report"                             \
	"  WHERE domain_id = ?1 AND day BETWEEN ?2 AND ?3 AND NOT counted) "

#endif
