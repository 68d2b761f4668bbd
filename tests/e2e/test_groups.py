"""What somebody may do who is in one of the groups alone, by mtastsctl.

Which route is whose: tests/unit/test_admin_routes.c.
"""

import json
import os
import shutil
import subprocess

import pytest

from harness import letters
from harness.daemon import BUILD, SANITIZERS, Output

FINE, WARNINGS, REFUSED, UNREACHABLE = 0, 1, 3, 4
NOBODY = 65534
GROUPS = {"submit": 64998, "read": 64997}	# in place of mtasts-...
NAME = "shop.test"

LOOKS = [
	["status"], ["domain", "list"], ["domain", "show", NAME],
	["domain", "records", NAME], ["domain", "export"],
	["policy", "show", NAME], ["policy", "history", NAME],
	["policy", "readiness", NAME], ["cert", "list"], ["ca", "list"],
	["ca", "show", "pebble"], ["template", "list"], ["alert", "list"],
	["log"], ["report", "summary"], ["report", "summary", NAME],
	["report", "list"], ["report", "show", "1"],
]
CHANGES = [
	["domain", "add", "new.test", "--mx", "mx.new.test"],
	["domain", "add", "new.test", "--mx", "mx.new.test", "--dry-run"],
	["domain", "set", NAME, "--label", "x"],
	["domain", "remove", NAME], ["domain", "handover", NAME],
	["policy", "set", NAME, "--max-age", "2d"],
	["policy", "mx", NAME, "add", "mx9.shop.test"],
	["policy", "testing", NAME],
	["policy", "enforce", NAME, "--force", "--reason", "x"],
	["cert", "renew", NAME], ["cert", "try", NAME, "--ca", "pebble"],
	["cert", "revoke", NAME, "--why", "keyCompromise"],
	["ca", "rollover"], ["template", "set", "gold", "--max-age", "2d"],
	["zone", "take"], ["alert", "silence", "ca.down", "--for", "1h"],
	["alert", "test"], ["freeze"], ["thaw"], ["backup", "-"],
]


class Somebody:
	"""Who is in one group, in no other, and owns nothing."""

	def __init__(self, daemon, group):
		self.daemon, self.group = daemon, GROUPS[group]
		self.program = daemon.folder / "mtastsctl"
		shutil.copy(BUILD / "mtastsctl", self.program)

	def run(self, *words, stdin=b""):
		done = subprocess.run(
			["setpriv", "--reuid", str(NOBODY), "--regid",
			 str(self.group), "--clear-groups", *words],
			input=stdin, capture_output=True, timeout=60,
			env=os.environ | SANITIZERS, check=False)
		return Output(done.returncode, done.stdout.decode(),
			      done.stderr.decode())

	def metrics(self, door):
		return self.run("curl", "-s", "--unix-socket",
				self.daemon.run / f"{door}.sock",
				"http://mtastsd/metrics").out

	def ctl(self, door, *words, stdin=b""):
		return self.run(self.program, "--socket",
				self.daemon.run / f"{door}.sock", *words,
				stdin=stdin)


@pytest.fixture
def box(daemon):
	"""A daemon that hosts shop.test, and whose doors have their groups."""
	if os.geteuid() != 0:
		pytest.skip("only root can be somebody else")
	daemon.add(NAME, wait=False)
	for folder in daemon.run, daemon.folder, daemon.folder.parent:
		folder.chmod(0o711)
	for door, group in GROUPS.items():
		shutil.chown(daemon.run / f"{door}.sock", group=group)
	return daemon


def letter(number):
	return letters.google(letters.report_of(NAME, number))


def everything(daemon):
	"""What an administrator's command would leave behind."""
	return [daemon.rows(f"SELECT {what}") for what in (
		"name, label, rua, leaving, track_mx, template_id FROM domain",
		"id, body FROM policy", "* FROM template", "* FROM silence",
		"* FROM report",
		"* FROM trail WHERE actor <> 'mtastsd'")]


def assert_unreachable(result):
	assert result.status == UNREACHABLE, result
	assert "permission denied" in result.err, result


def assert_sees_no_file(somebody):
	state = somebody.daemon.folder / "state"
	for path in state, *state.iterdir():
		seen = somebody.run("cat" if path.is_file() else "ls", path)
		assert seen.status != FINE and not seen.out, (path, seen)


def doctor(somebody, door):
	view = json.loads(somebody.ctl(door, "doctor", "--json").out)
	return view, {f["id"]: f for f in view["findings"]}


def test_who_may_submit_pipes_a_report_and_can_do_nothing_else(box):
	somebody = Somebody(box, "submit")

	piped = somebody.ctl("submit", "report", "import", "-",
			     stdin=letter(1))
	assert piped.status == FINE, piped
	assert box.rows("SELECT via FROM report") == [(1,)]
	before = everything(box)
	for words in LOOKS + CHANGES:
		result = somebody.ctl("submit", *words)
		assert result.status == REFUSED, (words, result)
		assert "for TLS reports only" in result.err, (words, result)
		assert NAME not in result.out, (words, result)
	_, findings = doctor(somebody, "submit")
	assert findings["daemon.closed"]["text"] == (
		"this socket is for TLS reports only")
	assert "mtastsd_" not in somebody.metrics("submit")
	for door in "read", "admin":
		assert not somebody.metrics(door)
		assert_unreachable(somebody.ctl(door, "status"))
		assert_unreachable(somebody.ctl(door, "freeze"))
	assert_sees_no_file(somebody)
	assert everything(box) == before


def test_who_may_read_sees_all_and_changes_nothing(box):
	somebody = Somebody(box, "read")
	piped = Somebody(box, "submit").ctl("submit", "report", "import", "-",
					    stdin=letter(1))
	assert piped.status == FINE, piped

	before = everything(box)
	for words in LOOKS:
		result = somebody.ctl("read", *words)
		assert result.status in (FINE, WARNINGS), (words, result)
		assert not result.err or not result.out, (words, result)
	assert NAME in somebody.ctl("read", "domain", "list").out
	assert NAME in somebody.ctl("read", "report", "list").out
	assert "\nmtastsd_reports_kept 1\n" in somebody.metrics("read")
	view, findings = doctor(somebody, "read")
	assert not any(id.startswith("daemon.") for id in findings)
	assert "127.0.0.1" in findings["address.not-public"]["text"]
	assert NAME not in json.dumps(view)
	for words in CHANGES:
		result = somebody.ctl("read", *words)
		assert result.status == REFUSED, (words, result)
		assert "for reading only" in result.err, (words, result)
	refused = somebody.ctl("read", "report", "import", "-",
			       stdin=letter(2))
	assert "for reading only" in refused.err, refused
	for door in "submit", "admin":
		assert_unreachable(somebody.ctl(door, "status"))
	assert_unreachable(somebody.ctl("admin", "freeze"))
	assert_sees_no_file(somebody)
	assert everything(box) == before
