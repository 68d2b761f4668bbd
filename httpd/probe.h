/*
 * The probe: a token that is answered like a challenge's, but is in no
 * database and known to this process alone. Who asks for it under a name and
 * gets its text has reached this very daemon.
 */
#ifndef HTTPD_PROBE_H
#define HTTPD_PROBE_H

#define HTTPD_CHALLENGE_PATH "/.well-known/acme-challenge/"
#define HTTPD_PROBE_SIZE     32
#define HTTPD_AGENT_SIZE     64

/* Both without meaning, and neither to be made from the other. */
struct httpd_probe {
	char token[HTTPD_PROBE_SIZE];
	char text[HTTPD_PROBE_SIZE];

	/* What calls itself so at port 443 is this process, and no sender that
	   would keep the policy: its fetches are not counted. */
	char agent[HTTPD_AGENT_SIZE];
};

#endif
