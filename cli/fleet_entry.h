/*
 * What a line of a fleet file says of a domain: an object with the fields
 * that the admin API takes for a new one (name, mx, preset, mode, max_age,
 * label, rua, track_mx, template), checked for their form and no further: the
 * daemon knows the rest.
 *
 * In CSV a header names the columns. An empty cell says nothing, but for label,
 * rua and template: there it says that there is none. Pure.
 */
#ifndef CLI_FLEET_ENTRY_H
#define CLI_FLEET_ENTRY_H

#include <jansson.h>
#include <stdio.h>

#include "base/err.h"
#include "cli/csv.h"

struct fleet_header {
	unsigned char column[CSV_FIELDS_MAX]; /* what each field is */
	size_t count;
};

/* Which columns there are. False: the file cannot be used. */
bool fleet_header_read(struct fleet_header *h, const struct csv *record,
		       struct err *err);

/* NULL: err says what is wrong, with the domain's name if there is one. */
json_t *fleet_entry_from_csv(const struct fleet_header *h,
			     const struct csv *record, struct err *err);
json_t *fleet_entry_from_json(const json_t *object, struct err *err);

/* From the API's document of a domain, to be read back to the same one. */
json_t *fleet_entry_of_domain(const json_t *domain);

void fleet_entry_csv_header(FILE *to);
void fleet_entry_csv_line(const json_t *entry, FILE *to);

#endif
