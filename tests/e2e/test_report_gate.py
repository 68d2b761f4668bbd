"""TLS reports open the way to enforce, and close it."""

import time

import pytest

from harness.process import wait_for
from harness.reports import Poster, report, sts
from test_enforce import DAY, Box, REFUSED, announce, look, txt_is

FINE = 0


def window(now, ago):
	day = time.strftime("%Y-%m-%d", time.gmtime(now - ago * DAY))
	return {"date-range": {"start-datetime": f"{day}T00:00:00Z",
			       "end-datetime": f"{day}T23:59:59Z"}}


class Told(Box):
	"""And who reports of it; a week has passed."""

	def __init__(self, rig, name, folder):
		super().__init__(rig, name, folder)
		self.folder = folder
		self.number = 0
		self.step(7 * DAY + 60)
		# The certificate is of real time.
		self.poster = Poster(self.daemon, rig.pebble.root(), name,
				     folder)

	def tell(self, ago, sessions, failed=0, kind="certificate-expired",
		 quoted=None, by="sts"):
		self.number += 1
		policy = sts(self.name)
		policy["policy"]["policy-type"] = by
		if quoted:
			policy["policy"]["policy-string"] = quoted.splitlines()
		policy["summary"] = {
			"total-successful-session-count": sessions - failed,
			"total-failure-session-count": failed}
		if failed:
			policy["failure-details"] = [{
				"result-type": kind,
				"receiving-mx-hostname": f"mx.{self.name}",
				"failed-session-count": failed}]
		body = report(self.name, self.number, [policy],
			      **window(self.clock.now(), ago))
		assert self.poster.post(body, kind="") == 200

	def alerts(self):
		return {a["kind"]: a for a in self.daemon.api(
			"GET", "/v1/alerts")[1]["alerts"]}

	def readiness(self):
		return self.daemon.ctl("policy", "readiness", self.name)


@pytest.fixture
def box(rig, name, tmp_path):
	one = Told(rig, name, tmp_path)
	yield one
	one.mail.close()


def test_clean_reports_open_the_gate(rig, box, name):
	daemon = box.daemon
	assert box.reasons() == {"reports.unknown"}
	assert "no TLS report has come yet" in box.readiness().out
	box.tell(9, 1000)
	assert box.reasons() == {"reports.unknown"}	# of another week
	box.tell(1, 0)
	assert box.reasons() == {"reports.unknown"}	# of no sessions
	box.tell(1, 100)
	ready = box.readiness()
	assert ready.status == FINE, ready
	assert "1 reporter: 100 sessions by MTA-STS in 7 days, 0 failed" in ready.out
	assert box.poster.post(b"no report", kind="") == 400
	told = wait_for("the counters", lambda: (
		lambda r: r if r["dropped"]["no_report"] else None)(
			daemon.json("status")["reports"]))
	assert (told["kept"], told["dropped"]["too_many"]) == (3, 0)
	assert ("TLS reports: 3 kept: mtastsctl report summary\n"
		"TLS reports not taken so far: 1 not readable\n") in \
		daemon.ctl("status").out
	assert "mode enforce" in daemon.ok("policy", "enforce", name)
	announce(rig, daemon, name)
	look(daemon, name, txt_is("in-step"))
	assert box.mode() == "enforce"


def test_failures_close_it_and_force_overrides(box, name):
	daemon = box.daemon
	wait_for("the alert", lambda: "domain.ready" in box.alerts())
	box.tell(1, 100, failed=2)
	for more in [], ["--without-reports"]:
		refused = daemon.ctl("policy", "enforce", name, *more)
		assert refused.status == REFUSED, refused
		assert "2 of 100 sessions by MTA-STS failed" in refused.err
		assert f"mtastsctl report summary {name}" in refused.err
	assert box.reasons() == {"reports.failing"}
	daemon.api("POST", f"/v1/domains/{name}/look", {})
	wait_for("its end", lambda: "domain.ready" not in box.alerts())
	daemon.ok("policy", "enforce", name, "--force", "--reason", "ours")
	event = [e for e in daemon.json("log", name)["events"]
		 if e["kind"] == "policy.changed"][-1]
	assert "reports.failing" in event["text"]


def test_only_what_came_by_its_policy_counts(box, name):
	"""DANE, no policy at all, and a policy of strangers say nothing of it."""
	box.tell(1, 500, by="no-policy-found")
	box.tell(1, 500, by="tlsa")
	box.tell(1, 500, quoted="version: STSv1\nmode: testing\n"
				"mx: mx.elsewhere.test\nmax_age: 604800")
	assert box.reasons() == {"reports.unknown"}
	told = box.readiness()
	assert "of 1500 sessions, but of none by its MTA-STS" in told.out, told
	box.tell(1, 10)
	box.tell(1, 50, failed=50, kind="tlsa-invalid", by="tlsa")
	assert box.readiness().status == FINE
	alert = box.alerts()["report.share"]
	assert "50 of 1550 sessions failed" in alert["text"]
	assert "nothing against mode enforce" in alert["text"]
	assert "tlsa-invalid" in box.alerts()["report.failing"]["text"]


def test_alerts_come_with_a_report_and_end_by_time(box, name):
	daemon = box.daemon
	box.tell(2, 1000)
	assert not {k for k in box.alerts() if k.startswith("report.")}
	box.tell(1, 100, failed=20)
	alert = box.alerts()["report.failing"]	# before the post is answered
	assert alert["subject"] == name
	assert alert["text"].endswith("certificate-expired"), alert
	assert "renew the certificate" in alert["hint"]
	assert box.alerts()["report.share"]["level"] == "warning"
	box.tell(1, 100, failed=1, kind="starttls-not-supported")
	assert "starttls-not-supported" in \
		box.alerts()["report.failing"]["text"]
	assert daemon.ctl("alert", "list").status != FINE
	known = daemon.api("GET", f"/v1/domains/{name}/expected")[1]
	assert known["reports"] == {"sessions": 1200, "failures": 21,
				    "silent_days": 0}
	checked = daemon.ctl("domain", "check", name)
	assert "of the last seven days 21 of 1200 failed" in checked.out

	for _ in range(2):
		box.step(4 * DAY)
	wait_for("their end", lambda: not {
		k for k in box.alerts() if k.startswith("report.")})


# Silence, and who goes by an old version.

def ask_for_reports(rig, box, name):
	"""The record that `domain records` has, and the look that finds it."""
	def asked():
		records = box.daemon.json("domain", "records", name)["records"]
		record, = [r for r in records
			   if r["name"].startswith("_smtp._tls.")]
		return record

	rig.dns.set(f"_smtp._tls.{name}", "TXT", f'"{asked()["value"]}"')
	look(box.daemon, name, lambda shown: asked()["there"])


def test_reports_that_come_no_more_are_missed(rig, box, name):
	"""They came each day, and DNS asks for them."""
	for ago in 3, 2, 1:
		box.tell(ago, 100)
	box.step(8 * DAY)
	assert "report.silent" not in box.alerts()	# nobody is asked
	ask_for_reports(rig, box, name)
	box.step(6 * DAY)
	assert "report.silent" not in box.alerts()	# not for long
	box.step(1 * DAY)
	alert = wait_for("the alert", lambda: box.alerts().get("report.silent"))
	assert (alert["subject"], alert["level"]) == (name, "warning")
	assert "no TLS report has come for 7 days" in alert["text"]
	assert f"mtastsctl domain check {name}" in alert["hint"]
	listed = box.daemon.ctl("alert", "list")
	assert listed.status != FINE and "report.silent" in listed.out
	known = box.daemon.api("GET", f"/v1/domains/{name}/expected")[1]
	assert known["reports"]["silent_days"] >= 7
	checked = box.daemon.ctl("domain", "check", name)
	assert f"{known['reports']['silent_days']} days" in checked.out
	box.tell(1, 100)
	assert "report.silent" not in box.alerts()


def test_none_at_all_is_said_where_reports_are_looked_at(rig, box, name):
	ask_for_reports(rig, box, name)
	box.step(6 * DAY)
	silent = "and none ever came"
	assert silent not in box.daemon.ok("report", "summary", name)
	box.step(2 * DAY)
	assert silent in box.daemon.ok("report", "summary", name)
	assert box.daemon.json("report", "summary", name)["unheard_since"]
	alert = wait_for("the alert", lambda: box.alerts().get("report.silent"))
	assert (alert["subject"], alert["level"]) == (name, "info")
	assert "no TLS report has ever come" in alert["text"]
	assert box.daemon.json("status")["alerts"]["grave"] == 0
	box.tell(1, 100)
	assert "report.silent" not in box.alerts()
	box.step(60 * DAY)
	assert silent not in box.daemon.ok("report", "summary", name)


def test_silence_is_no_trouble_of_who_seldom_had_a_report(rig, box, name):
	ask_for_reports(rig, box, name)
	box.tell(5, 100)
	box.tell(1, 100)
	box.step(10 * DAY)
	alert = wait_for("the alert", lambda: box.alerts().get("report.silent"))
	assert alert["level"] == "info"
	known = box.daemon.api("GET", f"/v1/domains/{name}/expected")[1]
	assert known["reports"]["silent_days"] == 0


def test_a_removal_at_once_names_who_may_go_on_refusing(box, name):
	daemon = box.daemon
	daemon.ok("policy", "enforce", name, "--force", "--reason", "story")
	[(body,)] = daemon.rows("SELECT body FROM policy"
				" ORDER BY version DESC LIMIT 1")
	remove = ["domain", "remove", name, "--now", "--dry-run"]
	box.tell(2, 100)
	assert "no TLS report of the last 30 days" in daemon.ok(*remove)
	box.tell(1, 100, quoted=body)
	assert "they are, among others, Sender Inc.\n" in daemon.ok(*remove)
	answer = daemon.json(*remove)
	assert answer["enforced_by"] == {"reporters": ["Sender Inc."],
					 "more": 0}
	box.step(3 * DAY)
	daemon.ok("policy", "testing", name)
	[(body,)] = daemon.rows("SELECT body FROM policy"
				" ORDER BY version DESC LIMIT 1")
	box.step(2 * DAY)
	box.tell(1, 100, quoted=body)
	assert "Sender Inc." not in daemon.ok(*remove)


def test_a_reporter_with_an_old_version_is_told_of(rig, box, name):
	"""Once no sender was to hold it any more: its max_age, and a day."""
	daemon = box.daemon

	def body():
		return daemon.rows("SELECT body FROM policy"
				   " ORDER BY version DESC LIMIT 1")[0][0]

	old = body()
	daemon.ok("policy", "mx", name, "add", f"mx2.{name}")
	announce(rig, daemon, name)
	look(daemon, name, txt_is("in-step"))
	assert body() != old
	box.step(6 * DAY)
	box.tell(1, 100, quoted=old)
	assert "report.old-version" not in box.alerts()	# it may hold it still
	box.step(4 * DAY)
	assert "report.old-version" not in box.alerts()	# that report is of then
	box.tell(1, 100, quoted=body())
	assert "report.old-version" not in box.alerts()
	box.tell(1, 100, quoted=old)
	alert = box.alerts()["report.old-version"]	# before it is answered
	assert (alert["subject"], alert["level"]) == (name, "warning")
	assert '"Sender Inc." still reports by version 1' in alert["text"]
	assert "contact" in alert["hint"], alert
	summary = daemon.ctl("report", "summary", name)
	assert "Sender Inc." in summary.out
	box.step(9 * DAY)
	wait_for("its end", lambda: "report.old-version" not in box.alerts())
