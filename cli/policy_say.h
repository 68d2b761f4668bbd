/*
 * What is said of a policy that has changed: the version, and the record that
 * announces it, for a new version is not known to senders before its id is in
 * DNS.
 */
#ifndef CLI_POLICY_SAY_H
#define CLI_POLICY_SAY_H

#include <jansson.h>

/* The record that announces a domain's policy; `domain` as the daemon shows. */
void policy_say_record(const json_t *domain);

/* The daemon's answer to a change. */
void policy_say_set(const json_t *answer);

/* What of the policy is not as it was: a line each. */
void policy_say_changes(const json_t *answer);

/* What makes every date of it unsure: another host's policy was seen. */
void policy_say_foreign(const json_t *domain);

#endif
