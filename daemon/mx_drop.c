#include "daemon/mx_drop.h"

#include "base/buf.h"
#include "base/when.h"
#include "daemon/mx_moves.h"

/* Who asks again is not to do so for ever: a look that is over did not help. */
static enum mx_drop unanswered(const struct domain *d, struct err *why)
{
	err_set(why, ERR_REFUSED,
		"nobody answers for the MX of %s, which were not seen lately, "
		"and the policy would name fewer hosts",
		d->name);
	err_hint(why, "put its DNS right, or the resolvers of this box; "
		      "--force does it all the same");
	return MX_DROP_LOOK;
}

static enum mx_drop unseen(const struct domain *d, struct err *why)
{
	err_set(why, ERR_LOOKING,
		"the MX of %s were not seen lately, and the "
		"policy would name fewer hosts",
		d->name);
	err_hint(why, "DNS is being looked at now: try again; or --force");
	return MX_DROP_LOOK;
}

static enum mx_drop still_used(const struct domain *d, const char *host,
			       struct err *why)
{
	err_set(why, ERR_REFUSED,
		"DNS still sends mail of %s to %s, which senders would refuse",
		d->name, host);
	err_hint(why, "take it out of MX first and wait for the TTL; --force "
		      "does it all the same");
	return MX_DROP_LOSES;
}

/* One that nobody can say of whether it is the one to be dropped. */
static enum mx_drop unclear(const struct domain *d, const struct mx_seen *mx,
			    struct err *why)
{
	char bad[200];

	mx_say_bad(mx, bad, sizeof(bad));
	err_set(why, ERR_REFUSED, "an MX of %s is no host name: %s", d->name,
		bad);
	err_hint(why, "put the MX record right first; --force does it all the "
		      "same");
	return MX_DROP_LOSES;
}

#define HOSTS_MAX 120 /* in a hint, that a name stands in besides */

/* Each after a blank; so many that a hint has room for. */
static void say_new(const struct sts_policy *was,
		    const struct sts_policy *wanted, struct buf *out)
{
	for (size_t i = 0; i < wanted->mx_count; i++) {
		if (sts_policy_has_mx(was, wanted->mx[i]) ||
		    buf_printf(out, " %s", wanted->mx[i]))
			continue;
		buf_clear(out);
		buf_puts(out, " HOST...");
		return;
	}
}

/* To name both together costs nobody mail. */
static enum mx_drop still_cached(const struct domain *d, time_t until,
				 const struct sts_policy *was,
				 const struct sts_policy *wanted,
				 struct err *why)
{
	char at[INSTANT_TEXT];
	struct buf hosts;

	buf_init(&hosts, HOSTS_MAX);
	say_new(was, wanted, &hosts);
	err_set(why, ERR_REFUSED,
		"resolvers may have the former MX of %s until %s", d->name,
		instant_format(until, at));
	if (hosts.len)
		err_hint(why,
			 "safe at once: mtastsctl policy mx %s add%s; drop the "
			 "former then, or now with --force",
			 d->name, hosts.data);
	else
		err_hint(why, "drop it then, or now with --force");
	buf_release(&hosts);
	return MX_DROP_WAIT;
}

static time_t cached_until(const struct watch *w)
{
	return w->mx_left_at ? w->mx_left_at + mx_moves_ttl(w->mx.ttl) : 0;
}

enum mx_drop mx_drop_judge(const struct watch *w, const struct domain *d,
			   const struct sts_policy *was,
			   const struct sts_policy *wanted, time_t now,
			   struct err *why)
{
	bool is_seen = watch_sees_mx(w, now);
	const char *host = mx_lost(&w->mx, was, wanted);
	time_t until = cached_until(w);

	if (!mx_drops(was, wanted))
		return MX_DROP_FINE;
	if (is_seen && host)
		return still_used(d, host, why);
	if (is_seen && w->mx.bad_count)
		return unclear(d, &w->mx, why);
	if (now < until)
		return still_cached(d, until, was, wanted, why);
	if (is_seen)
		return MX_DROP_FINE;
	return watch_misses_mx(w) ? unanswered(d, why) : unseen(d, why);
}
