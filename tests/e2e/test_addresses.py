"""The addresses of a box that has not named them: those that it has now."""

import shutil
import subprocess

import pytest

from harness.daemon import Daemon, answers
from harness.process import wait_for

# A network of its own, where nothing else changes the interfaces.
OWN_NET = ["unshare", "--net", "sh", "-c",
	   'ip link add own0 type bridge && ip link set lo up && '
	   'ip link set own0 up && ip address add 192.0.2.1/24 dev own0 && '
	   'exec "$@"', "sh"]


def can_unshare():
	return shutil.which("ip") and shutil.which("nsenter") and \
		subprocess.run([*OWN_NET, "true"], capture_output=True,
			       check=False).returncode == 0


@pytest.fixture
def box(tmp_path):
	if not can_unshare():
		pytest.skip("no network of its own can be had here")
	daemon = Daemon(tmp_path / "d")
	del daemon.settings["public_addresses"]
	daemon.launch(wrapper=OWN_NET)
	wait_for("the daemon", lambda: answers(daemon.socket))
	yield daemon
	daemon.stop()


def ip(daemon, *words):
	subprocess.run(["nsenter", "--net", "--target",
			str(daemon.process.process.pid), "ip", *words],
		       check=True)


def addresses(daemon):
	return {r["value"] for r in
		daemon.json("domain", "records", "a.test")["records"]
		if r["type"] in ("A", "AAAA")}


def test_one_that_comes_later_counts(box):
	box.add("a.test", wait=False)
	assert addresses(box) == {"192.0.2.1"}

	ip(box, "address", "add", "2001:db8::1/64", "dev", "own0", "nodad")
	wait_for("the new one", lambda: addresses(box) ==
		 {"192.0.2.1", "2001:db8::1"}, 10)

	ip(box, "address", "del", "192.0.2.1/24", "dev", "own0")
	wait_for("the old one's end", lambda: addresses(box) ==
		 {"2001:db8::1"}, 10)
