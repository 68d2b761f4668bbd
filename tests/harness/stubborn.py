"""Port 80 as other people have it: closed, wrong, in circles, or never done."""

import contextlib
import socket
import threading
import time

from .process import free_port


class Stubborn:
	"""A listener on `address`, with one answer for everybody.

	"404"	what a web server says that knows nothing of ACME
	"loop"	302, to itself
	"slow"	a byte now and then, and no end
	hits	how many connections there were
	"""

	def __init__(self, kind, port=None, address="127.0.0.1"):
		self.kind = kind
		self.port = port or free_port()
		self.hits = 0
		family = socket.AF_INET6 if ":" in address else socket.AF_INET
		self._listener = socket.create_server(
			(address, self.port), family=family)
		threading.Thread(target=self._accept, daemon=True).start()

	def close(self):
		with contextlib.suppress(OSError):
			self._listener.shutdown(socket.SHUT_RDWR)
		self._listener.close()

	def _accept(self):
		with contextlib.suppress(OSError):
			while True:
				client, _ = self._listener.accept()
				self.hits += 1
				threading.Thread(target=self._serve,
						 args=(client,),
						 daemon=True).start()

	def _serve(self, client):
		with contextlib.suppress(OSError), client:
			request = client.recv(4096).decode("latin-1")
			if self.kind == "slow":
				self._trickle(client)
				return
			client.sendall(self._answer(request).encode())

	@staticmethod
	def _trickle(client):
		client.sendall(b"HTTP/1.1 200 OK\r\n")
		for _ in range(600):
			client.sendall(b"X: y\r\n")
			time.sleep(0.1)

	def _answer(self, request):
		if self.kind == "404":
			return ("HTTP/1.1 404 Not Found\r\nContent-Length: 9"
				"\r\nConnection: close\r\n\r\nnot here\n")
		path = request.split(" ")[1]
		host = next(line[6:] for line in request.split("\r\n")
			    if line.lower().startswith("host: "))
		return (f"HTTP/1.1 302 Found\r\nLocation: http://{host}{path}"
			"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


class Loris:
	"""`count` connections to `port` that never finish their request.

	They come from `source`, so that they count as another client's.
	"""

	def __init__(self, port, count, source):
		self.sockets = []
		for _ in range(count):
			with contextlib.suppress(OSError):
				self.sockets.append(socket.create_connection(
					("127.0.0.1", port), 5, (source, 0)))
		for sock in self.sockets:
			with contextlib.suppress(OSError):
				sock.sendall(b"GET /.well-known/acme-")

	def open(self):
		"""How many the server has not closed."""
		return sum(is_open(sock) for sock in self.sockets)

	def close(self):
		for sock in self.sockets:
			sock.close()


def is_open(sock):
	sock.setblocking(False)
	try:
		return sock.recv(1) != b""
	except BlockingIOError:
		return True
	except OSError:
		return False
