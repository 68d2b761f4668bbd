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
static size_t place_of(const struct mx_seen *seen, const char *host)
{
	size_t i = 0;

	while (i < seen->count && strcmp(seen->host[i], host) < 0)
		i++;
	return i;
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
	if (!*seen->bad || strcmp(bad, seen->bad) < 0)
		memcpy(seen->bad, bad, sizeof(bad));
	free(clean);
}

/*
 * A name that no policy can have is no host that a policy could allow. Of too
 * many the first are kept, in whichever order they came: they are the same at
 * the next look.
 */
static void add_host(struct mx_seen *seen, const char *name)
{
	char host[DOMAIN_NAME_SIZE];
	size_t i;

	if (!*name || streq(name, "."))
		return;
	if (!host_name_normalise(name, host, NULL)) {
		add_bad(seen, name);
		return;
	}
	i = place_of(seen, host);
	if (i < seen->count && streq(seen->host[i], host))
		return;
	if (seen->count == MX_SEEN_MAX) {
		seen->is_cut = true;
		if (i == MX_SEEN_MAX)
			return;
		seen->count--;
	}
	memmove(seen->host[i + 1], seen->host[i],
		(seen->count - i) * sizeof(seen->host[0]));
	str_copy(seen->host[i], sizeof(seen->host[0]), host);
	seen->count++;
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

bool mx_seen_same(const struct mx_seen *a, const struct mx_seen *b)
{
	if (a->look != b->look || a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!streq(a->host[i], b->host[i]))
			return false;
	return streq(a->bad, b->bad);
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
	if (*one->bad)
		add_bad(all, one->bad);
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
	char *end = out;

	*end = '\0';
	for (size_t i = 0; i < seen->count; i++) {
		if (i)
			*end++ = between;
		end = stpcpy(end, seen->host[i]);
	}
	if (*seen->bad && seen->count)
		*end++ = between;
	stpcpy(end, seen->bad);
}

void mx_seen_write(const struct mx_seen *seen, char out[static MX_SEEN_TEXT])
{
	join_hosts(seen, '\n', out);
}

void mx_seen_say(const struct mx_seen *seen, char out[static MX_SEEN_TEXT])
{
	join_hosts(seen, ' ', out);
}

void mx_seen_parse(const char *lines, struct mx_seen *seen)
{
	seen->count = 0;
	seen->bad[0] = '\0';
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
	return *seen->bad && policy->mode != STS_NONE;
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
