/*
 * How mtastsctl ends. Of several names the worst counts: exit_worse() says which.
 */
#ifndef CLI_EXIT_CODE_H
#define CLI_EXIT_CODE_H

enum exit_code {
	EXIT_FINE = 0,
	EXIT_WARNINGS = 1,    /* `status` found some */
	EXIT_ERRORS = 2,      /* `status` found some; something failed */
	EXIT_REFUSED = 3,     /* the daemon understood and declined */
	EXIT_UNREACHABLE = 4, /* the daemon did not answer */
	EXIT_USAGE = 64,      /* the command line is wrong (sysexits.h) */
	EXIT_TEMPFAIL = 75    /* the same will do later (sysexits.h) */
};

/*
 * The greater, but that what will do later hides nothing that will not: who repeats
 * it while it is EXIT_TEMPFAIL does not go on for ever.
 */
enum exit_code exit_worse(enum exit_code one, enum exit_code other);

#endif
