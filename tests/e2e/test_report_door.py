"""submit.sock: what it lets in at once, and that nobody is left unanswered."""

import json
import socket
import tempfile
import threading
import time
from pathlib import Path

import pytest

from harness import letters
from harness.process import wait_for
from harness.shim import build_shim

# daemon/admin.c, daemon/api.h
SUBMITTERS = 12
BODY_MAX = 1048576


@pytest.fixture
def box(daemon):
	daemon.add("shop.test", wait=False)
	return daemon


class Submitter:
	"""A connection of its own, byte by byte."""

	def __init__(self, daemon):
		self.socket = socket.socket(socket.AF_UNIX)
		self.socket.settimeout(30)
		self.socket.connect(str(daemon.run / "submit.sock"))

	def head(self, length):
		self.send(b"POST /v1/reports?via=file HTTP/1.1\r\nHost: x\r\n"
			  b"Content-Length: %d\r\n\r\n" % length)

	def post(self, body):
		self.head(len(body))
		self.send(body)
		return self

	def send(self, data):
		self.socket.sendall(data)

	def answer(self):
		"""(status, JSON); None: it was cut, without a word."""
		data = b""
		while b"\r\n\r\n" not in data or not data.endswith(b"\n"):
			try:
				more = self.socket.recv(65536)
			except ConnectionError:
				more = b""
			if not more:
				return None
			data += more
		head, body = data.split(b"\r\n\r\n", 1)
		return int(head.split()[1]), json.loads(body)


def report(number):
	return letters.report_of("shop.test", number)


# At once.

def is_cut(one):
	try:
		return one.post(report(1)).answer() is None
	except ConnectionError:
		return True


def test_twelve_are_let_in_at_once(box):
	first = [Submitter(box) for _ in range(SUBMITTERS)]
	for number, one in enumerate(first):
		assert one.post(report(number)).answer()[0] == 200
	more = [Submitter(box) for _ in range(3)]
	assert [is_cut(one) for one in more] == [True] * 3
	# Those that were there are not troubled, nor is another door.
	assert first[0].post(report(99)).answer()[0] == 200
	assert box.api("GET", "/v1/status")[0] == 200
	first.pop().socket.close()

	def has_room():
		one = Submitter(box)
		return not is_cut(one)

	assert wait_for("one to be let in", has_room)


def test_a_dozen_large_bodies_take_up_little_memory(box):
	"""What each of them may have us keep is bounded, sent as it may be."""
	before = resident(box)
	crowd = [Submitter(box) for _ in range(SUBMITTERS)]
	for one in crowd:
		one.head(100 * BODY_MAX)
	for one in crowd:
		push(one, 8 * BODY_MAX)
	assert resident(box) - before < 24 * 1024
	assert [status(one) for one in crowd] == [413] * SUBMITTERS
	wait_for("one to be taken", lambda: not is_cut(Submitter(box)))


def push(one, size):
	"""As much of it as is taken."""
	one.socket.settimeout(2)
	try:
		for _ in range(size // 65536):
			one.send(b" " * 65536)
	except OSError:
		pass
	one.socket.settimeout(30)


def status(one):
	answer = b""
	try:
		answer = one.socket.recv(65536)
	except OSError:
		pass
	return int(answer.split()[1]) if answer else 413


def resident(daemon):
	for line in Path(f"/proc/{daemon.process.pid}/status").read_text().split("\n"):
		if line.startswith("VmRSS:"):
			return int(line.split()[1])
	raise AssertionError("it is gone")


# At the end.

@pytest.fixture
def memory():
	with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
		yield Path(folder)


def test_whoever_waits_at_the_end_is_answered(rig, memory, tmp_path):
	"""The disk takes its time, and the daemon is stopped meanwhile."""
	daemon = rig.daemon()
	daemon.state = daemon.settings["state_dir"] = memory / "state"
	daemon.start()
	daemon.stop()	# a new database is synced many times
	daemon.start(env={"LD_PRELOAD": str(build_shim("slowsync", tmp_path)),
			  "SLOWSYNC_MS": "700",
			  "ASAN_OPTIONS": "verify_asan_link_order=0"})
	daemon.add("shop.test", wait=False)
	crowd = [Submitter(daemon) for _ in range(8)]
	for number, one in enumerate(crowd):
		one.post(report(number))
	time.sleep(0.3)
	began = time.monotonic()
	stopping = threading.Thread(target=daemon.stop)
	stopping.start()
	answers = [one.answer() for one in crowd]
	stopping.join()
	assert time.monotonic() - began < 10
	assert None not in answers, answers
	assert {status for status, _ in answers} <= {200, 503}, answers
	kept = daemon.rows("SELECT count(*) FROM report")[0][0]
	stored = [answer for status, answer in answers if status == 200]
	assert stored and len(stored) == kept
	assert {answer["outcome"] for answer in stored} == {"stored"}
