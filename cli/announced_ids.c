#include "cli/announced_ids.h"

#include <stdlib.h>

#include "base/dns.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/mx_read.h"
#include "policy/domain_name.h"
#include "policy/sts_record.h"

#define TIMEOUT_MS 2000
#define VAIN_MAX   8 /* without an answer, in a row: nobody is there */

struct announced_ids {
	struct cli *cli;
	struct loop *loop;
	struct resolver *resolver; /* NULL: nobody is asked (any more) */
	bool is_tried;		   /* to make them */
	long vain;
};

struct announced_id {
	struct announced_ids *looks;
	bool is_done;
	char id[STS_ID_SIZE];
};

/* ---- what was found ---- */

/* The one record that senders take; else there is no policy for them. */
static bool read_id(const struct dns_record_set *set, char id[STS_ID_SIZE])
{
	const char *text = NULL;
	size_t n = 0;

	for (size_t i = 0; i < set->count; i++) {
		if (!str_starts(set->record[i].text, "v=STSv1;"))
			continue;
		text = set->record[i].text;
		n++;
	}
	return n == 1 && sts_record_parse(text, id, NULL);
}

static void on_txt(const struct dns_records_answer *answer, void *arg)
{
	struct announced_id *one = arg;
	bool is_answered = false;

	one->is_done = true;
	for (size_t i = 0; i < answer->count; i++) {
		const struct dns_record_set *set = &answer->view[i];

		is_answered |= set->outcome != DNS_FAILED;
		if (set->outcome == DNS_FOUND && !*one->id &&
		    !read_id(set, one->id))
			*one->id = '\0';
	}
	one->looks->vain = is_answered ? 0 : one->looks->vain + 1;
}

/* ---- asking ---- */

struct announced_ids *announced_ids_new(struct cli *cli)
{
	struct announced_ids *l = xcalloc(1, sizeof(*l));

	l->cli = cli;
	return l;
}

/* With the first that is asked for. Whatever fails keeps nobody from adding. */
static void begin(struct announced_ids *l)
{
	l->is_tried = true;
	l->resolver = mx_read_beside(l->cli, &l->loop, TIMEOUT_MS);
}

struct announced_id *announced_ids_ask(struct announced_ids *l,
				       const char *name)
{
	char domain[DOMAIN_NAME_SIZE], *record;
	struct announced_id *one;

	if (!domain_name_normalise(name, domain, NULL))
		return NULL;
	if (!l->is_tried)
		begin(l);
	if (!l->resolver)
		return NULL;
	one = xcalloc(1, sizeof(*one));
	one->looks = l;
	record = xasprintf("_mta-sts.%s", domain);
	resolver_records(l->resolver, record, DNS_TXT, on_txt, one);
	free(record);
	return one;
}

static void wait_for(struct announced_id *one)
{
	struct announced_ids *l = one->looks;

	while (!one->is_done && l->vain < VAIN_MAX)
		event_base_loop(loop_base(l->loop), EVLOOP_ONCE);
	if (one->is_done || !l->resolver)
		return;
	resolver_free(l->resolver); /* each look ends, unseen */
	l->resolver = NULL;
}

void announced_id_take(struct announced_id *one, json_t *body)
{
	if (!one)
		return;
	wait_for(one);
	if (body && *one->id)
		json_object_set_new(body, "announced_id",
				    json_string(one->id));
	free(one);
}

void announced_ids_free(struct announced_ids *l)
{
	if (!l)
		return;
	resolver_free(l->resolver);
	loop_free(l->loop);
	free(l);
}
