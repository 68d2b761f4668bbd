"""Time that goes faster, for daemon and fakeca alike: libfaketime."""

import glob
import time

NO_CHECK_TIME = 0x200000	# X509_V_FLAG_NO_CHECK_TIME


class Rush:
	"""From now on all time goes `rate` times as fast."""

	def __init__(self, rate):
		self.rate = rate
		self.began = time.time()

	def env(self):
		"""For a process that starts now, at the common time."""
		ahead = (time.time() - self.began) * (self.rate - 1)
		return preload() | {"FAKETIME": f"+{ahead:.3f}s x{self.rate}"}

	def now(self):
		return self.began + (time.time() - self.began) * self.rate

	def sleep(self, seconds):
		time.sleep(seconds / self.rate)


def preload():
	return {"LD_PRELOAD": glob.glob(
			"/usr/lib/*/faketime/libfaketimeMT.so.1")[0],
		# Ours comes before that of a sanitizer, which is fine.
		"ASAN_OPTIONS": "detect_leaks=1:halt_on_error=1:exitcode=99"
				":verify_asan_link_order=0"}


def step(file, seconds):
	"""The wall clock alone, to so many seconds before the real one: the
	environment of a process whose clock `file` is."""
	file.write_text(f"+{seconds}\n")
	return preload() | {"FAKETIME_TIMESTAMP_FILE": str(file),
			    "FAKETIME_NO_CACHE": "1",
			    "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
