"""What a fetch asks of the kernel: counted, for time depends on the machine."""

import re
import signal
import subprocess
from pathlib import Path

import pytest

from harness.daemon import BUILD
from harness.process import wait_for

FETCHES = 100
# 16 are seen, three of them for OpenSSL; twice that is what is to be found.
MOST = 24


@pytest.mark.skipif("asan" in BUILD.name, reason="it counts the sanitizer's")
def test_a_fetch_takes_few_system_calls(rig, tmp_path):
	daemon = rig.daemon(workers=1).start()
	rig.dns.point("cost.test")
	daemon.add("cost.test")
	client = rig.client(daemon)
	host = "mta-sts.cost.test"
	client.fetch(host)	# what is read once has been
	counts = count(serving_thread(daemon), tmp_path / "counts",
		       lambda: [client.fetch(host) for _ in range(FETCHES)])
	each = {call: n / FETCHES for call, n in counts.items()}
	print(each)
	assert each["accept4"] >= 1	# it is the right thread
	assert sum(each.values()) < MOST
	assert each["sendto"] < 4
	# Nothing has changed, so nothing is looked up.
	assert each.get("pread64", 0) < 0.5
	assert each.get("fcntl", 0) < 0.5


def serving_thread(daemon):
	for task in Path(f"/proc/{daemon.process.pid}/task").iterdir():
		if (task / "comm").read_text() == "serve-0\n":
			return task.name
	raise AssertionError("no thread serves")


def count(thread, path, act):
	"""The system calls that a thread makes meanwhile, by name."""
	strace = subprocess.Popen(["strace", "-qq", "-c", "-o", path,
				   "-p", thread])
	try:
		wait_for("strace to be there", lambda: is_traced(thread))
		act()
	finally:
		strace.send_signal(signal.SIGINT)
		strace.wait(10)
	row = re.compile(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?"
			 r"(\w+)$")
	found = (row.match(line) for line in path.read_text().splitlines())
	return {m[2]: int(m[1]) for m in found if m and m[2] != "total"}


def is_traced(thread):
	status = Path(f"/proc/{thread}/status").read_text()
	return "TracerPid:\t0\n" not in status
