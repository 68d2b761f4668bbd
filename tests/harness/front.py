"""A patient front: port 80 as the CA sees it while the daemon is down.

A request that the daemon did not answer, because it was killed, is put to it
again for some seconds, as by a CA that looks more than once. So a story can
kill the daemon at any point and still tell exactly what must come of it.
"""

import socket
import threading
import time

from .process import free_port

PATIENCE = 20		# seconds
NOT_FOUND = (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n"
	     b"Connection: close\r\n\r\n")


class Front:
	def __init__(self, port):
		self.behind = free_port()	# where the daemon listens
		self.is_deaf = False		# hangs up on the CA at once
		self.strangers = set()		# hosts that another box answers
		self._listener = socket.create_server(("127.0.0.1", port))
		threading.Thread(target=self._accept, daemon=True).start()

	def close(self):
		self._listener.shutdown(socket.SHUT_RDWR)
		self._listener.close()

	def _accept(self):
		while True:
			try:
				client, _ = self._listener.accept()
			except OSError:
				return
			threading.Thread(target=self._serve, args=(client,),
					 daemon=True).start()

	def _serve(self, client):
		with client:
			request = read_until(client, b"\r\n\r\n")
			if host_of(request) in self.strangers:
				client.sendall(NOT_FOUND)
				return
			end = time.monotonic() + PATIENCE
			while request and not self.is_deaf and \
					time.monotonic() < end:
				answer = self._ask(request)
				if answer:
					client.sendall(answer)
					return
				time.sleep(0.1)

	def _ask(self, request):
		"""All that the daemon answers, or b"" if it broke off."""
		try:
			with socket.create_connection(
					("127.0.0.1", self.behind), 5) as s:
				s.sendall(request)
				return read_until(s, None)
		except OSError:
			return b""


def host_of(request):
	"""Of its Host line, without the port; "" if there is none."""
	for line in request.decode("latin-1").split("\r\n"):
		if line.lower().startswith("host:"):
			return line[5:].strip().partition(":")[0]
	return ""


def read_until(sock, end):
	"""What comes, up to `end` or the end of the connection."""
	data = b""
	while end is None or end not in data:
		more = sock.recv(4096)
		if not more:
			break
		data += more
	return data
