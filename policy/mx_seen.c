#include "policy/mx_seen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "policy/domain_name.h"

static const char *const names[] = {
	[MX_UNKNOWN] = "unknown",
	[MX_ABSENT] = "absent",
	[MX_NULL] = "null",
	[MX_THERE] = "there",
};

const char *mx_look_name(enum mx_look look)
{
	return names[look];
}

/* Where it stands, or would. */
static size_t place_of(char (*list)[DOMAIN_NAME_SIZE], size_t count,
		       const char *name)
{
	size_t i = 0;

	while (i < count && strcmp(list[i], name) < 0)
		i++;
	return i;
}

/*
 * In order, and once. Of too many the first are kept, in whichever order they
 * came: they are the same at the next look. False if one was left out.
 */
static bool add_name(char (*list)[DOMAIN_NAME_SIZE], size_t *count,
		     const char *name)
{
	size_t i = place_of(list, *count, name);
	bool fits = *count < MX_SEEN_MAX;

	if (i < *count && streq(list[i], name))
		return true;
	if (i == MX_SEEN_MAX)
		return false;
	*count -= !fits;
	memmove(list[i + 1], list[i], (*count - i) * sizeof(list[0]));
	str_copy(list[i], sizeof(list[0]), name);
	++*count;
	return fits;
}

/* What is too long stays none of a host when it is cut. */
static void add_bad(struct mx_seen *seen, const char *name)
{
	char *clean = str_printable(name, DOMAIN_NAME_SIZE),
	     bad[DOMAIN_NAME_SIZE];
	bool is_long = strlen(clean) > DOMAIN_NAME_MAX;

	snprintf(bad, sizeof(bad), "%.*s%s",
		 is_long ? DOMAIN_NAME_MAX - 3 : DOMAIN_NAME_MAX, clean,
		 is_long ? "..." : "");
	str_lower(bad);
	seen->is_cut |= !add_name(seen->bad, &seen->bad_count, bad);
	free(clean);
}

/* A name that no policy can have is no host that a policy could allow. */
static void add_host(struct mx_seen *seen, const char *name)
{
	char host[DOMAIN_NAME_SIZE];

	if (!*name || streq(name, "."))
		return;
	if (host_name_normalise(name, host, NULL))
		seen->is_cut |= !add_name(seen->host, &seen->count, host);
	else
		add_bad(seen, name);
}

static bool is_null(const struct dns_record_set *set)
{
	return set->count == 1 && (!*set->record[0].text ||
				   streq(set->record[0].text, "."));
}

static void read_view(const struct dns_record_set *set, struct mx_seen *one)
{
	*one = (struct mx_seen){ .look = MX_ABSENT };
	if (set->outcome == DNS_FAILED)
		one->look = MX_UNKNOWN;
	if (set->outcome != DNS_FOUND)
		return;
	one->look = is_null(set) ? MX_NULL : MX_THERE;
	one->is_cut = set->is_cut;
	one->ttl = set->ttl;
	for (size_t i = 0; one->look == MX_THERE && i < set->count; i++)
		add_host(one, set->record[i].text);
}

static bool same_names(const char (*a)[DOMAIN_NAME_SIZE],
		       const char (*b)[DOMAIN_NAME_SIZE], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!streq(a[i], b[i]))
			return false;
	return true;
}

bool mx_seen_same(const struct mx_seen *a, const struct mx_seen *b)
{
	return a->look == b->look && a->count == b->count &&
	       a->bad_count == b->bad_count &&
	       same_names(a->host, b->host, a->count) &&
	       same_names(a->bad, b->bad, a->bad_count);
}

static bool has_name(const char (*list)[DOMAIN_NAME_SIZE], size_t count,
		     const char *name)
{
	size_t i = 0;

	while (i < count && !streq(list[i], name))
		i++;
	return i < count;
}

bool mx_seen_left(const struct mx_seen *was, const struct mx_seen *is)
{
	for (size_t i = 0; i < was->count; i++)
		if (!has_name(is->host, is->count, was->host[i]))
			return true;
	for (size_t i = 0; i < was->bad_count; i++)
		if (!has_name(is->bad, is->bad_count, was->bad[i]))
			return true;
	return was->look == MX_ABSENT && is->look != MX_ABSENT;
}

static void join(struct mx_seen *all, const struct mx_seen *one)
{
	if (!all->voices) {
		*all = *one;
		all->agrees = true;
		return;
	}
	all->agrees = all->agrees && mx_seen_same(all, one);
	if (one->look > all->look)
		all->look = one->look;
	if (one->ttl > all->ttl)
		all->ttl = one->ttl;
	all->is_cut |= one->is_cut;
	for (size_t i = 0; i < one->count; i++)
		add_host(all, one->host[i]);
	for (size_t i = 0; i < one->bad_count; i++)
		add_bad(all, one->bad[i]);
}

void mx_seen_read(const struct dns_records_answer *answer,
		  struct mx_seen *seen)
{
	unsigned voices = 0;

	*seen = (struct mx_seen){ .look = MX_UNKNOWN };
	for (size_t i = 0; i < answer->count; i++) {
		struct mx_seen one;

		read_view(&answer->view[i], &one);
		if (one.look == MX_UNKNOWN)
			continue;
		join(seen, &one);
		seen->voices = ++voices;
	}
}

static void join_hosts(const struct mx_seen *seen, char between, char *out)
{
	size_t all = seen->count + seen->bad_count;
	char *end = out;

	*end = '\0';
	for (size_t i = 0; i < all; i++) {
		if (i)
			*end++ = between;
		end = stpcpy(end, i < seen->count ? seen->host[i]
						  : seen->bad[i - seen->count]);
	}
}

void mx_seen_write(const struct mx_seen *seen, char out[static MX_SEEN_TEXT])
{
	join_hosts(seen, '\n', out);
}

void mx_seen_say(const struct mx_seen *seen, char out[static MX_SEEN_TEXT])
{
	join_hosts(seen, ' ', out);
}

/* ---- in a sentence that has room for so much ---- */

#define AND_MORE 16 /* " and 16 more" */

struct saying {
	char *out;
	size_t size, used, left;
};

/* The first is cut rather than left out. */
static void say_name(struct saying *s, const char *name)
{
	bool fits = s->used + 1 + strlen(name) + AND_MORE < s->size;

	if (s->left || (s->used && !fits)) {
		s->left++;
		return;
	}
	snprintf(s->out + s->used, s->size - s->used - (fits ? 0 : AND_MORE),
		 "%s%s", s->used ? " " : "", name);
	s->used += strlen(s->out + s->used);
}

static void say_rest(struct saying *s, bool is_cut)
{
	if (s->left)
		snprintf(s->out + s->used, s->size - s->used, " and %zu more",
			 s->left);
	else if (s->used && is_cut)
		snprintf(s->out + s->used, s->size - s->used, " and more");
}

void mx_say_bad(const struct mx_seen *seen, char *out, size_t size)
{
	struct saying s = { .out = out, .size = size };

	*out = '\0';
	for (size_t i = 0; i < seen->bad_count; i++)
		say_name(&s, seen->bad[i]);
	say_rest(&s, seen->bad_count == MX_SEEN_MAX && seen->is_cut);
}

void mx_say_strays(const struct mx_seen *seen, const struct sts_policy *policy,
		   char *out, size_t size)
{
	struct saying s = { .out = out, .size = size };

	*out = '\0';
	for (size_t i = 0; i < seen->count; i++)
		if (mx_is_stray(seen, i, policy))
			say_name(&s, seen->host[i]);
	say_rest(&s, seen->count == MX_SEEN_MAX && seen->is_cut);
}

void mx_seen_parse(const char *lines, struct mx_seen *seen)
{
	seen->count = 0;
	seen->bad_count = 0;
	while (*lines) {
		size_t len = strcspn(lines, "\n");
		char *host = xstrndup(lines, len);

		add_host(seen, host);
		free(host);
		lines += len + (lines[len] == '\n');
	}
}

bool mx_is_stray(const struct mx_seen *seen, size_t i,
		 const struct sts_policy *policy)
{
	return policy->mode != STS_NONE &&
	       !sts_policy_allows(policy, seen->host[i]);
}

size_t mx_strays(const struct mx_seen *seen, const struct sts_policy *policy)
{
	size_t n = 0;

	for (size_t i = 0; i < seen->count; i++)
		n += mx_is_stray(seen, i, policy);
	return n;
}

bool mx_has_bad(const struct mx_seen *seen, const struct sts_policy *policy)
{
	return seen->bad_count && policy->mode != STS_NONE;
}

const char *mx_lost(const struct mx_seen *seen, const struct sts_policy *was,
		    const struct sts_policy *wanted)
{
	for (size_t i = 0; i < seen->count; i++)
		if (sts_policy_allows(was, seen->host[i]) &&
		    mx_is_stray(seen, i, wanted))
			return seen->host[i];
	return NULL;
}

bool mx_drops(const struct sts_policy *was, const struct sts_policy *wanted)
{
	for (size_t i = 0; i < was->mx_count; i++)
		if (!sts_policy_has_mx(wanted, was->mx[i]) &&
		    (str_starts(was->mx[i], "*.") ||
		     !sts_policy_allows(wanted, was->mx[i])))
			return true;
	return false;
}

bool mx_add_seen(const struct mx_seen *seen, struct sts_policy *p,
		 struct err *err)
{
	for (size_t i = 0; i < seen->count; i++)
		if (!sts_policy_allows(p, seen->host[i]) &&
		    !sts_policy_add_mx(p, seen->host[i], err))
			return false;
	return sts_policy_validate(p, err);
}
