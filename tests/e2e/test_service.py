"""The systemd unit that README installs."""

from pathlib import Path
import re
import subprocess

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "packaging" / "mtastsd.service"


def values(key):
	return re.findall(rf"^{key}=(.*)$", UNIT.read_text(), re.M)


def test_it_is_started_again_for_ever():
	# systemd gives up after five starts within ten seconds
	assert values("Restart") == ["on-failure"]
	assert int(values("RestartSec")[0]) * 5 > 10


def test_it_runs_what_make_install_installs(tmp_path):
	installed = subprocess.run(
		["make", "-n", "install", f"DESTDIR={tmp_path}"], cwd=ROOT,
		check=True, stdout=subprocess.PIPE, text=True).stdout
	for command in values("ExecStart") + values("ExecReload")[:1]:
		folder, name = command.split()[0].rsplit("/", 1)
		assert re.search(rf"-t {tmp_path}{folder} \S*/{name}$",
				 installed, re.M)


def test_a_bad_configuration_is_found_before_the_reload():
	assert [v.split(" ", 1)[1] for v in values("ExecReload")] == \
		["--check-config", "-HUP $MAINPID"]


def test_readme_installs_it():
	assert "install -m 644 packaging/mtastsd.service " \
		"/etc/systemd/system/" in (ROOT / "README.md").read_text()
