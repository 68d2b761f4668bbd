"""Processes and ports that never outlive, or get into the way of, a test."""

import os
import random
import socket
import subprocess
import time
from pathlib import Path

RUNNING = []		# every Process that was started and not ended
LOGS = []		# what each Process writes to, in order of start

_reserved = []


def free_port():
	"""A loopback port for TCP and UDP that is ours until we end.

	The ports lie below the range that the kernel gives to outgoing
	connections. An abstract unix socket of the same number tells other
	test processes that it is taken, also while nothing listens.
	"""
	while True:
		port = random.randrange(10000, 32000)
		mark = socket.socket(socket.AF_UNIX)
		try:
			mark.bind(f"\0mtastsd-test-port-{port}")
			for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
				with socket.socket(socket.AF_INET, kind) as s:
					s.bind(("127.0.0.1", port))
		except OSError:
			mark.close()
			continue
		_reserved.append(mark)
		return port


def wait_for(what, condition, seconds=10, pause=0.02):
	"""Waits until condition() is true, and returns what it returned."""
	end = time.monotonic() + seconds
	while True:
		result = condition()
		if result:
			return result
		if time.monotonic() > end:
			raise TimeoutError(f"{what}: not within {seconds} s")
		time.sleep(pause)


class Process:
	"""A program in the foreground of its own, with its output in a file.

	It is started from the main thread only: the kernel ends it when the
	thread that started it ends, even if that is killed.
	"""

	def __init__(self, name, args, log, env=None, keep=False, fds=()):
		self.name = name
		self.log = Path(log)
		leash = [] if keep else ["setpriv", "--pdeathsig", "KILL"]
		with open(self.log, "ab") as out:
			self.process = subprocess.Popen(
				leash + [str(a) for a in args],
				stdin=subprocess.DEVNULL, stdout=out,
				stderr=out, env=os.environ | (env or {}),
				start_new_session=True, pass_fds=fds)
		RUNNING.append(self)
		LOGS.append(self.log)

	@property
	def pid(self):
		return self.process.pid

	def is_alive(self):
		return self.process.poll() is None

	def text(self):
		return self.log.read_text(errors="replace")

	def wait_ready(self, condition, seconds=20):
		"""Waits for condition(); a process that ends is a failure."""
		def check():
			if not self.is_alive():
				raise RuntimeError(f"{self.name} ended at its start:"
						   f"\n{self.text()}")
			return condition()

		wait_for(f"{self.name} to be ready", check, seconds)

	def wait(self, seconds=20):
		"""Its exit status, negative for a signal."""
		status = self.process.wait(seconds)
		if self in RUNNING:
			RUNNING.remove(self)
		return status

	def stop(self, seconds=20):
		"""SIGTERM, and SIGKILL if that is not heard. Returns the status."""
		if self.is_alive():
			self.process.terminate()
		try:
			return self.wait(seconds)
		except subprocess.TimeoutExpired:
			self.kill()
			raise

	def kill(self):
		self.process.kill()
		self.wait()


def connects(port):
	with socket.socket() as s:
		return s.connect_ex(("127.0.0.1", port)) == 0
