#include "daemon/unpacker.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/inflate.h"
#include "base/mem.h"

struct unpacker {
	struct loop *control, *loop;
	pthread_t thread;
	struct parcel *head; /* all that have not come back */
};

/* Goes to the thread and comes back. */
struct parcel {
	struct parcel *next, **at; /* in the unpacker's list; control's */
	struct unpacker *unpacker; /* NULL: nobody waits for it any more */
	struct loop *control;
	char *body;
	size_t len;
	unpacked_done *done;
	void *arg;
	struct unpacked found;
};

static void leave_list(struct parcel *p)
{
	*p->at = p->next;
	if (p->next)
		p->next->at = p->at;
}

/* On control. */
static void deliver(void *arg)
{
	struct parcel *p = arg;

	if (p->unpacker) {
		leave_list(p);
		p->done(&p->found, p->arg);
	} else {
		tls_report_release(&p->found.report);
	}
	free(p);
}

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
	loop_post(p->control, deliver, p);
}

void unpacker_ask(struct unpacker *u, char *body, size_t len,
		  unpacked_done *done, void *arg)
{
	struct parcel *p = xcalloc(1, sizeof(*p));

	*p = (struct parcel){ .next = u->head,
			      .at = &u->head,
			      .unpacker = u,
			      .control = u->control,
			      .body = body,
			      .len = len,
			      .done = done,
			      .arg = arg };
	if (p->next)
		p->next->at = &p->next;
	u->head = p;
	loop_post(u->loop, read_one, p);
}

/* Signals are for control. */
static void *run(void *arg)
{
	struct unpacker *u = arg;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	pthread_setname_np(pthread_self(), "unpacker");
	loop_run(u->loop);
	return NULL;
}

static void unpacker_free(struct unpacker *u)
{
	loop_free(u->loop); /* what is still posted runs here */
	free(u);
}

struct unpacker *unpacker_start(struct loop *control, struct err *err)
{
	struct unpacker *u = xcalloc(1, sizeof(*u));

	u->control = control;
	u->loop = loop_new(err);
	if (u->loop && pthread_create(&u->thread, NULL, run, u) == 0)
		return u;
	err_set(err, ERR_INTERNAL, "the unpacker's thread does not start");
	unpacker_free(u);
	return NULL;
}

void unpacker_stop(struct unpacker *u)
{
	if (!u)
		return;
	for (struct parcel *p = u->head; p; p = p->next)
		p->unpacker = NULL;
	loop_stop(u->loop);
	pthread_join(u->thread, NULL);
	unpacker_free(u);
}
