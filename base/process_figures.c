#include "base/process_figures.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static void read_memory(struct process_figures *out)
{
	double page = (double)sysconf(_SC_PAGESIZE);
	FILE *f = fopen("/proc/self/statm", "re");
	char line[200], *after;

	if (!f)
		return;
	if (fgets(line, sizeof(line), f)) {
		out->virtual_bytes = (double)strtoull(line, &after, 10) * page;
		out->resident_bytes = (double)strtoull(after, NULL, 10) * page;
	}
	fclose(f);
}

static void count_descriptors(struct process_figures *out)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)) != NULL)
		out->open_fds += entry->d_name[0] != '.';
	closedir(dir);
	out->open_fds--; /* the folder's own */
}

void process_figures_read(struct process_figures *out)
{
	struct timespec cpu = { 0 };
	struct rlimit limit;

	*out = (struct process_figures){ 0 };
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	out->cpu_seconds = (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		out->max_fds = (double)limit.rlim_cur;
	read_memory(out);
	count_descriptors(out);
}
