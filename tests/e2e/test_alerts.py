"""Alerts: each failure is told once, and its end too, to all who are told."""

import sqlite3
import time

import pytest

from harness.process import free_port, wait_for
from harness.stage import make_stage  # noqa: F401
from harness.told import (Command, Mailbox, Watch, make_certificate,
			  server_context)
from test_alpn import rig_on_443


@pytest.fixture
def command(tmp_path):
	return Command(tmp_path)


@pytest.fixture
def closing():
	"""What is handed to it is closed at the end."""
	things = []
	yield lambda thing: things.append(thing) or thing
	for thing in things:
		thing.close()


def told_quickly(command, **more):
	return {"notify": [str(command.path)], "alert_gather": "1s",
		"alert_ca_down": "1s"} | more


def open_alerts(daemon):
	status, answer = daemon.api("GET", "/v1/alerts")
	assert status == 200
	return {(a["kind"], a["subject"]): a for a in answer["alerts"]}


def wait_open(daemon, kind, subject, seconds=30):
	wait_for(f"{kind} {subject} to be open",
		 lambda: (kind, subject) in open_alerts(daemon), seconds, 0.1)


def wait_over(daemon, kind, subject, seconds=60):
	wait_for(f"{kind} {subject} to be over",
		 lambda: (kind, subject) not in open_alerts(daemon), seconds,
		 0.1)


def test_a_ca_that_is_down(make_rig, command, closing, name):
	rig = make_rig()
	mailbox = closing(Mailbox(free_port()))
	daemon = rig.daemon(**told_quickly(
		command, alert_mail=["a@example.org", "b@example.org"],
		mail_server=f"smtp://127.0.0.1:{mailbox.server_address[1]}",
		mail_from="box@example.org")).start()
	rig.dns.point(name)
	daemon.add(name)
	assert open_alerts(daemon) == {}
	rig.pebble.stop()
	daemon.ok("cert", "renew", name)

	begun, = command.wait("ca.down", 1)
	assert begun["what"] == "begun" and begun["level"] == "warning"
	assert begun["alerts"][0]["subject"] == "pebble"
	assert "1 alert open" in daemon.ctl("status").out
	listed = daemon.ctl("alert", "list")
	assert listed.status == 1 and "ca.down" in listed.out
	mail, = mailbox.wait(1)
	assert mail["To"].split() == ["a@example.org,", "b@example.org"]
	assert "warning: ca.down pebble" in mail["Subject"]
	assert begun["alerts"][0]["text"][:20] in mail.get_payload()

	rig.pebble.start()
	command.wait("ca.down", 2, seconds=90)
	mailbox.wait(2)
	wait_over(daemon, "ca.down", "pebble")
	time.sleep(3)	# nobody has another word to say of it

	assert command.whats("ca.down") == ["begun", "ended"]
	assert len(mailbox.mails) == 2
	assert mailbox.mails[0]["Message-ID"] != mailbox.mails[1]["Message-ID"]
	log = daemon.log.read_text()
	assert log.count("alert: warning: ca.down pebble") == 1
	assert log.count("over: ca.down pebble") == 1
	assert not daemon.rows("SELECT * FROM notice")


def test_an_account_that_the_ca_ends(make_stage, command, name):
	stage = make_stage(**told_quickly(command)).start()
	daemon, ca = stage.daemon, "pebble"	# as its section is called
	stage.live(name)
	stage.ca.deactivate()
	stage.ask_renewal(name)

	begun, = command.wait("account.trouble", 1)
	assert begun["what"] == "begun" and begun["level"] == "error"
	alert, = begun["alerts"]
	assert alert["subject"] == ca and "deactivated" in alert["text"]
	assert "--new-account" in alert["hint"]
	assert "account.trouble" in daemon.ctl("alert", "list").out

	daemon.ok("ca", "rollover", ca, "--new-account")
	command.wait("account.trouble", 2)
	wait_over(daemon, "account.trouble", ca)
	time.sleep(3)	# nobody has another word to say of it
	assert command.whats("account.trouble") == ["begun", "ended"]


# Fewer than would be blamed on the box.
def test_many_alike_are_one(rig, command):
	names = [f"many{i}.test" for i in range(7)]
	elsewhere = free_port()		# where the CA does not look
	daemon = rig.daemon(http_port=elsewhere, **told_quickly(
		command, alert_gather="8s")).start()
	for name in names:
		rig.dns.point(name)
	daemon.add(*names, wait=False)

	wait_for("all to be told", lambda: sum(
		n["count"] for n in command.told("domain.failing")) >= 7, 60)

	notices = command.told("domain.failing")
	assert sum(n["count"] for n in notices if n["what"] == "begun") == 7
	assert len(notices) <= 2
	largest = max(notices, key=lambda n: n["count"])
	assert largest["level"] == "info" and len(largest["alerts"]) <= 10
	assert "alike" in largest["summary"]

	daemon.ok("domain", "remove", "--all", "--now")
	wait_for("all to be over", lambda: not open_alerts(daemon), 30)


# Port 80 is closed from outside: that is no name's fault, and is told as one.
def test_what_many_have_alike_is_the_boxs(make_rig, command):
	names = [f"alike{i}.test" for i in range(30)]
	rig, daemon = rig_on_443(make_rig, **told_quickly(command))
	daemon.start()
	for name in names:
		rig.dns.point(name)
	daemon.add(*names, wait=False)
	wait_for("the box to be told of", lambda: command.whats(
		"validations.failing") == ["begun"], 60)
	wait_for("all to have failed", lambda: daemon.rows(
		"SELECT COUNT(*) FROM domain WHERE problem <> ''") == [(30,)],
		60)
	assert daemon.rows("SELECT COUNT(*) FROM domain WHERE failures > 0"
			   )[0][0] < 10

	# By the other challenge it works, and that it does is told. Those that
	# waited for their turn begin with the first one.
	for _ in range(2):
		daemon.ok("cert", "renew", *names)
		wait_for("all to have been tried", lambda: daemon.rows(
			"SELECT COUNT(*) FROM domain WHERE renew_forced = 1"
			) == [(0,)], 60)
	wait_for("the end", lambda: command.whats(
		"validations.failing") == ["begun", "ended"], 60)


def test_silence(rig, command, name):
	daemon = rig.daemon(http_port=free_port(),
			    **told_quickly(command)).start()
	daemon.ok("alert", "silence", "domain.failing", "--for", "1h",
		  "--reason", "a move")
	rig.dns.point(name)
	daemon.add(name, wait=False)
	wait_open(daemon, "domain.failing", name)
	one = open_alerts(daemon)["domain.failing", name]
	assert one["silenced_until"]
	assert "silenced" in daemon.ctl("alert", "list").out
	daemon.ok("alert", "test")
	command.wait("alert.test", 1)	# what was told before it has come
	assert command.told("domain.failing") == []

	daemon.ok("alert", "silence", "domain.failing", "--cancel")
	command.wait("domain.failing", 1)
	daemon.ok("alert", "silence", one["id"], "--for", "1h")
	assert daemon.ctl("alert", "silence", "999999", "--for",
			  "1h").status == 3
	for unknown in ("what?", "ca.dwon", "bogus", "alert.test"):
		refused = daemon.ctl("alert", "silence", unknown, "--for", "1h")
		assert refused.status == 3
		assert "no such kind" in refused.err
	assert daemon.ctl("alert", "silence", name).status == 64
	assert "a move" in daemon.ok("log")
	time.sleep(2)
	assert command.whats("domain.failing") == ["begun"]


def test_a_test_reaches_all(rig, command, closing, tmp_path):
	tls = make_certificate(tmp_path)
	mailbox = closing(Mailbox(free_port(), server_context(*tls),
				  ("box", "secret")))
	password = tmp_path / "password"
	password.write_text("secret\n")
	daemon = rig.daemon(
		notify=[str(command.path)], alert_mail=["a@example.org"],
		mail_server=f"smtps://127.0.0.1:{mailbox.server_address[1]}",
		mail_user="box", mail_password_file=password,
		mail_trust=tls[0]).start()

	out = daemon.ok("alert", "test")

	assert "journal, notify, mail" in out
	notice, = command.wait("alert.test", 1)
	mail, = mailbox.wait(1)
	assert mailbox.logins == [("box", "secret")]
	assert "asked for by" in notice["summary"]
	assert "alert.test" in mail["Subject"]
	assert "alert: info: alert.test" in daemon.log.read_text()


def test_a_certificate_that_runs_out(make_rig, command, name):
	rig = make_rig(validity=40)
	daemon = rig.daemon(**told_quickly(command)).start()
	rig.dns.point(name)
	daemon.add(name)
	rig.pebble.stop()

	told = command.wait("cert.expiring", 4, seconds=90)
	assert [(n["what"], n["level"]) for n in told] == [
		("begun", "warning"), ("worse", "error"), ("worse", "critical"),
		("again", "critical")]
	assert "expired at" in told[3]["summary"]
	assert told[0]["alerts"][0]["subject"] == name

	rig.pebble.start()
	command.wait("cert.expiring", 5, seconds=90)
	wait_over(daemon, "cert.expiring", name)
	assert command.whats("cert.expiring")[4:] == ["ended"]


def test_a_certificate_served_unlike_the_stored_one(rig, command):
	names = ["unlike1.test", "unlike2.test"]
	daemon = rig.daemon(**told_quickly(command)).start()
	for name in names:
		rig.dns.point(name)
	daemon.add(*names)
	daemon.stop()
	with sqlite3.connect(daemon.state / "serve.db") as db:
		db.execute("UPDATE site SET (leaf, scalar, point, issuer_id) ="
			   " (SELECT leaf, scalar, point, issuer_id FROM site"
			   "  WHERE host = 'mta-sts.unlike2.test')"
			   " WHERE host = 'mta-sts.unlike1.test'")
	db.close()

	daemon.start()
	told = command.wait("cert.not-served", 1)
	assert [(n["level"], n["count"]) for n in told] == [("error", 1)]
	assert told[0]["alerts"][0]["subject"] == "unlike1.test"
	assert f"{daemon.serial('unlike2.test'):x}" in told[0]["summary"]

	daemon.ok("cert", "renew", "unlike1.test", "--wait")
	wait_over(daemon, "cert.not-served", "unlike1.test")
	command.wait("cert.not-served", 2)
	assert command.whats("cert.not-served") == ["begun", "ended"]


def test_a_renewal_that_everybody_forgot(rig, command, name):
	daemon = rig.daemon(**told_quickly(command)).start()
	rig.dns.point(name)
	daemon.add(name)
	with sqlite3.connect(daemon.state / "state.db", timeout=20) as db:
		db.execute("UPDATE domain SET due_at = 0")
		db.execute("UPDATE cert SET renew_at = unixepoch() - 3660,"
			   " warn_at = 0")
	db.close()

	told, = command.wait("schedule.forgotten", 1)
	assert told["alerts"][0]["subject"] == name
	assert told["level"] == "error"
	daemon.ok("cert", "renew", name, "--wait")
	command.wait("schedule.forgotten", 2)
	wait_over(daemon, "schedule.forgotten", name)
	assert command.whats("schedule.forgotten") == ["begun", "ended"]


def test_the_heartbeat_stops_when_it_is_grave(make_rig, command, closing,
					      tmp_path, name):
	rig = make_rig()
	tls = make_certificate(tmp_path)
	watch = closing(Watch(free_port(), server_context(*tls)))
	daemon = rig.daemon(**told_quickly(
		command, heartbeat_interval="1s", heartbeat_trust=tls[0],
		heartbeat_url=f"https://127.0.0.1:{watch.server_address[1]}/b",
	)).start()
	rig.dns.point(name)
	daemon.add(name)
	watch.wait_more()
	assert "the heartbeat goes on" in daemon.ok("alert", "test")
	watch.wait_more()

	rig.pebble.stop()
	daemon.ok("cert", "renew", name)
	command.wait("ca.down", 1)
	watch.wait_more()	# a warning is no reason to cry
	command.wait("ca.down", 2, seconds=60)
	assert command.whats("ca.down") == ["begun", "worse"]
	held = lambda: daemon.api("GET", "/v1/alerts")[1]["heartbeat"]["held"]
	wait_for("the heartbeat to be held", held, 10)
	time.sleep(1)		# what was under way
	count = len(watch.beats)
	time.sleep(4)
	assert len(watch.beats) == count
	assert "held back" in daemon.ctl("alert", "list").out
	assert "held back, and not for this test" in daemon.ok("alert", "test")

	rig.pebble.start()
	wait_over(daemon, "ca.down", "pebble", seconds=90)
	watch.wait_more()
