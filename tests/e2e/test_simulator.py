"""The simulator's own manners: what it finds is for `make sim` to say."""

import subprocess

from harness.daemon import BUILD


def simulate(*words):
	return subprocess.run([BUILD / "simulate", *map(str, words)],
			      capture_output=True, text=True, timeout=120)


def test_a_whole_run_that_is_small_fails():
	done = simulate("--whole", "--orders", 20, 1)
	assert done.returncode == 1
	for what in ("orders", "crashes", "CA-outage hours"):
		assert f" {what}, and " in done.stdout
	assert done.stdout.endswith("1 passed, 3 failed\n")


def test_more_jobs_than_it_has_room_for():
	done = simulate("--orders", 1, "--jobs", 1000, 1)
	assert done.returncode == 0, done.stderr
	assert done.stdout.endswith("1 passed, 0 failed\n")
