/*
 * Who listens on this machine: /proc/net/tcp, and whose sockets they are.
 */
#ifndef CLI_PROC_NET_H
#define CLI_PROC_NET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* IPv4 in the way of ::ffff:192.0.2.1; `is_v6` says of which file it is. */
struct proc_listener {
	struct in6_addr address;
	bool is_v6;
	long port;
	uint64_t inode;
};

/* The words of a line of /proc, in place; `most` at most. How many. */
size_t proc_words(char *line, char **word, size_t most);

/* A line of /proc/net/tcp or tcp6; false: it does not listen, or is no line. */
bool proc_net_read(const char *line, bool is_v6, struct proc_listener *out);

/* Would `address` ("0.0.0.0:443", "[::]:443") get in the way of it? */
bool proc_net_is_in_way(const struct proc_listener *l, const char *address);

/* The port of such an address; 0 if it has none. */
long proc_net_port(const char *address);

/* Those of a file below `root`; false: it cannot be read. `most` fit. */
bool proc_net_list(const char *root, struct proc_listener *out, size_t most,
		   size_t *count);

#define PROC_NAME 32
struct proc_holder {
	long pid; /* 0: nobody whom we may see */
	char name[PROC_NAME];
};

/* Which process has the socket? */
void proc_net_holder(const char *root, uint64_t inode, struct proc_holder *out);

#endif
