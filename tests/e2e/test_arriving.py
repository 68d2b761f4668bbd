"""A domain that arrives: with the MX of DNS, or from another host."""

import json

import pytest

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
def test_a_known_providers_mx_is_taken_from_dns(rig, daemon, name, mx, preset,
						told):
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
])
def test_what_is_not_known_is_not_guessed(rig, daemon, name, mx, said):
	rig.dns.set(name, "A", "127.0.0.1")
	rig.dns.set(name, "MX", *mx)
	done = daemon.ctl("domain", "add", name)
	assert done.status == REFUSED and said in done.err, done
	assert daemon.json("domain", "list")["domains"] == []


def test_without_a_resolver_nothing_is_guessed(rig, daemon, name):
	daemon.settings["resolvers"] = [f"127.0.0.1:{free_port()}"]
	daemon.reload()
	wait_for("the configuration", lambda: daemon.api(
		"GET", "/v1/check")[1]["resolvers"] ==
		daemon.settings["resolvers"])
	done = daemon.ctl("domain", "add", name)
	assert done.status == REFUSED and "no resolver says" in done.err


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
	daemon.ok("domain", "add", name, "--adopt", "--wait", *words)
	shown = daemon.json("domain", "show", name)["policy"]
	assert (shown["version"], shown["id"], shown["mode"]) == \
		(0, "former7", "enforce")
	assert (shown["mx"], shown["max_age"]) == ([f"mx.{name}"], 14 * DAY)
	assert look(daemon, name, txt_is("in-step"))["health"] == "ok"
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
	assert done.status == REFUSED and "no record that senders" in done.err
	assert json.loads(daemon.ok("domain", "list", "--json")) == \
		{"domains": []}
