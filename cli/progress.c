#include "cli/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/steady.h"

#define PAUSE_MS 100
#define WIDTH	 30

void progress_init(struct progress *p)
{
	*p = (struct progress){ .is_wanted = isatty(STDERR_FILENO) };
}

static void bar(int percent)
{
	fputs("\r[", stderr);
	for (int i = 0; i < WIDTH; i++)
		fputc(i * 100 < percent * WIDTH ? '#' : ' ', stderr);
	fprintf(stderr, "] %3d %%  ", percent);
}

void progress_show(struct progress *p, int percent, long done)
{
	if (!p->is_wanted || steady_ms() < p->next_ms)
		return;
	if (percent >= 0)
		bar(percent);
	else
		fputc('\r', stderr);
	fprintf(stderr, "%ld domain%s ", done, done == 1 ? "" : "s");
	fflush(stderr);
	p->is_shown = true;
	p->next_ms = steady_ms() + PAUSE_MS;
}

void progress_clear(struct progress *p)
{
	if (p->is_shown)
		fputs("\r\033[K", stderr);
	p->is_shown = false;
}
