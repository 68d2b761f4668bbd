"""A domain walks from its first record to a green check, and breaks on the way.

The peers are real: knot answers for DNS, pebble issues, postfix takes the mail.
"""

import json

import pytest

from harness import postfix
from harness.clock import Leaps
from harness.outside import Authority
from harness.postfix import Postfix
from harness.process import free_port, wait_for
from test_watch import DAY, REFUSED, gone, look, txt_is

WELL, WARNINGS, ERRORS = 0, 1, 2
POLICY_HOST = "policy.test"	# what the customers' CNAMEs lead to

needs_postfix = pytest.mark.skipif(postfix.why_not() is not None,
				   reason=str(postfix.why_not()))


class Walk:
	"""A domain with its mail at Microsoft, and a backup of its own."""

	def __init__(self, rig, folder, name, clock=None):
		self.rig, self.dns, self.name = rig, rig.dns, name
		self.clock = clock
		self.ca = Authority(folder)
		self.port = free_port()
		self.trust = folder / "roots.pem"
		self.trust.write_bytes(rig.pebble.root().read_bytes()
				       + self.ca.root.read_bytes())
		self.daemon = rig.daemon(
			host_name=POLICY_HOST, allow_private=True,
			check_smtp_port=self.port, check_trust=self.trust)
		self.daemon.settings["check_https_port"] = \
			self.daemon.https_port
		self.daemon.start(env=clock and clock.env())
		self.main = f"{name.replace('.', '-')}.mail.protection.outlook.com"
		self.backup = f"backup.{name}"
		self.servers = {}
		for host, address in ((self.main, "127.0.0.1"),
				      (self.backup, "127.0.0.2")):
			self.servers[host] = Postfix(
				host, address, self.port,
				self.good_chain(host)).start()
		self.dns.set(POLICY_HOST, "A", "127.0.0.1")
		self.dns.set(f"{self.main}.", "A", "127.0.0.1")
		self.dns.set(self.backup, "A", "127.0.0.2")
		self.dns.set("other.test", "A", "127.0.0.2")
		self.mx()

	def good_chain(self, host):
		return self.ca.chain(host, "other.test")

	def mx(self, *more):
		self.dns.set(self.name, "MX", f"10 {self.main}.",
			     f"20 {self.backup}.", *more)

	def records(self):
		"""What `domain records` says is to be published now."""
		view = json.loads(self.daemon.ok(
			"domain", "records", self.name, "--json"))
		return [r for r in view["records"] if r["publish"] == "now"]

	def publish(self, *types):
		"""Exactly that, line for line; or only these types."""
		self.dns.publish(*[r["line"] for r in self.records()
				   if r["type"] in types or not types])

	def run(self, *options, resolver=None):
		"""Resolvers and private addresses are the configuration's."""
		if resolver:
			options += "--resolver", resolver
		return self.daemon.ctl(
			"domain", "check", self.name, "--ca-file", self.trust,
			"--http-port", self.daemon.http_port,
			"--https-port", self.daemon.https_port,
			"--smtp-port", self.port, *options)

	def check(self, **more):
		"""(exit status, ids of warnings and errors, all ids)"""
		done = self.run("--json", **more)
		assert not done.err, done
		found = json.loads(done.out)["findings"]
		return done.status, {f["id"] for f in found if f["severity"]
				     in ("warning", "error")}, \
			{f["id"] for f in found}

	def is_well(self):
		status, bad, found = self.check()
		assert (status, bad) == (WELL, set())
		assert {"txt.ok", "id.in-step", "host.ok", "cert.ok", "caa.ok",
			"policy.ok", "mx.covered", "smtp.ok",
			"rpt.ok"} <= found

	def close(self):
		for server in self.servers.values():
			server.close()


@pytest.fixture
def leaping(rig, tmp_path, name):
	one = Walk(rig, tmp_path, name, Leaps(tmp_path))
	yield one
	one.close()


@pytest.fixture
def walk(rig, tmp_path, name):
	one = Walk(rig, tmp_path, name)
	yield one
	one.close()


def arrive(walk):
	walk.daemon.ok("domain", "add", walk.name, "--preset", "m365",
		       "--mx", walk.backup, "--rua", "mailto:tls@example.net")
	first = walk.records()
	assert {r["type"] for r in first} == {"CNAME", "TXT"}
	assert not [r for r in first if r["name"].startswith("_mta-sts.")]
	walk.publish()
	walk.daemon.wait_state("live", walk.name)
	walk.daemon.wait_announced(walk.name)
	walk.publish("TXT")		# now with that of _mta-sts
	walk.is_well()


def broken_mx(walk):
	walk.mx("30 other.test.")
	yield WARNINGS, {"mx.not-covered"}
	walk.mx()


def bad_certificates(walk):
	server = walk.servers[walk.backup]
	for chain, found in (
			(walk.ca.chain(walk.backup, begins=-90, ends=-1),
			 "smtp.cert-expired"),
			(walk.ca.chain(walk.backup, begins=1),
			 "smtp.cert-early"),
			(walk.ca.chain("other.test"), "smtp.cert-name")):
		server.use(chain)
		yield ERRORS, {found}
	server.use(walk.good_chain(walk.backup))


def an_unknown_authority(walk):
	server = walk.servers[walk.backup]
	folder = walk.ca.folder / "unknown"
	folder.mkdir()
	server.use(Authority(folder, "Unknown CA").chain(walk.backup))
	yield ERRORS, {"smtp.cert-untrusted"}
	server.use(walk.good_chain(walk.backup))


def no_starttls(walk):
	walk.servers[walk.main].offer_starttls(False)
	yield ERRORS, {"smtp.no-starttls"}
	walk.servers[walk.main].offer_starttls(True)


def a_server_that_is_down(walk):
	walk.servers[walk.backup].stop()
	yield WARNINGS, {"smtp.unreachable"}
	walk.servers[walk.backup].start()


def a_lost_cname(walk):
	host = f"mta-sts.{walk.name}"
	walk.dns.set(host, "CNAME")
	yield ERRORS, {"host.missing"}
	walk.dns.set(host, "CNAME", "gone.test.")
	yield ERRORS, {"host.alias"}
	walk.dns.set("elsewhere.test", "A", "127.0.0.9")
	walk.dns.set(host, "CNAME", "elsewhere.test.")
	yield ERRORS, {"host.not-here", "host.unreachable"}
	walk.publish("CNAME")


def a_forbidding_caa(walk):
	walk.dns.set(walk.name, "CAA", '0 issue ";"')
	yield WARNINGS, {"caa.forbids"}
	walk.dns.set(walk.name, "CAA")


def two_txts(walk):
	old = walk.dns.records[f"_mta-sts.{walk.name.removesuffix('.test')}",
			       "TXT"]
	walk.dns.set(f"_mta-sts.{walk.name}", "TXT", *old,
		     '"v=STSv1; id=20200101;"')
	yield ERRORS, {"txt.duplicate"}
	walk.publish("TXT")


def no_txt(walk):
	walk.dns.set(f"_mta-sts.{walk.name}", "TXT")
	yield ERRORS, {"txt.missing"}
	walk.publish("TXT")


def a_changed_policy(walk):
	walk.daemon.ok("policy", "set", walk.name, "--max-age", "14d")
	yield WARNINGS, {"id.behind"}
	walk.publish("TXT")


BREAKS = [broken_mx, bad_certificates, an_unknown_authority, no_starttls,
	  a_server_that_is_down, a_lost_cname, a_forbidding_caa, two_txts,
	  no_txt, a_changed_policy]


@needs_postfix
def test_the_way_to_a_green_check(walk):
	arrive(walk)
	done = walk.run()
	assert done.status == WELL and "0 errors" in done.out
	for story in BREAKS:
		for expected in story(walk):
			print(story.__name__, expected)
			assert walk.check()[:2] == expected
		walk.is_well()

	record = walk.dns.records[
		f"_mta-sts.{walk.name.removesuffix('.test')}", "TXT"]
	walk.dns.set(f"_mta-sts.{walk.name}", "TXT", *record, ttl=86400)
	status, bad, found = walk.check()
	assert (status, bad) == (WELL, set()) and "txt.ttl" in found
	status, bad, found = walk.check(resolver=f"127.0.0.1:{free_port()}")
	assert status == ERRORS	# nothing could be checked
	assert {"txt.timeout", "host.dns-timeout", "mx.timeout"} <= bad
	assert not {"txt.missing", "host.missing", "mx.missing"} & found


# ---- from the first policy to the last ----

def step(walk, seconds):
	walk.clock.step(seconds)
	walk.daemon.reload()


def announce(walk):
	walk.publish("TXT")
	return look(walk.daemon, walk.name, txt_is("in-step"))


def fetch(walk):
	"""As a sender does; until it is counted."""
	body = walk.rig.client(walk.daemon).fetch(f"mta-sts.{walk.name}").body
	wait_for("the count", lambda: walk.daemon.json(
		"policy", "history", walk.name)["versions"][0]["fetches"], 15)
	return body


@needs_postfix
def test_the_way_from_testing_to_enforce_and_out(leaping):
	walk, daemon, name = leaping, leaping.daemon, leaping.name
	arrive(walk)
	look(daemon, name, txt_is("in-step"))
	fetch(walk)

	# Another mail host: both are named, with two dates, until all know.
	move = ["policy", "mx", name, "add", "other.test"]
	daemon.ok(*move)
	assert announce(walk)["policy"]["mx"][-1] == "other.test"
	known = daemon.json(*move)["known"]
	assert not known["now"] and known["by_id"] < known["by_all"]

	enforce = ["policy", "enforce", name, "--without-reports"]
	refused = daemon.ctl(*enforce)
	assert refused.status == REFUSED and "testing for 7d" in refused.err
	step(walk, 7 * DAY + 3600)
	assert daemon.json(*move)["known"]["now"]
	walk.mx("30 other.test.")
	look(daemon, name, lambda d: "other.test" in d["dns"]["mx"]["hosts"])
	server = walk.servers[walk.backup]	# other.test is there, too
	server.use(walk.ca.chain(walk.backup))
	refused = daemon.ctl(*enforce)
	assert refused.status == REFUSED and "other.test" in refused.err
	server.use(walk.good_chain(walk.backup))
	daemon.ok(*enforce)
	announce(walk)
	assert b"mode: enforce" in fetch(walk)

	assert "the last may refuse until" in daemon.ok("policy", "testing", name)
	announce(walk)
	daemon.ok("domain", "remove", name)
	assert b"mode: none" in fetch(walk)
	shown = announce(walk)
	assert shown["state"] == "removing"
	assert shown["leaving"]["done"] == shown["leaving"]["held_until"]
	step(walk, 7 * DAY + 3600)
	look(daemon, name, lambda d: "txt.removable" in [
		f["id"] for f in d["findings"]])
	for record, kind in ((f"_mta-sts.{name}", "TXT"),
			     (f"mta-sts.{name}", "CNAME")):
		walk.dns.set(record, kind)
	look(daemon, name, lambda d: d["dns"]["host"]["is"] == "nowhere" and
	     d["dns"]["txt"]["is"] == "nothing")
	step(walk, 2 * 3600)
	wait_for("it to be gone", lambda: gone(daemon, name), 20)
