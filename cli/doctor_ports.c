/*
 * The ports: who has them, if it is not the daemon, and who may have them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/doctor.h"
#include "cli/proc_net.h"
#include "cli/say.h"

#define LISTENERS_MOST 4096

static const struct {
	const char *key, *unit;
	long port; /* that the world connects to */
} kinds[] = {
	{ "listen_https", "mtastsd-https.socket", 443 },
	{ "listen_http", "mtastsd-http.socket", 80 },
};

struct ports {
	const struct doctor_box *box;
	struct doctor_notes *n;
	struct proc_listener *list;
	size_t count;
	bool is_told; /* that low ports are not for everybody */
	bool is_unheld[ARRAY_LEN(kinds)]; /* that systemd has them not */
};

/* ---- taken ---- */

static const struct proc_listener *in_way(const struct ports *p,
					  const char *address)
{
	for (size_t i = 0; i < p->count; i++)
		if (proc_net_is_in_way(&p->list[i], address))
			return &p->list[i];
	return NULL;
}

static void say_systemd(const struct ports *p, long port)
{
	doctor_say(p->n, DOCTOR_WARNING, "port.held",
		   "systemd holds port %ld, so a socket unit is active, and "
		   "mtastsd is not",
		   port);
	doctor_hint(p->n, "systemctl list-sockets says whose it is, systemctl "
			  "status mtastsd why it does not run");
}

/* How it gets an address of its own: units take the place of the configuration. */
static void say_own_address(const struct ports *p, size_t kind, char *out,
			    size_t size)
{
	if (doctor_has_systemd(p->box) &&
	    doctor_has_unit(p->box, kinds[kind].unit))
		snprintf(out, size, "systemctl edit %s", kinds[kind].unit);
	else
		snprintf(out, size, "%s in %.200s", kinds[kind].key,
			 doctor_config_of(p->box));
}

/* A second daemon is not the same as another program. */
static void hint_taken(const struct ports *p, size_t kind,
		       const struct proc_holder *by)
{
	char own[256], of_unit[64] = "";

	say_own_address(p, kind, own, sizeof(own));
	if (doctor_has_systemd(p->box))
		snprintf(of_unit, sizeof(of_unit),
			 "; systemctl status %ld says of which unit", by->pid);
	if (!by->pid)
		doctor_hint(p->n, "be root to see whose it is: ss -ltnp");
	else if (streq(by->name, "mtastsd"))
		doctor_hint(p->n,
			    "if it is the one that is meant, name its "
			    "socket: --socket PATH; else stop it: kill "
			    "%ld",
			    by->pid);
	else
		doctor_hint(p->n,
			    "stop it (process %ld%s), have it listen "
			    "elsewhere, or give mtastsd an address of its own: "
			    "%s",
			    by->pid, of_unit, own);
}

static void say_taken(const struct ports *p, size_t kind, const char *address,
		      const struct proc_listener *l)
{
	struct proc_holder by;

	proc_net_holder(p->box->root, l->inode, &by);
	if (by.pid == 1 && doctor_has_systemd(p->box)) {
		say_systemd(p, l->port);
		return;
	}
	if (by.pid)
		doctor_say(p->n, DOCTOR_ERROR, "port.taken",
			   "%s is taken by %s (pid %ld)", address, by.name,
			   by.pid);
	else
		doctor_say(p->n, DOCTOR_ERROR, "port.taken",
			   "%s is taken, by a process that you may not see",
			   address);
	hint_taken(p, kind, &by);
}

/* ---- for whom they are ---- */

static bool may_bind_any(const char *root)
{
	char *path = xasprintf("%s/proc/self/status", root), line[256];
	unsigned long long mask = 0;
	FILE *f = fopen(path, "re");

	free(path);
	while (f && fgets(line, sizeof(line), f))
		if (str_starts(line, "CapEff:"))
			mask = strtoull(line + 7, NULL, 16);
	if (f)
		fclose(f);
	return mask >> 10 & 1; /* CAP_NET_BIND_SERVICE */
}

static long first_free_port(const char *root)
{
	char *path = xasprintf(
		"%s/proc/sys/net/ipv4/ip_unprivileged_port_start", root);
	FILE *f = fopen(path, "re");
	char text[16] = "";
	long port = 1024;

	free(path);
	if (f && fgets(text, sizeof(text), f))
		str_to_long(text, strcspn(text, "\n"), 65535, &port);
	if (f)
		fclose(f);
	return port;
}

static void look_at_privilege(struct ports *p, long port)
{
	if (p->is_told || port >= first_free_port(p->box->root) ||
	    may_bind_any(p->box->root))
		return;
	p->is_told = true;
	doctor_say(p->n, DOCTOR_WARNING, "port.privileged",
		   "port %ld is for root, or for who has "
		   "CAP_NET_BIND_SERVICE: you have neither",
		   port);
	doctor_hint(p->n, "start it as root: mtastsd --user mtastsd");
}

/* ---- who is to bind them ---- */

/* At one of several addresses, as a socket unit may have been told. */
static bool is_anybodys(const struct ports *p, long port)
{
	for (size_t i = 0; p->list && i < p->count; i++)
		if (p->list[i].port == port)
			return true;
	return false;
}

/*
 * Nobody has the port. The service may not bind it; so whoever had it when
 * systemd wanted it may be gone, and the unit stays as it failed.
 */
static void look_at_unbound(struct ports *p, size_t kind, long port)
{
	const char *unit = kinds[kind].unit;

	if (!doctor_has_systemd(p->box)) {
		look_at_privilege(p, port);
		return;
	}
	if (p->is_unheld[kind] || port != kinds[kind].port ||
	    is_anybodys(p, port) || !doctor_has_unit(p->box, unit))
		return;
	p->is_unheld[kind] = true;
	doctor_say(p->n, DOCTOR_WARNING, "port.unheld",
		   "nobody has port %ld: %s, which binds it, has failed or was "
		   "stopped",
		   port, unit);
	doctor_hint(p->n,
		    "systemctl status %s says why; then: systemctl start %s "
		    "mtastsd",
		    unit, unit);
}

/* ---- are there such addresses? ---- */

static bool has_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool has = fd >= 0 || errno != EAFNOSUPPORT;

	if (fd >= 0)
		close(fd);
	return has;
}

/* By default none of them is among those listened at: it was configured. */
static bool look_at_family(const struct ports *p, const char *key,
			   const char *address)
{
	if (address[0] != '[' || has_ipv6())
		return true;
	doctor_say(p->n, DOCTOR_ERROR, "port.no-ipv6",
		   "mtastsd is to listen at %s, and this machine's kernel has "
		   "no IPv6",
		   address);
	doctor_hint(p->n,
		    "take it out of %s in %s, or start the kernel "
		    "without ipv6.disable=1",
		    key, doctor_config_of(p->box));
	return false;
}

/* ---- each address ---- */

static void look_at(struct ports *p, size_t kind, const char *address)
{
	const struct proc_listener *l = in_way(p, address);
	long port = proc_net_port(address);

	if (!doctor_has_daemon(p->box) && l)
		say_taken(p, kind, address, l);
	else if (!doctor_has_daemon(p->box) &&
		 look_at_family(p, kinds[kind].key, address))
		look_at_unbound(p, kind, port);
	else if (doctor_has_daemon(p->box) && !l)
		doctor_say(p->n, DOCTOR_UNSEEN, "port.elsewhere",
			   "mtastsd listens at %s, and that is not seen from "
			   "here: it has a network of its own",
			   address);
}

/* The world knows two ports and no others. */
static void look_at_world(const struct ports *p, const json_t *list, long port)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (proc_net_port(json_string_value(one)) == port)
			return;
	}
	doctor_say(p->n, DOCTOR_UNSEEN, "port.other",
		   "whether port %ld leads to %s, as it must for those who "
		   "connect from outside",
		   port, json_string_value(json_array_get(list, 0)));
}

static void look_at_kind(struct ports *p, size_t kind)
{
	const json_t *list = value_at(p->box->facts, kinds[kind].key), *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		look_at(p, kind, json_string_value(one));
	}
	look_at_world(p, list, kinds[kind].port);
}

void doctor_ports(const struct doctor_box *box, struct doctor_notes *n)
{
	struct ports p = { .box = box, .n = n };

	if (!doctor_knows_config(box, n))
		return;
	p.list = xcalloc(LISTENERS_MOST, sizeof(*p.list));
	if (!proc_net_list(box->root, p.list, LISTENERS_MOST, &p.count))
		doctor_say(n, DOCTOR_UNSEEN, "port.no-proc",
			   "/proc/net/tcp, which has them, cannot be read");
	else
		for (size_t kind = 0; kind < ARRAY_LEN(kinds); kind++)
			look_at_kind(&p, kind);
	free(p.list);
}
