"""tests/setup, with stand-ins for apt and dpkg, where it can harm nothing."""

import os
from pathlib import Path

import pytest

from harness import village

SETUP = Path(__file__).resolve().parents[1] / "setup"

# One file says of every package in which state it is.
STANDINS = {
	"dpkg-query": """
case $* in
*Status-Status*) cat {0}/state ;;
esac
""",
	"dpkg": """
case $1 in
--configure)
	ls /usr/sbin/policy-rc.d >>{0}/done
	echo "dpkg $*" >>{0}/done
	echo installed >{0}/state ;;
esac
""",
	"apt-get": """
echo "apt-get" >>{0}/done
if grep -q unpacked {0}/state; then
	echo "E: dpkg was interrupted" >&2
	exit 100
fi
""",
	"debconf-set-selections": "",
	"deb-systemd-helper": "",
}


@pytest.fixture
def clean(tmp_path):
	if not village.is_possible():
		pytest.skip("there are no namespaces to be had here")
	house = village.Village(tmp_path / "village")
	house.ok("mount", "-t", "tmpfs", "village", "/usr/sbin")
	(tmp_path / "bin").mkdir()
	for name, text in STANDINS.items():
		file = tmp_path / "bin" / name
		file.write_text("#!/bin/sh\n" + text.format(tmp_path))
		file.chmod(0o755)
	yield house
	house.end()


def set_up(house, folder, state):
	(folder / "state").write_text(state + "\n")
	(folder / "done").write_text("")
	done = house.run(SETUP, "build", env=os.environ | {
		"PATH": f"{folder}/bin:/usr/bin:/bin"})
	assert done.returncode == 0, done
	assert "installing (a minute or two): gcc" in done.stdout
	assert house.run("ls", "/usr/sbin").stdout == ""
	return done.stdout, (folder / "done").read_text().splitlines()


def test_what_an_interrupted_apt_left_is_finished(clean, tmp_path):
	said, did = set_up(clean, tmp_path, "unpacked")
	assert "interrupted" in said
	assert did[0] == "/usr/sbin/policy-rc.d"	# no service is started
	assert did[1].startswith("dpkg --configure -a")
	assert did[2] == "apt-get"


def test_nothing_is_finished_where_nothing_is_half_done(clean, tmp_path):
	said, did = set_up(clean, tmp_path, "not-installed")
	assert "interrupted" not in said
	assert did == ["apt-get"]


def test_a_journal_of_dpkg_is_left_over(clean, tmp_path):
	"""Then apt does nothing, whatever the states are."""
	clean.ok("mkdir", "-p", "/var/lib/dpkg/updates")
	clean.write("/var/lib/dpkg/updates/0001", "")
	assert "interrupted" in set_up(clean, tmp_path, "not-installed")[0]
