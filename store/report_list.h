/*
 * Stored TLS reports one by one: which there are, and all that one says.
 */
#ifndef STORE_REPORT_LIST_H
#define STORE_REPORT_LIST_H

#include <time.h>

#include "policy/domain_name.h"
#include "policy/sts_record.h"
#include "policy/tls_report.h"
#include "store/report.h"
#include "store/report_reader.h"
#include "store/report_standing.h"

struct report_item {
	int64_t id;
	char domain[DOMAIN_NAME_SIZE];
	char *reporter, *report_id; /* owned, as the next two */
	char *contact, *signed_by;  /* or "" */
	time_t begin, end, received;
	enum report_via via;
	int64_t successful, failed;
	long left_out;	  /* failures that are not kept */
	long alike;	  /* others of its reporter, id and day, that say
			     something else; of all of them one counts */
	bool is_counted;
	unsigned results; /* of the others: 1 << enum tls_result, each */
};

void report_item_release(struct report_item *item);

struct report_filter {
	int64_t domain_id; /* 0: any */
	int64_t before;	   /* ids below this one; 0: from the newest on */
	time_t since;	   /* of that day or later; 0: of any */
	bool failed_only;  /* sessions of it did */
};

/*
 * The newest first, as they came; at most `most`. Returns how many, each to be
 * released; 0 on failure too, with err set. *next is the next page's `before`, or
 * 0: this was the last. A page may be short, or empty, and not be the last: one
 * that does not decode is logged and passed over, and of the box no more than
 * REPORT_LIST_LOOK ids are looked through for one page.
 */
#define REPORT_LIST_LOOK 20000
size_t report_list(struct report_reader *r, const struct report_filter *filter,
		   struct report_item *out, size_t most, int64_t *next,
		   struct err *err);

/* Of which policy of ours a policy of the report is. */
struct report_ours {
	int64_t policy_id; /* 0: none */
	long version;
	char sts_id[STS_ID_SIZE];
	enum report_standing standing;
};

struct report_whole {
	struct report_item item;
	struct tls_report said;	  /* policies and failures; no texts of its
				     own: they are in item. A policy of ours
				     is not quoted */
	struct report_ours *ours; /* as many as policies */
};

/* ERR_NOT_FOUND if there is none. */
bool report_show(struct report_reader *r, int64_t id,
		 struct report_whole *whole, struct err *err);
void report_whole_release(struct report_whole *whole);

#endif
