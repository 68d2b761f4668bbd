/*
 * A box with many domains, and what other servers need to play the same part.
 *
 *	world DIR COUNT
 *
 * makes in DIR: names.txt, the policy hosts; policy.txt, what each of them
 * answers, with {host} for its name; root.pem; state/, as mtastsd keeps it,
 * with a live domain and a certificate for every name; pem/, leaf, issuer and
 * key of each of the first thousand. The certificates are of one intermediate
 * CA, and good for ninety days.
 */
#include <errno.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/cert.h"
#include "store/leaf.h"
#include "store/policy_version.h"
#include "tests/bench/leaf.h"
#include "tests/sim/scratch.h"

#define A_DAY	86400L
#define BATCH	1000 /* domains in one transaction */
#define PEM_MAX 1000
#define MAX_AGE 604800L

static struct {
	const char *dir;
	time_t now;
	struct tiny_ca ca;
	unsigned char *issuer; /* DER */
	size_t issuer_len;
	struct store *store;
	FILE *names;
} run;

struct one {
	long number;
	struct domain domain;
	char host[DOMAIN_NAME_SIZE];
	struct p256 key;
	EVP_PKEY *pkey;
	X509 *leaf;
};

static FILE *create(const char *name)
{
	char *path = xasprintf("%s/%s", run.dir, name);
	FILE *out = fopen(path, "wb");
	struct err err = ERR_INIT;

	must(out || err_sys(&err, "%s", path), &err);
	free(path);
	return out;
}

static void make_dir(const char *name)
{
	char *path = xasprintf("%s%s", run.dir, name);
	struct err err = ERR_INIT;

	must(mkdir(path, 0700) == 0 || errno == EEXIST ||
		     err_sys(&err, "%s", path),
	     &err);
	free(path);
}

/* ---- the files ---- */

static void write_root(void)
{
	FILE *out = create("root.pem");

	must(PEM_write_X509(out, run.ca.root), NULL);
	fclose(out);
}

static void write_policy(void)
{
	FILE *out = create("policy.txt");

	fprintf(out,
		"version: STSv1\r\nmode: testing\r\nmx: mx.{host}\r\n"
		"max_age: %ld\r\n",
		MAX_AGE);
	fclose(out);
}

static void write_pem(const struct one *d)
{
	char *name = xasprintf("pem/%s.pem", d->host);
	FILE *out = create(name);

	must(PEM_write_X509(out, d->leaf) && PEM_write_X509(out, run.ca.cert) &&
		     PEM_write_PrivateKey(out, d->pkey, NULL, NULL, 0, NULL,
					  NULL),
	     NULL);
	fclose(out);
	free(name);
}

/* ---- the store ---- */

static void certify(struct one *d)
{
	struct tiny_leaf leaf = { .host = d->host,
				  .from = run.now - A_DAY,
				  .until = run.now + 90 * A_DAY,
				  .serial = d->number + 1000,
				  .names_issuer_key = true };
	struct err err = ERR_INIT;

	must(p256_generate(&d->key, &err), &err);
	d->pkey = leaf.key = p256_to_pkey(&d->key, &err);
	must(d->pkey, &err);
	d->leaf = leaf_issue(&run.ca, &leaf);
}

static void insert_domain(struct one *d)
{
	struct sts_policy policy = { .mode = STS_TESTING, .max_age = MAX_AGE };
	struct err err = ERR_INIT;
	char *mx = xasprintf("mx.%s", d->host);
	bool changed;

	must(sts_policy_add_mx(&policy, mx, &err) &&
		     domain_insert(run.store, &d->domain, &err) &&
		     policy_version_publish(run.store, &d->domain, &policy,
					    run.now, &changed, &err),
	     &err);
	sts_policy_release(&policy);
	free(mx);
}

static void insert_cert(struct one *d)
{
	unsigned char *der = NULL;
	struct cert_chain chain = { .leaf_len = (size_t)i2d_X509(d->leaf, &der),
				    .issuers = run.issuer,
				    .issuers_len = run.issuer_len };
	struct cert c = { .domain_id = d->domain.id,
			  .created_at = run.now,
			  .renew_at = run.now + 60 * A_DAY };
	struct err err = ERR_INIT;

	chain.leaf = der;
	snprintf(c.serial, sizeof(c.serial), "%lx",
		 (unsigned long)d->number + 1000);
	snprintf(c.issuer, sizeof(c.issuer), "Bench");
	must(leaf_times(d->leaf, &c.not_before, &c.not_after) &&
		     key_insert(run.store, d->domain.id, &d->key, run.now,
				&c.key_id, &err) &&
		     cert_install(run.store, &d->domain, &c, &chain, &err) &&
		     cert_judge_at(run.store, c.id, c.renew_at, &err),
	     &err);
	OPENSSL_free(der);
}

static void add(long number)
{
	struct one d = { .number = number,
			 .domain = { .state = DOMAIN_LIVE,
				     .created_at = run.now,
				     .state_at = run.now,
				     .due_at = run.now + 60 * A_DAY } };

	snprintf(d.domain.name, sizeof(d.domain.name), "customer-%06ld.example",
		 number);
	domain_name_policy_host(d.domain.name, d.host);
	certify(&d);
	insert_domain(&d);
	insert_cert(&d);
	fprintf(run.names, "%s\n", d.host);
	if (number < PEM_MAX)
		write_pem(&d);
	X509_free(d.leaf);
	EVP_PKEY_free(d.pkey);
}

static void commit(void)
{
	struct err err = ERR_INIT;

	must(store_commit(run.store, &err) &&
		     store_project(run.store, &err) &&
		     store_checkpoint(run.store, &err),
	     &err);
}

static void add_all(long count)
{
	struct err err = ERR_INIT;

	for (long i = 0; i < count; i++) {
		if (i % BATCH == 0)
			must(store_begin(run.store, &err), &err);
		add(i);
		if (i % BATCH == BATCH - 1 || i == count - 1)
			commit();
	}
}

static void set_up(const char *dir)
{
	char *state;

	run.dir = dir;
	run.now = time(NULL);
	make_dir("");
	make_dir("/pem");
	make_dir("/state");
	tiny_ca_init(&run.ca, "Bench", run.now - A_DAY, run.now + 400 * A_DAY);
	run.issuer_len = (size_t)i2d_X509(run.ca.cert, &run.issuer);
	run.names = create("names.txt");
	state = xasprintf("%s/state", dir);
	run.store = scratch_store(state);
	free(state);
}

int main(int argc, char **argv)
{
	long count = 0;

	if (argc != 3 ||
	    !str_to_long(argv[2], strlen(argv[2]), 1000000, &count) ||
	    count < 1) {
		fputs("usage: world DIR COUNT\n", stderr);
		return 64;
	}
	set_up(argv[1]);
	write_root();
	write_policy();
	add_all(count);
	fclose(run.names);
	store_close(run.store);
	tiny_ca_release(&run.ca);
	OPENSSL_free(run.issuer);
	return 0;
}
