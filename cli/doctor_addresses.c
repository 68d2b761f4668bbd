/*
 * Under which addresses the world could see this box.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/address_kind.h"
#include "cli/doctor.h"
#include "cli/proc_net.h"
#include "cli/say.h"

struct addresses {
	const struct doctor_box *box;
	struct doctor_notes *n;
	char *all; /* "10.0.0.5, fd00::1" */
	size_t count[ADDRESS_PUBLIC_6 + 1];
	size_t total;
};

static void count(struct addresses *a)
{
	const json_t *list = value_at(a->box->facts, "addresses"), *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		a->count[address_kind_of(json_string_value(one))]++;
	}
	a->total = json_array_size(list);
	a->all = joined_at(a->box->facts, "addresses", ", ");
}

static bool has_public(const struct addresses *a)
{
	return a->count[ADDRESS_PUBLIC_4] || a->count[ADDRESS_PUBLIC_6];
}

/* ---- none that is public ---- */

static void say_none(const struct addresses *a)
{
	doctor_say(a->n, DOCTOR_ERROR, "address.none",
		   "this machine has no address but loopback and link-local "
		   "ones: nobody reaches it");
	doctor_hint(a->n, "bring its network up: ip addr; then names may lead "
			  "here");
}

static void say_carrier(const struct addresses *a)
{
	doctor_say(a->n, DOCTOR_ERROR, "address.carrier-nat",
		   "this machine's addresses (%s) are behind the provider's "
		   "own NAT (100.64.0.0/10): nobody can connect to it",
		   a->all);
	doctor_hint(a->n, "have the provider give it a public IPv4 address; "
			  "your own router cannot help");
}

static void say_private(const struct addresses *a)
{
	doctor_say(a->n, DOCTOR_ERROR, "address.private",
		   "this machine has private addresses alone (%s): the world "
		   "sees it under others, or not at all",
		   a->all);
	doctor_hint(a->n,
		    "name those in public_addresses of %s, and have the router "
		    "lead ports 80 and 443 here",
		    doctor_config_of(a->box));
}

static void judge_found(const struct addresses *a)
{
	if (!a->total)
		say_none(a);
	else if (!has_public(a) && a->count[ADDRESS_CARRIER])
		say_carrier(a);
	else if (!has_public(a))
		say_private(a);
}

static void judge_named(const struct addresses *a)
{
	if (a->count[ADDRESS_PUBLIC_4] + a->count[ADDRESS_PUBLIC_6] == a->total)
		return;
	doctor_say(a->n, DOCTOR_ERROR, "address.not-public",
		   "not all of public_addresses (%s) are public: the world "
		   "cannot reach such a one, and names may not lead to it",
		   a->all);
	doctor_hint(a->n, "name in %s the addresses that the world sees",
		    doctor_config_of(a->box));
}

/* ---- one family alone ---- */

/* Where to, how many bits of it, seven more, the device. */
static bool leads_out(char *line)
{
	char *word[10];

	return proc_words(line, word, ARRAY_LEN(word)) == ARRAY_LEN(word) &&
	       strspn(word[0], "0") == 32 && streq(word[1], "00") &&
	       !streq(word[9], "lo");
}

static bool has_way_out_6(const struct doctor_box *box)
{
	char *path = doctor_path(box, "/proc/net/ipv6_route");
	FILE *f = fopen(path, "re");
	char line[256];
	bool has = false;

	free(path);
	while (f && !has && fgets(line, sizeof(line), f))
		has = leads_out(line);
	if (f)
		fclose(f);
	return has;
}

static void judge_families(const struct addresses *a)
{
	if (!has_public(a))
		return;
	if (!a->count[ADDRESS_PUBLIC_4]) {
		doctor_say(a->n, DOCTOR_WARNING, "address.no-ipv4",
			   "no public IPv4 address (%s): senders without IPv6 "
			   "do not reach it",
			   a->all);
		doctor_hint(a->n, "most want one; behind NAT, name it in "
				  "public_addresses");
	} else if (!a->count[ADDRESS_PUBLIC_6] && has_way_out_6(a->box)) {
		doctor_say(a->n, DOCTOR_NOTE, "address.no-ipv6",
			   "no public IPv6 address among its own (%s), though "
			   "this machine speaks IPv6",
			   a->all);
		doctor_hint(a->n, "give it one, or publish no AAAA record of "
				  "this box");
	}
}

void doctor_addresses(const struct doctor_box *box, struct doctor_notes *n)
{
	struct addresses a = { .box = box, .n = n };

	if (!doctor_knows_config(box, n))
		return;
	count(&a);
	if (json_is_true(value_at(box->facts, "finds_addresses")))
		judge_found(&a);
	else
		judge_named(&a);
	judge_families(&a);
	free(a.all);
}
