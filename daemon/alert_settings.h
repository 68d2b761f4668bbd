/*
 * What mtastsd.conf says of alerts: whom to tell, and how.
 */
#ifndef DAEMON_ALERT_SETTINGS_H
#define DAEMON_ALERT_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mailer.h"

#define ALERT_WORDS_MAX	   8	/* of the command */
#define ALERT_WORD_SIZE	   256
#define ALERT_ADDRESS_SIZE 256
#define ALERT_URL_SIZE	   512

struct alert_settings {
	char notify[ALERT_WORDS_MAX][ALERT_WORD_SIZE];
	size_t notify_count;			/* 0: no command */
	char mail_to[MAIL_RECIPIENTS][ALERT_ADDRESS_SIZE];
	size_t mail_to_count;			/* 0: no mail */
	char mail_server[ALERT_URL_SIZE];
	char mail_from[ALERT_ADDRESS_SIZE];
	char mail_user[ALERT_ADDRESS_SIZE];	/* or empty */
	char mail_password[ALERT_WORD_SIZE];
	char mail_trust[ALERT_WORD_SIZE];	/* PEM; empty: the system's */
	bool mail_tls;				/* or nothing is sent */
	char heartbeat_url[ALERT_URL_SIZE];	/* or empty */
	char heartbeat_trust[ALERT_WORD_SIZE];
	long heartbeat_interval;		/* seconds, as all below */
	long ca_down;				/* how long before it is told */
	long gather;				/* what is alike is told as one */
};

#endif
