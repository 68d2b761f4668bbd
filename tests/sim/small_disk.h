/*
 * A small real disk of a test's own: 16 MB, in memory, mounted and filled by
 * the test. Where nothing can be mounted, such a test is skipped.
 */
#ifndef TESTS_SIM_SMALL_DISK_H
#define TESTS_SIM_SMALL_DISK_H

#define SMALL_DISK_MB (1024L * 1024)

/* For cmocka. */
int small_disk_mount(void **state);
int small_disk_umount(void **state);

#define ON_A_SMALL_DISK(test)                                                  \
	cmocka_unit_test_setup_teardown(test, small_disk_mount,                \
					small_disk_umount)

/* Its folder; or the test is skipped. */
char *small_disk(void **state);

/* A file beside ours takes so many bytes. */
void small_disk_fill(const char *dir, long bytes);

/* What is free now is taken, but for so many bytes. */
void small_disk_leave(const char *dir, long bytes);

#endif
