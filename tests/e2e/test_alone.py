"""mtasts-check, copied alone to where there is nothing but its libraries."""

import json
import re
import shutil
import subprocess
import sys

import pytest

from harness.daemon import BUILD, HERE

ISLAND = ["unshare", "--map-root-user", "--net", "--pid", "--fork",
	  "--kill-child"]


def libraries():
	out = subprocess.run(["ldd", BUILD / "mtasts-check"], check=True,
			     capture_output=True, text=True).stdout
	return re.findall(r"(/\S+) \(0x", out)


@pytest.fixture
def folder(tmp_path):
	if subprocess.run([*ISLAND, "true"], capture_output=True).returncode:
		pytest.skip("there are no namespaces to be had here")
	if any("libasan" in one for one in libraries()):
		pytest.skip("the sanitizers want a /proc")
	for path in BUILD / "mtasts-check", *libraries():
		copy = tmp_path / "root" / str(path).lstrip("/")
		if path == BUILD / "mtasts-check":
			copy = tmp_path / "root" / "mtasts-check"
		copy.parent.mkdir(parents=True, exist_ok=True)
		shutil.copy(path, copy)
	return tmp_path


def run(folder, *words):
	return subprocess.run(
		[*ISLAND, sys.executable, HERE / "tests/harness/island.py",
		 folder, "/mtasts-check", *words], capture_output=True,
		text=True, timeout=60)


def test_it_needs_no_more_than_its_libraries(folder):
	done = run(folder, "--json", "island.test")
	assert not done.stderr
	found = {one["id"]: one["severity"]
		 for one in json.loads(done.stdout)["findings"]}
	assert done.returncode == 0, found
	assert {"txt.ok", "host.ok", "cert.ok", "caa.ok", "policy.ok",
		"mx.covered", "smtp.ok", "rpt.ok"} <= set(found)


def test_and_finds_what_is_wrong_there(folder):
	done = run(folder, "--json", "nobody.test")
	found = {one["id"] for one in json.loads(done.stdout)["findings"]}
	assert done.returncode == 2
	assert {"txt.missing", "host.missing", "mx.missing"} <= found
