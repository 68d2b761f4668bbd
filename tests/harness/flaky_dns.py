"""A DNS server before another one, that fails at times: SERVFAIL, by dice."""

import contextlib
import random
import socket
import threading

from .process import free_port

SERVFAIL = 2


class FlakyDns:
	"""UDP and TCP are asked alike: only UDP is answered here.

	share	of the queries that fail; the rest is `dns`'s to answer
	asked, failed	how many
	mute	names that have this in them get no answer at all; None: none
	broken	bytes, such as a type: queries that have them all fail; or None
	"""

	def __init__(self, dns, share, seed=1):
		self.behind = "127.0.0.1", dns.port
		self.port = free_port()
		self.address = f"127.0.0.1:{self.port}"
		self.share = share
		self.mute = self.broken = None
		self.asked = self.failed = 0
		self._dice = random.Random(seed)
		self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		self._socket.bind(("127.0.0.1", self.port))
		threading.Thread(target=self._serve, daemon=True).start()

	def close(self):
		with contextlib.suppress(OSError):
			self._socket.shutdown(socket.SHUT_RDWR)
		self._socket.close()

	def _serve(self):
		with contextlib.suppress(OSError):
			while True:
				query, client = self._socket.recvfrom(4096)
				if query:
					self._answer(query, client)

	def _answer(self, query, client):
		self.asked += 1
		if self.mute and self.mute.encode() in query:
			return
		if self.broken and self.broken in query:
			self._socket.sendto(servfail(query), client)
			return
		if self._dice.random() < self.share:
			self.failed += 1
			self._socket.sendto(servfail(query), client)
			return
		with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
			s.settimeout(2)
			s.sendto(query, self.behind)
			with contextlib.suppress(TimeoutError):
				self._socket.sendto(s.recv(4096), client)


def servfail(query):
	"""The same, as an answer without records."""
	flags = bytes([query[2] | 0x80, 0x80 | SERVFAIL])
	return query[:2] + flags + query[4:6] + bytes(6) + \
		query[12:end_of_question(query)]


def end_of_question(query):
	at = 12
	while query[at]:
		at += query[at] + 1
	return at + 5
