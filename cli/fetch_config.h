/*
 * Where `report fetch` finds its mailbox: report-fetch.conf, as mtastsctl(1)
 * has it.
 */
#ifndef CLI_FETCH_CONFIG_H
#define CLI_FETCH_CONFIG_H

#include <stdbool.h>

#include "base/err.h"

#define FETCH_WORD_SIZE 256
#define FETCH_WORDS_MAX 16

struct fetch_config {
	char host[FETCH_WORD_SIZE];
	long port;
	bool starttls;
	char user[FETCH_WORD_SIZE];
	char password_file[FETCH_WORD_SIZE];		      /* one of them, */
	char token_command[FETCH_WORDS_MAX][FETCH_WORD_SIZE]; /* or the other */
	char folder[FETCH_WORD_SIZE];
	char done_folder[FETCH_WORD_SIZE];  /* "": they are marked as read */
	char auth_results[FETCH_WORD_SIZE]; /* "": nobody is trusted */
	bool require_dkim;
	char ca_file[FETCH_WORD_SIZE]; /* "": the system's roots */
	long deadline;		       /* seconds, of a run */
};

/* ERR_INPUT: "FILE:LINE: what is wrong", with what was expected as hint. */
bool fetch_config_read(struct fetch_config *c, const char *path,
		       struct err *err);

#endif
