"""A CA, a DNS server and room for daemons, on ports that belong together."""

import itertools
import shutil
import tempfile
from pathlib import Path

from .daemon import Daemon
from .dns import Dns
from .fetch import Client
from .pebble import Pebble
from .process import RUNNING, free_port


class Rig:
	"""Pebble validates at `http_port`; one daemon at a time listens there.

	The folder's name is short: a unix socket's path is at most 107 bytes.
	"""

	def __init__(self, keep=False, **pebble):
		self.folder = Path(tempfile.mkdtemp(prefix="mtasts-"))
		self.keep = keep
		self.http_port = free_port()
		self.daemons = []
		self._numbers = itertools.count(1)
		self._processes_before = list(RUNNING)
		self.dns = Dns(self.folder / "dns", keep=keep)
		self.pebble = Pebble(self.folder / "ca", self.dns.port,
				     self.http_port, keep=keep, **pebble)

	def start(self):
		self.pebble.launch()
		self.dns.start()
		self.pebble.wait_ready()
		return self

	def mend(self):
		"""What hangs is no story's fault but that in which it did."""
		if self.pebble.process.is_alive() and self.pebble.hangs():
			self.pebble.process.kill()
			self.pebble.start()

	def daemon(self, http_port=None, https_port=None, **settings):
		"""A daemon on a fresh folder, configured but not started."""
		daemon = Daemon(self.folder / f"d{next(self._numbers)}",
				http_port=http_port or self.http_port,
				https_port=https_port,
				keep=self.keep)
		daemon.use(self.pebble, self.dns)
		# More at once may hang it for good: Pebble.hangs().
		daemon.settings |= {"orders_in_flight": 8} | settings
		self.daemons.append(daemon)
		return daemon

	def client(self, daemon):
		return Client(daemon.https_port, self.pebble.root())

	def end_daemons(self):
		"""Stops those that run. The first one that ends badly raises."""
		bad = None
		for daemon in self.daemons:
			try:
				if daemon.is_running():
					daemon.stop()
			except Exception as error:
				bad = bad or error
		self.daemons.clear()
		if bad:
			raise bad

	def close(self):
		"""Nothing of it is left, whatever happened before."""
		for process in list(RUNNING):
			if process not in self._processes_before:
				process.kill()
		shutil.rmtree(self.folder, ignore_errors=True)
