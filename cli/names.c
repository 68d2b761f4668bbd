#include "cli/names.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"

struct entry {
	char *name; /* owned; NULL: free */
	long line;
};

/* Open addressing; never more than half full. */
struct names {
	struct entry *entry;
	size_t room; /* a power of two */
	size_t count;
};

struct names *names_new(void)
{
	struct names *n = xcalloc(1, sizeof(*n));

	n->room = 64;
	n->entry = xcalloc(n->room, sizeof(*n->entry));
	return n;
}

void names_free(struct names *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < n->room; i++)
		free(n->entry[i].name);
	free(n->entry);
	free(n);
}

/* FNV-1a. */
static size_t hash(const char *name)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3u;
	return (size_t)h;
}

/* Where it is, or where it would go. */
static struct entry *place(const struct names *n, const char *name)
{
	size_t i = hash(name) & (n->room - 1);

	while (n->entry[i].name && !streq(n->entry[i].name, name))
		i = (i + 1) & (n->room - 1);
	return &n->entry[i];
}

static void grow(struct names *n)
{
	struct names more = { .room = n->room * 2 };

	more.entry = xcalloc(more.room, sizeof(*more.entry));
	for (size_t i = 0; i < n->room; i++)
		if (n->entry[i].name)
			*place(&more, n->entry[i].name) = n->entry[i];
	free(n->entry);
	n->entry = more.entry;
	n->room = more.room;
}

long names_add(struct names *n, const char *name, long line)
{
	struct entry *e;

	if (n->count * 2 >= n->room)
		grow(n);
	e = place(n, name);
	if (e->name)
		return e->line;
	*e = (struct entry){ .name = xstrdup(name), .line = line };
	n->count++;
	return 0;
}

long names_line(const struct names *n, const char *name)
{
	return place(n, name)->line;
}
