"""mtastsd --restore: what it says to somebody in a hurry."""

import errno
import os
import shutil
import sqlite3
import subprocess

import pytest

from harness.daemon import BUILD
from harness.shim import FaultyDisk

USAGE, DAMAGED = 64, 65


def restore(daemon, *words, env=None):
	return subprocess.run([BUILD / "mtastsd", "--config",
			       daemon.config_file, "--restore", *words],
			      capture_output=True, text=True, timeout=60,
			      env=os.environ | (env or {}))


@pytest.fixture
def stopped(rig):
	daemon = rig.daemon().start()
	daemon.stop()
	return daemon


def test_without_a_file_it_names_the_newest(stopped):
	done = restore(stopped)
	assert done.returncode == USAGE
	assert "there is no backup in" in done.stderr

	folder = stopped.state / "backup"
	folder.mkdir()
	for hour in "state-20261230T23.db", "state-20261231T02.db":
		(folder / hour).touch()
	done = restore(stopped)
	assert done.returncode == USAGE
	assert str(folder / "state-20261231T02.db") in done.stderr
	assert "T23" not in done.stderr


def test_a_file_that_is_none(stopped):
	done = restore(stopped, "/nonexistent")
	assert done.returncode == 1
	assert "nothing was restored: /nonexistent" in done.stderr
	assert "hint: " in done.stderr
	stopped.start()


def test_while_it_runs(rig, daemon):
	done = restore(daemon, "/nonexistent")
	assert done.returncode == 1
	assert str(daemon.process.pid) in done.stderr
	assert "stop mtastsd first" in done.stderr


def test_no_state_folder(rig):
	daemon = rig.daemon()
	daemon.write_config()
	done = restore(daemon, "/nonexistent")
	assert done.returncode == 1
	assert "state_dir" in done.stderr
	assert not daemon.state.exists()


def test_it_says_what_it_cannot_know(rig, daemon, name, tmp_path):
	rig.dns.point(name)
	daemon.add(name)
	daemon.ok("domain", "add", "gone.test", "--mx", "mx.gone.test")
	daemon.stop()
	copy = tmp_path / "copy.db"
	shutil.copy(daemon.state / "state.db", copy)
	daemon.start()
	daemon.ok("domain", "remove", "gone.test")
	daemon.ok("domain", "remove", name)
	before = daemon.json("domain", "show", name)
	assert before["state"] == "removing"
	daemon.stop()
	done = restore(daemon, copy)
	assert done.returncode == 0 and "mtastsctl log says" in done.stdout
	assert "removed since" in done.stdout
	daemon.start()

	# What serve.db knew goes on, under its id.
	after = daemon.json("domain", "show", name)
	assert after["state"] == "removing"
	assert after["policy"]["id"] == before["policy"]["id"]
	told = [e["text"] for e in daemon.json("log", "gone.test")["events"]
		if e["kind"] == "box.restored"]
	assert told and "remove it again" in told[0]

	daemon.stop()
	for path in daemon.state.glob("serve.db*"):
		path.unlink()
	done = restore(daemon, copy)
	assert done.returncode == 0 and "There is no serve.db" in done.stdout
	assert "removed since the backup are back" in done.stdout
	daemon.start()
	assert daemon.json("domain", "show", name)["state"] == "live"


def test_damaged_with_nothing_to_serve(stopped):
	for path in stopped.state.glob("serve.db*"):
		path.unlink()
	(stopped.state / "state.db").write_bytes(b"\x5a" * 8192)
	stopped.launch()
	assert stopped.process.wait() == DAMAGED
	said = stopped.log.read_text()
	assert "state.db is damaged" in said and "--restore" in said


def test_each_write_fails_once(stopped, tmp_path):
	"""All of it, or nothing; and it says which."""
	copy = tmp_path / "copy.db"
	shutil.copy(stopped.state / "state.db", copy)
	disk = FaultyDisk(stopped.state.parent, tmp_path)
	outcomes = set()
	for skip in range(1000):
		names, inode = contents(stopped)
		disk.fail(errno.EIO, skip=skip, count=1)
		done = restore(stopped, copy, env=disk.env)
		if not disk.failed:
			break
		outcomes.add(outcome(stopped, done, names, inode))
	assert done.returncode == 0
	assert outcomes >= {"nothing", "in place, perhaps not durable"}
	stopped.start()


def contents(daemon):
	return (sorted(os.listdir(daemon.state)),
		(daemon.state / "state.db").stat().st_ino)


def outcome(daemon, done, names, inode):
	if "nothing was restored" in done.stderr:
		assert done.returncode == 1
		assert contents(daemon) == (names, inode)
		return "nothing"
	assert "is restored" in done.stdout and is_marked(daemon)
	assert contents(daemon)[1] != inode
	if "did not confirm" in done.stderr:
		assert done.returncode == 1
		return "in place, perhaps not durable"
	assert done.returncode == 0	# say, the lock's process id
	return "in place"


def is_marked(daemon):
	"""Whole without any log, and known as restored at the next start."""
	db = sqlite3.connect(f"file:{daemon.state}/state.db?immutable=1",
			     uri=True)
	whole = db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
	marks = db.execute("SELECT 1 FROM meta WHERE key = 'restored'")
	found = marks.fetchone() is not None
	db.close()
	return whole and found
