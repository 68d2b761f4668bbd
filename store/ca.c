#include "store/ca.h"

#include <string.h>

#include "base/mem.h"
#include "store/internal.h"
#include "store/order.h"

static const char *const state_names[] = {
	[ACCOUNT_NEW] = "new",
	[ACCOUNT_VALID] = "valid",
	[ACCOUNT_LOST] = "lost",
	[ACCOUNT_REFUSED] = "refused",
	[ACCOUNT_DEACTIVATED] = "deactivated",
};

const char *account_state_name(enum account_state state)
{
	return state_names[state];
}

/* They are only told: one that is too long is left out. */
static void read_texts(struct query *q, struct ca *ca)
{
	col_text(q, "problem", ca->problem, sizeof(ca->problem));
	col_text(q, "hint", ca->hint, sizeof(ca->hint));
	col_text(q, "name", ca->name, sizeof(ca->name));
	col_text(q, "directory_url", ca->directory_url,
		 sizeof(ca->directory_url));
	q->rc = SQLITE_ROW;
}

static bool read_ca(struct query *q, struct ca *ca, bool *found,
		    struct err *err)
{
	*found = query_row(q);
	if (*found) {
		*ca = (struct ca){
			.id = col_int(q, "id"),
			.epoch = col_long(q, "epoch"),
			.failures = col_long(q, "failures"),
			.retry_ms = col_int(q, "retry_ms"),
			.down_since = col_int(q, "down_since"),
			.well_since_ms = col_int(q, "well_since_ms"),
			.proven_at = col_int(q, "proven_at"),
			.canary_at = col_int(q, "canary_at"),
			.canary_failures = col_long(q, "canary_failures"),
		};
		read_texts(q, ca);
	}
	return query_close(q, err);
}

static bool ca_by_url(struct store *s, const char *name, const char *url,
		      struct ca *ca, bool *found, struct err *err)
{
	struct query q;

	query_open(&q, store_db(s), "SELECT * FROM ca WHERE name = ?"
				    " AND directory_url = ?");
	bind_text(&q, name);
	bind_text(&q, url);
	return read_ca(&q, ca, found, err);
}

bool ca_by_id(struct store *s, int64_t id, struct ca *ca, struct err *err)
{
	struct query q;
	bool found;

	query_open(&q, store_db(s), "SELECT * FROM ca WHERE id = ?");
	bind_int(&q, id);
	if (!read_ca(&q, ca, &found, err))
		return false;
	return found || err_set(err, ERR_NOT_FOUND, "no CA %lld",
				(long long)id);
}

bool ca_next(struct store *s, int64_t id, struct ca *ca, struct err *err)
{
	struct query q;
	bool found;

	query_open(&q, store_db(s),
		   "SELECT * FROM ca WHERE id > ? ORDER BY id LIMIT 1");
	bind_int(&q, id);
	if (!read_ca(&q, ca, &found, err))
		return false;
	return found || err_set(err, ERR_NOT_FOUND, "no further CA");
}

bool ca_is_staging(const struct ca *ca)
{
	static const char *const hosts[] = {
		"staging",		/* Let's Encrypt's, and others' */
		"test-api.pki.goog",	/* Google's */
		"api.test4.buypass.no", /* Buypass's */
	};

	for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
		if (strstr(ca->directory_url, hosts[i]))
			return true;
	return strstr(ca->name, "staging") != NULL;
}

bool ca_ensure(struct store *s, const char *name, const char *directory_url,
	       struct ca *ca, struct err *err)
{
	struct query q;
	bool found;

	if (!ca_by_url(s, name, directory_url, ca, &found, err))
		return false;
	if (found)
		return true;
	query_open(&q, store_db_write(s),
		   "INSERT INTO ca(name, directory_url) VALUES(?, ?)");
	bind_text(&q, name);
	bind_text(&q, directory_url);
	return query_run(&q, err) &&
	       ca_by_id(s, db_last_id(store_db(s)), ca, err);
}

bool ca_update(struct store *s, struct ca *ca, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE ca SET failures = ?, retry_ms = ?, down_since = ?,"
		   " well_since_ms = ?, problem = ?, hint = ?, proven_at = ?,"
		   " canary_at = ?, canary_failures = ?, epoch = epoch + 1"
		   " WHERE id = ? AND epoch = ?");
	bind_int(&q, ca->failures);
	bind_int(&q, ca->retry_ms);
	bind_int(&q, ca->down_since);
	bind_int(&q, ca->well_since_ms);
	bind_text(&q, ca->problem);
	bind_text(&q, ca->hint);
	bind_int(&q, ca->proven_at);
	bind_int(&q, ca->canary_at);
	bind_int(&q, ca->canary_failures);
	bind_int(&q, ca->id);
	bind_int(&q, ca->epoch);
	if (!query_run(&q, err) || !updated_one(s, "CA", err))
		return false;
	ca->epoch++;
	return true;
}

static void read_next_key(struct query *q, struct account *a)
{
	a->is_rolling = !col_is_null(q, "next_scalar");
	if (!a->is_rolling)
		return;
	col_bytes(q, "next_scalar", a->next_key.scalar,
		  sizeof(a->next_key.scalar));
	col_bytes(q, "next_point", a->next_key.point,
		  sizeof(a->next_key.point));
}

static void read_account(struct query *q, struct account *a)
{
	*a = (struct account){
		.id = col_int(q, "id"),
		.ca_id = col_int(q, "ca_id"),
		.state = (enum account_state)col_enum(q, "state",
						      ACCOUNT_DEACTIVATED),
		.epoch = col_long(q, "epoch"),
		.retry_at = col_int(q, "retry_at"),
		.created_at = col_int(q, "created_at"),
		.superseded_at = col_int(q, "superseded_at"),
		.roll_told = col_int(q, "roll_told"),
		.roll_at = col_int(q, "roll_at"),
		.roll_failures = col_long(q, "roll_failures"),
	};
	col_bytes(q, "scalar", a->key.scalar, sizeof(a->key.scalar));
	col_bytes(q, "point", a->key.point, sizeof(a->key.point));
	read_next_key(q, a);
	col_text(q, "url", a->url, sizeof(a->url));
	col_text(q, "orders_url", a->orders_url, sizeof(a->orders_url));
	col_text(q, "contact", a->contact, sizeof(a->contact));
	col_text(q, "problem", a->problem, sizeof(a->problem));
	col_text(q, "hint", a->hint, sizeof(a->hint));
}

static bool read_account_row(struct query *q, struct account *a,
			     struct err *err)
{
	bool found = query_row(q);

	if (found)
		read_account(q, a);
	if (!query_close(q, err))
		return false;
	return found || err_set(err, ERR_NOT_FOUND, "no such account");
}

bool account_by_id(struct store *s, int64_t id, struct account *a,
		   struct err *err)
{
	struct query q;

	query_open(&q, store_db(s), "SELECT * FROM account WHERE id = ?");
	bind_int(&q, id);
	return read_account_row(&q, a, err);
}

bool account_of_ca(struct store *s, int64_t ca_id, struct account *a,
		   struct err *err)
{
	struct query q;

	query_open(&q, store_db(s), "SELECT * FROM account WHERE ca_id = ?"
				    " AND superseded_at = 0");
	bind_int(&q, ca_id);
	return read_account_row(&q, a, err);
}

static void bind_key_part(struct query *q, bool is_there, const void *data,
			  size_t len)
{
	if (is_there)
		bind_blob(q, data, len);
	else
		bind_null(q);
}

static void bind_account(struct query *q, const struct account *a)
{
	bind_blob(q, a->key.scalar, sizeof(a->key.scalar));
	bind_blob(q, a->key.point, sizeof(a->key.point));
	bind_key_part(q, a->is_rolling, a->next_key.scalar,
		      sizeof(a->next_key.scalar));
	bind_key_part(q, a->is_rolling, a->next_key.point,
		      sizeof(a->next_key.point));
	bind_int(q, a->state);
	bind_text(q, a->url);
	bind_text(q, a->orders_url);
	bind_text(q, a->contact);
	bind_text(q, a->problem);
	bind_text(q, a->hint);
	bind_int(q, a->retry_at);
	bind_int(q, a->roll_told);
	bind_int(q, a->roll_at);
	bind_int(q, a->roll_failures);
	bind_int(q, a->superseded_at);
}

bool account_insert(struct store *s, struct account *a, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT INTO account(scalar, point, next_scalar,"
		   " next_point, state, url, orders_url, contact, problem,"
		   " hint, retry_at, roll_told, roll_at, roll_failures,"
		   " superseded_at, ca_id, created_at) VALUES"
		   "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	bind_account(&q, a);
	bind_int(&q, a->ca_id);
	bind_int(&q, a->created_at);
	if (!query_run(&q, err))
		return false;
	a->id = db_last_id(store_db(s));
	a->epoch = 1;
	return true;
}

bool account_update(struct store *s, struct account *a, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE account SET scalar = ?, point = ?,"
		   " next_scalar = ?, next_point = ?, state = ?, url = ?,"
		   " orders_url = ?,"
		   " contact = ?, problem = ?, hint = ?, retry_at = ?,"
		   " roll_told = ?, roll_at = ?, roll_failures = ?,"
		   " superseded_at = ?,"
		   " epoch = epoch + 1 WHERE id = ? AND epoch = ?");
	bind_account(&q, a);
	bind_int(&q, a->id);
	bind_int(&q, a->epoch);
	if (!query_run(&q, err) || !updated_one(s, "account", err))
		return false;
	a->epoch++;
	return true;
}

bool account_supersede(struct store *s, struct account *a, time_t now,
		       struct err *err)
{
	a->superseded_at = now;
	return account_update(s, a, err);
}

/* The id of the CA's account if its row does not decode, else 0. */
static int64_t damaged_account(struct store *s, int64_t ca_id, struct err *err)
{
	struct account a;
	struct query q;
	int64_t id = 0;

	query_open(&q, store_db(s), "SELECT * FROM account WHERE ca_id = ?"
				    " AND superseded_at = 0");
	bind_int(&q, ca_id);
	if (query_row(&q)) {
		read_account(&q, &a);
		if (!query_row_is_good(&q, "account"))
			id = a.id;
		account_release(&a);
	}
	return query_close(&q, err) ? id : 0;
}

/* No column is read, none but one is written: what is damaged stays so. */
bool account_set_aside(struct store *s, int64_t ca_id, time_t now, bool *done,
		       struct err *err)
{
	struct err problem = ERR_INIT;
	int64_t id = damaged_account(s, ca_id, &problem);
	struct query q;

	*done = false;
	if (!id) {
		if (err && problem.kind != ERR_NONE)
			*err = problem;
		return problem.kind == ERR_NONE;
	}
	query_open(&q, store_db_write(s),
		   "UPDATE account SET superseded_at = ?, epoch = epoch + 1"
		   " WHERE id = ?");
	bind_int(&q, now);
	bind_int(&q, id);
	*done = query_run(&q, err) &&
		order_end_all(s, id, "the account's row is damaged", now, err);
	return *done;
}

long account_count_superseded(struct store *s, int64_t ca_id)
{
	struct query q;
	long n = 0;

	query_open(&q, store_db(s), "SELECT COUNT(*) AS n FROM account"
				    " WHERE ca_id = ? AND superseded_at > 0");
	bind_int(&q, ca_id);
	if (query_row(&q))
		n = col_long(&q, "n");
	query_close(&q, NULL);
	return n;
}

void account_release(struct account *a)
{
	p256_release(&a->key);
	p256_release(&a->next_key);
}
