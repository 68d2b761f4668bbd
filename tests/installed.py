#!/usr/bin/python3
"""The installed package does its job: with pebble as CA, and knot.

	tests/installed.py		the story: what autopkgtest runs
	tests/installed.py NEWER.deb OLDER.deb
					then its life: an upgrade to NEWER, whose
					database is another, while a client
					fetches; OLDER refused; removed, put back;
					back to OLDER; from a database of long
					ago to NEWER; purged

As root, in a root and a network of its own (ports 80 and 443 must be free). It
ends with "N passed, N failed". Where systemd runs it starts the service and holds
the sockets; elsewhere tests/harness/held.py is who passes them.
"""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness.dns import Dns			# noqa: E402
from harness.fetch import Client, Fetcher	# noqa: E402
from harness.older import take_back, version	# noqa: E402
from harness.pebble import EAB_KEY, Pebble	# noqa: E402
from harness.process import Process, connects, wait_for	# noqa: E402

HELD = Path(__file__).resolve().parent / "harness/held.py"
CONFIG = Path("/etc/mtastsd/mtastsd.conf")
STATE = Path("/var/lib/mtastsd")
SOCKET = Path("/run/mtastsd/admin.sock")
SYSTEMD = Path("/run/systemd/system").exists()
DROP_INS = Path("/etc/systemd/system/mtastsd.service.d")
DOMAIN, HOST = "one.test", "mta-sts.one.test"

passed = failed = 0


def step(what, run, *args):
	"""One line, counted."""
	global passed, failed
	try:
		run(*args)
	except Exception:
		failed += 1
		print(f"FAILED  {what}\n{traceback.format_exc()}", flush=True)
		return False
	passed += 1
	print(f"ok      {what}", flush=True)
	return True


def command(*words, ok=(0,), **options):
	done = subprocess.run([*map(str, words)], text=True, capture_output=True,
			      stdin=subprocess.DEVNULL,
			      env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
			      **options)
	if ok and done.returncode not in ok:
		raise AssertionError(f"{words}: status {done.returncode}\n"
				     f"{done.stdout}{done.stderr}")
	return done


def ctl(*words, ok=(0, 1)):
	return command("mtastsctl", *words, ok=ok).stdout


class Service:
	"""Whoever keeps the daemon running, and its sockets open."""

	def __init__(self, folder):
		self.log = folder / "service.log"
		self.holder = None

	def start(self):
		if SYSTEMD:
			command("systemctl", "restart", "mtastsd")
		else:
			self.holder = Process("held", [
				sys.executable, HELD, 443, 80, "mtastsd",
				"--user", "mtastsd"], self.log)
		self.wait()

	def pid(self):
		return int(command("pgrep", "-o", "-x", "mtastsd").stdout)

	def restart(self):
		"""As the package's script does where systemd runs."""
		before = self.pid()
		os.kill(before, 15)
		wait_for("another daemon", lambda: command(
			"pgrep", "-x", "mtastsd", ok=None).stdout.strip()
			not in ("", str(before)))
		self.wait()

	def wait(self):
		wait_for("the daemon to answer", lambda: command(
			"mtastsctl", "status", ok=None).returncode <= 2 and
			connects(443) and connects(80), 30)

	def stop(self):
		if SYSTEMD:
			command("systemctl", "stop", "mtastsd-https.socket",
				"mtastsd-http.socket", "mtastsd",
				ok=(0, 5))	# 5: it is gone already
		elif self.holder:
			self.holder.stop()
			self.holder = None


# What an installation is to be.

def made_users():
	groups = command("id", "-nG", "mtastsd").stdout.split()
	assert set(groups) >= {"mtastsd", "mtasts-admin", "mtasts-read",
			       "mtasts-submit"}, groups
	assert STATE.stat().st_mode & 0o777 == 0o700
	assert STATE.owner() == "mtastsd"


def says_what_it_lacks():
	said = command("mtastsd", "--check-config").stdout
	assert "contact is not set; agree_tos is false" in said, said


def configure(pebble, dns):
	text = CONFIG.read_text()
	text = text.replace('contact = ""', 'contact = "postmaster@one.test"')
	text = text.replace("agree_tos = false", "agree_tos = true")
	assert "true" in text
	# The two lines above are all that a box on the net needs.
	where = secrets(ca=pebble.trust.read_text(), eab=EAB_KEY)
	text += (f'resolvers = {{ "{dns.address}" }}\n'
		 'public_addresses = { "127.0.0.1" }\n'
		 f'ca "pebble" {{\n\tdirectory = "{pebble.directory}"\n'
		 f'\ttrust = "{where}/ca"\n'
		 f'\teab_kid = "kid-1"\n\teab_key_file = "{where}/eab"\n}}\n')
	CONFIG.write_text(text)


def secrets(**texts):
	"""Where systemd runs, root's alone, and passed to the daemon by it."""
	folder = CONFIG.parent / "secrets"
	folder.mkdir(exist_ok=True)
	for name, text in texts.items():
		path = folder / name
		path.write_text(text)
		path.chmod(0o600)
		if not SYSTEMD:
			shutil.chown(path, "mtastsd")
	if not SYSTEMD:
		return folder
	drop_in("secrets", *(f"LoadCredential={name}:{folder / name}"
			     for name in texts))
	return "${CREDENTIALS_DIRECTORY}"


def drop_in(name, *lines):
	"""What `systemctl edit mtastsd` would write; without lines: gone."""
	path = DROP_INS / f"{name}.conf"
	path.parent.mkdir(exist_ok=True)
	path.write_text("\n".join(["[Service]", *lines]) + "\n")
	if not lines:
		path.unlink()
	command("systemctl", "daemon-reload")


def reload(service, ok=(0,)):
	if SYSTEMD:
		return command("systemctl", "reload", "mtastsd", ok=ok)
	os.kill(service.pid(), signal.SIGHUP)
	time.sleep(1)


def findings():
	said = ctl("status", "--json", ok=(0, 1, 2))
	return [one["id"] for one in json.loads(said)["findings"]]


def takes_a_reload(service):
	before = service.pid()
	assert "good" in command("mtastsd", "--check-config").stdout
	reload(service)
	assert service.pid() == before
	assert "config.refused" not in findings()


def refuses_a_bad_one(service):
	"""And systemctl says so."""
	before, good = service.pid(), CONFIG.read_text()
	CONFIG.write_text(good + "nonsense = 1\n")
	done = reload(service, ok=None)
	if SYSTEMD:
		assert done.returncode != 0
	else:
		assert "config.refused" in findings()
	CONFIG.write_text(good)
	reload(service)
	assert service.pid() == before
	assert "config.refused" not in findings()


def is_back_when_a_bad_one_is_mended(service, pebble):
	"""Whoever connects meanwhile does not have systemd give up its sockets."""
	good = CONFIG.read_text()
	CONFIG.write_text(good + "nonsense = 1\n")
	command("systemctl", "restart", "mtastsd", ok=None)
	for _ in range(60):
		assert connects(443) and connects(80)
		time.sleep(0.1)
	CONFIG.write_text(good)
	service.wait()
	serves_the_policy(pebble)


def is_started_again_when_it_hangs(service, pebble):
	drop_in("watchdog", "WatchdogSec=3", "TimeoutAbortSec=2")
	service.start()
	before = service.pid()
	os.kill(before, signal.SIGSTOP)
	wait_for("another daemon", lambda: command(
		"pgrep", "-x", "mtastsd", ok=None).stdout.strip()
		not in ("", str(before)), 60)
	service.wait()
	serves_the_policy(pebble)
	drop_in("watchdog")
	service.start()


def gives_sockets_to_groups():
	for name in "admin", "read", "submit":
		path = SOCKET.with_name(f"{name}.sock")
		assert path.group() == f"mtasts-{name}", path.group()
		assert path.stat().st_mode & 0o777 == 0o660


def runs_without_privilege(service):
	status = Path(f"/proc/{service.pid()}/status").read_text()
	assert "CapEff:\t0000000000000000" in status, status
	assert "Uid:\t0" not in status


def adds_a_domain(dns):
	dns.point(DOMAIN)
	print(ctl("domain", "add", DOMAIN, "--mx", f"mx.{DOMAIN}", "--wait"))


def serves_the_policy(pebble):
	reply = Client(443, pebble.root()).fetch(HOST)
	assert reply.status == 200
	assert reply.body.decode().splitlines() == [
		"version: STSv1", "mode: testing", f"mx: mx.{DOMAIN}",
		"max_age: 604800"], reply.body


# Its life.

def version_of(deb):
	return command("dpkg-deb", "-f", deb, "Version").stdout.strip()


def running_version():
	return json.loads(ctl("status", "--json"))["version"]


def upgrades_unnoticed(service, pebble, newer):
	before, schema = running_version(), version(STATE / "state.db")
	client = Client(443, pebble.root())
	with Fetcher(client, [HOST], threads=2, pause=0.005) as fetcher:
		fetcher.wait_count(50)
		command("dpkg", "-i", newer)
		if not SYSTEMD:
			service.restart()
		service.wait()
		fetcher.wait_count(fetcher.ok + 50)
	print(f"        {fetcher.ok} fetches, {len(fetcher.failures)} failures: "
	      f"{before} -> {running_version()}, database {schema} -> "
	      f"{version(STATE / 'state.db')}")
	assert fetcher.failures == [], fetcher.failures[:3]
	assert running_version() == version_of(newer) != before
	assert version(STATE / "state.db") == schema + 1
	assert version(STATE / f"backup/state-v{schema}.db") == schema
	assert migrated() == [DOMAIN]


def migrated():
	"""What the newer package's migration took from the live database."""
	with sqlite3.connect(STATE / "state.db") as db:
		return [name for name, in db.execute("SELECT name FROM upgraded")]


def refuses_the_older(pebble, folder, older):
	done = command("dpkg", "-i", older, ok=(1,))
	(folder / "said").write_text(done.stderr)
	assert "Nothing was changed" in done.stderr, done.stderr
	assert command("dpkg-query", "-W", "-f", "${Version} ${db:Status-Status}",
		       "mtastsd").stdout.endswith(" installed")
	serves_the_policy(pebble)


def keeps_the_state_when_removed(service):
	service.stop()
	command("dpkg", "-r", "mtastsd")
	assert (STATE / "state.db").exists() and CONFIG.exists()
	assert not Path("/usr/sbin/mtastsd").exists()


def has_it_when_put_back(service, pebble, newer):
	command("dpkg", "-i", newer)
	service.start()
	serves_the_policy(pebble)
	service.stop()


def commands_said(folder):
	"""What was printed to go back: lines of two blanks and a command, and what
	it does, in brackets."""
	said = [line[2:] for line in (folder / "said").read_text().splitlines()
		if line.startswith("  ")]
	return [line.split("  (")[0].split() for line in said]


def do_as_said(words, service, older):
	"""But for apt: no repository has the older one. Before a restore somebody
	connects, as on every box on the net."""
	if words[0] == "apt":
		command("dpkg", *{"remove": ("-r", "mtastsd"),
				  "install": ("-i", older)}[words[1]])
	elif words[0] == "(stop":
		service.stop()
	elif words[0] == "(start":
		service.start()
	elif "--restore" in words:
		connects(443)
		time.sleep(2)
		command(*words)
	else:
		command(*words)


def goes_back_as_it_said(service, pebble, folder, older):
	"""The older one says what is wrong; what was kept puts it right."""
	schema = version(STATE / "state.db")
	remove, *others = commands_said(folder)
	assert remove[:2] == ["apt", "remove"], remove
	do_as_said(remove, service, older)
	command("dpkg-deb", "-x", older, folder / "older")
	done = command("env", f"CREDENTIALS_DIRECTORY={CONFIG.parent}/secrets",
		       folder / "older/usr/sbin/mtastsd", "--user", "mtastsd",
		       ok=(1,), timeout=30)
	assert f"state.db is of version {schema}, newer than version" \
		f" {schema - 1} of this mtastsd" in done.stderr, done.stderr
	assert "install that one again" in done.stderr, done.stderr
	for words in others:
		do_as_said(words, service, older)
	service.wait()
	assert running_version() == version_of(older)
	serves_the_policy(pebble)


def migrates_what_is_of_long_ago(service, pebble, newer):
	service.stop()
	take_back(STATE / "state.db")
	command("dpkg", "-i", newer)
	service.start()
	assert migrated() == [DOMAIN]
	assert json.loads(ctl("domain", "show", DOMAIN, "--json"))["state"] == \
		"live"
	serves_the_policy(pebble)
	service.stop()


def leaves_nothing_when_purged():
	"""But what the administrator has put beside the configuration."""
	shutil.rmtree(DROP_INS, ignore_errors=True)
	done = command("dpkg", "-P", "mtastsd")
	for path in STATE, CONFIG, SOCKET.parent:
		assert not path.exists(), f"{path}\n{done.stdout}{done.stderr}"
	assert [path.name for path in CONFIG.parent.iterdir()] == ["secrets"]
	shutil.rmtree(CONFIG.parent)


def lives(service, pebble, folder, newer, older):
	step("an upgrade is not noticed, and migrates", upgrades_unnoticed,
	     service, pebble, newer)
	step("an older version is refused", refuses_the_older, pebble,
	     folder, older)
	step("a removal keeps the state", keeps_the_state_when_removed, service)
	step("it is there when it is put back", has_it_when_put_back, service,
	     pebble, newer)
	step("there is a way back, as was said", goes_back_as_it_said, service,
	     pebble, folder, older)
	step("a database of long ago is migrated", migrates_what_is_of_long_ago,
	     service, pebble, newer)
	step("a purge leaves nothing of its own", leaves_nothing_when_purged)


def main(newer=None, older=None):
	folder = Path(tempfile.mkdtemp(prefix="mt-"))
	folder.chmod(0o755)
	dns = Dns(folder / "dns")
	pebble = Pebble(folder / "ca", dns.port, 80, eab=True)
	service = Service(folder)
	try:
		pebble.launch()
		dns.start()
		pebble.wait_ready()
		step("user, groups and folders are made", made_users)
		step("it says what it lacks", says_what_it_lacks)
		step("it is configured", configure, pebble, dns)
		step("it starts", service.start)
		step("it reads the configuration again", takes_a_reload, service)
		step("it refuses one that is bad", refuses_a_bad_one, service)
		step("its sockets are their groups'", gives_sockets_to_groups)
		step("it has no privilege", runs_without_privilege, service)
		step("a domain is added", adds_a_domain, dns)
		step("its policy is served", serves_the_policy, pebble)
		if SYSTEMD:
			step("it is back when a bad configuration is mended",
			     is_back_when_a_bad_one_is_mended, service, pebble)
			step("one that hangs is started again",
			     is_started_again_when_it_hangs, service, pebble)
		if newer:
			lives(service, pebble, folder, newer, older)
		if failed and service.log.exists():
			print(service.log.read_text()[-5000:])
	finally:
		for process in dns.process, pebble.process:
			if process:
				process.kill()
		service.stop()
		shutil.rmtree(folder, ignore_errors=True)
	print(f"{passed} passed, {failed} failed", flush=True)
	return 1 if failed else 0


if __name__ == "__main__":
	sys.exit(main(*sys.argv[1:]))
