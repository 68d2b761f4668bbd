/*
 * The packet filter of this machine, as far as it is visible. That of the
 * provider, or of a router, is not.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/doctor.h"
#include "cli/doctor_box.h"
#include "cli/nft_rules.h"
#include "cli/proc_net.h"
#include "cli/say.h"

#define RULES_TEXT (16UL * 1024 * 1024)
#define RULES_MS   4000L

struct firewall {
	const struct doctor_box *box;
	struct doctor_notes *n;
	const json_t *rules;
	const char *text; /* of these */
};

/* ---- what to do, in the words of whoever manages it ---- */

static void hint_in(const struct firewall *f, long port, const char *where)
{
	if (strstr(f->text, "\"ufw-"))
		doctor_hint(f->n, "ufw allow %ld/tcp", port);
	else if (strstr(f->text, "\"firewalld\""))
		doctor_hint(f->n,
			    "firewall-cmd --permanent --add-port=%ld/tcp; "
			    "firewall-cmd --reload",
			    port);
	else
		doctor_hint(f->n,
			    "nft insert rule %s tcp dport %ld accept; and keep "
			    "it in /etc/nftables.conf",
			    where, port);
}

static void judge(const struct firewall *f, const struct nft_packet *p)
{
	char where[256] = "";
	enum nft_fate fate = nft_rules_fate(f->rules, p, where, sizeof(where));
	const char *way = p->is_out ? "goes out to" : "comes in to";
	const char *family = p->is_v6 ? "IPv6" : "IPv4";

	if (fate == NFT_PASSES)
		return;
	if (fate == NFT_UNSURE) {
		doctor_say(f->n, DOCTOR_UNSEEN, "firewall.unsure",
			   "whether what %s port %ld by %s passes: it has "
			   "rules that are not wholly understood (%s)",
			   way, p->port, family, where);
		return;
	}
	doctor_say(f->n, DOCTOR_ERROR,
		   p->is_out ? "firewall.out" : "firewall.in",
		   "the firewall of this machine drops what %s port %ld by %s "
		   "(%s)",
		   way, p->port, family, where);
	if (p->is_out)
		doctor_hint(f->n,
			    "let it out: nft insert rule %s %s dport %ld "
			    "accept; and keep it in /etc/nftables.conf",
			    where, p->is_udp ? "udp" : "tcp", p->port);
	else
		hint_in(f, p->port, where);
}

/* ---- which packets ---- */

static const struct nft_packet going_out[] = {
	{ .is_out = true, .port = 443 },
	{ .is_out = true, .port = 53, .is_udp = true },
	{ .is_out = true, .port = 53 },
	{ .is_out = true, .port = 25 },
};

static void judge_listeners(const struct firewall *f, const char *key)
{
	const json_t *list = value_at(f->box->facts, key), *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		const char *address = json_string_value(one);
		const struct nft_packet p = { .is_v6 = address[0] == '[',
					      .port = proc_net_port(address) };

		judge(f, &p);
	}
}

static void judge_all(const struct firewall *f)
{
	judge_listeners(f, "listen_https");
	judge_listeners(f, "listen_http");
	for (size_t i = 0; i < ARRAY_LEN(going_out); i++)
		judge(f, &going_out[i]);
}

/* ---- where they are ---- */

static const char *nft(void)
{
	static const char *const places[] = { "/usr/sbin/nft", "/sbin/nft",
					      "/usr/bin/nft" };

	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}

/* Rules of the older kind, which nft does not list. */
static void look_for_legacy(const struct doctor_box *box,
			    struct doctor_notes *n)
{
	static const char *const files[] = { "/proc/net/ip_tables_names",
					     "/proc/net/ip6_tables_names" };

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		char *path = doctor_path(box, files[i]), table[32];
		FILE *f = fopen(path, "re");
		bool has = f && fgets(table, sizeof(table), f);

		free(path);
		if (f)
			fclose(f);
		if (has)
			doctor_say(n, DOCTOR_UNSEEN, "firewall.legacy",
				   "rules of the older iptables: "
				   "ip%stables-legacy -S INPUT lists them",
				   i ? "6" : "");
	}
}

static void say_unlisted(struct doctor_notes *n, char *output)
{
	output[strcspn(output, "\n")] = '\0';
	doctor_say(n, DOCTOR_UNSEEN, "firewall.closed",
		   "nft does not list its rules%s%.200s%s", *output ? ": " : "",
		   output, geteuid() ? " (be root)" : "");
}

void doctor_firewall(const struct doctor_box *box, struct doctor_notes *n)
{
	const char *argv[] = { nft(), "-j", "list", "ruleset", NULL };
	struct err result = ERR_INIT;
	json_t *rules = NULL;
	char *output;

	if (!doctor_knows_config(box, n))
		return;
	look_for_legacy(box, n);
	if (!argv[0]) {
		doctor_say(n, DOCTOR_UNSEEN, "firewall.no-nft",
			   "nft, which would list the rules, is not there");
		return;
	}
	doctor_ask(argv, RULES_TEXT, RULES_MS, &output, &result);
	if (result.kind == ERR_NONE)
		rules = doctor_json_in(output);
	if (rules) {
		struct firewall f = { box, n, rules, output };

		judge_all(&f);
	} else {
		say_unlisted(n, output);
	}
	json_decref(rules);
	free(output);
}
