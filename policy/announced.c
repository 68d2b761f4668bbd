#include "policy/announced.h"

#include "base/mem.h"
#include "base/str.h"

static const char *const names[] = {
	[ANNOUNCED_UNKNOWN] = "unknown",  [ANNOUNCED_NOTHING] = "nothing",
	[ANNOUNCED_DAMAGED] = "damaged",  [ANNOUNCED_IN_STEP] = "in-step",
	[ANNOUNCED_BEHIND] = "behind",	  [ANNOUNCED_AHEAD] = "ahead",
	[ANNOUNCED_FOREIGN] = "foreign",
};

const char *announced_name(enum announced what)
{
	return names[what];
}

bool announced_parse(const char *name, enum announced *what)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!streq(names[i], name))
			continue;
		*what = (enum announced)i;
		return true;
	}
	return false;
}

static enum announced judge_id(const char *id,
			       const struct announced_known *known)
{
	if (streq(id, known->id))
		return ANNOUNCED_IN_STEP;
	if (known->is_past(known->arg, id))
		return ANNOUNCED_BEHIND;
	return known->leads_here ? ANNOUNCED_AHEAD : ANNOUNCED_FOREIGN;
}

/* Other texts at the name are none of ours (RFC 8461, 3.1). */
static const char *only_record(const struct dns_record_set *set, size_t *count)
{
	const char *text = NULL;

	*count = 0;
	for (size_t i = 0; i < set->count; i++) {
		if (!str_starts(set->record[i].text, "v=STSv1;"))
			continue;
		text = set->record[i].text;
		(*count)++;
	}
	return text;
}

static enum announced judge_found(const struct dns_record_set *set,
				  const struct announced_known *known,
				  char id[static STS_ID_SIZE])
{
	const char *text;
	size_t count;

	text = only_record(set, &count);
	if (!count)
		return ANNOUNCED_NOTHING;
	if (count > 1 || !sts_record_parse(text, id, NULL))
		return ANNOUNCED_DAMAGED;
	return judge_id(id, known);
}

static enum announced judge_view(const struct dns_record_set *set,
				 const struct announced_known *known,
				 char id[static STS_ID_SIZE])
{
	id[0] = '\0';
	switch (set->outcome) {
	case DNS_FOUND:
		return judge_found(set, known, id);
	case DNS_NO_NAME:
	case DNS_NO_RECORD:
		return ANNOUNCED_NOTHING;
	case DNS_FAILED:
		break;
	}
	return ANNOUNCED_UNKNOWN;
}

/* A record on its way from one id to the next is still behind. */
static enum announced both(enum announced a, enum announced b)
{
	if (a == ANNOUNCED_UNKNOWN || a == b)
		return b;
	if (b == ANNOUNCED_UNKNOWN)
		return a;
	if (a == ANNOUNCED_IN_STEP)
		return b;
	return b == ANNOUNCED_IN_STEP || a > b ? a : b;
}

void announced_judge(const struct dns_records_answer *answer,
		     const struct announced_known *known,
		     struct announced_seen *seen)
{
	*seen = (struct announced_seen){ .what = ANNOUNCED_UNKNOWN };
	for (size_t i = 0; i < answer->count; i++) {
		const struct dns_record_set *set = &answer->view[i];
		char id[STS_ID_SIZE];
		enum announced one = judge_view(set, known, id);
		enum announced all = both(seen->what, one);

		if (all != seen->what)
			seen->id[0] = '\0';
		if (all == one && *id)
			str_copy(seen->id, sizeof(seen->id), id);
		if (set->outcome == DNS_FOUND && set->ttl > seen->ttl)
			seen->ttl = set->ttl;
		seen->what = all;
	}
}
