#include "daemon/notice_text.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "daemon/json_view.h"

#define LINE_MAX_BYTES 1200
#define MAIL_MAX_BYTES 32768
#define NAMED	       3	/* subjects in one line */

/* How a sentence about it begins. */
static const char *const begins[] = {
	[NOTICE_BEGUN] = "",
	[NOTICE_WORSE] = "worse: ",
	[NOTICE_AGAIN] = "still: ",
	[NOTICE_ENDED] = "over: ",
};

static const char *text_of(const struct notice *n)
{
	return n->item_count ? n->item[0].text : "";
}

static void add_names(struct buf *b, const struct notice *n)
{
	for (size_t i = 0; i < n->item_count && i < NAMED; i++)
		buf_printf(b, "%s%s", i ? ", " : "", n->item[i].subject);
	if (n->count > NAMED)
		buf_puts(b, ", ...");
}

/* "KIND SUBJECT: TEXT", or "KIND: 12 alike (a, b, c, ...): TEXT of one". */
static void add_sentence(struct buf *b, const struct notice *n)
{
	const char *subject = n->item_count ? n->item[0].subject : "";

	buf_printf(b, "%s%s", begins[n->what], n->kind);
	if (n->count == 1) {
		buf_printf(b, "%s%s: %s", *subject ? " " : "", subject,
			   text_of(n));
		return;
	}
	buf_printf(b, ": %ld alike (", n->count);
	add_names(b, n);
	buf_printf(b, "): %s", text_of(n));
}

char *notice_line(const struct notice *n)
{
	struct buf b;

	buf_init(&b, LINE_MAX_BYTES);
	add_sentence(&b, n);
	if (n->what != NOTICE_ENDED && n->item_count && *n->item[0].hint)
		buf_printf(&b, " (%s)", n->item[0].hint);
	return buf_take(&b);
}

static json_t *item_json(const struct notice_item *item)
{
	return json_pack("{s:o, s:s, s:o, s:o, s:o}", "subject",
			 view_text(item->subject), "level",
			 alert_level_name(item->level), "text",
			 view_text(item->text), "hint", view_text(item->hint),
			 "since", view_instant(item->since));
}

json_t *notice_json(const struct notice *n, const char *host)
{
	json_t *items = json_array();
	char *line = notice_line(n);
	json_t *whole;

	for (size_t i = 0; i < n->item_count; i++)
		json_array_append_new(items, item_json(&n->item[i]));
	whole = json_pack("{s:I, s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:o}", "id",
			  (json_int_t)n->id, "host", host, "what",
			  notice_what_name(n->what), "kind", n->kind, "level",
			  alert_level_name(n->level), "count",
			  (json_int_t)n->count, "at", view_instant(n->at),
			  "summary", view_text(line), "alerts", items);
	free(line);
	return whole;
}

char *notice_subject(const struct notice *n, const char *host)
{
	const char *subject = n->item_count ? n->item[0].subject : "";
	const char *level = n->what == NOTICE_ENDED
				    ? "over" : alert_level_name(n->level);

	if (n->count > 1)
		return xasprintf("[%s] %s: %s, %ld alike", host, level,
				 n->kind, n->count);
	return xasprintf("[%s] %s: %s%s%s", host, level, n->kind,
			 *subject ? " " : "", subject);
}

static void add_item(struct buf *b, const struct notice_item *item)
{
	char at[INSTANT_TEXT];

	buf_printf(b, "%s%s%s: %s\n", alert_level_name(item->level),
		   *item->subject ? " " : "", item->subject, item->text);
	if (*item->hint)
		buf_printf(b, "  what helps: %s\n", item->hint);
	buf_printf(b, "  since %s\n\n", instant_format(item->since, at));
}

char *notice_mail(const struct notice *n, const char *host)
{
	long more = n->count - (long)n->item_count;
	struct buf b;

	buf_init(&b, MAIL_MAX_BYTES);
	add_sentence(&b, n);
	buf_puts(&b, "\n\n");
	for (size_t i = 0; i < n->item_count; i++)
		add_item(&b, &n->item[i]);
	if (more > 0)
		buf_printf(&b, "and %ld more\n\n", more);
	buf_printf(&b, "mtastsd on %s; mtastsctl alert list shows what is "
		       "open.\n", host);
	return buf_take(&b);
}
