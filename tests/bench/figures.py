"""What the long runs of tests/bench/ tell, and how they measure it."""

import re
import threading
import time
from pathlib import Path


class Clock:
	def __init__(self):
		self.figures = []

	def tell(self, what, value):
		self.figures.append((what, value))
		print(f"{what:44} {value}", flush=True)

	def timed(self, what, do):
		began = time.monotonic()
		result = do()
		self.tell(what, f"{time.monotonic() - began:.1f} s")
		return result


class Lag:
	"""How long control kept who asked waiting, at most: a call every 20 ms."""

	def __init__(self, daemon):
		self.daemon, self.waits = daemon, []
		self._is_over = threading.Event()
		self._thread = threading.Thread(target=self._run, daemon=True)
		self._thread.start()

	def _run(self):
		while not self._is_over.wait(0.02):
			began = time.monotonic()
			self.daemon.api("GET", "/v1/check")
			self.waits.append(time.monotonic() - began)

	def stop(self):
		self._is_over.set()
		self._thread.join()
		waits = sorted(self.waits) or [0]
		return (f"p50 {waits[len(waits) // 2] * 1000:.0f} ms, "
			f"p99 {waits[len(waits) * 99 // 100] * 1000:.0f} ms, "
			f"max {waits[-1] * 1000:.0f} ms")


def memory(daemon):
	text = Path(f"/proc/{daemon.process.pid}/status").read_text()
	return int(re.search(r"VmHWM:\s+(\d+)", text)[1]) // 1024
