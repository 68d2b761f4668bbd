"""What the long runs of tests/bench/ tell, and how they measure it."""

import http.client
import itertools
import re
import threading
import time
from pathlib import Path


def line(what, value):
	print(f"{what:44} {value}", flush=True)


class Clock:
	def __init__(self, show=line):
		self.show = show

	def tell(self, what, value):
		self.show(what, value)

	def timed(self, what, do):
		began = time.monotonic()
		result = do()
		self.tell(what, f"{time.monotonic() - began:.1f} s")
		return result


class Lag:
	"""How long control kept who asked waiting: a call every 20 ms.

	Of each path in turn; what is not answered with 200 is an error.
	"""

	def __init__(self, daemon, *paths):
		self.daemon = daemon
		self.waits = {path: [] for path in paths or ["/v1/check"]}
		self.refused = []
		self._is_over = threading.Event()
		self._thread = threading.Thread(target=self._run, daemon=True)
		self._thread.start()

	def _run(self):
		paths = itertools.cycle(self.waits)
		while not self._is_over.wait(0.02):
			self._ask(next(paths))

	def _ask(self, path):
		began = time.monotonic()
		try:
			status, _ = self.daemon.api("GET", path)
		except (OSError, http.client.HTTPException) as error:
			status = error
		self.waits[path].append(time.monotonic() - began)
		if status != 200:
			self.refused.append(f"{path}: {status!r}")

	def stop(self):
		self._is_over.set()
		self._thread.join()
		if self.refused:
			raise RuntimeError("the admin API: "
					   + ", ".join(self.refused[:3]))
		waits = sorted(sum(self.waits.values(), [])) or [0]
		return (f"p50 {waits[len(waits) // 2] * 1000:.0f} ms, "
			f"p99 {waits[len(waits) * 99 // 100] * 1000:.0f} ms, "
			f"max {waits[-1] * 1000:.0f} ms")

	def worst_ms(self):
		"""{path: ms}, of those that were asked."""
		return {path: max(waits) * 1000
			for path, waits in self.waits.items() if waits}


def memory(daemon):
	text = Path(f"/proc/{daemon.process.pid}/status").read_text()
	return int(re.search(r"VmHWM:\s+(\d+)", text)[1]) // 1024
