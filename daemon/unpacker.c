#include "daemon/unpacker.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/errands.h"
#include "base/inflate.h"
#include "base/mem.h"

struct unpacker {
	struct errands *errands;
	bool is_stopping;
};

struct parcel {
	struct unpacker *unpacker;
	char *body;
	size_t len;
	unpacked_done *done;
	void *arg;
	struct unpacked found;
};

static void hex(const unsigned char *bytes, unsigned n,
		char out[static UNPACKED_DIGEST])
{
	for (unsigned i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

/* What is the same report without an id: seldom, so it is read once more. */
static bool digest(struct parcel *p, struct err *err)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	struct buf json;
	bool ok = true;

	buf_init(&json, TLS_REPORT_JSON_MAX);
	if (inflate_is_gzip(p->body, p->len))
		ok = inflate_gzip(p->body, p->len, TLS_REPORT_RATIO_MAX, &json,
				  err) &&
		     EVP_Digest(json.data, json.len, bytes, &n, EVP_sha256(),
				NULL) == 1;
	else
		ok = EVP_Digest(p->body, p->len, bytes, &n, EVP_sha256(),
				NULL) == 1;
	buf_release(&json);
	if (ok)
		hex(bytes, n, p->found.digest);
	return ok || err_set(err, ERR_INTERNAL, "SHA-256 fails");
}

/* On the thread. */
static void read_one(void *arg)
{
	struct parcel *p = arg;
	struct unpacked *found = &p->found;

	if (tls_report_read(&found->report, p->body, p->len, &found->err) &&
	    !*found->report.id && !digest(p, &found->err))
		tls_report_release(&found->report);
	free(p->body);
	p->body = NULL;
}

/* On control. */
static void deliver(bool was_run, void *arg)
{
	struct parcel *p = arg;

	(void)was_run;
	if (!p->unpacker->is_stopping)
		p->done(&p->found, p->arg);
	else
		tls_report_release(&p->found.report);
	free(p->body); /* if it was not read */
	free(p);
}

void unpacker_ask(struct unpacker *u, char *body, size_t len,
		  unpacked_done *done, void *arg)
{
	struct parcel *p = xmalloc(sizeof(*p));

	*p = (struct parcel){ .unpacker = u,
			      .body = body,
			      .len = len,
			      .done = done,
			      .arg = arg };
	errands_ask(u->errands, read_one, deliver, p);
}

struct unpacker *unpacker_start(struct loop *control, struct err *err)
{
	struct unpacker *u = xcalloc(1, sizeof(*u));

	u->errands = errands_start(control, "unpacker", err);
	if (u->errands)
		return u;
	free(u);
	return NULL;
}

void unpacker_stop(struct unpacker *u)
{
	if (!u)
		return;
	u->is_stopping = true;
	errands_stop(u->errands);
	free(u);
}
