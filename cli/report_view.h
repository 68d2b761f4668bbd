/*
 * TLS reports for people, and for spreadsheets: what the daemon answers about
 * them, printed on a stream.
 */
#ifndef CLI_REPORT_VIEW_H
#define CLI_REPORT_VIEW_H

#include <jansson.h>
#include <stdio.h>

/*
 * The answer of /v1/reports/summary: totals, a line per day (per week, where
 * that would be more than ten weeks of lines), and a table for each question.
 */
void report_view_summary(const json_t *answer, FILE *to);

/* The same as one table: section, name, reports, successful, failed. */
void report_view_summary_csv(const json_t *answer, FILE *to);

/* A page of /v1/reports. */
void report_view_list(const json_t *reports, FILE *to);
void report_view_list_csv(const json_t *reports, FILE *to);
void report_view_csv_header(FILE *to); /* of the list: once for all pages */

/*
 * One report, whole. Before its texts are made clean, the policies that it
 * quotes are split into lines, for a newline is none of a stranger's tricks.
 */
void report_view_split(json_t *report);
void report_view_one(const json_t *report, FILE *to);

#endif
