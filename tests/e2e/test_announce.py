"""Senders are told of a policy only once they can have it."""

import sqlite3
import time

import pytest

from harness.clock import Leaps
from harness.process import free_port, wait_for
from test_delegation import HookZone, announced, make, sts_of, wait_shown

DAY = 86400
FORMS = "text", "zone", "json", "nsupdate"
WAITS = "TXT waits: "


def words(daemon, name):
	"""Why it waits, and what to do; "": it does not."""
	view = daemon.domain(name)["announce"]
	return "" if view["may"] else f"{view['why']}; {view['todo']}"


def hurry(daemon, name):
	assert daemon.api("POST", f"/v1/domains/{name}/look", {})[0] == 200


def wait_waits(daemon, name, text, seconds=20):
	wait_for(f"{name} to wait for: {text}",
		 lambda: text in words(daemon, name), seconds, 0.1)


def is_left_out(daemon, name, text):
	"""From `domain records` in each form, which says why."""
	for form in FORMS:
		said = daemon.ok("domain", "records", name, "--format", form)
		assert "v=STSv1" not in said, said
		assert text in said, said
		assert f"mta-sts.{name}" in said
	assert WAITS in daemon.ok("domain", "records", name)
	found = daemon.json("domain", "records", name)["waits"]
	assert (found["name"], found["type"]) == (f"_mta-sts.{name}", "TXT")
	assert text in found["why"] + found["todo"] and found["todo"]


def is_recommended(daemon, name):
	view = daemon.json("domain", "records", name)
	assert view["waits"] is None
	assert announced(daemon, name) in [r["value"] for r in view["records"]
					   if r["publish"] == "now"]
	return view


def use_ca(daemon, ca):
	daemon.settings["ca_order"] = [ca]
	daemon.reload()
	wait_for("the reload", lambda: [c["name"] for c in daemon.json(
		"ca", "list")["cas"]] == [ca])


def test_it_is_recommended_once_it_was_fetched(rig, name):
	daemon = rig.daemon(check_https_port=free_port()).start()
	daemon.add(name, wait=False)
	is_left_out(daemon, name, "no certificate yet")
	for form, where in zip(FORMS, ("above", "above", None, "below")):
		said = daemon.ok("domain", "records", name, "--format", form)
		assert where is None or f"publish the records {where}; when " \
			"the box has its certificate, this command shows " \
			"that one, too" in said, said
	rig.dns.point(name)
	daemon.wait_state("live", name)
	wait_waits(daemon, name, "at 127.0.0.1: ")
	is_left_out(daemon, name, f"mtasts-check {name} on another machine")
	said = daemon.ok("policy", "set", name, "--max-age", "14d")
	assert WAITS in said and "v=STSv1" not in said
	done = daemon.ctl("policy", "enforce", name)
	assert "publish:" not in done.err

	daemon.settings["check_https_port"] = daemon.https_port
	daemon.reload()
	hurry(daemon, name)
	daemon.wait_announced(name)
	is_recommended(daemon, name)
	assert "now publish" in daemon.ok("policy", "set", name, "--max-age",
					  "7d")
	# The box's own look is no sender's, who would keep what it fetched.
	time.sleep(3)
	assert [v["fetches"] for v in daemon.json(
		"policy", "history", name)["versions"]] == [0, 0, 0]


def test_what_no_sender_trusts_is_not_recommended(rig, tmp_path, name):
	zone = HookZone(tmp_path)
	daemon = make(rig, zone)
	daemon.more_cas["try-staging"] = daemon.ca
	daemon.settings["ca_order"] = ["try-staging"]
	daemon.start()
	rig.dns.point(name)
	daemon.add(name)
	is_left_out(daemon, name, "from try-staging, a CA for trying things out")
	assert "ca_order" in words(daemon, name)
	hurry(daemon, name)
	time.sleep(3)
	assert zone.ask(sts_of(name), "TXT") == []
	is_left_out(daemon, name, "no sender trusts it")

	# Another certificate, and nobody's hand: it follows.
	use_ca(daemon, "pebble")
	daemon.ok("cert", "renew", name, "--wait")
	wait_shown(zone, sts_of(name), "TXT", announced(daemon, name))
	assert not words(daemon, name)

	# Who was told of it keeps to it: to be silent now helps nobody.
	use_ca(daemon, "try-staging")
	daemon.ok("cert", "renew", name, "--wait")
	view = daemon.domain(name)["announce"]
	assert view["may"] and "no sender trusts it" in view["why"]
	said = daemon.ok("policy", "set", name, "--max-age", "14d")
	assert "goes into your zone" in said and "waits" not in said
	records = daemon.json("domain", "records", name)
	assert records["waits"] is None
	assert [n for n in records["notes"] if "no sender trusts it" in n]
	wait_shown(zone, sts_of(name), "TXT", announced(daemon, name))


def test_who_was_told_is_told_the_way_out(rig, name):
	"""By hand, and of a certificate that nobody trusts any more."""
	daemon = rig.daemon().start()
	rig.dns.point(name)
	daemon.add(name)
	daemon.wait_announced(name)
	rig.dns.set(f"_mta-sts.{name}", "TXT", f'"{announced(daemon, name)}"')
	hurry(daemon, name)
	wait_for("it to be in step", lambda: daemon.domain(name)["dns"] and
		 daemon.domain(name)["dns"]["txt"]["is"] == "in-step", 20)
	daemon.kill()
	with sqlite3.connect(daemon.state / "state.db") as db:
		db.execute("UPDATE reached SET distrust = 'for once'")
	db.close()
	daemon.start()
	said = daemon.ok("policy", "set", name, "--max-age", "3d")
	assert f"now publish: _mta-sts.{name}. TXT" in said
	assert announced(daemon, name) in [
		r["value"] for r in daemon.json("domain", "records",
						name)["records"]]


@pytest.fixture
def cut_off(rig, tmp_path, name):
	"""A live domain, a hook, and a box that cannot reach itself."""
	zone = HookZone(tmp_path)
	clock = Leaps(tmp_path)
	daemon = make(rig, zone, check_https_port=free_port())
	rig.dns.point(name)
	daemon.start(env=clock.env())
	daemon.add(name)
	wait_waits(daemon, name, "at 127.0.0.1: ")
	return daemon, zone, clock


def step(daemon, clock, seconds):
	clock.step(seconds)
	daemon.reload()


def look_often(daemon, name, looks=12):
	"""As often as in half a day."""
	def enough():
		hurry(daemon, name)
		return daemon.rows("SELECT tries FROM reached")[0][0] >= looks
	wait_for("so many looks", enough, 30, 0.1)


def test_a_box_that_cannot_reach_itself_waits_a_day(cut_off, name):
	daemon, zone, clock = cut_off
	look_often(daemon, name)
	step(daemon, clock, DAY - 600)
	time.sleep(2)
	wait_waits(daemon, name, "waits no longer than until")
	is_left_out(daemon, name, "at 127.0.0.1: ")
	assert zone.ask(sts_of(name), "TXT") == []

	step(daemon, clock, 660)	# and nobody asks
	wait_shown(zone, sts_of(name), "TXT", announced(daemon, name))
	view = daemon.json("domain", "records", name)
	assert view["waits"] is None
	[note] = [n for n in view["notes"] if "mtasts-check" in n]
	assert "could not be seen from this box for a day" in note
	assert note in daemon.ok("domain", "records", name)
	assert daemon.domain(name)["announce"]["is"] == "not-from-here"

	daemon.settings["check_https_port"] = daemon.https_port
	daemon.reload()
	hurry(daemon, name)
	wait_for("it to be fetched", lambda: daemon.domain(name)["announce"][
		"is"] == "ok", 20)
	assert not [n for n in daemon.json("domain", "records", name)["notes"]
		    if "mtasts-check" in n]


def test_what_another_answers_is_waited_for(rig, cut_off, name):
	daemon, zone, clock = cut_off
	daemon.settings["check_https_port"] = rig.pebble.port
	daemon.reload()
	hurry(daemon, name)
	wait_waits(daemon, name, "what senders would get is not the policy")
	step(daemon, clock, 2 * DAY)
	time.sleep(2)
	is_left_out(daemon, name, "what senders would get is not the policy")
	assert f"domain check {name}" in words(daemon, name)
	assert zone.ask(sts_of(name), "TXT") == []


def events(daemon, name, kind):
	return [e for e in daemon.json("log", name)["events"]
		if e["kind"] == kind]


# A router that answers its own address itself: for ever, as the box sees it.
def test_a_hand_overrides_what_the_box_sees(rig, cut_off, name):
	daemon, zone, clock = cut_off
	daemon.settings["check_https_port"] = rig.pebble.port
	daemon.reload()
	hurry(daemon, name)
	wait_waits(daemon, name, "what senders would get is not the policy")
	verb = f"mtastsctl policy announce {name}"
	assert verb in words(daemon, name)
	assert verb in daemon.ok("domain", "show", name)
	look_often(daemon, name, 2)	# the first is still no reason for a hand
	wait_for("status to name it", lambda: verb in daemon.ctl("status").out)
	checked = daemon.ctl("domain", "check", name, "--no-smtp")
	assert verb in checked.out, checked

	planned = daemon.ok("policy", "announce", name, "--dry-run")
	assert "announced by hand" in planned
	is_left_out(daemon, name, "what senders would get is not the policy")
	done = daemon.ok("policy", "announce", name, "--reason", "seen from home")
	assert "announced by hand" in done and "goes into your zone" in done
	wait_shown(zone, sts_of(name), "TXT", announced(daemon, name))
	[event] = events(daemon, name, "policy.by-hand")
	assert event["reason"] == "seen from home" and event["actor"]
	assert "what senders" not in event["text"]
	assert "waits: at 127.0.0.1: " in event["text"]
	view = daemon.domain(name)["announce"]
	assert (view["is"], view["may"], view["reason"]) == (
		"by-hand", True, "seen from home") and view["by_hand"]
	assert "by hand since" in daemon.ok("domain", "show", name)
	view = daemon.json("domain", "records", name)
	assert view["waits"] is None
	[note] = [n for n in view["notes"] if "by hand" in n]
	assert "seen from home" in note
	again = daemon.ok("policy", "announce", "--all")
	assert "already announced by hand" in again
	assert len(events(daemon, name, "policy.by-hand")) == 1

	# Neither a failed look, a restart nor DNS that shows it ends that.
	daemon.stop()
	daemon.start(env=clock.env())
	rig.dns.set(f"_mta-sts.{name}", "TXT", f'"{announced(daemon, name)}"')
	tries = daemon.rows("SELECT tries FROM reached")[0][0]
	hurry(daemon, name)
	wait_for("a look", lambda: daemon.rows("SELECT tries FROM reached")[
		0][0] > tries, 20)
	wait_for("it to be in step", lambda: daemon.domain(name)["dns"]["txt"][
		"is"] == "in-step", 20)
	assert daemon.domain(name)["announce"]["is"] == "by-hand"

	# But the box that gets it after all does.
	daemon.settings["check_https_port"] = daemon.https_port
	daemon.reload()
	hurry(daemon, name)
	wait_for("it to be fetched", lambda: daemon.domain(name)["announce"][
		"is"] == "ok", 20)
	assert daemon.domain(name)["announce"]["by_hand"] is None
	assert "by hand" not in daemon.ok("domain", "show", name)
	[event] = events(daemon, name, "policy.fetched")
	assert "by hand no more" in event["text"]
	refused = daemon.ctl("policy", "announce", name)
	assert refused.status == 3 and "nothing to override" in refused.err


def test_there_is_nothing_to_override(rig, name):
	daemon = rig.daemon().start()
	daemon.add(name, wait=False)
	refused = daemon.ctl("policy", "announce", name)
	assert refused.status == 3
	assert "nothing to override: there is no certificate yet" in refused.err
	assert daemon.ctl("policy", "announce", "gone.test").status == 3
	status, answer = daemon.api(
		"POST", f"/v1/domains/{name}/policy/announce", {"force": True})
	assert status == 400 and "force" in answer["error"]["message"]


# It is not the body alone: another machine may have the same policy.
def test_the_same_policy_of_another_machine_is_not_ours(rig, name):
	rig.dns.point(name)
	other = rig.daemon().start()
	other.add(name)
	other.stop()
	other.http_port = free_port()
	other.settings["listen_http"] = [f"127.0.0.1:{other.http_port}"]
	other.start()
	daemon = rig.daemon(check_https_port=other.https_port).start()
	daemon.add(name)
	assert (daemon.domain(name)["policy"]["body"] ==
		other.domain(name)["policy"]["body"])
	wait_waits(daemon, name, "it is another machine that answers")
	is_left_out(daemon, name, "with another certificate")
	daemon.settings["check_https_port"] = daemon.https_port
	daemon.reload()
	hurry(daemon, name)
	daemon.wait_announced(name)


def test_what_dns_shows_already_is_recommended(rig, name):
	daemon = rig.daemon(check_https_port=free_port()).start()
	rig.dns.point(name)
	daemon.add(name)
	wait_waits(daemon, name, "at 127.0.0.1: ")
	rig.dns.set(f"_mta-sts.{name}", "TXT", f'"{announced(daemon, name)}"')
	hurry(daemon, name)
	daemon.wait_announced(name)
	is_recommended(daemon, name)


def test_a_restart_asks_for_nothing_anew(rig, tmp_path, name):
	zone = HookZone(tmp_path)
	daemon = make(rig, zone).start()
	rig.dns.point(name)
	daemon.add(name)
	wait_shown(zone, sts_of(name), "TXT", announced(daemon, name))
	daemon.kill()
	daemon.settings["check_https_port"] = free_port()
	calls = len(zone.batches())
	daemon.start()
	hurry(daemon, name)
	time.sleep(2)
	assert not words(daemon, name)
	assert len(zone.batches()) == calls
	is_told = zone.ask(sts_of(name), "TXT")
	assert is_told == [announced(daemon, name)]
