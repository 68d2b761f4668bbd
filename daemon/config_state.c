#include "daemon/config_state.h"

#include "base/when.h"

void config_state_take(struct config_state *s, time_t now)
{
	*s = (struct config_state){ .read_at = now };
}

void config_state_refuse(struct config_state *s, const struct err *why,
			 time_t now)
{
	s->refused_at = now;
	s->why = *why;
}

void config_state_judge(const struct config_state *s, struct findings *out)
{
	static const char otherwise[] =
		"put it right, try it with mtastsd --check-config, and reload "
		"mtastsd";
	char refused[INSTANT_TEXT], read[INSTANT_TEXT];

	if (!s->refused_at)
		return;
	findings_add(out, "config.refused", HEALTH_WARNING,
		     *s->why.hint ? s->why.hint : otherwise,
		     "configuration of %s refused: %s; running with the one "
		     "of %s",
		     instant_format(s->refused_at, refused), s->why.text,
		     instant_format(s->read_at, read));
}
