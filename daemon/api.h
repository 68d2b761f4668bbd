/*
 * One call of the admin API, as its handler sees it: no HTTP, only values.
 *
 * A handler answers with a JSON document in call->answer, or returns false
 * with an error, whose kind becomes the HTTP status (daemon/routes.c). The
 * handlers stand in daemon/api_*.c, a file per resource.
 *
 * Control thread only.
 */
#ifndef DAEMON_API_H
#define DAEMON_API_H

#include <event2/keyvalq_struct.h>
#include <jansson.h>
#include <stdbool.h>
#include <time.h>

#include "base/err.h"
#include "daemon/admin.h"

#define API_PAGE_DEFAULT 100	/* rows of a list, unless asked otherwise */
#define API_PAGE_MAX	 200	/* more would hold the control thread up */
#define API_LOG_MAX	 1000

struct api_call {
	const struct admin_parts *parts;
	time_t now;
	const char *actor;		/* for the trail */
	const char *channel;		/* likewise: the socket's name */
	char name[DOMAIN_NAME_SIZE];	/* from the path, normalised; or "" */
	const struct evkeyvalq *query;	/* only what the route lists */
	const json_t *body;		/* an object, maybe empty */
	const char *raw;		/* or, of a raw route, its bytes */
	size_t raw_len;
	bool is_trusted;		/* it came from an administrator */
	json_t *answer;			/* the handler's; it owns a reference */
	char *text;			/* or this, owned, and its type */
	const char *text_type;
	int status;			/* 0: 200 */
	struct api_later *later;	/* or this: api_defer() */
	struct api_later *(*defer)(void *arg);
	void *defer_arg;
};

/*
 * A handler that cannot answer yet defers, and returns true; the answer may
 * come at once, or when the peer has long left. In admin_stop() nobody may
 * be waited for any more.
 */
struct api_later;
struct api_later *api_defer(struct api_call *call);

/* Takes the answer; the ticket is gone. */
void api_later_answer(struct api_later *later, json_t *answer);
void api_later_text(struct api_later *later, const char *type, char *text);
void api_later_fail(struct api_later *later, int status, const struct err *err);

/*
 * Or in pieces, `length` bytes in all. `more` is called when the peer has taken
 * what there was, or once with false when it has left; never within these. False:
 * it has left already. In any case the end follows, at which the ticket is gone;
 * an end that comes too early cuts the peer off.
 */
typedef void api_more(bool is_there, void *arg);
bool api_later_begin(struct api_later *later, const char *type, int64_t length,
		     api_more *more, void *arg);
void api_later_piece(struct api_later *later, const void *data, size_t len);
void api_later_end(struct api_later *later);

/* The HTTP status of its kind. */
int api_status_of(const struct err *err);

typedef bool api_handler(struct api_call *call, struct err *err);

api_handler api_status;
api_handler api_metrics, api_healthz;
api_handler api_domain_list, api_domain_add, api_domain_show, api_domain_set,
	api_domain_remove, api_domain_handover, api_domain_look;
api_handler api_records_show, api_publish, api_zone_take;
api_handler api_check_settings, api_check_expected;
api_handler api_policy_show, api_policy_set;
api_handler api_policy_history, api_policy_rollback, api_policy_announce;
api_handler api_policy_enforce, api_policy_readiness, api_domain_check;
api_handler api_template_list, api_template_show, api_template_set,
	api_template_remove, api_template_preview;
api_handler api_mx_change, api_policy_proposal, api_policy_accept;
api_handler api_cert_list, api_cert_show, api_cert_renew, api_cert_try;
api_handler api_ca_list;
api_handler api_log_list;
api_handler api_alert_list, api_alert_silence, api_alert_test;
api_handler api_box_show;
api_handler api_freeze, api_thaw, api_backup;
api_handler api_ca_show, api_ca_rollover;
api_handler api_cert_revoke, api_cert_import;
api_handler api_report_add, api_report_summary, api_report_list,
	api_report_show;

/* The value of a query parameter, or NULL. */
const char *api_query(const struct api_call *call, const char *key);

/* A whole number from the query, 1 to max; `fallback` if it is not there. */
bool api_query_count(const struct api_call *call, const char *key, long max,
		     long fallback, long *out, struct err *err);

/* An instant from the query; *out stays as it is if it is not there. */
bool api_query_instant(const struct api_call *call, const char *key,
		       time_t *out, struct err *err);

/* One line of at most `max` bytes, without control characters? NULL is fine. */
bool api_check_text(const char *field, const char *text, size_t max,
		    struct err *err);

/* The domain of call->name. ERR_NOT_FOUND if there is none. */
bool api_domain(const struct api_call *call, struct domain *d, struct err *err);

/* ERR_REFUSED while the box is frozen, or *d (NULL is fine) handed over. */
bool api_may_order(const struct api_call *call, const struct domain *d,
		   struct err *err);

/*
 * Which domains a list is about: state=, label=, after= and limit= of the
 * query. What the filter points to is in *q and the call.
 */
struct api_selection {
	struct domain_filter filter;
	enum domain_state state;
};
bool api_selection(const struct api_call *call, struct api_selection *q,
		   struct err *err);

/*
 * Makes the answer of a list: { KEY: [ ... ], "next": NAME or null }, one
 * entry per domain selected; `view` may give NULL to leave one out. Ask again
 * with after=NAME for what comes next.
 */
bool api_list(struct api_call *call, const char *key,
	      json_t *(*view)(const struct api_call *call,
			      const struct domain *d),
	      struct err *err);

#endif
