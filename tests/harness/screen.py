"""A terminal, so wide, and what a program shows on it."""

import contextlib
import fcntl
import os
import struct
import subprocess
import termios


def shown(words, columns=80, seconds=60):
	"""Its lines, as they were written: the terminal would wrap them."""
	ours, its = os.openpty()
	fcntl.ioctl(its, termios.TIOCSWINSZ,
		    struct.pack("4H", 24, columns, 0, 0))
	child = subprocess.Popen(list(map(str, words)), stdout=its,
				 stderr=subprocess.STDOUT,
				 stdin=subprocess.DEVNULL)
	os.close(its)
	text = b""
	with contextlib.suppress(OSError):	# so Linux says that it ended
		while data := os.read(ours, 65536):
			text += data
	os.close(ours)
	child.wait(timeout=seconds)
	return text.decode().replace("\r\n", "\n").splitlines()
