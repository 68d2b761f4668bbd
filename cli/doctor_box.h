/*
 * What is known of this box before anything is looked at: from the daemon
 * that runs, or else from the configuration, as mtastsd reads it.
 */
#ifndef CLI_DOCTOR_BOX_H
#define CLI_DOCTOR_BOX_H

#include "cli/api_client.h"
#include "cli/doctor.h"

/* `config` is borrowed, and may be NULL. */
void doctor_box_init(struct doctor_box *b, struct api *api, const char *config);
void doctor_box_release(struct doctor_box *b);

/*
 * The first JSON object in what a program said, or NULL: warnings may stand
 * before and behind it.
 */
json_t *doctor_json_in(const char *output);

#endif
