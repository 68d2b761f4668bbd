"""From testing to enforce, and back in a hurry."""

import sqlite3
import threading

import pytest

from harness.clock import Leaps
from harness.outside import Authority, MailServer
from harness.process import wait_for
from test_watch import DAY, FINE, REFUSED, announce, look, txt_is

NOT_READY = 1


class Box:
	"""A live domain in testing, announced, with a mail server of its own."""

	def __init__(self, rig, name, folder):
		self.rig, self.name = rig, name
		self.clock = Leaps(folder)
		self.ca = Authority(folder)
		self.mail = MailServer(self.ca.context(f"mx.{name}"))
		trust = folder / "roots.pem"
		trust.write_bytes(rig.pebble.root().read_bytes()
				  + self.ca.root.read_bytes())
		self.daemon = rig.daemon(
			allow_private=True, check_smtp_port=self.mail.port,
			check_trust=trust)
		self.daemon.settings["check_https_port"] = \
			self.daemon.https_port
		rig.dns.point(name)
		rig.dns.set(f"mx.{name}", "A", "127.0.0.1")
		rig.dns.set(name, "MX", f"10 mx.{name}.")
		self.daemon.start(env=self.clock.env())
		self.daemon.add(name)
		announce(rig, self.daemon, name)
		look(self.daemon, name, txt_is("in-step"))

	def reasons(self):
		done = self.daemon.ctl("policy", "readiness", self.name,
				       "--json")
		view = self.daemon.api("GET", f"/v1/domains/{self.name}"
				       "/policy/readiness")[1]
		ids = {r["id"] for r in view["reasons"]}
		assert done.status == (NOT_READY if ids else FINE), done
		return ids

	def step(self, seconds):
		"""And DNS is looked at, for what it said before is of then.

		A question that was under way is lost when the time leaps.
		"""
		dns = self.daemon.json("domain", "show", self.name)["dns"]
		self.clock.step(seconds)
		self.daemon.reload()
		look(self.daemon, self.name, lambda d: all(
			d["dns"][part]["seen"] > dns["looked"]
			for part in ("host", "txt", "mx")))

	def mode(self):
		return self.daemon.json("domain", "show",
					self.name)["policy"]["mode"]


@pytest.fixture
def box(rig, name, tmp_path):
	one = Box(rig, name, tmp_path)
	yield one
	one.mail.close()


def test_enforce_is_refused_until_nothing_speaks_against_it(rig, box, name):
	daemon = box.daemon
	assert box.reasons() == {"days", "reports.unknown"}
	refused = daemon.ctl("policy", "enforce", name, "--without-reports")
	assert refused.status == REFUSED and "7d" in refused.err, refused
	assert (box.mode(), "--force" in refused.err) == ("testing", True)

	box.step(7 * DAY + 60)
	assert box.reasons() == {"reports.unknown"}
	box.mail.context = box.ca.context(f"mx.{name}", begins=-20, ends=-1)
	assert box.reasons() == {"reports.unknown", "smtp.cert-expired"}
	refused = daemon.ctl("policy", "enforce", name, "--without-reports")
	assert refused.status == REFUSED and "expired" in refused.err
	box.mail.context = box.ca.context("other.test")
	assert "smtp.cert-name" in box.reasons()
	box.mail.context = box.ca.context(f"m*.{name}")
	assert "smtp.cert-name" in box.reasons()
	box.mail.context = box.ca.context(f"mx.{name}")

	rig.dns.set(name, "MX", f"10 mx.{name}.", "20 mx2.example.test.")
	assert "mx.not-covered" in wait_for("the MX", lambda: (
		box.reasons() if "mx.not-covered" in box.reasons() else None))
	rig.dns.set(name, "MX", f"10 mx.{name}.")
	look(daemon, name, lambda d: not d["dns"]["mx"]["strays"])
	assert box.reasons() == {"reports.unknown"}
	wait_for("the alert", lambda: "domain.ready" in [
		a["kind"] for a in daemon.json("alert", "list")["alerts"]])
	# That is news, and no trouble.
	listed, status = daemon.ctl("alert", "list"), daemon.ctl("status")
	assert listed.status == FINE and "domain.ready" in listed.out, listed
	assert status.status == FINE, status
	assert "1 piece of news" in status.out and "all is well" in status.out

	assert daemon.ctl("policy", "enforce", name).status == REFUSED
	assert "mode enforce" in daemon.ok("policy", "enforce", name,
					   "--without-reports")
	announce(rig, daemon, name)
	look(daemon, name, txt_is("in-step"))
	assert "domain.ready" not in [
		a["kind"] for a in daemon.json("alert", "list")["alerts"]]

	# The panic button.
	said = daemon.ok("policy", "testing", name)
	assert "the last may refuse until" in said
	assert box.mode() == "testing"
	assert "days" in box.reasons()


def test_force_needs_a_reason_and_is_remembered(box, name):
	daemon = box.daemon
	for words in (["policy", "enforce", name],
		      ["policy", "set", name, "--mode", "enforce"]):
		refused = daemon.ctl(*words, "--force")
		assert refused.status == REFUSED and "--reason" in refused.err
	assert daemon.ctl("policy", "set", name, "--mode",
			  "enforce").status == REFUSED
	daemon.ok("policy", "enforce", name, "--force", "--reason", "audit")
	assert box.mode() == "enforce"
	event, = [e for e in daemon.json("log", name)["events"]
		  if e["kind"] == "policy.changed"]
	assert event["reason"] == "audit" and "days" in event["text"]
	daemon.ok("policy", "testing", name)
	assert daemon.ctl("policy", "rollback", name).status == REFUSED


def test_a_look_that_had_begun_before_opens_no_gate(rig, box, name):
	"""Mail went bad after it had seen that; it answers nobody who asks now."""
	daemon = box.daemon
	box.step(7 * DAY + 60)
	look(daemon, name, txt_is("in-step"))
	assert box.reasons() == {"reports.unknown"}
	went_bad = threading.Event()

	def wait(connection):
		went_bad.wait(15)
		connection.sendall(b"250 ok\r\n")
	box.mail.chatter["NOOP"] = wait
	said = len(box.mail.said)
	daemon.api("POST", f"/v1/domains/{name}/check", {})
	wait_for("the look", lambda: "NOOP" in box.mail.said[said:], 15)
	del box.mail.chatter["NOOP"]
	box.mail.context = box.ca.context(f"mx.{name}", begins=-20, ends=-1)
	threading.Timer(2, went_bad.set).start()
	refused = daemon.ctl("policy", "enforce", name, "--without-reports")
	assert refused.status == REFUSED and "expired" in refused.err, refused
	assert box.mode() == "testing"


def test_a_mail_host_of_a_moment_ago_closes_the_gate(rig, box, name):
	"""DNS was looked at hours ago, perhaps; the gate goes by what is now."""
	daemon = box.daemon
	box.step(7 * DAY + 60)
	look(daemon, name, txt_is("in-step"))
	assert box.reasons() == {"reports.unknown"}
	for _ in range(4):
		rig.dns.set(name, "MX", f"10 mx.{name}.",
			    "20 mx2.example.test.")
		refused = daemon.ctl("policy", "enforce", name,
				     "--without-reports", "--dry-run")
		assert refused.status == REFUSED, refused
		assert "mx2.example.test" in refused.err
		rig.dns.set(name, "MX", f"10 mx.{name}.")
		daemon.ok("policy", "enforce", name, "--without-reports",
			  "--dry-run")


def test_a_host_that_no_mx_names_is_asked_about(rig, box, name):
	"""Nobody may have meant it: DNS lied when the domain was added."""
	daemon = box.daemon
	daemon.ok("policy", "mx", name, "add", "evil.example.test")
	announce(rig, daemon, name)
	look(daemon, name, txt_is("in-step"))
	box.step(7 * DAY + 60)
	assert box.reasons() == {"reports.unknown", "mx.stale"}
	enforce = ["policy", "enforce", name, "--without-reports", "--dry-run"]
	refused = daemon.ctl(*enforce)
	assert refused.status == REFUSED and "--keep-stale" in refused.err
	assert "evil.example.test, which no MX is" in refused.err
	daemon.ok(*enforce, "--keep-stale")
	daemon.ok("policy", "mx", name, "drop", "evil.example.test")
	announce(rig, daemon, name)
	look(daemon, name, txt_is("in-step"))
	assert box.reasons() == {"reports.unknown"}


def test_without_port_25_it_is_said_and_not_in_the_way(box, name):
	box.mail.close()
	box.step(7 * DAY + 60)
	assert box.reasons() == {"reports.unknown"}
	said = box.daemon.ok("policy", "enforce", name, "--without-reports")
	assert "note: " in said and f"mx.{name}" in said


def test_where_one_mail_host_was_reached_each_must_be(rig, box, name):
	"""At one of its addresses: senders take another one then."""
	daemon, other = box.daemon, f"mx2.{name}"
	rig.dns.set(other, "A", "127.0.0.2")
	rig.dns.set(name, "MX", f"10 mx.{name}.", f"20 {other}.")
	daemon.ok("policy", "mx", name, "add", other)
	announce(rig, daemon, name)
	look(daemon, name, txt_is("in-step"))
	box.step(7 * DAY + 60)
	enforce = ["policy", "enforce", name, "--without-reports"]
	refused = daemon.ctl(*enforce)
	assert refused.status == REFUSED, refused
	assert f"the MX {other} was not tested: no connection" in refused.err

	rig.dns.set(f"mx.{name}", "A", "127.0.0.1", "127.0.0.3")
	refused = daemon.ctl(*enforce)
	assert refused.status == REFUSED, refused
	assert f"the MX {other} was not tested: no connection" in refused.err
	view = daemon.api("GET", f"/v1/domains/{name}/policy/readiness")[1]
	assert [other in r["text"] for r in view["reasons"]
		if r["id"] == "smtp.unreachable"] == [True]

	spare = MailServer(box.ca.context(other), ("127.0.0.2", box.mail.port))
	said = daemon.ok(*enforce)
	assert f"mx.{name} has STARTTLS and a good certificate at 127.0.0.1" \
		in " ".join(said.split())
	assert box.mode() == "enforce"
	spare.close()


def alerts(daemon):
	return {a["kind"]: a for a in
		daemon.api("GET", "/v1/alerts")[1]["alerts"]}


def checked(box):
	return box.daemon.rows("SELECT max(at) FROM checked")[0][0] or 0


def wait_look(box, before):
	wait_for("a look from outside", lambda: checked(box) > before, 40)


def test_a_mail_host_that_goes_bad_is_told_and_its_end(rig, box, name):
	"""Nobody looked any more once it enforced, and then it costs mail."""
	daemon = box.daemon
	daemon.ok("policy", "enforce", name, "--force", "--reason", "a story")
	announce(rig, daemon, name)
	look(daemon, name, txt_is("in-step"))
	wait_look(box, 0)
	assert daemon.ctl("status").status == FINE
	box.mail.context = box.ca.context(f"mx.{name}", begins=-20, ends=-1)

	before = checked(box)
	box.step(DAY + 60)
	wait_look(box, before)
	assert "policy.mx-refused" not in alerts(daemon)	# once is no proof
	before = checked(box)
	box.step(660)
	wait_look(box, before)
	alert = wait_for("the alert",
			 lambda: alerts(daemon).get("policy.mx-refused"), 10)
	assert (alert["level"], alert["subject"]) == ("error", name)
	assert f"mx.{name}" in alert["text"] and "expired" in alert["text"]
	assert f"mtastsctl policy testing {name}" in alert["hint"]
	status = daemon.ctl("status")
	assert status.status == 2 and "needs a hand" in status.out
	assert alert["text"] in status.out and alert["hint"] in status.out
	assert daemon.ctl("alert", "list").status == 2
	kind = ["alert", "list", "--kind"]
	assert daemon.ctl(*kind, "policy.mx-refused").status == 2
	none = daemon.ctl(*kind, "ca.down")
	assert (none.status, none.out) == (FINE, "no alerts\n")
	refused = daemon.ctl(*kind, "ca.dwon")
	assert refused.status == REFUSED and "no such kind" in refused.err
	assert "mx.refused" in daemon.ctl("domain", "show", name,
					  "--json").out

	# Port 25 that nobody lets us through says nothing of it.
	open_port = box.mail
	box.mail.close()
	before = checked(box)
	box.step(3660)
	wait_look(box, before)
	assert "policy.mx-refused" in alerts(daemon)
	box.mail = MailServer(box.ca.context(f"mx.{name}"),
			      ("127.0.0.1", open_port.port))
	before = checked(box)
	box.step(3660)
	wait_look(box, before)
	wait_for("its end", lambda: "policy.mx-refused" not in alerts(daemon))
	assert daemon.ctl("status").status == FINE


def test_a_new_id_that_waits_for_dns_is_not_well(rig, box, name):
	"""`status` said for a day that all is well, after the panic button too."""
	daemon = box.daemon
	daemon.ok("policy", "enforce", name, "--force", "--reason", "a story")
	waits = "does not show the new id yet; senders still use version 1"
	for told in range(2):		# at once; and once it was looked at
		status = daemon.ctl("status")
		assert status.status == 1 and waits in status.out, status
		assert "publish: _mta-sts" in status.out
		assert "all is well" not in status.out
		look(daemon, name, txt_is("behind"))
	announce(rig, daemon, name)
	look(daemon, name, txt_is("in-step"))
	wait_look(box, 0)
	assert daemon.ctl("status").status == FINE

	daemon.ok("policy", "testing", name)
	waits = "senders still use version 2, mode enforce"
	assert waits in daemon.ctl("status").out
	text = daemon.ok("domain", "show", name)
	assert waits in text and "yet: senders still use version 2\n" in text
	assert look(daemon, name, txt_is("behind"))["dns"]["txt"]["version"] == 2
	box.step(25 * 60)
	look(daemon, name, txt_is("behind"))
	assert not alerts(daemon)
	box.step(6 * 60)
	alert = wait_for("the alert", lambda:
			 alerts(daemon).get("policy.not-announced"), 20)
	assert waits in alert["text"]
	announce(rig, daemon, name)
	look(daemon, name, txt_is("in-step"))
	wait_for("its end", lambda: not alerts(daemon))
	assert daemon.ctl("status").status == FINE


def test_a_damaged_row_holds_up_no_look(box, name):
	"""It was asked for first, and is tried first: it has to be let go."""
	daemon = box.daemon
	daemon.add("bad.test", wait=False)
	with sqlite3.connect(daemon.state / "state.db", timeout=20) as db:
		db.execute("INSERT OR REPLACE INTO checked(domain_id, asked_at)"
			   " SELECT id, 1 FROM domain WHERE name = 'bad.test'")
		db.execute("UPDATE domain SET method = 77"
			   " WHERE name = 'bad.test'")
	db.close()
	assert daemon.api("POST", f"/v1/domains/{name}/check", {})[0] == 200
	wait_look(box, 0)
	wait_for("the bad one to be let go", lambda: daemon.rows(
		"SELECT count(*) FROM checked WHERE asked_at > 0") == [(0,)])
