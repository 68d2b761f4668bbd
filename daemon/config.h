/*
 * The configuration file: mtastsd.conf(5).
 *
 * Every key has a default; an unknown key or a bad value is refused with
 * file, line and what was expected. A config is read whole into a new struct,
 * so that a reload with a bad file keeps the old settings.
 */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "acme/engine.h"
#include "base/log.h"
#include "daemon/alert_settings.h"
#include "daemon/publish_settings.h"
#include "httpd/proxied.h"
#include "store/archive.h"

#define CONFIG_LIST_MAX 16
#define CONFIG_PATH_SIZE 256

/* What is read besides: keys, passwords, roots. */
struct config_file {
	char key[64]; /* "ca zero: eab_key_file" */
	char path[CONFIG_PATH_SIZE];
};
#define CONFIG_FILES_MAX (3 + 2 * ENGINE_CA_LIMIT)

struct config {
	char state_dir[CONFIG_PATH_SIZE];
	char run_dir[CONFIG_PATH_SIZE];	/* the admin sockets */
	char host_name[DOMAIN_NAME_SIZE];	/* customers' CNAMEs; may be "" */
	char listen_https[CONFIG_LIST_MAX][64];
	size_t listen_https_count;
	char listen_http[CONFIG_LIST_MAX][64];
	size_t listen_http_count;
	bool names_https, names_http; /* those are the file's own words */
	bool lacks_ipv6; /* the kernel; its addresses are no default then */
	char metrics_listen[64]; /* of this machine; may be "" */
	char resolvers[DNS_SERVERS_MAX][64];
	size_t resolver_count;
	unsigned workers;
	unsigned max_connections;
	unsigned max_per_address;
	unsigned max_broken_per_address; /* a second; 0: any number */
	long connection_deadline;	/* seconds */
	struct proxies proxies;
	size_t cache_bytes;
	bool allow_private;   /* checks connect to such addresses too */
	bool finds_addresses; /* engine.address: from the interfaces */
	long check_http_port; /* where the world finds us */
	long check_https_port, check_smtp_port; /* and others; 0: 443, 25 */
	char check_trust[CONFIG_PATH_SIZE];	/* "": the system's roots */
	long log_keep;		/* seconds; 0: by number alone */
	bool collect_reports;	/* TLS reports, by HTTPS */
	long report_retention;	/* seconds */
	int64_t report_room;	/* bytes, of one domain's reports */
	int64_t report_room_total; /* and of all */
	long report_share;	/* percent of sessions that may fail */
	long testing_time;	/* seconds before enforce is allowed */
	enum log_level log_level;
	struct config_file file[CONFIG_FILES_MAX];
	size_t file_count;
	struct engine_settings engine;
	struct alert_settings alerts;
	struct publish_settings publish;
	struct archive_settings archive;
};

/* ERR_INPUT: "FILE:LINE: what is wrong", with what was expected as hint. */
bool config_read(struct config *c, const char *path, struct err *err);

/*
 * No more than c->state_dir, for a restore: the box is stopped, and what its
 * service manager passes to it, credentials, is not there.
 */
bool config_read_state_dir(struct config *c, const char *path, struct err *err);

#endif
