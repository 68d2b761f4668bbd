/*
 * The MX hosts of well-known mail providers, by name.
 *
 * A preset gives what a policy must list for a domain whose mail is there.
 * Adding a provider is adding a row to the table in preset.c.
 *
 * No I/O, no clock. Any thread.
 */
#ifndef POLICY_PRESET_H
#define POLICY_PRESET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "policy/sts_policy.h"

/*
 * Adds the mx patterns of the preset `name` ("m365", "google") for `domain`
 * to *p. ERR_INPUT with the list of presets if there is none of that name.
 */
bool preset_apply(const char *name, const char *domain, struct sts_policy *p,
		  struct err *err);

/* The i-th preset's name and a line about it, or NULL past the last. */
const char *preset_name(size_t i);
const char *preset_about(size_t i);

#endif
