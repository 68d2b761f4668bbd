"""mtastsd --restore: what it says to somebody in a hurry."""

import shutil
import subprocess

import pytest

from harness.daemon import BUILD

USAGE, DAMAGED = 64, 65


def restore(daemon, *words):
	return subprocess.run([BUILD / "mtastsd", "--config",
			       daemon.config_file, "--restore", *words],
			      capture_output=True, text=True, timeout=60)


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
