"""A domain that arrives: with the MX of DNS, or from another host."""

import json
import socket
import time
from datetime import datetime

import pytest

from harness.dns import Dns
from harness.flaky_dns import FlakyDns
from harness.outside import Authority, PolicyHost
from harness.process import free_port, wait_for
from test_watch import DAY, FINE, REFUSED, announce, look, txt_is

M365 = "contoso-test.mail.protection.outlook.com"


@pytest.mark.parametrize("mx, preset, told", [
	([f"0 {M365}."], [M365], "Microsoft 365"),
	(["0 contoso.a-v1.mx.microsoft."], ["contoso.a-v1.mx.microsoft"],
	 "Microsoft 365"),
	(["1 smtp.google.com."], "google", "Google Workspace"),
	(["1 aspmx.l.google.com.", "5 alt1.aspmx.l.google.com."], "google",
	 "Google Workspace"),
	(["10 eu-smtp-inbound-1.mimecast.com."],
	 ["eu-smtp-inbound-1.mimecast.com"], "Mimecast"),
])
def test_a_known_providers_mx_is_taken_from_dns(rig, name, mx, preset, told):
	daemon = rig.daemon(resolvers=[rig.dns.address, rig.dns.second]).start()
	rig.dns.set(name, "MX", *mx)
	said = daemon.ok("domain", "add", name)
	assert told in said
	listed = daemon.json("domain", "show", name)["policy"]["mx"]
	if preset == "google":
		assert "smtp.google.com" in listed and len(listed) == 10
	else:
		assert listed == preset


@pytest.mark.parametrize("mx, said", [
	(["10 mx1.example.test.", "20 mx2.example.test."],
	 "--mx mx1.example.test --mx mx2.example.test"),
	(["10 mx1.example.test.", f"20 {M365}."], "no provider that is known"),
	([], "has no MX"),
	(["0 ."], "takes no mail"),
	(["10 mx_2.example.test."], "is no host name: mx_2.example.test"),
	([f"0 {M365}.", "10 192.0.2.1."], "is no host name: 192.0.2.1"),
])
def test_what_is_not_known_is_not_guessed(rig, daemon, name, mx, said):
	rig.dns.set(name, "A", "127.0.0.1")
	rig.dns.set(name, "MX", *mx)
	done = daemon.ctl("domain", "add", name)
	assert done.status == REFUSED and said in done.err, done
	assert daemon.json("domain", "list")["domains"] == []


# DNS that lies to one resolver writes no policy by itself.
def test_one_resolver_alone_is_not_believed_and_two_must_agree(rig, name):
	liar = FlakyDns(rig.dns, 0)
	daemon = rig.daemon(resolvers=[rig.dns.address]).start()
	rig.dns.set(name, "MX", f"0 {M365}.")
	alone = daemon.ctl("domain", "add", name)
	assert alone.status == REFUSED and "one resolver alone" in alone.err
	assert f"domain add {name} --mx '{M365}'; " in alone.err
	assert "mtastsd.conf(5)" in alone.err
	assert daemon.json("domain", "list")["domains"] == []

	resolve(daemon, rig.dns.address, rig.dns.second)
	both = daemon.ctl("domain", "add", name, "--dry-run")
	assert (both.status, both.err) == (FINE, "")
	# One that is silent says nothing, and the other is alone.
	liar.mute = "test"
	resolve(daemon, rig.dns.address, liar.address)
	done = daemon.ctl("domain", "add", name, "--dry-run")
	assert done.status == REFUSED and "one resolver alone" in done.err
	liar.close()

	other = Dns(rig.folder / "liar").start()
	other.set(name, "MX", "0 evil.mail.protection.outlook.com.")
	resolve(daemon, rig.dns.address, other.address)
	done = daemon.ctl("domain", "add", name)
	assert done.status == REFUSED and "do not agree" in done.err
	assert "domain add" in done.err and "--mx" in done.err
	assert daemon.json("domain", "list")["domains"] == []
	other.process.stop()


def resolve(daemon, *addresses):
	daemon.settings["resolvers"] = list(addresses)
	daemon.reload()
	wait_for("the configuration", lambda: daemon.api(
		"GET", "/v1/check")[1]["resolvers"] == list(addresses))


def offline(daemon, port=None):
	resolve(daemon, f"127.0.0.1:{port or free_port()}")


def test_without_a_resolver_nothing_is_guessed(rig, daemon, name):
	offline(daemon)
	done = daemon.ctl("domain", "add", name)
	assert done.status == REFUSED and "no resolver says" in done.err


@pytest.mark.parametrize("words, mx, said", [
	(["--preset", "google"], [f"0 {M365}."],
	 [M365, "(Microsoft 365)", "does not name", f"policy set {{}} --mx {M365}"]),
	(["--mx", "mx1.example.test"],
	 ["10 mx1.example.test.", "20 mx2.example.test."],
	 ["to mx2.example.test,", "policy mx {} add mx2.example.test)"]),
	(["--mx", "mx1.example.test"],
	 ["10 mx1.example.test."] + [f"20 h{i}.example.test."
				     for i in range(7)],
	 ["h3.example.test and 3 more", "policy mx {} add HOST"]),
	(["--mx", "mx1.example.test", "--dry-run"], ["10 mx2.example.test."],
	 ["to mx2.example.test,", "name those, too"]),
])
def test_hosts_unlike_the_live_mx_are_told(rig, daemon, name, words, mx, said):
	rig.dns.set(name, "MX", *mx)
	done = daemon.ctl("domain", "add", name, *words)
	assert done.status == FINE
	[line] = done.err.splitlines()
	assert line.startswith(f"mtastsctl: warning: DNS sends mail of {name} ")
	for word in said:
		assert word.format(name) in line
	if "--dry-run" not in words:		# the command that it names
		mend = line.rsplit("mtastsctl ", 1)[1].rstrip(")").split()
		if "HOST..." not in line:
			daemon.ok(*mend)
			assert look(daemon, name, lambda d: d["dns"])["dns"][
				"mx"]["strays"] == []


def test_a_live_mx_that_is_no_host_is_told(rig, daemon, name):
	rig.dns.set(name, "MX", "10 mx1.example.test.", "20 mx_2.example.test.")
	done = daemon.ctl("domain", "add", name, "--mx", "mx1.example.test")
	assert done.status == FINE
	[line] = done.err.splitlines()
	assert "that is no host name: mx_2.example.test" in line


def test_a_change_to_hosts_unlike_the_live_mx_is_told(rig, daemon, name):
	rig.dns.set(name, "MX", "10 mx1.example.test.")
	daemon.ok("domain", "add", name, "--mx", "mx1.example.test")
	for words in (["policy", "set", name, "--mx", "mx2.example.test"],
		      ["domain", "set", name, "--template", "t"]):
		daemon.ok("template", "set", "t", "--mx", "mx3.example.test")
		done = daemon.ctl(*words)
		assert done.status == FINE and "to mx1.example.test," in done.err
	done = daemon.ctl("policy", "set", name, "--max-age", "30d")
	assert (done.status, done.err) == (FINE, "")
	empty = daemon.ctl("domain", "add", f"x.{name}", "--template", "")
	assert "has no MX" in empty.err		# that is no template


def test_hosts_like_the_live_mx_are_no_news(rig, daemon, name):
	rig.dns.set(name, "MX", f"0 {M365}.")
	done = daemon.ctl("domain", "add", name, "--preset", "m365", "--mx",
			  M365)
	assert (done.status, done.err) == (FINE, "")
	refused = daemon.ctl("domain", "add", f"y.{name}", "--mx", "a.test",
			     "--mode", "enforce")
	assert refused.status == REFUSED


@pytest.mark.parametrize("kind, data, said", [
	("MX", [], "{} does not exist in DNS"),
	("A", ["192.0.2.1"], "DNS has no MX of {}"),
	("MX", ["0 ."], "{} takes no mail"),
])
def test_a_domain_without_mail_is_added_and_told(rig, daemon, name, kind, data,
						 said):
	rig.dns.set(name, kind, *data)
	done = daemon.ctl("domain", "add", name, "--mx", "a.example.test")
	assert done.status == FINE and "added" in done.out
	[line] = done.err.splitlines()
	assert "warning: " + said.format(name) in line


def test_an_import_tells_lines_unlike_the_live_mx(rig, daemon, tmp_path):
	path = tmp_path / "fleet.csv"
	path.write_text("name,mx\n" + "".join(
		f"i{i}.test,mx.i{i}.test\n" for i in range(100)))
	rig.dns.set("i7.test", "MX", "10 mx.i7.test.", "20 new.i7.test.")
	rig.dns.set("i99.test", "MX", "10 mx.elsewhere.test.")
	for words in (["import", path, "--dry-run"], ["import", path],
		      ["apply", path]):
		done = daemon.ctl("domain", *words)
		assert done.status == FINE
		said = sorted(done.err.splitlines())
		if words[0] == "apply":		# nothing is new
			assert said == []
			continue
		assert "; 2 with MX that their policies do not name" in done.out
		assert [line.split(":")[1] for line in said] == \
			[" line 101", " line 9"]
		assert "mx.elsewhere.test" in said[0] and "new.i7" in said[1]


def test_a_resolver_that_is_silent_holds_nobody_up(rig, daemon, tmp_path):
	silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	silent.bind(("127.0.0.1", 0))
	offline(daemon, silent.getsockname()[1])
	begun = time.monotonic()
	done = daemon.ctl("domain", "add", "a.test", "--mx", "mx.a.test")
	assert done.status == FINE and "of 1 domain: no resolver" in done.err
	assert "mtastsctl domain check a.test" in done.err
	path = tmp_path / "fleet.csv"
	path.write_text("name,mx\n" + "".join(
		f"i{i}.test,mx.i{i}.test\n" for i in range(300)))
	done = daemon.ctl("domain", "import", path)
	assert done.status == FINE and "300 added" in done.out
	assert "of 300 domains: no resolver" in done.err
	assert time.monotonic() - begun < 20
	silent.close()


# ---- from another host ----

BODY = "version: STSv1\nmode: enforce\nmx: mx.{name}\nmax_age: 1209600\n"


class Former:
	"""The host that a customer leaves, at 127.0.0.1 and a port of its own."""

	def __init__(self, rig, name, folder, body=BODY):
		self.ca = Authority(folder)
		self.host = PolicyHost(self.ca.context(f"mta-sts.{name}"),
				       body.format(name=name))
		rig.dns.point(name)
		rig.dns.set(name, "MX", f"10 mx.{name}.")
		rig.dns.set(f"_mta-sts.{name}", "TXT", '"v=STSv1; id=former7;"')
		self.words = ["--https-port", self.host.port, "--ca-file",
			      self.ca.root, "--allow-private"]


@pytest.fixture
def former(rig, name, tmp_path):
	hosts = []

	def make(*more):
		hosts.append(Former(rig, name, tmp_path, *more))
		return hosts[-1]
	yield make
	for one in hosts:
		one.host.close()


def test_adopt_keeps_id_and_policy(rig, daemon, name, former):
	words = former().words
	dry = daemon.ok("domain", "add", name, "--adopt", "--dry-run", *words)
	assert "id former7, mode enforce, max_age 14d" in dry
	said = daemon.ok("domain", "add", name, "--adopt", "--wait", *words)
	assert f"adopted as it is: id former7, mode enforce, max_age 14d, " \
		f"mx mx.{name}" in said
	assert "already so" in daemon.ok("domain", "add", name, "--adopt",
					 *words)
	shown = daemon.json("domain", "show", name)["policy"]
	assert (shown["version"], shown["id"], shown["mode"]) == \
		(0, "former7", "enforce")
	assert (shown["mx"], shown["max_age"]) == ([f"mx.{name}"], 14 * DAY)
	assert look(daemon, name, txt_is("in-step"))["health"] == "ok"
	assert "cutover" not in daemon.ok("domain", "records", name)
	body = rig.client(daemon).fetch(f"mta-sts.{name}").body.decode()
	assert "mode: enforce" in body

	# What senders fetched there counts.
	daemon.ok("policy", "set", name, "--max-age", "7d")
	newer, former7 = daemon.json("policy", "history", name)["versions"]
	assert (newer["version"], former7["version"]) == (1, 0)
	assert former7["last_served"]
	daemon.ok("domain", "remove", name)
	left = daemon.json("domain", "show", name)["leaving"]["held_until"]
	assert left > shown["created"]
	daemon.ok("domain", "add", name)
	daemon.ok("policy", "rollback", name, "--to", "0")
	assert daemon.json("domain", "show", name)["policy"]["max_age"] == \
		14 * DAY


# Handed over, or removed in haste, and back: what was ours may be so again.
def test_what_is_adopted_says_what_changes_at_the_cutover(rig, daemon, name,
							  former):
	words = former().words
	daemon.ok("domain", "add", name, "--adopt", *words)
	rig.dns.point(name, address="127.0.0.9")
	look(daemon, name, lambda d: d["dns"]["host"]["is"] == "elsewhere" and
	     d["dns"]["txt"]["is"] == "in-step")
	said = daemon.ok("domain", "records", name)
	assert "changed to this at the cutover:" in said
	[txt] = [line for line in said.splitlines() if "v=STSv1" in line]
	assert txt.endswith("is in DNS already: leave it")
	assert "_mta-sts is in DNS and stays as it is, with id former7" in said
	assert "only once the domain is live" not in said
	records = daemon.json("domain", "records", name)
	assert {r["name"]: r["there"] for r in records["records"]} == {
		f"mta-sts.{name}": False, f"_mta-sts.{name}": True,
		f"_smtp._tls.{name}": False}


def test_a_domain_that_comes_back_is_adopted(rig, daemon, name, former):
	host = former()
	daemon.ok("domain", "add", name, "--adopt", "--wait", *host.words)
	daemon.ok("domain", "remove", name, "--now")
	daemon.ok("domain", "add", name, "--adopt", *host.words)
	shown = daemon.json("domain", "show", name)["policy"]
	assert (shown["version"], shown["id"]) == (0, "former7")
	daemon.ok("domain", "remove", name, "--now")

	host.host.serve_body(BODY.format(name="other.test"))
	done = daemon.ctl("domain", "add", name, "--adopt", *host.words)
	assert done.status == REFUSED and "another policy" in done.err, done
	assert "a new id" in done.err and "--mx" in done.err
	rig.dns.set(f"_mta-sts.{name}", "TXT", '"v=STSv1; id=former8;"')
	daemon.ok("domain", "add", name, "--adopt", *host.words)


# What it got there is held for longer than what it gets here, and a day more.
def test_adopted_and_removed_at_once_waits_for_what_it_was(rig, daemon, name,
							   former):
	daemon.ok("domain", "add", name, "--adopt", "--wait", *former().words)
	daemon.ok("policy", "set", name, "--max-age", "1d")
	daemon.ok("domain", "remove", name)
	at_once = daemon.json("domain", "show", name)
	left = datetime.fromisoformat(at_once["leaving"]["held_until"]) - \
		datetime.fromisoformat(at_once["created"])
	assert left.total_seconds() >= 15 * DAY


@pytest.mark.parametrize("body, said", [
	("nothing\n", "the policy that is served now"),
	(BODY.replace("mx: mx.{name}\n", ""), "mx"),
	(BODY.replace("1209600", "60"), "max_age"),
])
def test_what_cannot_be_served_is_not_adopted(daemon, name, former, body,
					      said):
	done = daemon.ctl("domain", "add", name, "--adopt",
			  *former(body).words)
	assert done.status == REFUSED and said in done.err, done
	assert daemon.json("domain", "list")["domains"] == []


def test_adopt_with_options_or_without_a_host_is_refused(rig, daemon, name,
							 former):
	words = former().words
	done = daemon.ctl("domain", "add", name, "--adopt", "--mx", "a.test",
			  *words)
	assert done.status == REFUSED and "adopted as it is" in done.err
	rig.dns.set(f"_mta-sts.{name}", "TXT")
	done = daemon.ctl("domain", "add", name, "--adopt", *words)
	assert done.status == REFUSED and "no record that senders take (mtasts" \
		in done.err
	assert json.loads(daemon.ok("domain", "list", "--json")) == \
		{"domains": []}


def test_who_has_a_policy_adopts_none(daemon, name, former):
	words = former().words
	daemon.ok("domain", "add", name, "--mx", f"mx.{name}", "--no-adopt")
	before = daemon.json("domain", "show", name)["policy"]
	done = daemon.ctl("domain", "add", name, "--adopt", *words)
	assert done.status == REFUSED and "not that of id former7" in done.err
	assert daemon.json("domain", "show", name)["policy"] == before
	daemon.ok("domain", "remove", name, "--now")
	daemon.ok("domain", "add", name, "--adopt", *words)
	assert daemon.json("domain", "show", name)["policy"]["id"] == "former7"


# Senders hold the other's policy: nothing here knows for how long.
def test_a_policy_of_its_own_beside_another_hosts(rig, daemon, name, former):
	words = former().words
	both = daemon.ctl("domain", "add", name, "--adopt", "--no-adopt",
			  *words)
	assert both.status == REFUSED and "or it is not" in both.err
	rig.dns.point(name, address="127.0.0.9")
	for more in [], ["--dry-run"]:
		done = daemon.ctl("domain", "add", name, "--mx", f"mx.{name}",
				  *more)
		assert done.status == REFUSED and "id former7" in done.err, done
		assert f"domain add {name} --adopt" in done.err
		assert "--no-adopt" in done.err
	assert daemon.json("domain", "list")["domains"] == []
	daemon.ok("domain", "add", name, "--mx", f"mx.{name}", "--no-adopt")
	assert "not adopted former7" in daemon.ok("log", name)
	rig.dns.point(name)
	daemon.wait_state("live", name)
	announce(rig, daemon, name)
	shown = look(daemon, name, txt_is("in-step"))
	until = datetime.fromisoformat(shown["dns"]["txt"]["foreign_until"])
	left = until - datetime.fromisoformat(shown["created"])
	assert left.total_seconds() >= 31557600

	# Beside each date that goes by our own policies.
	note = "announced another host's policy"
	for words in (["policy", "mx", name, "add", "new.test"],
		      ["domain", "handover", name], ["domain", "remove", name]):
		said = daemon.ok(*words)
		assert note in said and "at the latest" in said, said
	assert "another host's policy may be held" in daemon.ok(
		"domain", "show", name)

	# And when it is gone from here, and comes again.
	daemon.ok("domain", "remove", name, "--now")
	daemon.ok("domain", "add", name, "--mx", f"mx.{name}")
	assert note in daemon.ok("policy", "mx", name, "add", "new.test")


def test_what_is_ours_is_not_another_hosts(rig, daemon, name, former):
	words = former().words
	daemon.ok("domain", "add", name, "--adopt", "--wait", *words)
	shown = look(daemon, name, txt_is("in-step"))
	assert shown["dns"]["txt"]["foreign_until"] is None
	assert "another host" not in daemon.ok("policy", "mx", name, "add",
					       "new.test")
	# It was here before: no sender holds what nobody made.
	daemon.ok("domain", "remove", name, "--now")
	daemon.ok("domain", "add", name, "--mx", f"mx.{name}")
	# Nobody knew when it was added, and the watch saw it later.
	rig.dns.set(f"_mta-sts.{name}", "TXT", '"v=STSv1; id=other8;"')
	shown = look(daemon, name, lambda d: d["dns"]["txt"]["id"] == "other8")
	assert shown["dns"]["txt"]["foreign_until"]
	assert "another host's policy" in daemon.ok("policy", "mx", name, "add",
						    "new.test")


def test_lines_that_others_announce_are_named(rig, daemon, tmp_path):
	path = tmp_path / "fleet.csv"
	path.write_text("name,mx\n" + "".join(
		f"f{i}.test,mx.f{i}.test\n" for i in range(150)))
	for i in 3, 140:
		rig.dns.set(f"_mta-sts.f{i}.test", "TXT",
			    f'"v=STSv1; id=other{i};"')
	for words in (["import", path, "--dry-run"], ["import", path],
		      ["apply", path]):
		done = daemon.ctl("domain", *words)
		assert done.status == REFUSED, done
		said = done.err.splitlines()
		assert [line.split(":")[1] for line in said] == \
			[" line 5", " line 142"]
		assert "id other3" in said[0] and "--no-adopt" in said[0]
		assert "2 refused" in done.out
	assert len(daemon.json("domain", "list")["domains"]) == 148
	assert daemon.ctl("domain", "import", path, "--limit", "1").status == \
		REFUSED			# only what is new counts
	done = daemon.ctl("domain", "apply", path, "--no-adopt")
	assert done.status == FINE and "2 added" in done.out
	assert len(daemon.json("domain", "list")["domains"]) == 150


def test_a_plan_is_in_waves(daemon):
	names = [f"w{i}.test" for i in range(7)]
	daemon.ok("domain", "add", *names, "--mx", "mx.example.test")
	lines = daemon.ok("domain", "list", "--plan", "3/day").split("\n")
	assert [n for n in lines if n and n[0] != "#"] == names
	assert sum(n.startswith("# wave") for n in lines) == 3
	plan = daemon.json("domain", "list", "--plan", "3")
	assert [len(w["names"]) for w in plan["waves"]] == [3, 3, 1]
	assert plan["waves"][0]["date"] < plan["waves"][2]["date"]
	daemon.ca["limit_new_orders"] = "2/1d"
	daemon.reload()
	assert wait_for("the limit", lambda: [
		len(w["names"]) for w in daemon.json(
			"domain", "list", "--plan", "5")["waves"]]
		== [2, 2, 2, 1])
	daemon.ca["limit_new_orders"] = "100/1d"
	daemon.ca["limit_per_domain"] = "2/2d"
	daemon.reload()
	daemon.ok("domain", "add", *(f"a{i}.one.test" for i in range(6)),
		  "--mx", "mx.example.test")
	assert wait_for("the other limit", lambda: [
		len(w["names"]) for w in daemon.json(
			"domain", "list", "--plan", "5")["waves"]]
		== [5, 5, 1, 1, 1])
	first = daemon.json("domain", "list", "--plan", "5")["waves"][0]
	assert [n for n in first["names"] if "one" in n] == \
		["a0.one.test", "a1.one.test"]
	assert "one.test" in daemon.ctl("domain", "list", "--plan", "5").err
	for bad in "0", "x", "3/week", "-1":
		assert daemon.ctl("domain", "list", "--plan",
				  bad).status == 64
