"""Clocks of a story's own, shared by its processes: libfaketime.

Both give an environment for Daemon.start(env=...) and FakeCa(env=...); Go
programs, such as pebble, do not hear of it.
"""

import glob
import time

NO_CHECK_TIME = 0x200000	# X509_V_FLAG_NO_CHECK_TIME, for who looks from outside
LIBRARIES = "/usr/lib/*/faketime/libfaketimeMT.so.1"


def preload():
	return {"LD_PRELOAD": glob.glob(LIBRARIES)[0],
		# Ours comes before that of a sanitizer, which is fine.
		"ASAN_OPTIONS": "detect_leaks=1:halt_on_error=1:exitcode=99"
				":verify_asan_link_order=0"}


class Leaps:
	"""All time, wall clock and elapsed, goes on by leaps.

	Who sleeps is not woken by a leap, so it takes a poke: Daemon.reload().
	"""

	extra = {}

	def __init__(self, folder):
		self.file = folder / "clock"
		self.ahead = 0		# seconds before the real time
		self.set(0)

	def env(self):
		return preload() | {"FAKETIME_TIMESTAMP_FILE": str(self.file),
				    "FAKETIME_NO_CACHE": "1"} | self.extra

	def now(self):
		return time.time() + self.ahead

	def set(self, ahead):
		self.ahead = ahead
		# In one go: a reader never finds it missing or empty.
		new = self.file.with_suffix(".new")
		new.write_text(f"{ahead:+d}\n")
		new.replace(self.file)

	def step(self, seconds):
		self.set(self.ahead + round(seconds))


class Steps(Leaps):
	"""The wall clock alone; what counts elapsed time goes on as ever."""

	extra = {"FAKETIME_DONT_FAKE_MONOTONIC": "1"}


class Rush:
	"""All time, wall clock and elapsed, goes `rate` times as fast."""

	def __init__(self, rate):
		self.rate = rate
		self.began = time.time()

	def env(self):
		"""For a process that starts now, at the common time."""
		ahead = (time.time() - self.began) * (self.rate - 1)
		return preload() | {"FAKETIME": f"+{ahead:.3f}s x{self.rate}"}

	def settings(self):
		"""For mtastsd.conf: its clients live in common time."""
		return {"connection_deadline": f"{min(30 * self.rate, 3600)}s"}

	def now(self):
		return self.began + (time.time() - self.began) * self.rate

	def sleep(self, seconds):
		time.sleep(seconds / self.rate)
