"""A mailbox that `mtastsctl report fetch` is led to, and a way there that breaks."""

import contextlib
import json
import os
import socket
import subprocess
import threading

from . import dovecot
from .daemon import BUILD, SANITIZERS, Output, conf_value

COUNTS = {"messages", "stored", "known", "not_ours", "empty", "refused",
	  "unsigned", "no_report", "too_large", "put_off"}


class Mailbox:
	"""A server's, and a configuration that leads to it.

	What it takes goes to the socket `door`.
	"""

	def __init__(self, server, door, authority, folder):
		self.server, self.socket = server, door
		self.file = folder / "report-fetch.conf"
		self.root = server.folder / "root.pem"	# nobody reads it, too
		self.root.write_bytes(authority.root.read_bytes())
		password = folder / "password"
		password.touch(mode=0o600)
		password.write_text(dovecot.PASSWORD + "\n")
		self.keys = {"host": "localhost", "port": server.port,
			     "user": dovecot.USER, "password_file": password,
			     "ca_file": self.root}

	def use(self, **keys):
		self.keys |= keys
		return self

	def write(self):
		self.file.write_text("".join(
			f"{key} = {conf_value(value)}\n"
			for key, value in self.keys.items()
			if value is not None))

	def words(self):
		return [BUILD / "mtastsctl", "report", "fetch", "--config",
			self.file, "--socket", self.socket]

	def fetch(self, *words):
		self.write()
		done = subprocess.run(
			[*self.words(), *words],
			capture_output=True, text=True, timeout=400,
			env=os.environ | SANITIZERS)
		return Output(done.returncode, done.stdout, done.stderr)

	def sum(self):
		"""Of a run: what is not 0."""
		result = self.fetch("--json")
		assert result.status == 0, result
		counts = json.loads(result.out)
		assert counts.keys() == COUNTS
		return {key: n for key, n in counts.items() if n}


class Cutter:
	"""Hands on to `port`, and cuts each of the first connections.

	after	how many bytes of the server's each is given
	"""

	def __init__(self, port, after):
		self.behind, self.after, self.cut = port, list(after), 0
		self._open = []
		self._socket = socket.create_server(("127.0.0.1", 0))
		self.port = self._socket.getsockname()[1]

	def __enter__(self):
		threading.Thread(target=self._serve, daemon=True).start()
		return self

	def __exit__(self, *what):
		self._socket.close()

	def cut_now(self):
		self.cut += 1
		for one in self._open:
			with contextlib.suppress(OSError):
				one.shutdown(socket.SHUT_RDWR)

	def _serve(self):
		with contextlib.suppress(OSError):
			while True:
				peer, _ = self._socket.accept()
				self._open.append(peer)
				most = self.after.pop(0) if self.after else None
				threading.Thread(target=self._carry, daemon=True,
						 args=(peer, most)).start()

	def _carry(self, peer, most):
		with peer, socket.create_connection(
				("127.0.0.1", self.behind)) as server:
			threading.Thread(target=self._pump, daemon=True,
					 args=(peer, server)).start()
			with contextlib.suppress(OSError):
				while data := server.recv(4096):
					if most is not None:
						data = data[:most]
						most -= len(data)
					peer.sendall(data)
					if most == 0:
						self.cut += 1
						break
			for one in peer, server:
				with contextlib.suppress(OSError):
					one.shutdown(socket.SHUT_RDWR)

	@staticmethod
	def _pump(source, sink):
		with contextlib.suppress(OSError):
			while data := source.recv(4096):
				sink.sendall(data)
