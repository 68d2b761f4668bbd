"""What an operator does with mtastsctl, and what it prints."""

import json
import os
import signal
import ssl
import subprocess
import time

import pytest

from harness.daemon import BUILD
from harness.process import Process, free_port, wait_for

FINE, WARNINGS, ERRORS, REFUSED, USAGE = 0, 1, 2, 3, 64
MX = ["--mx", "mx.example.org"]


@pytest.fixture
def three(daemon):
	"""A daemon with a.test and b.test of "acme", and c.test of nobody."""
	daemon.ok("domain", "add", "a.test", "b.test", *MX, "--label", "acme")
	daemon.ok("domain", "add", "c.test", *MX)
	return daemon


@pytest.fixture
def live(rig, daemon, name):
	rig.dns.point(name)
	daemon.add(name)
	return daemon


def hosted(daemon):
	return [row[0] for row in
		daemon.rows("SELECT name FROM domain ORDER BY name")]


def listed(daemon, *words):
	return [d["name"] for d in
		daemon.json("domain", "list", *words)["domains"]]


def first_words(text):
	"""Of each line of a table, without its header."""
	return [line.split()[0] for line in text.splitlines()[1:]]


def json_lines(text):
	return [json.loads(line) for line in text.splitlines()]


def ctl_with_input(daemon, text, *words):
	return subprocess.run(
		[BUILD / "mtastsctl", "--socket", daemon.socket, *words],
		input=text, text=True, capture_output=True, timeout=60)


def trail_length(daemon):
	return len(daemon.json("log", "--limit", "1000")["events"])


# Which domains are meant.

@pytest.mark.parametrize("words, names", [
	([], ["a.test", "b.test", "c.test"]),
	(["--label", "acme"], ["a.test", "b.test"]),
	(["--label", "other"], []),
	(["--state", "waiting-for-dns"], ["a.test", "b.test", "c.test"]),
	(["--state", "live"], []),
	(["--limit", "2"], ["a.test", "b.test"]),
	(["--label", "acme", "--state", "waiting-for-dns", "--limit", "1"],
	 ["a.test"]),
])
def test_domain_list(three, words, names):
	assert listed(three, *words) == names
	assert first_words(three.ok("domain", "list", *words)) == names


@pytest.mark.parametrize("words, left", [
	(["b.test"], ["a.test", "c.test"]),
	(["A.test.", "c.test"], ["b.test"]),
	(["--label", "acme"], ["c.test"]),
	(["--state", "waiting-for-dns"], []),
	(["--state", "live"], ["a.test", "b.test", "c.test"]),
	(["--all"], []),
	(["--all", "--limit", "2"], ["c.test"]),
])
def test_domain_remove(three, words, left):
	dry = three.ctl("domain", "remove", *words, "--dry-run")
	assert dry.status == FINE, dry
	assert hosted(three) == ["a.test", "b.test", "c.test"]

	done = three.ctl("domain", "remove", *words)

	assert done.status == FINE, done
	assert hosted(three) == left
	assert done.out.count("removed") == 3 - len(left)


def test_removing_says_who_goes_on_refusing(live, name):
	HOLDERS = f'{name}: senders go on refusing other hosts for up to 7d: ' \
		'see "Taking a domain away" in mtastsctl(1)\n' \
		f'{name}: no TLS report of the last 30 days says who they are\n'
	assert "senders" not in live.ok("domain", "remove", name, "--now", "--dry-run")
	live.ok("policy", "enforce", "--force", "--reason", "story", name)
	live.ok("policy", "testing", name)
	assert live.ok("domain", "remove", name, "--now", "--dry-run").startswith(HOLDERS)
	assert live.ok("domain", "remove", name, "--now").endswith(HOLDERS)


NAMES = "# ours\n\n  a.test  # the first\nc.test\r\n#b.test\n"


def test_names_from_a_file(three, tmp_path):
	path = tmp_path / "names"
	path.write_text(NAMES)
	three.ok("domain", "remove", "--file", path)
	assert hosted(three) == ["b.test"]


def test_names_from_standard_input(three):
	done = ctl_with_input(three, NAMES, "domain", "remove", "--file", "-")
	assert done.returncode == FINE, done
	assert hosted(three) == ["b.test"]


@pytest.mark.parametrize("words, said", [
	(["--label", "typo"], "no domain has label typo"),
	(["--label", "typo", "--state", "live"],
	 "no domain in state live has label typo"),
	(["--state", "live"], "no domain is in state live"),
	(["--file", "/dev/null"], "--file /dev/null names no domain"),
])
def test_nobody_is_said_to_be_meant(three, words, said):
	done = three.ctl("policy", "enforce", "--force", "--reason", "story", *words)
	assert done.status == FINE
	assert (done.out, done.err) == \
		("", f"mtastsctl: {said} (nothing was done)\n")


@pytest.mark.parametrize("words, usage", [
	("policy mx", "policy mx NAME... add|drop HOST... [options]"),
	("template show", "template show TEMPLATE... [options]"),
	("alert silence", "alert silence ID|KIND... [options]"),
	("domain show", "domain show NAME... [options]"),
	("domain import", "domain import FILE [options]"),
	("status", "status [options]"),
])
def test_help_says_how_it_is_called(three, words, usage):
	assert three.ok("help", *words.split()).splitlines()[0] == \
		"mtastsctl " + usage


def test_a_state_that_there_is_not_is_told_with_all_there_are(three):
	done = three.ctl("domain", "list", "--state", "nope")
	assert done.status == REFUSED and 'no state "nope"' in done.err
	for state in ("waiting-for-dns", "issuing", "live", "removing",
		      "handing-over"):
		assert state in done.err


@pytest.mark.parametrize("words, said", [
	(["help", "frob"], 'unknown command "frob"'),
	(["help", "domain", "ad"], "did you mean add?"),
	(["frob", "--help"], 'unknown command "frob"'),
	(["help"], ""), (["help", "help"], ""), (["help", "domain"], ""),
	(["help", "status", "x"], ""), (["domain", "add", "x", "--help"], ""),
])
def test_help_knows_what_there_is(three, words, said):
	done = three.ctl(*words)
	assert done.status == (USAGE if said else FINE)
	assert said in done.err
	assert bool(done.out) == (not said)


def test_an_empty_file_is_nobody(three):
	done = ctl_with_input(three, "# none\n", "domain", "remove", "--file",
			      "-")
	assert done.returncode == FINE, done
	assert hosted(three) == ["a.test", "b.test", "c.test"]


@pytest.mark.parametrize("words", [
	["domain", "remove"],
	["domain", "remove", "a.test", "--all"],
	["domain", "remove", "--file", "/nowhere"],
	["domain", "list", "a.test"],
	["domain", "set", "a.test"],
	["policy", "set", "a.test"],
	["status", "--all"],
])
def test_wrong_selections_are_usage(three, words):
	result = three.ctl(*words)
	assert result.status == USAGE, result
	assert len(result.err.splitlines()) == 1
	assert hosted(three) == ["a.test", "b.test", "c.test"]


@pytest.mark.parametrize("words, done", [
	(["domain", "show"], "health"),
	(["domain", "set", "--label", "x"], "changed"),
	(["domain", "remove"], "removed"),
	(["policy", "show"], "version: STSv1"),
	(["policy", "enforce", "--force", "--reason", "story"], "mode enforce"),
	(["policy", "testing"], "already so"),
])
@pytest.mark.parametrize("bad", ["nobody.test", "bad..test"])
def test_one_bad_name_among_others(three, words, done, bad):
	result = three.ctl(*words, "a.test", bad, "c.test")

	assert result.status == REFUSED, result
	assert result.out.count(done) == 2, result
	assert bad in result.err
	assert len(result.err.splitlines()) == 1


def test_one_bad_name_as_json(three):
	result = three.ctl("domain", "show", "a.test", "nobody.test", "c.test",
			   "--json")

	a, nobody, c = json_lines(result.out)
	assert result.status == REFUSED
	assert (a["name"], c["name"]) == ("a.test", "c.test")
	assert nobody["name"] == "nobody.test"
	assert nobody["error"]["kind"] == "not-found"


# domain set

def test_domain_set(three):
	record = ("c.test: now publish: _smtp._tls.c.test. 3600 IN TXT "
		  '"v=TLSRPTv1; rua=https://mta-sts.c.test/tlsrpt/{}{}"\n')
	token = three.rows("SELECT report_token FROM domain"
			   " WHERE name = 'c.test'")[0][0]
	assert three.ok("domain", "set", "c.test", "--label", "acme", "--rua",
			"mailto:r@example.org") == (
		"c.test: changed\n" +
		record.format(token, ",mailto:r@example.org"))

	view = three.domain("c.test")
	assert view["label"] == "acme"
	assert view["rua"] == ["mailto:r@example.org"]
	assert listed(three, "--label", "acme") == ["a.test", "b.test",
						    "c.test"]

	before = trail_length(three)
	assert "already so" in three.ok("domain", "set", "c.test", "--label",
					"acme")
	assert trail_length(three) == before

	assert record.format(token, "") in three.ok("domain", "set", "c.test",
						    "--rua", "")
	assert three.domain("c.test")["rua"] == []


def test_a_box_that_collects_no_reports(rig, name):
	daemon = rig.daemon(collect_reports=False).start()
	daemon.add(name, wait=False)
	daemon.ok("domain", "set", name, "--rua", "mailto:r@example.org")
	assert f"{name}: take _smtp._tls.{name} out of DNS\n" in \
		daemon.ok("domain", "set", name, "--rua", "")


def test_domain_set_for_all(three):
	three.ok("domain", "set", "--all", "--label", "x", "--dry-run")
	assert three.domain("a.test")["label"] == "acme"

	three.ok("domain", "set", "--all", "--label", "x")
	assert listed(three, "--label", "x") == ["a.test", "b.test", "c.test"]


# policy

def test_policy_show(live, name):
	served = live.domain(name)["policy"]

	heading, body = live.ok("policy", "show", name).split("\n", 1)

	assert "version 1" in heading and served["id"] in heading
	assert body == served["body"].replace("\r", "")
	assert live.json("policy", "show", name) == served


def test_enforce_and_back(rig, live, name):
	client = rig.client(live)
	live.wait_announced(name)
	force = ["--force", "--reason", "story"]
	for mode, version, how in [("enforce", 2, force), ("testing", 3, [])]:
		first = live.ctl("policy", mode, name, *how)
		policy = live.domain(name)["policy"]
		again = live.ctl("policy", mode, name, *how)

		assert (first.status, again.status) == (FINE, FINE)
		assert f"version {version}" in first.out
		assert policy["id"] in first.out
		assert "already so" in again.out
		assert live.domain(name)["policy"] == policy
		assert policy["version"] == version
		body = client.fetch(f"mta-sts.{name}").body.decode()
		assert f"mode: {mode}\r\n" in body


def test_policy_set(three):
	three.ok("policy", "set", "a.test", "--mx", "x.example.org,y.example.org",
		 "--max-age", "30d", "--mode", "enforce",
		 "--force", "--reason", "story")

	policy = three.domain("a.test")["policy"]
	assert policy["mx"] == ["x.example.org", "y.example.org"]
	assert (policy["max_age"], policy["mode"]) == (30 * 86400, "enforce")

	again = three.ok("policy", "set", "a.test", "--max-age", "30d")
	assert "already so" in again
	three.ok("policy", "set", "a.test", "--preset", "m365")
	policy = three.domain("a.test")["policy"]
	assert (policy["version"], policy["mode"]) == (3, "enforce")
	assert "x.example.org" not in policy["mx"]


def test_dry_run_of_a_policy(three):
	before = three.domain("a.test")["policy"]

	out = three.ok("policy", "enforce", "--force", "--reason", "story",
		       "--label", "acme", "--dry-run")

	assert first_words(out)[0] == "a.test"
	assert "b.test" in out and "c.test" not in out
	assert "testing" in out and "enforce" in out
	assert three.domain("a.test")["policy"] == before
	assert not [e for e in three.json("log", "a.test")["events"]
		    if e["kind"] == "policy.changed"]


# cert, ca

def test_cert_list_and_show(live, name):
	live.ok("domain", "add", f"not-yet.{name}", *MX)

	row, = live.json("cert", "list")["certs"]
	assert row["name"] == name
	assert int(row["certificate"]["serial"], 16) == live.serial(name)
	assert first_words(live.ok("cert", "list")) == [name]
	assert live.json("cert", "list", "--label", "other") == {"certs": []}

	text = live.ok("cert", "show", name)
	seen = subprocess.run(["openssl", "x509", "-noout", "-serial"],
			      input=text, text=True, check=True,
			      capture_output=True).stdout
	assert int(seen.strip().split("=")[1], 16) == live.serial(name)

	shown = live.json("cert", "show", name)
	assert shown["certificate"] == row["certificate"]
	assert ssl.PEM_cert_to_DER_cert(
		shown["pem"][:shown["pem"].index("-----END") + 25])


def test_no_certificate_to_show(three):
	result = three.ctl("cert", "show", "a.test")
	assert result.status == REFUSED
	assert "a.test" in result.err
	assert three.json("cert", "list") == {"certs": []}


def test_ca_list(rig, live):
	ca, = live.json("ca", "list")["cas"]

	assert ca["name"] == "pebble"
	assert ca["directory"] == rig.pebble.directory
	assert ca["used"] is True
	assert ca["account_url"].startswith("https://")
	assert not ca["problem"]
	line = live.ok("ca", "list").splitlines()[1].split()
	assert line[:4] == ["pebble", "first", "yes", ca["account"]]


# log

def test_log_of_a_name(three):
	three.ok("policy", "enforce", "--force", "a.test", "--reason", "ticket 4711")

	of_a = three.json("log", "a.test")["events"]
	assert {e["name"] for e in of_a} == {"a.test"}
	assert of_a[-1]["reason"] == "ticket 4711"
	assert [e["id"] for e in of_a] == sorted(e["id"] for e in of_a)

	newest = three.json("log", "a.test", "--limit", "1")["events"]
	assert newest == of_a[-1:]
	assert three.ok("log", "a.test", "--limit", "1").count("\n") == 1
	assert "c.test" not in three.ok("log", "--label", "acme")
	assert three.json("log", "nobody.test")["events"] == []


def test_log_since(three):
	time.sleep(3)
	three.ok("policy", "enforce", "--force", "a.test", "--reason", "the last")

	recent = three.ok("log", "a.test", "--actor", "uid", "--since", "2s")

	assert recent.count("\n") == 1 and "the last" in recent
	assert three.ok("log", "a.test", "--actor", "uid",
			"--since", "1h").count("\n") == 2


def follow(daemon, path, *words):
	return Process("mtastsctl", [BUILD / "mtastsctl", "--socket",
				     daemon.socket, "log", "--follow", *words],
		       path)


@pytest.mark.parametrize("words", [[], ["--json"]], ids=["text", "json"])
def test_log_follow(three, tmp_path, words):
	process = follow(three, tmp_path / "out", "a.test", *words)
	wait_for("what was", lambda: "a.test" in process.text())

	three.ok("policy", "enforce", "--force", "a.test", "c.test", "--reason", "news")
	wait_for("what is new", lambda: "news" in process.text())
	time.sleep(1)
	text = process.text()
	os.kill(process.pid, signal.SIGTERM)

	assert process.wait(5) == -signal.SIGTERM
	assert text.count("news") == 1 and "c.test" not in text
	if words:
		assert json_lines(text)[-1]["reason"] == "news"


def test_log_follow_ends_with_the_daemon(three, tmp_path):
	process = follow(three, tmp_path / "out")
	wait_for("what was", lambda: "a.test" in process.text())

	three.stop()

	assert process.wait(10) == 4


# status

def test_status_of_an_empty_box(daemon):
	result = daemon.ctl("status")
	assert result.status == FINE, result
	assert "all is well" in result.out


# Its first record is due: that is for a hand, and not "well" for a day.
def test_status_with_live_domains(rig, live, name):
	def said(text):
		return wait_for(text, lambda: text in live.ctl("status").out and
				live.ctl("status"), 20)

	due = said("publish: _mta-sts")
	assert due.status == WARNINGS and "all is well" not in due.out, due
	policy = live.domain(name)["policy"]["id"]
	assert f'_mta-sts.{name}. IN TXT "v=STSv1; id={policy};"' in due.out
	rig.dns.set(f"_mta-sts.{name}", "TXT", f'"v=STSv1; id={policy};"')
	live.api("POST", f"/v1/domains/{name}/look", {})
	assert said("all is well").status == FINE


# What only waits for the box is no trouble, and not "well" either.
def test_status_of_what_is_under_way(rig, name):
	daemon = rig.daemon(check_https_port=free_port()).start()
	rig.dns.point(name)
	daemon.add(name)
	first = daemon.ctl("status")	# a look, or two, are still to come
	if "needs a hand" not in first.out:
		assert first.status == FINE, first
		assert "1 policy is fetched as senders do" in first.out
		assert "nothing needs a hand" in first.out
		assert daemon.json("status")["progress"]["fetching"] == 1
	# Once it is seen that the name leads here, they are counted anew.
	wait_for("DNS to be seen", lambda: (daemon.json("domain", "show", name)
		 ["dns"] or {"host": {"is": ""}})["host"]["is"] == "here")
	for _ in range(2):
		tries = daemon.rows("SELECT tries FROM reached")[0][0]
		daemon.api("POST", f"/v1/domains/{name}/look", {})
		wait_for("a look", lambda: daemon.rows(
			"SELECT tries FROM reached")[0][0] > tries, 20)
	waits = wait_for("a hand", lambda: "needs a hand" in daemon.ctl(
		"status").out and daemon.ctl("status"), 20)
	assert waits.status == WARNINGS, waits
	assert f"mtastsctl policy announce {name}" in waits.out
	assert "in progress" not in waits.out


def test_status_with_a_warning(three):
	wait_for("a warning", lambda: three.ctl("status").status == WARNINGS)
	out = three.ctl("status").out
	assert "needs a hand" in out and "domain records a.test" in out
	assert "all is well" not in out


def test_status_with_an_error(rig, name):
	daemon = rig.daemon(agree_tos=False).start()
	rig.dns.point(name)
	daemon.add(name, wait=False)

	wait_for("an error", lambda: daemon.ctl("status").status == ERRORS)

	assert "agree_tos" in daemon.ctl("status").out
	result = daemon.ctl("status", "--json")
	assert result.status == ERRORS
	assert json.loads(result.out)["health"] == "error"


# --json has the names that docs/admin-api.md has.

FINDING = "id level text hint"
DOMAIN = ("name display registered label state state_since health findings policy"
	  " certificate order next created rua")
POLICY = "version id mode max_age mx body created"
CERTIFICATE = "serial issuer ca not_before not_after renew_at"
CHANGED = "name changed dry_run changes domain last_event"
STATUS = ("version started now health findings domains problems cas"
	  " nearest_expiry serving")
CA = "name directory used account account_url in_flight problem hint"
EVENT = "id at level kind name actor channel text reason"


def has(value, names):
	assert set(names.split()) <= set(value), value


def test_json_names_of_a_domain(live, name):
	for view in [live.json("domain", "show", name),
		     live.json("domain", "list")["domains"][0]]:
		has(view, DOMAIN)
		has(view["policy"], POLICY)
		has(view["certificate"], CERTIFICATE)
		has(view["next"], "what at in")
	has(live.json("domain", "records", name), "name state records zone notes")
	has(live.json("cert", "show", name), "name certificate pem")


def test_json_names_of_a_change(three):
	change = three.json("policy", "enforce", "--force", "--reason", "story", "a.test")
	has(change, CHANGED)
	assert {"field": "mode", "before": "testing",
		"after": "enforce"} in change["changes"]
	assert three.json("policy", "enforce", "--force", "--reason", "story", "a.test")["changes"] == []
	dry = three.json("domain", "set", "a.test", "--label", "x", "--dry-run")
	assert (dry["changed"], dry["dry_run"]) == (True, True)
	gone = three.json("domain", "remove", "a.test")
	has(gone, CHANGED)
	assert gone["domain"] is None


def test_json_names_of_the_box(three):
	status = three.json("status")
	has(status, STATUS)
	has(status["domains"],
	    "total waiting-for-dns issuing live with_problem")
	has(status["serving"], "connections open shed handshakes"
	    " handshakes_failed policies challenges")
	has(status["problems"][0], "name state findings")
	has(status["problems"][0]["findings"][0], FINDING)
	has(status["cas"][0], CA)
	has(three.json("ca", "list")["cas"][0], CA)
	log = three.json("log")
	has(log, "events last")
	has(log["events"][0], EVENT)
	assert log["last"] == log["events"][-1]["id"]


# More than a page.

def test_more_than_a_page(daemon, tmp_path):
	names = [f"n{i:03}.test" for i in range(230)]
	path = tmp_path / "names"
	path.write_text("\n".join(names))
	daemon.ok("domain", "add", "--file", path, *MX)

	assert listed(daemon) == names
	assert first_words(daemon.ok("domain", "list")) == names
	assert listed(daemon, "--limit", "215") == names[:215]

	daemon.ok("policy", "enforce", "--force", "--reason", "story", "--all", "--limit", "220")
	modes = [d["policy"]["mode"] for d in
		 daemon.json("domain", "list")["domains"]]
	assert modes == ["enforce"] * 220 + ["testing"] * 10

	daemon.ok("domain", "remove", "--all", "--now")
	assert hosted(daemon) == []


# Waves: what is so already, and who refuses, hold none up.

AGES = ["--max-age", "14d"]


def ages(daemon):
	return [d["policy"]["max_age"] // 86400 for d in
		daemon.json("domain", "list")["domains"]]


@pytest.mark.parametrize("words", [["--label", "x"], ["--file", "{names}"]])
def test_a_limit_counts_changes(daemon, tmp_path, words):
	path = tmp_path / "names"
	path.write_text("".join(f"a{i}.test\n" for i in range(5)))
	words = [w.format(names=path) for w in words]
	daemon.ok("domain", "add", "--file", path, "--label", "x", *MX)

	dry = daemon.ok("policy", "set", *words, *AGES, "--limit", "2",
			"--dry-run")
	assert "a1.test" in dry and "a2.test" not in dry
	for done in [2, 4, 5, 5]:
		result = daemon.ctl("policy", "set", *words, *AGES, "--limit",
				    "2")
		assert result.status == FINE, result
		assert ages(daemon) == [14] * done + [7] * (5 - done)


def hosts(daemon):
	return [d["policy"]["mx"] for d in
		daemon.json("domain", "list")["domains"]]


@pytest.mark.parametrize("words", [
	["--label", "acme"], ["--file", "{names}"], ["a.test", "b.test"]])
def test_a_move_of_many(three, tmp_path, words):
	path = tmp_path / "names"
	path.write_text("a.test\nb.test\n")
	words = [w.format(names=path) for w in words]
	names = [w for w in words if w.endswith(".test")]
	moved = ["policy", "mx", *words, "add", "new.test", "other.test"]
	was = three.domain("c.test")["policy"]["mx"]

	dry = three.ok(*moved, "--dry-run")
	assert "a.test" in dry and "b.test" in dry and "c.test" not in dry
	assert hosts(three) == [was] * 3
	for _ in range(2):
		three.ok(*moved, "--limit", "1")
	both = sorted([*was, "new.test", "other.test"])
	assert [sorted(h) for h in hosts(three)] == [both, both, was]
	assert three.ok(*moved).count("already so") == 2

	three.ok("policy", "mx", *words, "drop", "other.test", "--force")
	assert [sorted(h) for h in hosts(three)] == [
		sorted([*was, "new.test"])] * 2 + [was]
	refused = three.ctl("policy", "mx", *names, "c.test", "drop",
			    "new.test", "--force")
	assert refused.status == REFUSED
	assert "c.test: its policy does not name new.test" in refused.err


def test_a_move_says_of_whom_and_what(three):
	was = hosts(three)
	for words in (["--all", "add"], ["--all", "new.test"], ["add", "x.test"],
		      ["a.test", "--all", "add", "x.test"],
		      ["a.test", "b.test", "move", "x.test"], []):
		assert three.ctl("policy", "mx", *words).status == USAGE, words
	assert hosts(three) == was


def test_a_limit_goes_on_past_who_refuses(daemon, tmp_path):
	path = tmp_path / "names"
	path.write_text("".join(f"n{i:03}.test\n" for i in range(230)))
	daemon.ok("domain", "add", "--file", path, *MX)
	daemon.ok("policy", "set", "n228.test", "n229.test", *AGES)
	result = daemon.ctl("policy", "rollback", "--all", "--limit", "1")
	assert result.status == REFUSED
	assert ages(daemon) == [7] * 229 + [14]
	assert result.err.count("has only one version") == 228, result.err
	assert result.out.startswith("n228.test: version 3")


# The CA does not reach us.

def test_the_ca_is_refused_at_port_80(rig, name):
	daemon = rig.daemon(http_port=free_port()).start()
	rig.dns.point(name)

	result = daemon.ctl("domain", "add", name, "--mx", f"mx.{name}",
			    "--wait", "--timeout", "10s")

	assert result.status == ERRORS, result
	why, last = result.err.splitlines()[-2:]
	assert name in why and "the CA said" in why
	assert "(connection)" in why and "refused" in why
	assert "port 80" in why and "firewall" in why
	assert "stopped waiting after" in last
	assert daemon.domain(name)["state"] == "issuing"
	assert daemon.ctl("status").status in (WARNINGS, ERRORS)


# A changed configuration.

def reload(daemon, **settings):
	daemon.settings |= settings
	daemon.write_config()
	before = daemon.log.read_text()
	os.kill(daemon.process.pid, signal.SIGHUP)
	wait_for("a word about it", lambda: "configuration read again" in
		 daemon.log.read_text()[len(before):])
	return daemon.log.read_text()[len(before):]


def test_reload_changes_the_log_level(rig):
	daemon = rig.daemon(log_level="error").start()
	assert daemon.log.read_text() == ""

	said = reload(daemon, log_level="info")

	assert "at a restart" not in said


def test_reload_says_what_needs_a_restart(daemon):
	"""By name, at each reload; and so does status, until there is one."""
	said = reload(daemon, max_connections=77, cache_size=7)
	assert "at a restart only: max_connections, cache_size\n" in said
	assert "at a restart only: max_connections" in reload(daemon)
	waits, = daemon.json("status")["findings"]
	assert waits["id"] == "config.not-yet"
	assert waits["text"].endswith(
		"before a restart: max_connections, cache_size")
	del daemon.settings["cache_size"]
	assert "at a restart only: max_connections\n" in reload(daemon)

	daemon.stop()
	daemon.start()
	assert daemon.json("status")["findings"] == []
	assert "at a restart" not in reload(daemon)


def test_reload_with_another_port_does_not_look_there(rig, name):
	"""It listens where it did, and status says until when."""
	daemon = rig.daemon().start()
	rig.dns.point(name)
	daemon.add(name)
	was = f"127.0.0.1:{daemon.https_port}"

	said = reload(daemon, listen_https=[f"127.0.0.1:{free_port()}"])

	assert "at a restart" in said
	assert daemon.api("GET", "/v1/box")[1]["listen_https"] == [was]
	warned, = daemon.json("status")["findings"]
	assert warned["id"] == "port.not-yet" and was in warned["text"]
	time.sleep(8)	# looks at what it serves come once a second
	assert daemon.json("alert", "list")["alerts"] == []

	reload(daemon, listen_https=[was])
	assert daemon.json("status")["findings"] == []


def test_reload_with_a_new_contact(live, name):
	account = live.json("ca", "list")["cas"][0]["account_url"]
	old = live.serial(name)

	reload(live, contact="new@example.org")
	live.ok("cert", "renew", name, "--wait")

	assert live.serial(name) != old
	assert live.rows("SELECT contact FROM account") == [
		("new@example.org",)]
	ca, = live.json("ca", "list")["cas"]
	assert ca["account_url"] == account
	assert not ca["problem"]


def test_what_is_empty_says_so(rig):
	daemon = rig.daemon().start()
	for words, said in (
			(["domain", "list"], "no domain is hosted (mtastsctl "
			 "domain add"),
			(["domain", "list", "--label", "x"],
			 "no domain has label x"),
			(["cert", "list"], "no certificate is served yet"),
			(["log", "x.test"], "in the trail: x.test")):
		done = daemon.ctl(*words)
		assert (done.status, done.out) == (FINE, "")
		assert said in done.err and len(done.err.splitlines()) == 1
		assert daemon.ctl(*words, "--json").err == ""


def test_a_new_domain_is_told_the_way_to_enforce(rig):
	daemon = rig.daemon().start()
	add = ["domain", "add", "a.test", "--mx", "mx.a.test", "--mode",
	       "enforce"]
	done = daemon.ctl(*add)
	assert done.status == REFUSED and "without --mode enforce" in done.err
	assert "no policy" not in done.err
	daemon.ok(*add, "--force", "--reason", "r")
	[added] = [e for e in daemon.json("log")["events"]
		   if e["kind"] == "domain.added"]
	assert "forced state announced days" in added["text"]
	assert "policy.missing" not in added["text"]


def test_many_alike_are_few_lines(rig):
	daemon = rig.daemon().start()
	names = [f"w{i}.test" for i in range(30)]
	daemon.ok("domain", "add", *names, "--mx", "mx.example.test")
	wait_for("looks", lambda: daemon.rows(
		"SELECT count(*) FROM domain WHERE problem <> ''") == [(30,)])
	done = daemon.ctl("status")
	assert done.status == WARNINGS
	assert done.out.count("does not exist in DNS yet") == 3
	assert "and 27 more that wait for DNS: mtastsctl domain list --state " \
		"waiting-for-dns\n" in done.out
	dry = daemon.ok("policy", "testing", "--all", "--dry-run")
	assert dry.splitlines()[1:] == ["w0.test   nothing", "w1.test   nothing",
					"w10.test  nothing",
					"and nothing of 27 more"]


def test_who_names_nobody_is_told_all_ways(three):
	for words, said in ((["add"], "names, or --file)"),
			    (["set", "--label", "x"], "--state or --all; --label"),
			    (["show"], "--label, --state or --all")):
		done = three.ctl("domain", *words)
		assert done.status == USAGE and said in done.err


def test_mode_none_is_told_the_rest_of_the_way(three):
	said = three.ok("policy", "set", "a.test", "--mode", "none")
	assert "mtastsctl domain remove a.test" in said
