/*
 * The certificate that a TLS server shows to libcurl, whether it is trusted
 * or not: libcurl itself tells of one that it refused no more than that.
 *
 * What certificates say is text of strangers: it is cut, and printable.
 */
#ifndef BASE_TLS_LOOK_H
#define BASE_TLS_LOOK_H

#include <curl/curl.h>
#include <stdbool.h>
#include <time.h>

#define TLS_LOOK_SHA256 32

struct tls_look {
	const char *host;	/* borrowed: who should be shown */
	bool is_seen;		/* a certificate came; else the rest is empty */
	bool is_for_host;	/* by its DNS names (RFC 6125) */
	bool is_trusted;	/* up to a root, each in its time */
	char problem[128];	/* if it is not */
	char names[256];	/* its DNS names */
	char issuer[128];
	time_t not_before, not_after;
	int chain_length;	/* certificates sent, its own one too */
	unsigned char leaf_sha256[TLS_LOOK_SHA256]; /* of its DER */
};

/*
 * Fills *look when the handshake of this transfer is under way. Whether the
 * handshake succeeds is decided as ever: by the handle's own options.
 */
void tls_look_at(CURL *easy, struct tls_look *look, const char *host);

#endif
