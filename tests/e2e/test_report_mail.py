"""TLS reports that come by mail, from a real mail server into the real store.

How each odd message is taken, and how the commands end: test_report_import.py
and test_report_fetch.py.
"""

import gzip
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from harness import dovecot, letters, postfix
from harness.daemon import BUILD, SANITIZERS, Output
from harness.mailbox import Cutter, Mailbox
from harness.outside import Authority
from harness.process import wait_for
from harness.reports import report

ROOT = Path(__file__).parents[2]
FINE, TEMPFAIL = 0, 75
MAIL, IMAP, FILE = 1, 2, 3	# enum report_via, store/report.h
TO = "tls-reports@mx.shop.test"
SIGNED = ("Authentication-Results: mx.shop.test; dkim=pass"
	  " header.d={}\n")


def open_door(daemon):
	"""For the user nobody: his group stands in for mtasts-submit."""
	daemon.door = daemon.run / "submit.sock"
	wait_for("submit.sock", daemon.door.exists)
	shutil.chown(daemon.door, group="nogroup")


@pytest.fixture
def box(daemon):
	"""A daemon that hosts shop.test, and takes reports of it."""
	daemon.add("shop.test", wait=False)
	open_door(daemon)
	for path in daemon.run, daemon.folder, daemon.folder.parent:
		path.chmod(0o711)
	return daemon


def kept(daemon):
	"""(via, signed_by) of each report."""
	return daemon.rows("SELECT via, signed_by FROM report ORDER BY id")


def take(daemon, *words, stdin=b""):
	done = subprocess.run(
		[BUILD / "mtastsctl", "report", "import", "--socket",
		 daemon.door, *map(str, words)], input=stdin,
		capture_output=True, timeout=60, env=os.environ | SANITIZERS)
	return Output(done.returncode, done.stdout.decode(),
		      done.stderr.decode())


def microsoft(number=0):
	return letters.microsoft(letters.report_of(
		"shop.test", number, "Mail Two"), headers=SIGNED.format(
			"microsoft.com"))


def google():
	return letters.google(letters.report(), headers=SIGNED.format(
		"google.com"))


# An alias.

@pytest.fixture
def alias(box, tmp_path):
	if postfix.why_not():
		pytest.skip(postfix.why_not())
	with postfix.reports_alias(tmp_path, box.door,
				   "--auth-results mx.shop.test") as server:
		yield server


def test_an_alias_pipes_reports_into_the_store(box, alias):
	for message in google(), microsoft(), google(), letters.plain():
		alias.send(message, TO)
	wait_for("four deliveries", lambda: alias.log().count(
		"status=sent (delivered to command") == 4, 20)
	assert sorted(kept(box)) == [(MAIL, "google.com"),
				     (MAIL, "microsoft.com")]


def readme_alias():
	"""The words behind mtastsctl in its alias, and the server they trust."""
	words = re.search(r'^tls-reports: "\|/usr/local/bin/mtastsctl (.*)"$',
			  (ROOT / "README.md").read_text(), re.M)[1].split()
	return words, words[words.index("--auth-results") + 1]


def test_a_flood_of_forged_mail_keeps_no_signed_report_away(box, tmp_path):
	"""By the alias that the README shows."""
	words, server = readme_alias()
	assert words[:2] == ["report", "import"] and "-" in words
	forged = [letters.google(letters.report_of("shop.test", i))
		  for i in range(1400)]
	counts = json.loads(take(box, "-", "--json",
				 stdin=letters.mbox(*forged)).out)
	assert counts["stored"] > 1000 and counts["put_off"] > 0

	signed = letters.google(letters.report(), headers=(
		f"Authentication-Results: {server}; dkim=pass"
		" header.d=google.com\n"))
	assert take(box, *words[2:], stdin=forged[-1]).status == TEMPFAIL
	assert take(box, *words[2:], stdin=signed).status == FINE
	assert kept(box)[-1] == (MAIL, "google.com")


@pytest.mark.skipif(os.geteuid() != 0, reason="it is root's import")
def test_old_mail_of_roots_is_not_rationed(box, tmp_path):
	"""Connected before root is left, to a socket that takes reports alone."""
	old = [letters.google(letters.report_of("shop.test", i))
	       for i in range(1400)]
	(tmp_path / "mbox").write_bytes(letters.mbox(*old))
	result = take(box, tmp_path / "mbox", "--json")
	assert result.status == FINE, result
	assert json.loads(result.out)["stored"] == 1400
	elsewhere = take(box, tmp_path / "mbox", "--socket", box.socket)
	assert elsewhere.status != FINE and "without --socket" in elsewhere.err


def test_mail_waits_while_the_daemon_is_down(box, alias):
	box.stop()
	alias.send(google(), TO)
	wait_for("a message put off", lambda: "status=deferred" in alias.log(),
		 20)
	open_door(box.start())
	wait_for("the report", lambda: kept(box), 30)
	assert kept(box) == [(MAIL, "google.com")]


def test_who_may_hand_in_reports_may_do_nothing_else(box):
	ask = [BUILD / "mtastsctl", "--socket", box.door]
	for words in (["status"], ["domain", "list"],
		      ["domain", "add", "b.test", "--mx", "mx.b.test"]):
		done = subprocess.run([*ask, *words], capture_output=True,
				      text=True, timeout=60)
		assert done.returncode == 3, done
	assert box.rows("SELECT name FROM domain") == [("shop.test",)]


# Files.

def test_a_report_counts_once_however_it_comes(box, tmp_path):
	report = letters.report()
	for name, data in (("message", google()), ("it.json.gz", report),
			   ("it.json", gzip.decompress(report)),
			   ("mbox", letters.mbox(google(), microsoft()))):
		(tmp_path / name).write_bytes(data)
		result = take(box, tmp_path / name)
		assert result.status == FINE, result
	assert kept(box) == [(MAIL, ""), (MAIL, "")]


def test_a_maildir(box, tmp_path):
	for part in "new", "cur", "tmp":
		(tmp_path / part).mkdir()
	for number in range(10):
		(tmp_path / "cur" / f"{number}.x:2,S").write_bytes(
			microsoft(number))
	for path in (tmp_path, *tmp_path.rglob("*")):
		shutil.chown(path, "nobody", "nogroup")
	for kind in "stored", "known":
		result = take(box, tmp_path, "--json")
		assert result.status == FINE, result
		assert json.loads(result.out)[kind] == 10
	assert len(kept(box)) == 10


def test_reports_of_others_and_no_reports_are_counted(box, tmp_path):
	"""Nothing of them is kept."""
	other = letters.google(letters.report_of("elsewhere.test"),
			       domain="elsewhere.test")
	broken = letters.google(letters.report()[:-20])
	(tmp_path / "mbox").write_bytes(letters.mbox(
		other, broken, letters.plain()))
	result = take(box, tmp_path / "mbox", "--json")
	counts = json.loads(result.out)
	assert [counts[k] for k in ("messages", "not_ours", "refused",
				    "no_report", "stored")] == [3, 1, 1, 1, 0]
	assert take(box, "-", stdin=broken).status == FINE
	assert kept(box) == []


def test_days_to_come_hold_up_no_other(box, tmp_path):
	"""Anybody may send one, and it would be so for weeks."""
	day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 20 * 86400))
	early = letters.google(letters.report_of("shop.test", day=day))
	(tmp_path / "mbox").write_bytes(letters.mbox(early, google()))
	counts = json.loads(take(box, tmp_path / "mbox", "--json").out)
	assert (counts["stored"], counts["put_off"] + counts["refused"]) == (
		1, 1)
	assert len(kept(box)) == 1


def dane(number=1):
	"""Of a reporter that names the mail host as the domain."""
	return gzip.compress(report("mx1.shop.test", number, [{
		"policy": {"policy-type": "tlsa",
			   "policy-domain": "mx1.shop.test"},
		"summary": {"total-successful-session-count": 3,
			    "total-failure-session-count": 2}}]))


def test_dane_of_a_mail_host_is_its_domains(box):
	"""As it is by HTTPS."""
	both = letters.report("two-policies.json")
	assert take(box, "-", stdin=letters.google(both)).status == FINE
	assert take(box, "-", stdin=letters.google(dane())).status == FINE
	assert box.rows("SELECT successful, failed FROM report ORDER BY id") \
		== [(12, 5), (3, 2)]
	told = json.loads(take(box, "-", "--json", stdin=letters.google(
		dane(2), "elsewhere.test")).out)
	assert (told["stored"], told["not_ours"]) == (0, 1)
	assert json.loads(box.ok("status", "--json"))["reports"]["dropped"][
		"not_ours"] == 1


# A mailbox.

@pytest.fixture
def mailbox(box, tmp_path):
	if dovecot.why_not():
		pytest.skip(dovecot.why_not())
	authority = Authority(tmp_path)
	server = dovecot.Dovecot(authority.chain("localhost")).start()
	yield Mailbox(server, box.door, authority, tmp_path)
	server.close()


def test_500_messages_and_a_connection_that_breaks(box, mailbox):
	count = 500
	mailbox.server.deliver(*map(microsoft, range(count - 1)),
			       letters.plain())
	with Cutter(mailbox.server.port, [200000, 250000]) as cutter:
		mailbox.use(port=cutter.port, auth_results="mx.shop.test")
		first = mailbox.fetch("--json")
		assert first.status == TEMPFAIL, first
		assert cutter.cut == 2
		done = len(kept(box))
		assert 0 < json.loads(first.out)["stored"] <= done < count - 1
		second = mailbox.fetch("--json")
	assert second.status == FINE, second
	sums = [json.loads(run.out) for run in (first, second)]
	assert sum(s["stored"] for s in sums) == count - 1
	assert sum(s["known"] for s in sums) <= 1	# its mark was lost
	assert kept(box) == [(IMAP, "microsoft.com")] * (count - 1)
	assert sorted(mailbox.server.messages()) == ["S"] * (count - 1) + ["a"]

	assert mailbox.use(port=mailbox.server.port).sum() == {}
	assert len(kept(box)) == count - 1


def test_mail_stays_unread_while_the_daemon_is_down(box, mailbox):
	mailbox.server.deliver(microsoft())
	box.stop()
	result = mailbox.fetch()
	assert result.status == TEMPFAIL, result
	assert mailbox.server.messages() == [""]
	open_door(box.start())
	assert mailbox.sum() == {"messages": 1, "stored": 1}
