/*
 * How much there is of everything: the figures for metrics.
 *
 * Counting 100,000 rows takes longer than the loop may be held up. So they
 * are read with a handle of their own, by a thread that is not control, in one
 * view of what is committed.
 */
#ifndef STORE_FIGURES_H
#define STORE_FIGURES_H

#include "store/alert.h"
#include "store/order.h"
#include "store/report.h"

enum figures_state {
	FIGURES_WAITING,
	FIGURES_ISSUING,
	FIGURES_LIVE,
	FIGURES_REMOVING,
	FIGURES_HANDING_OVER,
	FIGURES_STATES
};

/* A certificate's share of life that is left: not above its bound. */
#define FIGURES_LIFE_BOUNDS 9
extern const double figures_life_bounds[FIGURES_LIFE_BOUNDS];

#define FIGURES_ORDERS 64 /* CAs times states, of live orders */

enum figures_file {
	FIGURES_STATE_DB,
	FIGURES_STATE_WAL,
	FIGURES_SERVE_DB,
	FIGURES_SERVE_WAL,
	FIGURES_FILES
};

struct figures {
	time_t at;
	long domains[FIGURES_STATES]; /* each domain in one of them */
	long with_problem;
	long life[FIGURES_LIFE_BOUNDS + 1];
	double life_sum;
	time_t nearest_expiry; /* of what we keep up; 0: there is none */
	struct figures_orders {
		int64_t ca_id;
		enum order_state state;
		long count;
	} orders[FIGURES_ORDERS];
	size_t order_count;
	long alerts[ALERT_CRITICAL + 1]; /* open, by level */
	struct report_figures reports;
	int64_t bytes[FIGURES_FILES]; /* 0: it is not there */
	time_t backup; /* when the newest of the hourly was made; 0: none */
};

const char *figures_state_name(enum figures_state state);
const char *figures_file_name(enum figures_file file);

/*
 * Any thread but control. `go_on` is asked all the time; when it says no, the
 * reading ends soon, with an error.
 */
bool figures_read(const struct store_options *options, time_t now,
		  bool (*go_on)(void *arg), void *arg, struct figures *out,
		  struct err *err);

#endif
