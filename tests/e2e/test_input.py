"""Bad input is normal input: one clear line, and nothing is lost."""

import http.server
import os
import pathlib
import re
import signal
import socket
import sqlite3
import ssl
import subprocess
import tempfile
import threading

import pytest

from harness.daemon import BUILD, Daemon
from harness.pebble import Pebble
from harness.process import free_port, wait_for

REFUSED, UNREACHABLE, USAGE = 3, 4, 64


def one_line(text):
	"""The complaint: one line, and perhaps one more with a hint."""
	lines = text.strip().splitlines()
	assert 1 <= len(lines) <= 2, text
	return lines[0]


# What mtastsctl is told.

ADD = ["domain", "add"]
MX = ["--mx", "mx.example.org"]


@pytest.mark.parametrize("words, about", [
	([*ADD, "192.0.2.1", *MX], "192.0.2.1"),
	([*ADD, "[2001:db8::1]", *MX], "2001:db8::1"),
	([*ADD, "", *MX], "empty"),
	([*ADD, "localhost", *MX], "localhost"),
	([*ADD, "a..example.org", *MX], "a..example.org"),
	([*ADD, "*.example.org", *MX], "*.example.org"),
	([*ADD, "under_score.example", *MX], "under_score.example"),
	([*ADD, "a b.example", *MX], "a b.example"),
	([*ADD, "x" * 64 + ".example", *MX], "63"),
	([*ADD, ".".join(["x" * 50] * 6), *MX], "long"),
	([*ADD, "-a.example", *MX], "-a.example"),
	([*ADD, "a.test", "--mx", "192.0.2.1"], "192.0.2.1"),
	([*ADD, "a.test", "--mx", "mx"], "mx"),
	([*ADD, "a.test", "--mx", "*.mx.microsoft"], "mx.microsoft"),
	([*ADD, "a.test", "--preset", "hotmail"], "hotmail"),
	([*ADD, "a.test"], "mail"),
	([*ADD], "which domain"),
	([*ADD, "a.test", *MX, "--max-age", "soon"], "soon"),
	([*ADD, "a.test", *MX, "--max-age", "1h"], "max_age"),
	([*ADD, "a.test", *MX, "--max-age", "-1d"], "-1d"),
	([*ADD, "a.test", *MX, "--max-age", "99999999999999d"], "max_age"),
	([*ADD, "a.test", *MX, "--max-age", "9" * 40 + "d"], "999"),
	([*ADD, "a.test", *MX, "--rua", "nonsense"], "nonsense"),
	([*ADD, "a.test", *MX, "--colour"], "colour"),
	(["domain", "show", "nobody.test"], "nobody.test"),
	(["domain", "remove", "nobody.test"], "nobody.test"),
	(["domain", "records", "nobody.test"], "nobody.test"),
	(["policy", "enforce", "nobody.test"], "nobody.test"),
	(["cert", "renew", "nobody.test"], "nobody.test"),
	(["cert", "try", "nobody.test"], "which CA"),
	(["cert", "try", "nobody.test", "--ca", "pebble"], "nobody.test"),
	(["cert", "renew", "nobody.test", "--ca", "pebble"], "--ca"),
	(["domain", "fly", "a.test"], "fly"),
	(["planet", "list"], "planet"),
	(["log", "--since", "yesterday"], "yesterday"),
])
def test_refused_in_words(daemon, words, about):
	result = daemon.ctl(*words)

	assert result.status in (REFUSED, USAGE), result
	assert about in one_line(result.err)
	assert daemon.rows("SELECT count(*) FROM domain") == [(0,)]


def test_names_are_normalised(daemon):
	daemon.ok("domain", "add", "EXAMPLE.test.", "bücher.test", *MX)

	names = [d["name"] for d in daemon.api("GET", "/v1/domains")[1]["domains"]]
	assert names == ["example.test", "xn--bcher-kva.test"]
	assert "bücher.test" in daemon.ctl("domain", "show", "BÜCHER.test",
					   env={"LC_ALL": "C.UTF-8"}).out


def test_duplicate_add(daemon):
	daemon.ok("domain", "add", "twice.test", *MX)

	same = daemon.ctl("domain", "add", "twice.test", *MX)
	other = daemon.ctl("domain", "add", "twice.test", "--mx", "b.example.org")

	assert same.status == 0
	assert other.status == REFUSED
	assert "twice.test" in one_line(other.err)
	policy = daemon.domain("twice.test")["policy"]
	assert (policy["version"], policy["mx"]) == (1, ["mx.example.org"])


def test_one_bad_name_among_good_ones(daemon):
	result = daemon.ctl("domain", "add", "good.test", "bad..test",
			    "fine.test", *MX)

	assert result.status in (REFUSED, USAGE)
	assert "bad..test" in result.err
	names = [d["name"] for d in daemon.api("GET", "/v1/domains")[1]["domains"]]
	assert names in ([], ["fine.test", "good.test"])


def test_dry_run_changes_nothing(daemon):
	daemon.ok("domain", "add", "dry.test", *MX, "--dry-run")
	assert daemon.rows("SELECT count(*) FROM domain") == [(0,)]


def test_reason_goes_into_the_trail(daemon):
	daemon.ok("domain", "add", "why.test", *MX, "--reason", "ticket 4711")
	assert "ticket 4711" in daemon.ok("log", "why.test")


@pytest.mark.parametrize("method, path, body, status", [
	("GET", "/v1/nothing", None, 404),
	("PUT", "/v1/status", None, 405),
	("POST", "/v1/domains", "not an object", 400),
	("POST", "/v1/domains", {"name": 7}, 400),
	("POST", "/v1/domains", {"name": "a.test", "color": "red"}, 400),
	("GET", "/v1/domains?limit=many", None, 400),
	("GET", "/v1/domains/%00", None, 400),
])
def test_admin_api_refuses(daemon, method, path, body, status):
	found, answer = daemon.api(method, path, body)
	assert found == status
	assert answer["error"]["message"]


@pytest.mark.parametrize("junk", [
	b"\x00\xff" * 1000, b"GET / HTTP/9.9\r\n\r\n", b"A" * 200000,
	b"POST /v1/domains HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
	b"POST /v1/domains HTTP/1.1\r\nContent-Length: 5\r\n\r\n[[[[[",
	b"POST /v1/domains HTTP/1.1\r\nContent-Length: 100000\r\n\r\n"
	+ b"[" * 100000,
], ids=["binary", "version", "no-end", "huge-length", "broken", "nested"])
def test_admin_socket_survives_junk(daemon, junk):
	with socket.socket(socket.AF_UNIX) as s:
		s.connect(str(daemon.socket))
		try:
			s.sendall(junk)
			s.shutdown(socket.SHUT_WR)
			s.settimeout(5)
			s.recv(65536)
		except OSError:
			pass
	assert daemon.api("GET", "/v1/status")[0] == 200


def test_daemon_not_running(tmp_path):
	result = Daemon(tmp_path / "d").ctl("status")

	assert result.status == UNREACHABLE
	assert "systemctl start mtastsd" in result.err


NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


def test_whom_the_socket_does_not_let_in(daemon):
	"""Who follows the hint must not be told that there is no such group."""
	if os.geteuid() != 0:
		pytest.skip("only root can be somebody else")
	done = subprocess.run([*NOBODY, BUILD / "mtastsctl", "--socket",
			       daemon.socket, "status"], text=True,
			      capture_output=True, check=False)
	groups = [subprocess.run(["getent", "group", group],
				 capture_output=True, check=False).returncode
		  for group in ("mtasts-admin", "mtasts-read")]
	if "setpriv" in done.stderr:
		pytest.skip("the programs are in nobody's reach")
	assert "permission denied" in one_line(done.stderr)
	assert ("there is none" in done.stderr) == (0 not in groups)
	for group in "mtasts-admin", "mtasts-read":
		assert group in done.stderr
		assert f"adduser root {group}" in done.stderr or 0 not in groups
	assert f"--socket {daemon.socket.with_name('read.sock')}" in done.stderr


# What mtastsd is told.

def check_config(daemon, line):
	daemon.write_config()
	with open(daemon.config_file, "a") as f:
		f.write(line + "\n")
	number = len(daemon.config_file.read_text().splitlines())
	done = subprocess.run([BUILD / "mtastsd", "--check-config", "--config",
			       daemon.config_file], capture_output=True,
			      text=True, timeout=10)
	return done.returncode, done.stdout, done.stderr, number


@pytest.mark.parametrize("line, about", [
	("colour = red", "colour"),
	("workers = many", "workers"),
	("workers = 5000", "256"),
	('connection_deadline = "soon"', "soon"),
	('listen_https = {"443"}', "443"),
	('log_level = "loud"', "loud"),
	('public_addresses = {"here"}', "here"),
	('contact = "no mail address"', "no mail address"),
	('state_dir = "relative"', "relative"),
	('ca x { directory = "http://example.org" }', "http://example.org"),
	('ca x { trust = "/nowhere.pem" }', "/nowhere.pem"),
	('ca x { limit_posts = "300/soon" }', "300/soon"),
	('ca x { limit_ari = "0/1s" }', "limit_ari"),
	('ca x { profile = "two words" }', "two words"),
	("ca x { profile_required = true }", "profile"),
	("workers = 1 2", "2"),
])
def test_bad_config(tmp_path, line, about):
	daemon = Daemon(tmp_path / "d")

	status, _, said, number = check_config(daemon, line)

	assert status not in (0, -6, -11)
	first = one_line(said)
	assert f"{daemon.config_file}:{number}" in first
	assert about in first or about in said


def test_good_config(tmp_path):
	status, out, err, _ = check_config(Daemon(tmp_path / "d"), "# fine")
	assert status == 0, err
	assert "good" in out


@pytest.mark.parametrize("text, but", [
	('contact = "a@b.test"\nagree_tos = true', ""),
	("", ", but nothing is ordered: contact is not set; agree_tos is false"),
	('contact = "a@b.test"', ", but nothing is ordered: agree_tos is false"),
	("agree_tos = true", ", but nothing is ordered: contact is not set"),
])
def test_a_good_config_that_is_not_enough(tmp_path, text, but):
	path = tmp_path / "mtastsd.conf"
	path.write_text(text + "\n")
	done = subprocess.run([BUILD / "mtastsd", "--check-config", "--config",
			       path], capture_output=True, text=True, timeout=10)
	assert (done.returncode, done.stdout) == (0, f"{path}: good{but}\n")


@pytest.fixture
def secrets():
	"""A folder that everybody may enter, with a key of each sort in it."""
	if os.geteuid() != 0:
		pytest.skip("only root becomes somebody else")
	with tempfile.TemporaryDirectory() as name:
		folder = pathlib.Path(name)
		folder.chmod(0o755)
		for file, text in (("tsig", "key"), ("eab", "c2VjcmV0"),
				   ("password", "p"), ("roots.pem", "")):
			(folder / file).write_text(text + "\n")
			(folder / file).chmod(0o600)
		(folder / "state").mkdir()
		os.chown(folder / "state", 65534, 65534)
		(folder / "mtastsd.conf").write_text(f"""
state_dir = "{folder}/state"
host_name = "box.example.test"
delegate_zone = "zone.example.test"
publish_server = "127.0.0.1"
publish_program = "/bin/true"
publish_key_file = "{folder}/tsig"
alert_mail = {{ "a@example.test" }}
mail_server = "smtp://127.0.0.1"
mail_user = "box"
mail_password_file = "{folder}/password"
ca zero {{
	directory = "https://zero.example.test/dir"
	eab_kid = "kid"
	eab_key_file = "{folder}/eab"
	trust = "{folder}/roots.pem"
}}
""")
		yield folder


def check_secrets(folder):
	return subprocess.run([BUILD / "mtastsd", "--check-config", "--config",
			       folder / "mtastsd.conf"], capture_output=True,
			      text=True, timeout=10)


def test_root_is_told_which_keys_the_daemon_may_not_read(secrets):
	files = {"publish_key_file": "tsig", "mail_password_file": "password",
		 "ca zero: eab_key_file": "eab", "ca zero: trust": "roots.pem"}
	done = check_secrets(secrets)
	assert (done.returncode, done.stdout) == (78, ""), done
	for key, file in files.items():
		path = secrets / file
		assert f"{key} {path}: the daemon's user nobody may not" \
			in done.stderr
		assert f"chgrp nogroup {path}; chmod 640 {path}" in done.stderr
	assert "mtastsd.conf:" not in done.stderr

	for file in files.values():
		os.chown(secrets / file, 0, 65534)
		(secrets / file).chmod(0o640)
	done = check_secrets(secrets)
	assert (done.returncode, done.stderr) == (0, ""), done
	assert "good" in done.stdout

	(secrets / "mtastsd.conf").chmod(0o600)
	done = check_secrets(secrets)
	assert done.returncode == 78 and "configuration /" in done.stderr
	secrets.chmod(0o700)
	assert f"chmod g+x {secrets}\n" in check_secrets(secrets).stderr
	os.chown(secrets, 65533, 65533)	# somebody's own
	said = check_secrets(secrets).stderr
	assert "into /etc/mtastsd instead: install -m 640 -g nogroup " \
		f"{secrets}/tsig /etc/mtastsd/\n" in said
	assert f"g+x {secrets}" not in said


def test_who_is_root_as_a_daemon_reads_all(secrets):
	os.chown(secrets / "state", 0, 0)
	done = check_secrets(secrets)
	assert (done.returncode, done.stderr) == (0, ""), done
	(secrets / "state").rmdir()	# and nobody is called mtastsd
	done = check_secrets(secrets)
	if "mtastsd" not in pathlib.Path("/etc/passwd").read_text():
		assert done.returncode == 0 and "was not tested" in done.stderr


def test_reload_with_a_bad_file_keeps_the_old(daemon):
	with open(daemon.config_file, "a") as f:
		f.write("colour = red\n")
	daemon.process.process.send_signal(signal.SIGHUP)

	wait_for("a word about it", lambda: "colour" in daemon.log.read_text())
	assert daemon.api("GET", "/v1/status")[0] == 200


def test_a_refused_reload_is_said_until_there_is_a_good_one(daemon):
	good = daemon.config_file.read_text()
	assert daemon.ctl("status").status == 0
	daemon.config_file.write_text(good + "colour = red\n")
	daemon.process.process.send_signal(signal.SIGHUP)
	wait_for("the refusal", lambda: daemon.ctl("status").status == 1)
	said = daemon.ctl("status").out
	number = good.count("\n") + 1
	assert re.search(rf"configuration of \S+Z refused: \S+:{number}: .*colour"
			 r".*; running with the one of \S+Z\n", said), said
	assert "all is well" not in said
	finding, = daemon.json("status")["findings"]
	assert finding["id"] == "config.refused" and finding["hint"]

	daemon.config_file.write_text(good)
	daemon.reload()
	assert daemon.ctl("status").status == 0


# What the machine has, or has not.

def start_fails(daemon):
	"""What it says when it does not start."""
	daemon.launch()
	assert daemon.process.wait() not in (0, -6, -11)
	return one_line(daemon.log.read_text())


def test_missing_config(tmp_path):
	done = subprocess.run([BUILD / "mtastsd", "--config",
			       tmp_path / "none.conf"], capture_output=True,
			      text=True, timeout=10)
	assert done.returncode not in (0, -6, -11)
	assert "none.conf" in one_line(done.stderr)


def test_state_folder_cannot_be_made(tmp_path):
	daemon = Daemon(tmp_path / "d")
	(tmp_path / "file").write_text("in the way")
	daemon.settings["state_dir"] = tmp_path / "file" / "state"
	assert str(tmp_path / "file") in start_fails(daemon)


def test_state_folder_cannot_be_written(tmp_path):
	daemon = Daemon(tmp_path / "d")
	daemon.settings["state_dir"] = "/proc/self"
	assert "/proc/self" in start_fails(daemon)


def test_newer_database_is_refused_untouched(rig, name):
	daemon = rig.daemon().start()
	daemon.ok("domain", "add", name, *MX)
	daemon.stop()
	with sqlite3.connect(daemon.state / "state.db") as db:
		[(version,)] = db.execute("PRAGMA user_version")
		db.execute(f"PRAGMA user_version = {version + 1}")

	daemon.log.unlink()
	assert f"version {version + 1}" in start_fails(daemon)

	with sqlite3.connect(daemon.state / "state.db") as db:
		db.execute(f"PRAGMA user_version = {version}")
	daemon.start()
	assert daemon.domain(name)["name"] == name


@pytest.mark.parametrize("port", ["https_port", "http_port"])
def test_port_in_use(tmp_path, port):
	daemon = Daemon(tmp_path / "d")
	number = getattr(daemon, port)
	with socket.socket() as s:
		s.bind(("127.0.0.1", number))
		s.listen()
		assert f"127.0.0.1:{number}" in start_fails(daemon)


# What the CA is.

def why_not_live(daemon, name):
	result = daemon.ctl("domain", "add", name, "--mx", f"mx.{name}",
			    "--wait", "--timeout", "8s")
	assert result.status not in (0, 1), result
	return str(result)


def test_ca_unreachable(rig, name):
	daemon = rig.daemon()
	daemon.ca["directory"] = f"https://127.0.0.1:{free_port()}/dir"
	daemon.start()
	rig.dns.point(name)
	assert "connect" in why_not_live(daemon, name).lower()


def test_ca_with_an_untrusted_certificate(rig, name, tmp_path):
	daemon = rig.daemon()
	other = Pebble(tmp_path / "other", 1, 1)
	daemon.ca["trust"] = other.trust
	daemon.start()
	rig.dns.point(name)
	assert "certificate" in why_not_live(daemon, name).lower()


@pytest.mark.parametrize("key, value", [("agree_tos", False),
					 ("contact", "")])
def test_nothing_is_ordered_before_the_operator_agrees(rig, name, key, value):
	daemon = rig.daemon(**{key: value}).start()
	requests = rig.pebble.requests()
	rig.dns.point(name)

	assert key in why_not_live(daemon, name)
	assert rig.pebble.requests() == requests

	daemon.settings[key] = True if key == "agree_tos" else "me@example.org"
	daemon.write_config()
	daemon.process.process.send_signal(signal.SIGHUP)
	daemon.wait_state("live", name)


class Html(http.server.BaseHTTPRequestHandler):
	def do_GET(self):
		body = b"<html><body>Welcome to our captive portal</body></html>"
		self.send_response(200)
		self.send_header("Content-Type", "text/html")
		self.send_header("Content-Length", str(len(body)))
		self.end_headers()
		self.wfile.write(body)

	do_HEAD = do_POST = do_GET

	def log_message(self, *_):
		pass


@pytest.fixture
def portal(rig):
	context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
	context.load_cert_chain(rig.pebble.trust,
				rig.pebble.folder / "key.pem")
	server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Html)
	server.socket = context.wrap_socket(server.socket, server_side=True)
	threading.Thread(target=server.serve_forever, daemon=True).start()
	yield f"https://127.0.0.1:{server.server_port}/dir"
	server.shutdown()


def test_ca_answers_html(rig, name, portal):
	daemon = rig.daemon()
	daemon.ca["directory"] = portal
	daemon.start()
	rig.dns.point(name)
	assert "directory" in why_not_live(daemon, name)
