/*
 * A domain that was checked, for people and for scripts.
 */
#ifndef CLI_CHECK_VIEW_H
#define CLI_CHECK_VIEW_H

#include <jansson.h>
#include <time.h>

#include "cli/exit_code.h"
#include "policy/findings.h"

/* In groups, the sentence and what to do; the worst is said in the end. */
void check_view_print(const char *domain, const struct check_findings *f);

/* { name, at, worst, findings: [{ id, group, severity, text, todo }] } */
json_t *check_view_json(const char *domain, time_t at,
			const struct check_findings *f);

/* EXIT_FINE, EXIT_WARNINGS or EXIT_ERRORS. */
enum exit_code check_view_code(const struct check_findings *f);

#endif
