/*
 * The head of an SQLite database, as its file format says it (sqlite.org,
 * "Database File Format", 1.3): whether a file is one, and whether it was cut
 * off. That asks no library, takes no lock and makes no file beside it.
 */
#ifndef CLI_DATABASE_HEAD_H
#define CLI_DATABASE_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DATABASE_HEAD 100

enum database_look { DATABASE_GOOD, DATABASE_BAD, DATABASE_UNSEEN };

/* `size` is the file's. An empty file is a new database. Pure. */
enum database_look database_head_judge(const unsigned char *head, size_t len,
				       uint64_t size, bool has_log, char *why,
				       size_t why_size);

/* If it is not good, why. One whose log is not in it yet may be longer. */
enum database_look database_head_look(const char *path, char *why, size_t size);

#endif
