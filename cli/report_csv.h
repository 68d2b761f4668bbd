/*
 * One TLS report as a table, for spreadsheets.
 *
 * A row for the report, one for each of its policies, and one for each failure
 * that a policy tells of. Each says whose it is, so that a row means the same
 * when it is sorted away from the others; sessions stand only in the row that
 * counts them, so that none is added up twice.
 */
#ifndef CLI_REPORT_CSV_H
#define CLI_REPORT_CSV_H

#include <jansson.h>
#include <stdio.h>

/* The answer of /v1/reports/ID. */
void report_csv_one(const json_t *report, FILE *to);

#endif
