#include "base/seal.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define KIND_MAX 64

static void begin_digest(void **digest)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!ctx || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) <= 0)
		abort(); /* out of memory */
	*digest = ctx;
}

static void end_digest(void *digest, char hex[static SEAL_HEX])
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	EVP_DigestFinal_ex(digest, sum, &len);
	for (unsigned i = 0; i < len && i < SEAL_HEX / 2; i++)
		snprintf(hex + (size_t)2 * i, 3, "%02x", sum[i]);
}

/* ---- making one ---- */

void sealer_init(struct sealer *s)
{
	begin_digest(&s->digest);
}

void sealer_release(struct sealer *s)
{
	EVP_MD_CTX_free(s->digest);
	s->digest = NULL;
}

static size_t write_head(const char *kind, const struct seal_about *about,
			 char out[static SEAL_HEAD_MAX])
{
	return (size_t)snprintf(out, SEAL_HEAD_MAX,
				"%s %d\nprogram %s\nschema %lld\nmade %s\n"
				"size %lld\n\n",
				kind, SEAL_FORMAT, about->program,
				(long long)about->schema, about->made,
				(long long)about->size);
}

size_t sealer_head(struct sealer *s, const char *kind,
		   const struct seal_about *about,
		   char out[static SEAL_HEAD_MAX])
{
	size_t len = write_head(kind, about, out);

	sealer_body(s, out, len);
	return len;
}

void sealer_body(struct sealer *s, const void *data, size_t len)
{
	EVP_DigestUpdate(s->digest, data, len);
}

static size_t write_tail(const char *hex, char out[static SEAL_TAIL_MAX])
{
	return (size_t)snprintf(out, SEAL_TAIL_MAX, "sha256 %s\n", hex);
}

size_t sealer_tail(struct sealer *s, char out[static SEAL_TAIL_MAX])
{
	char hex[SEAL_HEX] = "";

	end_digest(s->digest, hex);
	return write_tail(hex, out);
}

int64_t seal_length(const char *kind, const struct seal_about *about)
{
	char head[SEAL_HEAD_MAX];

	return (int64_t)write_head(kind, about, head) + about->size +
	       (int64_t)(strlen("sha256 \n") + SEAL_HEX - 1);
}

/* ---- reading one ---- */

void unsealer_init(struct unsealer *u, const char *kind)
{
	*u = (struct unsealer){ .kind = kind };
	begin_digest(&u->digest);
}

void unsealer_release(struct unsealer *u)
{
	EVP_MD_CTX_free(u->digest);
	u->digest = NULL;
}

/* The value of a line of the head; "" if there is none. */
static void value_of(const char *head, const char *key, char *out, size_t size)
{
	const char *at = strstr(head, key);
	size_t len = at ? strcspn(at + strlen(key), "\n") : 0;

	snprintf(out, size, "%.*s", (int)(len < size ? len : 0),
		 at ? at + strlen(key) : "");
}

static bool number_of(const char *head, const char *key, int64_t *out)
{
	char text[24];
	long value;

	value_of(head, key, text, sizeof(text));
	if (!str_to_long(text, strlen(text), INT64_MAX, &value))
		return false;
	*out = value;
	return true;
}

static bool is_none(const struct unsealer *u, struct err *err)
{
	return err_set(err, ERR_INPUT, "it is no %s", u->kind);
}

static bool is_newer(const struct seal_about *about, long format,
		     struct err *err)
{
	char *program = str_printable(about->program, sizeof(about->program));

	err_set(err, ERR_REFUSED,
		"it is of format %ld, made by version %s; this one knows "
		"format %d",
		format, *program ? program : "?", SEAL_FORMAT);
	free(program);
	return err_hint(err, "install the version that made it, or a newer "
			     "one");
}

static bool read_head(struct unsealer *u, struct err *err)
{
	char key[KIND_MAX];
	int64_t format = 0;

	snprintf(key, sizeof(key), "%s ", u->kind);
	if (!str_starts(u->head, key) || !number_of(u->head, key, &format))
		return is_none(u, err);
	value_of(u->head, "\nprogram ", u->about.program,
		 sizeof(u->about.program));
	if (format != SEAL_FORMAT)
		return is_newer(&u->about, (long)format, err);
	value_of(u->head, "\nmade ", u->about.made, sizeof(u->about.made));
	if (!number_of(u->head, "\nschema ", &u->about.schema) ||
	    !number_of(u->head, "\nsize ", &u->about.size))
		return err_set(err, ERR_DAMAGED, "its head is damaged");
	u->left = u->about.size;
	u->has_head = true;
	return true;
}

/* Up to the empty line; how much of `data` that was. */
static size_t take_head(struct unsealer *u, const char *data, size_t size,
			bool *is_over)
{
	size_t used = 0;

	*is_over = false;
	while (used < size && !*is_over && u->head_len < SEAL_HEAD_MAX - 1) {
		u->head[u->head_len++] = data[used++];
		*is_over = u->head_len > 1 &&
			   u->head[u->head_len - 1] == '\n' &&
			   u->head[u->head_len - 2] == '\n';
	}
	return used;
}

/* Is what has come of it yet the beginning of one? */
static bool begins_well(const struct unsealer *u)
{
	size_t len = strlen(u->kind);

	return strncmp(u->head, u->kind,
		       u->head_len < len ? u->head_len : len) == 0;
}

static bool feed_head(struct unsealer *u, const char **data, size_t *size,
		      struct err *err)
{
	bool is_over;
	size_t used = take_head(u, *data, *size, &is_over);

	*data += used;
	*size -= used;
	if (!begins_well(u))
		return is_none(u, err);
	if (!is_over)
		return u->head_len < SEAL_HEAD_MAX - 1 ||
		       err_set(err, ERR_DAMAGED, "its head is damaged");
	EVP_DigestUpdate(u->digest, u->head, u->head_len);
	return read_head(u, err);
}

static bool feed_tail(struct unsealer *u, const char *data, size_t size,
		      struct err *err)
{
	if (u->tail_len + size >= sizeof(u->tail))
		return err_set(err, ERR_DAMAGED,
			       "there is more behind its end");
	memcpy(u->tail + u->tail_len, data, size);
	u->tail_len += size;
	return true;
}

bool unsealer_feed(struct unsealer *u, const void *data, size_t size,
		   const void **body, size_t *len, struct err *err)
{
	const char *from = data;

	*len = 0;
	if (!u->has_head && !feed_head(u, &from, &size, err))
		return false;
	if (!u->has_head)
		return true;
	*body = from;
	*len = (int64_t)size < u->left ? size : (size_t)u->left;
	EVP_DigestUpdate(u->digest, from, *len);
	u->left -= (int64_t)*len;
	return feed_tail(u, from + *len, size - *len, err);
}

static bool is_cut(const struct unsealer *u, struct err *err)
{
	if (!u->has_head)
		return err_set(err, ERR_DAMAGED,
			       "it is cut off: its head is "
			       "not whole");
	if (!u->left)
		return err_set(err, ERR_DAMAGED,
			       "it is cut off: its checksum is missing");
	return err_set(
		err, ERR_DAMAGED, "it is cut off: %lld of %lld bytes are there",
		(long long)(u->about.size - u->left), (long long)u->about.size);
}

bool unsealer_end(struct unsealer *u, struct err *err)
{
	char tail[SEAL_TAIL_MAX];
	size_t len;

	if (!u->has_head || u->left || u->tail_len < SEAL_TAIL_MAX - 1)
		return is_cut(u, err);
	end_digest(u->digest, u->hex);
	len = write_tail(u->hex, tail);
	return (len == u->tail_len && memcmp(tail, u->tail, len) == 0) ||
	       err_set(err, ERR_DAMAGED,
		       "it is damaged: it does not fit its checksum");
}
