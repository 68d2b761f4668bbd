/*
 * Descriptors: how many the kernel allows, and how many of them may be the
 * connections of strangers, so that those who ask never take what the CA,
 * the databases and the administrator need.
 */
#ifndef DAEMON_FILE_LIMIT_H
#define DAEMON_FILE_LIMIT_H

/* A connection is a descriptor: what the hard limit allows is ours to use. */
void file_limit_raise(void);

/* So many of `wanted` connections as leave the rest of us enough. */
unsigned file_limit_share(unsigned wanted);

#endif
