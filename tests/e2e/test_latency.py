"""A slow disk delays durable things, never the answers of the daemon."""

import tempfile
import time
from pathlib import Path

import pytest

from harness.daemon import BUILD
from harness.process import wait_for
from harness.shim import build_shim

DOMAINS = 30
# Sanitizers make everything several times slower; what is promised is not.
LIMIT = 0.3 if "asan" in BUILD.name else 0.1


@pytest.fixture
def memory():
	"""A folder whose fsync() takes no time but what we add."""
	with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
		yield Path(folder)


@pytest.mark.alone
def test_twenty_ms_fsync_delays_no_admin_call(memory, rig, tmp_path):
	daemon = rig.daemon()
	on_a_disk_of(daemon, memory, tmp_path, 20)
	names = [f"slow{i}.test" for i in range(DOMAINS)]
	rig.dns.point(*names)
	changes, delays = [], []

	for name in names:
		changes.append(timed(daemon, "POST", "/v1/domains",
				    {"name": name, "mx": [f"mx.{name}"]}))

	def poll():
		delays.append(timed(daemon, "GET", "/v1/status"))
		delays.append(timed(daemon, "GET", f"/v1/domains/{names[0]}"))
		return daemon.rows("SELECT count(*) FROM domain"
				   " WHERE state = 2") == [(DOMAINS,)]

	wait_for("all of them to be live", poll, 60)

	assert min(changes) >= 0.02	# the shim is there: each is a sync
	assert max(changes + delays) <= LIMIT


def on_a_disk_of(daemon, memory, tmp_path, ms, **env):
	daemon.state = daemon.settings["state_dir"] = memory / "state"
	daemon.start(env={"LD_PRELOAD": str(build_shim("slowsync", tmp_path)),
			  "SLOWSYNC_MS": str(ms),
			  "ASAN_OPTIONS": "verify_asan_link_order=0"} | env)


def state_of(daemon, name):
	return daemon.api("GET", f"/v1/domains/{name}")[1]["state"]


@pytest.mark.alone
def test_what_the_api_tells_is_served_already(memory, rig, tmp_path):
	"""The rows say it 400 ms before the disk has it, and who asks waits."""
	daemon = rig.daemon()
	on_a_disk_of(daemon, memory, tmp_path, 400)
	rig.dns.point("told.test")
	daemon.api("POST", "/v1/domains",
		   {"name": "told.test", "mx": ["mx.told.test"]})
	wait_for("it to be live",
		 lambda: state_of(daemon, "told.test") == "live", 60)
	assert rig.client(daemon).fetch("mta-sts.told.test").status == 200


@pytest.mark.alone
def test_a_disk_that_does_not_answer_holds_up_no_question(memory, rig,
							  tmp_path):
	daemon, hang = rig.daemon(), tmp_path / "hang"
	on_a_disk_of(daemon, memory, tmp_path, 20, SLOWSYNC_HANG=str(hang))
	rig.dns.point("waits.test")
	daemon.api("POST", "/v1/domains",
		   {"name": "waits.test", "mx": ["mx.waits.test"]})
	hang.touch()
	asked = [timed(daemon, "GET", "/v1/status") for _ in range(5)]
	hang.unlink()
	assert max(asked) > 0.9	# one waited, as long as anyone does
	assert max(asked) < 1 + LIMIT
	daemon.wait_state("live", "waits.test")


def timed(daemon, method, path, body=None):
	start = time.monotonic()
	status, answer = daemon.api(method, path, body)
	assert status in (200, 201), answer
	return time.monotonic() - start
