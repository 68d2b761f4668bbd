/*
 * The Date of a CA's answers, which is always the true time.
 */
#ifndef TESTS_SIM_DATE_H
#define TESTS_SIM_DATE_H

#include <time.h>

#define SIM_DATE 32

/* RFC 9110, 5.6.7. Returns `out`. */
const char *sim_date(time_t at, char out[static SIM_DATE]);

#endif
