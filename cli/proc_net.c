#include "cli/proc_net.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

#define LISTENS 0x0a

/* ---- a line ---- */

/* The kernel writes each four bytes as a number of this machine. */
static bool read_address(const char *hex, bool is_v6, struct in6_addr *out)
{
	uint32_t word[4] = { 0, 0, htonl(0xffff), 0 };
	size_t n = is_v6 ? 4 : 1;

	for (size_t i = 0; i < n; i++) {
		char part[9];

		snprintf(part, sizeof(part), "%.8s", hex + 8 * i);
		word[is_v6 ? i : 3] = (uint32_t)strtoul(part, NULL, 16);
	}
	memcpy(out, word, sizeof(*out));
	return true;
}

size_t proc_words(char *line, char **word, size_t most)
{
	char *rest = line, *one;
	size_t n = 0;

	while (n < most && (one = strsep(&rest, " \t\n")) != NULL)
		if (*one)
			word[n++] = one;
	return n;
}

/* "0:", "ADDRESS:PORT", the peer's, the state, six more, the inode. */
bool proc_net_read(const char *line, bool is_v6, struct proc_listener *out)
{
	char copy[512], *word[10];
	size_t len = is_v6 ? 32 : 8;

	snprintf(copy, sizeof(copy), "%s", line);
	if (proc_words(copy, word, ARRAY_LEN(word)) < ARRAY_LEN(word) ||
	    strcspn(word[1], ":") != len || word[1][len] != ':' ||
	    strtoul(word[3], NULL, 16) != LISTENS)
		return false;
	*out = (struct proc_listener){ .is_v6 = is_v6,
				       .port = (long)strtoul(word[1] + len + 1,
							     NULL, 16),
				       .inode = strtoull(word[9], NULL, 10) };
	return read_address(word[1], is_v6, &out->address);
}

/* ---- an address of the configuration ---- */

long proc_net_port(const char *address)
{
	const char *colon = strrchr(address, ':');
	long port = 0;

	if (colon)
		str_to_long(colon + 1, strlen(colon + 1), 65535, &port);
	return port;
}

static bool read_host(const char *address, struct in6_addr *out, bool *is_v6)
{
	const char *colon = strrchr(address, ':');
	char host[80], mapped[96];

	if (!colon || colon - address > 64)
		return false;
	*is_v6 = address[0] == '[';
	snprintf(host, sizeof(host), "%.*s",
		 (int)(colon - address) - 2 * *is_v6, address + *is_v6);
	snprintf(mapped, sizeof(mapped), "%s%s", *is_v6 ? "" : "::ffff:", host);
	return inet_pton(AF_INET6, mapped, out) == 1;
}

static bool is_any(const struct in6_addr *a, bool is_v6)
{
	static const struct in6_addr none;

	return is_v6 ? memcmp(a, &none, sizeof(none)) == 0
		     : memcmp(&a->s6_addr[12], &none, 4) == 0;
}

/* [::] is taken to mean IPv4 as well: of most servers it does. */
bool proc_net_is_in_way(const struct proc_listener *l, const char *address)
{
	struct in6_addr wanted;
	bool is_v6;

	if (l->port != proc_net_port(address) ||
	    !read_host(address, &wanted, &is_v6))
		return false;
	if (l->is_v6 != is_v6)
		return l->is_v6 && is_any(&l->address, true);
	return is_any(&l->address, is_v6) || is_any(&wanted, is_v6) ||
	       memcmp(&l->address, &wanted, sizeof(wanted)) == 0;
}

/* ---- the files ---- */

static bool read_file(const char *root, bool is_v6, struct proc_listener *out,
		      size_t most, size_t *count)
{
	char *path = xasprintf("%s/proc/net/tcp%s", root, is_v6 ? "6" : "");
	FILE *f = fopen(path, "re");
	char line[512];

	free(path);
	if (!f)
		return false;
	while (*count < most && fgets(line, sizeof(line), f))
		*count += proc_net_read(line, is_v6, &out[*count]);
	fclose(f);
	return true;
}

/* A kernel without IPv6 has no second file. */
bool proc_net_list(const char *root, struct proc_listener *out, size_t most,
		   size_t *count)
{
	*count = 0;
	if (!read_file(root, false, out, most, count))
		return false;
	read_file(root, true, out, most, count);
	return true;
}

/* ---- whose ---- */

static bool has_socket(const char *fds, const char *wanted)
{
	DIR *dir = opendir(fds);
	const struct dirent *e;
	bool has = false;

	if (!dir)
		return false;
	while (!has && (e = readdir(dir)) != NULL) {
		char link[64];
		ssize_t n = readlinkat(dirfd(dir), e->d_name, link,
				       sizeof(link) - 1);

		link[n > 0 ? n : 0] = '\0';
		has = streq(link, wanted);
	}
	closedir(dir);
	return has;
}

static void name_it(const char *root, const char *pid, struct proc_holder *out)
{
	char *path = xasprintf("%s/proc/%s/comm", root, pid);
	FILE *f = fopen(path, "re");

	free(path);
	out->pid = strtol(pid, NULL, 10);
	if (f && fgets(out->name, sizeof(out->name), f))
		out->name[strcspn(out->name, "\n")] = '\0';
	if (f)
		fclose(f);
}

void proc_net_holder(const char *root, uint64_t inode, struct proc_holder *out)
{
	char *path = xasprintf("%s/proc", root), wanted[64];
	DIR *dir = opendir(path);
	const struct dirent *e;

	free(path);
	*out = (struct proc_holder){ .pid = 0 };
	snprintf(wanted, sizeof(wanted), "socket:[%" PRIu64 "]", inode);
	while (dir && !out->pid && (e = readdir(dir)) != NULL) {
		char *fds;

		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		fds = xasprintf("%s/proc/%s/fd", root, e->d_name);
		if (has_socket(fds, wanted))
			name_it(root, e->d_name, out);
		free(fds);
	}
	if (dir)
		closedir(dir);
}
