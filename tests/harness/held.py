"""Who holds the listening sockets while the daemon behind them changes.

As systemd does: it binds, and passes (sd_listen_fds(3)). A connection that
comes while no daemon runs waits in the kernel. As a program of its own it also
starts the daemon again, whenever it ends:

	python3 tests/harness/held.py HTTPS_PORT HTTP_PORT PROGRAM [WORD...]

SIGTERM ends it, and the daemon with it.
"""

import os
import signal
import socket
import subprocess
import sys
import time

BACKLOG = 4096
LAUNCH = """
import fcntl, os, sys
fds = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 100) for fd in sys.argv[1].split(",")]
for place, fd in enumerate(fds, 3):
	os.dup2(fd, place)
os.closerange(3 + len(fds), 200)
os.environ |= {"LISTEN_FDS": str(len(fds)), "LISTEN_FDNAMES": sys.argv[2],
	       "LISTEN_PID": str(os.getpid())}
os.execvp(sys.argv[3], sys.argv[3:])
"""


class Held:
	"""`names`: {"https": port, "http": port}, all of 127.0.0.1."""

	def __init__(self, names):
		self.names = list(names)
		self.sockets = [listen(port) for port in names.values()]
		for one in self.sockets:
			one.set_inheritable(True)

	def wrapper(self):
		"""Words before the daemon's own: it gets the sockets."""
		fds = ",".join(str(s.fileno()) for s in self.sockets)
		return [sys.executable, "-c", LAUNCH, fds, ":".join(self.names)]

	def numbers(self):
		return [s.fileno() for s in self.sockets]

	def close(self):
		for one in self.sockets:
			one.close()


def listen(port):
	s = socket.socket()
	s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	s.bind(("127.0.0.1", port))
	s.listen(BACKLOG)
	return s


def main(https, http, *command):
	held = Held({"https": int(https), "http": int(http)})
	running, is_over = None, False

	def end(*_):
		nonlocal is_over
		is_over = True
		if running:
			running.terminate()

	signal.signal(signal.SIGTERM, end)
	while not is_over:
		running = subprocess.Popen([*held.wrapper(), *command],
					   pass_fds=held.numbers())
		if is_over:
			running.terminate()
		running.wait()
		time.sleep(0.05)


if __name__ == "__main__":
	main(*sys.argv[1:])
