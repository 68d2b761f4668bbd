"""A mail domain as others run it: a policy host and a mail server, in threads.

Both show certificates of one CA (fakeca's), and do as a test tells them.
"""

import contextlib
import socket
import ssl
import threading
import time

from cryptography.hazmat.primitives import serialization
from fakeca.pki import Issuer, key_from, pem

from .process import free_port

DAY = 86400


class Authority:
	def __init__(self, folder, name="Outside CA"):
		self.folder = folder
		self.issuer = Issuer(name, name)
		self.root = folder / "root.pem"
		self.root.write_bytes(pem(self.issuer.root))
		self.count = 0

	def chain(self, *names, begins=-10, ends=80):
		"""A file: key, certificate for the names, its chain; in days."""
		self.count += 1
		key = key_from(f"leaf{self.count}")
		now = int(time.time())
		leaf = self.issuer.issue(list(names), key.public_key(), self.count,
					 now + begins * DAY, now + ends * DAY)
		path = self.folder / f"leaf{self.count}.pem"
		path.write_bytes(key.private_bytes(
			serialization.Encoding.PEM,
			serialization.PrivateFormat.PKCS8,
			serialization.NoEncryption()) + pem(leaf)
			+ self.issuer.chain)
		return path

	def context(self, name, begins=-10, ends=80):
		"""A server's, with such a file."""
		context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
		context.load_cert_chain(self.chain(name, begins=begins,
						   ends=ends))
		return context


class Listener:
	"""Accepts on loopback, or at `at`; each connection is a thread's."""

	def __init__(self, at=None):
		address, self.port = at or ("127.0.0.1", free_port())
		self._socket = socket.create_server((address, self.port))
		threading.Thread(target=self._accept, daemon=True).start()

	def _accept(self):
		with contextlib.suppress(OSError):
			while True:
				connection, _ = self._socket.accept()
				threading.Thread(target=self._serve, daemon=True,
						 args=(connection,)).start()

	def _serve(self, connection):
		connection.settimeout(20)
		with contextlib.suppress(OSError), connection:
			self.serve(connection)

	def close(self):
		with contextlib.suppress(OSError):
			self._socket.shutdown(socket.SHUT_RDWR)
		self._socket.close()


class PolicyHost(Listener):
	"""
	answer	what is sent to any request: bytes, or a function that gets
		the connection
	"""

	def __init__(self, context, body, status="200 OK",
		     kind="text/plain", at=None):
		self.context = context
		self.names = []		# in the order of their handshakes
		context.sni_callback = lambda s, name, c: \
			self.names.append(name)
		self.serve_body(body, status, kind)
		super().__init__(at)

	def serve_body(self, body, status="200 OK", kind="text/plain",
		       more=""):
		self.answer = (f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n"
			       f"{more}Content-Length: {len(body)}\r\n"
			       f"Connection: close\r\n\r\n{body}").encode()

	def serve(self, connection):
		with self.context.wrap_socket(connection, server_side=True) as s:
			s.recv(65536)
			if callable(self.answer):
				self.answer(s)
			else:
				s.sendall(self.answer)


class MailServer(Listener):
	"""Speaks SMTP up to STARTTLS and a bit beyond.

	chatter	{a command's first word, or "" for the greeting: a function
		that gets the connection, in place of the answer}
	"""

	def __init__(self, context, at=None):
		self.context = context
		self.starttls = True
		self.greeting = b"220 mail ESMTP\r\n"
		self.said = []
		self.chatter = {}
		super().__init__(at)

	def serve(self, connection):
		if "" in self.chatter:
			return self.chatter[""](connection)
		connection.sendall(self.greeting)
		while line := self._read(connection):
			self.said.append(line)
			if line.split()[0] in self.chatter:
				self.chatter[line.split()[0]](connection)
			elif line.startswith("EHLO"):
				offer = b"250-STARTTLS\r\n" if self.starttls \
					else b""
				connection.sendall(b"250-mail\r\n" + offer +
						   b"250 SIZE 1000\r\n")
			elif line == "STARTTLS":
				connection.sendall(b"220 go ahead\r\n")
				connection = self.context.wrap_socket(
					connection, server_side=True)
			elif line == "QUIT":
				connection.sendall(b"221 bye\r\n")
				return
			else:
				connection.sendall(b"250 ok\r\n")

	@staticmethod
	def _read(connection):
		line = b""
		while not line.endswith(b"\n") and len(line) < 1000:
			one = connection.recv(1)
			if not one:
				break
			line += one
		return line.decode(errors="replace").strip()
