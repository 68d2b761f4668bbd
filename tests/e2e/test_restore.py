"""mtastsd --restore: what it says to somebody in a hurry."""

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


def test_damaged_with_nothing_to_serve(stopped):
	for path in stopped.state.glob("serve.db*"):
		path.unlink()
	(stopped.state / "state.db").write_bytes(b"\x5a" * 8192)
	stopped.launch()
	assert stopped.process.wait() == DAMAGED
	said = stopped.log.read_text()
	assert "state.db is damaged" in said and "--restore" in said
