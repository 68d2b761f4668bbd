"""A disk that is full, breaks, forgets or is read-only; and a second daemon."""

import re
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness.daemon import BUILD, ORDER_DONE, Daemon
from harness.fetch import Fetcher
from harness.process import wait_for

NOISE = b"\x5a" * 512


@pytest.fixture
def live(rig, daemon, name):
	rig.dns.point(name)
	daemon.add(name)
	return daemon


def findings(daemon):
	"""Of the box: id and text."""
	status, view = daemon.api("GET", "/v1/status")
	assert status == 200
	return {one["id"]: one["text"] for one in view["findings"]}


def wait_finding(daemon, finding, seconds=30):
	return wait_for(finding, lambda: findings(daemon).get(finding), seconds)


def wait_well(daemon, seconds=30):
	wait_for("the box to be well", lambda: not findings(daemon), seconds)


def wait_backup(daemon):
	"""The first one, which is made soon after the start."""
	folder = daemon.state / "backup"
	return wait_for("a backup",
			lambda: next(folder.glob("state-*.db"), None), 60, 0.1)


def restore(daemon, backup):
	done = subprocess.run([BUILD / "mtastsd", "--config",
			       daemon.config_file, "--restore", str(backup)],
			      capture_output=True, text=True, timeout=60)
	return done.returncode, done.stdout + done.stderr


def remove(daemon, pattern):
	for path in daemon.state.glob(pattern):
		path.unlink()


def scribble(path, start=0):
	with open(path, "r+b") as file:
		for at in range(start, path.stat().st_size, 4096):
			file.seek(at)
			file.write(NOISE)


def still_serves(rig, daemon, name):
	return int(rig.client(daemon).fetch(f"mta-sts.{name}").serial, 16)


# state.db is lost.

LOSSES = {
	"deleted": lambda daemon: remove(daemon, "state.db*"),
	"first page": lambda daemon: scribble(daemon.state / "state.db"),
	"other pages": lambda daemon: scribble(daemon.state / "state.db", 4096),
	"emptied": lambda daemon: (daemon.state / "state.db").write_bytes(b""),
}


@pytest.mark.parametrize("loss", [
	pytest.param(loss, marks=pytest.mark.quick if loss == "deleted" else [])
	for loss in LOSSES])
@pytest.mark.fault(38, "state.db is lost while the daemon is down; then a "
		   "backup, older than the certificate, is restored",
		   "serves on, and orders nothing; the restored box goes on "
		   "by itself with what serve.db has; nothing is ordered again")
def test_state_db_lost(rig, live, name, saw, loss):
	backup = wait_backup(live)
	serial = renew(live, name)
	issued = rig.pebble.issued()
	live.stop()
	LOSSES[loss](live)

	live.start()
	assert still_serves(rig, live, name) == serial
	said = wait_finding(live, "box.serves-only")
	status = live.ctl("status")
	assert status.status == 2 and "--restore" in status.out
	refused = live.ctl("domain", "list")
	assert refused.status == 3 or "state.db" in refused.err
	assert live.api("GET", "/v1/domains")[0] == 503

	with Fetcher(rig.client(live), [f"mta-sts.{name}"], pause=0.05) as f:
		code, text = restore(live, backup)
		assert code == 0, text
		wait_well(live)
		live.wait_state("live", name)
	assert not f.failures
	assert live.serial(name) == serial
	assert rig.pebble.issued() == issued
	kept = list(live.state.glob("state.db.broken-*"))
	assert bool(kept) == (loss != "deleted")
	saw(f'"{said}"; after the restore {f.ok} fetches, 0 failed, serial as '
	    "before, 0 orders")


def renew(daemon, name):
	daemon.ok("cert", "renew", name, "--wait")
	return daemon.serial(name)
