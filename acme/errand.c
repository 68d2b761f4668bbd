/*
 * Requests to a CA that belong to no order: revocations and what a change of
 * the account's key takes. They need its directory only now and then, so it
 * is fetched when they come to it.
 */
#include <stddef.h>
#include <stdlib.h>

#include "acme/engine_parts.h"
#include "acme/jws.h"
#include "base/mem.h"

static const struct {
	const char *name;	/* in the directory */
	size_t offset;
} places[] = {
	[ERRAND_REVOKE_CERT] = { "revokeCert",
				 offsetof(struct wire_directory, revoke_cert) },
	[ERRAND_KEY_CHANGE] = { "keyChange",
				offsetof(struct wire_directory, key_change) },
	[ERRAND_NEW_ACCOUNT] = { "newAccount",
				 offsetof(struct wire_directory, new_account) },
};

/* The errand, with texts and keys of its own. */
struct trip {
	struct errand errand;
	struct p256 key, next_key;
	char *kid, *payload;
};

static void trip_free(struct trip *t)
{
	p256_release(&t->key);
	p256_release(&t->next_key);
	free(t->kid);
	free(t->payload);
	free(t);
}

static void come_back(const struct ca_reply *reply, void *arg)
{
	struct trip *t = arg;
	struct authority *a = t->errand.authority;
	struct arrived *got = arrived_new(t->errand.take, a, t->errand.id,
					  t->errand.epoch);

	arrived_keep_reply(got, reply);
	got->is_good = t->errand.is_good;
	got->verdict = t->errand.verdict;
	a->errands--;
	trip_free(t);
	engine_arrived(a->engine, got);
}

static void come_back_with(struct trip *t, const struct err *error)
{
	struct ca_reply reply = { .error = *error, .body = "", .location = "",
				  .links = "", .retry_after = -1 };

	come_back(&reply, t);
}

static bool make_payload(struct trip *t, const char *url, struct err *err)
{
	if (t->payload)
		return true;
	t->payload = jws_key_change(t->errand.authority->engine->world, &t->key,
				    &t->next_key, t->kid, url, err);
	return t->payload;
}

static void set_out(struct trip *t)
{
	struct client *c = t->errand.authority->client;
	const char *url = (const char *)client_directory(c) +
			  places[t->errand.where].offset;
	struct err err = ERR_INIT;

	if (!*url) {
		err_set(&err, ERR_REFUSED, "the CA does not offer %s",
			places[t->errand.where].name);
		come_back_with(t, &err);
	} else if (!make_payload(t, url, &err)) {
		come_back_with(t, &err);
	} else {
		client_post(c, &t->key, t->kid, url, t->payload, come_back, t);
	}
}

static void directory_came(const struct ca_reply *reply, void *arg)
{
	struct trip *t = arg;

	if (reply->error.kind == ERR_NONE)
		set_out(t);
	else
		come_back(reply, t);
}

void errand_run(const struct errand *errand)
{
	struct authority *a = errand->authority;
	struct trip *t = xcalloc(1, sizeof(*t));

	t->errand = *errand;
	t->key = *errand->key;
	if (errand->next_key)
		t->next_key = *errand->next_key;
	t->kid = xstrdup(errand->kid);
	t->payload = xstrdup(errand->payload);
	a->errands++;
	if (client_is_current(a->client))
		set_out(t);
	else
		client_load_directory(a->client, directory_came, t);
}
