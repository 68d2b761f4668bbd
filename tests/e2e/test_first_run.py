"""The first run: as it comes out of the package, nothing configured yet."""

import json
import signal

import pytest

from harness import village
from harness.daemon import BUILD, HERE, SANITIZERS
from harness.process import wait_for

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


def start(box, tmp_path):
	log = tmp_path / "mtastsd.log"
	daemon = box.spawn("mtastsd", [BUILD / "mtastsd"], log, SANITIZERS)
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
	assert fetch(box, "-o/dev/null", "-w%{http_code}",
		     "http://11.22.33.44/").stdout == "404"
	assert lacking(box)[0] == (
		f"no certificate is ordered before two lines are set in {CONF} "
		f"(there is no such file yet): {TWO}")
	box.write(CONF, 'contact = "me@example.org"\nagree_tos = true\n')
	daemon.process.send_signal(signal.SIGHUP)
	wait_for("both", lambda: status(box)[0] == FINE)
	assert daemon.stop() == 0


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
