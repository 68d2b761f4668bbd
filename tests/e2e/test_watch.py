"""What the daemon sees in DNS by itself, and what follows from it."""

import calendar
import json
import sqlite3
import time

import pytest

from harness.clock import Leaps
from harness.flaky_dns import FlakyDns
from harness.older import VERSION, take_back, version
from harness.process import wait_for

FINE, REFUSED = 0, 3
DAY = 86400


@pytest.fixture
def live(rig, daemon, name):
	rig.dns.point(name)
	rig.dns.set(name, "MX", f"10 mx.{name}.")
	daemon.add(name)
	return daemon


def look(daemon, name, until):
	"""DNS is looked at again until it is seen so."""
	def seen():
		daemon.api("POST", f"/v1/domains/{name}/look", {})
		shown = daemon.json("domain", "show", name)
		return shown if shown["dns"] and until(shown) else None
	return wait_for("DNS to be seen", seen, 20)


def kinds_of(daemon, name):
	return [e["kind"] for e in daemon.json("log", name)["events"]]


def ids(shown):
	return [f["id"] for f in shown["findings"]]


def announce(rig, daemon, name, id=None):
	id = id or daemon.json("domain", "show", name)["policy"]["id"]
	rig.dns.set(f"_mta-sts.{name}", "TXT", f'"v=STSv1; id={id};"')
	return id


def instant(text):
	return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


def txt_is(what):
	return lambda shown: shown["dns"]["txt"]["is"] == what


def test_in_step_behind_ahead_foreign(rig, live, name):
	# What was seen before it was live is no finding yet.
	shown = look(live, name, lambda shown: "txt.missing" in ids(shown))
	assert txt_is("nothing")(shown)
	assert shown["dns"]["host"]["is"] == "here"
	old = announce(rig, live, name)
	shown = look(live, name, txt_is("in-step"))
	assert shown["health"] == "ok"
	[version] = live.json("policy", "history", name)["versions"]
	assert version["announced"] >= version["created"]

	live.ok("policy", "set", name, "--max-age", "14d")
	shown = live.json("domain", "show", name)
	[finding] = shown["findings"]
	assert shown["dns"]["txt"]["is"] == "behind" and \
		finding["id"] == "id.behind"
	assert old in finding["text"]
	# In one line to copy.
	assert finding["hint"] == \
		f'publish: _mta-sts.{name}. IN TXT ' \
		f'"v=STSv1; id={shown["policy"]["id"]};"'
	new = announce(rig, live, name)
	look(live, name, txt_is("in-step"))
	assert new != old

	announce(rig, live, name, "20990101T000000Z")
	assert "id.ahead" in ids(look(live, name, txt_is("ahead")))
	rig.dns.point(name, address="127.0.0.9")
	shown = look(live, name, txt_is("foreign"))
	assert {"id.foreign", "host.not-here"} <= set(ids(shown))
	rig.dns.set(f"_mta-sts.{name}", "TXT", '"v=STSv1; id=a;"',
		    '"v=STSv1; id=b;"')
	look(live, name, txt_is("damaged"))

	kinds = kinds_of(live, name)
	assert kinds.count("dns.txt") >= 5 and "dns.host" in kinds
	text = live.ok("domain", "show", name)
	assert "is doubled or damaged" in text


def test_a_new_mail_host_is_seen_before_mail_bounces(rig, live, name):
	look(live, name, lambda d: d["dns"]["mx"]["hosts"] == [f"mx.{name}"])
	rig.dns.set(name, "MX", f"10 mx.{name}.", "20 new.example.test.")
	shown = look(live, name, lambda d:
		     "new.example.test" in d["dns"]["mx"]["strays"])
	[finding] = [f for f in shown["findings"] if f["id"] == "mx.not-covered"]
	assert "new.example.test" in finding["text"]
	assert finding["level"] == "warning"
	assert f"mx.{name}" not in shown["dns"]["mx"]["strays"]


def test_a_handover_that_does_not_leave_is_told(rig, name, tmp_path):
	"""Nothing is ordered for it: the certificate ran out unannounced."""
	clock = Leaps(tmp_path)
	daemon = rig.daemon()
	rig.dns.point(name)
	rig.dns.set(name, "MX", f"10 mx.{name}.")
	daemon.start(env=clock.env())
	daemon.add(name)
	cert = daemon.json("cert", "show", name)["certificate"]
	daemon.ok("domain", "handover", name)
	shown = look(daemon, name, lambda s: s["dns"]["host"]["is"] == "here")
	assert not ids(shown)

	def told(at, id, level):
		clock.set(round(at - time.time()))
		daemon.reload()
		def is_told():
			daemon.api("POST", f"/v1/domains/{name}/look", {})
			shown = daemon.json("domain", "show", name)
			kinds = [(a["kind"], a["level"]) for a in
				 daemon.api("GET", "/v1/alerts")[1]["alerts"]
				 if a["subject"] == name]
			listed = [f["id"] for p in daemon.api(
				  "GET", "/v1/status")[1]["problems"]
				  if p["name"] == name for f in p["findings"]]
			return id in ids(shown) and id in listed and \
				("cert.expiring", level) in kinds and shown
		return wait_for(id, is_told, 30)

	shown = told(instant(cert["renew_at"]) + 60, "cert.lapsing", "warning")
	assert shown["health"] == "warning"
	[finding] = shown["findings"]
	assert f"domain add {name}" in finding["hint"] and \
		cert["not_after"] in finding["hint"]
	shown = told(instant(cert["not_after"]) + 60, "cert.expired", "error")
	assert shown["health"] == "error"
	# Once it has left it is the other host's.
	rig.dns.point(name, address="127.0.0.9")
	assert not ids(look(daemon, name, lambda s:
			    s["dns"]["host"]["is"] == "elsewhere"))


# ---- names that give no rest ----

def test_a_record_that_never_rests_fills_no_log(rig, live, name):
	announce(rig, live, name)
	look(live, name, txt_is("in-step"))
	told = kinds_of(live, name).count("dns.txt")
	for i in range(12):
		announce(rig, live, name, f"n{i}")
		look(live, name, lambda shown: shown["dns"]["txt"]["id"] == f"n{i}")
	assert kinds_of(live, name).count("dns.txt") <= 6
	assert told >= 1
	shown = live.json("domain", "show", name)
	assert shown["dns"]["txt"]["is"] == "ahead"


def test_slow_names_hold_up_no_others(rig, name):
	"""Before, each of sixteen slots was held for a quarter of a minute."""
	flaky = FlakyDns(rig.dns, 0)
	flaky.mute = "slow"
	daemon = rig.daemon(resolvers=[flaky.address]).start()
	try:
		for i in range(300):
			status, answer = daemon.api("POST", "/v1/domains", {
				"name": f"slow{i}.test", "mx": ["mx.test"]})
			assert status == 200, answer
		rig.dns.set(name, "MX", f"10 mx.{name}.")
		daemon.add(name, wait=False)
		wait_for("the quick one to be seen", lambda: daemon.json(
			"domain", "show", name)["dns"], 40)
		# From now on they are known to be slow.
		rig.dns.set(name, "MX", f"20 other.{name}.")
		daemon.api("POST", f"/v1/domains/{name}/look", {})
		wait_for("the quick one to be seen again", lambda: daemon.json(
			"domain", "show", name)["dns"]["mx"]["hosts"] ==
			[f"other.{name}"], 10)
	finally:
		flaky.close()


def test_going_live_is_seen_at_once(rig, daemon, name):
	"""What was seen while it waited stood for a minute."""
	daemon.add(name, wait=False)
	look(daemon, name, lambda d: d["dns"]["host"]["is"] == "nowhere")
	rig.dns.point(name)
	daemon.ok("domain", "add", name)	# by hand: it wakes now
	daemon.wait_state("live", name)
	wait_for("the look", lambda: "host.not-here" not in
		 ids(daemon.json("domain", "show", name)), 5, 0.1)


def test_a_look_that_is_asked_for_during_another_one(rig, name):
	"""It ended with the next one, a minute or hours away."""
	flaky = FlakyDns(rig.dns, 0)
	daemon = rig.daemon(resolvers=[flaky.address]).start()
	try:
		daemon.add(name, wait=False)
		wait_for("the first look", lambda: daemon.json(
			"domain", "show", name)["dns"], 10)
		flaky.mute = "_mta-sts"		# it takes five seconds now
		asked = flaky.asked
		daemon.api("POST", f"/v1/domains/{name}/look", {})
		wait_for("one to be under way", lambda: flaky.asked > asked, 5)
		time.sleep(2)
		announce(rig, daemon, name)
		daemon.api("POST", f"/v1/domains/{name}/look", {})
		time.sleep(5)
		flaky.mute = None
		wait_for("the other one", lambda: daemon.json(
			"domain", "show", name)["dns"]["txt"]["is"] ==
			"in-step", 15)
	finally:
		flaky.close()


# ---- the way out ----

def test_remove_walks_to_its_end(rig, name, tmp_path):
	clock = Leaps(tmp_path)
	daemon = rig.daemon()
	client_host = f"mta-sts.{name}"
	rig.dns.point(name)
	daemon.start(env=clock.env())
	daemon.add(name)
	announce(rig, daemon, name)
	look(daemon, name, txt_is("in-step"))
	rig.client(daemon).fetch(client_host)
	wait_for("the fetch to be counted", lambda: daemon.json(
		"policy", "history", name)["versions"][0]["fetches"], 15)

	said = daemon.ok("domain", "remove", name)
	shown = daemon.json("domain", "show", name)
	assert (shown["state"], shown["policy"]["mode"]) == ("removing", "none")
	assert f'now publish: _mta-sts.{name}. TXT "v=STSv1; ' \
	       f'id={shown["policy"]["id"]};"' in said
	assert b"mode: none" in rig.client(daemon).fetch(client_host).body
	assert shown["leaving"]["waits_for_txt"]
	assert shown["leaving"]["done"] is None
	assert "already removing" in daemon.ok("domain", "remove", name)

	# What senders fetched counts for its seven days, the new one for one.
	announce(rig, daemon, name)
	shown = look(daemon, name, txt_is("in-step"))
	assert shown["leaving"]["done"] == shown["leaving"]["held_until"]
	clock.step(6 * DAY)
	daemon.reload()
	assert daemon.json("domain", "show", name)["state"] == "removing"
	assert "txt.removable" not in ids(daemon.json("domain", "show", name))
	clock.step(2 * DAY)
	daemon.reload()
	shown = look(daemon, name, lambda d: "txt.removable" in ids(d))
	wait_for("the alert", lambda: "domain.removable" in
		 [a["kind"] for a in daemon.json("alert", "list")["alerts"]])

	found = daemon.ctl("domain", "check", name, "--json", env=clock.env())
	assert "txt.removable" in [f["id"] for f in
				   json.loads(found.out)["findings"]]

	rig.dns.set(f"_mta-sts.{name}", "TXT")
	rig.dns.forget(name)
	look(daemon, name, lambda d: d["dns"]["txt"]["is"] == "nothing" and
	     d["dns"]["host"]["is"] == "nowhere")
	clock.step(2 * 3600)
	daemon.reload()
	wait_for("it to be gone", lambda: gone(daemon, name), 20)
	assert "domain.gone" in kinds_of(daemon, name)


def gone(daemon, name):
	daemon.api("POST", f"/v1/domains/{name}/look", {})
	return daemon.api("GET", f"/v1/domains/{name}")[0] == 404


def test_add_takes_it_back(rig, live, name):
	before = live.json("domain", "show", name)["policy"]
	live.wait_announced(name)
	live.ok("domain", "remove", name)
	assert "removing" in live.ok("domain", "list", "--state", "removing")
	said = live.ok("domain", "add", name)
	assert "it stays, live" in said and "added" not in said
	assert f'id={live.json("domain", "show", name)["policy"]["id"]}' in said
	shown = live.json("domain", "show", name)
	assert (shown["state"], shown["leaving"]) == ("live", None)
	assert shown["policy"]["mode"] == "testing"
	assert shown["policy"]["mx"] == before["mx"]
	assert shown["policy"]["max_age"] == before["max_age"]
	assert shown["policy"]["id"] != before["id"]
	assert shown["policy"]["version"] == 3


def test_handover_orders_nothing_and_ends_when_dns_has_left(
		rig, name, tmp_path):
	clock = Leaps(tmp_path)
	daemon = rig.daemon()
	rig.dns.point(name)
	daemon.start(env=clock.env())
	daemon.add(name)
	serial = daemon.json("cert", "show", name)["certificate"]["serial"]
	body = rig.client(daemon).fetch(f"mta-sts.{name}").body
	live_since = daemon.json("domain", "show", name)["state_since"]
	clock.step(60)
	daemon.reload()

	assert "lead mta-sts" in daemon.ok("domain", "handover", name)
	refused = daemon.ctl("cert", "renew", name)
	assert refused.status == REFUSED and "handed over" in refused.err
	for form in "text", "zone", "nsupdate":
		records = daemon.ok("domain", "records", name, "--format", form)
		assert "127.0.0.1" not in records and "v=STS" not in records
	assert "what the other host says" in daemon.ok("domain", "records", name)
	look(daemon, name, lambda d: d["dns"]["host"]["is"] == "here")
	shown = daemon.json("domain", "show", name)
	assert shown["state"] == "handing-over" and shown["next"] is None
	assert shown["certificate"]["renew_at"] is None
	assert "renewal    none: it is handed over" in \
		daemon.ok("domain", "show", name)
	assert shown["state_since"] == shown["leaving"]["since"] > live_since
	assert shown["leaving"]["waits_for_dns"]
	assert rig.client(daemon).fetch(f"mta-sts.{name}").body == body

	rig.dns.point(name, address="127.0.0.9")
	shown = look(daemon, name, lambda d:
		     d["dns"]["host"]["is"] == "elsewhere")
	assert shown["leaving"]["done"]
	clock.step(DAY + 60)
	daemon.reload()
	wait_for("it to be gone", lambda: gone(daemon, name), 20)
	assert daemon.rows("SELECT count(*) FROM key")[0][0] == 0
	assert serial


def test_remove_now_says_who_may_still_refuse(live, name):
	live.ok("policy", "enforce", "--force", "--reason", "story", name)
	said = live.ok("domain", "remove", name, "--now")
	assert "removed" in said and "senders go on refusing" in said
	assert live.ctl("domain", "show", name).status != FINE


def test_what_is_removed_and_then_handed_over_keeps_its_policy(live, name):
	live.ok("policy", "set", name, "--max-age", "14d")
	live.ok("domain", "remove", name)
	assert "1 removing" in live.ok("status")
	live.ok("domain", "handover", name)
	shown = live.json("domain", "show", name)
	assert shown["state"] == "handing-over"
	assert (shown["policy"]["mode"], shown["policy"]["max_age"]) == \
		("testing", 14 * DAY)
	assert shown["next"] is None


def unread(rig, name, tmp_path, broken, *others):
	"""A live domain, seen in step, of which a part is not answered any more.

	Returns the daemon, what lets three days pass, and what answers.
	"""
	flaky, clock = FlakyDns(rig.dns, 0), Leaps(tmp_path)
	daemon = rig.daemon(resolvers=[flaky.address])
	rig.dns.point(name)
	rig.dns.set(name, "MX", "10 new.example.test.")
	daemon.start(env=clock.env())
	daemon.ok("domain", "add", name, "--mx",
		  "old.example.test,new.example.test", "--wait")
	announce(rig, daemon, name)
	look(daemon, name, lambda d: txt_is("in-step")(d) and
	     d["dns"]["mx"]["hosts"] == ["new.example.test"])

	def days():
		flaky.broken = broken
		for _ in range(3):
			before = daemon.json("domain", "show", name)["dns"]
			clock.step(DAY)
			daemon.reload()
			look(daemon, name, lambda d: all(
				d["dns"][part]["seen"] > before["looked"]
				for part in others))
	return daemon, days, flaky


MX_QUERY = b"\x00\x00\x0f\x00\x01"	# the end of a name, type and class


def test_mx_that_nobody_reads_open_no_guard(rig, name, tmp_path):
	"""All else was read today: that says nothing of the MX."""
	daemon, days, flaky = unread(rig, name, tmp_path, MX_QUERY,
				     "host", "txt")
	daemon.ok("policy", "enforce", name, "--force", "--reason", "r")
	announce(rig, daemon, name)
	look(daemon, name, txt_is("in-step"))
	daemon.ok("template", "set", "gold", "--mx",
		  "old.example.test,new.example.test")
	daemon.ok("domain", "set", name, "--template", "gold")
	rig.dns.set(name, "MX", "10 new.example.test.", "20 more.example.test.")
	look(daemon, name, lambda d: d["dns"]["mx"]["strays"])
	days()
	rig.dns.set(name, "MX", "10 old.example.test.")

	daemon.ok("template", "set", "gold", "--mx", "new.example.test")
	wait_for("the template to be tried", lambda: "name fewer hosts" in
		 daemon.ok("log", name), 15)
	for words in (["policy", "mx", name, "drop", "old.example.test"],
		      ["policy", "set", name, "--mx", "new.example.test"],
		      ["domain", "set", name, "--template", "gold"],
		      ["policy", "accept", name]):
		done = daemon.ctl(*words)
		assert done.status == REFUSED, (words, done)
		assert "not seen lately" in done.err
	shown = daemon.json("domain", "show", name)
	assert shown["policy"]["mx"] == ["old.example.test",
					 "new.example.test"]
	assert ids(shown) == ["mx.not-covered", "mx.unseen"]
	assert shown["dns"]["mx"]["seen"] < shown["dns"]["txt"]["seen"]
	text = daemon.ok("domain", "show", name)
	[line] = [l for l in text.splitlines() if l.startswith("    MX")]
	assert "nobody answers since" in line
	[line] = [l for l in text.splitlines() if "_mta-sts" in l
		  and "announces" in l]
	assert "nobody" not in line
	# More hosts cost nobody mail; and less than before, with force.
	daemon.ok("policy", "mx", name, "add", "third.example.test")
	reasons = {r["id"] for r in daemon.api(
		"GET", f"/v1/domains/{name}/policy/readiness")[1]["reasons"]}
	assert "mx.unknown" in reasons and "announced" in reasons

	flaky.broken = None
	look(daemon, name, lambda d: d["dns"]["mx"]["hosts"] ==
	     ["old.example.test"])
	assert "mx.unseen" not in ids(daemon.json("domain", "show", name))
	done = daemon.ctl("policy", "set", name, "--mx", "old.example.test")
	assert done.status == REFUSED and "may have the former" in done.err
	daemon.ok("policy", "set", name, "--mx", "old.example.test", "--force",
		  "--reason", "r")
	flaky.close()


def test_a_record_that_nobody_reads_is_not_of_today(rig, name, tmp_path):
	daemon, days, flaky = unread(rig, name, tmp_path, b"_mta-sts",
				     "host", "mx")
	days()
	shown = daemon.json("domain", "show", name)
	assert shown["dns"]["txt"]["is"] == "in-step"
	assert ids(shown) == ["txt.unseen"] and shown["health"] == "warning"
	status = daemon.ctl("status")
	assert status.status == 1
	assert "had an answer for _mta-sts since" in status.out
	text = daemon.ok("domain", "show", name)
	[line] = [l for l in text.splitlines() if "announces this" in l]
	assert "nobody answers since" in line
	assert "announced" in {r["id"] for r in daemon.api(
		"GET", f"/v1/domains/{name}/policy/readiness")[1]["reasons"]}
	flaky.close()


def test_a_row_of_a_former_version_is_as_old_as_its_look(rig, live, name):
	"""And its policy was made by what its template says now."""
	live.ok("template", "set", "gold", "--mx", f"mx.{name}")
	live.ok("domain", "set", name, "--template", "gold")
	announce(rig, live, name)
	look(live, name, lambda d: txt_is("in-step")(d) and
	     d["dns"]["mx"]["hosts"])
	live.ok("policy", "mx", name, "add", "own.example.test")
	live.kill()
	with sqlite3.connect(live.state / "state.db") as db:
		db.execute("UPDATE watch SET looked_at = 1000000, mx_look = 0,"
			   f" due_at = {int(time.time()) + 3600}")
	db.close()
	take_back(live.state / "state.db")
	live.start()
	kept = live.state / f"backup/state-v{VERSION}.db"
	assert version(kept) == VERSION and str(kept) in live.log.read_text()
	assert live.rows("SELECT host_at, txt_at, mx_at FROM watch") == \
		[(1000000, 1000000, 0)]
	live.ok("template", "set", "gold", "--mx", "next.example.test")
	wait_for("it to follow", lambda: live.json("domain", "show", name)
		 ["policy"]["mx"] == ["next.example.test", "own.example.test"])
