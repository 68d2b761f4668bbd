/*
 * What a mail server wrote about a message's signatures: the value of an
 * Authentication-Results header (RFC 8601).
 *
 * Such a header proves nothing by itself, for anybody may write one into his
 * message. It counts if it bears the name of a server that is trusted, and if
 * that server takes such headers out of what comes in (section 5).
 *
 * Bytes in, verdict out: no I/O, no clock.
 */
#ifndef CLI_AUTH_RESULTS_H
#define CLI_AUTH_RESULTS_H

#include "policy/domain_name.h"

enum auth_verdict {
	AUTH_OTHER,    /* another server wrote it, or nobody can tell who */
	AUTH_UNSIGNED, /* no DKIM signature held, or it cannot be read on */
	AUTH_SIGNED
};

/*
 * `value` may be folded. With AUTH_SIGNED `domain` is the signer's: of several
 * the one that is `author`, the domain of From, or above it; else the first.
 * `author` may be "".
 */
enum auth_verdict auth_results_read(const char *value, const char *server,
				    const char *author,
				    char domain[static DOMAIN_NAME_SIZE]);

#endif
