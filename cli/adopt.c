#include "cli/adopt.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/check_options.h"
#include "cli/check_run.h"
#include "cli/say.h"
#include "policy/sts_record.h"

struct found {
	const char *name;
	char id[STS_ID_SIZE];
	char *policy;		/* owned; NULL: none was answered */
	struct err err;		/* why not */
};

/* The one record that senders take. */
static bool find_id(const struct check_facts *facts, struct found *f)
{
	const struct check_txt *t = &facts->sts;
	const char *text = NULL;
	size_t n = 0;

	for (size_t i = 0; t->look == CHECK_SEEN && i < t->count; i++) {
		if (!str_starts(t->text[i], "v=STSv1;"))
			continue;
		text = t->text[i];
		n++;
	}
	if (n == 1 && sts_record_parse(text, f->id, NULL))
		return true;
	if (t->look == CHECK_SEEN || t->look == CHECK_ABSENT)
		err_set(&f->err, ERR_REFUSED,
			"_mta-sts.%s has no record that "
			"senders take",
			f->name);
	else
		err_set(&f->err, ERR_AGAIN,
			"_mta-sts.%s could not be looked "
			"up: %s",
			f->name, t->problem);
	return err_hint(&f->err, "mtasts-check %s says what is wrong; or add "
				 "it without --adopt", f->name);
}

static bool find_policy(const struct check_facts *facts, struct found *f)
{
	const struct check_https *h = NULL;

	for (size_t i = 0; i < ARRAY_LEN(facts->https); i++) {
		h = &facts->https[i];
		if (h->outcome == HTTPS_ANSWERED && h->status == 200) {
			f->policy = xstrndup(h->body, h->body_len);
			return true;
		}
	}
	err_set(&f->err, ERR_REFUSED, "no policy of %s could be fetched%s%s",
		f->name, *facts->https[0].problem ? ": " : "",
		facts->https[0].problem);
	return err_hint(&f->err,
			"mtasts-check %s says what is wrong; or add "
			"it with --no-adopt",
			f->name);
}

static void take(struct check_facts *facts, void *arg)
{
	struct found *f = arg;

	if (find_id(facts, f))
		find_policy(facts, f);
}

static bool look(struct cli *cli, const char *name, const json_t *settings,
		 struct found *f, struct err *err)
{
	const char *resolvers[DNS_SERVERS_MAX];
	struct outside_options outside;
	char domain[DOMAIN_NAME_SIZE];

	if (!check_options_are_good(&cli->options, err) ||
	    !domain_name_normalise(name, domain, err))
		return false;
	check_options_fill(&outside, resolvers, &cli->options, settings);
	outside.skip_smtp = true;
	loop_init_library();
	if (!check_look(domain, &outside, take, f, err))
		return false;
	if (!f->policy)
		*err = f->err;
	return f->policy != NULL;
}

enum exit_code adopt_policy(struct cli *cli, const char *name, json_t *body,
			    struct err *err)
{
	struct found f = { .name = name, .err = ERR_INIT };
	json_t *settings = NULL;
	enum exit_code code = api_do(cli->api, "GET", "/v1/check", NULL,
				     &settings, err);

	if (code == EXIT_FINE && !look(cli, name, settings, &f, err))
		code = EXIT_REFUSED;
	if (code == EXIT_FINE) {
		json_object_set_new(body, "adopt_id", json_string(f.id));
		json_object_set_new(body, "adopt_body", json_string(f.policy));
	}
	json_decref(settings);
	free(f.policy);
	return code;
}
