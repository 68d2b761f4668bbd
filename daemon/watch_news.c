#include "daemon/watch_news.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/when.h"
#include "store/trail.h"

#define LATELY	  WHEN_HOUR
#define TOLD_MOST 6 /* of a kind, in that time */

static char *host_text(const struct domain *d, const struct watch *k)
{
	if (k->host == HOST_HERE)
		return xasprintf("mta-sts.%s leads here", d->name);
	return xasprintf("mta-sts.%s: %s", d->name,
			 *k->host_problem ? k->host_problem
					  : watch_host_name(k->host));
}

static char *txt_text(const struct domain *d, const struct watch *k)
{
	return xasprintf("_mta-sts.%s is %s%s%s", d->name,
			 announced_name(k->txt), *k->txt_id ? ", id " : "",
			 k->txt_id);
}

static char *mx_text(const struct domain *d, const struct watch *k)
{
	char hosts[MX_SEEN_TEXT];

	mx_seen_say(&k->mx, hosts);
	return xasprintf("MX of %s: %s", d->name,
			 *hosts ? hosts : mx_look_name(k->mx.look));
}

/* One of them; `untold` is in the row. Takes text. */
struct news {
	const char *kind;
	enum trail_level level;
	bool is_new; /* else only what was left out is told */
	long *untold;
	char *text;
};

static char *with_count(const struct news *n)
{
	long others = *n->untold - !n->is_new;

	return others > 0 ? xasprintf("%s (%ld change%s before it %s not told)",
				      n->text, others, others == 1 ? "" : "s",
				      others == 1 ? "was" : "were")
			  : xstrdup(n->text);
}

static bool tell(struct store *s, const struct domain *d, const struct news *n,
		 time_t now, struct err *err)
{
	struct trail_lately lately;

	if (!n->is_new && !*n->untold)
		return true;
	if (!trail_lately(s, d->name, n->kind, n->text, now - LATELY, &lately,
			  err))
		return false;
	if (lately.same || lately.all >= TOLD_MOST) {
		*n->untold += n->is_new;
		return true;
	}
	if (!trail_say(s, d->name,
		       &(struct trail){ .at = now,
					.level = n->level,
					.kind = n->kind,
					.channel = "watch" },
		       with_count(n), err))
		return false;
	*n->untold = 0;
	return true;
}

bool watch_news_tell(struct store *s, const struct domain *d, struct watch *k,
		     unsigned news, time_t now, struct err *err)
{
	const struct news all[] = {
		{ "dns.host", k->host == HOST_HERE ? TRAIL_INFO : TRAIL_WARNING,
		  news & NEWS_HOST, &k->untold_host, host_text(d, k) },
		{ "dns.txt", TRAIL_INFO, news & NEWS_TXT, &k->untold_txt,
		  txt_text(d, k) },
		{ "dns.mx", TRAIL_INFO, news & NEWS_MX, &k->untold_mx,
		  mx_text(d, k) },
	};
	bool ok = true;

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		ok = ok && tell(s, d, &all[i], now, err);
		free(all[i].text);
	}
	return ok;
}
