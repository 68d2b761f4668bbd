"""Account and key safety: freezing, revoking, importing, rolling keys over."""

import subprocess
import time

import pytest

from harness.fetch import Client, Fetcher
from harness.process import wait_for
from harness.two_cas import issuer

WARNINGS, ERRORS, REFUSED = 1, 2, 3
HINT = "mtastsctl thaw"


@pytest.fixture
def live(rig, daemon, name):
	rig.dns.point(name)
	daemon.add(name)
	return daemon


def kinds(daemon, *name):
	return [e["kind"] for e in
		daemon.json("log", *name, "--limit", "1000")["events"]]


# A box that is frozen serves, and begins nothing.

def test_frozen_over_a_restart(rig, live, name):
	assert "begins no order" in live.ok("freeze", "--reason", "moving")
	assert "already" in live.ok("freeze")
	live.stop()
	live.start()

	status = live.ctl("status")
	assert status.status == WARNINGS
	assert "box.frozen" in str(live.json("status")["findings"])
	assert "moving" in status.out and HINT in status.out
	refused = live.ctl("cert", "renew", name)
	assert refused.status == REFUSED and HINT in refused.err

	reply = rig.client(live).fetch(f"mta-sts.{name}")
	assert reply.status == 200
	orders = rig.pebble.orders()
	rig.dns.point("later.test")
	live.add("later.test", wait=False)
	live.wait_state("issuing", "later.test")
	assert rig.pebble.orders() == orders

	assert "again" in live.ok("thaw")
	live.wait_state("live", "later.test")
	assert "not frozen" in live.ok("thaw")
	assert [k for k in kinds(live) if k.startswith("box.")] == [
		"box.frozen", "box.thawed"]


def test_a_dry_run_freezes_nothing(daemon):
	assert "none" in daemon.ok("freeze", "--dry-run")
	assert daemon.json("status")["findings"] == []


# Revoking: another certificate first, then the CA is told.

def cert(daemon, name):
	return daemon.json("cert", "show", name)["certificate"]


def revoked(daemon, serial):
	return daemon.rows("SELECT revoked_at > 0 FROM cert WHERE serial = ?",
			   serial) == [(1,)]


def test_what_is_revoked_is_replaced_first(rig, live, name):
	old = cert(live, name)["serial"]
	client = rig.client(live)
	with Fetcher(client, [f"mta-sts.{name}"], pause=0.05) as fetcher:
		said = live.ok("cert", "revoke", name, "--why", "superseded")
		wait_for("the revocation", lambda: revoked(live, old), 30)

	assert "once its replacement is served" in said
	assert fetcher.failures == []
	assert cert(live, name)["serial"] != old
	order = [k for k in kinds(live, name)
		 if k in ("cert.renewed", "cert.revoked")]
	assert order == ["cert.renewed", "cert.revoked"]
	assert rig.pebble.status(old) == ("Revoked", 4)
	assert live.troubles(name) == []


def test_a_revocation_may_be_taken_back(live, name):
	old = cert(live, name)["serial"]
	live.ok("freeze")
	refused = live.ctl("cert", "revoke", name)
	assert refused.status == REFUSED and "frozen" in refused.err
	live.ok("thaw")

	nothing = live.ok("cert", "revoke", name, "--cancel")
	assert "nothing was to be revoked" in nothing
	odd = live.ctl("cert", "revoke", name, "--why", "nonsense")
	assert odd.status != 0 and "keyCompromise" in odd.err
	live.ok("cert", "revoke", name, "--dry-run")
	assert cert(live, name)["serial"] == old and not revoked(live, old)


# Importing: verified, served, and replaced by one of ours in its time.

class Authority:
	"""A CA somewhere else, with a root of its own."""

	def __init__(self, folder):
		self.folder = folder
		self.root = folder / "root.pem"
		self._run("req", "-x509", "-nodes", "-days", "30", "-newkey", "ec",
			  "-pkeyopt", "ec_paramgen_curve:P-256", "-subj",
			  "/CN=Elsewhere", "-keyout", folder / "root.key",
			  "-out", self.root)

	def issue(self, host, days=90):
		"""(chain, key), as files."""
		key, csr, leaf = (self.folder / f"{host}-{days}.{end}"
				  for end in ("key", "csr", "pem"))
		ext = self.folder / "ext"
		ext.write_text(f"subjectAltName=DNS:{host}\n"
			       "extendedKeyUsage=serverAuth\n")
		self._run("req", "-nodes", "-newkey", "ec", "-pkeyopt",
			  "ec_paramgen_curve:P-256", "-subj", f"/CN={host}",
			  "-keyout", key, "-out", csr)
		self._run("x509", "-req", "-in", csr, "-CA", self.root, "-CAkey",
			  self.folder / "root.key", "-days", str(days),
			  "-extfile", ext, "-out", leaf)
		chain = leaf.read_text() + self.root.read_text()
		leaf.write_text(chain)
		return leaf, key

	@staticmethod
	def _run(*words):
		subprocess.run(["openssl", *map(str, words)], check=True,
			       capture_output=True)


@pytest.fixture
def elsewhere(tmp_path):
	return Authority(tmp_path)


def bring(daemon, name, pair, *words):
	return daemon.ctl("cert", "import", name, "--cert", pair[0], "--key",
			  pair[1], *words)


def test_an_imported_certificate_is_served_until_ours_comes(rig, daemon, name,
							    elsewhere):
	daemon.add(name, wait=False)		# its name leads elsewhere yet
	host, pair = f"mta-sts.{name}", elsewhere.issue(f"mta-sts.{name}")

	tried = bring(daemon, name, pair, "--dry-run")
	assert tried.status == 0, tried
	assert daemon.domain(name)["state"] == "waiting-for-dns"
	done = bring(daemon, name, pair)
	assert done.status == 0 and "is served" in done.out, done
	assert "already" in bring(daemon, name, pair).out

	client = Client(daemon.https_port, elsewhere.root)
	reply = client.fetch(host)
	assert reply.status == 200
	shown = daemon.domain(name)
	assert shown["state"] == "live"
	assert shown["certificate"]["ca"] is None
	assert cert(daemon, name)["ca"] is None
	assert "imported" in daemon.ok("domain", "show", name)
	assert "(imported)" in daemon.ok("cert", "show", name)
	assert daemon.orders(name) == []

	rig.dns.point(name)
	daemon.ok("cert", "renew", name, "--wait")
	assert issuer(daemon, name) == "pebble"
	assert rig.client(daemon).fetch(host).serial != reply.serial
	assert {"cert.imported", "cert.renewed"} <= set(kinds(daemon, name))


def test_what_is_no_good_is_not_imported(live, name, elsewhere):
	host, serial = f"mta-sts.{name}", cert(live, name)["serial"]
	good = elsewhere.issue(host, days=365)
	cases = [
		("another name", elsewhere.issue("mta-sts.other.test")),
		("another key", (good[0], elsewhere.issue(host, 300)[1])),
		("a shorter life", elsewhere.issue(host, days=1)),
		("no certificate", (good[1], good[1])),
		("no key", (good[0], good[0])),
	]
	for what, pair in cases:
		refused = bring(live, name, pair)
		assert refused.status in (2, REFUSED, 64), (what, refused)
		assert refused.err, what
		assert cert(live, name)["serial"] == serial, what
	assert bring(live, name, good).status == 0
	revoke = live.ctl("cert", "revoke", name)
	assert revoke.status == REFUSED and "imported" in revoke.err


# The account's key.

def account(daemon):
	return daemon.rows("SELECT point, url FROM account"
			   " WHERE superseded_at = 0")[0]


def test_the_account_gets_another_key(rig, live, name):
	before = account(live)
	assert "ca show" in live.ok("ca", "rollover")
	wait_for("another key", lambda: account(live)[0] != before[0], 30)

	assert account(live)[1] == before[1]
	assert live.rows("SELECT count(*) FROM account WHERE superseded_at > 0"
			 ) == [(1,)]
	assert "account.key-changed" in kinds(live)
	live.stop()
	live.start()
	live.ok("cert", "renew", name, "--wait")	# signed with it


def test_another_account(live, name):
	before = account(live)
	said = live.ok("ca", "rollover", "--new-account", "--reason", "lost it")
	assert before[1] in said and "accounturi" in said
	live.ok("cert", "renew", name, "--wait")
	assert account(live)[1] != before[1] and account(live)[0] != before[0]
	assert "1 earlier accounts or keys are kept" in live.ok("ca", "show")


# What is left of the CA's limits.

def test_what_is_kept_is_not_waited_for(live, name):
	live.ok("cert", "renew", name, "--wait")
	begun = time.monotonic()
	third = live.ctl("cert", "renew", name, "--wait")
	assert third.status == ERRORS, third
	assert time.monotonic() - begun < 20
	assert f"2 of 5 certificates for mta-sts.{name} in 7 days are used, " \
		"3 are kept for emergencies" in third.err
	tried = live.ctl("cert", "try", name, "--ca", "pebble", "--wait")
	assert tried.status == ERRORS
	assert "need not wait)" in tried.err


def test_limits_are_shown(rig, name):
	daemon = rig.daemon()
	daemon.ca["limit_new_orders"] = "2/1h"
	daemon.start()
	names = [f"limit{i}.test" for i in range(6)]
	rig.dns.point(*names)
	said = daemon.ok("domain", "add", *names, "--mx", "mx.limit.test")
	assert "onboarding: 6 " in said	# with those that wait for DNS yet
	wait_for("two to be live", lambda: [daemon.domain(n)["state"] for n in
		 names].count("live") == 2, 30)
	wait_for("four to wait", lambda: [daemon.domain(n)["state"] for n in
		 names].count("issuing") == 4, 30)

	shown = daemon.json("ca", "show")
	[limit] = [one for one in shown["limits"] if one["limit"] == "new-orders"]
	assert (limit["left"], limit["burst"], limit["period"]) == (0, 2, 3600)
	assert limit["next"] and limit["full"] > limit["next"]
	assert shown["onboarding"]["waiting"] == 4
	status = daemon.ctl("status").out
	assert "onboarding: 4 may be ordered; by the limit of pebble" in status
	assert "(in 2 h)" in status, status
	assert "new-orders" in daemon.ok("ca", "show")


def test_a_limit_kept_in_memory_is_shown(rig, name):
	daemon = rig.daemon()
	daemon.ca["limit_posts"] = "500/12h"
	daemon.start()
	rig.dns.point(name)
	daemon.add(name)
	shown = daemon.json("ca", "show")
	[left] = [one["left"] for one in shown["limits"]
		  if one["limit"] == "posts"]
	assert 400 < left < 500
