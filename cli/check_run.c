#include "cli/check_run.h"

#include <time.h>

#include "cli/check_view.h"
#include "cli/say.h"

static void on_done(void *arg)
{
	loop_stop(arg);
}

static enum exit_code tell(const struct check_facts *facts, bool as_json)
{
	struct check_findings findings;
	time_t now = time(NULL);
	enum exit_code code;
	json_t *view;

	check_judge(facts, now, &findings);
	code = check_view_code(&findings);
	if (as_json) {
		view = check_view_json(facts->domain, now, &findings);
		say_json(view);
		json_decref(view);
	} else {
		check_view_print(facts->domain, &findings);
	}
	check_findings_release(&findings);
	return code;
}

bool check_look(const char *domain, const struct outside_options *options,
		check_add *take, void *arg, struct err *err)
{
	struct loop *loop = loop_new(err);
	struct outside *o;

	if (!loop)
		return false;
	o = outside_start(loop, domain, options, on_done, loop, err);
	if (o) {
		loop_run(loop);
		take(outside_facts(o), arg);
	}
	outside_free(o);
	loop_free(loop);
	return o != NULL;
}

struct telling {
	check_add *add;
	void *arg;
	bool as_json;
	enum exit_code code;
};

static void add_and_tell(struct check_facts *facts, void *arg)
{
	struct telling *t = arg;

	if (t->add)
		t->add(facts, t->arg);
	t->code = tell(facts, t->as_json);
}

enum exit_code check_run(const char *domain,
			 const struct outside_options *options, bool as_json,
			 check_add *add, void *arg, struct err *err)
{
	struct telling t = { add, arg, as_json, EXIT_ERRORS };
	char name[DOMAIN_NAME_SIZE];

	if (!domain_name_normalise(domain, name, err))
		return EXIT_USAGE;
	check_look(name, options, add_and_tell, &t, err);
	return t.code;
}
