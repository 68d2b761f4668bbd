"""The first run: as it comes out of the package, nothing configured yet."""

import json
import signal
from pathlib import Path

import pytest

from harness import village
from harness.daemon import BUILD, HERE, SANITIZERS
from harness.process import wait_for
from harness.shim import build_shim

CONF = "/etc/mtastsd/mtastsd.conf"
SHIPPED = (HERE / "packaging/mtastsd.conf").read_text()
TWO = ('contact = "YOU@YOUR-DOMAIN" (your mail address, which the CA is told) '
       "and agree_tos = true (you have read the CA's terms of service)")
RELOAD = ("then have it read: systemctl reload mtastsd (or send it a SIGHUP)")
FINE, ERRORS = 0, 2


@pytest.fixture
def box(tmp_path):
	if not village.is_possible():
		pytest.skip("there are no namespaces to be had here")
	box = village.Village(tmp_path)
	box.address("11.22.33.44/24", "2a01:4f8::44/64")
	yield box
	box.end()


def start(box, tmp_path, env=None):
	log = tmp_path / "mtastsd.log"
	daemon = box.spawn("mtastsd", [BUILD / "mtastsd"], log,
			   SANITIZERS | (env or {}))
	daemon.wait_ready(lambda: "ready (version" in log.read_text())
	return daemon


def status(box):
	done = box.run(BUILD / "mtastsctl", "status", "--json")
	return done.returncode, json.loads(done.stdout)


def lacking(box):
	"""The one finding, as text and hint."""
	code, said = status(box)
	assert code == ERRORS and said["health"] == "error", said
	(one,) = said["findings"]
	assert one["id"] == "config.not-set-up"
	return one["text"], one["hint"]


def fetch(box, *words):
	return box.run("curl", "-sS", "--max-time", "5", *words)


def test_as_shipped_it_serves_and_says_the_two_lines(box, tmp_path):
	box.write(CONF, SHIPPED)
	daemon = start(box, tmp_path)
	assert fetch(box, "-o/dev/null", "-w%{http_code}",
		     "http://11.22.33.44/").stdout == "404"
	done = fetch(box, "https://mta-sts.example.org/", "--connect-to",
		     "::11.22.33.44:443")
	assert "unrecognized name" in done.stderr, done.stderr
	assert lacking(box) == (
		f"no certificate is ordered before two lines are set in {CONF}: "
		f"{TWO}", RELOAD)
	text = box.run(BUILD / "mtastsctl", "status")
	assert text.returncode == ERRORS
	assert text.stdout.count("agree_tos") == 1
	assert RELOAD in text.stdout and "all is well" not in text.stdout

	box.write(CONF, SHIPPED.replace('contact = ""',
					'contact = "me@example.org"'))
	daemon.process.send_signal(signal.SIGHUP)
	wait_for("a line to be read", lambda: lacking(box)[0] == (
		f"no certificate is ordered before this line is set in {CONF}: "
		"agree_tos = true (you have read the CA's terms of service)"))
	box.write(CONF, 'contact = "me@example.org"\nagree_tos = true\n')
	daemon.process.send_signal(signal.SIGHUP)
	wait_for("both", lambda: status(box)[0] == FINE)
	assert "all is well" in box.run(BUILD / "mtastsctl", "status").stdout
	assert daemon.stop() == 0


def test_without_a_configuration_it_serves_and_says_the_two_lines(
		box, tmp_path):
	daemon = start(box, tmp_path)
	# what is well in one line, then what needs a hand
	well, rest = box.run(BUILD / "mtastsctl", "status").stdout.split("\n\n")
	assert well.endswith(": 0 of 0 domains live") and "\n" not in well
	assert rest.startswith("needs a hand:")
	assert fetch(box, "-o/dev/null", "-w%{http_code}",
		     "http://11.22.33.44/").stdout == "404"
	assert lacking(box)[0] == (
		f"no certificate is ordered before two lines are set in {CONF} "
		f"(there is no such file yet): {TWO}")
	box.write(CONF, 'contact = "me@example.org"\nagree_tos = true\n')
	daemon.process.send_signal(signal.SIGHUP)
	wait_for("both", lambda: status(box)[0] == FINE)
	assert daemon.stop() == 0


def test_without_ipv6_in_the_kernel_it_serves_all_the_same(box, tmp_path):
	"""ipv6.disable=1, as some images of cloud machines have it."""
	env = {"LD_PRELOAD": str(build_shim("noipv6", tmp_path)),
	       "ASAN_OPTIONS": "verify_asan_link_order=0"}
	box.write(CONF, SHIPPED)
	daemon = start(box, tmp_path, env)
	log = tmp_path / "mtastsd.log"
	assert "has no IPv6: it listens on IPv4 alone" in log.read_text()
	for port in 80, 443:
		box.ok("bash", "-c", f"exec 3<>/dev/tcp/11.22.33.44/{port}")
	assert daemon.stop() == 0

	# asked for by name it is not left out
	box.write(CONF, SHIPPED + 'listen_https = { "[::]:443" }\n')
	daemon = box.spawn("mtastsd", [BUILD / "mtastsd"], log, SANITIZERS | env)
	assert daemon.process.wait() == 1
	assert "socket for [::]:443" in log.read_text()
	assert "hint: this machine's kernel has no such addresses" in \
		log.read_text()
	said = json.loads(box.run(
		"env", *(f"{key}={value}" for key, value in env.items()),
		BUILD / "mtastsctl", "doctor", "--json").stdout)
	[one] = [f for f in said["findings"] if f["id"] == "port.no-ipv6"]
	assert "listen_https" in one["hint"] and CONF in one["hint"]


def test_a_configuration_that_is_lost_is_no_first_run(box, tmp_path):
	box.write(CONF, SHIPPED)
	daemon = start(box, tmp_path)
	done = box.run(BUILD / "mtastsctl", "domain", "add", "example.org",
		       "--mx", "mx.example.org")
	assert done.returncode in (0, 1), done
	assert daemon.stop() == 0
	box.run("rm", CONF)

	log = tmp_path / "mtastsd.log"
	daemon = box.spawn("mtastsd", [BUILD / "mtastsd"], log, SANITIZERS)
	wait_for("it to serve", lambda: "it serves what it has" in
		 log.read_text())
	lost = f"{CONF} is gone, and 1 domain is hosted here"
	assert lost in log.read_text() and "put it back" in log.read_text()
	wait_for("an answer", lambda: lost in box.run(
		BUILD / "mtastsctl", "status").stdout)
	assert fetch(box, "-o/dev/null", "-w%{http_code}",
		     "http://11.22.33.44/").stdout == "404"

	box.write(CONF, SHIPPED)
	daemon.process.send_signal(signal.SIGHUP)
	wait_for("it to go on", lambda: "example.org" in box.run(
		BUILD / "mtastsctl", "domain", "list").stdout, 30)
	assert daemon.stop() == 0


def test_only_the_usual_file_may_be_missing(box):
	done = box.run(BUILD / "mtastsd", "--config", "/etc/mtastsd/x.conf")
	assert done.returncode == 78 and "x.conf" in done.stderr
	done = box.run(BUILD / "mtastsd", "--check-config")
	assert done.returncode == 78 and CONF in done.stderr
	for root in "/usr", "/usr/local":
		sample = f"{root}/share/doc/mtastsd/examples/mtastsd.conf"
		box.ok("mount", "-t", "tmpfs", "village", f"{root}/share")
		box.ok("mkdir", "-p", Path(sample).parent)
		box.write(sample, SHIPPED)
		done = box.run(BUILD / "mtastsd", "--check-config")
		assert f"a sample is {sample}\n" in done.stderr
		box.ok("umount", f"{root}/share")
