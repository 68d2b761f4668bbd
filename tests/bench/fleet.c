/*
 * A box with many live domains, made directly in its store: real certificates, of
 * a CA of its own, and nothing due for days.
 *
 *	fleet COUNT ROOT.pem
 *
 * Prints the state folder, in which c0.fleet.test and so on are; whoever asked
 * takes it away.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/sim/hosted.h"
#include "tests/sim/scratch.h"

static void make_domain(struct hosted *h, long number)
{
	char *name = xasprintf("c%ld.fleet.test", number);

	hosted_add(h, name);
	hosted_certify(h, name);
	free(name);
}

/* As they would be weeks after they went live. */
static void age(const char *dir)
{
	scratch_sql(dir, "state.db",
		    "UPDATE cert SET renew_at = not_after - 10 * 86400,"
		    " created_at = not_before;"
		    "UPDATE domain SET state = 2, due_at = (SELECT renew_at"
		    "  FROM cert WHERE cert.id = domain.cert_id),"
		    " created_at = unixepoch() - 86400,"
		    " state_at = unixepoch() - 86400;"
		    "UPDATE policy SET created_at = unixepoch() - 86400");
}

int main(int argc, char **argv)
{
	long count = argc == 3 ? strtol(argv[1], NULL, 10) : 0;
	struct hosted h;

	if (count <= 0) {
		fprintf(stderr, "usage: fleet COUNT ROOT.pem\n");
		return 64;
	}
	hosted_init(&h);
	for (long i = 0; i < count; i++)
		make_domain(&h, i);
	tiny_ca_write_root(&h.ca, argv[2]);
	store_close(h.store);
	age(h.dir);
	puts(h.dir);
	return 0;
}
