#include "daemon/zone.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon/records.h"

#define TEXT_MAX   (1024 * 1024)
#define HASH_BYTES 20

/* ---- names ---- */

static void hashed_label(const char *domain, char out[static 64])
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	EVP_Digest(domain, strlen(domain), hash, &len, EVP_sha256(), NULL);
	snprintf(out, 64, "h-");
	for (size_t i = 0; i < HASH_BYTES; i++)
		snprintf(out + 2 + 2 * i, 3, "%02x", hash[i]);
}

static void name_in(const char *zone, const char *below, const char *domain,
		    char out[static DOMAIN_NAME_SIZE])
{
	char label[64];

	if (strlen(domain) + strlen(below) + strlen(zone) + 2 >
	    DOMAIN_NAME_MAX) {
		hashed_label(domain, label);
		domain = label;
	}
	snprintf(out, DOMAIN_NAME_SIZE, "%s.%s.%s", domain, below, zone);
}

void zone_sts_name(const char *zone, const char *domain,
		   char out[static DOMAIN_NAME_SIZE])
{
	name_in(zone, "_mta-sts", domain, out);
}

void zone_tls_name(const char *zone, const char *domain,
		   char out[static DOMAIN_NAME_SIZE])
{
	name_in(zone, "_tls", domain, out);
}

/* ---- sets ---- */

static bool is_one_line(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || (unsigned char)*text > '~')
			return false;
	return true;
}

/* Takes value. One that has no place in a line of commands is no value. */
static void add(struct zone_set *z, const char *name, const char *type,
		char *value)
{
	struct zone_record *r;

	if (value && !is_one_line(value)) {
		free(value);
		return;
	}
	if (z->count == z->room) {
		z->room = z->room ? 2 * z->room : 4;
		z->item = xrealloc_array(z->item, z->room, sizeof(*z->item));
	}
	r = &z->item[z->count++];
	*r = (struct zone_record){ .value = value };
	str_copy(r->name, sizeof(r->name), name);
	str_copy(r->type, sizeof(r->type), type);
}

void zone_set_release(struct zone_set *z)
{
	for (size_t i = 0; i < z->count; i++)
		free(z->item[i].value);
	free(z->item);
	*z = (struct zone_set){ .count = 0 };
}

void zone_of_domain(struct zone_set *z, const char *zone,
		    const struct domain *d, const char *sts_id, bool collects)
{
	char name[DOMAIN_NAME_SIZE], *reports = records_reports(d, collects);

	if (sts_id) {
		zone_sts_name(zone, d->name, name);
		add(z, name, "TXT", sts_record_format(sts_id));
	}
	if (reports) {
		zone_tls_name(zone, d->name, name);
		add(z, name, "TXT", reports);
	}
}

static bool lies_in(const char *name, const char *zone)
{
	size_t len = strlen(name), zone_len = strlen(zone);

	return streq(name, zone) ||
	       (len > zone_len && name[len - zone_len - 1] == '.' &&
		str_ends(name, zone));
}

void zone_of_box(struct zone_set *z, const char *zone, const char *host_name,
		 const char *const *addresses, size_t count)
{
	if (!lies_in(host_name, zone))
		return;
	for (size_t i = 0; i < count; i++)
		add(z, host_name, strchr(addresses[i], ':') ? "AAAA" : "A",
		    xstrdup(addresses[i]));
}

/* ---- as text, and back ---- */

char *zone_set_text(const struct zone_set *z)
{
	struct buf b;
	char *text;

	buf_init(&b, TEXT_MAX);
	for (size_t i = 0; i < z->count; i++)
		if (z->item[i].value)
			buf_printf(&b, "%s %s %s\n", z->item[i].name,
				   z->item[i].type, z->item[i].value);
	text = buf_take(&b);
	buf_release(&b);
	return text;
}

static void read_line(struct zone_set *z, char *line)
{
	const char *name = strsep(&line, " ");
	const char *type = strsep(&line, " ");

	if (type && line)
		add(z, name, type, xstrdup(line));
}

void zone_set_read(struct zone_set *z, const char *text)
{
	char *copy = xstrdup(text), *rest = copy, *line;

	while ((line = strsep(&rest, "\n")) != NULL)
		read_line(z, line);
	free(copy);
}

bool zone_announces(const char *told, const char *zone, const char *domain)
{
	struct zone_set z = { .count = 0 };
	char name[DOMAIN_NAME_SIZE];
	bool found = false;

	zone_set_read(&z, told);
	zone_sts_name(zone, domain, name);
	for (size_t i = 0; i < z.count && !found; i++)
		found = streq(z.item[i].name, name);
	zone_set_release(&z);
	return found;
}

/* ---- what is to change ---- */

static bool has(const struct zone_set *z, const struct zone_record *r)
{
	for (size_t i = 0; i < z->count; i++)
		if (streq(z->item[i].name, r->name) &&
		    streq(z->item[i].type, r->type))
			return true;
	return false;
}

static void add_copy(struct zone_set *z, const struct zone_record *r)
{
	add(z, r->name, r->type, xstrdup(r->value));
}

/* An address that nobody wants leads senders away; nothing is beside a CNAME. */
static void clear_beside(struct zone_set *z, const struct zone_set *wanted,
			 const struct zone_record *r)
{
	static const char *const kinds[] = { "A", "AAAA", "CNAME" };
	struct zone_record other = *r;

	if (streq(r->type, "TXT"))
		return;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		str_copy(other.type, sizeof(other.type), kinds[i]);
		if (!has(wanted, &other) && !has(z, &other))
			add(z, other.name, other.type, NULL);
	}
}

void zone_set_change(struct zone_set *z, const struct zone_set *told,
		     const struct zone_set *wanted)
{
	for (size_t i = 0; i < told->count; i++) {
		const struct zone_record *r = &told->item[i];

		if (!has(wanted, r) && !has(z, r))
			add(z, r->name, r->type, NULL);
	}
	for (size_t i = 0; i < wanted->count; i++)
		clear_beside(z, wanted, &wanted->item[i]);
	for (size_t i = 0; i < wanted->count; i++)
		add_copy(z, &wanted->item[i]);
}

void zone_set_join(struct zone_set *z, const struct zone_set *told,
		   const struct zone_set *wanted)
{
	for (size_t i = 0; i < told->count; i++)
		if (!has(wanted, &told->item[i]))
			add_copy(z, &told->item[i]);
	for (size_t i = 0; i < wanted->count; i++)
		add_copy(z, &wanted->item[i]);
}

size_t zone_set_size(const struct zone_set *z)
{
	size_t size = 0;

	for (size_t i = 0; i < z->count; i++) {
		const struct zone_record *r = &z->item[i];

		/* Three names, with a type, class, TTL and length each. */
		size += 3 * (strlen(r->name) + 2 + 10);
		size += r->value ? strlen(r->value) + 4 : 0;
	}
	return size;
}

/* ---- for those who carry it out ---- */

/* Is the i-th the first of its name and type? */
static bool is_first(const struct zone_set *z, size_t i)
{
	const struct zone_set before = { .item = z->item, .count = i };

	return !has(&before, &z->item[i]);
}

/* A TXT that is added beside a CNAME is ignored (RFC 2136, 3.4.2.2). */
static void add_delete(struct buf *b, const struct zone_record *r)
{
	buf_printf(b, "update delete %s. %s\n", r->name, r->type);
	if (r->value && streq(r->type, "TXT"))
		buf_printf(b, "update delete %s. CNAME\n", r->name);
}

static void add_mark(struct buf *b, const char *zone, const struct zone_mark *m)
{
	static const char *const before[] = {
		[ZONE_IS_OURS] = "prereq yxrrset",
		[ZONE_IS_FREE] = "prereq nxrrset",
		[ZONE_IS_TAKEN] = "update delete",
	};

	buf_printf(b, "%s " ZONE_MARK_NAME ".%s. IN TXT", before[m->how], zone);
	if (m->how == ZONE_IS_OURS)
		buf_printf(b, " \"%s\"\n", m->id);
	else
		buf_printf(b,
			   "\nupdate add " ZONE_MARK_NAME
			   ".%s. %d TXT \"%s\"\n",
			   zone, ZONE_TTL, m->id);
}

char *zone_set_commands(const struct zone_set *z, const char *zone,
			const char *server, const char *port,
			const struct zone_mark *mark)
{
	struct buf b;
	char *text;

	buf_init(&b, TEXT_MAX);
	buf_printf(&b, "server %s %s\nzone %s.\n", server, port, zone);
	add_mark(&b, zone, mark);
	for (size_t i = 0; i < z->count; i++) {
		const struct zone_record *r = &z->item[i];

		if (is_first(z, i))
			add_delete(&b, r);
		if (!r->value)
			continue;
		buf_printf(&b, "update add %s. %d %s ", r->name, ZONE_TTL,
			   r->type);
		record_add_value(&b, r->type, r->value);
		buf_puts(&b, "\n");
	}
	buf_puts(&b, "send\n");
	text = buf_take(&b);
	buf_release(&b);
	return text;
}

char *zone_set_json(const struct zone_set *z)
{
	json_t *list = json_array();
	char *text;

	for (size_t i = 0; i < z->count; i++) {
		const struct zone_record *r = &z->item[i];

		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:i, s:s?}", "name",
						r->name, "type", r->type, "ttl",
						ZONE_TTL, "value", r->value));
	}
	text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	return text;
}
