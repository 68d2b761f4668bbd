#include "daemon/peer.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define LOGIN_MAX 64

static bool is_login_name(const char *s)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._@\\$-";
	size_t len = strlen(s);

	return len > 0 && len <= LOGIN_MAX && strspn(s, allowed) == len;
}

static void login_name(uid_t uid, char out[static LOGIN_MAX + 1])
{
	struct passwd entry, *found = NULL;
	char buffer[4096];

	out[0] = '\0';
	if (getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found) == 0 &&
	    found && is_login_name(found->pw_name))
		snprintf(out, LOGIN_MAX + 1, "%s", found->pw_name);
}

static bool find_peer(int fd, struct ucred *peer)
{
	socklen_t len = sizeof(*peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &len) == 0;
}

const char *peer_describe(int fd, const char *sudo_user,
			  char out[static PEER_TEXT])
{
	struct ucred peer;
	char login[LOGIN_MAX + 1];

	if (!find_peer(fd, &peer)) {
		snprintf(out, PEER_TEXT, "unknown");
		return out;
	}
	login_name(peer.uid, login);
	if (peer.uid == 0 && sudo_user && is_login_name(sudo_user))
		snprintf(out, PEER_TEXT, "%s via sudo (uid 0)", sudo_user);
	else if (login[0])
		snprintf(out, PEER_TEXT, "%s (uid %u)", login, peer.uid);
	else
		snprintf(out, PEER_TEXT, "uid %u", peer.uid);
	return out;
}

bool peer_is_root(int fd)
{
	struct ucred peer;

	return find_peer(fd, &peer) && peer.uid == 0;
}
