"""Policies that many domains have in common."""

import sqlite3

from harness.process import wait_for
from test_watch import FINE, REFUSED, look


def mx_of(daemon, name):
	return daemon.json("domain", "show", name)["policy"]["mx"]


def test_a_change_of_a_template_reaches_its_domains(daemon):
	assert "no template" in daemon.ctl("template", "list").err
	first = daemon.ok("template", "set", "gold", "--mx", "a.test,b.test",
			  "--max-age", "14d")
	assert "with --template gold" in first
	names = [f"t{i}.test" for i in range(45)]
	daemon.ok("domain", "add", *names, "--template", "gold", "--label", "x")
	daemon.ok("domain", "add", "own.test", "--mx", "own.example.test")
	policy = daemon.json("domain", "show", "t0.test")["policy"]
	assert (policy["mx"], policy["max_age"], policy["mode"]) == \
		(["a.test", "b.test"], 14 * 86400, "testing")
	assert "45 domains" in daemon.ok("template", "show", "gold")

	daemon.ok("policy", "enforce", "t1.test", "--force", "--reason", "r")
	assert "45 domains follow it" in daemon.ok(
		"template", "set", "gold", "--mx", "c.test", "--reason",
		"new hosts")
	wait_for("all of them", lambda: all(
		d["policy"]["mx"] == ["c.test"] for d in
		daemon.json("domain", "list", "--label", "x")["domains"]), 15)
	second = daemon.json("domain", "show", "t1.test")["policy"]
	assert (second["version"], second["mode"]) == (3, "enforce")
	assert mx_of(daemon, "own.test") == ["own.example.test"]
	assert ("policy.template", "template") in [
		(e["kind"], e["channel"])
		for e in daemon.json("log", "t1.test")["events"]]
	assert "via admin.sock" in daemon.ok("log", "t1.test")

	# The same again is no new version; nobody is taken who is still used.
	daemon.ok("template", "set", "gold", "--mx", "c.test")
	refused = daemon.ctl("template", "remove", "gold")
	assert refused.status == REFUSED and "45 domains" in refused.err
	daemon.ok("domain", "set", *names, "--template", "")
	daemon.ok("template", "remove", "gold")
	assert mx_of(daemon, "t0.test") == ["c.test"]
	assert daemon.json("template", "list")["templates"] == []


def test_a_preset_is_each_domains_own(daemon):
	daemon.ok("template", "set", "ms", "--preset", "m365")
	daemon.ok("domain", "add", "one.test", "two.test", "--template", "ms")
	assert mx_of(daemon, "one.test") == \
		["one-test.mail.protection.outlook.com"]
	assert mx_of(daemon, "two.test") == \
		["two-test.mail.protection.outlook.com"]
	daemon.ok("domain", "add", "own.test", "--mx", "a.test")
	daemon.ok("domain", "set", "own.test", "--template", "ms")
	wait_for("it to follow", lambda: mx_of(daemon, "own.test") ==
		 ["own-test.mail.protection.outlook.com"])


def test_what_makes_no_policy_is_no_template(daemon):
	for words in (["x", "--max-age", "14d"], ["x", "--max-age", "1s", "--mx",
		       "a.test"], ["x", "--preset", "nobody"],
		      ["a b", "--mx", "a.test"], ["x" * 60, "--mx", "a.test"],
		      ["x", "--mx", ",".join(f"h{i}.test" for i in range(60))]):
		done = daemon.ctl("template", "set", *words)
		assert done.status != FINE and done.err, words
	assert daemon.json("template", "list")["templates"] == []
	assert daemon.ctl("domain", "add", "a.test", "--template",
			  "none").status != FINE
	assert daemon.json("domain", "list")["domains"] == []


def test_a_kill_in_between_leaves_nobody_out(daemon):
	daemon.ok("template", "set", "gold", "--mx", "a.test")
	names = [f"t{i}.test" for i in range(90)]
	daemon.ok("domain", "add", *names, "--template", "gold")
	daemon.ok("template", "set", "gold", "--mx", "b.test")
	daemon.kill()
	daemon.start()
	wait_for("all of them", lambda: daemon.rows(
		"SELECT count(*) FROM domain d JOIN policy p"
		" ON p.id = d.policy_id WHERE p.mx = 'b.test'") == [(90,)], 20)
	assert daemon.rows("SELECT max(version) FROM policy") == [(2,)]


def test_a_dry_run_says_whom_a_change_would_reach(daemon):
	daemon.ok("template", "set", "gold", "--mx", "a.test", "--max-age",
		  "14d")
	names = [f"t{i}.test" for i in range(120)]
	daemon.ok("domain", "add", *names, "--template", "gold")
	daemon.ok("domain", "set", "t3.test", "--template", "")
	daemon.ok("policy", "set", "t4.test", "--mx", "b.test")
	rows = "SELECT name, policy_id, template_id FROM domain"
	before = daemon.rows(rows)

	done = daemon.ctl("template", "set", "gold", "--mx", "b.test",
			  "--max-age", "7d", "--dry-run")

	assert done.status == FINE
	table = [line.split() for line in done.out.splitlines()]
	assert ["template", "gold", "mx", "a.test", "b.test"] in table
	assert ["template", "gold", "max_age", "14d", "7d"] in table
	assert "119 domains would get a new version" in done.out
	assert {row[0] for row in table if row[1:2] == ["max_age"]} == \
		set(names) - {"t3.test"}
	assert ["t4.test", "mx", "b.test"] not in [row[:3] for row in table]
	assert daemon.rows(rows) == before
	nothing = daemon.ok("template", "set", "gold", "--mx", "a.test",
			    "--max-age", "14d", "--dry-run")
	assert "0 domains would get a new version" in nothing
	new = daemon.ok("template", "set", "new", "--mx", "a.test", "--dry-run")
	assert "0 domains" in new

	daemon.ok("domain", "add", "one.test", "--template", "gold")
	daemon.ok("template", "set", "gold", "--mx", "b.test", "--reason", "r")
	assert "template gold; mx a.test -> b.test" in daemon.ok("log")


def follow(daemon, *words):
	"""The template changes, and nobody is behind it any more."""
	daemon.ok("template", "set", "gold", *words)
	wait_for("all to follow", lambda: daemon.rows(
		"SELECT count(*) FROM domain d JOIN template t"
		" ON t.id = d.template_id WHERE d.template_epoch < t.epoch")
		== [(0,)], 15)


def max_age_of(daemon, name):
	return daemon.json("domain", "show", name)["policy"]["max_age"]


def test_a_planned_move_outlives_a_change_of_the_template(daemon):
	name = "moves.test"
	follow(daemon, "--mx", "old.test", "--max-age", "14d")
	daemon.ok("domain", "add", name, "--template", "gold")
	daemon.ok("policy", "enforce", name, "--force", "--reason", "r")
	daemon.ok("policy", "mx", name, "add", "new.test")

	dry = daemon.ok("template", "set", "gold", "--max-age", "15d",
			"--dry-run")
	assert "new.test" not in dry and "max_age" in dry
	follow(daemon, "--max-age", "15d")
	assert mx_of(daemon, name) == ["old.test", "new.test"]
	assert max_age_of(daemon, name) == 15 * 86400

	# Of the hosts, those go that came from it.
	follow(daemon, "--mx", "old.test,third.test")
	assert mx_of(daemon, name) == ["old.test", "third.test", "new.test"]
	follow(daemon, "--mx", "fourth.test")
	assert mx_of(daemon, name) == ["fourth.test", "new.test"]
	assert daemon.json("domain", "show", name)["own"] == ["mx"]

	# What the template names, too, is the template's from then on.
	follow(daemon, "--mx", "new.test")
	assert mx_of(daemon, name) == ["new.test"]
	assert daemon.json("domain", "show", name)["own"] == []
	follow(daemon, "--mx", "fifth.test")
	assert mx_of(daemon, name) == ["fifth.test"]
	assert daemon.rows("SELECT count(*) FROM template_past")[0][0] <= 2


def test_a_max_age_of_the_domains_outlives_a_change(daemon):
	follow(daemon, "--mx", "a.test", "--max-age", "14d")
	daemon.ok("domain", "add", "plain.test", "--template", "gold")
	daemon.ok("domain", "add", "own.test", "--template", "gold",
		  "--max-age", "1d")
	daemon.ok("domain", "add", "later.test", "--template", "gold")
	daemon.ok("policy", "set", "later.test", "--max-age", "30d")
	for words in ["--max-age", "15d"], ["--mx", "b.test", "--max-age",
					    "16d"]:
		dry = daemon.ok("template", "set", "gold", *words, "--dry-run")
		follow(daemon, *words)
		for name, days in ("own.test", 1), ("later.test", 30), \
				("plain.test", int(words[-1][:-1])):
			assert max_age_of(daemon, name) == days * 86400
			assert ([name, "max_age"] in [
				line.split()[:2] for line in dry.splitlines()
			]) == (name == "plain.test")
	assert mx_of(daemon, "own.test") == ["b.test"]
	assert daemon.json("domain", "show", "own.test")["own"] == ["max_age"]

	# Unless it is told to follow in all.
	daemon.ok("domain", "set", "own.test", "--template", "gold")
	assert max_age_of(daemon, "own.test") == 16 * 86400
	follow(daemon, "--max-age", "17d")
	assert max_age_of(daemon, "own.test") == 17 * 86400


def test_a_template_that_says_a_max_age_at_last(daemon):
	follow(daemon, "--mx", "a.test")
	daemon.ok("domain", "add", "plain.test", "own.test", "--template",
		  "gold")
	daemon.ok("policy", "set", "own.test", "--max-age", "2d")
	follow(daemon, "--max-age", "17d")
	assert max_age_of(daemon, "plain.test") == 17 * 86400
	assert max_age_of(daemon, "own.test") == 2 * 86400


def test_a_host_of_the_domains_that_the_preset_has_not(daemon):
	follow(daemon, "--preset", "m365", "--max-age", "14d")
	daemon.ok("domain", "add", "one.test", "--template", "gold")
	daemon.ok("policy", "mx", "one.test", "add", "backup.test")
	follow(daemon, "--preset", "google")
	after = mx_of(daemon, "one.test")
	assert "one-test.mail.protection.outlook.com" not in after
	assert after[-1] == "backup.test" and len(after) > 1
	daemon.ok("domain", "set", "one.test", "--template", "gold")
	assert mx_of(daemon, "one.test") == after[:-1]


def test_what_a_template_replaces_is_said(daemon):
	follow(daemon, "--mx", "t1.test,t2.test", "--max-age", "14d")
	daemon.ok("domain", "add", "own.test", "--mx", "a.test", "--mx",
		  "b.test")
	said = daemon.ok("domain", "set", "own.test", "--template", "gold")
	assert said.startswith(
		"own.test: changed\n"
		"own.test: max_age: 7d -> 14d\n"
		"own.test: mx: a.test b.test -> t1.test t2.test\n"
		"own.test: version 2, mode testing\n"), said
	assert " -> " not in daemon.ok("domain", "set", "own.test",
				       "--template", "gold")


def test_who_could_not_follow_does_with_the_next_change(rig, daemon, name):
	"""The hosts it was made by go, not those of the change it missed."""
	rig.dns.point(name)
	rig.dns.set(name, "MX", "10 old.test.")
	follow(daemon, "--mx", "old.test")
	daemon.ok("domain", "add", name, "--template", "gold", "--wait")
	daemon.ok("policy", "enforce", name, "--force", "--reason", "r")
	look(daemon, name, lambda d: d["dns"]["mx"]["hosts"] == ["old.test"])
	follow(daemon, "--mx", "new.test")
	assert mx_of(daemon, name) == ["old.test"]
	assert f"DNS still sends mail of {name} to old.test" in \
		daemon.ok("log", name)
	rig.dns.set(name, "MX", "10 new.test.")
	look(daemon, name, lambda d: d["dns"]["mx"]["hosts"] == ["new.test"])
	daemon.kill()
	with sqlite3.connect(daemon.state / "state.db") as db:
		db.execute("UPDATE watch SET mx_left_at = mx_left_at - 3600"
			   " WHERE mx_left_at > 0")
	db.close()
	daemon.start()
	follow(daemon, "--max-age", "20d")
	assert mx_of(daemon, name) == ["new.test"]
