#include "tests/sim/disk.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/mem.h"
#include "base/str.h"
#include "tests/sim/dice.h"

#define PATH_MAX_LEN 256
#define REGIONS_MAX  64		/* of the WAL's index: 32 KiB each */
#define SECTOR	     512
#define UNDO_KEPT    (1024 * 1024)	/* more of it is given back at a sync */

/* How to undo one write or truncation. */
struct undo {
	size_t offset;
	size_t len;		/* that were written; 0: it was a truncation */
	size_t old_size;	/* of the file */
	size_t saved;		/* bytes of before that stand in the arena ... */
	size_t at;		/* ... here */
	bool is_same;		/* what was written was there: none are saved */
};

/* The WAL's index, shared by the handles of one process's life. */
struct index {
	unsigned users;
	size_t size;
	char *region[REGIONS_MAX];
	int shared[SQLITE_SHM_NLOCK];	/* -1: exclusive */
};

struct node {
	LIST_ENTRY(node) entry;
	char *path;		/* NULL: a temporary file */
	bool is_linked;
	unsigned handles;
	char *data;
	size_t size, cap;
	struct undo *undo;
	size_t undo_count, undo_cap;
	size_t given_up;	/* of these, that a sync has failed to write */
	unsigned failures;	/* of syncs */
	char *arena;
	size_t arena_len, arena_cap;
	struct index *index;
	unsigned shared;	/* handles that hold SHARED or more */
	bool has_reserved, has_pending, has_exclusive;
};

struct disk {
	sqlite3_vfs vfs;
	char name[32];
	uint64_t dice;
	LIST_HEAD(nodes, node) nodes;
	size_t used;		/* by all files */
	size_t limit;		/* SIZE_MAX: none */
	bool is_broken, is_dead, fails_sync;
	unsigned long fuse;
	unsigned long writes;
	unsigned life;		/* of handles: others than this one are dead */
};

struct handle {
	sqlite3_file base;
	struct disk *disk;
	struct node *node;
	unsigned life;
	unsigned heard;		/* of the file's failures */
	int lock;
	struct index *index;
	uint16_t holds, owns;	/* locks of the index: shared, exclusive */
};

static struct handle *handle_of(sqlite3_file *f)
{
	return (struct handle *)(void *)f;
}

static bool is_gone(const struct handle *h)
{
	return h->disk->is_dead || h->life != h->disk->life;
}

/* ---- files ---- */

static struct node *find(const struct disk *d, const char *path)
{
	struct node *n;

	for (n = LIST_FIRST(&d->nodes); n; n = LIST_NEXT(n, entry))
		if (n->is_linked && n->path && streq(n->path, path))
			return n;
	return NULL;
}

static struct node *node_new(struct disk *d, const char *path)
{
	struct node *n = xcalloc(1, sizeof(*n));

	n->path = xstrdup(path);
	n->is_linked = true;
	LIST_INSERT_HEAD(&d->nodes, n, entry);
	return n;
}

static void index_release(struct index *x)
{
	if (!x || --x->users)
		return;
	for (size_t i = 0; i < REGIONS_MAX; i++)
		free(x->region[i]);
	free(x);
}

static void node_free_if_unused(struct disk *d, struct node *n)
{
	if (n->is_linked || n->handles)
		return;
	LIST_REMOVE(n, entry);
	d->used -= n->size;
	index_release(n->index);
	free(n->path);
	free(n->data);
	free(n->undo);
	free(n->arena);
	free(n);
}

static void save(struct node *n, const char *from, size_t len)
{
	if (n->arena_len + len > n->arena_cap) {
		n->arena_cap = (n->arena_len + len) * 2;
		n->arena = xrealloc_array(n->arena, n->arena_cap, 1);
	}
	memcpy(n->arena + n->arena_len, from, len);
	n->arena_len += len;
}

/* What is left of one that was given up, less what was written anew. */
static size_t cut_out(struct undo *to, struct undo u, const struct undo *w)
{
	size_t end = u.offset + u.len, until = w->offset + w->len, n = 0;

	if (!w->len || until <= u.offset || w->offset >= end) {
		to[n++] = u;
		return n;
	}
	if (w->offset > u.offset) {
		to[n] = u;
		to[n].len = to[n].saved = w->offset - u.offset;
		n++;
	}
	if (until < end) {
		to[n] = u;
		to[n].offset = until;
		to[n].len = to[n].saved = end - until;
		to[n].at = u.at + (until - u.offset);
		n++;
	}
	return n;
}

static struct undo *less_one(struct undo *list, size_t *count,
			     const struct undo *written)
{
	struct undo *kept = xcalloc(2 * *count + 1, sizeof(*kept));
	size_t n = 0;

	for (size_t i = 0; i < *count; i++)
		n += cut_out(kept + n, list[i], written);
	free(list);
	*count = n;
	return kept;
}

/* Those given up stay, but for what was written since, which is synced now. */
static void keep_given_up(struct node *n)
{
	size_t count = n->given_up;
	struct undo *kept = xmemdup(n->undo, count * sizeof(*kept));

	for (size_t w = n->given_up; w < n->undo_count; w++)
		kept = less_one(kept, &count, &n->undo[w]);
	free(n->undo);
	n->undo = kept;
	n->undo_cap = n->undo_count = n->given_up = count;
}

/* As long as the file has been since the last sync. */
static size_t longest(const struct node *n)
{
	size_t size = n->size;

	for (size_t i = 0; i < n->undo_count; i++)
		if (n->undo[i].old_size > size)
			size = n->undo[i].old_size;
	return size;
}

/*
 * Saves what is_same had nothing saved of. It may be another's by now: so the
 * file is gone through backwards.
 */
static void save_same(struct node *n)
{
	size_t size = longest(n);
	char *then = xcalloc(size + 1, 1);

	if (n->size)
		memcpy(then, n->data, n->size);
	for (size_t i = n->undo_count; i-- > n->given_up;) {
		struct undo *u = &n->undo[i];

		if (u->is_same) {
			u->at = n->arena_len;
			u->saved = u->len;
			save(n, then + u->offset, u->len);
			u->is_same = false;
		}
		if (u->saved)
			memcpy(then + u->offset, n->arena + u->at, u->saved);
	}
	free(then);
}

/* A sync fails: what it should have written is zeros, or what was there. */
static void give_up(struct node *n)
{
	save_same(n);
	for (size_t i = n->given_up; i < n->undo_count; i++) {
		struct undo *u = &n->undo[i];
		size_t at = n->arena_len;

		u->old_size = n->size;	/* how long it is, is written */
		if (u->saved == u->len)
			continue;
		save(n, n->data + u->offset, u->len);
		memset(n->arena + at, 0, u->len);
		memcpy(n->arena + at, n->arena + u->at, u->saved);
		u->at = at;
		u->saved = u->len;
	}
	n->given_up = n->undo_count;
}

static void forget_undo(struct node *n)
{
	if (n->given_up) {
		keep_given_up(n);
		return;
	}
	n->undo_count = 0;
	n->arena_len = 0;
	if (n->arena_cap <= UNDO_KEPT)
		return;
	free(n->arena);
	n->arena = NULL;
	n->arena_cap = 0;
}

static void keep_undo(struct node *n, struct undo u)
{
	if (n->undo_count == n->undo_cap) {
		n->undo_cap = n->undo_cap ? n->undo_cap * 2 : 64;
		n->undo = xrealloc_array(n->undo, n->undo_cap, sizeof(u));
	}
	n->undo[n->undo_count++] = u;
}

/* Before `len` bytes are written at `offset`; or, for 0, all behind is cut. */
static void note_undo(struct node *n, size_t offset, size_t len)
{
	size_t end = len && offset + len < n->size ? offset + len : n->size;
	struct undo u = { .offset = offset, .len = len, .old_size = n->size,
			  .at = n->arena_len };

	if (offset < end) {
		u.saved = end - offset;
		save(n, n->data + offset, u.saved);
	}
	keep_undo(n, u);
}

/* A log that is written anew as it is, after each start, is nearly free. */
static bool is_there(struct node *n, const void *data, size_t len,
		     size_t offset)
{
	if (offset + len > n->size ||
	    memcmp(n->data + offset, data, len) != 0)
		return false;
	keep_undo(n, (struct undo){ .offset = offset, .len = len,
				    .old_size = n->size, .is_same = true });
	return true;
}

static void resize(struct disk *d, struct node *n, size_t size)
{
	if (size > n->cap) {
		n->cap = size + size / 2 + 65536;
		n->data = xrealloc_array(n->data, n->cap, 1);
	}
	if (size > n->size)
		memset(n->data + n->size, 0, size - n->size);
	d->used = d->used - n->size + size;
	n->size = size;
}

static void put(struct disk *d, struct node *n, const void *data, size_t len,
		size_t offset)
{
	if (offset + len > n->size)
		resize(d, n, offset + len);
	memcpy(n->data + offset, data, len);
}

/* ---- the power goes ---- */

/* Undoes one, and keeps in `redo` what it had written. */
static void take_back(struct disk *d, struct node *n, const struct undo *u,
		      char **redo)
{
	*redo = u->len ? xmemdup(n->data + u->offset, u->len) : NULL;
	resize(d, n, u->old_size);
	if (u->saved)
		memcpy(n->data + u->offset, n->arena + u->at, u->saved);
}

/* Any write may be kept, lost, or torn at the edge of a sector. */
static void do_or_lose(struct disk *d, struct node *n, const struct undo *u,
		       const char *redo)
{
	uint32_t fate = dice_below(&d->dice, 8);
	size_t len = u->len;

	if (fate >= 5)
		return;
	if (!len) {
		resize(d, n, u->offset);
		return;
	}
	if (fate == 4)
		len = dice_below(&d->dice, (uint32_t)(len / SECTOR + 1)) *
		      SECTOR;
	put(d, n, redo, len, u->offset);
}

static void lose_of(struct disk *d, struct node *n)
{
	char **redo = xcalloc(n->undo_count + 1, sizeof(*redo));

	for (size_t i = n->undo_count; i-- > 0;)
		take_back(d, n, &n->undo[i], &redo[i]);
	for (size_t i = 0; i < n->undo_count; i++) {
		do_or_lose(d, n, &n->undo[i], redo[i]);
		free(redo[i]);
	}
	free(redo);
	n->given_up = 0;
	forget_undo(n);
}

void disk_lose_power(struct disk *d)
{
	struct node *n;

	assert(d->is_dead);
	for (n = LIST_FIRST(&d->nodes); n; n = LIST_NEXT(n, entry))
		lose_of(d, n);
}

/* ---- what SQLite does with a file ---- */

/* Counts a write; is it the last? */
static bool burns_down(struct disk *d)
{
	d->writes++;
	if (!d->fuse || --d->fuse)
		return false;
	disk_kill(d);
	return true;
}

static int do_close(sqlite3_file *f)
{
	struct handle *h = handle_of(f);
	struct node *n = h->node;

	f->pMethods->xUnlock(f, SQLITE_LOCK_NONE);
	f->pMethods->xShmUnmap(f, 0);
	n->handles--;
	if (!n->path)
		n->is_linked = false;
	node_free_if_unused(h->disk, n);
	return SQLITE_OK;
}

static int do_read(sqlite3_file *f, void *out, int amount, sqlite3_int64 at)
{
	const struct handle *h = handle_of(f);
	size_t len = (size_t)amount, from = (size_t)at;
	size_t there = from < h->node->size ? h->node->size - from : 0;

	if (is_gone(h))
		return SQLITE_IOERR_READ;
	if (there >= len) {
		memcpy(out, h->node->data + from, len);
		return SQLITE_OK;
	}
	if (there)
		memcpy(out, h->node->data + from, there);
	memset((char *)out + there, 0, len - there);
	return SQLITE_IOERR_SHORT_READ;
}

static int do_write(sqlite3_file *f, const void *data, int amount,
		    sqlite3_int64 at)
{
	struct handle *h = handle_of(f);
	struct disk *d = h->disk;
	struct node *n = h->node;
	size_t len = (size_t)amount, from = (size_t)at;

	if (is_gone(h) || d->is_broken)
		return SQLITE_IOERR_WRITE;
	if (from + len > n->size && d->limit != SIZE_MAX &&
	    d->used + (from + len - n->size) > d->limit)
		return SQLITE_FULL;
	if (!is_there(n, data, len, from)) {
		note_undo(n, from, len);
		put(d, n, data, len, from);
	}
	return burns_down(d) ? SQLITE_IOERR_WRITE : SQLITE_OK;
}

static int do_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	struct handle *h = handle_of(f);

	if (is_gone(h) || h->disk->is_broken)
		return SQLITE_IOERR_TRUNCATE;
	if ((size_t)size < h->node->size) {
		note_undo(h->node, (size_t)size, 0);
		resize(h->disk, h->node, (size_t)size);
	}
	return SQLITE_OK;
}

/* Whoever has the file open hears of a failure once: as with Linux. */
static int hears(struct handle *h)
{
	bool is_news = h->heard != h->node->failures;

	h->heard = h->node->failures;
	return is_news ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int do_sync(sqlite3_file *f, int flags)
{
	struct handle *h = handle_of(f);

	(void)flags;
	if (is_gone(h) || burns_down(h->disk))
		return SQLITE_IOERR_FSYNC;
	if (h->disk->is_broken || h->disk->fails_sync) {
		h->disk->fails_sync = false;
		h->node->failures++;
		give_up(h->node);
	} else {
		forget_undo(h->node);
	}
	return hears(h);
}

static int do_size(sqlite3_file *f, sqlite3_int64 *size)
{
	const struct handle *h = handle_of(f);

	if (is_gone(h))
		return SQLITE_IOERR_FSTAT;
	*size = (sqlite3_int64)h->node->size;
	return SQLITE_OK;
}

/* ---- locks of the database file ---- */

static bool others_share(const struct handle *h)
{
	return h->node->shared > (h->lock >= SQLITE_LOCK_SHARED ? 1u : 0u);
}

static bool may_lock(const struct handle *h, int level)
{
	const struct node *n = h->node;
	bool pends = n->has_pending && h->lock < SQLITE_LOCK_PENDING;
	bool excludes = n->has_exclusive && h->lock < SQLITE_LOCK_EXCLUSIVE;
	bool reserves = n->has_reserved && h->lock < SQLITE_LOCK_RESERVED;

	if (level == SQLITE_LOCK_SHARED)
		return !pends && !excludes;
	return !reserves && !pends && !excludes;
}

static void hold(struct handle *h, int level)
{
	struct node *n = h->node;

	n->shared -= h->lock >= SQLITE_LOCK_SHARED;
	n->shared += level >= SQLITE_LOCK_SHARED;
	if (h->lock >= SQLITE_LOCK_RESERVED || level >= SQLITE_LOCK_RESERVED) {
		n->has_reserved = level >= SQLITE_LOCK_RESERVED;
		n->has_pending = level >= SQLITE_LOCK_PENDING;
		n->has_exclusive = level >= SQLITE_LOCK_EXCLUSIVE;
	}
	h->lock = level;
}

static int do_lock(sqlite3_file *f, int level)
{
	struct handle *h = handle_of(f);

	if (is_gone(h))
		return SQLITE_IOERR_LOCK;
	if (level <= h->lock)
		return SQLITE_OK;
	if (!may_lock(h, level))
		return SQLITE_BUSY;
	if (level == SQLITE_LOCK_EXCLUSIVE && others_share(h)) {
		hold(h, SQLITE_LOCK_PENDING);
		return SQLITE_BUSY;
	}
	hold(h, level);
	return SQLITE_OK;
}

static int do_unlock(sqlite3_file *f, int level)
{
	struct handle *h = handle_of(f);

	if (h->lock <= level)
		return SQLITE_OK;
	if (h->life == h->disk->life)
		hold(h, level);
	h->lock = level;
	return SQLITE_OK;
}

static int do_check(sqlite3_file *f, int *is_reserved)
{
	*is_reserved = handle_of(f)->node->has_reserved;
	return SQLITE_OK;
}

static int do_control(sqlite3_file *f, int op, void *arg)
{
	(void)f;
	(void)op;
	(void)arg;
	return SQLITE_NOTFOUND;
}

static int do_sector(sqlite3_file *f)
{
	(void)f;
	return 4096;
}

static int do_traits(sqlite3_file *f)
{
	(void)f;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/* ---- the WAL's index ---- */

static bool join_index(struct handle *h)
{
	struct node *n = h->node;

	if (h->index)
		return true;
	if (is_gone(h))
		return false;
	if (!n->index) {
		n->index = xcalloc(1, sizeof(*n->index));
		n->index->users = 1;	/* the node itself */
	}
	h->index = n->index;
	h->index->users++;
	return true;
}

static int do_map(sqlite3_file *f, int i, int size, int extend,
		  void volatile **out)
{
	struct handle *h = handle_of(f);

	*out = NULL;
	if (i >= REGIONS_MAX || !join_index(h))
		return SQLITE_IOERR_SHMMAP;
	if (!h->index->region[i] && extend)
		h->index->region[i] = xcalloc(1, (size_t)size);
	*out = h->index->region[i];
	return SQLITE_OK;
}

static void unlock_slot(struct handle *h, int i)
{
	uint16_t bit = (uint16_t)(1u << i);

	if (h->owns & bit)
		h->index->shared[i] = 0;
	else if (h->holds & bit)
		h->index->shared[i]--;
	h->owns &= (uint16_t)~bit;
	h->holds &= (uint16_t)~bit;
}

static bool may_take(const struct handle *h, int i, bool is_shared)
{
	int others = h->index->shared[i] - ((h->holds >> i) & 1);

	if (h->owns >> i & 1)
		return true;
	return is_shared ? others >= 0 : others == 0;
}

static void take_slot(struct handle *h, int i, bool is_shared)
{
	uint16_t bit = (uint16_t)(1u << i);

	unlock_slot(h, i);
	if (is_shared) {
		h->index->shared[i]++;
		h->holds |= bit;
	} else {
		h->index->shared[i] = -1;
		h->owns |= bit;
	}
}

static int do_shm_lock(sqlite3_file *f, int first, int n, int flags)
{
	struct handle *h = handle_of(f);
	bool is_shared = flags & SQLITE_SHM_SHARED;

	if (!h->index)
		return SQLITE_IOERR_SHMLOCK;
	if (flags & SQLITE_SHM_UNLOCK) {
		for (int i = first; i < first + n; i++)
			unlock_slot(h, i);
		return SQLITE_OK;
	}
	if (is_gone(h))
		return SQLITE_IOERR_SHMLOCK;
	for (int i = first; i < first + n; i++)
		if (!may_take(h, i, is_shared))
			return SQLITE_BUSY;
	for (int i = first; i < first + n; i++)
		take_slot(h, i, is_shared);
	return SQLITE_OK;
}

static void do_barrier(sqlite3_file *f)
{
	(void)f;
}

static int do_unmap(sqlite3_file *f, int delete)
{
	struct handle *h = handle_of(f);
	struct node *n = h->node;

	if (!h->index)
		return SQLITE_OK;
	for (int i = 0; i < SQLITE_SHM_NLOCK; i++)
		unlock_slot(h, i);
	if (n->index == h->index && (delete || h->index->users == 2)) {
		index_release(n->index);
		n->index = NULL;
	}
	index_release(h->index);
	h->index = NULL;
	return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = do_close,
	.xRead = do_read,
	.xWrite = do_write,
	.xTruncate = do_truncate,
	.xSync = do_sync,
	.xFileSize = do_size,
	.xLock = do_lock,
	.xUnlock = do_unlock,
	.xCheckReservedLock = do_check,
	.xFileControl = do_control,
	.xSectorSize = do_sector,
	.xDeviceCharacteristics = do_traits,
	.xShmMap = do_map,
	.xShmLock = do_shm_lock,
	.xShmBarrier = do_barrier,
	.xShmUnmap = do_unmap,
};

/* ---- the file layer ---- */

static struct disk *disk_of(sqlite3_vfs *vfs)
{
	return vfs->pAppData;
}

static int do_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *f,
		   int flags, int *out_flags)
{
	struct disk *d = disk_of(vfs);
	struct handle *h = handle_of(f);
	struct node *n = path ? find(d, path) : NULL;

	*h = (struct handle){ .disk = d, .life = d->life };
	if (d->is_dead ||
	    (!n && path && (!(flags & SQLITE_OPEN_CREATE) || d->is_broken)))
		return SQLITE_CANTOPEN;
	h->node = n ? n : node_new(d, path);
	h->node->handles++;
	h->heard = h->node->failures;
	h->base.pMethods = &methods;
	if (out_flags)
		*out_flags = flags;
	return SQLITE_OK;
}

static int do_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
	struct disk *d = disk_of(vfs);
	struct node *n = find(d, path);

	(void)sync;
	if (d->is_dead || d->is_broken)
		return SQLITE_IOERR_DELETE;
	if (!n)
		return SQLITE_IOERR_DELETE_NOENT;
	n->is_linked = false;
	node_free_if_unused(d, n);
	return SQLITE_OK;
}

/* As on a real one: an empty file counts for none. */
static int do_access(sqlite3_vfs *vfs, const char *path, int flags, int *out)
{
	const struct node *n = find(disk_of(vfs), path);

	(void)flags;
	*out = n && n->size > 0;
	return SQLITE_OK;
}

static int do_path(sqlite3_vfs *vfs, const char *path, int size, char *out)
{
	(void)vfs;
	return str_copy(out, (size_t)size, path) ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int do_random(sqlite3_vfs *vfs, int len, char *out)
{
	dice_fill(&disk_of(vfs)->dice, out, (size_t)len);
	return len;
}

static int do_sleep(sqlite3_vfs *vfs, int us)
{
	(void)vfs;
	return us;	/* whoever has the lock will not let go of it here */
}

/* No statement of the store asks for the time. */
static int do_time(sqlite3_vfs *vfs, double *out)
{
	(void)vfs;
	*out = 2460000.5;
	return SQLITE_OK;
}

struct disk *disk_new(uint64_t seed)
{
	static unsigned long count;
	struct disk *d = xcalloc(1, sizeof(*d));

	d->dice = dice_seed(seed);
	d->limit = SIZE_MAX;
	d->life = 1;
	LIST_INIT(&d->nodes);
	snprintf(d->name, sizeof(d->name), "disk-%lu", ++count);
	d->vfs = (sqlite3_vfs){
		.iVersion = 1,
		.szOsFile = sizeof(struct handle),
		.mxPathname = PATH_MAX_LEN,
		.zName = d->name,
		.pAppData = d,
		.xOpen = do_open,
		.xDelete = do_delete,
		.xAccess = do_access,
		.xFullPathname = do_path,
		.xRandomness = do_random,
		.xSleep = do_sleep,
		.xCurrentTime = do_time,
	};
	sqlite3_vfs_register(&d->vfs, 0);
	return d;
}

void disk_free(struct disk *d)
{
	struct node *n, *next;

	if (!d)
		return;
	sqlite3_vfs_unregister(&d->vfs);
	for (n = LIST_FIRST(&d->nodes); n; n = next) {
		next = LIST_NEXT(n, entry);
		assert(!n->handles);
		n->is_linked = false;
		node_free_if_unused(d, n);
	}
	free(d);
}

const char *disk_vfs(const struct disk *d)
{
	return d->name;
}

/* ---- trouble ---- */

void disk_set_room(struct disk *d, long bytes)
{
	d->limit = bytes < 0 ? SIZE_MAX : d->used + (size_t)bytes;
}

void disk_fail_sync(struct disk *d)
{
	d->fails_sync = true;
}

void disk_set_broken(struct disk *d, bool is_broken)
{
	d->is_broken = is_broken;
}

void disk_set_fuse(struct disk *d, unsigned long writes)
{
	d->fuse = writes;
}

void disk_kill(struct disk *d)
{
	d->is_dead = true;
	d->fuse = 0;
}

bool disk_is_dead(const struct disk *d)
{
	return d->is_dead;
}

/* Locks and the WAL's index go with the process that had them. */
void disk_start(struct disk *d)
{
	struct node *n;

	d->is_dead = false;
	d->life++;
	for (n = LIST_FIRST(&d->nodes); n; n = LIST_NEXT(n, entry)) {
		n->shared = 0;
		n->has_reserved = n->has_pending = n->has_exclusive = false;
		index_release(n->index);
		n->index = NULL;
	}
}

/* ---- looking ---- */

size_t disk_size_of(const struct disk *d, const char *path)
{
	const struct node *n = find(d, path);

	return n ? n->size : 0;
}

void disk_rot(struct disk *d, const char *path, size_t at)
{
	struct node *n = find(d, path);

	if (n && n->size)
		n->data[at % n->size] ^= 0x10;
}

void disk_delete(struct disk *d, const char *path)
{
	struct node *n = find(d, path);

	if (!n)
		return;
	n->is_linked = false;
	node_free_if_unused(d, n);
}

unsigned long disk_writes(const struct disk *d)
{
	return d->writes;
}
