/*
 * What doctor found: for people a line each, for scripts a document.
 */
#ifndef CLI_DOCTOR_VIEW_H
#define CLI_DOCTOR_VIEW_H

#include <stdio.h>

#include "cli/doctor.h"
#include "cli/exit_code.h"

const char *doctor_level_name(enum doctor_level level);

void doctor_view_print(const struct doctor_result *r, FILE *to);

/* A new reference. */
json_t *doctor_view_json(const struct doctor_result *r);

/* What was not seen says nothing. */
enum exit_code doctor_view_code(const struct doctor_result *r);

#endif
