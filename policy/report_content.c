#include "policy/report_content.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct digest {
	unsigned char byte[REPORT_CONTENT_SIZE];
};

/* A digest in the making; once it has failed, all of it has. */
struct mix {
	EVP_MD_CTX *ctx;
	bool is_good;
};

static void mix_begin(struct mix *m)
{
	m->is_good = m->is_good &&
		     EVP_DigestInit_ex(m->ctx, EVP_sha256(), NULL) == 1;
}

static void mix_bytes(struct mix *m, const void *data, size_t len)
{
	m->is_good = m->is_good && EVP_DigestUpdate(m->ctx, data, len) == 1;
}

static void mix_number(struct mix *m, int64_t n)
{
	mix_bytes(m, &n, sizeof(n));
}

/* With its length, so that no two texts run into each other. */
static void mix_text(struct mix *m, const char *text)
{
	size_t len = strlen(text);

	mix_number(m, (int64_t)len);
	mix_bytes(m, text, len);
}

static void mix_end(struct mix *m, unsigned char out[REPORT_CONTENT_SIZE])
{
	m->is_good = m->is_good && EVP_DigestFinal_ex(m->ctx, out, NULL) == 1;
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct digest));
}

/* A set: the order that they were written in says nothing. */
static void mix_set(struct mix *m, struct digest *set, size_t count)
{
	qsort(set, count, sizeof(*set), by_bytes);
	mix_number(m, (int64_t)count);
	mix_bytes(m, set, count * sizeof(*set));
}

static void digest_failure(struct mix *m, const struct tls_failure *f,
			   struct digest *out)
{
	mix_begin(m);
	mix_number(m, f->result);
	mix_text(m, f->result_text);
	mix_text(m, f->sending_ip);
	mix_text(m, f->receiving_ip);
	mix_text(m, f->mx_host);
	mix_text(m, f->mx_helo);
	mix_number(m, f->sessions);
	mix_text(m, f->additional);
	mix_text(m, f->reason);
	mix_end(m, out->byte);
}

static void digest_policy(struct mix *m, const struct tls_report_policy *p,
			  struct digest *out)
{
	struct digest *failure = xcalloc(p->failure_count + 1,
					 sizeof(*failure));

	for (size_t i = 0; i < p->failure_count; i++)
		digest_failure(m, &p->failure[i], &failure[i]);
	mix_begin(m);
	mix_number(m, p->type);
	mix_text(m, p->type_text);
	mix_text(m, p->domain);
	mix_text(m, p->domain_text);
	mix_text(m, p->policy);
	mix_text(m, p->mx);
	mix_number(m, p->successful);
	mix_number(m, p->failed);
	mix_set(m, failure, p->failure_count);
	mix_end(m, out->byte);
	free(failure);
}

static void digest_report(struct mix *m, const struct tls_report *r,
			  unsigned char out[REPORT_CONTENT_SIZE])
{
	struct digest *policy = xcalloc(r->policy_count + 1, sizeof(*policy));

	for (size_t i = 0; i < r->policy_count; i++)
		digest_policy(m, &r->policy[i], &policy[i]);
	mix_begin(m);
	mix_text(m, r->organization);
	mix_text(m, r->id);
	mix_number(m, r->begin);
	mix_number(m, r->end);
	mix_set(m, policy, r->policy_count);
	mix_end(m, out);
	free(policy);
}

bool report_content(const struct tls_report *r,
		    unsigned char out[static REPORT_CONTENT_SIZE],
		    struct err *err)
{
	struct mix m = { .ctx = EVP_MD_CTX_new() };

	m.is_good = m.ctx != NULL;
	digest_report(&m, r, out);
	EVP_MD_CTX_free(m.ctx);
	return m.is_good || err_set(err, ERR_INTERNAL, "SHA-256 fails");
}

void report_content_text(
	const unsigned char content[static REPORT_CONTENT_SIZE],
	char out[static REPORT_CONTENT_TEXT])
{
	for (size_t i = 0; i < REPORT_CONTENT_SIZE; i++)
		snprintf(out + 2 * i, 3, "%02x", content[i]);
}
