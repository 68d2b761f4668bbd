"""The systemd units, and what `make install` puts where they look."""

import os
from pathlib import Path
import re
import subprocess

import pytest

from harness.daemon import BUILD

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "packaging"
UNIT = PACKAGING / "mtastsd.service"
SOCKETS = "mtastsd-https.socket", "mtastsd-http.socket"


def values(key, unit=UNIT):
	return re.findall(rf"^{key}=(.*)$", unit.read_text(), re.M)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
	"""With the package's prefix."""
	root = tmp_path_factory.mktemp("root")
	subprocess.run(["make", "-o", "all", "install", f"DESTDIR={root}",
			"PREFIX=/usr", f"B={BUILD}"], cwd=ROOT, check=True,
		       stdout=subprocess.DEVNULL)
	return root


def test_it_is_started_again_for_ever():
	# systemd gives up after five starts within ten seconds, or never
	assert values("Restart") == ["on-failure"]
	assert values("StartLimitIntervalSec") == ["0"]
	# What is left down is started by who connects, 20 times in 2 seconds, and
	# then its sockets are closed.
	assert values("RestartPreventExitStatus") == []
	[pause] = values("RestartSec")
	assert int(pause) >= 1


def test_its_programs_are_where_the_prefix_is(installed):
	units = list((installed / "usr/lib/systemd/system").iterdir())
	assert len(units) == 5
	for unit in units:
		assert "/usr/local" not in unit.read_text()
		for program in re.findall(r"^Exec.*?(/usr/s?bin/mta\S*)",
					  unit.read_text(), re.M):
			assert (installed / program[1:]).exists(), program
	for command in values("ExecStart") + values("ExecReload")[:1]:
		assert "/usr/local/sbin/mtastsd" in command


def test_a_sample_and_what_others_read_comes_with_it(installed):
	examples = installed / "usr/share/doc/mtastsd/examples"
	assert {str(p.relative_to(examples)) for p in examples.rglob("*")
		if p.is_file()} == {
		str(p.relative_to(PACKAGING)) for folder in
		("grafana", "prometheus") for p in (PACKAGING / folder).iterdir()
		} | {"mtastsd.conf"}


def test_uninstall_leaves_the_configuration_alone(installed, tmp_path):
	subprocess.run(["cp", "-a", installed, tmp_path / "r"], check=True)
	subprocess.run(["make", "uninstall", f"DESTDIR={tmp_path}/r",
			"PREFIX=/usr"], cwd=ROOT, check=True,
		       stdout=subprocess.DEVNULL)
	left = [p for p in (tmp_path / "r").rglob("*") if p.is_file()]
	assert [p.name for p in left] == ["mtastsd.conf"]


@pytest.mark.parametrize("prefix", ["/usr", "/usr/local"])
def test_zsh_finds_its_completion(tmp_path, prefix):
	"""By itself, whoever installed it: a package, or `make install`."""
	subprocess.run(["make", "-o", "all", "install", f"DESTDIR={tmp_path}",
			f"PREFIX={prefix}", f"B={BUILD}"], cwd=ROOT, check=True,
		       stdout=subprocess.DEVNULL)
	folders = subprocess.run(["zsh", "-f", "-c", "print -l $fpath"], text=True,
				 check=True, stdout=subprocess.PIPE).stdout.split()
	[script] = tmp_path.rglob("_mtastsctl")
	assert f"/{script.parent.relative_to(tmp_path)}" in folders


def test_a_bad_configuration_is_found_before_the_reload():
	check, signal = values("ExecReload")
	assert check.endswith("/mtastsd --check-config")
	assert signal.endswith("-HUP $MAINPID")


def test_sockets_are_passed_under_the_names_it_knows():
	assert values("Sockets") == [" ".join(SOCKETS)]
	for unit, name, port in zip(SOCKETS, ("https", "http"), (443, 80)):
		unit = PACKAGING / unit
		assert values("FileDescriptorName", unit) == [name]
		assert values("Service", unit) == ["mtastsd.service"]
		assert values("ListenStream", unit) == [f"0.0.0.0:{port}",
							f"[::]:{port}"]
		assert values("BindIPv6Only", unit) == ["ipv6-only"]


def test_readme_installs_it():
	readme = (ROOT / "README.md").read_text()
	for unit in *SOCKETS, "mtastsd":
		assert re.search(rf"systemctl enable --now .*\b{unit}\b", readme)


def test_who_stops_it_stops_its_sockets():
	"""Else the next one who connects has it started again, before a restore."""
	units = " ".join([*SOCKETS, "mtastsd"])
	for told in "README.md", "docs/mtastsd.8", \
			"packaging/debian/mtastsd.preinst":
		text = (ROOT / told).read_text()
		assert f"systemctl stop {units}" in text, told
		# by itself it names no socket, and that starts them again
		assert "systemctl start mtastsd" in text, told
		assert not re.search(r"(systemctl|service) stop mtastsd\s", text)
		assert not re.search(r"service mtastsd (stop|start)", text)


def test_a_refused_downgrade_says_how_to_go_back(tmp_path):
	"""With the words of a machine that has systemd, or has not."""
	script = (PACKAGING / "debian/mtastsd.preinst").read_text()
	script = script.replace("#ENV.DEB_VERSION#", "1.0").replace(
		"/run/systemd/system", str(tmp_path / "systemd")).replace(
		"/var/lib/mtastsd", str(tmp_path))
	(tmp_path / "backup").mkdir()
	newest = "state-....db"		# none was kept
	for is_there in False, True:
		if is_there:
			(tmp_path / "systemd").mkdir()
			for at, name in enumerate(["state-v9.db", "state-v10.db",
						   "state-20271231T23.db"]):
				(tmp_path / "backup" / name).touch()
				os.utime(tmp_path / "backup" / name, (at, at))
			newest = "state-v10.db"
		done = subprocess.run(["sh", "-c", script, "sh", "upgrade", "2.0"],
				      text=True, capture_output=True)
		assert done.returncode == 1, done
		assert ("systemctl stop mtastsd-https.socket" in done.stderr) == \
			is_there
		assert ("(stop it," in done.stderr) != is_there
		assert f"mtastsd --restore {tmp_path}/backup/{newest}\n" in \
			done.stderr
		assert "only if that one says that state.db is of a newer" in \
			done.stderr
		assert ("changed, on 1970-01-01;" in done.stderr) == is_there


def test_a_purge_deletes_what_it_says(tmp_path):
	"""The state; and of /etc/mtastsd nothing that it has not brought."""
	script = (PACKAGING / "debian/mtastsd.postrm").read_text()
	for folder in "/var/lib/mtastsd", "/run/mtastsd", "/etc/mtastsd":
		script = script.replace(folder, f"{tmp_path}{folder}")
		(tmp_path / folder[1:]).mkdir(parents=True)
	key = tmp_path / "etc/mtastsd/tsig.key"
	for mine in True, False:
		if mine:
			key.touch()
		subprocess.run(["sh", "-c", script, "sh", "purge"], check=True)
		assert not (tmp_path / "var/lib/mtastsd").exists()
		assert not (tmp_path / "run/mtastsd").exists()
		assert key.exists() == key.parent.exists() == mine
		key.unlink(missing_ok=True)
	said = (PACKAGING / "debian/mtastsd.README.Debian").read_text()
	assert "Files of your own in /etc/mtastsd" in said and "they stay" in said


def test_it_may_do_little():
	"""What systemd itself thinks of the sandbox, and what it cannot see."""
	done = subprocess.run(
		["systemd-analyze", "security", "--offline=true", "--no-pager",
		 "--threshold=15", UNIT], text=True, capture_output=True)
	assert done.returncode == 0, done.stdout
	assert re.search(r"exposure level for .*: (0|1)\.\d", done.stdout)
	# It gives its sockets to groups, and sees who speaks to them.
	assert "@chown" in values("SystemCallFilter")
	assert values("PrivateUsers") == []


def test_who_fetches_reports_can_do_little_more():
	"""As the daemon, and become nobody."""
	fetch = PACKAGING / "mtastsd-report-fetch.service"
	families = values("RestrictAddressFamilies", fetch)
	calls = values("SystemCallFilter", fetch)

	assert families and families == values("RestrictAddressFamilies")
	assert calls[:2] == values("SystemCallFilter")[:2]
	assert "@setuid" in calls[2]


def test_the_units_are_good(installed):
	"""By systemd's own reading of them."""
	units = installed / "usr/lib/systemd/system"
	done = subprocess.run(
		["systemd-analyze", "verify", "--man=no",
		 *(units / name for name in (*SOCKETS, "mtastsd.service"))],
		text=True, capture_output=True)
	said = [line for line in done.stderr.splitlines() if "mtastsd" in line
		and "is not executable" not in line]
	assert said == []


def test_a_token_command_has_a_place_to_write(installed):
	"""A rotated refresh token must be kept, and all else is read-only."""
	fetch = PACKAGING / "mtastsd-report-fetch.service"
	assert values("ProtectSystem", fetch) == ["strict"]
	[name] = values("StateDirectory", fetch)
	assert values("StateDirectoryMode", fetch) == ["0700"]
	for told in "README.md", "docs/mtastsctl.1", \
			"packaging/debian/mtastsd.postrm":
		assert f"/var/lib/{name}" in (ROOT / told).read_text(), told
	done = subprocess.run(
		["systemd-analyze", "verify", "--man=no", installed /
		 "usr/lib/systemd/system/mtastsd-report-fetch.service"],
		text=True, capture_output=True)
	assert [line for line in done.stderr.splitlines()
		if "mtastsd" in line and "is not executable" not in line] == []


# A credential of the service, in the configuration.

def test_a_key_may_be_a_credential(rig, tmp_path):
	(tmp_path / "example-eab").write_text("zWNDZM6eQGHWpSRTPal5eIUYFTu7\n")
	daemon = rig.daemon()
	daemon.ca |= {"eab_kid": "kid-1",
		      "eab_key_file": "${CREDENTIALS_DIRECTORY}/example-eab"}
	daemon.start(env={"CREDENTIALS_DIRECTORY": str(tmp_path)})


def test_the_package_has_the_programs_version():
	version = re.search(r"^VERSION := (\S+)", (ROOT / "Makefile").read_text(),
			    re.M)[1]
	log = (PACKAGING / "debian/changelog").read_text()
	assert log.startswith(f"mtastsd ({version}) ")
