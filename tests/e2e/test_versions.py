"""Versions of a policy: what was served when, and back to what was."""

import time

import pytest

from harness.process import wait_for

FINE, REFUSED, USAGE = 0, 3, 64


@pytest.fixture
def live(rig, daemon, name):
	rig.dns.point(name)
	daemon.add(name)
	return daemon


def history(daemon, name):
	return daemon.json("policy", "history", name)["versions"]


def counted(daemon, name, version, fetches):
	def seen():
		row = next(v for v in history(daemon, name)
			   if v["version"] == version)
		return row if row["fetches"] >= fetches else None
	return wait_for("the count", seen, 15)


def test_fetches_are_counted_where_they_were_answered(rig, live, name):
	client = rig.client(live)
	host = f"mta-sts.{name}"
	[first] = history(live, name)
	assert (first["fetches"], first["last_served"]) == (0, None)
	assert "no fetch counted yet" in live.ok("policy", "history", name)

	for _ in range(3):
		assert client.fetch(host).status == 200
	client.fetch(host, method="HEAD")
	client.fetch(host, path="/other")
	assert counted(live, name, 1, 3)["fetches"] == 3
	live.ok("policy", "enforce", "--force", "--reason", "story", name)
	client.fetch(host)
	counted(live, name, 2, 1)

	second, first = history(live, name)
	assert (first["fetches"], second["fetches"]) == (3, 1)
	assert first["created"] <= first["first_served"] <= first["last_served"]
	assert first["replaced"] == second["created"]
	assert second["replaced"] is None
	assert "mode: enforce" in second["body"]
	text = live.ok("policy", "history", name)
	was = text[text.index(first["id"]):]
	assert was.index("served from") < was.index("replaced")
	assert "3 fetches counted" in text and "1 fetch counted" in text
	assert text.index(second["id"]) < text.index(first["id"])


def test_a_clean_restart_loses_no_count(rig, live, name):
	host = f"mta-sts.{name}"
	rig.client(live).fetch(host)
	live.ok("policy", "enforce", "--force", "--reason", "story", name)	# version 2 is fetched by nobody
	live.stop()
	live.start()

	second, first = history(live, name)
	assert (first["fetches"], second["fetches"]) == (1, 0)
	assert second["last_served"] is None


# What was fetched in the last seconds before a crash, nobody knows.
def test_after_a_crash_it_counts_as_served_until_now(live, name):
	live.ok("policy", "enforce", "--force", "--reason", "story", name)
	before = history(live, name)
	assert [v["last_served"] for v in before] == [None, None]

	live.kill()
	time.sleep(1.1)
	live.start()

	second, first = history(live, name)
	assert first["last_served"] == first["replaced"]
	assert second["last_served"] > second["created"]
	assert (first["fetches"], second["fetches"]) == (0, 0)
	time.sleep(1.1)		# times are in seconds
	live.ok("policy", "testing", name)
	live.stop()
	live.start()
	assert history(live, name)[0]["last_served"] is None


def test_rollback_is_a_new_version(rig, live, name):
	live.ok("policy", "set", name, "--mx", "other.example.org")
	live.ok("policy", "set", name, "--max-age", "20d")

	out = live.ok("policy", "rollback", name, "--to", "1",
		      "--reason", "the move is off")
	last, *others = history(live, name)
	assert last["version"] == 4 and "version 4" in out
	assert last["body"] == others[-1]["body"]
	assert last["id"] not in [v["id"] for v in others]
	body = rig.client(live).fetch(f"mta-sts.{name}").body.decode()
	assert body == last["body"]
	event = live.json("log", name)["events"][-1]
	assert "content version 1" in event["text"]
	assert event["reason"] == "the move is off"

	again = live.ok("policy", "rollback", name, "--to", "1")
	assert "already so" in again and len(history(live, name)) == 4
	live.ok("policy", "rollback", name)	# to the one before: number 3
	assert history(live, name)[0]["body"] == others[0]["body"]


def test_history_says_who_made_each_version_and_why(live, name):
	why = "the new filter, ticket 7"
	live.ok("policy", "mx", name, "add", "b.test", "--reason", why)
	live.ok("policy", "rollback", name, "--reason", "the move is off")
	live.ok("policy", "set", name, "--max-age", "20d", "--dry-run")
	live.ok("domain", "remove", name, "--reason", "it left us")
	live.ok("domain", "add", name, "--mx", f"mx.{name}",
		"--reason", "it is back")

	last, *others = history(live, name)
	assert [v["reason"] for v in (last, *others)] == [
		"it is back", "it left us", "the move is off", why, ""]
	event = live.json("log", name)["events"][-1]
	for version in (last, *others):
		assert version["channel"] == "admin.sock"
		assert version["actor"] == event["actor"]
	assert "uid" in event["actor"]

	text = live.ok("policy", "history", name)
	assert (f"#   made by {event['actor']} via admin.sock"
		f" (the move is off)\n") in text
	assert text.count("#   made by ") == 5


def test_what_cannot_be_rolled_back_is_said(live, name):
	only = live.ctl("policy", "rollback", name)
	assert only.status == REFUSED and "only one version" in only.err
	none = live.ctl("policy", "rollback", name, "--to", "9")
	assert none.status != FINE and "no version 9" in none.err
	assert f"policy history {name}" in none.err
	assert live.ctl("policy", "rollback", name, "--to", "x").status == USAGE
	assert len(history(live, name)) == 1

	live.ok("policy", "enforce", "--force", "--reason", "story", name)
	live.ok("policy", "rollback", name, "--dry-run")
	assert len(history(live, name)) == 2


def test_a_long_history_comes_whole(live, name):
	for n in range(60):
		live.ok("policy", "set", name, "--max-age", f"{n + 8}d")

	assert [v["version"] for v in history(live, name)] == \
		list(range(61, 0, -1))
	assert len({v["id"] for v in history(live, name)}) == 61
