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

enum exit_code check_run(const char *domain,
			 const struct outside_options *options, bool as_json,
			 check_add *add, void *arg, struct err *err)
{
	enum exit_code code = EXIT_ERRORS;
	char name[DOMAIN_NAME_SIZE];
	struct outside *o;
	struct loop *loop;

	if (!domain_name_normalise(domain, name, err))
		return EXIT_USAGE;
	loop = loop_new(err);
	if (!loop)
		return code;
	o = outside_start(loop, name, options, on_done, loop, err);
	if (o) {
		loop_run(loop);
		if (add)
			add(outside_facts(o), arg);
		code = tell(outside_facts(o), as_json);
	}
	outside_free(o);
	loop_free(loop);
	return code;
}
