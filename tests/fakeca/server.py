"""HTTP/1.1 on asyncio, without a coroutine per request, so that it is quick.

Connections are kept alive. An answer may be delayed, broken or never given:
that is what this server is for, so its Reply says so itself. A listener may
also refuse, reset or swallow connections as a whole.
"""

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass, field
from http import HTTPStatus

MOST_HEAD = 64 * 1024
MOST_BODY = 1024 * 1024


@dataclass
class Request:
	method: str
	path: str
	headers: dict		# names in lower case
	body: bytes
	peer: str		# the client's address


@dataclass
class Reply:
	status: int = 200
	body: bytes = b""
	headers: dict = field(default_factory=dict)
	delay: float = 0	# seconds until it goes out
	fate: str = "send"	# send, truncate, drop, reset or blackhole
	sent: int = 0		# fate "truncate": bytes of the body that go out

	def to_bytes(self, method):
		# A rule may set any status, also one that nobody knows.
		words = HTTPStatus(self.status).phrase \
			if self.status in HTTPStatus._value2member_map_ else "?"
		lines = [f"HTTP/1.1 {self.status} {words}"]
		lines += [f"{name}: {value}" for name, each in
			  self.headers.items() for value in as_list(each)]
		if self.status != 204:
			lines.append(f"Content-Length: {len(self.body)}")
		head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
		return head, b"" if method == "HEAD" else self.body


def as_list(value):
	return value if isinstance(value, list) else [value]


class BadRequest(Exception):
	"""Not HTTP/1.1, or more than anybody needs."""


class Connection(asyncio.Protocol):
	"""One client. Requests are answered in order, one at a time."""

	def __init__(self, listener):
		self.listener = listener
		self.buffer = bytearray()
		self.is_busy = False
		self.transport = None
		self.peer = ""

	def connection_made(self, transport):
		self.transport = transport
		self.peer = transport.get_extra_info("peername")[0]
		self.listener.connections.add(self)

	def connection_lost(self, _error):
		self.listener.connections.discard(self)
		self.transport = None

	def data_received(self, data):
		self.buffer += data
		self._serve()

	def _serve(self):
		while not self.is_busy and self.transport:
			try:
				request = self._take_request()
			except (BadRequest, ValueError) as error:
				self._refuse(error)
				return
			if request is None:
				return
			self.is_busy = True
			self._answer(request)

	def _answer(self, request):
		reply = self.listener.answer(request)
		if self.listener.net != "up":
			reply.fate = "blackhole"
		if reply.delay > 0:
			asyncio.get_running_loop().call_later(
				reply.delay, self._send_late, request, reply)
		else:
			self._send(request, reply)

	def _send_late(self, request, reply):
		if self.transport:
			self._send(request, reply)
			self._serve()

	def _send(self, request, reply):
		if reply.fate == "blackhole":
			return			# busy for ever
		if reply.fate == "reset":
			self.reset()
			return
		if reply.fate == "drop":
			self.transport.close()
			return
		head, body = reply.to_bytes(request.method)
		if reply.fate == "truncate":
			self.transport.write(head + body[:reply.sent])
			self.transport.close()
			return
		self.transport.write(head + body)
		self.is_busy = False
		if request.headers.get("connection", "").lower() == "close":
			self.transport.close()

	def _refuse(self, error):
		self.listener.complain(f"not a request: {error}")
		head, body = Reply(400, str(error).encode()).to_bytes("GET")
		self.transport.write(head + body)
		self.transport.close()

	def _take_request(self):
		"""The next whole request, or None while it is incomplete."""
		end = self.buffer.find(b"\r\n\r\n")
		if end < 0:
			if len(self.buffer) > MOST_HEAD:
				raise BadRequest("head too large")
			return None
		lines = self.buffer[:end].decode("latin-1").split("\r\n")
		headers = read_headers(lines[1:])
		if "transfer-encoding" in headers:
			raise BadRequest("chunked requests are not for ACME")
		length = int(headers.get("content-length", "0"))
		if not 0 <= length <= MOST_BODY:
			raise BadRequest("body too large")
		if len(self.buffer) < end + 4 + length:
			return None
		body = bytes(self.buffer[end + 4:end + 4 + length])
		del self.buffer[:end + 4 + length]
		method, path, version = lines[0].split(" ")
		if version != "HTTP/1.1":
			raise BadRequest("not HTTP/1.1")
		return Request(method, path, headers, body, self.peer)

	def reset(self):
		"""Ends it with a RST, as a host that has lost its mind does."""
		if self.transport:
			no_linger(self.transport.get_extra_info("socket"))
			self.transport.abort()


def read_headers(lines):
	headers = {}
	for line in lines:
		name, colon, value = line.partition(":")
		if not colon:
			raise BadRequest(f"header without a colon: {line!r}")
		headers[name.lower()] = value.strip()
	return headers


def no_linger(sock):
	sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
			struct.pack("ii", 1, 0))


class Listener:
	"""A port. `net` says what becomes of connections to it:

	up		they are served
	refused		nobody listens, and open ones are reset
	reset		accepted and reset
	blackhole	accepted, and never a byte comes back, not even TLS
	"""

	def __init__(self, port, answer, complain=print, ssl=None):
		self.port = port
		self.answer = answer
		self.complain = complain
		self.ssl = ssl		# returns the context of the moment
		self.net = "up"
		self.connections = set()
		self.accepted = 0
		self._swallowed = []	# sockets of the black hole, kept open
		self._socket = None
		self._task = None

	def open(self):
		self._socket = socket.create_server(
			("127.0.0.1", self.port), backlog=1024)
		self._socket.setblocking(False)
		self._task = asyncio.create_task(self._accept(self._socket))

	def close(self):
		if self._task:
			self._task.cancel()
			self._socket.close()
		self._task = self._socket = None

	def set_net(self, net):
		if net == self.net:
			return
		self.net = net
		self._swallowed.clear()
		if net in ("refused", "reset"):
			for connection in list(self.connections):
				connection.reset()
		if net == "refused":
			self.close()
		elif self._socket is None:
			self.open()

	async def _accept(self, listener):
		loop = asyncio.get_running_loop()
		while True:
			sock, _ = await loop.sock_accept(listener)
			self.accepted += 1
			if self.net == "reset":
				no_linger(sock)
				sock.close()
			elif self.net == "blackhole":
				self._swallowed.append(sock)
			else:
				loop.create_task(self._serve(sock))

	async def _serve(self, sock):
		sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
		tls = self.ssl() if self.ssl else None
		# A handshake that fails is the client's verdict on our TLS.
		with contextlib.suppress(OSError):
			await asyncio.get_running_loop().connect_accepted_socket(
				lambda: Connection(self), sock, ssl=tls)
