/*
 * What the system says of this process: what it uses, and what it may.
 *
 * Counting the descriptors of 10,000 connections takes milliseconds.
 */
#ifndef BASE_PROCESS_FIGURES_H
#define BASE_PROCESS_FIGURES_H

#include <stdbool.h>

struct process_figures {
	double cpu_seconds;
	double resident_bytes, virtual_bytes;
	double open_fds, max_fds;
};

/* Any thread. What cannot be found out is 0. */
void process_figures_read(struct process_figures *out);

#endif
