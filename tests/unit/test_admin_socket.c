/*
 * The admin sockets: who may connect, who is there, how many at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "daemon/conn_limit.h"
#include "daemon/peer.h"
#include "daemon/unix_listen.h"

struct place {
	char dir[32], path[64];
};

static int set_up(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));

	snprintf(p->dir, sizeof(p->dir), "/tmp/test_admin.XXXXXX");
	*state = p;
	if (!mkdtemp(p->dir))
		return -1;
	snprintf(p->path, sizeof(p->path), "%s/x.sock", p->dir);
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;

	unlink(p->path);
	assert_int_equal(rmdir(p->dir), 0);	/* nothing else was left */
	free(p);
	return 0;
}

static bool can_connect(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	bool ok;

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	ok = connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;
	close(fd);
	return ok;
}

static void it_listens_with_its_mode(void **state)
{
	struct place *p = *state;
	struct err err = ERR_INIT;
	int fd = unix_listen(p->path, 0640, "no-such-group-here", &err);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_true(can_connect(p->path));
	close(fd);
}

static void a_dead_socket_is_replaced_a_living_one_not(void **state)
{
	struct place *p = *state;
	struct err err = ERR_INIT;
	int first = unix_listen(p->path, 0660, "x", &err);

	assert_int_equal(unix_listen(p->path, 0660, "x", &err), -1);
	assert_int_equal(err.kind, ERR_REFUSED);
	assert_non_null(strstr(err.text, p->path));
	assert_true(can_connect(p->path));
	close(first);
	first = unix_listen(p->path, 0660, "x", &err);
	assert_true(first >= 0);
	assert_true(can_connect(p->path));
	close(first);
}

static void other_files_are_left_alone(void **state)
{
	struct place *p = *state;
	struct err err = ERR_INIT;
	FILE *f = fopen(p->path, "w");

	fclose(f);
	assert_int_equal(unix_listen(p->path, 0660, "x", &err), -1);
	assert_int_equal(err.kind, ERR_REFUSED);
	assert_int_equal(access(p->path, F_OK), 0);
}

static void a_path_has_a_limit(void **state)
{
	char path[200];
	struct err err = ERR_INIT;

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	memcpy(path, "/tmp/", 5);
	assert_int_equal(unix_listen(path, 0660, "x", &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.hint, "run_dir"));
}

static const struct {
	const char *said;
	bool believed;	/* by root's word only */
} sudo[] = {
	{ "alice", true },
	{ "a.b-c_d@x", true },
	{ NULL, false },
	{ "", false },
	{ "two words", false },
	{ "\x1b[2J", false },
	{ "b\xc3\xbc", false },
	{ "0123456789012345678901234567890123456789"
	  "0123456789012345678901234567890123456789", false },
};

static void the_peer_is_described(void **state)
{
	char got[PEER_TEXT], uid[32];
	int pair[2];

	(void)state;
	snprintf(uid, sizeof(uid), "uid %u", (unsigned)geteuid());
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	for (size_t i = 0; i < ARRAY_LEN(sudo); i++) {
		bool via = sudo[i].believed && geteuid() == 0;

		peer_describe(pair[0], sudo[i].said, got);
		print_message("%s\n", got);
		assert_non_null(strstr(got, uid));
		assert_int_equal(strstr(got, "via sudo") != NULL, via);
		if (via)
			assert_true(str_starts(got, sudo[i].said));
	}
	assert_int_equal(peer_is_root(pair[0]), geteuid() == 0);
	assert_false(peer_is_root(-1));
	close(pair[0]);
	close(pair[1]);
	assert_string_equal(peer_describe(-1, NULL, got), "unknown");
}

static void closed_connections_make_room(void **state)
{
	struct conn_limit limit = { .slot = { { 0 } } };
	int pairs[CONN_LIMIT][2], one[2];

	(void)state;
	for (size_t i = 0; i < CONN_LIMIT; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]),
				 0);
		assert_true(conn_limit_admit(&limit, pairs[i][0]));
	}
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, one), 0);
	assert_false(conn_limit_admit(&limit, one[0]));
	close(pairs[7][0]);
	assert_true(conn_limit_admit(&limit, one[0]));
	assert_false(conn_limit_admit(&limit, one[1]));
	/* Another socket under a number that was admitted once. */
	assert_int_equal(dup2(one[1], pairs[9][0]), pairs[9][0]);
	assert_true(conn_limit_admit(&limit, one[1]));
	for (size_t i = 0; i < CONN_LIMIT; i++) {
		close(pairs[i][1]);
		if (i != 7)
			close(pairs[i][0]);
	}
	close(one[0]);
	close(one[1]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_listens_with_its_mode),
		TEST(a_dead_socket_is_replaced_a_living_one_not),
		TEST(other_files_are_left_alone),
		cmocka_unit_test(a_path_has_a_limit),
		cmocka_unit_test(the_peer_is_described),
		cmocka_unit_test(closed_connections_make_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
