#include "cli/nft_rules.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define DEEPEST	   16	  /* jumps, as in the kernel */
#define RULES_MOST 100000 /* that are walked, jumps counted each time */

enum truth { NO, MAYBE, YES };

/* What may become of it: bits, for more than one may be possible. */
enum { ACCEPTED = 1, DROPPED = 2, GOES_ON = 4, RETURNED = 8 };
#define ANYTHING (ACCEPTED | DROPPED | GOES_ON)

struct walk {
	const json_t *rules; /* the array */
	const struct nft_packet *packet;
	const char *family, *table; /* of the chain that is walked */
	long left;		    /* rules */
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* ---- values ---- */

static enum truth is_either(bool yes)
{
	return yes ? YES : NO;
}

/* What the left side of a condition is, of this packet. */
struct value {
	enum { UNKNOWN, NUMBER, TEXT } kind;
	long number;
	const char *text;
};

static enum truth equals(const struct value *v, const json_t *right);

static enum truth is_in_list(const struct value *v, const json_t *list)
{
	enum truth best = NO;
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		enum truth t = equals(v, one);

		if (t > best)
			best = t;
	}
	return best;
}

static enum truth is_in_range(const struct value *v, const json_t *range)
{
	const json_t *low = json_array_get(range, 0);
	const json_t *high = json_array_get(range, 1);

	if (v->kind != NUMBER || !json_is_integer(low) ||
	    !json_is_integer(high))
		return MAYBE;
	return is_either(v->number >= json_integer_value(low) &&
			 v->number <= json_integer_value(high));
}

static enum truth equals_object(const struct value *v, const json_t *right)
{
	const json_t *inside;

	if ((inside = json_object_get(right, "set")) != NULL)
		return json_is_array(inside) ? is_in_list(v, inside)
					     : equals(v, inside);
	if ((inside = json_object_get(right, "range")) != NULL)
		return is_in_range(v, inside);
	if ((inside = json_object_get(right, "elem")) != NULL)
		return equals(v, json_object_get(inside, "val"));
	return MAYBE;
}

static enum truth equals(const struct value *v, const json_t *right)
{
	if (v->kind == UNKNOWN)
		return MAYBE;
	if (json_is_object(right))
		return equals_object(v, right);
	if (json_is_array(right))
		return is_in_list(v, right);
	if (json_is_integer(right) && v->kind == NUMBER)
		return is_either(json_integer_value(right) == v->number);
	if (json_is_string(right) && v->kind == TEXT &&
	    json_string_value(right)[0] != '@') /* a set by its name */
		return is_either(streq(json_string_value(right), v->text));
	return MAYBE;
}

/* ---- the left side ---- */

static struct value unknown(void)
{
	return (struct value){ .kind = UNKNOWN };
}

static struct value text(const char *text)
{
	return (struct value){ .kind = TEXT, .text = text };
}

static const char *transport_of(const struct nft_packet *p)
{
	return p->is_udp ? "udp" : "tcp";
}

/*
 * A header that this packet has not: no condition on it holds, "!=" neither,
 * for the kernel asks for the protocol first. Those of the link it may have.
 */
static bool lacks(const struct nft_packet *p, const json_t *left)
{
	const char *protocol = text_of(json_object_get(left, "payload"),
				       "protocol");
	const char *const maybe[] = {
		"",	 "th",	 transport_of(p),
		"ether", "vlan", p->is_v6 ? "ip6" : "ip"
	};

	for (size_t i = 0; i < ARRAY_LEN(maybe); i++)
		if (streq(protocol, maybe[i]))
			return false;
	return true;
}

static struct value payload(const struct nft_packet *p, const json_t *payload)
{
	const char *protocol = text_of(payload, "protocol");
	const char *field = text_of(payload, "field");

	if (streq(protocol, "th") || streq(protocol, transport_of(p)))
		return streq(field, "dport")
			       ? (struct value){ .kind = NUMBER,
						 .number = p->port }
			       : unknown();
	if (streq(protocol, p->is_v6 ? "ip6" : "ip"))
		return streq(field, "protocol") || streq(field, "nexthdr")
			       ? text(transport_of(p))
			       : unknown();
	return unknown();
}

static const struct {
	const char *key;
	const char *v4, *v6;
} families[] = {
	{ "nfproto", "ipv4", "ipv6" },
	{ "protocol", "ip", "ip6" },
};

/* Of its own end all that is known is that it is not loopback. */
static struct value meta(const struct walk *w, const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (streq(key, families[i].key))
			return text(w->packet->is_v6 ? families[i].v6
						     : families[i].v4);
	return streq(key, "l4proto") ? text(transport_of(w->packet))
				     : unknown();
}

static bool is_device(const struct walk *w, const char *key)
{
	const char *name = w->packet->is_out ? "oif" : "iif";

	return str_starts(key, name) &&
	       (streq(key + 3, "") || streq(key + 3, "name"));
}

static enum truth compare(const struct walk *w, const json_t *left,
			  const json_t *right)
{
	const char *key = text_of(json_object_get(left, "meta"), "key");
	const json_t *inside;
	struct value v = unknown();

	if (is_device(w, key))
		return json_is_string(right) &&
				       streq(json_string_value(right), "lo")
			       ? NO
			       : MAYBE;
	if ((inside = json_object_get(left, "payload")) != NULL)
		v = payload(w->packet, inside);
	else if (*key)
		v = meta(w, key);
	else if (streq(text_of(json_object_get(left, "ct"), "key"), "state"))
		v = text("new");
	return equals(&v, right);
}

static enum truth inverse(enum truth t)
{
	return t == MAYBE ? MAYBE : is_either(t == NO);
}

static enum truth match(const struct walk *w, const json_t *m)
{
	const json_t *left = json_object_get(m, "left");
	const char *op = text_of(m, "op");
	enum truth t;

	if (lacks(w->packet, left))
		return NO;
	t = compare(w, left, json_object_get(m, "right"));
	if (streq(op, "==") || streq(op, "in"))
		return t;
	return streq(op, "!=") ? inverse(t) : MAYBE;
}

/* ---- verdicts ---- */

static unsigned walk_chain(struct walk *w, const char *chain, unsigned depth);

static unsigned jump(struct walk *w, const json_t *to, unsigned depth)
{
	unsigned fates = walk_chain(w, text_of(to, "target"), depth + 1);

	return (fates & ~(unsigned)RETURNED) |
	       (fates & RETURNED ? (unsigned)GOES_ON : 0);
}

/* 0: it is no verdict. */
static unsigned verdict(struct walk *w, const json_t *statement, unsigned depth)
{
	const json_t *to;

	if (json_object_get(statement, "accept"))
		return ACCEPTED;
	if (json_object_get(statement, "drop") ||
	    json_object_get(statement, "reject"))
		return DROPPED;
	if (json_object_get(statement, "return"))
		return RETURNED;
	if (json_object_get(statement, "continue"))
		return GOES_ON;
	if ((to = json_object_get(statement, "jump")) != NULL)
		return jump(w, to, depth);
	if ((to = json_object_get(statement, "goto")) != NULL)
		return walk_chain(w, text_of(to, "target"), depth + 1);
	return 0;
}

/* A map from what is compared to verdicts: the first that fits counts. */
static unsigned mapped(struct walk *w, const json_t *vmap, unsigned depth)
{
	const json_t *list = json_object_get(json_object_get(vmap, "data"),
					     "set");
	const json_t *key = json_object_get(vmap, "key"), *pair;
	unsigned fates = 0;
	size_t i;

	if (lacks(w->packet, key))
		return GOES_ON;
	if (!json_is_array(list)) /* by its name */
		return ANYTHING;
	json_array_foreach(list, i, pair)
	{
		enum truth t = compare(w, key, json_array_get(pair, 0));

		if (t == NO)
			continue;
		fates |= verdict(w, json_array_get(pair, 1), depth);
		if (t == YES)
			return fates;
	}
	return fates | GOES_ON;
}

/* ---- rules and chains ---- */

static bool is_one_of(const json_t *statement, const char *const *kinds)
{
	for (; *kinds; kinds++)
		if (json_object_get(statement, *kinds))
			return true;
	return false;
}

static bool is_neutral(const json_t *statement)
{
	static const char *const kinds[] = { "counter",	   "last",
					     "log",	   "mangle",
					     "notrack",	   "ct helper",
					     "ct timeout", "ct expectation",
					     NULL };

	return is_one_of(statement, kinds);
}

/* It holds or not, and decides nothing else. */
static bool is_condition(const json_t *statement)
{
	static const char *const kinds[] = { "limit", "quota", "ct count",
					     "meter", "set",   "map",
					     "flow",  NULL };

	return is_one_of(statement, kinds) ||
	       streq(text_of(json_object_get(statement, "xt"), "type"),
		     "match");
}

/* The targets of iptables that nft only names: those that decide nothing ... */
static const char *const idle_targets[] = {
	"AUDIT", "CLASSIFY", "CONNMARK", "CONNSECMARK", "CT",	   "DSCP",
	"HL",	 "LOG",	     "MARK",	 "NFLOG",	"NOTRACK", "SECMARK",
	"SET",	 "TCPMSS",   "TOS",	 "TRACE",	"TTL",
};

/* ... and what others do, and any statement that is not known here. */
static unsigned of_unknown(const json_t *statement)
{
	const char *name = text_of(json_object_get(statement, "xt"), "name");

	if (streq(name, "REJECT") || streq(name, "DROP"))
		return DROPPED;
	for (size_t i = 0; i < ARRAY_LEN(idle_targets); i++)
		if (streq(name, idle_targets[i]))
			return GOES_ON;
	return ANYTHING;
}

/*
 * What a rule makes of it; GOES_ON where it does not fit. After a verdict
 * there is nothing: what is not known was a condition if something follows.
 */
static unsigned walk_rule(struct walk *w, const json_t *rule, unsigned depth)
{
	const json_t *statement, *inside;
	enum truth fits = YES, t;
	unsigned fates = 0;
	size_t i;

	json_array_foreach(json_object_get(rule, "expr"), i, statement)
	{
		if ((inside = json_object_get(statement, "match")) != NULL) {
			t = match(w, inside);
			fits = t < fits ? t : fits;
		} else if ((inside = json_object_get(statement, "vmap"))) {
			fates = fits == NO ? 0 : mapped(w, inside, depth);
		} else if (fits == NO || is_neutral(statement)) {
			continue;
		} else if (is_condition(statement)) {
			fits = MAYBE;
		} else if (!(fates = verdict(w, statement, depth))) {
			fates = of_unknown(statement);
			fits = fates == ANYTHING ? MAYBE : fits;
		}
	}
	if (fits == NO || !fates)
		return GOES_ON;
	return fits == MAYBE ? fates | GOES_ON : fates;
}

static bool is_of(const struct walk *w, const json_t *rule, const char *chain)
{
	return streq(text_of(rule, "chain"), chain) &&
	       streq(text_of(rule, "table"), w->table) &&
	       streq(text_of(rule, "family"), w->family);
}

static unsigned walk_chain(struct walk *w, const char *chain, unsigned depth)
{
	unsigned fates = 0;
	const json_t *one;
	size_t i;

	if (depth > DEEPEST)
		return ACCEPTED | DROPPED;
	json_array_foreach(w->rules, i, one)
	{
		const json_t *rule = json_object_get(one, "rule");

		if (!rule || !is_of(w, rule, chain))
			continue;
		if (w->left-- <= 0)
			return ACCEPTED | DROPPED;
		fates |= walk_rule(w, rule, depth);
		if (!(fates & GOES_ON))
			return fates;
		fates &= ~(unsigned)GOES_ON;
	}
	return fates | RETURNED;
}

/* ---- where it begins ---- */

static bool is_on_the_way(const struct walk *w, const json_t *chain)
{
	const char *hook = text_of(chain, "hook");
	const char *family = text_of(chain, "family");
	const struct nft_packet *p = w->packet;

	if (!streq(text_of(chain, "type"), "filter") ||
	    (!streq(family, "inet") && !streq(family, p->is_v6 ? "ip6" : "ip")))
		return false;
	if (p->is_out)
		return streq(hook, "output") || streq(hook, "postrouting");
	return streq(hook, "input") || streq(hook, "prerouting");
}

static enum nft_fate fate_in(struct walk *w, const json_t *chain)
{
	unsigned fates;

	w->family = text_of(chain, "family");
	w->table = text_of(chain, "table");
	fates = walk_chain(w, text_of(chain, "name"), 0);
	if (fates & RETURNED)
		fates |= streq(text_of(chain, "policy"), "drop")
				 ? (unsigned)DROPPED
				 : (unsigned)ACCEPTED;
	if (!(fates & DROPPED))
		return NFT_PASSES;
	return fates & ACCEPTED ? NFT_UNSURE : NFT_DROPPED;
}

enum nft_fate nft_rules_fate(const json_t *ruleset,
			     const struct nft_packet *packet, char *where,
			     size_t size)
{
	struct walk w = { .rules = json_object_get(ruleset, "nftables"),
			  .packet = packet,
			  .left = RULES_MOST };
	enum nft_fate worst = NFT_PASSES, fate;
	const json_t *one;
	size_t i;

	json_array_foreach(w.rules, i, one)
	{
		const json_t *chain = json_object_get(one, "chain");

		if (!chain || !is_on_the_way(&w, chain))
			continue;
		fate = fate_in(&w, chain);
		if (fate <= worst)
			continue;
		worst = fate;
		snprintf(where, size, "%s %s %s", text_of(chain, "family"),
			 text_of(chain, "table"), text_of(chain, "name"));
	}
	return worst;
}
