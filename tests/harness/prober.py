"""A prober: handshakes by SNI for all names, in turn, for as long as it runs.

It is what a sender is to us: whoever is shown a certificate that has expired,
is for another name or comes from nobody it knows has lost the policy. Nobody
answering at all is only excused while the daemon is known to be down.
"""

import contextlib
import socket
import ssl
import threading
import time
from collections import Counter

PATIENCE = 20		# seconds for one handshake, on a busy machine


class Prober:
	"""`rate` handshakes a second in all, by some threads.

	counts	"good", "bad" (a certificate that must not be), "absent" (nobody
		answered, and nobody had to) and "missing" (but somebody had to)
	faults	the first of the bad and the missing, in words
	nearest	seconds that were left of the certificate nearest to its expiry
	"""

	THREADS = 4

	def __init__(self, port, hosts, rate=20):
		self.port = port
		self.hosts = hosts
		self.pause = self.THREADS / rate
		self.counts = Counter()
		self.serials = set()
		self.faults = []
		self.nearest = float("inf")
		self._roots = []
		self._context = None
		self._down = []		# [from, to] while it need not answer
		self._is_settled = threading.Event()	# roots do not change
		self._is_settled.set()
		self._lock = threading.Lock()	# all of the above
		self._is_over = threading.Event()
		self._threads = [threading.Thread(target=self._run, args=(i,),
						  daemon=True)
				 for i in range(self.THREADS)]

	def __enter__(self):
		for thread in self._threads:
			thread.start()
		return self

	def __exit__(self, *_):
		self._is_over.set()
		for thread in self._threads:
			thread.join()

	def trust(self, root):
		"""One root more: a CA that was wiped has another."""
		with self._lock:
			self._roots.append(root)
			context = ssl.create_default_context()
			for one in self._roots:
				context.load_verify_locations(one)
			self._context = context	# whole: others look at it

	@contextlib.contextmanager
	def new_root(self):
		"""In here a CA starts anew, and is trusted before the end."""
		self._is_settled.clear()
		try:
			yield
		finally:
			self._is_settled.set()

	@contextlib.contextmanager
	def absence(self):
		"""The daemon need not answer in here."""
		span = [time.monotonic(), float("inf")]
		with self._lock:
			self._down.append(span)
		try:
			yield
		finally:
			with self._lock:
				span[1] = time.monotonic()

	def _run(self, first):
		while not self._is_over.is_set():
			for host in self.hosts[first::self.THREADS]:
				self._probe(host)
				if self._is_over.wait(self.pause):
					return

	def _probe(self, host):
		start, context = time.monotonic(), self._context
		try:
			leaf = self._shake(host, context)
		except ssl.SSLCertVerificationError as error:
			# The CA may just have got another root.
			self._is_settled.wait()
			if context is not self._context:
				return self._probe(host)
			return self._note("bad", host, error.verify_message)
		except OSError as error:
			kind = "absent" if self._was_down(start) else "missing"
			return self._note(kind, host, repr(error))
		left = ssl.cert_time_to_seconds(leaf["notAfter"]) - time.time()
		with self._lock:
			self.counts["good"] += 1
			self.serials.add(leaf["serialNumber"])
			self.nearest = min(self.nearest, left)

	def _shake(self, host, context):
		with socket.create_connection(("127.0.0.1", self.port),
					      PATIENCE) as raw:
			with context.wrap_socket(raw, server_hostname=host) as s:
				return s.getpeercert()

	def _was_down(self, start):
		"""At any moment since `start`."""
		with self._lock:
			return any(end >= start for _, end in self._down)

	def _note(self, kind, host, words):
		with self._lock:
			self.counts[kind] += 1
			if kind != "absent" and len(self.faults) < 20:
				self.faults.append(
					f"{time.strftime('%T')} {host}: {words}")
