/*
 * A disk in memory, as one of SQLite's file layers: the store lives on it
 * unchanged, and it can be full, broken, dead, or without power.
 *
 * Each file has what was written and, beside it, how to undo what was not
 * synced since. A process that is killed loses nothing of what it wrote; a
 * loss of power loses any part of what was not synced, in any order, and may
 * tear one write in two. What a sync failed to write can still be read, but no
 * later sync writes it, as with Linux: only a write of it anew does.
 *
 * A process ends by disk_kill(): from then on every handle that is open gets
 * errors, so nothing reaches the files while what is left in memory is taken
 * down in good order. Handles opened after disk_start() work again.
 *
 * No system calls. One thread per disk.
 */
#ifndef TESTS_SIM_DISK_H
#define TESTS_SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct disk;

/* `seed` is for what a loss of power keeps, and for SQLite's dice. */
struct disk *disk_new(uint64_t seed);

/* All handles must be closed. */
void disk_free(struct disk *d);

/* Its name among SQLite's file layers. */
const char *disk_vfs(const struct disk *d);

/* ---- trouble ---- */

/* Files may grow by so many bytes in all from now on; -1: without limit. */
void disk_set_room(struct disk *d, long bytes);

/* The next sync fails, and no other. */
void disk_fail_sync(struct disk *d);

/* Each write and sync fails; reading goes on. */
void disk_set_broken(struct disk *d, bool is_broken);

/* The nth write or sync from now is the last: disk_kill(). 0: none is. */
void disk_set_fuse(struct disk *d, unsigned long writes);

/* ---- a process and its end ---- */

void disk_kill(struct disk *d);
bool disk_is_dead(const struct disk *d);
void disk_start(struct disk *d);

/* What was not synced is gone, or part of it. While it is dead. */
void disk_lose_power(struct disk *d);

/* ---- looking ---- */

/* 0 if there is no such file. */
size_t disk_size_of(const struct disk *d, const char *path);

/* Flips one bit in the middle of it, as old disks do. */
void disk_rot(struct disk *d, const char *path, size_t at);
void disk_delete(struct disk *d, const char *path);

unsigned long disk_writes(const struct disk *d);

#endif
