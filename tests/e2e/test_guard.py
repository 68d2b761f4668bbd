"""What an enforced policy is kept from, and a domain that is being removed."""

import shutil
import sqlite3

import pytest

from harness.process import wait_for
from test_restore import restore
from test_watch import FINE, REFUSED, announce, look, txt_is

FORCE = ["--force", "--reason", "story"]


@pytest.fixture
def enforced(rig, daemon, name):
	rig.dns.point(name)
	rig.dns.set(name, "MX", f"10 mx.{name}.")
	daemon.add(name)
	daemon.ok("policy", "enforce", name, *FORCE)
	look(daemon, name, lambda d: d["dns"]["mx"]["hosts"] == [f"mx.{name}"])
	return daemon


def policy_of(daemon, name):
	return daemon.json("domain", "show", name)["policy"]


def test_mail_is_not_lost_by_a_change_of_an_enforced_policy(rig, enforced,
							    name):
	daemon, before = enforced, policy_of(enforced, name)
	refused = daemon.ctl("policy", "set", name, "--mx", "wrong.example.test")
	assert refused.status == REFUSED and f"mx.{name}" in refused.err
	assert policy_of(daemon, name) == before
	daemon.ok("template", "set", "t", "--mx", "other.example.test")
	refused = daemon.ctl("domain", "set", name, "--template", "t")
	assert refused.status == REFUSED and f"mx.{name}" in refused.err
	assert "let template t name that host" in refused.err
	daemon.ok("template", "set", "t", "--mx", f"mx.{name}")
	daemon.ok("domain", "set", name, "--template", "t")
	change = ["template", "set", "t", "--mx", "other.example.test"]
	dry = daemon.ok(*change, "--dry-run")
	assert "stays as it is" in dry and \
		f"to mx.{name}, which senders would" in dry
	daemon.ok(*change)
	wait_for("the trail", lambda: [
		e for e in daemon.json("log", name)["events"]
		if e["kind"] == "policy.template" and "refuse" in e["text"]])
	assert policy_of(daemon, name) == before
	daemon.ok("policy", "set", name, "--mx", "wrong.example.test", "--force")
	assert policy_of(daemon, name)["mx"] == ["wrong.example.test"]


def test_rollback_to_hosts_that_have_moved_is_refused(rig, enforced, name):
	daemon = enforced
	daemon.ok("policy", "mx", name, "add", "new.example.test")
	rig.dns.set(name, "MX", "10 new.example.test.")
	look(daemon, name, lambda d: d["dns"]["mx"]["hosts"] ==
	     ["new.example.test"])
	refused = daemon.ctl("policy", "rollback", name)
	assert refused.status == REFUSED and "new.example.test" in refused.err


def test_what_is_being_removed_stays_so(rig, enforced, name):
	daemon = enforced
	daemon.ok("domain", "remove", name)
	for words in (["testing", name], ["set", name, "--max-age", "30d"],
		      ["enforce", name, *FORCE], ["rollback", name, *FORCE],
		      ["mx", name, "add", "new.example.test"]):
		refused = daemon.ctl("policy", *words)
		assert refused.status == REFUSED, words
		assert "is being removed" in refused.err, refused
	assert policy_of(daemon, name)["mode"] == "none"


def test_the_way_back_is_not_round_the_gate(rig, daemon, name):
	rig.dns.point(name)
	rig.dns.set(name, "MX", f"10 mx.{name}.")
	daemon.add(name)
	daemon.ok("domain", "remove", name)
	refused = daemon.ctl("domain", "add", name, "--mode", "enforce")
	assert refused.status == REFUSED and "did not enforce" in refused.err
	daemon.ok("domain", "add", name)
	assert policy_of(daemon, name)["mode"] == "testing"

	daemon.ok("policy", "enforce", name, *FORCE)
	daemon.ok("domain", "remove", name)
	rig.dns.set(name, "MX", "10 new.example.test.")
	look(daemon, name, lambda d: d["dns"]["mx"]["hosts"] ==
	     ["new.example.test"])
	refused = daemon.ctl("domain", "add", name)
	assert refused.status == REFUSED and "MX are others" in refused.err
	daemon.ok("domain", "add", name, "--mode", "testing")
	assert daemon.json("domain", "show", name)["state"] == "live"


def test_the_way_back_leaves_no_cache_behind(rig, enforced, name):
	"""Its mail has moved on the way out: caches may have the former MX."""
	daemon = enforced
	daemon.ok("domain", "remove", name)
	daemon.stop()
	with sqlite3.connect(daemon.state / "state.db") as db:
		db.execute("UPDATE domain SET created_at = created_at - 7200")
	db.close()
	daemon.start()
	rig.dns.set(name, "MX", "10 new.example.test.", ttl=86400)
	look(daemon, name, lambda d: d["dns"]["mx"]["hosts"] ==
	     ["new.example.test"])
	add = ["domain", "add", name, "--mx"]
	refused = daemon.ctl(*add, "new.example.test")
	assert refused.status == REFUSED, refused
	assert "may have the former MX" in refused.err
	assert policy_of(daemon, name)["mode"] == "none"
	daemon.ok(*add, f"mx.{name},new.example.test")
	assert policy_of(daemon, name)["mode"] == "enforce"


# Then it is renewed again, for senders still rely on it.
def test_handed_over_and_then_removed_has_its_renewal_due(enforced, name):
	enforced.ok("domain", "handover", name)
	assert enforced.json("domain", "show", name)["next"] is None
	enforced.ok("domain", "remove", name)
	shown = enforced.json("domain", "show", name)
	assert (shown["state"], shown["next"]["what"]) == ("removing", "renewal")


def test_a_restored_copy_does_not_forget_what_was_fetched(rig, enforced, name,
							  tmp_path):
	daemon, copy = enforced, tmp_path / "copy.db"
	announce(rig, daemon, name)
	daemon.stop()
	shutil.copy(daemon.state / "state.db", copy)
	daemon.start()
	rig.client(daemon).fetch(f"mta-sts.{name}")
	daemon.stop()
	done = restore(daemon, copy)
	assert done.returncode == FINE, done
	daemon.start()
	daemon.ok("domain", "remove", name)
	announce(rig, daemon, name)
	shown = look(daemon, name, txt_is("in-step"))
	assert shown["leaving"]["held_until"] == shown["leaving"]["done"]
