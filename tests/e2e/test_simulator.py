"""The simulator's own manners: what it finds is for `make sim` to say."""

import runpy
import subprocess
from pathlib import Path

from harness.daemon import BUILD

HERE = Path(__file__).resolve().parents[2]


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


def test_each_deliberate_defect_can_be_made():
	"""What it takes the place of stands in the tree, once."""
	table = runpy.run_path(str(HERE / "tests/sim/mutants"))["MUTANTS"]
	assert len(table) > 15
	for name, edits in table.items():
		for file, before, after in edits:
			text = (HERE / file).read_text()
			assert text.count(before) == 1, (name, file, before)
			assert after != before
