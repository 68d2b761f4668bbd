"""What stories in fast time need beside harness/clock.py."""

from .clock import preload

NO_CHECK_TIME = 0x200000	# X509_V_FLAG_NO_CHECK_TIME


def step(file, seconds):
	"""The wall clock alone, to so many seconds before the real one: the
	environment of a process whose clock `file` is."""
	file.write_text(f"+{seconds}\n")
	return preload() | {"FAKETIME_TIMESTAMP_FILE": str(file),
			    "FAKETIME_NO_CACHE": "1",
			    "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
