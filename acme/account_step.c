#include "acme/account_step.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/jws.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"

#define REFUSED_PAUSE (10 * WHEN_MINUTE)
#define DEACTIVATED_PAUSE WHEN_DAY	/* then: has somebody revived it? */

bool account_is_due(const struct account *a, const char *contact, time_t now)
{
	if (a->retry_at > now || a->roll_told)
		return false;
	return a->state != ACCOUNT_VALID || !streq(a->contact, contact);
}

bool account_is_declined(const struct account *a)
{
	return a->state == ACCOUNT_REFUSED || a->state == ACCOUNT_DEACTIVATED;
}

/* Takes `root`. */
static char *dump(json_t *root)
{
	char *text = json_dumps(root, JSON_COMPACT);

	json_decref(root);
	return text;
}

static void add_contact(json_t *root, const char *contact)
{
	char *uri = xasprintf("mailto:%s", contact);

	json_object_set_new(root, "contact", json_pack("[s]", uri));
	free(uri);
}

static void add_binding(json_t *root, const struct account *a,
			const struct ca_settings *ca, const char *url)
{
	char *eab = jws_eab(&a->key, ca->eab_kid, ca->eab_key, ca->eab_key_len,
			    url);

	json_object_set_new(root, "externalAccountBinding",
			    json_loads(eab, 0, NULL));
	free(eab);
}

static void ask_contact(const struct account *a, const char *contact,
			struct account_question *q)
{
	json_t *root = json_object();

	add_contact(root, contact);
	snprintf(q->url, sizeof(q->url), "%s", a->url);
	q->payload = dump(root);
	q->by_key = false;
}

static char *registration(const struct account *a, const struct ca_settings *ca,
			  const char *contact,
			  const struct wire_directory *directory)
{
	json_t *root = json_pack("{s:b}", "termsOfServiceAgreed", 1);

	add_contact(root, contact);
	if (*ca->eab_kid)
		add_binding(root, a, ca, directory->new_account);
	return dump(root);
}

bool account_ask(const struct account *a, const struct ca_settings *ca,
		 const char *contact, const struct wire_directory *directory,
		 struct account_question *q, struct err *err)
{
	if (a->state == ACCOUNT_VALID) {
		ask_contact(a, contact, q);
		return true;
	}
	if (directory->eab_required && !*ca->eab_kid) {
		err_set(err, ERR_REFUSED, "the CA %s wants an external account "
					  "binding", ca->name);
		return err_hint(err, "set eab_kid and eab_key_file in its ca "
				     "section of mtastsd.conf");
	}
	snprintf(q->url, sizeof(q->url), "%s", directory->new_account);
	q->payload = a->state == ACCOUNT_DEACTIVATED
			     ? xstrdup("{\"onlyReturnExisting\":true}")
			     : registration(a, ca, contact, directory);
	q->by_key = true;
	return true;
}

static void settle(struct account *a, enum account_state state)
{
	a->state = state;
	a->problem[0] = a->hint[0] = '\0';
	a->retry_at = 0;
}

/* Never registered again by ourselves: the CA, or somebody there, ended it. */
static enum fail_scope deactivated(struct account *a, const char *said,
				   time_t now)
{
	a->state = ACCOUNT_DEACTIVATED;
	a->retry_at = now + DEACTIVATED_PAUSE;
	snprintf(a->problem, sizeof(a->problem),
		 "the CA has deactivated our account%s%.300s",
		 *said ? ": " : "", said);
	snprintf(a->hint, sizeof(a->hint),
		 "if that was not you, ask the CA why; mtastsctl ca rollover "
		 "--new-account makes another account, with another URL");
	return SCOPE_ACCOUNT;
}

/* An account found, not made, may have another contact: to be told ours. */
static enum fail_scope accepted(struct account *a, const char *contact,
				const struct ca_reply *reply, bool was_known,
				time_t now)
{
	struct wire_account w = { .status = WIRE_VALID };

	if (wire_account_parse(&w, reply->body, reply->len, NULL) &&
	    w.status == WIRE_INVALID)
		return deactivated(a, "", now);
	if (*reply->location)
		str_copy(a->url, sizeof(a->url), reply->location);
	if (*w.orders_url)
		memcpy(a->orders_url, w.orders_url, sizeof(a->orders_url));
	if (reply->status == 201 || was_known)
		snprintf(a->contact, sizeof(a->contact), "%s", contact);
	else
		a->contact[0] = '\0';
	settle(a, ACCOUNT_VALID);
	return SCOPE_NONE;
}

static void note(struct account *a, const struct err *problem)
{
	snprintf(a->problem, sizeof(a->problem), "%s", problem->text);
	snprintf(a->hint, sizeof(a->hint), "%s", problem->hint);
}

enum fail_scope account_reply(struct account *a, const char *contact,
			      const struct ca_reply *reply, time_t now)
{
	bool was_known = a->state == ACCOUNT_VALID;
	struct err problem = ERR_INIT;
	enum fail_scope scope = scope_of(reply, &problem);

	if (scope == SCOPE_NONE &&
	    (was_known ||
	     (*reply->location && strlen(reply->location) < URL_SIZE)))
		return accepted(a, contact, reply, was_known, now);
	if (scope == SCOPE_NONE) {
		err_set(&problem, ERR_AGAIN, "the CA's account has no usable URL");
		scope = SCOPE_CA;
	}
	if (scope == SCOPE_CA)
		return scope;	/* the account is as it was */
	if (was_known && streq(reply->problem.type, "accountDoesNotExist")) {
		account_lose(a);
		return SCOPE_ACCOUNT;
	}
	if (a->state == ACCOUNT_DEACTIVATED &&
	    streq(reply->problem.type, "accountDoesNotExist")) {
		account_lose(a);	/* it has forgotten that, too */
		return SCOPE_ACCOUNT;
	}
	if (*a->url && !was_known &&
	    streq(reply->problem.type, "unauthorized"))
		return deactivated(a, problem.text, now);
	if (!was_known) {
		account_refuse(a, &problem, now);
		return SCOPE_ACCOUNT;
	}
	note(a, &problem);
	a->retry_at = now + REFUSED_PAUSE;
	return SCOPE_ACCOUNT;
}

void account_refuse(struct account *a, const struct err *problem, time_t now)
{
	note(a, problem);
	a->state = ACCOUNT_REFUSED;
	a->retry_at = now + REFUSED_PAUSE;
}

void account_lose(struct account *a)
{
	settle(a, ACCOUNT_LOST);
}
