#include "cli/report_take.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/mail_guard.h"
#include "cli/report_mail.h"
#include "cli/report_name.h"
#include "cli/say.h"

#define AT(member) offsetof(struct report_tally, member)

/* How each is called by the daemon or in JSON, and how by people. */
static const struct {
	const char *name, *words;
	size_t offset;
} counts[] = {
	{ "messages", "looked at", AT(messages) },
	{ "stored", "stored", AT(stored) },
	{ "known", "known already", AT(known) },
	{ "not_ours", "of other domains", AT(not_ours) },
	{ "empty", "about nothing", AT(empty) },
	{ "refused", "refused", AT(refused) },
	{ "unsigned", "without a DKIM signature that held", AT(unsigned_) },
	{ "no_report", "without a report", AT(no_report) },
	{ "too_large", "too large", AT(too_large) },
	{ "put_off", "put off", AT(put_off) },
};

static long *count_at(struct report_tally *t, size_t i)
{
	return (long *)((char *)t + counts[i].offset);
}

static enum report_fate worse(enum report_fate a, enum report_fate b)
{
	return a > b ? a : b;
}

/* ---- one report ---- */

/* An outcome that is newer than this program is a good one. */
static void count_outcome(struct report_taker *t, const char *outcome)
{
	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		if (streq(counts[i].name, outcome))
			++*count_at(&t->tally, i);
}

/*
 * Of what the daemon said no to, these it will say no to again. The rest may
 * pass: it is not there, it is busy, it is not set up yet (403), or older than
 * this program, and does not know how it is asked (400).
 */
static bool is_final(long status)
{
	return status == 413 || status == 415 || status == 422;
}

/*
 * It is this report that has to wait: who floods one domain keeps nobody else's
 * waiting.
 */
static bool is_of_one(long status)
{
	return status == 429 || status == 400;
}

static enum report_fate later(struct report_taker *t, long status,
			      enum exit_code code)
{
	t->later = status ? EXIT_TEMPFAIL : code;
	t->tally.put_off += is_of_one(status);
	t->is_over = !is_of_one(status);
	return REPORT_LATER;
}

static enum report_fate post(struct report_taker *t, const char *signed_by,
			     const struct report_attachment *a, struct err *err)
{
	char *path = xasprintf("/v1/reports?via=%s", t->via);
	enum exit_code code;
	json_t *answer;
	long status;

	path = api_path_with(path, "signed_by",
			     str_is_empty(signed_by) ? NULL : signed_by);
	path = api_path_with(path, "about", *a->about ? a->about : NULL);
	code = api_send(t->api, path, a->data, a->len, &status, &answer, err);
	free(path);
	if (code == EXIT_FINE) {
		count_outcome(t, text_at(answer, "outcome"));
		json_decref(answer);
		return REPORT_TAKEN;
	}
	if (is_final(status)) {
		t->tally.refused++;
		return REPORT_REFUSED;
	}
	return later(t, status, code);
}

enum report_fate report_take_file(struct report_taker *t, const char *name,
				  void *data, size_t len, struct err *err)
{
	struct report_attachment a = { .data = data, .len = len };
	enum report_fate fate;

	report_name_domain(name, a.about);
	fate = post(t, NULL, &a, err);
	t->tally.messages += fate != REPORT_LATER;
	return fate;
}

/* ---- a message ---- */

static enum report_fate post_all(struct report_taker *t,
				 const struct report_mail *m, struct err *err)
{
	enum report_fate fate = REPORT_TAKEN;

	for (size_t i = 0; i < m->count && fate != REPORT_LATER; i++)
		fate = worse(fate,
			     post(t, m->signed_by, &m->attachment[i], err));
	return fate;
}

static enum report_fate none(struct report_taker *t, struct err *err)
{
	t->tally.no_report++;
	err_set(err, ERR_INPUT, "there is no TLS report in it");
	return REPORT_NONE;
}

static enum report_fate unsigned_one(struct report_taker *t, struct err *err)
{
	t->tally.unsigned_++;
	err_set(err, ERR_REFUSED, "%s does not say that a DKIM signature held",
		t->server);
	return REPORT_REFUSED;
}

static enum report_fate too_large(struct report_taker *t)
{
	t->tally.too_large++;
	return REPORT_REFUSED;
}

enum report_fate report_take_none(struct report_taker *t, struct err *err)
{
	t->tally.messages++;
	err_set(err, ERR_REFUSED, "the message is larger than %d bytes",
		MAIL_BYTES_MAX);
	return too_large(t);
}

enum report_fate report_take_message(struct report_taker *t, const void *data,
				     size_t len, struct err *err)
{
	enum report_fate fate;
	struct report_mail m;

	if (!report_mail_read(&m, data, len, t->server, err))
		fate = too_large(t);
	else if (!m.count)
		fate = none(t, err);
	else if (t->requires_dkim && !*m.signed_by)
		fate = unsigned_one(t, err);
	else
		fate = post_all(t, &m, err);
	report_mail_release(&m);
	t->tally.messages += fate != REPORT_LATER;
	return fate;
}

/* ---- the sum ---- */

void report_tally_add(struct report_tally *to, const struct report_tally *from)
{
	struct report_tally its = *from;

	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		*count_at(to, i) += *count_at(&its, i);
}

bool report_tally_read(struct report_tally *t, const json_t *sum)
{
	*t = (struct report_tally){ .messages = 0 };
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		const json_t *n = json_object_get(sum, counts[i].name);
		json_int_t value = json_integer_value(n);

		if (!json_is_integer(n) || value < 0 ||
		    value > REPORT_ATTACHMENTS_MAX)
			return false;
		*count_at(t, i) = (long)value;
	}
	return true;
}

static void say_json_tally(struct report_tally *t)
{
	json_t *sum = json_object();

	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		json_object_set_new(sum, counts[i].name,
				    json_integer(*count_at(t, i)));
	say_json(sum);
	json_decref(sum);
}

void report_say_tally(const struct report_tally *t, bool json)
{
	struct report_tally sum = *t;

	if (json) {
		say_json_tally(&sum);
		return;
	}
	printf("%ld looked at", sum.messages);
	for (size_t i = 1; i < ARRAY_LEN(counts); i++)
		if (*count_at(&sum, i))
			printf(", %ld %s", *count_at(&sum, i), counts[i].words);
	putchar('\n');
}
