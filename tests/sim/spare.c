#include "tests/sim/spare.h"

#include <openssl/crypto.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define GRAIN	16
#define SMALL	16384		/* what is larger is malloc()'s */
#define BLOCK	(1024 * 1024)

/* Before each piece; what is behind it is aligned as malloc()'s. */
struct head {
	_Alignas(GRAIN) size_t size;
	struct head *next;	/* of those that are free */
};

static struct head *spare[SMALL / GRAIN + 1];
static char *block;
static size_t left;

static struct head *head_of(void *p)
{
	return (struct head *)p - 1;
}

static struct head *carve(size_t size)
{
	size_t whole = sizeof(struct head) + size;
	struct head *h;

	if (whole > left) {
		block = xmalloc(BLOCK);
		left = BLOCK;
	}
	h = (struct head *)(void *)block;
	block += whole;
	left -= whole;
	return h;
}

static void *take(size_t size)
{
	struct head **free_ones, *h;

	size = (size + GRAIN - 1) & ~(size_t)(GRAIN - 1);
	if (size > SMALL) {
		h = xmalloc(sizeof(*h) + size);
	} else {
		free_ones = &spare[size / GRAIN];
		h = *free_ones;
		if (h)
			*free_ones = h->next;
		else
			h = carve(size);
	}
	h->size = size;
	return h + 1;
}

static void give_back(void *p)
{
	struct head *h = head_of(p);

	if (h->size > SMALL) {
		free(h);
		return;
	}
	h->next = spare[h->size / GRAIN];
	spare[h->size / GRAIN] = h;
}

static void *take_more(void *p, size_t size)
{
	size_t had = head_of(p)->size;
	void *more;

	if (size <= had && size > had / 2)
		return p;
	more = take(size);
	memcpy(more, p, had < size ? had : size);
	give_back(p);
	return more;
}

/* ---- as SQLite asks ---- */

static void *sql_take(int size)
{
	return take((size_t)size);
}

static void *sql_take_more(void *p, int size)
{
	return take_more(p, (size_t)size);
}

static int sql_size(void *p)
{
	return p ? (int)head_of(p)->size : 0;
}

static int sql_round(int size)
{
	return (size + GRAIN - 1) & ~(GRAIN - 1);
}

static int sql_init(void *arg)
{
	(void)arg;
	return SQLITE_OK;
}

static void sql_shutdown(void *arg)
{
	(void)arg;
}

/* ---- as OpenSSL asks ---- */

static void *ssl_take(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return size ? take(size) : NULL;
}

static void ssl_give_back(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	if (p)
		give_back(p);
}

static void *ssl_take_more(void *p, size_t size, const char *file, int line)
{
	if (!p)
		return ssl_take(size, file, line);
	if (size)
		return take_more(p, size);
	give_back(p);
	return NULL;
}

void spare_init(void)
{
	static const sqlite3_mem_methods methods = {
		.xMalloc = sql_take,
		.xFree = give_back,
		.xRealloc = sql_take_more,
		.xSize = sql_size,
		.xRoundup = sql_round,
		.xInit = sql_init,
		.xShutdown = sql_shutdown,
	};

#ifdef __SANITIZE_ADDRESS__
	return;		/* it is to see each piece by itself */
#endif
	sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
	CRYPTO_set_mem_functions(ssl_take, ssl_take_more, ssl_give_back);
}
