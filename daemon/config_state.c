#include "daemon/config_state.h"

#include "base/str.h"
#include "base/when.h"

void config_state_take(struct config_state *s, const char *awaits_restart,
		       time_t now)
{
	*s = (struct config_state){ .path = s->path, .read_at = now };
	str_copy(s->awaits_restart, sizeof(s->awaits_restart), awaits_restart);
}

void config_state_refuse(struct config_state *s, const struct err *why,
			 time_t now)
{
	s->refused_at = now;
	s->why = *why;
}

static void judge_awaiting(const struct config_state *s, struct findings *out)
{
	if (*s->awaits_restart)
		findings_add(out, "config.not-yet", HEALTH_WARNING,
			     "restart mtastsd",
			     "changed in %s, and in no effect before a "
			     "restart: %s",
			     s->path, s->awaits_restart);
}

void config_state_judge(const struct config_state *s, struct findings *out)
{
	static const char otherwise[] =
		"put it right, try it with mtastsd --check-config, and reload "
		"mtastsd";
	char refused[INSTANT_TEXT], read[INSTANT_TEXT];

	judge_awaiting(s, out);
	if (!s->refused_at)
		return;
	findings_add(out, "config.refused", HEALTH_WARNING,
		     *s->why.hint ? s->why.hint : otherwise,
		     "configuration of %s refused: %s; running with the one "
		     "of %s",
		     instant_format(s->refused_at, refused), s->why.text,
		     instant_format(s->read_at, read));
}

bool config_state_is_set_up(const struct config_state *s,
			    const struct engine_settings *settings,
			    struct findings *out)
{
	bool lacks_contact = !*settings->contact;
	bool lacks_terms = !settings->agree_tos;

	if (!lacks_contact && !lacks_terms)
		return true;
	findings_add(out, "config.not-set-up", HEALTH_ERROR,
		     "then have it read: systemctl reload mtastsd (or send it "
		     "a SIGHUP)",
		     "no certificate is ordered before %s %s%s: %s%s%s",
		     lacks_contact && lacks_terms ? "two lines are set in"
						  : "this line is set in",
		     s->path,
		     s->is_missing ? " (there is no such file yet)" : "",
		     lacks_contact ? "contact = \"YOU@YOUR-DOMAIN\" (your mail "
				     "address, which the CA is told)"
				   : "",
		     lacks_contact && lacks_terms ? " and " : "",
		     lacks_terms ? "agree_tos = true (you have read the CA's "
				   "terms of service)"
				 : "");
	return false;
}
