#include "httpd/left.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

bool left_already(int fd)
{
	struct tcp_info info = { .tcpi_state = 0 };
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
	       (info.tcpi_state == TCP_CLOSE_WAIT ||
		info.tcpi_state == TCP_CLOSE);
}
