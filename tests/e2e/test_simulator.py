"""The simulator's own manners: what it finds is for `make sim` to say."""

import os
import re
import runpy
import signal
import subprocess
from pathlib import Path

import pytest

from harness.daemon import BUILD
from harness.process import wait_for

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


def test_a_seed_does_the_same_again():
	once, again = (re.findall(r"^seed 7: .*$", simulate(
		"--orders", 150, 7).stdout, re.M) for _ in range(2))
	assert len(once) == 1 and "fingerprint" in once[0]
	assert once == again


@pytest.mark.parametrize("seed", (70006, 90001))
def test_what_a_ca_counts_late_is_not_ordered_twice(seed):
	"""Fifty new names of one domain, in orders that wait for hours."""
	done = simulate("--orders", 800, "--jobs", 1, seed)
	assert done.returncode == 0, done.stdout


def test_a_box_with_more_new_names_than_a_limit_lets_through():
	"""It gets them all, if its life ends before or not."""
	done = simulate("--orders", 370, "--jobs", 1, 80010)
	assert done.returncode == 0, done.stdout


def children(pid):
	path = Path(f"/proc/{pid}/task/{pid}/children")
	return [int(child) for child in path.read_text().split()]


def test_a_seed_whose_process_dies_is_named():
	"""And how it is run again, of the same length."""
	process = subprocess.Popen(
		[BUILD / "simulate", "--orders", "1000000", "--jobs", "2",
		 "3", "6"], stdout=subprocess.PIPE, text=True)
	both = wait_for("both to run", lambda: len(
		children(process.pid)) == 2 and children(process.pid))
	for pid in both:
		os.kill(pid, signal.SIGKILL)
	said = process.communicate(timeout=60)[0]
	assert process.returncode == 1
	for seed in 3, 4:
		assert f"FAILED seed {seed}: its process died\n" \
		       f"  replay: make sim SEED='--orders 1000000 {seed}'\n" \
		       in said
	assert said.endswith("0 passed, 4 failed\n")


def test_each_deliberate_defect_can_be_made():
	"""What it takes the place of stands in the tree, once."""
	table = runpy.run_path(str(HERE / "tests/sim/mutants"))["MUTANTS"]
	assert len(table) > 15
	for name, edits in table.items():
		for file, before, after in edits:
			text = (HERE / file).read_text()
			assert text.count(before) == 1, (name, file, before)
			assert after != before
