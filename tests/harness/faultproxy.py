"""A TLS proxy before a CA that breaks the exchanges it is told to break.

It ends TLS with the CA's own key and hands on the Host as it came, so the CA
makes links that lead through the proxy and the signed `url` stays right:
nothing in a body needs rewriting. Rules are those of fakeca/rules.py, with

match	"method", "path"
do	"delay": s		before the CA sees it
	"delay_after": s	before the client sees the answer
	"drop": W		hang up; W is "before" or "after" the CA has
				seen the request, so "after" loses its answer
	"reset": W		the same, by a RST
	"blackhole": W		no answer, and no end either
	"truncate": n		n bytes of the answer's body, and no more
	"status", "body", "headers"	others than the CA's
	"duplicate": W		the CA gets it twice; W says which of the two
				answers comes back, "first" or "second"
"""

import contextlib
import http.client
import random
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from fakeca.rules import Rules

from .process import free_port

MATCH = ("method", "path")
DO = ("delay", "delay_after", "drop", "reset", "blackhole", "truncate",
      "status", "body", "headers", "duplicate")
HOP_BY_HOP = ("content-length", "transfer-encoding", "connection",
	      "keep-alive")


class HangUp(Exception):
	"""This connection is over."""


@dataclass
class Answer:
	status: int
	headers: list		# (name, value)
	body: bytes

	def head(self):
		lines = [f"HTTP/1.1 {self.status} -"]
		lines += [f"{n}: {v}" for n, v in self.headers]
		lines.append(f"Content-Length: {len(self.body)}")
		return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


class FaultProxy:
	"""Stands before `ca`, a Pebble or a FakeCa, which has been started.

	seen	(method, path, status or what was done instead), in order
	"""

	def __init__(self, ca, seed=1):
		self.port = free_port()
		self.behind = ca.port
		self.trust = ca.trust
		self.directory = (f"https://127.0.0.1:{self.port}"
				  f"{urlsplit(ca.directory).path}")
		self.seen = []
		self.net = "up"			# see set_net()
		self._rules = Rules(MATCH, DO, random.Random(seed))
		self._lock = threading.Lock()	# rules, seen, open sockets
		self._open = set()
		self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
		self._context.load_cert_chain(ca.trust,
					      ca.folder / "key.pem")
		self._upstream = ssl.create_default_context(cafile=ca.trust)
		self._listener = None
		self._listen()

	def rule(self, do, times=None, skip=0, share=1, **match):
		rule = {"match": match, "do": do, "skip": skip, "share": share}
		if times is not None:
			rule["times"] = times
		with self._lock:
			return self._rules.add(rule)

	def hits(self, number):
		with self._lock:
			return next(r["hits"] for r in self._rules.view()
				    if r["id"] == number)

	def drop_rules(self):
		with self._lock:
			self._rules.remove()

	def set_net(self, net):
		"""up; refused (nobody listens); reset; blackhole (a connection,
		and never a byte on it). Open connections are reset."""
		self.net = net
		with self._lock:
			for sock in self._open:
				reset(sock)
		if net == "refused":
			self._unlisten()
		elif self._listener is None:
			self._listen()

	def close(self):
		self.set_net("refused")

	# The listener.

	def _listen(self):
		self._listener = socket.create_server(
			("127.0.0.1", self.port), backlog=256)
		threading.Thread(target=self._accept, args=(self._listener,),
				 daemon=True).start()

	def _unlisten(self):
		if self._listener:
			with contextlib.suppress(OSError):
				self._listener.shutdown(socket.SHUT_RDWR)
			self._listener.close()
		self._listener = None

	def _accept(self, listener):
		swallowed = []
		while True:
			try:
				sock, _ = listener.accept()
			except OSError:
				return
			if self.net == "blackhole":
				swallowed.append(sock)
			elif self.net == "reset":
				reset(sock)
				sock.close()
			else:
				threading.Thread(target=self._serve,
						 args=(sock,),
						 daemon=True).start()

	# A connection.

	def _serve(self, sock):
		sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
		with contextlib.suppress(OSError, HangUp,
					 http.client.HTTPException):
			with self._context.wrap_socket(
					sock, server_side=True) as client, \
					Upstream(self.behind,
						 self._upstream) as ca:
				self._relay(client, ca)
		sock.close()

	def _relay(self, client, ca):
		with self._lock:
			self._open.add(client)
		try:
			data = b""
			while True:
				request, data = take_request(client, data)
				self._exchange(client, ca, request)
		finally:
			with self._lock:
				self._open.discard(client)

	def _exchange(self, client, ca, request):
		method, path, _ = request.split(b" ", 2)
		facts = {"method": method.decode(), "path": path.decode()}
		with self._lock:
			do = self._rules.take(facts)
		time.sleep(do.get("delay", 0))
		self._break_off("before", client, facts, do)
		answer = ca.ask(facts["method"], request)
		if "duplicate" in do:
			again = ca.ask(facts["method"], request)
			answer = again if do["duplicate"] == "second" \
				else answer
		self._break_off("after", client, facts, do)
		time.sleep(do.get("delay_after", 0))
		replace(answer, do)
		self._note(facts, answer.status)
		send(client, facts["method"], answer, do.get("truncate"))

	def _break_off(self, when, client, facts, do):
		for how in "drop", "reset", "blackhole":
			if do.get(how) != when:
				continue
			self._note(facts, f"{how} {when}")
			if how == "reset":
				reset(client)
			if how == "blackhole":
				wait_for_end(client)
			raise HangUp

	def _note(self, facts, what):
		with self._lock:
			self.seen.append((facts["method"], facts["path"],
					  what))


class Upstream:
	"""Our connection to the CA, made anew when it has ended."""

	def __init__(self, port, context):
		self.port = port
		self.context = context
		self.sock = None

	def __enter__(self):
		return self

	def __exit__(self, *_):
		self._close()

	def _close(self):
		if self.sock:
			self.sock.close()
		self.sock = None

	def ask(self, method, request):
		if self.sock and self._has_ended():
			self._close()
		if not self.sock:
			raw = socket.create_connection(("127.0.0.1", self.port))
			raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
			self.sock = self.context.wrap_socket(
				raw, server_hostname="127.0.0.1")
		self.sock.sendall(request)
		reply = http.client.HTTPResponse(self.sock, method=method)
		reply.begin()
		body = reply.read()
		headers = [(n, v) for n, v in reply.getheaders()
			   if n.lower() not in HOP_BY_HOP]
		if reply.will_close:
			self._close()
		return Answer(reply.status, headers, body)

	def _has_ended(self):
		"""Between two exchanges the CA has nothing to say but goodbye
		(and its TLS tickets, which are read with the next answer)."""
		self.sock.setblocking(False)
		try:
			return self.sock.recv(1) == b""
		except ssl.SSLWantReadError:
			return False
		except OSError:
			return True
		finally:
			self.sock.setblocking(True)


def take_request(client, data):
	"""(one whole request, as it came; what came after it)"""
	while b"\r\n\r\n" not in data:
		data += receive(client)
	end = data.index(b"\r\n\r\n") + 4
	lines = data[:end].decode("latin-1").lower().split("\r\n")
	length = sum(int(line[15:]) for line in lines
		     if line.startswith("content-length:"))
	while len(data) < end + length:
		data += receive(client)
	return data[:end + length], data[end + length:]


def receive(client):
	more = client.recv(65536)
	if not more:
		raise HangUp
	return more


def replace(answer, do):
	answer.status = do.get("status", answer.status)
	if "body" in do:
		answer.body = do["body"].encode()
	for name, value in do.get("headers", {}).items():
		answer.headers = [(n, v) for n, v in answer.headers
				  if n.lower() != name.lower()]
		if value is not None:
			answer.headers.append((name, value))


def send(client, method, answer, most):
	"""With `most`, no more of the body than that, and the end."""
	body = b"" if method == "HEAD" else answer.body
	client.sendall(answer.head() + body[:most])
	if most is not None:
		raise HangUp


def reset(sock):
	"""What is sent from now on finds nobody: RST at the close."""
	with contextlib.suppress(OSError):
		sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
				struct.pack("ii", 1, 0))
		sock.shutdown(socket.SHUT_RD)


def wait_for_end(client):
	"""Until the client has given up."""
	with contextlib.suppress(OSError):
		while client.recv(65536):
			pass
