#include "acme/ari.h"

#include <jansson.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/b64.h"
#include "base/str.h"
#include "base/when.h"

#define LASTING_PAUSE (6 * WHEN_HOUR)
#define FIRST_HOLD    30
#define HASTE_MOST    2 /* in a row */

/* The content octets of the serial, with the leading 00 if there is one. */
static char *serial_text(const X509 *leaf)
{
	unsigned char *der = NULL;
	const unsigned char *at;
	int tag, class;
	long len;
	int whole = i2d_ASN1_INTEGER(X509_get0_serialNumber(leaf), &der);
	char *text = NULL;

	at = der;
	if (whole > 0 &&
	    !(ASN1_get_object(&at, &len, &tag, &class, whole) & 0x80))
		text = b64url_encode(at, (size_t)len);
	OPENSSL_free(der);
	return text;
}

static char *key_id_text(X509 *leaf)
{
	const ASN1_OCTET_STRING *id = X509_get0_authority_key_id(leaf);

	if (!id || ASN1_STRING_length(id) <= 0)
		return NULL;
	return b64url_encode(ASN1_STRING_get0_data(id),
			     (size_t)ASN1_STRING_length(id));
}

static bool id_of(X509 *leaf, char out[static ARI_ID_SIZE])
{
	char *key_id = key_id_text(leaf), *serial = serial_text(leaf);
	int len = -1;

	if (key_id && serial)
		len = snprintf(out, ARI_ID_SIZE, "%s.%s", key_id, serial);
	free(key_id);
	free(serial);
	return len > 0 && len < ARI_ID_SIZE;
}

bool ari_cert_id(const unsigned char *leaf, size_t len,
		 char out[static ARI_ID_SIZE])
{
	const unsigned char *p = leaf;
	X509 *x = len <= INT32_MAX ? d2i_X509(NULL, &p, (long)len) : NULL;
	bool ok = x && p == leaf + len && id_of(x, out);

	X509_free(x);
	ERR_clear_error();
	if (!ok)
		out[0] = '\0';
	return ok;
}

static bool instant_of(const json_t *window, const char *member, time_t *at)
{
	const char *text = json_string_value(json_object_get(window, member));

	return text && instant_parse(text, at);
}

static bool is_url(const char *text)
{
	if (!str_starts(text, "https://") && !str_starts(text, "http://"))
		return false;
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

static void read_url(const json_t *root, struct ari_window *w)
{
	const char *url =
		json_string_value(json_object_get(root, "explanationURL"));

	w->url[0] = '\0';
	if (url && is_url(url))
		str_copy(w->url, sizeof(w->url), url);
}

static bool read_window(const json_t *root, struct ari_window *w,
			struct err *err)
{
	const json_t *window = json_object_get(root, "suggestedWindow");

	if (!instant_of(window, "start", &w->start) ||
	    !instant_of(window, "end", &w->end))
		return err_set(err, ERR_AGAIN, "the CA's renewal information "
					       "has no usable window");
	if (w->end <= w->start)
		return err_set(err, ERR_AGAIN, "the CA's renewal window ends "
					       "before it begins");
	read_url(root, w);
	return true;
}

bool ari_parse(struct ari_window *w, const char *body, size_t len,
	       struct err *err)
{
	json_t *root = NULL;
	bool ok;

	if (len <= ARI_BODY_MAX)
		root = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
	ok = root ? read_window(root, w, err)
		  : err_set(err, ERR_AGAIN,
			    "the CA's renewal information is not JSON");
	json_decref(root);
	if (!ok)
		*w = (struct ari_window){ .url = "" };
	return ok;
}

/* A uniform number in [0, range). Wide windows must not overflow. */
static int64_t roll(int64_t range, uint32_t dice)
{
	int64_t high = range >> 32, low = range & UINT32_MAX;

	return high * dice + (int64_t)((uint64_t)low * dice >> 32);
}

time_t ari_pick(const struct ari_window *w, uint32_t dice)
{
	return w->start + roll(w->end - w->start, dice);
}

bool ari_window_is_open(const struct ari_window *w, time_t now)
{
	return w->start <= now && now < w->end;
}

bool ari_window_is_new(const struct ari_window *had,
		       const struct ari_window *got, time_t now)
{
	if (!had)
		return true;
	if (had->end <= now && got->end <= now)
		return false;
	return had->start != got->start || had->end != got->end;
}

static int64_t bounded(int64_t value, int64_t low, int64_t high)
{
	if (value > high)
		value = high;
	return value < low ? low : value;
}

/* Retry-After is the least and the most at once; only ours is spread. */
time_t ari_next_poll(time_t now, long retry_after, uint32_t dice)
{
	if (retry_after < 0)
		return now + LASTING_PAUSE + roll(LASTING_PAUSE / 10, dice);
	return now + bounded(retry_after, WHEN_MINUTE, WHEN_DAY);
}

long ari_retry(long n, bool is_temporary, uint32_t dice)
{
	long pause = is_temporary ? WHEN_MINUTE : LASTING_PAUSE;

	while (--n > 0 && pause < LASTING_PAUSE)
		pause *= 2;
	pause = bounded(pause, 1, LASTING_PAUSE);
	return pause + roll(pause / 5, dice);
}

long ari_hold(long n, long retry_after)
{
	long pause = FIRST_HOLD;

	while (--n > 0 && pause < WHEN_HOUR)
		pause *= 2;
	pause = bounded(pause, 1, WHEN_HOUR);
	return bounded(retry_after, pause, WHEN_DAY);
}

static time_t later(time_t a, time_t b)
{
	return a > b ? a : b;
}

static time_t sooner(time_t a, time_t b)
{
	return a < b ? a : b;
}

/*
 * Until when the certificate is too new to be renewed without a reason, or
 * once more for the reason for which it was made.
 */
static time_t new_until(const struct ari_case *c, time_t life)
{
	time_t young = c->is_stale ? life : later(WHEN_HOUR, life / 50);

	young = sooner(young, life / 4);
	return later(c->not_before, c->first_seen) + young;
}

bool ari_is_repeated(const struct ari_case *c)
{
	return c->is_stale || c->hastened >= HASTE_MOST;
}

time_t ari_renew_at(const struct ari_case *c)
{
	time_t life = later(c->not_after - c->not_before, 0);
	time_t latest = later(c->not_after - life / 4, c->planned);
	time_t at;

	if (!c->window)
		return c->planned;
	at = bounded(c->pick, c->window->start, c->window->end);
	if (!c->window->url[0] || ari_is_repeated(c))
		at = later(at, new_until(c, life));
	return sooner(at, latest);
}
