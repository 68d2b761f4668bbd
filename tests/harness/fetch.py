"""Clients: one that fetches once, and one that never stops fetching."""

import http.client
import socket
import ssl
import threading
import time
from dataclasses import dataclass

POLICY_PATH = "/.well-known/mta-sts.txt"


@dataclass
class Reply:
	status: int
	headers: dict		# names in lower case
	body: bytes
	serial: str = ""	# of the leaf; lower-case hex
	not_after: float = 0.0


class Client:
	"""Fetches over TLS, with SNI, verified against `root`.

	Each fetch is a connection and a full handshake of its own.
	"""

	def __init__(self, port, root):
		self.port = port
		self.context = ssl.create_default_context(cafile=root)

	def fetch(self, host, method="GET", path=POLICY_PATH, headers=None):
		with socket.create_connection(("127.0.0.1", self.port), 5) as raw:
			raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
			with self.context.wrap_socket(raw,
						      server_hostname=host) as s:
				reply = exchange(s, host, method, path, headers)
				leaf = s.getpeercert()
		reply.serial = leaf["serialNumber"].lower()
		reply.not_after = ssl.cert_time_to_seconds(leaf["notAfter"])
		return reply


def fetch_plain(port, host, path, method="GET"):
	with socket.create_connection(("127.0.0.1", port), 5) as s:
		return exchange(s, host, method, path)


def exchange(sock, host, method, path, headers=None):
	"""One request on a connected socket, and its answer."""
	lines = {"Host": host, "Connection": "close"} | (headers or {})
	text = f"{method} {path} HTTP/1.1\r\n" + "".join(
		f"{k}: {v}\r\n" for k, v in lines.items()) + "\r\n"
	sock.sendall(text.encode())
	answer = http.client.HTTPResponse(sock, method=method)
	answer.begin()
	body = answer.read()
	return Reply(answer.status,
		     {k.lower(): v for k, v in answer.getheaders()}, body)


class Fetcher:
	"""Fetches the policies of `hosts` in turn, in threads, until stopped.

	ok, failures	how many, and what went wrong with the others
	serials		of the leaves seen, per host, in order
	now		the clock that says what has expired
	"""

	def __init__(self, client, hosts, threads=2, pause=0.0, now=None):
		self.client = client
		self.hosts = hosts
		self.pause = pause
		self.now = now or time.time
		self.ok = 0
		self.failures = []
		self.serials = {host: [] for host in hosts}
		self._lock = threading.Lock()	# the three above
		self._is_over = threading.Event()
		self._threads = [threading.Thread(target=self._run, daemon=True)
				 for _ in range(threads)]

	def __enter__(self):
		for thread in self._threads:
			thread.start()
		return self

	def __exit__(self, *_):
		self._is_over.set()
		for thread in self._threads:
			thread.join()

	def _run(self):
		while not self._is_over.is_set():
			for host in self.hosts:
				self._fetch(host)
			self._is_over.wait(self.pause)

	def _fetch(self, host):
		try:
			reply = self.client.fetch(host)
			problem = self._problem(reply)
		except (OSError, http.client.HTTPException) as error:
			problem = f"{type(error).__name__}: {error}"
		with self._lock:
			if problem:
				self.failures.append(f"{host}: {problem}")
				return
			self.ok += 1
			if reply.serial not in self.serials[host]:
				self.serials[host].append(reply.serial)

	def _problem(self, reply):
		if reply.status != 200:
			return f"status {reply.status}"
		if reply.not_after <= self.now():
			return f"leaf {reply.serial} has expired"
		return None

	def wait_count(self, count, seconds=120):
		"""Until there were `count` fetches, good or bad."""
		end = time.monotonic() + seconds
		while self.ok + len(self.failures) < count:
			if time.monotonic() > end:
				raise TimeoutError(f"{self.ok} fetches of {count}")
			time.sleep(0.02)
